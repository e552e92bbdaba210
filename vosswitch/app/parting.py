"""Lets go of a former configuration piece by piece: freed at once, a large one would hold the loop up for 50 ms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vosswitch.call.snapshot import Snapshot

STEP = 0.002
"""Seconds that a turn may take."""


class Parting:
    """What is left of former configurations.  What a running call still holds stays there until it ends."""

    __slots__ = ("_pieces", "_reactor", "_turn")

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._pieces: list[object] = []
        self._turn: Any = None

    def __len__(self) -> int:
        return len(self._pieces)

    def leave(self, snapshot: Snapshot) -> None:
        """Take a configuration that is no longer in force."""
        index = snapshot.gateways
        self._pieces += [*snapshot.rate_groups.values(), *index.gateways.values(), *index.parts()]
        if self._pieces and self._turn is None:
            self._turn = self._reactor.callLater(0, self._step)

    def stop(self) -> None:
        """No more turns; the rest goes with the process."""
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None

    def _step(self) -> None:
        seconds = self._reactor.seconds
        until = seconds() + STEP
        while self._pieces:
            self._pieces.pop()
            if seconds() >= until:
                break
        self._turn = self._reactor.callLater(0, self._step) if self._pieces else None
