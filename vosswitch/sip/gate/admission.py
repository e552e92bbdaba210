"""Which new requests are turned away before they cost anything, and how they are told."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from vosswitch.sip.gate.refused import Refused
from vosswitch.sip.gate.shedding import glimpse, refusal
from vosswitch.sip.gate.sources import SourceRates
from vosswitch.sip.grammar.message import BadMessage, Request
from vosswitch.sip.grammar.parse import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vosswitch.sip.gate.authentication import Authentication
    from vosswitch.sip.gate.intake import Intake
    from vosswitch.sip.gate.shedding import Glimpse
    from vosswitch.sip.grammar.headers import Via
    from vosswitch.sip.legs.stack import Stack
    from vosswitch.sip.transactions.flow import Flow

RETRY_AFTER = 2
"""Seconds that a peer shall stay away when it is told of an overload: it holds all its traffic, so few."""
URGENT_CPS = 20
"""Calls to emergency numbers per second of one source that pass when others are turned away."""

_CALLED = re.compile(
    rb"INVITE (?:sips?:([0-9*#+().-]{1,40})(?:[;:][^@ ]{0,200})?@|tel:([0-9*#+().-]{1,40})[; ])", re.IGNORECASE
)


class Admission:
    """The `intake.Desk` of the room.

    :param credentials: an `ICredentials`; its addresses and *authentication*'s latest proofs tell who is known.
    :param serve: takes in a message that is let in.
    :param back: the way of responses to a request with this topmost Via.
    :param note: told the source of each request that is shed, and whether for its age (else for its source's rate).
    :ivar serve: as given; *intake* has to be set before anything comes in.
    """

    __slots__ = (
        "_authentication", "_back", "_credentials", "_note", "_parameters", "_rates", "_refused", "_stack", "_tag",
        "_urgent", "intake", "serve",
    )  # fmt: skip

    def __init__(
        self,
        stack: Stack,
        authentication: Authentication,
        credentials: Any,
        parameters: Callable[[], Mapping[str, Any]],
        serve: Callable[[Flow, bytes], None],
        back: Callable[[Via, Flow], Flow],
        note: Callable[[str, bool], None],
    ) -> None:
        self._stack = stack
        self._authentication = authentication
        self._credentials = credentials
        self._parameters = parameters
        self._rates = SourceRates()
        self._urgent = SourceRates()
        self._refused = Refused()
        self._back = back
        self._note = note
        self._tag = ""
        self.serve = serve
        self.intake: Intake | None = None

    def delay(self) -> float:
        """VS_OVERLOAD_DELAY in seconds."""
        return float(self._parameters()["VS_OVERLOAD_DELAY"]) / 1000

    def known(self, flow: Flow) -> bool:
        """Whether the source has proved itself: by its address, or lately by digest."""
        remote = flow.remote
        return remote.host in self._authentication.proven or bool(self._credentials.trusts(remote))

    def full(self) -> bool:
        """Whether as many transactions as there may be are being served."""
        return self._stack.layer.full

    def capped(self, flow: Flow, now: float) -> bool:
        """Whether the source has sent more new requests than VS_SOURCE_CPS."""
        most = self._parameters()["VS_SOURCE_CPS"]
        return most is not None and not self._rates.take(flow.remote.host, most, now)

    def shed(self, flow: Flow, data: bytes, *, late: bool) -> bool:
        """Answer a new request with 503 from its bytes; False when it repeats one that is being served, or is urgent.

        :param late: it waited too long, or the switch is full, so that its sender shall hold its traffic (Retry-After);
            else it was capped.
        """
        if self.urgent(flow, data):
            return False
        seen = glimpse(data)
        if seen is None:
            self._stack.statistics.dropped += 1
            return True
        if seen.key in self._stack.layer.servers or (not seen.key and self._runs(data)):
            return False
        self._note(flow.remote.host, late)
        if self._parameters()["SS_REPLY_UNAUTHORIZED"] or self.known(flow):
            self._refused.note(seen.key, self._stack.timers.now())
            self._answer(seen, flow, RETRY_AFTER if late else 0)
        return True

    def repeats(self, flow: Flow, data: bytes) -> bool:
        """Answer what was refused a moment ago as it was then: whoever sent it has given that call up."""
        if not self._refused:
            return False
        seen = glimpse(data)
        if seen is None or not seen.key or seen.key in self._stack.layer.servers:
            return False
        if not self._refused.has(seen.key, self._stack.timers.now()):
            return False
        self._answer(seen, flow, RETRY_AFTER)
        return True

    def _answer(self, seen: Glimpse, flow: Flow, wait: int) -> None:
        statistics, remote = self._stack.statistics, flow.remote
        statistics.sent += 1
        statistics.responses[503] += 1
        answer = refusal(seen, remote.host, remote.port, self._shed_tag(), wait)
        self._back(seen.via, flow).send(answer)

    def urgent(self, flow: Flow, data: bytes) -> bool:
        """Whether it is a known source's call to an emergency number, of which each may have some a second."""
        if not self._calls_emergency(_CALLED.match(data), flow):
            return False
        if not self._urgent.take(flow.remote.host, URGENT_CPS, self._stack.timers.now()):
            return False
        self._stack.statistics.urgent += 1
        return True

    def is_emergency(self, uri: str, flow: Flow) -> bool:
        """Whether an INVITE that was let in, whose Request-URI this is, is a known source's call to such a number."""
        return self._calls_emergency(_CALLED.match(b"INVITE " + uri.encode("utf-8", "replace") + b" "), flow)

    def _calls_emergency(self, found: re.Match[bytes] | None, flow: Flow) -> bool:
        if found is None:
            return False
        callee = (found[1] or found[2]).decode("ascii")
        return bool(self._credentials.emergency(callee)) and self.known(flow)

    def _runs(self, data: bytes) -> bool:
        """Whether a request of a peer of RFC 2543 is being served."""
        try:
            message = parse(data)
            return isinstance(message, Request) and self._stack.layer.find(message) is not None
        except BadMessage:
            return False

    def _shed_tag(self) -> str:
        if not self._tag:
            self._tag = self._stack.tokens.new()
            if self.intake is not None:
                self.intake.absorb = b"tag=" + self._tag.encode()
        return self._tag
