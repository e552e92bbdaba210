"""The incoming leg: a Setup of a gateway or terminal, answered as the call says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from zope.interface import implementer

from vosswitch.h323 import causes
from vosswitch.h323.h225 import (
    Alerting,
    CallProceeding,
    Connect,
    Facility,
    Information,
    Other,
    Progress,
    ReleaseComplete,
)
from vosswitch.h323.legs.leg import Hears, Leg, Takes
from vosswitch.h323.legs.media import MEDIA_PATIENCE, Media
from vosswitch.h323.legs.numbers import answering, identifier_text, offered
from vosswitch.h323.legs.states import State
from vosswitch.model.causes import cause
from vosswitch.model.h323 import SIGNALLING_PORT, TRANSPORT
from vosswitch.model.interfaces import ILeg
from vosswitch.model.signals import Answer, Offer, Proceed, Release, Ring
from vosswitch.model.signals import Progress as InProgress

if TYPE_CHECKING:
    from vosswitch.h323.h225 import Setup
    from vosswitch.h323.legs.line import Line
    from vosswitch.h323.legs.stack import Stack
    from vosswitch.model.causes import Cause
    from vosswitch.model.peer import PeerProfile


@implementer(ILeg)
class IncomingLeg(Leg):
    """A caller's side.  `start` once the leg is its line's user: the call is told then.

    :ivar _setup: what it came with.
    """

    __slots__ = ("_setup",)
    CALLED = True

    def __init__(self, stack: Stack, line: Line, setup: Setup, profile: PeerProfile, user: str = "") -> None:
        super().__init__(stack, line, State.PRESENT, line.remote._replace(transport=TRANSPORT), profile)
        self._setup = setup
        self.user = user
        self.reference = setup.reference
        self.call_identifier = setup.call_identifier
        self.peer_call_id = identifier_text(setup.call_identifier)
        self.user_agent = setup.vendor
        tunnelling = self.settings.tunnelling and (setup.tunnelling or bool(setup.control))
        self.media = Media(self, tunnelling, known=True)

    def start(self) -> None:
        """Take the call: CallProceeding if it goes out by itself, and the `Try` to the call."""
        self.step(self._start)

    def _start(self) -> None:
        setup = self._setup
        session = self.media.take_offer(setup.fast_start)
        self.media.learn(setup)
        if self.state is State.RELEASED:
            return
        if self._lacks_port(session is not None):
            self.end(cause("overload")._replace(text="no port for H.245 is free"))
            return
        if self.settings.auto_call_proceeding:
            self._proceed()
        early = session is None and self.media.channel.tunnels
        found = offered(setup, self.line, self.profile, session, early)
        found.user = self.user or None
        self.stack.incoming(self, found)

    def _lacks_port(self, fast: bool) -> bool:
        """Whether the call will need a port for H.245 and there is none: better said before a vendor has answered."""
        needs = not fast and not self.media.channel.tunnels and self._setup.h245_address is None
        return needs and not self.line.can_listen()

    def _reached_at(self) -> tuple[str, int]:
        told = self._setup.source_address
        is_own = told is not None and told.host == self.remote.host and told.port
        return self.remote.host, told.port if is_own and told is not None else SIGNALLING_PORT

    def connected(self) -> None:
        """`LineUser`: never of a connection that came in."""

    # -- signals of the call

    def _proceed(self) -> None:
        self.state = State.ACCEPTED
        self.status = 100
        self.say(CallProceeding(**self._connection(), **self.marks()))

    def _take_proceed(self, _proceed: Proceed) -> None:
        self._proceed()

    def _take_ring(self, ring: Ring) -> None:
        self.status = 180
        self._alert(ring)

    def _take_ring_again(self, ring: Ring) -> None:
        """It rings already: only new media is told."""
        if ring.session is not None:
            self._take_progress(InProgress(ring.session, ring.identity))

    def _take_progress(self, progress: InProgress) -> None:
        self.status = 183
        if self.settings.alerting_from_progress and progress.session is not None:
            self.state = State.RECEIVED
            self._alert(progress)
            return
        self.say(Progress(**self._media_of(progress), in_band=progress.session is not None))

    def _alert(self, signal: Ring | InProgress) -> None:
        party = answering(signal.identity, self.profile)
        self.say(Alerting(**self._media_of(signal), in_band=signal.session is not None, party=party))

    def _media_of(self, signal: Ring | InProgress | Answer) -> dict[str, Any]:
        """The fields of a message by which the caller learns of media."""
        fields = self.media.answer(signal.session)
        fields |= self.media.way(answered=isinstance(signal, Answer))
        return fields | self._connection() | self.marks()

    def _connection(self) -> dict[str, Any]:
        """What we say of the connection: what the caller says, where several calls may share one."""
        may = self.stack.parameters["VS_H323_CONNECTION_CALLS"] > 1
        setup = self._setup
        return {
            "multiple_calls": may and setup.multiple_calls,
            "maintain_connection": may and setup.maintain_connection,
        }

    def _take_answer(self, answer: Answer) -> None:
        self.status = 200
        fields = self._media_of(answer)
        party = answering(answer.identity, self.profile)
        self.say(Connect(**fields, conference_id=self._setup.conference_id, party=party))
        if self.media.heard is None:
            self.later(MEDIA_PATIENCE, self._expect_media)

    def _expect_media(self) -> None:
        if self.media.heard is None:
            self.end(causes.no_media("no channel was opened"))

    def _take_refusal(self, release: Release) -> None:
        self.status = release.cause.answerable
        self._take_release(release)

    # -- messages of the caller

    def _hear_more_digits(self, message: Information) -> None:
        """Overlap sending, which we have not allowed: the number is what Setup had (en bloc only)."""
        if message.callee.number:
            self.end(cause("empty_callee"))
        else:
            self._hear_information(message)

    def _hear_abandoned(self, _message: ReleaseComplete) -> None:
        self.status = 487
        self.over(cause("caller_abandoned"))

    def _lost(self, reason: str) -> None:
        if self.state is State.ACTIVE:
            super()._lost(reason)
        else:
            self.status = 487
            self.over(cause("caller_abandoned"))

    def leave(self, reached: Cause) -> None:
        """Tell the caller that it is over."""
        if self.state is not State.ACTIVE and self.status < 200:
            self.status = reached.answerable
        super().leave(reached)

    TAKES: ClassVar[Takes] = {
        State.PRESENT: {
            Proceed: (State.ACCEPTED, _take_proceed),
            Ring: (State.RECEIVED, _take_ring),
            InProgress: (State.ACCEPTED, _take_progress),
            Answer: (State.ACTIVE, _take_answer),
            Offer: (State.PRESENT, Leg._take_offer_before_answer),
            Release: (State.RELEASED, _take_refusal),
        },
        State.ACCEPTED: {
            Ring: (State.RECEIVED, _take_ring),
            InProgress: (State.ACCEPTED, _take_progress),
            Answer: (State.ACTIVE, _take_answer),
            Offer: (State.ACCEPTED, Leg._take_offer_before_answer),
            Release: (State.RELEASED, _take_refusal),
        },
        State.RECEIVED: {
            Ring: (State.RECEIVED, _take_ring_again),
            InProgress: (State.RECEIVED, _take_progress),
            Answer: (State.ACTIVE, _take_answer),
            Offer: (State.RECEIVED, Leg._take_offer_before_answer),
            Release: (State.RELEASED, _take_refusal),
        },
        State.ACTIVE: Leg.TAKES_ACTIVE,
        State.RELEASED: {},
    }
    HEARS: ClassVar[Hears] = {
        State.PRESENT: {
            Facility: (State.PRESENT, Leg._nothing),
            Information: (State.PRESENT, _hear_more_digits),
            Other: (State.PRESENT, Leg._hear_other),
            ReleaseComplete: (State.RELEASED, _hear_abandoned),
        },
        State.ACCEPTED: {
            Facility: (State.ACCEPTED, Leg._nothing),
            Information: (State.ACCEPTED, _hear_more_digits),
            Other: (State.ACCEPTED, Leg._hear_other),
            ReleaseComplete: (State.RELEASED, _hear_abandoned),
        },
        State.RECEIVED: {
            Facility: (State.RECEIVED, Leg._nothing),
            Information: (State.RECEIVED, Leg._hear_information),
            Other: (State.RECEIVED, Leg._hear_other),
            ReleaseComplete: (State.RELEASED, _hear_abandoned),
        },
        State.ACTIVE: Leg.HEARS_ACTIVE,
        State.RELEASED: {},
    }
