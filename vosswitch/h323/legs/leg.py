"""One side of a call over H.323: what incoming and outgoing legs have in common.

A leg speaks `vosswitch.model.signals` with its call and `vosswitch.h323.h225` messages with its peer.  Two tables in
each class say what happens in which state: `TAKES` for signals of the call, `HEARS` for messages of the peer; what does
not stand there is ignored.  What both sides agree on about media is `vosswitch.h323.legs.media`'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from vosswitch.h323 import causes
from vosswitch.h323.h225 import (
    BadMessage,
    Facility,
    Information,
    Message,
    Other,
    Progress,
    ReleaseComplete,
    Setup,
    read,
    write,
)
from vosswitch.h323.legs.digits import Digits
from vosswitch.h323.legs.keepalive import KeepAlive, Kind
from vosswitch.h323.legs.media import Media
from vosswitch.h323.legs.numbers import settings_of
from vosswitch.h323.legs.states import State
from vosswitch.model.causes import Cause, cause
from vosswitch.model.h323 import TRANSPORT
from vosswitch.model.signals import Accept, Carried, Carry, Confirm, Digit, Offer, Refuse, Release, Signal

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.h323.legs.line import Line, Timer
    from vosswitch.h323.legs.stack import Stack
    from vosswitch.model.peer import PeerProfile
    from vosswitch.model.values import Address

_STRANGE = 4
"""Messages of other calls that are answered on the connection of one leg."""
_UNREADABLE = 16
"""Messages that cannot be read, after which the leg ends."""
_PARTING = 3.0
"""Seconds until ReleaseComplete has to follow the end of H.245 (the default of h323plus)."""


class Listener(Protocol):
    """An `ILegListener`, for the type checker."""

    def heard(self, leg: Any, signal: Signal) -> None: ...  # noqa: D102


TakesRow = dict[type[Signal], tuple[State, "Callable[[Any, Any], None]"]]
HearsRow = dict[type[Message], tuple[State, "Callable[[Any, Any], None]"]]
Takes = dict[State, TakesRow]
Hears = dict[State, HearsRow]


class _Alarm:
    """A running timer of a leg."""

    __slots__ = ("_function", "_leg", "timer")

    timer: Timer | None

    def __init__(self, leg: Leg, function: Callable[[], None]) -> None:
        self._leg = leg
        self._function = function

    def ring(self) -> None:
        self._leg.alarms.discard(self)
        self._leg.step(self._function)

    def cancel(self) -> None:
        """Stop it; nothing when it is over already."""
        self._leg.alarms.discard(self)
        timer, self.timer = self.timer, None
        if timer is not None:
            timer.cancel()


class Leg:
    """The common part (a `LineUser`).

    :ivar profile: how its peer is spoken with, *settings* the H.323 part of that.
    :ivar peer_call_id: the callIdentifier as text; *remote*, *user_agent*, *status*: see `ILeg`.
    :ivar call_identifier: 16 octets, None when the peer gave none; *reference* the call reference value.
    :ivar media: what is agreed about media; *digits* DTMF.
    :ivar alarms: its running timers.
    :ivar alive: asks a silent peer for signs of life.
    :ivar _pending: depth of `step`; what is collected for the tunnel goes out at the end of the outermost one.
    """

    __slots__ = (
        "_over",
        "_parting",
        "_pending",
        "_strange",
        "_unreadable",
        "alarms",
        "alive",
        "call_identifier",
        "digits",
        "is_heard",
        "line",
        "listener",
        "media",
        "peer_call_id",
        "profile",
        "reference",
        "remote",
        "settings",
        "stack",
        "state",
        "status",
        "user",
        "user_agent",
    )
    TAKES: ClassVar[Takes] = {}
    HEARS: ClassVar[Hears] = {}
    CALLED: ClassVar[bool] = False
    """Whether we are the side that was called: the flag of the call reference."""

    def __init__(self, stack: Stack, line: Line, state: State, remote: Address, profile: PeerProfile) -> None:
        self.stack = stack
        self.line = line
        self.state = state
        self.remote = remote
        self.profile = profile
        self.settings = settings_of(profile)
        self.listener: Listener | None = None
        self.peer_call_id = ""
        self.user = self.user_agent = ""
        self.status = 0
        self.reference = 0
        self.call_identifier: bytes | None = None
        self.alarms: set[_Alarm] = set()
        self.digits = Digits(self)
        self.alive = KeepAlive(self)
        self.media: Media
        self.is_heard = False
        self._over = self._parting = False
        self._pending = self._strange = self._unreadable = 0

    @property
    def is_answered(self) -> bool:
        """Whether the call knows that it is answered: sessions may change."""
        return self.state is State.ACTIVE

    # -- towards the call

    def listen(self, listener: Listener) -> None:
        """Report to *listener* from now on."""
        self.listener = listener

    def send(self, signal: Signal) -> None:
        """Tell the peer; what does not fit the state is ignored."""
        row = self.TAKES[self.state].get(type(signal))
        if row is not None:
            self.state, action = row
            self.step(action, self, signal)

    def report(self, signal: Signal) -> None:
        """Tell the call."""
        if self.listener is not None:
            self.listener.heard(self, signal)

    def resume_data(self) -> dict[str, Any]:
        """What `end_orphan` needs to tell the peer that the call is over; {} before there is one."""
        if not self.reference or self.state is State.NULL:
            return {}
        return {
            "protocol": TRANSPORT,
            "reference": self.reference,
            "called": self.CALLED,
            "call_identifier": (self.call_identifier or b"").hex(),
            "address": list(self._reached_at()),
        }

    def _reached_at(self) -> tuple[str, int]:
        """Where the peer takes new connections."""
        return self.remote.host, self.remote.port

    # -- steps: whatever happens to a leg happens in one of these

    def step(self, action: Callable[..., None], *arguments: Any) -> None:
        """Do one thing; what it leaves for the tunnel goes out behind it."""
        self._pending += 1
        try:
            action(*arguments)
        finally:
            self._pending -= 1
        if not self._pending and self.state is not State.RELEASED:
            self.settle()

    def settle(self) -> None:
        """The end of a step."""
        if self.is_answered:
            self.alive.begin()
        self.media.go_on()
        channel = self.media.channel
        if channel.has_mail and self.state is not State.RELEASED:
            is_empty = self.media.empty_bodies
            reason = "" if is_empty else "transportedInformation"
            self.say(Facility(**self.marks(), reason=reason, empty_body=is_empty))

    def later(self, seconds: float, function: Callable[[], None]) -> _Alarm:
        """Do *function* in a step of its own after so long, unless the leg is over by then."""
        alarm = _Alarm(self, function)
        self.alarms.add(alarm)
        alarm.timer = self.line.later(seconds, alarm.ring)
        return alarm

    # -- messages to the peer

    def marks(self) -> dict[str, Any]:
        """The fields that every message of ours has."""
        channel = self.media.channel
        return {
            "reference": self.reference,
            "call_identifier": self.call_identifier,
            "tunnelling": channel.tunnels,
            "control": channel.take_along(),
        }

    def say(self, message: Message) -> None:
        """Send a message."""
        self.line.send(write(message, self.CALLED))

    # -- messages of the peer

    def received(self, data: bytes) -> None:
        """`LineUser`: one Q.931 message."""
        if self.state is State.RELEASED:
            return
        try:
            message = read(data)
        except BadMessage:
            self.alive.heard()
            self._unreadable += 1
            if self._unreadable >= _UNREADABLE:
                self.step(self.end, cause("protocol_error"))
            return
        if message.reference == self.reference and (self.CALLED or not isinstance(message, Setup)):
            self.step(self._hear, message)
        else:
            self._hear_strange(message)

    def _hear_strange(self, message: Message) -> None:
        """A message of another call: one that we do not know (Q.931 5.8.3.2), or a new one on a connection of ours.

        References of calls that the peer makes are not those of ours, even where the numbers are the same: the flag
        tells them apart (Q.931 4.3).  We have said that a connection of ours takes no further call.
        """
        if self._strange >= _STRANGE or isinstance(message, ReleaseComplete):
            return
        self._strange += 1
        if isinstance(message, Setup):
            parting = ReleaseComplete(reference=message.reference, cause=47, reason="newConnectionNeeded")
            self.line.send(write(parting, from_destination=True))
        else:
            self.line.send(write(ReleaseComplete(reference=message.reference, cause=81), self.CALLED))

    def _hear(self, message: Message) -> None:
        self.alive.heard()
        row = self.HEARS[self.state].get(type(message))
        if row is None:
            return
        self.is_heard = True
        if not isinstance(message, ReleaseComplete):
            self.media.learn(message)
        if self.state is State.RELEASED:
            return
        self.state, action = row
        action(self, message)

    def _nothing(self, _message: Message) -> None:
        """What matters of it is the media's."""

    def _hear_information(self, message: Information) -> None:
        if message.keypad:
            self.digits.heard_keypad(message.keypad)

    def _hear_other(self, message: Other) -> None:
        """StatusInquiry is answered (Q.931 5.8.10); a Status that knows no call ends it."""
        if message.name == "StatusInquiry":
            self.say(Other(**self.marks(), name="Status", cause=30, state=self.state.number))
            return
        if message.name == "Status":
            self.alive.answered(Kind.STATUS)
        if message.name == "Status" and message.state == 0:
            self.end(cause("session_timeout" if self.state is State.ACTIVE else "protocol_error"))

    def _hear_release(self, message: ReleaseComplete) -> None:
        """The peer has ended an answered call."""
        self.over(causes.cause_of(message.cause, message.reason, answered=True))

    # -- the end

    def lost(self, reason: str) -> None:
        """`LineUser`: the connection is gone, or never came."""
        if self.state is not State.RELEASED:
            self.step(self._lost, reason)

    def _lost(self, _reason: str) -> None:
        self.over(cause("session_timeout"))

    def parted(self) -> None:
        """The peer has ended H.245: an answered call is over, else ReleaseComplete is to follow and says why."""
        if self.is_answered:
            self.end(cause("normal"))
        elif not self._parting:
            self._parting = True
            self.later(_PARTING, self._parted)

    def _parted(self) -> None:
        connected = self.state is State.ACTIVE
        self.end(causes.no_media("the peer has ended H.245") if connected else cause("protocol_error"))

    def end(self, reached: Cause) -> None:
        """End the leg from our side, and tell the call why."""
        if self.state is not State.NULL:
            self.leave(reached)
        self.over(reached)

    def leave(self, reached: Cause) -> None:
        """Tell the peer that it is over: the end of H.245, and ReleaseComplete."""
        self.media.part()
        value = causes.q850_of(reached, self.stack.tables())
        self.say(ReleaseComplete(**self.marks(), cause=value, reason=causes.reason_of(reached, value)))

    def over(self, reached: Cause | None) -> None:
        """The leg has ended; *reached* is reported unless the call itself ended it (None)."""
        if self._over:
            return
        self._over = True
        self.state = State.RELEASED
        self.media.close()
        for alarm in list(self.alarms):
            alarm.cancel()
        self.line.close()
        listener, self.listener = self.listener, None
        if reached is not None and listener is not None:
            listener.heard(self, Release(reached))

    # -- signals of the call that both kinds take

    def _take_release(self, release: Release) -> None:
        self.leave(release.cause)
        self.over(None)

    def _take_early_release(self, _release: Release) -> None:
        """Nothing was sent yet."""
        self.over(None)

    def _take_digit(self, digit: Digit) -> None:
        self.digits.tell(digit)

    def _take_offer(self, offer: Offer) -> None:
        self.media.change(offer.session)

    def _take_offer_before_answer(self, _offer: Offer) -> None:
        self.report(Refuse(504))

    def _take_accept(self, accept: Accept) -> None:
        self.media.changes.accepted(accept.session)

    def _take_refuse(self, refuse: Refuse) -> None:
        self.media.changes.declined(refuse.status)

    def _take_confirm(self, confirm: Confirm) -> None:
        self.media.confirmed(confirm.session)

    def _take_carry(self, carry: Carry) -> None:
        """H.323 has no place for it."""
        self.report(Carried(carry.number, 501))

    TAKES_ACTIVE: ClassVar[TakesRow] = {
        Confirm: (State.ACTIVE, _take_confirm),
        Offer: (State.ACTIVE, _take_offer),
        Accept: (State.ACTIVE, _take_accept),
        Refuse: (State.ACTIVE, _take_refuse),
        Digit: (State.ACTIVE, _take_digit),
        Carry: (State.ACTIVE, _take_carry),
        Release: (State.RELEASED, _take_release),
    }
    """What both kinds take when the call is answered, and what they hear."""
    HEARS_ACTIVE: ClassVar[HearsRow] = {
        Facility: (State.ACTIVE, _nothing),
        Progress: (State.ACTIVE, _nothing),
        Information: (State.ACTIVE, _hear_information),
        Other: (State.ACTIVE, _hear_other),
        ReleaseComplete: (State.RELEASED, _hear_release),
    }
