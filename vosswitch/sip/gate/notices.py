"""What the log is told of peers' messages that cannot be used: seldom enough, however many come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

LOG_EVERY = 10.0
"""Seconds between two log lines about the same kind of bad message."""
LOG_MOST = 100
"""Log lines about bad messages in so many seconds, however many sources they come from: sources can be forged."""
_KINDS = 1000


class Notices:
    """The log lines of a service.

    :param log: a Twisted ``Logger``; *now* monotonic seconds.
    """

    __slots__ = ("_log", "_noted", "_now", "_quiet")

    def __init__(self, log: Any, now: Callable[[], float]) -> None:
        self._log = log
        self._now = now
        self._quiet: dict[str, tuple[float, int]] = {}
        self._noted = (0.0, 0)

    def tell(self, text: str, kind: str, fault: bool = False, **fields: Any) -> None:
        """One log line of a kind every `LOG_EVERY` seconds, with the number of those left out.

        :param fault: ours, not a peer's: ``error`` in *fields* is the exception.
        """
        now = self._now()
        if now - self._noted[0] >= LOG_EVERY:
            self._noted = now, 0
        since, count = self._quiet.get(kind, (now - LOG_EVERY, 0))
        if now - since < LOG_EVERY or (self._noted[1] >= LOG_MOST and not fault):
            if kind in self._quiet:
                self._quiet[kind] = since, count + 1
            return
        self._noted = self._noted[0], self._noted[1] + 1
        if len(self._quiet) > _KINDS:
            self._quiet.clear()
        self._quiet[kind] = now, 0
        if fault:
            error = fields["error"]
            self._log.failure(text, None, **fields) if error.__traceback__ else self._log.error(text, **fields)
        else:
            self._log.warn(text + " ({count} more left out)", count=count, **fields)
