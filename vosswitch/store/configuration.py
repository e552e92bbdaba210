"""What is provisioned, as the running switch reads it: JSON-able bodies, whole or since a change.

Money is units, decimals of rates are text, unlimited is null; a body that is null means deleted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, select

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
    from vosswitch.store.entities import Stored
    from vosswitch.store.secrets import Secrets

Bodies = dict[str, dict[str, Any]]
"""``{"accounts": {number: body}, "mapping_gateways": {name: body}, ...}``: a key for every table."""

RateGroupBody = Callable[[Connection, str], dict[str, Any]]


def all_rates(connection: Connection, name: str) -> dict[str, Any]:
    """The body of a rate group with every rate in force in its overlay and no compiled file.

    :raises vosswitch.store.rates.NoSuchGroup: there is none of that name.
    """
    group = rates.find_group(connection, name)
    overlay = [list(row) for row in rates.rate_rows(connection, name)]
    return {"name": name, "billing_mode": group.billing_mode, "file": None, "overlay": overlay}


def full_configuration(connection: Connection, secrets: Secrets, rate_group: RateGroupBody = all_rates) -> Bodies:
    """All bodies.

    :param rate_group: makes the body of a rate group of that name.
    :raises vosswitch.store.secrets.BadKey: an outbound password cannot be decrypted.
    """
    bodies: Bodies = {
        table.name: {key: _body(table, stored, secrets) for key, stored in entities.read_all(connection, table)}
        for table in TABLES.values()
    }
    for name in bodies[RATE_GROUPS.name]:
        bodies[RATE_GROUPS.name][name] = rate_group(connection, name)
    return bodies


def changed_since(
    connection: Connection, seq: int, secrets: Secrets, rate_group: RateGroupBody = all_rates
) -> tuple[int, Bodies]:
    """The bodies that changes after *seq* touched, as they are now, and the newest change's number.

    :param rate_group: as for `full_configuration`.
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
            bodies[name].update({key: rate_group(connection, key) for key in found})
    return newest, bodies


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
