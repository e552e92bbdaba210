"""Our logical channel to the peer: the outgoing LCSE of H.245 C.4, without I/O.

There is at most one; another one may be opened while the peer has not yet confirmed that the last one is closed.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

from vosswitch.h323.h245.channels import ACK, data_type, endpoint, parameters
from vosswitch.h323.h245.entity import SignallingEntity, Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.h323.h245.addresses import Endpoint
    from vosswitch.h323.h245.audio import Audio
    from vosswitch.h323.h245.desk import Desk, Settings
    from vosswitch.h323.h245.fax import Fax


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


class OutgoingChannel(SignallingEntity):
    """Our channel to the peer.

    :ivar medium: what it carries, or carried last; *rtcp* ours, as the peer was told.
    :ivar where: the peer takes its media there, None = not open.
    :param stands: called when the peer has taken it.
    :param rejected: called with the cause when it does not, ``timeout`` when it says nothing.
    """

    __slots__ = (
        "_rejected",
        "_settings",
        "_stands",
        "medium",
        "number",
        "rtcp",
        "where",
    )

    def __init__(
        self, desk: Desk, settings: Settings, stands: Callable[[], None], rejected: Callable[[str], None]
    ) -> None:
        super().__init__(desk, Out.RELEASED)
        self._settings, self._stands, self._rejected = settings, stands, rejected
        self.number = 100
        self.medium: Audio | Fax | None = None
        self.rtcp: Endpoint | None = None
        self.where: Endpoint | None = None

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
        self.where = endpoint(said) if kind == ACK else None
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

    def _ask(self) -> None:
        assert self.medium is not None
        self.number = self.number % 65535 + 1
        forward = {"dataType": data_type(self.medium), "multiplexParameters": parameters(self.medium, None, self.rtcp)}
        body = {"forwardLogicalChannelNumber": self.number, "forwardLogicalChannelParameters": forward}
        self._after(self._settings.patience, OutInput.TIMEOUT)
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

    TABLE: ClassVar[Table] = {
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
