"""Who was refused, for machines: one log line for each event, with the same keys always.

``event`` is ``auth_failed`` (wrong password), ``auth_suspended`` (a suspension begins), ``auth_refused`` (suspended, or
an unknown source) or ``dialog_refused`` (a request in the name of a call's peer that is not from there).  ``verified``
says whether the source address is surely the sender's: it answered a challenge that only it was sent, or came by a
connection; only such lines may make a firewall act.  Of a source the first event of a kind is always written, then one
in `EVERY` seconds with the count of those left out; a suspension always.  Events of sources that may be forged share
`MOST_UNVERIFIED` lines.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from vosswitch.model.source import plain_host, source_key
from vosswitch.sip.grammar.message import BadMessage

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.sip.grammar.message import Request
    from vosswitch.sip.transactions.flow import Flow

EVERY = 10.0
"""Seconds between two lines about the same kind of event from one source."""
SOURCES = 10_000
"""Kinds of events and sources that are remembered; the oldest is forgotten first."""
MOST_UNVERIFIED = 100
"""Lines about sources that may be forged, in `EVERY` seconds."""
_LONGEST = 64


class AuthEvents:
    """Writes the lines.

    :param log: a Twisted ``Logger``; *now* gives monotonic seconds.
    :ivar counts: all events by name, those without a line too.
    """

    __slots__ = ("_log", "_now", "_seen", "_unverified", "counts")

    def __init__(self, log: Any, now: Callable[[], float]) -> None:
        self._log = log
        self._now = now
        self._seen: OrderedDict[tuple[str, str, str], tuple[float, int]] = OrderedDict()
        self._unverified = (0.0, 0)
        self.counts: dict[str, int] = {}

    def tell(
        self,
        event: str,
        request: Request,
        flow: Flow,
        reason: str,
        user: str | None = None,
        *,
        proved: bool = False,
        seconds: float | None = None,
    ) -> None:
        """Write an event down, or count it.

        :param user: as presented; None = the one in From.
        :param proved: the source answered a challenge.
        :param seconds: how long a suspension lasts; given with `auth_suspended`, which is always written.
        """
        self.counts[event] = self.counts.get(event, 0) + 1
        source = flow.remote
        verified = proved or flow.reliable
        left_out = 0 if seconds is not None else self._due((source_key(source.host), event, reason), verified)
        if left_out is None:
            return
        more = {} if seconds is None else {"seconds": int(seconds)}
        self._log.warn(
            "{event}: {reason}",
            event=event,
            source=plain_host(source.host),
            port=source.port,
            transport=source.transport,
            verified=verified,
            method=request.method[:_LONGEST],
            reason=reason,
            count=left_out + 1,
            user=(_from_user(request) if user is None else user)[:_LONGEST],
            **more,
        )

    def _due(self, key: tuple[str, str, str], verified: bool) -> int | None:
        """How many were left out since the last line of that kind; None when it is too early for one."""
        now = self._now()
        since, count = self._seen.get(key, (now - EVERY, 0))
        if now - since < EVERY:
            self._seen[key] = since, count + 1
            return None
        if not verified and not self._room(now):
            return None
        self._seen.pop(key, None)
        self._seen[key] = now, 0
        if len(self._seen) > SOURCES:
            self._seen.popitem(last=False)
        return count

    def _room(self, now: float) -> bool:
        since, count = self._unverified
        if now - since >= EVERY:
            since, count = now, 0
        self._unverified = since, count + 1
        return count < MOST_UNVERIFIED


def _from_user(request: Request) -> str:
    try:
        return request.from_.uri.user
    except BadMessage:
        return ""
