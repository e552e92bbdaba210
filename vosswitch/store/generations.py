"""Bulk rows in SQL: all of an import is seen at once, or nothing, and other writers are not kept waiting.

The rows fill a generation that nobody sees, in transactions of some ten milliseconds; one more makes it current.  What
is not in force any more is removed in slices afterwards.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, delete, insert, select, update

from vosswitch.store import changes

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection, Table

    from vosswitch.store.database import Database

_TARGET_SECONDS = 0.03
_SMALLEST, _LARGEST = 500, 10_000
_STALE_MS = 60_000


class CannotImport(ValueError):
    """The import cannot be made at all; its text is one line for the operator."""


@dataclass(frozen=True, slots=True)
class Bulk:
    """One kind of bulk rows.

    :ivar head: has the columns id, name, generation, last_generation, ``seq`` and import_at.
    :ivar rows: has *owner* (the head's id), generation and *key*, in this order its primary key.
    :ivar seq: the head's column with the last change of its rows.
    :ivar noun: of a head, in messages.
    :ivar what: of the rows, in messages.
    """

    head: Table
    rows: Table
    owner: str
    key: str
    seq: str
    noun: str
    what: str

    def of(self, owner: int, generation: int) -> ColumnElement[bool]:
        """Which rows are of one generation."""
        return and_(self.rows.c[self.owner] == owner, self.rows.c.generation == generation)


class Pace:
    """Chooses how many rows a transaction takes, so that it lasts some 30 ms."""

    __slots__ = ("rows",)

    def __init__(self) -> None:
        self.rows = 4000

    def took(self, seconds: float) -> float:
        """Note the last transaction's time; returns how long to leave the lock to others."""
        factor = min(2.0, max(0.25, _TARGET_SECONDS / max(seconds, 0.0001)))
        self.rows = int(min(_LARGEST, max(_SMALLEST, self.rows * factor)))
        return min(seconds, _TARGET_SECONDS)


def give_way(database: Database, seconds: float, pause: Callable[[float], None]) -> None:
    """Leave the lock to others, where there is one for all: SQLite's waiting writers only look now and then."""
    if database.is_sqlite:
        pause(seconds)


def remove_leftovers(
    database: Database,
    bulk: Bulk,
    pause: Callable[[float], None] = time.sleep,
    kept: Container[tuple[int, int]] = (),
) -> int:
    """Delete rows that are not in force: of former generations, removed heads, broken imports.

    :param kept: generations that stay, as pairs of the head's id and the generation.
    :returns: the number of rows.
    """
    return sum(leftovers(database, bulk, pause, kept))


def leftovers(
    database: Database, bulk: Bulk, pause: Callable[[float], None], kept: Container[tuple[int, int]] = ()
) -> Iterator[int]:
    """As `remove_leftovers`, a transaction of some ten milliseconds at each step, which gives its number of rows."""
    with database.read() as connection:
        dead = [one for one in _dead_generations(connection, bulk) if one not in kept]
    for owner, generation in dead:
        yield from _removing(database, bulk, owner, generation, pause)


def _dead_generations(connection: Connection, bulk: Bulk) -> Iterator[tuple[int, int]]:
    """Generations that are neither in force nor being filled; found by skipping through the primary key."""
    alive = {
        row.id: (row.generation, row.last_generation, row.import_at is not None and row.import_at > _stale())
        for row in connection.execute(select(bulk.head))
    }
    owner, generation = bulk.rows.c[bulk.owner], bulk.rows.c.generation
    at: tuple[int, int] = (-1, 0)
    while True:
        beyond = (owner > at[0]) | ((owner == at[0]) & (generation > at[1]))
        row = connection.execute(select(owner, generation).where(beyond).order_by(owner, generation).limit(1)).first()
        if row is None:
            return
        at = (row[0], row[1])
        current, last, filling = alive.get(at[0], (0, 0, False))
        if at[1] != current and not (filling and at[1] == last):
            yield at


def _removing(
    database: Database, bulk: Bulk, owner: int, generation: int, pause: Callable[[float], None]
) -> Iterator[int]:
    pace, key = Pace(), bulk.rows.c[bulk.key]
    whole = bulk.of(owner, generation)
    while True:
        started = time.perf_counter()
        with database.write() as connection:
            query = select(key).where(whole).order_by(key).offset(pace.rows).limit(1)
            beyond = connection.execute(query).scalar()
            some = whole if beyond is None else whole & (key < beyond)
            count = connection.execute(delete(bulk.rows).where(some)).rowcount
            if beyond is not None and not count:  # more rows of one key than a slice has
                count = connection.execute(delete(bulk.rows).where(whole & (key == beyond))).rowcount
        give_way(database, pace.took(time.perf_counter() - started), pause)
        yield count
        if beyond is None:
            return


class Filling:
    """One import: its generation, from the first row to the switch-over.

    :ivar id: of the head.
    """

    def __init__(self, database: Database, bulk: Bulk, name: str, pause: Callable[[float], None]) -> None:
        self.id = -1
        self._database = database
        self._bulk = bulk
        self._name = name
        self._pause = pause
        self._was: tuple[int, int] = (0, 0)
        self._generation = 0

    @property
    def _where(self) -> str:
        return f'{self._bulk.noun} "{self._name}"'

    @contextmanager
    def running(self) -> Iterator[int]:
        """From `begin` on; whatever goes wrong on the way takes back what was written.

        :raises CannotImport: as `begin`.
        """
        try:
            yield self.begin()
        except BaseException:
            self.abandon()
            raise

    def begin(self) -> int:
        """Claim the next generation; returns the one in force.

        :raises CannotImport: another import is running, or there is no such head.
        """
        head = self._bulk.head
        with self._database.write() as connection:
            changes.lock(connection)
            row = connection.execute(select(head).where(head.c.name == self._name)).first()
            if row is None:
                raise CannotImport(f"{self._where}: it is gone")
            if row.import_at is not None and row.import_at > _stale():
                raise CannotImport(f"{self._where}: another import is running")
            self._generation = row.last_generation + 1
            self._was = (row.generation, row._mapping[self._bulk.seq])
            self._mark(connection, row.id, last_generation=self._generation, import_at=changes.now_ms())
        self.id = row.id
        return int(row.generation)

    def write(
        self, names: Sequence[str], rows: Iterator[Sequence[Any]], progress: Callable[[int], None] = lambda _done: None
    ) -> int:
        """Write *rows*, each the values of the columns *names*; how many they were."""
        pace, done = Pace(), 0
        columns, fixed = (self._bulk.owner, "generation", *names), (self.id, self._generation)
        while True:
            part = [dict(zip(columns, (*fixed, *row), strict=True)) for row in islice(rows, pace.rows)]
            if not part:
                return done
            started = time.perf_counter()
            with self._database.write() as connection:
                connection.execute(insert(self._bulk.rows), part)
                self._mark(connection, self.id, import_at=changes.now_ms())
            done += len(part)
            progress(done)
            give_way(self._database, pace.took(time.perf_counter() - started), self._pause)

    def finish(self, summary: Mapping[str, Any], who: str, was: Mapping[str, Any] | None = None) -> int:
        """Make the generation current; returns the change's number.

        :param was: what the change log says of the former generation besides its number.
        :raises CannotImport: the rows were changed meanwhile.
        """
        head = self._bulk.head
        with self._database.write() as connection:
            changes.lock(connection)
            query = select(head.c.generation, head.c[self._bulk.seq]).where(head.c.id == self.id)
            now = connection.execute(query).first()
            if now is None or tuple(now) != self._was:
                raise CannotImport(f"{self._where}: its {self._bulk.what} were changed during the import, try again")
            after = {"generation": self._generation, **summary}
            row = changes.Change(head.name, self._name, {"generation": self._was[0], **(was or {})}, after)
            seq = changes.record(connection, who, [row])
            values = {"generation": self._generation, self._bulk.seq: seq, "import_at": None}
            self._mark(connection, self.id, **values)
        return seq

    def abandon(self) -> None:
        """Take back what was written."""
        if self.id < 0:
            return
        with self._database.write() as connection:
            self._mark(connection, self.id, import_at=None)
        sum(_removing(self._database, self._bulk, self.id, self._generation, self._pause))

    def _mark(self, connection: Connection, owner: int, **values: Any) -> None:
        head = self._bulk.head
        connection.execute(update(head).where(head.c.id == owner).values(**values))


def _stale() -> int:
    return changes.now_ms() - _STALE_MS
