"""Bulk rows on their way to the switch: short lists as they are, long ones as a compiled file that the switch maps."""

from __future__ import annotations

import contextlib
import re
import secrets
from abc import ABC, abstractmethod
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sqlalchemy import func, select

from vosswitch.billing.files import compile_rates, open_rate_file
from vosswitch.numbers import networks
from vosswitch.numbers.files import compile_networks, compile_table, open_network_file, open_table_file
from vosswitch.numbers.sections import BadFile
from vosswitch.store import number_rows, rates
from vosswitch.store.schema import changes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from sqlalchemy import Connection

    from vosswitch.store.number_rows import Head
    from vosswitch.store.rates import Group

T = TypeVar("T")

_IDENTITY = "identity"
"""A file of the spool."""

IN_MEMORY = 5000
"""Rows that go as they are; a group with more is compiled, and so is one with as many changes since it was compiled."""

_ROWS_BETWEEN = 20_000
_NAME = re.compile(r"[a-z]+-(\d+)-(\d+)-(\d+)\.bin")

Owner = TypeVar("Owner", "Group", "Head")
"""What the rows belong to: a rate group, a number table."""


class _Compiled(ABC, Generic[Owner]):
    """Makes the bodies of what has bulk rows.

    A compiled file is named after its owner, generation and last change, so that a restart finds it again; single
    changes since then go on top of it.

    :param directory: where compiled files are kept; made when missing.
    :param between: called now and then while a file is being compiled, so that other work does not wait for it.
    :param shared: another folder whose files are used where they fit, and left alone.
    """

    _stem: str
    _logged: str
    """What single changes are called in the change log."""

    def __init__(self, directory: str, between: Callable[[], object], shared: str | None = None) -> None:
        self._directory = Path(directory)
        self._between = between
        self._folders = [self._directory] if shared is None else [self._directory, Path(shared)]

    def body(self, connection: Connection, name: str) -> dict[str, Any]:
        """The body of the owner of that name.

        :raises LookupError: there is none.
        :raises OSError: a file cannot be written.
        """
        return self.body_of(connection, self._find(connection, name))

    def body_of(self, connection: Connection, owner: Owner) -> dict[str, Any]:
        """The body of an owner as found, or of another generation of it."""
        first = list(islice(self._stream(connection, owner), IN_MEMORY + 1))
        if len(first) <= IN_MEMORY:
            return self._body(owner, None, first)
        return self._from_file(connection, owner)

    def _from_file(self, connection: Connection, owner: Owner) -> dict[str, Any]:
        for seq, path in self._files(owner):
            changed = _changed(connection, self._logged, owner.name, seq)
            if changed is not None and self._usable(owner, str(path)):
                return self._body(owner, path, self._overlay(connection, owner, changed))
            break
        path = self._directory / f"{self._stem}-{owner.id}-{owner.generation}-{self._seq(owner)}.bin"
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._compile(connection, owner, str(path))
        for old in self._directory.glob(f"{self._stem}-{owner.id}-*.bin"):
            if old != path:  # the switch may still have it mapped, which outlives its name
                old.unlink(missing_ok=True)
        return self._body(owner, path, [])

    def _rows(self, rows: Iterable[T]) -> Iterator[T]:
        for number, row in enumerate(rows, 1):
            if number % _ROWS_BETWEEN == 0:
                self._between()
            yield row

    def _files(self, owner: Owner) -> Iterator[tuple[int, Path]]:
        """Files of the owner's generation, newest first."""
        found = []
        pattern = f"{self._stem}-{owner.id}-{owner.generation}-*.bin"
        for path in chain(*(folder.glob(pattern) for folder in self._folders)):
            name = _NAME.fullmatch(path.name)
            if name and int(name[3]) <= self._seq(owner):
                found.append((int(name[3]), path))
        return iter(sorted(found, reverse=True))

    @abstractmethod
    def _find(self, connection: Connection, name: str) -> Owner: ...

    @abstractmethod
    def _seq(self, owner: Owner) -> int: ...

    @abstractmethod
    def _stream(self, connection: Connection, owner: Owner) -> Iterator[list[Any]]:
        """The rows in force, as in a body; other statements may come between."""

    @abstractmethod
    def _compile(self, connection: Connection, owner: Owner, path: str) -> None: ...

    @abstractmethod
    def _usable(self, owner: Owner, path: str) -> bool: ...

    @abstractmethod
    def _overlay(self, connection: Connection, owner: Owner, changed: list[str]) -> list[list[Any]]: ...

    @abstractmethod
    def _body(self, owner: Owner, path: Path | None, overlay: list[list[Any]]) -> dict[str, Any]: ...


