"""How a sink is given calls: a batch at a time, or one by one when it has refused a batch for what is in it.

A call that is refused by itself, twice, while others are taken is one that will never be taken; it must not hold up
those behind it.  A sink that takes none at all has another trouble: that is waited for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.hooks.refusals import CallsRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Call = Mapping[str, Any]

AT_LEAST = 100
"""Calls that are tried one by one before a sink is one that takes none."""
_UNUSABLE = (CallsRefused, KeyError, TypeError, ValueError, ArithmeticError)


class Giving:
    """The way of calls into one sink.

    :param batch: most calls at a time.
    :param taken: told how many calls the sink has taken, each time.
    :param aside: told a call that the sink refuses for good, and why.
    :ivar singly: it has refused something, so it is given calls one by one.
    """

    def __init__(self, sink: Any, batch: int, taken: Callable[[int], None], aside: Callable[[Call, str], None]) -> None:
        self._sink = sink
        self._batch = batch
        self._taken = taken
        self._aside = aside
        self._can = not hasattr(sink, "resume")  # else it goes back to what was noted, and that is between batches
        self.singly = False
        self._had: set[int] = set()

    @property
    def most(self) -> int:
        """How many calls `give` shall get at most."""
        return max(self._batch, AT_LEAST) if self.singly else self._batch

    def give(self, records: Sequence[Call]) -> bool:
        """Have the sink take these; False: give it those from the first of them on again, as many as `most` says.

        :raises Exception: whatever the sink raises: it takes nothing now.
        """
        if self.singly:
            self._one_by_one(records)
        elif records:
            try:
                self._sink.write(records)
            except _UNUSABLE as error:
                if not self._can or isinstance(error, OSError):
                    raise
                self.singly = True
                return False
            self._taken(len(records))
        return True

    def noted(self) -> None:
        """Where those are that came last is surely on disk."""
        self._had.clear()

    def _one_by_one(self, records: Sequence[Call]) -> None:
        refused = self._refused(records)
        if refused and not self._had:
            raise refused[0][1]
        for record, error in self._refused([record for record, _ in refused]):
            self._aside(record, " ".join(f"{type(error).__name__}: {error}".split()))
        self.singly = False

    def _refused(self, records: Sequence[Call]) -> list[tuple[Call, Exception]]:
        return [(record, error) for record in records if (error := self._refuses(record)) is not None]

    def _refuses(self, record: Call) -> Exception | None:
        if record["flowno"] in self._had:
            return None
        try:
            self._sink.write([record])
        except _UNUSABLE as error:
            if isinstance(error, OSError):
                raise
            return error
        self._had.add(record["flowno"])
        self._taken(1)
        return None
