"""What the H.245 side of a leg needs of that leg, and how it behaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.h323.legs.line import Timer
    from vosswitch.model.session import SessionDescription
    from vosswitch.model.signals import Digit

Message = tuple[str, Any]
"""A decoded ``MultimediaSystemControlMessage``, such as ``("request", ("masterSlaveDetermination", {...}))``."""


class Desk(Protocol):
    """A leg, as its H.245 session sees it.

    What it is told may be answered at once, out of the very call (`Session.offer` within `capable`).
    """

    def send(self, message: Message) -> None:
        """Send one message, in this order: tunnelled or on the separate connection."""

    def later(self, seconds: float, function: Callable[[], None]) -> Timer:
        """Call *function* after so long."""

    def chance(self) -> int:
        """A random number of 24 bits."""

    def capable(self, session: SessionDescription) -> None:
        """The peer's capabilities, as an offer without address (host 0.0.0.0, port 9); again when they change.

        An empty capability set (H.323 8.4.6: we shall stop sending, hold) comes as the last ones with ``a=inactive``.
        When the far side answers, its answer is the next `Session.offer`; where it refuses: `Session.decline`.
        """

    def asked(self, session: SessionDescription) -> None:
        """The peer wants another mode: fax by T.38 (``m=image``), or audio again.

        An offer without address as in `capable`; the far side's answer is the next `Session.offer`, or
        `Session.decline`.
        """

    def opened(self, session: SessionDescription) -> None:
        """Media stands as the last `Session.offer` wanted it: the peer's description, section by section as that offer.

        Once for each offer; again, unasked, when the peer has moved its media by itself.
        """

    def refused(self, why: str) -> None:
        """The last `Session.offer` of an open session cannot be had; all stays as it was.  For people."""

    def heard_digit(self, digit: Digit) -> None:
        """A digit as user input of H.245, each one once."""

    def answered(self) -> None:
        """The peer has answered `Session.ask_alive`."""

    def failed(self, why: str, *, mismatch: bool) -> None:
        """The session has failed, the call cannot go on; *why* for people.  Nothing follows.

        :param mismatch: the sides have no codec in common; else the peer does not answer, or does not do as H.245 says.
        """

    def ended(self) -> None:
        """The peer has ended the session (endSessionCommand).  Nothing follows."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a session behaves; figures in seconds are those of the stacks in use.

    :ivar dtmf: how `Session.digit` tells digits: ``alphanumeric``, ``signal``, or ``auto``: alphanumeric, as the
        usual stacks send them, unless the peer takes only signals.  With any other method digits do not go by H.245.
    :ivar payload: RTP payload type of RFC 2833 that we name before the far side has named one (96-127).
    :ivar t38: T.38 is announced, and taken when the peer asks for it.
    :ivar terminal_type: of master/slave determination; 60 = gateway without MC (H.323 table 1).
    :ivar retries: determinations with identical numbers before we give up (N100).
    :ivar patience: for an answer to a request (T101, T103, T106, T109).
    :ivar wait: for the peer's logical channel when our own one is open already.
    :ivar move: for the peer to close its channel when it shall open another one.
    """

    dtmf: str = "auto"
    payload: int = 101
    t38: bool = True
    terminal_type: int = 60
    retries: int = 10
    patience: float = 30.0
    wait: float = 10.0
    move: float = 5.0
