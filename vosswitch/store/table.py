"""What a table of the provisioning format is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from vosswitch.store.fields import Reader


def _same(value: Any) -> Any:
    return value


def _nothing(_value: Any) -> Iterable[str]:
    return ()


def _fine(_values: Mapping[str, Any]) -> None:
    return


def _listed(value: Any) -> Iterable[str]:
    return value if isinstance(value, list) else (value,) if value else ()


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a table.

    :ivar read: written value to canonical value.
    :ivar default: canonical value of a field that is left out.
    :ivar write: canonical value to what `read` takes.
    :ivar required: whether a new entry has to have it.
    :ivar secret: whether its value is never shown.
    :ivar warn: what is legal about a canonical value but dangerous.
    :ivar refers: the table whose entries it names, "" = none; *named* gives those of a canonical value.
    :ivar or_of: a family of plugins whose names it may hold as well (`Deployment.plugins`), "" = none.
    """

    name: str
    read: Reader
    default: Any = None
    write: Callable[[Any], Any] = _same
    help: str = ""
    required: bool = False
    secret: bool = False
    warn: Callable[[Any], Iterable[str]] = _nothing
    refers: str = ""
    named: Callable[[Any], Iterable[str]] = _listed
    or_of: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """One kind of entry.

    :ivar name: as written in files: ``[[name]]``.
    :ivar stored: the database table's name, which the change log uses too.
    :ivar key: the field that names an entry.
    :ivar check: whether an entry's values fit together; raises `ValueError` with the field and what was expected.
    """

    name: str
    stored: str
    key: str
    fields: tuple[Field, ...]
    check: Callable[[Mapping[str, Any]], None] = _fine

    def field(self, name: str) -> Field | None:
        """The field of that name."""
        return next((item for item in self.fields if item.name == name), None)

    def defaults(self) -> dict[str, Any]:
        """A fresh dict of every field's default."""
        return {
            item.name: list(item.default) if isinstance(item.default, tuple) else item.default for item in self.fields
        }
