"""The outgoing leg: our Setup to a gateway or terminal, from a `Placement`."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from zope.interface import implementer

from vosswitch.h323 import causes
from vosswitch.h323.h225 import (
    Alerting,
    CallProceeding,
    Connect,
    Described,
    Facility,
    Message,
    Other,
    Progress,
    ReleaseComplete,
    Setup,
)
from vosswitch.h323.legs import forwarding
from vosswitch.h323.legs.leg import Hears, Leg, Takes
from vosswitch.h323.legs.media import MEDIA_PATIENCE, Media
from vosswitch.h323.legs.numbers import connected, identifier_text, told
from vosswitch.h323.legs.states import UNANSWERED, State
from vosswitch.model.causes import cause, from_sip
from vosswitch.model.h323 import TRANSPORT
from vosswitch.model.identity import NOBODY
from vosswitch.model.interfaces import ILeg
from vosswitch.model.places import is_literal
from vosswitch.model.signals import Answer, Confirm, Digit, Offer, Proceed, Redirected, Release, Ring
from vosswitch.model.signals import Progress as InProgress

if TYPE_CHECKING:
    from vosswitch.h323.legs.leg import Listener
    from vosswitch.h323.legs.line import Line
    from vosswitch.h323.legs.stack import Stack
    from vosswitch.model.call import Placement
    from vosswitch.model.identity import Identity
    from vosswitch.model.session import SessionDescription


@implementer(ILeg)
class OutgoingLeg(Leg):
    """A gateway's or terminal's side.  Setup goes out when its line is connected.

    :ivar endpoint_identifier: what the gatekeeper that it goes to has given us, set before `connected`; "" = none.
    :ivar tried: where the attempt was (`forwarding.place_of`), here and before; *moved* how it goes on elsewhere.
    :ivar _phase: how far the peer has got: 0 nothing, 1 proceeding, 2 channels open, 3 ringing; each has a timer.
    :ivar _timer: the one that runs.
    :ivar _identity: who is called, as the peer said last.
    :ivar _reported: the call knows that it is answered; *_timer_of_media* that waits for channels.
    """

    __slots__ = (
        "_identity",
        "_phase",
        "_placement",
        "_reported",
        "_timer",
        "_timer_of_media",
        "endpoint_identifier",
        "moved",
        "tried",
    )

    def __init__(self, stack: Stack, placement: Placement, line: Line, listener: Listener) -> None:
        super().__init__(stack, line, State.NULL, placement.target, placement.profile)
        self.listener = listener
        self._placement = placement
        self.user = placement.registered
        self.reference = stack.reference()
        self.call_identifier = stack.identifier()
        self.peer_call_id = identifier_text(self.call_identifier)
        self.media = Media(self, self.settings.tunnelling, known=False)
        self._phase = 0
        self._identity: Identity = NOBODY
        self.endpoint_identifier = ""
        self.tried = frozenset({forwarding.place_of(placement)})
        self.moved: Placement | None = None
        self._reported = self._timer_of_media = False
        self._timer = self.later(self._seconds("setup"), self._silent)

    def _seconds(self, name: str) -> float:
        """A timer of the attempt: of the peer's profile, else the system's."""
        own = getattr(self.settings, f"timeout_{name}")
        system = self.stack.parameters[f"SS_H323_TIMEOUT_{name.replace('_', '').upper().replace('GOLC', 'G_OLC')}"]
        return float(system if own is None else own)

    # -- the Setup

    def connected(self) -> None:
        """`LineUser`: the connection is there."""
        if self.state is State.NULL:
            self.step(self._set_up)

    def _set_up(self) -> None:
        self.state = State.INITIATED
        placement, settings = self._placement, self.settings
        fast = self.media.place(placement.session, settings.fast_start)
        if settings.h245_in_setup:
            self.media.begin_in_setup()
        self.say(
            Setup(
                **self.marks(),
                **told(placement),
                fast_start=fast,
                conference_id=self.call_identifier or b"",
                endpoint_identifier=self.endpoint_identifier,
                source_address=self.line.local._replace(transport=TRANSPORT),
                destination_address=placement.target if is_literal(placement.target.host) else None,
            )
        )

    # -- before the answer

    def _silent(self) -> None:
        """Nothing came back to our Setup."""
        self.end(cause("connection_timeout"))

    def _give_up(self, reason: str) -> None:
        self.end(cause(reason))

    def _reach(self, phase: int, name: str, reason: str) -> None:
        """The peer has got so far: another timer runs."""
        if phase > self._phase:
            self._phase = phase
            self._timer.cancel()
            self._timer = self.later(self._seconds(name), lambda: self._give_up(reason))

    def _hear(self, message: Message) -> None:
        if self.state in UNANSWERED and not isinstance(message, ReleaseComplete):
            self._reach(1, "call_proceeding", "response_timeout")
        if isinstance(message, Described):
            self.user_agent = message.vendor or self.user_agent
        super()._hear(message)

    def _hear_proceeding(self, message: CallProceeding) -> None:
        self.status = 100
        self.media.in_band(message.in_band)
        self.report(Proceed())

    def _hear_progress(self, message: Progress) -> None:
        self.media.in_band(message.in_band)
        self.tell_progress(always=True)

    def _hear_alerting(self, message: Alerting) -> None:
        self._know(connected(message.party, self.profile))
        self.status = 180
        self._reach(3, "alerting", "no_answer")
        self.media.in_band(message.in_band)
        self.report(Ring(self._news(), self._identity))

    def _know(self, identity: Identity) -> None:
        if identity is not NOBODY:
            self._identity = identity

    def _news(self) -> SessionDescription | None:
        """The media that the call has not been told of yet."""
        news = self.media.news(self._placement.early)
        if news is not None:
            self._reach(2, "call_proceeding_olc", "no_answer")
        return news

    def tell_progress(self, always: bool = False) -> None:
        """Tell the call of progress, with media if there is any."""
        news = self._news()
        if news is not None or always:
            self.status = 183 if self.status != 180 else 180
            self.report(InProgress(news, self._identity))

    def settle(self) -> None:
        """The end of a step: media that came by itself is progress, or what the answer waits for."""
        if self.state is State.ACTIVE and not self._reported:
            self._answer()
        elif self.state in UNANSWERED and self.media.has_news(self._placement.early):
            self.tell_progress()
        if self.state is not State.RELEASED:
            super().settle()

    def _hear_forwarded(self, message: Facility) -> None:
        """A Facility; one that sends the call elsewhere ends this leg, and where that is followed another one goes on.

        What a gatekeeper has admitted stays where it was admitted to.
        """
        if message.reason not in forwarding.ELSEWHERE:
            return
        found = None
        if not self.endpoint_identifier:
            found = forwarding.next_placement(message, self._placement, self.profile, self.line.remote, self.tried)
        if found is None or not self.line.may_call(found.target):
            reached = forwarding.refusal(message.reason)
            self.status = reached.code
            self.end(reached)
            return
        listener, self.moved = self.listener, found
        self.media.part()
        self.say(ReleaseComplete(**self.marks(), cause=16, reason="facilityCallDeflection"))
        self.over(None)
        if listener is not None:
            listener.heard(self, Redirected(found.target, found.callee, forwarding.place_of(found)))

    def _hear_overlap(self, _message: Other) -> None:
        """SetupAcknowledge: the peer wants more digits than there are (en bloc only)."""
        self.end(from_sip(484)._replace(q850=28))

    def _hear_early_other(self, message: Other) -> None:
        if message.name == "SetupAcknowledge":
            self._hear_overlap(message)
        else:
            self._hear_other(message)

    def _hear_refusal(self, message: ReleaseComplete) -> None:
        reached = causes.cause_of(message.cause, message.reason, self.stack.tables())
        self.status = reached.answerable
        self.over(reached)

    def _lost(self, reason: str) -> None:
        if self.state is State.ACTIVE:
            if self._reported:
                super()._lost(reason)
            else:
                self.over(causes.no_media("the connection is gone"))
        else:
            self.over(cause("response_timeout" if self.is_heard else "connection_timeout"))

    def _hear_end(self, message: ReleaseComplete) -> None:
        """ReleaseComplete after Connect; before the call knew of that a refusal, or just no media (normal clearing)."""
        value = causes.value_of(message.cause, message.reason)
        if self._reported:
            self._hear_release(message)
        elif value in causes.CLEARED:
            self.over(causes.no_media("the peer has hung up")._replace(q850=value, told=True))
        else:
            self._hear_refusal(message)

    # -- the answer

    def _hear_connect(self, message: Connect) -> None:
        self.status = 200
        self._timer.cancel()
        self._know(connected(message.party, self.profile))
        self.media.no_fast_start()
        self.media.need_for_media()

    @property
    def is_answered(self) -> bool:
        """Whether the call knows that it is answered: sessions may change."""
        return self._reported

    def _answer(self) -> None:
        """Tell the call, as soon as media stands, or as there is an offer for a caller who made none."""
        if self.media.is_answerable:
            self._reported = True
            self._timer.cancel()
            self.report(Answer(self.media.news(late=True), self._identity))
        elif not self._timer_of_media:
            self._timer_of_media = True
            self._timer = self.later(MEDIA_PATIENCE, lambda: self.end(causes.no_media("no channel was opened")))

    TAKES: ClassVar[Takes] = {
        State.NULL: {Release: (State.RELEASED, Leg._take_early_release)},
        State.INITIATED: {
            Offer: (State.INITIATED, Leg._take_offer_before_answer),
            Release: (State.RELEASED, Leg._take_release),
        },
        State.PROCEEDING: {
            Confirm: (State.PROCEEDING, Leg._take_confirm),
            Digit: (State.PROCEEDING, Leg._take_digit),
            Offer: (State.PROCEEDING, Leg._take_offer_before_answer),
            Release: (State.RELEASED, Leg._take_release),
        },
        State.DELIVERED: {
            Confirm: (State.DELIVERED, Leg._take_confirm),
            Digit: (State.DELIVERED, Leg._take_digit),
            Offer: (State.DELIVERED, Leg._take_offer_before_answer),
            Release: (State.RELEASED, Leg._take_release),
        },
        State.ACTIVE: Leg.TAKES_ACTIVE,
        State.RELEASED: {},
    }
    HEARS: ClassVar[Hears] = {
        State.NULL: {},
        State.INITIATED: {
            CallProceeding: (State.PROCEEDING, _hear_proceeding),
            Alerting: (State.DELIVERED, _hear_alerting),
            Progress: (State.PROCEEDING, _hear_progress),
            Connect: (State.ACTIVE, _hear_connect),
            Facility: (State.INITIATED, _hear_forwarded),
            Other: (State.INITIATED, _hear_early_other),
            ReleaseComplete: (State.RELEASED, _hear_refusal),
        },
        State.PROCEEDING: {
            CallProceeding: (State.PROCEEDING, Leg._nothing),
            Alerting: (State.DELIVERED, _hear_alerting),
            Progress: (State.PROCEEDING, _hear_progress),
            Connect: (State.ACTIVE, _hear_connect),
            Facility: (State.PROCEEDING, _hear_forwarded),
            Other: (State.PROCEEDING, _hear_early_other),
            ReleaseComplete: (State.RELEASED, _hear_refusal),
        },
        State.DELIVERED: {
            Alerting: (State.DELIVERED, Leg._nothing),
            Progress: (State.DELIVERED, _hear_progress),
            Connect: (State.ACTIVE, _hear_connect),
            Facility: (State.DELIVERED, _hear_forwarded),
            Other: (State.DELIVERED, Leg._hear_other),
            ReleaseComplete: (State.RELEASED, _hear_refusal),
        },
        State.ACTIVE: Leg.HEARS_ACTIVE | {ReleaseComplete: (State.RELEASED, _hear_end)},
        State.RELEASED: {},
    }
