"""Calls that come back: a vendor that sends a call to us again while we still wait for its answer."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vosswitch.model.values import Address

Key = tuple[str, int, str, str]
"""Host and port of the far side, calling and called number as sent."""


class Loops:
    """The unanswered attempts of this node, by where they went and with which numbers.

    Max-Forwards ends loops among honest elements; a B2BUA begins a new count, and so do we.
    """

    __slots__ = ("_running",)

    def __init__(self) -> None:
        self._running: Counter[Key] = Counter()

    def began(self, target: Address, caller: str, callee: str) -> Key:
        """An attempt went out; give the key back with `over` when it was answered or ended."""
        key = (target.host, target.port, caller, callee)
        self._running[key] += 1
        return key

    def over(self, key: Key) -> None:
        """One attempt of *key* is not waiting any more."""
        left = self._running[key] - 1
        if left > 0:
            self._running[key] = left
        else:
            del self._running[key]

    def came_back(self, source: Address, caller: str, callee: str) -> bool:
        """Whether a new call is one of ours: from where an unanswered attempt went, with the same two numbers."""
        return (source.host, source.port, caller, callee) in self._running

    def __len__(self) -> int:
        return len(self._running)