class PriceLists(_Compiled["Group"]):
    """Makes the bodies of rate groups."""

    _stem, _logged = "rates", "rate"

    def _find(self, connection: Connection, name: str) -> Group:
        return rates.find_group(connection, name)

    def _seq(self, owner: Group) -> int:
        return owner.rates_seq

    def _stream(self, connection: Connection, owner: Group) -> Iterator[list[Any]]:
        return map(row, rates.stream(connection, owner))

    def _compile(self, connection: Connection, owner: Group, path: str) -> None:
        compile_rates(self._rows(map(rates.taken, rates.raw_rows(connection, owner, rates.TAKEN))), path)

    def _usable(self, owner: Group, path: str) -> bool:
        with contextlib.suppress(BadFile):
            open_rate_file(path)
            return True
        return False

    def _overlay(self, connection: Connection, owner: Group, changed: list[str]) -> list[list[Any]]:
        """Each changed prefix is taken away whole, and what is in force of it put back."""
        prefixes = sorted({rates.split_key(key)[1] for key in changed})
        rows: list[list[Any]] = [[prefix, None] for prefix in prefixes]
        found = rates.rates_of(connection, owner, prefixes) if prefixes else {}
        return rows + [row(values) for values in found.values()]

    def _body(self, owner: Group, path: Path | None, overlay: list[list[Any]]) -> dict[str, Any]:
        return {**owner.head(), "file": None if path is None else str(path), "overlay": overlay}


class NumberLists(_Compiled["Head"]):
    """Makes the bodies of number tables."""

    _stem, _logged = "table", "number_row"

    def _find(self, connection: Connection, name: str) -> Head:
        return number_rows.find(connection, name)

    def _seq(self, owner: Head) -> int:
        return owner.rows_seq

    def _stream(self, connection: Connection, owner: Head) -> Iterator[list[Any]]:
        return map(list, number_rows.stream(connection, owner))

    def _compile(self, connection: Connection, owner: Head, path: str) -> None:
        compile_ = compile_networks if owner.kind == networks.KIND else compile_table
        compile_(number_rows.stream(connection, owner), path, self._between)

    def _files(self, owner: Head) -> Iterator[tuple[int, Path]]:
        """Networks are laid flat, so that no single change goes on top of them."""
        found = super()._files(owner)
        return (one for one in found if one[0] == owner.rows_seq) if owner.kind == networks.KIND else found

    def _usable(self, owner: Head, path: str) -> bool:
        with contextlib.suppress(BadFile):
            (open_network_file if owner.kind == networks.KIND else open_table_file)(path)
            return True
        return False

    def _overlay(self, connection: Connection, owner: Head, changed: list[str]) -> list[list[Any]]:
        numbers = [key.rpartition("/")[2] for key in changed]
        found = number_rows.some(connection, owner, numbers)
        return [[number, found.get(number)] for number in sorted(set(numbers))]

    def _body(self, owner: Head, path: Path | None, overlay: list[list[Any]]) -> dict[str, Any]:
        return {
            "name": owner.name,
            "kind": owner.kind,
            "file": None if path is None else str(path),
            "overlay": overlay,
        }


def _changed(connection: Connection, logged: str, owner: str, seq: int) -> list[str] | None:
    """Keys of the rows that were changed since; None when there are too many changes for an overlay."""
    start = f"{owner}/"
    query = (
        select(changes.c.key)
        .where(changes.c.seq > seq, changes.c.table == logged, func.substr(changes.c.key, 1, len(start)) == start)
        .limit(IN_MEMORY + 1)
    )
    keys = list(connection.scalars(query))
    return keys if len(keys) <= IN_MEMORY else None


def row(values: Mapping[str, Any]) -> list[Any]:
    """A rate as the switch takes it."""
    return rates.taken_of(values)


def spool_identity(spool: str) -> str:
    """What tells a spool from any other, wherever it is moved; made when there is none yet.

    :raises OSError: the disk refuses.
    """
    folder = Path(spool)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / _IDENTITY
    with contextlib.suppress(FileExistsError), path.open("x") as file:
        file.write(f"{secrets.token_hex(8)}\n")
    return path.read_text().strip()[:32]
