"""What is provisioned, as the running switch reads it: JSON-able bodies, whole or since a change.

Money is units, decimals of rates are text, unlimited is null; a body that is null means deleted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from vosswitch.store import entities, rates
from vosswitch.store.changes import last_seq
from vosswitch.store.provision_schema import (
    ACCOUNTS,
    MAPPING_GATEWAYS,
    PARAMETERS,
    PHONES,
    RATE_GROUPS,
    ROUTING_GATEWAYS,
    TABLES,
    Table,
)
from vosswitch.store.schema import changes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from vosswitch.store.entities import Stored
    from vosswitch.store.secrets import Secrets

OVERLAY_ROWS = 10_000
"""So many rows a rate group carries in its body at most before its rates are compiled into a file."""

NO_FILES: Mapping[str, RateFile] = {}

Bodies = dict[str, dict[str, Any]]
"""``{"accounts": {number: body}, "mapping_gateways": {name: body}, ...}``: a key for every table."""


@dataclass(frozen=True, slots=True)
class RateFile:
    """A compiled rate file of one group.

    :ivar group_id: and *generation* of the rows in it, which tell whether it still fits.
    :ivar seq: changes up to this number are in it; later ones may be.
    """

    path: str
    group_id: int
    generation: int
    seq: int


def full_configuration(connection: Connection, secrets: Secrets, files: Mapping[str, RateFile] = NO_FILES) -> Bodies:
    """All bodies.

    :param files: compiled rate files by group; a group without a fitting one has all its rates in its overlay.
    :raises vosswitch.store.secrets.BadKey: an outbound password cannot be decrypted.
    """
    bodies: Bodies = {
        table.name: {key: _body(table, stored, secrets) for key, stored in entities.read_all(connection, table)}
        for table in TABLES.values()
    }
    for name in bodies[RATE_GROUPS.name]:
        bodies[RATE_GROUPS.name][name] = rate_group_body(connection, name, files.get(name))
    return bodies


def changed_since(
    connection: Connection, seq: int, secrets: Secrets, files: Mapping[str, RateFile] = NO_FILES
) -> tuple[int, Bodies]:
    """The bodies that changes after *seq* touched, as they are now, and the newest change's number.

    :param files: as for `full_configuration`.
    :raises vosswitch.store.secrets.BadKey: an outbound password cannot be decrypted.
    """
    newest = last_seq(connection)
    keys: dict[str, dict[str, None]] = {name: {} for name in TABLES}
    query = select(changes.c.table, changes.c.key).where(changes.c.seq > seq, changes.c.seq <= newest)
    for row in connection.execute(query.order_by(changes.c.seq)):
        if row.table == "rate":
            keys[RATE_GROUPS.name][rates.split_key(row.key)[0]] = None
        elif row.table in entities.BY_STORED:
            keys[entities.BY_STORED[row.table].name][row.key] = None
    bodies: Bodies = {}
    for name, table in TABLES.items():
        found = entities.read_some(connection, table, keys[name])
        bodies[name] = {key: _body(table, found[key], secrets) if key in found else None for key in keys[name]}
        if table is RATE_GROUPS:
            bodies[name].update({key: rate_group_body(connection, key, files.get(key)) for key in found})
    return newest, bodies


def to_compile(connection: Connection, files: Mapping[str, RateFile]) -> list[str]:
    """Rate groups that need a (new) file: too many rows to carry in a body, or too many changed since the file."""
    return [group.name for group in rates.groups(connection) if _overgrown(connection, group, files.get(group.name))]


def compiled(connection: Connection, group: str, path: str) -> RateFile:
    """The note to keep about a file of *group* that is about to be written from `rates.rate_rows`.

    Taken before the rows are read, in the same transaction, so that a change made meanwhile is never missed.
    """
    seq, found = last_seq(connection), rates.find_group(connection, group)
    return RateFile(path, found.id, found.generation, seq)


def rate_group_body(connection: Connection, name: str, file: RateFile | None = None) -> dict[str, Any]:
    """A rate group's body: *file* with what has changed since it, or, when it does not fit, all rates as overlay.

    An overlay is applied in its order: ``[prefix, null]`` removes every rate of the prefix.

    :raises vosswitch.store.rates.NoSuchGroup: there is none of that name.
    """
    group = rates.find_group(connection, name)
    body = {"name": name, "billing_mode": group.billing_mode, "file": None}
    if file is None or not _fits(group, file):
        return {**body, "overlay": [list(row) for row in rates.rate_rows(connection, name)]}
    prefixes = _changed_prefixes(connection, group, file.seq)
    overlay: list[list[Any]] = [[prefix, None] for prefix, gone in prefixes.items() if gone]
    rows = rates.rates_of(connection, group, prefixes)
    overlay.extend([row[column] for column in rates.RateRow._fields] for row in rows.values())
    return {**body, "file": file.path, "overlay": overlay}


def _fits(group: rates.Group, file: RateFile) -> bool:
    return (file.group_id, file.generation) == (group.id, group.generation)


def _overgrown(connection: Connection, group: rates.Group, file: RateFile | None) -> bool:
    if file is None or not _fits(group, file):
        return rates.more_than(connection, group, OVERLAY_ROWS)
    return group.rates_seq > file.seq and len(_changed_prefixes(connection, group, file.seq)) > OVERLAY_ROWS


def _changed_prefixes(connection: Connection, group: rates.Group, seq: int) -> dict[str, bool]:
    """Prefixes whose rates changed after *seq*; True where one was deleted."""
    if group.rates_seq <= seq:
        return {}
    query = select(changes.c.key, changes.c.after.is_(None).label("gone"))
    query = query.where(
        changes.c.seq > seq, changes.c.table == "rate", changes.c.key.startswith(f"{group.name}/", autoescape=True)
    )
    found: dict[str, bool] = {}
    for row in connection.execute(query.order_by(changes.c.seq)):
        name, prefix, _effective = rates.split_key(row.key)
        if name == group.name:
            found[prefix] = found.get(prefix, False) or bool(row.gone)
    return found


def _body(table: Table, stored: Stored, secrets: Secrets) -> Any:
    return _BODIES[table.name](stored, secrets)


def _account(stored: Stored, _secrets: Secrets) -> Any:
    return dict(stored.values)


def _inbound(stored: Stored, _secrets: Secrets) -> Any:
    md5, sha256 = stored.secret
    return {**stored.values, "ha1s": {"MD5": md5, "SHA-256": sha256} if md5 else {}}


def _outbound(stored: Stored, secrets: Secrets) -> Any:
    return {**stored.values, "password": secrets.unseal(stored.secret[0])}


def _parameter(stored: Stored, _secrets: Secrets) -> Any:
    return stored.values["value"]


def _nothing(_stored: Stored, _secrets: Secrets) -> Any:
    return {}  # filled with the rates by the caller


_BODIES = {
    ACCOUNTS.name: _account,
    MAPPING_GATEWAYS.name: _inbound,
    ROUTING_GATEWAYS.name: _outbound,
    PHONES.name: _inbound,
    PARAMETERS.name: _parameter,
    RATE_GROUPS.name: _nothing,
}
