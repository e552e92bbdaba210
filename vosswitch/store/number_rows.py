"""The rows of number tables: reading those in force and changing single ones; `number_import` brings many."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select, update

from vosswitch.model.calendar import known_zone
from vosswitch.numbers import networks
from vosswitch.numbers.table import NumberTable
from vosswitch.numbers.tablefile import DIGITS, ODD_LIMIT, has_key
from vosswitch.store import changes, entities
from vosswitch.store.generations import Bulk
from vosswitch.store.number_fields import NUMBER_TABLES
from vosswitch.store.schema import number_row, number_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy import ColumnElement, Connection

BULK = Bulk(number_table, number_row, "table_id", "number", "rows_seq", "number_tables", "rows")
LONGEST_VALUE = 128
"""Characters."""

ODD = f"numbers that are not of up to {DIGITS} digits"
"""What the switch can hold few of."""

_NUMBER = re.compile(r"[0-9A-Za-z+#*._-]{0,64}", re.ASCII)
_SLICE = 5000


class NoSuchTable(LookupError):
    """There is no number table of that name; its text is one line for the operator."""

    def __init__(self, name: str) -> None:
        super().__init__(f'number_tables: there is no "{name}"')


class BadRow(ValueError):
    """A number or value that does not fit.

    :ivar field: which of the two.
    """

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(problem)
        self.field = field


@dataclass(frozen=True, slots=True)
class Head:
    """A number table as the database has it.

    :ivar id: 0 = it never had rows.
    :ivar generation: of the rows in force.
    :ivar rows_seq: the last change of its rows in the change log.
    """

    name: str
    kind: str
    help: str
    id: int = 0
    generation: int = 0
    rows_seq: int = 0


def checked_number(text: str, kind: str = "") -> str:
    """A number or prefix, without blanks around it; empty = every number.  Of *kind* networks: one in normal form.

    :raises BadRow: it is none.
    """
    number = text.strip()
    if kind == networks.KIND:
        try:
            return networks.normal(number)
        except ValueError:
            raise BadRow("number", f"expected a network such as 192.0.2.0/24, got {number[:80]!r}") from None
    if not _NUMBER.fullmatch(number):
        raise BadRow("number", f"expected at most 64 digits or letters, got {number[:80]!r}")
    return number


_known_zone = lru_cache(maxsize=1024)(known_zone)


def checked_value(text: str, kind: str = "") -> str:
    """A value, without blanks around it.

    :param kind: of its table: an area may have a time zone behind its name, which has to be one.
    :raises BadRow: too long, with control characters, no time zone.
    """
    value = text.strip()
    if len(value) > LONGEST_VALUE or len(value.encode()) > 255 or not value.isprintable():
        raise BadRow("value", f"expected at most {LONGEST_VALUE} printable characters, got {value[:80]!r}")
    zone = value.partition("|")[2].strip() if kind == "area" else ""
    if zone and not _known_zone(zone):
        raise BadRow(
            "value", f"expected a name, or NAME|ZONE with a time zone such as Europe/Vienna, got {value[:80]!r}"
        )
    return value


def heads(connection: Connection) -> Iterator[Head]:
    """Every number table, in the order of names."""
    found = {row.name: row for row in connection.execute(select(number_table))}
    for name, stored in entities.read_all(connection, NUMBER_TABLES):
        yield _head(name, stored.values, found.get(name))


def find(connection: Connection, name: str) -> Head:
    """The number table of that name.

    :raises NoSuchTable: there is none.
    """
    stored = entities.read_some(connection, NUMBER_TABLES, [name]).get(name)
    if stored is None:
        raise NoSuchTable(name)
    row = connection.execute(select(number_table).where(number_table.c.name == name)).first()
    return _head(name, stored.values, row)


def _head(name: str, values: dict[str, Any], row: Any) -> Head:
    if row is None:
        return Head(name, values["kind"], values["help"])
    return Head(name, values["kind"], values["help"], row.id, row.generation, row.rows_seq)


def prepare(connection: Connection, name: str) -> Head:
    """As `find`, with a place for rows."""
    head = find(connection, name)
    if not head.id:
        connection.execute(
            insert(number_table).values(name=name, generation=1, last_generation=1, rows_seq=0, import_at=None)
        )
    return find(connection, name)


def forget(connection: Connection, name: str) -> None:
    """A table is deleted: its rows are in force no more."""
    row = connection.execute(select(number_table).where(number_table.c.name == name)).first()
    if row is None:
        return
    connection.execute(delete(number_table).where(number_table.c.id == row.id))
    of = BULK.of(row.id, row.generation)
    query = select(number_row.c.number).where(of).order_by(number_row.c.number)
    if connection.execute(query.offset(_SLICE).limit(1)).first() is None:  # more are removed in slices
        connection.execute(delete(number_row).where(of))


def count(connection: Connection, head: Head) -> int:
    """How many rows are in force."""
    return int(connection.execute(select(func.count()).select_from(number_row).where(_in_force(head))).scalar_one())


def stream(connection: Connection, head: Head) -> Iterator[tuple[str, str]]:
    """The rows in force, sorted by number, a slice at a time; other statements may come between."""
    query = select(number_row.c.number, number_row.c.value).where(_in_force(head)).order_by(number_row.c.number)
    more = query
    while True:
        part = connection.execute(more.limit(_SLICE)).all()
        for row in part:
            yield row.number, row.value
        if len(part) < _SLICE:
            return
        more = query.where(number_row.c.number > part[-1].number)


def some(connection: Connection, head: Head, numbers: Iterable[str]) -> dict[str, str]:
    """Those of *numbers* that are in force."""
    wanted = sorted(set(numbers))
    found: dict[str, str] = {}
    query = select(number_row.c.number, number_row.c.value).where(_in_force(head))
    for start in range(0, len(wanted), 500):
        rows = connection.execute(query.where(number_row.c.number.in_(wanted[start : start + 500])))
        found.update((row.number, row.value) for row in rows)
    return found


def around(head: Head, number: str) -> list[str]:
    """What rows *number* may be found by, the longest first: its prefixes, or the networks around an address.

    :raises BadRow: it is no address.
    """
    if head.kind != networks.KIND:
        return [number[:size] for size in range(len(number), -1, -1)]
    try:
        address = ip_address(number.strip())
    except ValueError:
        raise BadRow("number", f"expected an IP address, got {number[:80]!r}") from None
    return networks.around((address.version, int(address)))


def check_room(connection: Connection, name: str, number: str) -> None:
    """Whether one more number fits into a table; only those that are no plain digits are counted.

    :raises BadRow: it does not.
    :raises NoSuchTable: there is no table of that name.
    """
    head = find(connection, name)
    if has_key(number) or not head.id or head.kind == networks.KIND:
        return
    own = number_row.c.number
    like, pattern = ("GLOB", "*[^0-9]*") if connection.dialect.name == "sqlite" else ("REGEXP", "[^0-9]")
    other = own.bool_op(like)(pattern)
    odd = select(own).where(_in_force(head), own != number, (func.length(own) > DIGITS) | other).limit(ODD_LIMIT)
    if len(connection.execute(odd).all()) >= ODD_LIMIT:
        raise BadRow("number", f'expected at most {ODD_LIMIT} {ODD}, "{number}" is one more')


def put(connection: Connection, name: str, number: str, value: str | None, who: str) -> int | None:
    """Set one row in the caller's transaction, or take it away.

    :param value: None = take it away.
    :returns: the change's number; None when nothing differed.
    :raises NoSuchTable: there is no table of that name.
    """
    changes.lock(connection)
    head = prepare(connection, name)
    old = some(connection, head, [number]).get(number)
    if old == value:
        return None
    own = _in_force(head) & (number_row.c.number == number)
    if value is None:
        connection.execute(delete(number_row).where(own))
    elif old is None:
        row = {"table_id": head.id, "generation": head.generation, "number": number, "value": value}
        connection.execute(insert(number_row).values(**row))
    else:
        connection.execute(update(number_row).where(own).values(value=value))
    before, after = ({"value": one} if one is not None else None for one in (old, value))
    seq = changes.record(connection, who, [changes.Change("number_row", change_key(name, number), before, after)])
    connection.execute(update(number_table).where(number_table.c.id == head.id).values(rows_seq=seq))
    return seq


def change_key(name: str, number: str) -> str:
    """A row's key in the change log, where the last slash divides table and number; a network's own becomes a ``_``."""
    return f"{name}/{number.replace('/', '_')}"


class StoredNumbers:
    """A number table in the database, as the base of a `vosswitch.numbers.table.NumberTable`: a question each time."""

    def __init__(self, connection: Connection, head: Head) -> None:
        self._connection, self._head = connection, head
        self.odd: dict[str, str] = {}

    @property
    def count(self) -> int:
        """How many rows are in force."""
        return count(self._connection, self._head)

    def get(self, number: str) -> str | None:
        """The value of exactly this number."""
        return some(self._connection, self._head, [number]).get(number)

    def longest(self, number: str) -> tuple[str, str] | None:
        """The longest prefix, and its value."""
        return next(self.prefixes(number), None)

    def prefixes(self, number: str) -> Iterator[tuple[str, str]]:
        """Every prefix that it has, longest first, and its value."""
        found = some(self._connection, self._head, [number[:size] for size in range(len(number) + 1)])
        return iter(sorted(found.items(), key=lambda row: len(row[0]), reverse=True))


class StoredNetworks:
    """A table of networks in the database, as a `vosswitch.numbers.networks.NetworkTable`: a question each time."""

    kind = networks.KIND

    def __init__(self, connection: Connection, head: Head) -> None:
        self._connection, self._head = connection, head

    def value_of(self, address: tuple[int, int]) -> str | None:
        """The text of the smallest network around an address."""
        around = networks.around(address)
        found = some(self._connection, self._head, around)
        return next((found[one] for one in around if one in found), None)

    def get(self, _number: str) -> None:
        """Numbers are in no network."""

    longest = get


def stored_tables(connection: Connection) -> dict[str, Any]:
    """Every number table by name, to be asked as long as the connection is open."""
    return {head.name: _stored(connection, head) for head in list(heads(connection))}


def _stored(connection: Connection, head: Head) -> NumberTable | StoredNetworks:
    if head.kind == networks.KIND:
        return StoredNetworks(connection, head)
    return NumberTable(StoredNumbers(connection, head), (), head.kind)


def _in_force(head: Head) -> ColumnElement[bool]:
    return BULK.of(head.id, head.generation)
