"""The H.245 side of one leg."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vosswitch.h323.h245.desk import Desk, Message, Settings

if TYPE_CHECKING:
    from vosswitch.h323.h245.faststart import Channels
    from vosswitch.model.session import SessionDescription
    from vosswitch.model.signals import Digit

__all__ = ["Desk", "Message", "Session", "Settings"]


class Session:
    """The H.245 side of one leg: both ends of capabilities, determination, logical channels and user input."""

    def __init__(self, desk: Desk, settings: Settings) -> None:
        raise NotImplementedError

    @property
    def master(self) -> bool | None:
        """Whether we are the master; None while that is not determined."""
        raise NotImplementedError

    @property
    def running(self) -> bool:
        """Whether it has begun and not ended."""
        raise NotImplementedError

    def begin(self) -> None:
        """A control channel is there: our capabilities and master/slave determination go out; once."""

    def take(self, message: Message) -> None:
        """One message of the peer; before `begin` it begins the session."""

    def offer(self, session: SessionDescription | None) -> None:
        """What the far side can receive, with our address; None = capabilities only, channels wait for a later offer.

        Answered by one `Desk.opened`, or `Desk.refused` when the session was open before.
        """

    def decline(self) -> None:
        """The far side does not take what `Desk.capable` or `Desk.asked` told last."""

    def hold(self) -> None:
        """Stop the peer from sending (empty capability set), whatever the far side wants."""

    def resume(self) -> None:
        """The end of `hold`."""

    def digit(self, digit: Digit) -> bool:
        """Tell the peer a digit; False when that does not go by H.245 (by the settings, or no session yet)."""
        raise NotImplementedError

    def adopt(self, channels: Channels) -> None:
        """Fast start has opened these; before or after `begin`.  No `Desk.opened` follows."""

    def end(self) -> None:
        """Say endSessionCommand if there is anybody to hear it, and stop every timer; nothing follows."""
