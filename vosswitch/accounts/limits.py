"""Counters of lines and of new calls per second, for this node, in memory."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from vosswitch.accounts.portions import Portion

WINDOW = 1.0
"""Seconds over which new calls are counted."""


class Share(NamedTuple):
    """A member's part of lines that several share, where each has some to itself.

    :ivar own: the counter of the member's lines; *members* those of all members.
    :ivar reserved: lines that each member has to itself.
    """

    own: str
    members: tuple[str, ...]
    reserved: int


class Limit(NamedTuple):
    """What a call takes one of.

    :ivar key: names the counter, such as ``"account:1000"``.
    :ivar lines: calls at the same time, None = unlimited; they are counted all the same.
    :ivar cps: admissions in any one second, None = unlimited and not counted.
    :ivar share: some of the lines are reserved; the counter of the member's own lines has to be taken behind this one.
    """

    key: str
    lines: int | None = None
    cps: int | None = None
    share: Share | None = None


NO_LIMIT = Limit("")
"""Of values that are not complete yet."""


class Limits:
    """Every counter of the node.  A line is held from `take` to `free`; an admission is spent for one second.

    :ivar portion: this node's part of the limits where several nodes have them together, None = the whole.
    """

    __slots__ = ("_admitted", "_lines", "portion")

    def __init__(self) -> None:
        self.portion: Portion | None = None
        self._lines: dict[str, int] = {}
        self._admitted: dict[str, deque[float]] = {}

    def take(self, wanted: Sequence[Limit], now: float) -> str | None:
        """Take one line and one admission of every counter, or of none.

        :param now: monotonic seconds.
        :returns: None when taken, else what is full: ``"lines KEY"`` or ``"cps KEY"``, and what of it is this node's.
        """
        portion = self.portion
        if portion is None:
            return self._take(wanted, now)
        return portion.told(self._take(portion.limits(wanted), now), wanted)

    def _take(self, wanted: Sequence[Limit], now: float) -> str | None:
        lines = self._lines
        for done, (key, most, cps, share) in enumerate(wanted):
            used = lines.get(key, 0)
            if most is not None and (used >= most or (share is not None and self._others_own(used, most, share))):
                self._give_back(wanted[:done])
                return f"lines {key}"
            if cps is not None and not self._admit(key, cps, now):
                self._give_back(wanted[:done])
                return f"cps {key}"
            lines[key] = used + 1
        return None

    def full(self, wanted: Sequence[Limit], now: float) -> str | None:
        """What `take` would say; nothing is taken."""
        portion = self.portion
        if portion is None:
            return self._full(wanted, now)
        return portion.told(self._full(portion.limits(wanted), now), wanted)

    def _full(self, wanted: Sequence[Limit], now: float) -> str | None:
        for key, most, cps, share in wanted:
            used = self._lines.get(key, 0)
            if most is not None and (used >= most or (share is not None and self._others_own(used, most, share))):
                return f"lines {key}"
            if cps is not None and sum(1 for at in self._admitted.get(key, ()) if at > now - WINDOW) >= cps:
                return f"cps {key}"
        return None

    def _others_own(self, used: int, most: int, share: Share) -> bool:
        """Whether all that is left of the lines is reserved for other members than the one who asks.

        What nobody has to itself is *most* less the reserved lines of all; a member uses its own ones first.
        """
        own, members, reserved = share
        common = most - reserved * len(members)
        if used < common or self._lines.get(own, 0) < reserved:
            return False
        lines = self._lines
        for member in members:
            held = lines.get(member, 0)
            used -= min(reserved, held)
        return used >= common

    def _admit(self, key: str, cps: int, now: float) -> bool:
        times = self._admitted.get(key)
        if times is None:
            times = self._admitted[key] = deque()
        while times and times[0] <= now - WINDOW:
            times.popleft()
        if len(times) >= cps:
            return False
        times.append(now)
        return True

    def _give_back(self, taken: Sequence[Limit]) -> None:
        """Undo a `take` that failed half-way: its admissions are the newest of their counters."""
        for key, _, cps, _share in taken:
            if cps is not None:
                self._admitted[key].pop()
        self.free([limit.key for limit in taken])

    def free(self, keys: Iterable[str]) -> None:
        """Give back one line of each of *keys*; what was admitted stays spent.

        :raises LookupError: a line that was not taken; the others are given back all the same.
        """
        lines, wrong = self._lines, []
        for key in keys:
            left = lines.get(key, 0) - 1
            if left > 0:
                lines[key] = left
            elif left == 0:
                del lines[key]
            else:
                wrong.append(key)
        if wrong:
            raise LookupError(f"lines given back that were not taken: {', '.join(wrong)}")

    @property
    def held(self) -> Mapping[str, int]:
        """Lines held at any time, by key: it changes as they do."""
        return self._lines

    def in_use(self, key: str) -> int:
        """Lines of *key* that are held now."""
        return self._lines.get(key, 0)

    def view(self) -> dict[str, int]:
        """Lines held now, by key; keys without any are left out."""
        return dict(self._lines)
