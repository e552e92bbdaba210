"""Relayed sessions that a call has given up while it goes on: their counts belong to its record all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.model.call import MediaReport, StreamReport

if TYPE_CHECKING:
    from collections.abc import Callable


class ShedMedia:
    """The sum of what several sessions of one call have relayed.

    :ivar former: what stood before a move that is not settled yet.
    """

    __slots__ = ("_done", "_open", "_report", "former")

    def __init__(self) -> None:
        self._open = 0
        self._report: MediaReport | None = None
        self._done: Callable[[MediaReport | None], None] | None = None
        self.former: tuple[Any, bool, Any, Any] | None = None

    def close(self, session: Any) -> None:
        """Give a session's ports back; its counts come later."""
        self._open += 1
        session.close(self._counted)

    def _counted(self, report: MediaReport) -> None:
        self._open -= 1
        self._report = report if self._report is None else _sum(self._report, report)
        self._settle()

    def finish(self, session: Any, done: Callable[[MediaReport | None], None]) -> None:
        """The call is over: ``done`` is called once, when every session has told its counts.

        :param session: the last one, None when there is none.
        """
        sessions = [session, self.former[0] if self.former is not None else None]
        self._open += 1  # not before all are being closed
        for one in sessions:
            if one is not None:
                self.close(one)
        self._open -= 1
        self._done = done
        self._settle()

    def _settle(self) -> None:
        if not self._open and self._done is not None:
            done, self._done = self._done, None
            done(self._report)


def _sum(old: MediaReport, new: MediaReport) -> MediaReport:
    return MediaReport(_added(old.caller, new.caller), _added(old.callee, new.callee))


def _added(old: StreamReport, new: StreamReport) -> StreamReport:
    return StreamReport(
        old.packets + new.packets, old.octets + new.octets, old.lost + new.lost, old.address or new.address
    )
