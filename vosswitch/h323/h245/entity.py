"""What the signalling entities of H.245 annex C have in common: a table, a state and at most one timer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from vosswitch.h323.h245.desk import Desk
    from vosswitch.h323.legs.line import Timer

Table = Mapping[Any, Mapping[Any, tuple[Any, Callable[[Any], None] | None]]]
"""State -> input -> next state and what is done then (None = nothing)."""


class SignallingEntity:
    """One state machine of a session; an input that its state does not list is ignored.

    :cvar TABLE: what happens in which state.
    :ivar state: the present one, a key of the table.
    """

    __slots__ = ("_desk", "_timer", "state")
    TABLE: ClassVar[Table] = {}

    def __init__(self, desk: Desk, state: Any) -> None:
        self._desk = desk
        self.state = state
        self._timer: Timer | None = None

    def stop(self) -> None:
        """No timer any more: it is over, or the peer has answered."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _feed(self, what: Any) -> None:
        row = self.TABLE[self.state].get(what)
        if row is not None:
            self.state, action = row
            if action is not None:
                action(self)

    def _after(self, seconds: float, what: Any) -> None:
        """Feed *what* after so long, instead of what was to come before."""
        self.stop()
        self._timer = self._desk.later(seconds, lambda: self._ring(what))

    def _ring(self, what: Any) -> None:
        self._timer = None
        self._feed(what)
