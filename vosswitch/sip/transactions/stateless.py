"""Answers without a transaction (RFC 3261 8.2.7): for whoever has not proved itself, so that it costs no memory.

A request that is sent again gets the same answer with the same To tag; what answers it (an ACK) is passed over.  One
datagram is answered by one at most, of at most twice its size, and is never sent again: nobody can have the switch
flood a forged source.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from vosswitch.sip.grammar.message import BadMessage, render

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vosswitch.sip.grammar.headers import Via
    from vosswitch.sip.grammar.message import Request
    from vosswitch.sip.transactions.flow import Flow, Statistics

TIMES = 2
"""How many times as long as the request an answer to an unproved source may be."""
_END = b"Content-Length: 0\r\n\r\n"


class Stateless:
    """Writes the answers.

    :param secret: makes the To tags unguessable.
    :param back: where the responses to a request with that topmost Via go.
    :ivar size: bytes of the message that is being answered; the service sets it.
    """

    __slots__ = ("_back", "_secret", "_statistics", "size")

    def __init__(self, secret: bytes, back: Callable[[Via, Flow], Flow], statistics: Statistics) -> None:
        self._secret = secret
        self._back = back
        self._statistics = statistics
        self.size = 0

    def answer(
        self,
        request: Request,
        flow: Flow,
        status: int,
        extra: Sequence[str] = (),
        reason: str = "",
        tag: str = "",
        needed: int = 0,
    ) -> bool:
        """Answer a request once; False when nothing was sent.

        :param extra: header lines, each ended by CRLF; those behind the first *needed* ones are left out where the
            answer would be too long.
        """
        if request.method == "ACK":
            return False
        try:
            request.stamp(flow.remote.host, flow.remote.port)
            head = render(request.reply(status, reason, tag or self.tag(request)))[: -len(_END)]
            back = self._back(request.via, flow)
        except BadMessage:
            return False
        data = self._fitting(head, extra, needed, flow)
        if not data:
            self.silent()
            return False
        self._statistics.sent += 1
        self._statistics.responses[status] += 1
        back.send(data)
        return True

    def silent(self) -> None:
        """Count a request that is left without an answer."""
        self._statistics.dropped += 1

    def _fitting(self, head: bytes, extra: Sequence[str], needed: int, flow: Flow) -> bytes:
        lines = [line.encode("utf-8", "replace") for line in extra]
        if not flow.reliable:
            most = TIMES * self.size - len(head) - len(_END)
            while len(lines) > needed and sum(map(len, lines)) > most:
                lines.pop()
            if sum(map(len, lines)) > most:
                return b""
        return head + b"".join(lines) + _END

    def tag(self, request: Request) -> str:
        """The To tag for a request, the same each time that it comes."""
        headers = request.headers
        text = "|".join([next(iter(headers.get(name, ("",))), "") for name in ("via", "from", "call-id", "cseq")])
        return blake2b(text.encode("utf-8", "replace"), key=self._secret, digest_size=8).hexdigest()
