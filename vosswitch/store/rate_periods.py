"""Whether the calendars are there that rates name for their prices of certain times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, select

from vosswitch.store.calendar_fields import CALENDARS
from vosswitch.store.generations import CannotImport
from vosswitch.store.rate_fields import calendars_of
from vosswitch.store.schema import definition, rate, rate_group

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from sqlalchemy import Connection

    from vosswitch.store.document import Document


def check_calendars(connection: Connection, periods: Iterable[str]) -> None:
    """Whether all calendars of a price list that is to be imported are there.

    :param periods: those of its rates.
    :raises CannotImport: one is not.
    """
    wanted = {name for text in periods for name in calendars_of(text)}
    if not wanted:
        return
    there = set(connection.scalars(select(definition.c.name).where(definition.c.kind == CALENDARS.stored)))
    for name in sorted(wanted - there):
        raise CannotImport(f'periods: expected one of calendars, there is no "{name}"')


def calendar_problems(
    connection: Connection,
    document: Document,
    changed: Mapping[str, Iterable[tuple[dict[str, Any] | None, dict[str, Any] | None]]],
    calendars: Iterable[str],
) -> Iterator[str]:
    """One line for each rate of a document that names no calendar, and each calendar that it deletes and rates need.

    :param changed: the rates before and after, by group; *calendars*: those that there shall be.
    """
    there = set(calendars)
    for group, pairs in changed.items():
        for _, new in pairs:
            for name in calendars_of(new["periods"] if new is not None else ""):
                if name not in there:
                    where = f'rate_groups "{group}": rates "{(new or {})["prefix"]}"'
                    yield f'{where}: periods: expected one of calendars, there is no "{name}"'
    for entry in document.entries[CALENDARS.name].values():
        if entry.delete:
            group = _user(connection, entry.key)
            if group:
                yield f'{entry.where}: delete: still used by the rates of rate_groups "{group}"'


def _user(connection: Connection, calendar: str) -> str:
    """A rate group whose rates in force name a calendar; "" = none does."""
    in_force = and_(rate.c.group_id == rate_group.c.id, rate.c.generation == rate_group.c.generation)
    query = select(rate_group.c.name, rate.c.periods).join(rate, in_force).where(rate.c.periods != "").distinct()
    for group, periods in connection.execute(query):
        if calendar in calendars_of(periods):
            return str(group)
    return ""
