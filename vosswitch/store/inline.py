"""Readers of inline tables: a field whose value is a table of further fields, or a list of such tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.store.fields import Expected, Refused

if TYPE_CHECKING:
    from vosswitch.store.fields import Deployment, Reader


def inner(reader: Reader, value: Any, where: str, deployment: Deployment) -> Any:
    """Read a part of a value.

    :raises Refused: the message names the part.
    """
    try:
        return reader(value, deployment)
    except Refused as error:
        raise Refused(f"{where}: {error}") from None
    except Expected as error:
        raise Refused(f"{where}: expected {error}") from None


def table(known: dict[str, Reader], *needed: str) -> Reader:
    """An inline table with some of the *known* keys, and all of the *needed* ones."""
    names = ", ".join(known)

    def read(value: Any, deployment: Deployment) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise Expected(f"a table with {names}")
        for name in value:
            if name not in known:
                raise Refused(f"{name}: unknown, expected {names}")
        for name in needed:
            if name not in value:
                raise Refused(f"{name}: expected, but missing")
        return {name: inner(known[name], value[name], name, deployment) for name in known if name in value}

    return read


def table_list(reader: Reader, most: int, what: str) -> Reader:
    """A list of such tables; an error says which one."""

    def read(value: Any, deployment: Deployment) -> list[Any]:
        if not isinstance(value, list) or len(value) > most:
            raise Expected(f"a list of at most {most} {what}")
        return [inner(reader, item, f"entry {number}", deployment) for number, item in enumerate(value, 1)]

    return read
