"""The peer's logical channel to us: the incoming LCSE of H.245 C.4 and requestChannelClose (C.6), without I/O.

There is at most one: a new one takes the place of what was there.  Bidirectional channels are not for media over RTP or
UDPTL and are refused.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

from vosswitch.h323.h245 import addresses
from vosswitch.h323.h245.channels import ACK, AUDIO_SESSION, DATA_SESSION, H2250, Asked, endpoint, read_data_type
from vosswitch.h323.h245.entity import SignallingEntity, Table
from vosswitch.h323.h245.fax import Fax

if TYPE_CHECKING:
    from vosswitch.h323.h245.addresses import Endpoint
    from vosswitch.h323.h245.desk import Desk


class In(StrEnum):
    """States of the peer's channel (C.4.3.2)."""

    RELEASED = "released"
    AWAITING = "awaiting-establishment"
    ESTABLISHED = "established"


class InInput(StrEnum):
    """What can happen to it."""

    OPEN = "open"
    GRANT = "grant"
    DENY = "deny"
    CLOSE = "close"


class IncomingChannel(SignallingEntity):
    """The peer's channel to us.

    :ivar asked: what it carries, or would; None = there is none.
    :ivar told: RTP and RTCP address that we have told for it.
    """

    __slots__ = ("_cause", "_next", "asked", "told")

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, In.RELEASED)
        self.asked: Asked | None = None
        self.told: tuple[Endpoint | None, Endpoint | None] = (None, None)
        self._next: Asked | None = None
        self._cause = ""

    @property
    def is_open(self) -> bool:
        """Whether we have taken it."""
        return self.state is In.ESTABLISHED

    @property
    def waits(self) -> bool:
        """Whether the peer waits for our word."""
        return self.state is In.AWAITING

    def requested(self, body: dict[str, Any]) -> bool:
        """``openLogicalChannel`` of the peer: whether there is something to decide now."""
        number, said = body["forwardLogicalChannelNumber"], body["forwardLogicalChannelParameters"]
        medium = read_data_type(said["dataType"])
        kind, about = said["multiplexParameters"]
        if "reverseLogicalChannelParameters" in body:
            self._reject(number, "unsuitableReverseParameters")
        elif medium is None:
            self._reject(number, "dataTypeNotSupported")
        elif kind != H2250:
            self._reject(number, "unspecified")
        else:
            return self._offered(Asked(number, about["sessionID"], medium, endpoint(about)))
        return False

    def _offered(self, asked: Asked) -> bool:
        if self.is_open and asked == self.asked:
            self._acknowledge()  # it has come twice
            return False
        self._next = asked
        self._feed(InInput.OPEN)
        return True

    def grant(self, rtp: Endpoint | None, rtcp: Endpoint | None) -> None:
        """Take it: media shall come to *rtp*."""
        self.told = (rtp, rtcp)
        self._feed(InInput.GRANT)

    def deny(self, cause: str) -> None:
        """Refuse it.

        :param cause: of OpenLogicalChannelReject.
        """
        self._cause = cause
        self._feed(InInput.DENY)

    def adopt(self, asked: Asked, told: tuple[Endpoint | None, Endpoint | None]) -> None:
        """Fast start has opened it."""
        self.asked, self.told, self.state = asked, told, In.ESTABLISHED

    def closed(self, body: dict[str, Any]) -> bool:
        """``closeLogicalChannel`` of the peer, always acknowledged: whether it was this one."""
        number = body["forwardLogicalChannelNumber"]
        self._desk.send(("response", ("closeLogicalChannelAck", {"forwardLogicalChannelNumber": number})))
        if self.asked is None or self.asked.number != number:
            return False
        self._feed(InInput.CLOSE)
        return True

    def ask_close(self) -> None:
        """Ask the peer to close it and to open another one (requestChannelClose)."""
        if self.is_open and self.asked is not None:
            body = {"forwardLogicalChannelNumber": self.asked.number, "reason": ("reopen", 0)}
            self._desk.send(("request", ("requestChannelClose", body)))

    def _take(self) -> None:
        self.asked = self._next

    def _acknowledge(self) -> None:
        asked = self.asked
        assert asked is not None
        fax_session = DATA_SESSION if isinstance(asked.medium, Fax) else AUDIO_SESSION
        said: dict[str, Any] = {"sessionID": asked.session or fax_session, "flowControlToZero": False}
        rtp, rtcp = self.told
        if rtp is not None:
            said["mediaChannel"] = addresses.write(*rtp)
        if rtcp is not None and not isinstance(asked.medium, Fax):
            said["mediaControlChannel"] = addresses.write(*rtcp)
        body = {"forwardLogicalChannelNumber": asked.number, "forwardMultiplexAckParameters": (ACK, said)}
        self._desk.send(("response", ("openLogicalChannelAck", body)))

    def _refuse(self) -> None:
        assert self.asked is not None
        number, self.asked = self.asked.number, None
        self._reject(number, self._cause)

    def _reject(self, number: int, cause: str) -> None:
        body = {"forwardLogicalChannelNumber": number, "cause": (cause, 0)}
        self._desk.send(("response", ("openLogicalChannelReject", body)))

    def _forget(self) -> None:
        self.asked = None

    TABLE: ClassVar[Table] = {
        In.RELEASED: {
            InInput.OPEN: (In.AWAITING, _take),
        },
        In.AWAITING: {
            InInput.OPEN: (In.AWAITING, _take),
            InInput.GRANT: (In.ESTABLISHED, _acknowledge),
            InInput.DENY: (In.RELEASED, _refuse),
            InInput.CLOSE: (In.RELEASED, _forget),
        },
        In.ESTABLISHED: {
            InInput.OPEN: (In.AWAITING, _take),
            InInput.CLOSE: (In.RELEASED, _forget),
        },
    }
