"""What is provisioned, between its database rows and canonical values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select, true, update

from vosswitch.store import books, schema
from vosswitch.store.changes import now_ms
from vosswitch.store.provision_schema import (
    ACCOUNTS,
    MAPPING_GATEWAYS,
    PARAMETERS,
    PHONES,
    RATE_GROUPS,
    ROUTING_GATEWAYS,
    TABLES,
)
from vosswitch.store.schema import PURSE
from vosswitch.store.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy import ColumnElement, Connection, Row
    from sqlalchemy import Table as SqlTable


@dataclass(frozen=True, slots=True)
class Stored:
    """One entry as the database has it or shall have it.

    :ivar values: canonical values of the table's fields but secrets and the opening balance.
    :ivar secret: its secret columns: both HA1s, or the encrypted password, or nothing.
    """

    values: dict[str, Any]
    secret: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Layout:
    """How a table's entries are laid out in columns; what has no column is in ``settings``.

    :ivar kind: of a `schema.definition`, else "".
    """

    table: SqlTable
    columns: tuple[str, ...]
    secrets: tuple[str, ...] = ()
    settings: bool = False
    kind: str = ""

    def rows(self) -> ColumnElement[bool]:
        """Which rows of the SQL table are its own."""
        if self.table is schema.account:
            return schema.account.c.kind != PURSE
        return self.table.c.kind == self.kind if self.kind else true()


_ACCOUNT = tuple(
    column.name for column in schema.account.columns if column.name not in ("balance", "granted", "created", "settings")
)
_HA1 = ("ha1_md5", "ha1_sha256")

_LAYOUTS = {
    RATE_GROUPS.name: _Layout(schema.rate_group, ("name", "billing_mode"), settings=True),
    ACCOUNTS.name: _Layout(schema.account, _ACCOUNT, settings=True),
    MAPPING_GATEWAYS.name: _Layout(schema.mapping_gateway, ("name", "account"), _HA1, settings=True),
    ROUTING_GATEWAYS.name: _Layout(schema.routing_gateway, ("name", "account"), ("sealed_password",), settings=True),
    PHONES.name: _Layout(schema.phone, ("number", "account"), _HA1, settings=True),
    PARAMETERS.name: _Layout(schema.parameter, ("name", "value")),
}


def _layout(table: Table) -> _Layout:
    found = _LAYOUTS.get(table.name)
    if found is None:  # a kind of definition
        found = _LAYOUTS[table.name] = _Layout(schema.definition, ("name",), settings=True, kind=table.stored)
    return found


def definitions() -> list[Table]:
    """The kinds of definitions: what has no SQL table of its own."""
    return [table for table in TABLES.values() if _layout(table).kind]


def read_all(connection: Connection, table: Table) -> Iterator[tuple[str, Stored]]:
    """Every entry with its key, in the order of keys."""
    layout = _layout(table)
    sql = layout.table
    for row in connection.execute(select(sql).where(layout.rows()).order_by(sql.c[table.key])):
        yield _stored(table, row)


def read_some(connection: Connection, table: Table, keys: Iterable[str]) -> dict[str, Stored]:
    """Those of *keys* that exist."""
    layout = _layout(table)
    sql = layout.table
    wanted = list(keys)
    found: dict[str, Stored] = {}
    for start in range(0, len(wanted), 500):
        some = sql.c[table.key].in_(wanted[start : start + 500])
        rows = connection.execute(select(sql).where(layout.rows(), some))
        found.update(_stored(table, row) for row in rows)
    return found


def write(connection: Connection, table: Table, old: Stored | None, new: Stored | None) -> None:
    """Insert, update or delete one entry's row.  An account's money is `open_account`'s and `close_account`'s."""
    layout = _layout(table)
    sql = layout.table
    if new is None:
        assert old is not None
        connection.execute(delete(sql).where(layout.rows(), sql.c[table.key] == old.values[table.key]))
    elif old is None:
        connection.execute(insert(sql).values(**_columns(layout, new), **_beginnings(table)))
    else:
        own = sql.c[table.key] == new.values[table.key]
        connection.execute(update(sql).where(layout.rows(), own).values(**_columns(layout, new)))


def open_account(connection: Connection, number: str, amount: int, who: str) -> None:
    """Give a new account its opening balance; a former account of that number leaves nothing behind."""
    total = connection.execute(select(func.sum(schema.ledger.c.amount)).where(schema.ledger.c.account == number))
    left = total.scalar() or 0
    if left:
        books.close(connection, number, left, who)
    if amount:
        books.book(connection, books.Booking(number, "opening", amount, who))


def close_account(connection: Connection, number: str, who: str) -> None:
    """Book out what is left of an account that is about to be deleted."""
    balance = connection.execute(select(schema.account.c.balance).where(schema.account.c.number == number)).scalar()
    if balance:
        books.close(connection, number, balance, who)


def _stored(table: Table, row: Row[Any]) -> tuple[str, Stored]:
    layout = _layout(table)
    cells = row._mapping
    values = {name: value for name, value in table.defaults().items() if not _elsewhere(table, name)}
    if layout.settings:
        values.update(cells["settings"] or {})
    values.update({name: cells[name] for name in layout.columns})
    return str(values[table.key]), Stored(values, tuple(cells[name] for name in layout.secrets))


def _columns(layout: _Layout, entry: Stored) -> dict[str, Any]:
    columns = {name: entry.values[name] for name in layout.columns}
    columns.update(zip(layout.secrets, entry.secret, strict=True))
    if layout.settings:
        columns["settings"] = {name: value for name, value in entry.values.items() if name not in layout.columns}
        if layout.kind:
            columns["kind"] = layout.kind
    return columns


def _elsewhere(table: Table, name: str) -> bool:
    item = table.field(name)
    return (item is not None and item.secret) or (table is ACCOUNTS and name == "balance")


def _beginnings(table: Table) -> dict[str, Any]:
    if table is ACCOUNTS:
        return {"balance": 0, "granted": 0, "created": now_ms()}
    if table is RATE_GROUPS:
        return {"generation": 1, "last_generation": 1, "rates_seq": 0}
    return {}
