"""Logical channels: the LCSEs of H.245 C.4 (unidirectional) and C.6 (requestChannelClose), without I/O.

At most one channel goes each way; a new one takes the place of what was there.  Bidirectional channels are not for
media over RTP or UDPTL and are refused.  ``transportCapability`` is never sent: there are stacks that refuse it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

from vosswitch.h323.h245 import addresses, audio, fax
from vosswitch.h323.h245.fax import FAX, Fax

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.h323.h245.addresses import Endpoint
    from vosswitch.h323.h245.audio import Audio
    from vosswitch.h323.h245.desk import Desk, Settings
    from vosswitch.h323.legs.line import Timer

AUDIO_SESSION, DATA_SESSION = 1, 3
"""Primary sessions (H.225.0 section 8.5): audio, and data."""
_H2250 = "h2250LogicalChannelParameters"
_ACK = "h2250LogicalChannelAckParameters"


def data_type(medium: Audio | Fax) -> tuple[str, Any]:
    """``DataType``."""
    if isinstance(medium, Fax):
        return "data", fax.capability()
    return "audioData", medium.value


def read_data_type(value: tuple[str, Any]) -> Audio | Fax | None:
    """The medium of a ``DataType``; None when it is none of ours."""
    kind, body = value
    if kind == "audioData":
        return audio.read(body)
    return FAX if kind == "data" and fax.is_fax(body) else None


def endpoint(body: dict[str, Any]) -> Endpoint | None:
    """Where parameters of a channel want media: their RTP address, else next to their RTCP address."""
    media = addresses.read(body.get("mediaChannel"))
    if media is not None:
        return media
    control = addresses.read(body.get("mediaControlChannel"))
    return (control[0], control[1] - 1) if control is not None and control[1] > 1 else None


def parameters(medium: Audio | Fax, rtp: Endpoint | None, rtcp: Endpoint | None) -> tuple[str, Any]:
    """``h2250LogicalChannelParameters``; None addresses are left out, and fax has no RTCP."""
    image = isinstance(medium, Fax)
    body: dict[str, Any] = {"sessionID": DATA_SESSION if image else AUDIO_SESSION}
    if rtp is not None:
        body["mediaChannel"] = addresses.write(*rtp)
    if rtcp is not None and not image:
        body["mediaControlChannel"] = addresses.write(*rtcp)
    return _H2250, body


class Out(StrEnum):
    """States of our channel (C.4.3.1)."""

    RELEASED = "released"
    AWAITING = "awaiting-establishment"
    ESTABLISHED = "established"
    CLOSING = "awaiting-release"


class OutInput(StrEnum):
    """What can happen to it."""

    OPEN = "open"
    ACK = "ack"
    REJECT = "reject"
    CLOSE = "close"
    CLOSE_ACK = "close-ack"
    TIMEOUT = "timeout"  # T103


class OutgoingChannel:
    """Our channel to the peer.

    :ivar medium: what it carries, or carried last; *rtcp* ours, as the peer was told.
    :ivar where: the peer takes its media there, None = not open.
    :param stands: called when the peer has taken it.
    :param rejected: called with the cause when it does not, ``timeout`` when it says nothing.
    """

    __slots__ = (
        "_desk",
        "_rejected",
        "_settings",
        "_stands",
        "_timer",
        "medium",
        "number",
        "rtcp",
        "state",
        "where",
    )

    def __init__(
        self, desk: Desk, settings: Settings, stands: Callable[[], None], rejected: Callable[[str], None]
    ) -> None:
        self._desk, self._settings, self._stands, self._rejected = desk, settings, stands, rejected
        self.state = Out.RELEASED
        self.number = 100
        self.medium: Audio | Fax | None = None
        self.rtcp: Endpoint | None = None
        self.where: Endpoint | None = None
        self._timer: Timer | None = None

    @property
    def is_open(self) -> bool:
        """Whether the peer has taken it."""
        return self.state is Out.ESTABLISHED

    @property
    def busy(self) -> bool:
        """Whether it is open or about to be."""
        return self.state in (Out.ESTABLISHED, Out.AWAITING)

    def open(self, medium: Audio | Fax, rtcp: Endpoint | None) -> None:
        """Open it; while one is open or opening nothing happens.

        :param rtcp: where we take the peer's reports on it.
        """
        if not self.busy:
            self.medium, self.rtcp, self.where = medium, rtcp, None
            self._feed(OutInput.OPEN)

    def adopt(self, number: int, medium: Audio | Fax, rtcp: Endpoint | None, where: Endpoint | None) -> None:
        """Fast start has opened it."""
        self.stop()
        self.number, self.medium, self.rtcp, self.where = number, medium, rtcp, where
        self.state = Out.ESTABLISHED

    def close(self) -> None:
        """Close it."""
        self._feed(OutInput.CLOSE)

    def acknowledged(self, body: dict[str, Any]) -> None:
        """``openLogicalChannelAck``."""
        if body["forwardLogicalChannelNumber"] != self.number or self.state is not Out.AWAITING:
            return
        kind, said = body.get("forwardMultiplexAckParameters", ("", {}))
        self.where = endpoint(said) if kind == _ACK else None
        if self.where is None:
            self.close()
            self._rejected("no address")
        else:
            self._feed(OutInput.ACK)

    def refused(self, body: dict[str, Any]) -> None:
        """``openLogicalChannelReject``."""
        if body["forwardLogicalChannelNumber"] == self.number and self.busy:
            self._feed(OutInput.REJECT)
            self._rejected(body["cause"][0])

    def closed(self, body: dict[str, Any]) -> None:
        """``closeLogicalChannelAck``."""
        if body["forwardLogicalChannelNumber"] == self.number:
            self._feed(OutInput.CLOSE_ACK)

    def stop(self) -> None:
        """No timer any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _feed(self, what: OutInput) -> None:
        row = self.TABLE[self.state].get(what)
        if row is not None:
            self.state, action = row
            action(self)

    def _ask(self) -> None:
        assert self.medium is not None
        self.number = self.number % 65535 + 1
        forward = {"dataType": data_type(self.medium), "multiplexParameters": parameters(self.medium, None, self.rtcp)}
        body = {"forwardLogicalChannelNumber": self.number, "forwardLogicalChannelParameters": forward}
        self._later(OutInput.TIMEOUT)
        self._desk.send(("request", ("openLogicalChannel", body)))

    def _stand(self) -> None:
        self.stop()
        self._stands()

    def _lose(self) -> None:
        self.stop()
        self.where = None

    def _say_close(self) -> None:
        self._lose()
        body = {
            "forwardLogicalChannelNumber": self.number,
            "source": ("user", 0),
            "reason": ("unknown", 0),
        }
        self._desk.send(("request", ("closeLogicalChannel", body)))

    def _expire(self) -> None:
        self._say_close()
        self._rejected("timeout")

    def _later(self, what: OutInput) -> None:
        self.stop()
        self._timer = self._desk.later(self._settings.patience, lambda: self._feed(what))

    TABLE: ClassVar[dict[Out, dict[OutInput, tuple[Out, Callable[[OutgoingChannel], None]]]]] = {
        Out.RELEASED: {
            OutInput.OPEN: (Out.AWAITING, _ask),
        },
        Out.AWAITING: {
            OutInput.ACK: (Out.ESTABLISHED, _stand),
            OutInput.REJECT: (Out.RELEASED, _lose),
            OutInput.CLOSE: (Out.CLOSING, _say_close),
            OutInput.TIMEOUT: (Out.CLOSING, _expire),
        },
        Out.ESTABLISHED: {
            OutInput.REJECT: (Out.RELEASED, _lose),
            OutInput.CLOSE: (Out.CLOSING, _say_close),
        },
        Out.CLOSING: {
            OutInput.OPEN: (Out.AWAITING, _ask),
            OutInput.CLOSE_ACK: (Out.RELEASED, _lose),
        },
    }


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


@dataclass(frozen=True, slots=True)
class Asked:
    """A channel that the peer opens.

    :ivar source: where its media comes from, as its RTCP address tells; None = it does not.
    """

    number: int
    session: int
    medium: Audio | Fax
    source: Endpoint | None = None


class IncomingChannel:
    """The peer's channel to us.

    :ivar asked: what it carries, or would; None = there is none.
    :ivar told: RTP and RTCP address that we have told for it.
    """

    __slots__ = ("_cause", "_desk", "_next", "asked", "state", "told")

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.state = In.RELEASED
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
        elif kind != _H2250:
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

    def _feed(self, what: InInput) -> None:
        row = self.TABLE[self.state].get(what)
        if row is not None:
            self.state, action = row
            action(self)

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
        body = {"forwardLogicalChannelNumber": asked.number, "forwardMultiplexAckParameters": (_ACK, said)}
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

    TABLE: ClassVar[dict[In, dict[InInput, tuple[In, Callable[[IncomingChannel], None]]]]] = {
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
