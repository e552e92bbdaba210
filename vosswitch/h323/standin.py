"""A leg as the switch sees it, whose protocol is spoken in another process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from zope.interface import implementer

from vosswitch.model.causes import cause
from vosswitch.model.interfaces import ILeg
from vosswitch.model.signals import Answer, Proceed, Progress, Release, Ring

if TYPE_CHECKING:
    from vosswitch.h323.wire import LegState
    from vosswitch.model.signals import Signal
    from vosswitch.model.values import Address

_STATUS: dict[type, int] = {Proceed: 100, Ring: 180, Progress: 183, Answer: 200}
"""What the peer will have been told once the process has the signal."""


class Sender(Protocol):
    """What brings signals to the process."""

    def say(self, leg: StandIn, signal: Signal) -> None:
        """Bring *signal* to the leg there."""


@implementer(ILeg)
class StandIn:
    """One leg.

    :param incoming: the peer has called us.
    :ivar number: its number between switch and process.
    :ivar over: it has been released, by whomever.
    :ivar _answered: the call knows that the peer has answered; its Connect may have come before (`status`).
    """

    __slots__ = (
        "_answered",
        "_incoming",
        "_resume",
        "_sender",
        "_unheard",
        "listener",
        "number",
        "over",
        "peer_call_id",
        "remote",
        "status",
        "user_agent",
    )

    def __init__(
        self, sender: Sender, number: int, remote: Address, listener: Any = None, *, incoming: bool = False
    ) -> None:
        self._sender = sender
        self._incoming = incoming
        self._answered = False
        self._resume: dict[str, Any] = {}
        self._unheard: list[Signal] = []
        self.listener = listener
        self.number = number
        self.remote = remote
        self.peer_call_id = self.user_agent = ""
        self.status = 0
        self.over = False

    # ILeg.

    def listen(self, listener: Any) -> None:
        """Report to *listener* from now on."""
        self.listener = listener
        unheard, self._unheard = self._unheard, []
        for signal in unheard:
            listener.heard(self, signal)

    def send(self, signal: Signal) -> None:
        """Have the peer told."""
        if self.over:
            return
        if self._incoming:
            self._note(signal)
        self.over = type(signal) is Release
        self._sender.say(self, signal)

    def _note(self, signal: Signal) -> None:
        """The caller's side asks for the status of what it was told at once."""
        if type(signal) is Release:
            if self.status < 200:
                self.status = signal.cause.answerable
        else:
            self.status = max(self.status, _STATUS.get(type(signal), 0))

    def resume_data(self) -> dict[str, Any]:
        """What ends the leg after a restart; {} before there is anything to end."""
        return self._resume

    # What the process says.

    def changed(self, state: LegState) -> None:
        """Take what is known of the leg now."""
        self.peer_call_id, self.remote, self.user_agent = state.peer_call_id, state.remote, state.user_agent
        if not self._incoming or state.status > self.status:
            self.status = state.status
        self._resume = state.resume or {}

    def heard(self, signal: Signal) -> None:
        """The peer said something."""
        if self.over:
            return
        self.over = type(signal) is Release
        self._answered = self._answered or type(signal) is Answer
        if self.listener is None:
            self._unheard.append(signal)
        else:
            self.listener.heard(self, signal)

    def lost(self, text: str) -> None:
        """The process is gone, as *text* says: an attempt goes on elsewhere, a call is over."""
        if self._incoming or self._answered:
            reason = "switch_restart"
        else:
            reason = "connection_timeout" if self.status < 200 else "rtp_timeout"  # connected, without media so far
        self.heard(Release(cause(reason)._replace(text=text)))
