"""Price lists on their way to the switch: short ones as rows, long ones as a compiled file that the switch maps."""

from __future__ import annotations

import contextlib
import re
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from vosswitch.billing.files import compile_rates, open_rate_file
from vosswitch.billing.ratefile import BadRateFile
from vosswitch.store import rates
from vosswitch.store.schema import changes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sqlalchemy import Connection

    from vosswitch.store.rates import Group

IN_MEMORY = 5000
"""Rows that go as they are; a group with more is compiled, and so is one with as many changes since it was compiled."""

_ROWS_BETWEEN = 20_000
_NAME = re.compile(r"rates-(\d+)-(\d+)-(\d+)\.bin")


class PriceLists:
    """Makes the bodies of rate groups.

    A compiled file is named after its group, generation and last change, so that a restart finds it again; single
    changes since then go on top of it.

    :param directory: where compiled files are kept; made when missing.
    :param between: called now and then while a file is being compiled, so that other work does not wait for it.
    :param shared: another folder whose files are used where they fit, and left alone.
    """

    def __init__(self, directory: str, between: Callable[[], object], shared: str | None = None) -> None:
        self._directory = Path(directory)
        self._between = between
        self._folders = [self._directory] if shared is None else [self._directory, Path(shared)]

    def body(self, connection: Connection, name: str) -> dict[str, Any]:
        """The body of a rate group.

        :raises vosswitch.store.rates.NoSuchGroup: there is none of that name.
        :raises OSError: a file cannot be written.
        """
        return self.body_of(connection, rates.find_group(connection, name))

    def body_of(self, connection: Connection, group: Group) -> dict[str, Any]:
        """The body of a rate group as found, or of another generation of it."""
        first = list(islice(rates.stream(connection, group), IN_MEMORY + 1))
        if len(first) <= IN_MEMORY:
            return _body(group, None, [row(values) for values in first])
        return self._compiled(connection, group)

    def _compiled(self, connection: Connection, group: Group) -> dict[str, Any]:
        for seq, path in self._files(group):
            changed = _changed_prefixes(connection, group, seq)
            if changed is not None and _usable(path):
                return _body(group, path, overlay(connection, group, changed))
            break
        path = self._directory / f"rates-{group.id}-{group.generation}-{group.rates_seq}.bin"
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        compile_rates(self._rows(connection, group), str(path))
        for old in self._directory.glob(f"rates-{group.id}-*.bin"):
            if old != path:  # the switch may still have it mapped, which outlives its name
                old.unlink(missing_ok=True)
        return _body(group, path, [])

    def _rows(self, connection: Connection, group: Group) -> Iterator[rates.RateRow]:
        found = map(rates.RateRow._make, rates.raw_rows(connection, group, rates.RateRow._fields))
        for number, one in enumerate(found, 1):
            if number % _ROWS_BETWEEN == 0:
                self._between()
            yield one

    def _files(self, group: Group) -> Iterator[tuple[int, Path]]:
        """Files of the group's generation, newest first."""
        found = []
        for path in chain(*(folder.glob(f"rates-{group.id}-{group.generation}-*.bin") for folder in self._folders)):
            name = _NAME.fullmatch(path.name)
            if name and int(name[3]) <= group.rates_seq:
                found.append((int(name[3]), path))
        return iter(sorted(found, reverse=True))


def _body(group: Group, path: Path | None, overlay: list[list[Any]]) -> dict[str, Any]:
    return {
        "name": group.name,
        "billing_mode": group.billing_mode,
        "file": None if path is None else str(path),
        "overlay": overlay,
    }


def _usable(path: Path) -> bool:
    with contextlib.suppress(BadRateFile):
        open_rate_file(str(path))
        return True
    return False


def _changed_prefixes(connection: Connection, group: Group, seq: int) -> list[str] | None:
    """Prefixes whose rates were changed since; None when there are too many changes for an overlay."""
    start = f"{group.name}/"
    query = (
        select(changes.c.key)
        .where(changes.c.seq > seq, changes.c.table == "rate", func.substr(changes.c.key, 1, len(start)) == start)
        .limit(IN_MEMORY + 1)
    )
    keys = connection.scalars(query).all()
    return sorted({rates.split_key(key)[1] for key in keys}) if len(keys) <= IN_MEMORY else None


def overlay(connection: Connection, group: Group, prefixes: list[str]) -> list[list[Any]]:
    """Each changed prefix is taken away whole, and what is in force of it put back."""
    rows: list[list[Any]] = [[prefix, None] for prefix in prefixes]
    found = rates.rates_of(connection, group, prefixes) if prefixes else {}
    return rows + [row(values) for values in found.values()]


def row(values: Mapping[str, Any]) -> list[Any]:
    """A rate as the switch takes it."""
    return [values[name] for name in rates.RateRow._fields]
