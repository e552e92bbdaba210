"""PINs of phone cards on this node: how they are looked up, and who has tried too many wrong ones.

Wrong PINs are counted by caller (source address and calling number) and, with a bound of its own, by source address,
for a calling number can be anything.  Who is put off is refused with right PINs, too, until the block time is over.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, TypeVar

from vosswitch.model.source import source_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.call.deciding.decision import Decision

_Key = TypeVar("_Key")

MOST = 10_000
"""Callers, and sources, that are remembered; the longest quiet ones are forgotten first."""


class _Tries:
    """Wrong PINs of one caller or source.  Times are monotonic seconds.

    :ivar since: begin of the window that *count* is of.
    :ivar until: put off until then.
    """

    __slots__ = ("count", "since", "until")

    def __init__(self, since: float) -> None:
        self.since = since
        self.count = 0
        self.until = 0.0


class Pins:
    """Looks PINs up and counts wrong ones.

    :param keyed: the keyed hash of a PIN, as accounts have it.
    :param seconds: the monotonic clock.
    """

    __slots__ = ("_callers", "_seconds", "_sources", "keyed")

    def __init__(self, keyed: Callable[[str], str], seconds: Callable[[], float]) -> None:
        self.keyed = keyed
        self._seconds = seconds
        self._callers: OrderedDict[tuple[str, str], _Tries] = OrderedDict()
        self._sources: OrderedDict[str, _Tries] = OrderedDict()

    def held(self, decision: Decision) -> str:
        """Why the caller is put off, for people; "" = it is not."""
        now, (source, caller) = self._seconds(), _keys(decision)
        for what, found in (("the caller", self._callers.get(caller)), (source, self._sources.get(source))):
            if found is not None and found.until > now:
                return f"{what} has dialled too many wrong PINs, put off for {found.until - now:.0f} s more"
        return ""

    def wrong(self, decision: Decision) -> None:
        """A call was refused for its PIN: count it."""
        now, parameters, (source, caller) = self._seconds(), decision.parameters, _keys(decision)
        window, block = parameters["VS_CARD_PIN_WINDOW"], parameters["VS_CARD_BLOCK_TIME"]
        if not block:
            return
        own = _of(self._callers, caller, now), parameters["VS_CARD_PIN_TRIES"]
        all_of_it = _of(self._sources, source, now), parameters["VS_CARD_SOURCE_TRIES"]
        for tries, most in (own, all_of_it):
            if now - tries.since >= window:
                tries.since, tries.count = now, 0
            tries.count += 1
            if tries.count >= most:
                tries.until, tries.count, tries.since = now + block, 0, now


def _of(table: OrderedDict[_Key, _Tries], key: _Key, now: float) -> _Tries:
    found = table.pop(key, None) or _Tries(now)
    table[key] = found
    while len(table) > MOST:
        table.popitem(last=False)
    return found


def _keys(decision: Decision) -> tuple[str, tuple[str, str]]:
    source = source_key(decision.offered.source.host)
    return source, (source, decision.offered.caller)
