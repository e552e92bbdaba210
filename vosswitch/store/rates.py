"""The rows of rate groups: reading those in force and changing single ones.

Only the rows of a group's current generation are in force; `vosswitch.store.rate_import` fills another one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import and_, delete, func, insert, select, update

from vosswitch.store.schema import rate, rate_group

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import Connection, Row, Select

_FURTHER = ("until", "attempt_fee", "minimum", "sections", "periods")
COLUMNS = ("prefix", "effective", "name", "per_minute", "first", "next", "connect_fee", "tax", "level", *_FURTHER)
TAKEN = tuple(name for name in COLUMNS if name != "name")
"""What the switch has of a rate, in the order of its rows (`taken`)."""
_PLAIN = len(TAKEN) - len(_FURTHER)
_NOTHING = (None, "0", "0", "", "")
_STREAM = {"stream_results": True, "max_row_buffer": 10_000}
_SLICE = 5000


class RateRow(NamedTuple):
    """A price as the switch uses it.

    :ivar effective: epoch ms from which on it is in force, 0 = always.
    :ivar per_minute: plain decimal text; likewise *connect_fee*, and *tax* in percent.
    :ivar first: the increments in seconds.
    :ivar level: net, local, domestic or international.
    :ivar further: until, attempt_fee, minimum, sections and periods; None = nothing of it.
    """

    prefix: str
    effective: int
    per_minute: str
    first: int
    next: int
    connect_fee: str
    tax: str
    level: str
    further: tuple[Any, ...] | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """A rate group's row.

    :ivar generation: of the rows in force.
    :ivar rates_seq: the last change of its rates in the change log.
    :ivar settings: its fields that have no column; None = all at their defaults.
    """

    id: int
    name: str
    billing_mode: str
    generation: int
    rates_seq: int
    settings: Mapping[str, Any] | None = None

    def head(self) -> dict[str, Any]:
        """What the switch has of it beside its rates."""
        return head({"name": self.name, "billing_mode": self.billing_mode, **(self.settings or {})})


def head(values: Mapping[str, Any]) -> dict[str, Any]:
    """What the switch has of a rate group beside its rates, of its values by name."""
    return {"name": values["name"], "billing_mode": values["billing_mode"], "currency": values.get("currency") or ""}


class NoSuchGroup(LookupError):
    """There is no rate group of that name; its text is one line for the operator."""

    def __init__(self, name: str) -> None:
        super().__init__(f'rate_groups: there is no "{name}"')


def groups(connection: Connection) -> Iterator[Group]:
    """Every rate group, in the order of names."""
    for row in connection.execute(_groups().order_by(rate_group.c.name)):
        yield Group(**row._mapping)


def find_group(connection: Connection, name: str) -> Group:
    """The rate group of that name.

    :raises NoSuchGroup: there is none.
    """
    row = connection.execute(_groups().where(rate_group.c.name == name)).first()
    if row is None:
        raise NoSuchGroup(name)
    return Group(**row._mapping)


def _groups() -> Select[Any]:
    return select(*(rate_group.c[name] for name in Group.__slots__))


def rate_rows(connection: Connection, group: str) -> Iterator[RateRow]:
    """The rates in force of *group*, sorted by prefix (bytes) and effective, in one streamed statement.

    Nothing else may be asked of *connection* before the iterator is at its end.

    :raises NoSuchGroup: there is none of that name.
    """
    rows = raw_rows(connection, find_group(connection, group), TAKEN)
    try:
        yield from (RateRow(*taken(row)) for row in rows)
    finally:
        rows.close()


def taken(cells: Sequence[Any]) -> Sequence[Any]:
    """A rate as the switch takes it: a row of plain ones ends with the level, others have a list of the rest behind it.

    :param cells: those of `TAKEN`.
    """
    further = cells[_PLAIN:]
    return cells[:_PLAIN] if further == _NOTHING else [*cells[:_PLAIN], list(further)]


def taken_of(values: Mapping[str, Any]) -> list[Any]:
    """As `taken`, of a rate's values by name; an older version's have nothing further."""
    further = [values.get(name, usual) for name, usual in zip(_FURTHER, _NOTHING, strict=True)]
    return list(taken((*(values[name] for name in TAKEN[:_PLAIN]), *further)))


def raw_rows(connection: Connection, group: Group, names: Sequence[str] = COLUMNS) -> Generator[Row[Any], None, None]:
    """As `rate_rows`, only the columns *names*."""
    query = select(*(rate.c[name] for name in names)).where(_in_force(group))
    # On the statement, for an option of the connection would stay with it.
    query = query.order_by(rate.c.prefix, rate.c.effective).execution_options(**_STREAM)
    result = connection.execute(query)
    try:
        for part in result.partitions(10_000):
            yield from part
    finally:
        result.close()


def rates_of(connection: Connection, group: Group, prefixes: Iterable[str] | None = None) -> dict[str, dict[str, Any]]:
    """Rates in force by ``PREFIX/EFFECTIVE``, with every field.

    :param prefixes: only these; None = all.
    """
    query = (
        select(*(rate.c[name] for name in COLUMNS)).where(_in_force(group)).order_by(rate.c.prefix, rate.c.effective)
    )
    if prefixes is None:
        return {_key(row): dict(zip(COLUMNS, row, strict=True)) for row in connection.execute(query)}
    wanted, found = sorted(set(prefixes)), {}
    for start in range(0, len(wanted), 500):
        part = query.where(rate.c.prefix.in_(wanted[start : start + 500]))
        found.update({_key(row): dict(zip(COLUMNS, row, strict=True)) for row in connection.execute(part)})
    return found


def stream(connection: Connection, group: Group) -> Iterator[dict[str, Any]]:
    """Rates in force with every field, sorted, a slice at a time; other statements may come between."""
    last: Row[Any] | None = None
    query = (
        select(*(rate.c[name] for name in COLUMNS)).where(_in_force(group)).order_by(rate.c.prefix, rate.c.effective)
    )
    while True:
        more = query if last is None else query.where(_after(last))
        part = connection.execute(more.limit(_SLICE)).all()
        yield from (dict(zip(COLUMNS, row, strict=True)) for row in part)
        if len(part) < _SLICE:
            return
        last = part[-1]


def count(connection: Connection, group: Group) -> int:
    """How many rates are in force."""
    return connection.scalar(select(func.count()).select_from(rate).where(_in_force(group))) or 0


def change(
    connection: Connection, group: Group, steps: Sequence[tuple[dict[str, Any] | None, dict[str, Any] | None]]
) -> None:
    """Apply pairs (before, after) to the rates in force; None = not there."""
    for old, new in steps:
        if old is not None and new is None:
            connection.execute(delete(rate).where(_one(group, old)))
        elif old is not None and new is not None:
            connection.execute(update(rate).where(_one(group, old)).values(**new))
    added = [new for old, new in steps if old is None and new is not None]
    for start in range(0, len(added), _SLICE):
        fixed = {"group_id": group.id, "generation": group.generation}
        connection.execute(insert(rate), [{**fixed, **row} for row in added[start : start + _SLICE]])


def clear(connection: Connection, group: Group) -> None:
    """Delete the rates in force, unless they are so many that `rate_import.remove_leftovers` has to do it in slices."""
    query = select(rate.c.prefix).where(_in_force(group)).order_by(rate.c.prefix, rate.c.effective)
    if connection.execute(query.offset(_SLICE).limit(1)).first() is None:
        connection.execute(delete(rate).where(_in_force(group)))


def touched(connection: Connection, group: Group, seq: int) -> None:
    """Note that the change *seq* was the last one of the group's rates."""
    connection.execute(update(rate_group).where(rate_group.c.id == group.id).values(rates_seq=seq))


def change_key(group: str, row: dict[str, Any]) -> str:
    """A rate's key in the change log."""
    return f"{group}/{row['prefix']}/{row['effective']}"


def split_key(key: str) -> tuple[str, str, int]:
    """Group, prefix and effective of a `change_key`."""
    group, prefix, effective = key.rsplit("/", 2)
    return group, prefix, int(effective)


def _key(row: Row[Any]) -> str:
    return f"{row.prefix}/{row.effective}"


def _in_force(group: Group) -> Any:
    return and_(rate.c.group_id == group.id, rate.c.generation == group.generation)


def _one(group: Group, row: dict[str, Any]) -> Any:
    return and_(_in_force(group), rate.c.prefix == row["prefix"], rate.c.effective == row["effective"])


def _after(row: Row[Any]) -> Any:
    same = and_(rate.c.prefix == row.prefix, rate.c.effective > row.effective)
    return (rate.c.prefix > row.prefix) | same
