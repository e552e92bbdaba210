"""Writes what is provisioned as a document; loading it changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from vosswitch.model.values import money_text
from vosswitch.store import entities, rates
from vosswitch.store.history import Lost, as_it_was
from vosswitch.store.provision_schema import ACCOUNTS, PARAMETERS, RATE, RATE_GROUPS, ROUTING_GATEWAYS, TABLES
from vosswitch.store.schema import account
from vosswitch.store.secrets import MASK
from vosswitch.store.table import Table
from vosswitch.store.toml_text import table_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy import Connection

    from vosswitch.store.entities import Stored
    from vosswitch.store.fields import Deployment

_HEAD = "# Written by vosswitch dump. A masked password means unchanged; a balance only opens a new account."


_HEAD_AT = "# Written by vosswitch dump --at: what was in force then. A masked password means unchanged."


def dump(connection: Connection, deployment: Deployment, *, with_secrets: bool = False) -> str:
    """Everything as one TOML text.

    :param with_secrets: HA1s of inbound and plain text of outbound passwords instead of the mask.
    :raises vosswitch.store.secrets.BadKey: an outbound password cannot be decrypted.
    """
    return "\n".join(dump_lines(connection, deployment, with_secrets=with_secrets)) + "\n"


def dump_lines(connection: Connection, deployment: Deployment, *, with_secrets: bool = False) -> Iterator[str]:
    """The lines of `dump` one by one, for what is too large for one text."""
    yield _HEAD
    balances = {row.number: row.balance for row in connection.execute(select(account.c.number, account.c.balance))}
    for name, table in TABLES.items():
        for key, stored in entities.read_all(connection, table):
            if table is PARAMETERS and key not in deployment.parameters:
                yield from ("", f"# parameters: {key} is not declared by this installation; left out")
                continue
            written = _written(table, stored)
            if table is ACCOUNTS and balances[key]:
                written["balance"] = money_text(balances[key])
            written.update(_secrets(table, stored, deployment, with_secrets=with_secrets))
            yield from table_lines(name, written)
            if table is RATE_GROUPS:
                yield from _rates(connection, key)


def dump_lines_at(connection: Connection, deployment: Deployment, at: int) -> Iterator[str]:
    """The lines of what was provisioned at a moment (epoch ms), with masked passwords and without balances.

    :raises vosswitch.store.history.Lost: a price list of that time is not kept any more.
    """
    then = as_it_was(connection, at)
    for found in then.rates.values():
        if found.lost:
            raise Lost(found.lost)
    yield _HEAD_AT
    for name, table in TABLES.items():
        for key, stored in sorted(then.state[name].items()):
            if table is PARAMETERS and key not in deployment.parameters:
                yield from ("", f"# parameters: {key} is not declared by this installation; left out")
                continue
            yield from table_lines(name, _written(table, stored) | ({"password": MASK} if any(stored.secret) else {}))
            if table is RATE_GROUPS:
                yield from _rate_lines(then.rates[key].rows(connection))


def _written(table: Table, stored: Stored) -> dict[str, Any]:
    values = stored.values
    return {
        item.name: item.write(values[item.name])
        for item in table.fields
        if item.name in values and (item.required or values[item.name] not in (item.default, []))
    }


def _secrets(table: Table, stored: Stored, deployment: Deployment, *, with_secrets: bool) -> dict[str, Any]:
    if not any(stored.secret):
        return {}
    if not with_secrets:
        return {"password": MASK}
    if table is ROUTING_GATEWAYS:
        return {"password": deployment.secrets.unseal(stored.secret[0])}
    md5, sha256 = stored.secret
    return {"ha1": {"MD5": md5, "SHA-256": sha256}}


def _rates(connection: Connection, group: str) -> Iterator[str]:
    yield from _rate_lines(rates.stream(connection, rates.find_group(connection, group)))


def _rate_lines(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    for row in rows:
        written = {
            item.name: item.write(row[item.name])
            for item in RATE.fields
            if item.required or row.get(item.name, item.default) != item.default
        }
        yield from table_lines("rate_groups.rates", written)
