"""One node's part of limits that all nodes of a database have together.

Each of them takes an equal part, and what is left over goes to those with the lowest numbers, so that the parts of all
are the limit, never more.  The limits of the switch itself, of phones (which register with one node) and of pooled
numbers are each node's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vosswitch.accounts.limits import Limit

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

_TOGETHER = ("account:", "mapping", "routing", "destination:")
"""Beginnings of the counters whose limits are those of all nodes together, those of groups among them."""


class Portion(NamedTuple):
    """Which part this node has.

    :ivar nodes: how many there are.
    :ivar rank: how many of them have a lower number.
    """

    nodes: int
    rank: int

    def of(self, most: int) -> int:
        """Its part of a number of lines, or of calls per second."""
        each, over = divmod(most, self.nodes)
        return each + (self.rank < over)

    def limit(self, whole: Limit) -> Limit:
        """What a limit of all nodes leaves to this one."""
        key, lines, cps, share = whole
        if (lines is None and cps is None) or not key.startswith(_TOGETHER):
            return whole
        if lines is not None:
            lines = self.of(lines)
            if share is not None:  # those of all members have to fit into this node's lines
                share = share._replace(reserved=min(self.of(share.reserved), lines // len(share.members)))
        return Limit(key, lines, None if cps is None else self.of(cps), share)

    def limits(self, wanted: Sequence[Limit]) -> list[Limit]:
        """Each of *wanted*, likewise."""
        return [self.limit(one) for one in wanted]

    def told(self, full: str | None, wanted: Sequence[Limit]) -> str | None:
        """What is full, with this node's part of it.

        :param full: ``"lines KEY"`` or ``"cps KEY"``.
        """
        if full is None:
            return None
        what, _, key = full.partition(" ")
        for one in wanted:
            if one.key == key and one.key.startswith(_TOGETHER):
                most = one.lines if what == "lines" else one.cps
                return full if most is None else f"{full}, {self.of(most)} of {most} are this node's"
        return full


def portion_of(node: int, alive: Collection[int]) -> Portion | None:
    """The part of a node; None when no other one is alive.

    :param alive: numbers of the nodes.
    """
    others = set(alive) - {node}
    return Portion(len(others) + 1, sum(other < node for other in others)) if others else None
