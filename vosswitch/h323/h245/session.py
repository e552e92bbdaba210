"""The H.245 side of one leg: capabilities, determination, logical channels and user input as one session.

Here is what the leg says and what the peer says; what is made of it is in `vosswitch.h323.h245.steering`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from vosswitch.h323.h245 import plan as plans
from vosswitch.h323.h245.desk import Desk, Message, Settings
from vosswitch.h323.h245.steering import Phase, Steering
from vosswitch.h323.h245.userinput import read as read_input
from vosswitch.h323.h245.userinput import write as write_input

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.h323.h245.faststart import Channels
    from vosswitch.model.session import SessionDescription
    from vosswitch.model.signals import Digit

__all__ = ["Desk", "Message", "Session", "Settings"]

MOST_REPLIES = 16
"""Answers to what we do not know, and capabilities that are repeated on demand."""


class Session(Steering):
    """The H.245 side of one leg."""

    __slots__ = ()

    # -- the leg says

    def begin(self) -> None:
        """A control channel is there: our capabilities and master/slave determination go out; once."""
        if self._phase is Phase.WAITING:
            self._phase = Phase.RUNNING
            self._announce()
            self._determination.start()
            self._steer()

    def offer(self, session: SessionDescription | None) -> None:
        """What the far side can receive, with our address; None = capabilities only, channels wait for a later offer.

        Answered by one `Desk.opened`, or `Desk.refused` when the session was open before.
        """
        if session is None or self._phase is Phase.OVER:
            return
        plan = plans.read(session)
        if not self._due:
            self._before = self._plan
        self._plan, self._due, self._late = plan, True, False
        self._stale = self._shut = False
        self._tried.clear()
        if not plan.image and (plan.sends or plan.receives):
            self._speech = plan.capabilities(t38=self._settings.t38)
            if not plan.codecs:
                self._cannot("no codec that H.323 knows")
                return
        self._switch(plan)
        self._steer()

    def hold(self) -> None:
        """Stop the peer from sending (empty capability set), whatever the far side wants."""
        self._held = True
        self._steer()

    def resume(self) -> None:
        """The end of `hold`."""
        self._held = False
        self._steer()

    def digit(self, digit: Digit) -> bool:
        """Tell the peer a digit; False when that does not go by H.245 (by the settings, or no session yet)."""
        how = self._settings.dtmf
        if not self.running or how not in ("auto", "alphanumeric", "signal"):
            return False
        inputs = self._heard.inputs if self._heard is not None else frozenset()
        only_signals = "dtmf" in inputs and "basicString" not in inputs
        message = write_input(digit, signal=how == "signal" or (how == "auto" and only_signals))
        if message is not None:
            self._desk.send(message)
        return message is not None

    def ask_alive(self) -> bool:
        """Ask the peer for a sign of life (RoundTripDelay); False where that cannot be: it does not know how."""
        return self.running and self._roundtrip.ask()

    def adopt(self, channels: Channels) -> None:
        """Fast start has opened these; before or after `begin`.  No `Desk.opened` follows."""
        if self._phase is Phase.OVER:
            return
        plan = self._plan = plans.read(channels.ours)
        self._speech, self._due = plan.capabilities(t38=self._settings.t38), False
        if channels.sent is not None:
            number, medium = channels.sent
            self._outgoing.adopt(number, medium, plan.rtcp, channels.where)
        if channels.received is not None:
            self._incoming.adopt(channels.received, (plan.rtp, plan.rtcp))
        if self._heard is None:  # so that a hold as its first word on capabilities is one
            self._heard = plans.read(channels.theirs).capabilities(t38=False)
        self._stood = self._outcome()
        self._steer()

    def end(self) -> None:
        """Say endSessionCommand if there is anybody to hear it, and stop every timer; nothing follows."""
        if self.running:
            self._desk.send(("command", ("endSessionCommand", ("disconnect", 0))))
        self._close()

    # -- the peer says

    def take(self, message: Message) -> None:
        """One message of the peer; before `begin` it begins the session."""
        self.begin()
        if self._phase is Phase.OVER:
            return
        kind, said = message
        if not isinstance(said, tuple):
            return  # a kind of messages that does not exist: the codec leaves its bytes
        name, body = said
        action = self._ACTIONS.get((kind, name))
        if action is not None:
            action(self, body)
        elif kind == "request" and name != "nonStandard":
            self._unknown()

    def _unknown(self) -> None:
        """A request that we do not know, or do not do: said so, but not without end."""
        if self._may_reply():
            self._desk.send(("indication", ("functionNotSupported", {"cause": ("unknownFunction", 0)})))

    def _may_reply(self) -> bool:
        self._replies += 1
        return self._replies <= MOST_REPLIES

    def _repeat(self, _body: Any) -> None:
        if self._may_reply():
            self._exchange.repeat()

    def _not_understood(self, body: Any) -> None:
        """A request of ours that the peer does not know; functionNotSupported does not say which one."""
        named = body[1][0] if isinstance(body, tuple) else ""
        if named in ("", "roundTripDelayRequest"):
            self._roundtrip.unknown()
        if named in ("", "requestMode"):
            self._mode.unknown()

    def _asked_to_open(self, body: dict[str, Any]) -> None:
        if self._count() and self._incoming.requested(body):
            self._asking = False
            self._steer()

    def _asked_to_close(self, body: dict[str, Any]) -> None:
        """requestChannelClose: our channel is closed; opened again only if the peer says so, or our side wants more."""
        number, channel = body["forwardLogicalChannelNumber"], self._outgoing
        if number != channel.number or not channel.busy:
            cause = {"forwardLogicalChannelNumber": number, "cause": ("unspecified", 0)}
            self._desk.send(("response", ("requestChannelCloseReject", cause)))
        elif self._count():
            self._desk.send(("response", ("requestChannelCloseAck", {"forwardLogicalChannelNumber": number})))
            channel.close()
            self._shut = body.get("reason", ("unknown", 0))[0] != "reopen"
            self._steer()

    def _closed(self, body: dict[str, Any]) -> None:
        if self._incoming.closed(body):
            self._steer()

    def _asked_for_mode(self, body: dict[str, Any]) -> None:
        """RequestMode: our side is asked first, unless it sends that already."""
        if not self._count():
            return
        image = self._mode.requested(body)
        if image is None:
            return
        if self._plan is None or (image and not self._settings.t38):
            self._mode.deny()
        elif self._plan.image is image:
            self._mode.grant()
        else:
            self._ask(image=image)

    def _input(self, body: tuple[str, Any]) -> None:
        for digit in read_input(body):
            if self._doubles.fresh(body[0], digit.digit):
                self._desk.heard_digit(digit)

    def _ended(self, _body: Any) -> None:
        self._close()
        self._desk.ended()

    _ACTIONS: ClassVar[dict[tuple[str, str], Callable[[Session, Any], None]]] = {
        ("request", "masterSlaveDetermination"): lambda self, body: self._determination.requested(body),
        ("response", "masterSlaveDeterminationAck"): lambda self, body: self._determination.acknowledged(body),
        ("response", "masterSlaveDeterminationReject"): lambda self, _: self._determination.rejected(),
        ("indication", "masterSlaveDeterminationRelease"): lambda self, _: self._determination.released(),
        ("request", "terminalCapabilitySet"): lambda self, body: self._exchange.requested(body),
        ("response", "terminalCapabilitySetAck"): lambda self, body: self._exchange.acknowledged(body),
        ("response", "terminalCapabilitySetReject"): lambda self, body: self._exchange.rejected(body),
        ("command", "sendTerminalCapabilitySet"): _repeat,
        ("request", "openLogicalChannel"): _asked_to_open,
        ("response", "openLogicalChannelAck"): lambda self, body: self._outgoing.acknowledged(body),
        ("response", "openLogicalChannelReject"): lambda self, body: self._outgoing.refused(body),
        ("request", "closeLogicalChannel"): _closed,
        ("response", "closeLogicalChannelAck"): lambda self, body: self._outgoing.closed(body),
        ("request", "requestChannelClose"): _asked_to_close,
        ("request", "requestMode"): _asked_for_mode,
        ("response", "requestModeAck"): lambda self, body: self._mode.acknowledged(body),
        ("response", "requestModeReject"): lambda self, body: self._mode.rejected(body),
        ("indication", "requestModeRelease"): lambda self, _: self._mode.withdrawn(),
        ("request", "roundTripDelayRequest"): lambda self, body: self._roundtrip.requested(body),
        ("response", "roundTripDelayResponse"): lambda self, _: self._desk.answered(),
        ("indication", "userInput"): _input,
        ("indication", "functionNotUnderstood"): _not_understood,
        ("indication", "functionNotSupported"): _not_understood,
        ("command", "endSessionCommand"): _ended,
    }
