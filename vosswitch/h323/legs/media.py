"""What a leg and its peer agree on about media: fast start, H.245, and their words for the call.

Three ways lead to media, and all end in `vosswitch.model.session` values:

* **Fast start**: the caller's channels are an offer, the callee's choice among them is the answer.
* **Slow start** with an offer of the far side at hand: H.245 opens the channels; the peer's ones are the answer.
* **Slow start** without one: the peer's capabilities are the offer (its address is not known yet), the answer of the
  far side opens the channels, and only the relay is told where they are (`Located`).

H.245 begins when it is needed and there is a way for it: the tunnel, or a connection (`ControlChannel`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.h323.causes import no_media
from vosswitch.h323.h225 import Facility
from vosswitch.h323.h245.session import Session, Settings
from vosswitch.h323.legs.changes import PeerChanges, alike, is_inactive, learn_events
from vosswitch.h323.legs.channel import ControlChannel
from vosswitch.h323.legs.digits import method_of
from vosswitch.h323.legs.fastconnect import FastConnect
from vosswitch.h323.legs.keepalive import Kind
from vosswitch.h323.legs.states import State
from vosswitch.h323.legs.want import SAYS, Want
from vosswitch.model.causes import cause
from vosswitch.model.signals import Accept, Located, Refuse

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.h323.h225 import Message
    from vosswitch.h323.legs.fastconnect import Elements
    from vosswitch.h323.legs.leg import Leg
    from vosswitch.h323.legs.line import Timer
    from vosswitch.model.session import SessionDescription
    from vosswitch.model.signals import Digit

MEDIA_PATIENCE = 30.0
"""Seconds from Connect until media has to stand (T101, T103: what the stacks in use wait for H.245)."""
_CHANGE_PATIENCE = 15.0
"""Seconds that a change of an answered call may take; the far side of a SIP call waits 32."""


class Media:
    """The media of one leg; the desk of its `Session`.

    :ivar channel: how H.245 messages travel.
    :ivar session: H.245, None before it is needed.
    :ivar ours: what H.245 offers the peer, None = capabilities only.
    :ivar told: our side as the peer knows it, *heard* the peer's side; None before media stands.
    :ivar deaf: the peer has not answered H.245 with a word, though media stands; None = not known yet.
    :ivar empty_bodies: tunnelled messages go in a Facility with an empty body, as the peer does it.
    :ivar _fast: fast start, proposed by us or by the peer.
    :ivar _caps: the peer's capabilities as an offer, where the caller has made none; *_asked* once the call has them.
    :ivar _news: media of the peer that the call has not been told of.
    :ivar changes: those that the peer wants; *_held* it holds the call.
    :ivar _confirms: an offer of ours to the call (`Offer` without a session) waits for its `Confirm`.
    :ivar _before: what we had told before the change that runs.
    """

    __slots__ = (
        "_asked",
        "_before",
        "_begun",
        "_caps",
        "_confirms",
        "_fast",
        "_guard",
        "_held",
        "_leg",
        "_needed",
        "_news",
        "changes",
        "channel",
        "deaf",
        "empty_bodies",
        "heard",
        "ours",
        "session",
        "told",
        "want",
    )

    def __init__(self, leg: Leg, tunnelling: bool, known: bool) -> None:
        self._leg = leg
        self.channel = ControlChannel(leg.line, self, tunnelling, known)
        self.session: Session | None = None
        self.ours: SessionDescription | None = None
        self.told: SessionDescription | None = None
        self.heard: SessionDescription | None = None
        self.want = Want.NOTHING
        self.empty_bodies = True
        self._fast = FastConnect()
        self._caps: SessionDescription | None = None
        self._news: SessionDescription | None = None
        self._before: SessionDescription | None = None
        self.changes = PeerChanges(leg, self)
        self._guard: Timer | None = None
        self._asked = self._begun = self._needed = False
        self._held = self._confirms = False
        self.deaf: bool | None = None

    # -- an outgoing call

    def place(self, offer: SessionDescription | None, fast: bool) -> Elements | None:
        """Begin with the offer that a call is placed with; what Setup proposes as fast start, None = nothing."""
        if offer is None:
            return None
        self.want, self.told = Want.ANSWER, offer
        if fast and self._fast.propose(offer):
            return self._fast.proposed
        self.ours = offer
        return None

    def begin_in_setup(self) -> None:
        """H.245 in Setup: only without fast start, and in the tunnel."""
        if not self._fast.proposed and self.channel.tunnels:
            self.begin()

    def _hear_fast_start(self, answers: Elements) -> None:
        """The peer's answer to our fast start."""
        assert self.told is not None
        session = self._fast.answered(answers, self.told)
        if session is None:
            self._slow_down()
            return
        self._adopt()
        self._stand(session)

    def no_fast_start(self) -> None:
        """Connect came, or a refusal: what is not answered by now is refused."""
        if self._fast.give_up():
            self._slow_down()

    def _slow_down(self) -> None:
        """Full H.245 instead: at once where the peer has begun it, else with Connect."""
        self.ours = self.told
        if self.session is not None:
            self.session.offer(self.ours)

    @property
    def is_answerable(self) -> bool:
        """Whether the call can be told of the answer: media stands, or there is an offer for it."""
        return self.heard is not None or self._caps is not None

    def has_news(self, late: bool) -> bool:
        """Whether `news` has something."""
        return self._news is not None or (late and self._waits_for_offer and self._caps is not None)

    def news(self, late: bool) -> SessionDescription | None:
        """The media that the call is told of with the next signal.

        :param late: an offer of the peer's can be answered now.
        """
        news, self._news = self._news, None
        if news is None and late and self._waits_for_offer and self._caps is not None:
            news, self._asked = self._caps, True
        return news

    @property
    def _waits_for_offer(self) -> bool:
        return self.told is None and not self._asked

    def in_band(self, is_there: bool) -> None:
        """The peer says that there is something to hear before the answer: channels are needed now."""
        if is_there and not self._fast.proposed and self.heard is None:
            self.need()

    # -- an incoming call

    def take_offer(self, fast_start: Elements | None) -> SessionDescription | None:
        """The caller's fast start as an offer; None = slow start."""
        if not fast_start:
            return None
        self.heard = self._fast.offered(fast_start) if self._leg.settings.fast_start else None
        if self.heard is None:
            self._fast.refuse()
        return self.heard

    def answer(self, session: SessionDescription | None) -> dict[str, Any]:
        """The far side's answer or offer, or another one; the fields of the message that tell of it."""
        if session is None:
            pass
        elif self._fast.is_offered:
            return self._choose(session)
        elif self.heard is None and self.want is Want.NOTHING:
            self.ours, self.want = session, Want.CONFIRM
            self._want_channels()
        elif self.heard is not None and self.told is not None and not alike(session, self.told):
            self._update(session)
        return self._fast.refusal()

    def _choose(self, answer: SessionDescription) -> dict[str, Any]:
        """Answer the peer's fast start, or refuse it where nothing fits."""
        self.told = answer
        chosen = self._fast.choose(answer)
        if chosen is None:
            self.heard, self.ours = None, answer
            self._want_channels()
            return self._fast.refusal()
        self._adopt()
        return chosen

    def way(self, *, answered: bool) -> dict[str, Any]:
        """H.245 as far as a message to the caller can help: begun in it, or where the caller connects.

        :param answered: with Connect the caller may begin it even if we do not need it (H.323 8.2.1).
        """
        channel = self.channel
        if self._needed and channel.is_there:
            self.begin()  # its first messages go along
        if not (self._needed or answered) or self._begun or channel.tunnels or channel.waits_at is not None:
            return {}
        address = channel.invite() if self._needed else channel.listen()
        return {} if address is None else {"h245_address": address}

    # -- H.245 begins

    def need(self) -> None:
        """H.245 has to run; it begins with the end of the step, or when there is a way."""
        self._needed = True

    def need_for_media(self) -> None:
        """Likewise, unless media stands; the answer is there: who has not said that it tunnels does not."""
        self.channel.decide()
        if self.heard is None:
            self._needed = True

    def go_on(self) -> None:
        """The end of a step: begin what is needed, or see to a way for it."""
        channel = self.channel
        if not self._needed or channel.closed:
            return
        if channel.is_there:
            self.begin()
        elif not channel.tunnels and not channel.is_separate and (self._leg.CALLED or self._leg.state is State.ACTIVE):
            address = channel.invite()
            if address is None:
                self._no_port()
            else:
                self._leg.say(Facility(**self._leg.marks(), reason="startH245", h245_address=address))

    def _no_port(self) -> None:
        """The peer cannot be told where to connect: a call with media goes on without H.245, another one cannot."""
        why = "no port for H.245 is free"
        if self.heard is not None:
            self._without()
        else:
            self._leg.end(cause("overload")._replace(text=why) if self._leg.CALLED else no_media(why))

    def begin(self) -> None:
        """Send capabilities and master/slave determination, once."""
        if self._begun:
            return
        self._begun = self._needed = True
        own = self._leg.settings
        settings = Settings(dtmf=method_of(self._leg), payload=own.dtmf_payload, t38=own.t38)
        session = self.session = Session(self, settings)
        channels = self._fast.channels
        if channels is not None:
            session.adopt(channels)
        if channels is None or self.ours is not None:
            session.offer(self.ours)
        session.begin()

    def _adopt(self) -> None:
        if self.session is not None and self._fast.channels is not None:
            self.session.adopt(self._fast.channels)

    def _want_channels(self) -> None:
        """Open channels for `ours`."""
        self.need()
        if self.session is not None:
            self.session.offer(self.ours)

    # -- what the peer's messages say of it

    def learn(self, message: Message) -> None:
        """Fast start, tunnelled messages and the way of H.245: all that a message of any kind may hold."""
        if message.fast_start is not None and self._fast.proposed:
            self._hear_fast_start(message.fast_start)
        if message.fast_connect_refused and not self._leg.CALLED:
            self.no_fast_start()
        if message.control:
            self._hear_tunnelled(message)
        if message.control or message.tells_tunnelling:
            self.channel.peer_tunnels(message.tunnelling or (bool(message.control) and not message.tells_tunnelling))
        if message.h245_address is not None and not self.channel.is_there and not self.channel.closed:
            self.need()
            self.channel.reach(message.h245_address)

    def _hear_tunnelled(self, message: Message) -> None:
        """All of them, even if this message ends the tunnel (H.323 8.2.1), or one did while it was on its way."""
        if not self._leg.settings.tunnelling:
            return
        self.channel.peer_tunnels(True)
        if isinstance(message, Facility):
            self.empty_bodies = message.empty_body
        for item in message.control:
            self.channel_heard(item)

    def channel_heard(self, message: tuple[str, Any]) -> None:
        """`ChannelUser`: a message of H.245, however it came."""
        self._leg.step(self._take, message)

    def _take(self, message: tuple[str, Any]) -> None:
        if self.channel.closed:
            return
        self._leg.alive.heard()
        self.begin()
        assert self.session is not None
        self.deaf = False
        self.session.take(message)
        self._leg.digits.go_on()

    def channel_open(self) -> None:
        """`ChannelUser`: the connection is there."""
        self._leg.step(self.begin)

    def channel_lost(self, _reason: str) -> None:
        """`ChannelUser`: without H.245 a call goes on as it stands; one without media cannot."""
        self._leg.step(self._without)

    def _without(self) -> None:
        session, self.session = self.session, None
        self._begun = self._needed = False
        if session is not None:
            session.end()
        if self.want is Want.ACCEPT:
            self.refused("the H.245 connection is gone")
        elif self.heard is None and self._leg.state is State.ACTIVE:
            self._leg.end(no_media("no H.245 connection"))

    # -- the desk of the session

    def send(self, message: tuple[str, Any]) -> None:
        """`Desk`: one message to the peer."""
        self.channel.send(message)

    def later(self, seconds: float, function: Callable[[], None]) -> Timer:
        """`Desk`: a timer of the session."""
        return self._leg.later(seconds, function)

    def chance(self) -> int:
        """`Desk`: 24 random bits."""
        return self._leg.stack.number()

    def capable(self, session: SessionDescription) -> None:
        """`Desk`: the peer's capabilities: an offer where the call waits for one, or a change (hold and its end)."""
        if self.told is None and not self._asked:
            self._caps = session
        elif self.heard is not None and self._leg.is_answered:
            if is_inactive(session) is not self._held:
                self._held = not self._held
                self.changes.ask(session)
            elif self.want is Want.NOTHING:
                self._learn_events(session)

    def _learn_events(self, session: SessionDescription) -> None:
        """Both sides take RFC 2833: after fast start the relay does not know that of the peer yet."""
        learned = learn_events(session, self.told, self.heard)
        if learned is not None:
            self.heard = learned
            self._leg.report(Located(learned))

    def asked(self, session: SessionDescription) -> None:
        """`Desk`: the peer wants another mode (T.38, audio)."""
        if self._leg.is_answered:
            self.changes.ask(session)
        elif self.session is not None:
            self.session.decline()

    def settle(self, answer: SessionDescription | None) -> None:
        """The far side's answer to what the peer wanted; None = it does not take it."""
        if self.session is None:
            return
        if answer is None:
            self.session.decline()
        else:
            self.ours = answer
            self.session.offer(answer)

    def opened(self, session: SessionDescription) -> None:
        """`Desk`: media stands."""
        self._stand(session)

    def _stand(self, session: SessionDescription) -> None:
        want, self.want = self.want, Want.NOTHING
        self._calm()
        self.heard = session
        self.told = self.ours or self.told
        if want is Want.ANSWER:
            self._news = session
        else:
            self._leg.report(SAYS[want](session))

    def refused(self, _why: str) -> None:
        """`Desk`: the last change cannot be had."""
        want, self.want = self.want, Want.NOTHING
        self._calm()
        self.ours = self.told = self._before or self.told
        if want is Want.ACCEPT:
            self._leg.report(Refuse(488))

    def heard_digit(self, digit: Digit) -> None:
        """`Desk`: a digit of the peer."""
        self._leg.digits.heard(digit, "h245")

    def answered(self) -> None:
        """`Desk`: the peer answers round trips."""
        self._leg.alive.answered(Kind.ROUND_TRIP)

    def failed(self, why: str, *, mismatch: bool) -> None:
        """`Desk`: the call cannot go on."""
        leg, self.session = self._leg, None
        if self.heard is not None and leg.is_answered and self.deaf is None:
            self.deaf = True
            self._without()
            leg.digits.go_on()
        elif self.heard is not None and leg.is_answered:
            leg.end(cause("session_timeout"))
        elif mismatch:
            leg.end(cause("codec_mismatch"))
        else:
            leg.end(no_media(why) if leg.state is State.ACTIVE else cause("response_timeout"))

    def ended(self) -> None:
        """`Desk`: the peer has ended H.245."""
        self._leg.parted()

    # -- changes of an answered call

    def change(self, offer: SessionDescription | None) -> None:
        """The far side wants a change; None = it wants our offer."""
        if self.want is not Want.NOTHING or self.changes.running or self.heard is None:
            self._leg.report(Refuse(491))
        elif offer is None:
            self._confirms = True
            self._leg.report(Accept(self.heard))
        elif self.told is not None and alike(offer, self.told):
            self._leg.report(Accept(self.heard))
        elif self.deaf:
            self._leg.report(Refuse(488))
        else:
            self._before, self.want = self.told, Want.ACCEPT
            self._guard = self._leg.later(_CHANGE_PATIENCE, lambda: self.refused("no answer"))
            self._update(offer)

    def _update(self, ours: SessionDescription) -> None:
        """Let H.245 make channels of it."""
        self.ours = ours
        self._want_channels()

    def confirmed(self, answer: SessionDescription | None) -> None:
        """The far side's answer to an offer of ours."""
        if answer is None:
            return
        if self._confirms:
            self._confirms = False
            if self.told is not None and alike(answer, self.told):
                return
            self._update(answer)
            return
        if self._asked and self.told is None:
            self.told = self.ours = answer
            self._want_channels()

    def _calm(self) -> None:
        guard, self._guard = self._guard, None
        if guard is not None:
            guard.cancel()

    # -- digits, the end

    def part(self) -> None:
        """Say that H.245 is over."""
        session, self.session = self.session, None
        if session is not None:
            session.end()

    def close(self) -> None:
        """The leg is over."""
        self.part()
        self.channel.close()
