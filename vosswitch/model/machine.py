"""A state machine as a table, for those of which several rooms have one each."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

State = TypeVar("State", bound=StrEnum)
Input = TypeVar("Input", bound=StrEnum)
Effect = TypeVar("Effect", bound=StrEnum)


class Machine(Generic[State, Input, Effect]):
    """One machine: inputs in, at most one effect out; it never sends, sleeps or reads a clock.

    :ivar state: the current one.
    """

    __slots__ = ("_table", "state")

    def __init__(self, state: State, table: Mapping[State, Mapping[Input, tuple[State, Effect | None]]]) -> None:
        self.state = state
        self._table = table

    def feed(self, what: Input) -> Effect | None:
        """Apply one input; one that the state does not list is ignored."""
        row = self._table[self.state].get(what)
        if row is None:
            return None
        self.state, effect = row
        return effect
