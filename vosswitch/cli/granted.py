"""What an operator is told whose change takes money from calls that run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vosswitch.cli.state import note
from vosswitch.model.values import money_text

if TYPE_CHECKING:
    from collections.abc import Container

    from vosswitch.cli.state import State


def tell_granted(state: State, numbers: Container[str]) -> None:
    """One line for each of these accounts that can still end below its limit by what calls hold of it."""
    from vosswitch.store import grants  # noqa: PLC0415 - SQLAlchemy takes its time

    with state.database.read() as connection:
        beyond = grants.beyond(connection)
    for number, units in beyond.items():
        if number in numbers:
            note(
                f"{number}: running calls hold up to {money_text(units)} more than it has now; it counts when they end"
            )
