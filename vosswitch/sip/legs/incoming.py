"""The incoming leg: we answer a caller's INVITE."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from zope.interface import implementer

from vosswitch import sdp
from vosswitch.model.causes import Cause, cause
from vosswitch.model.interfaces import ILeg
from vosswitch.model.peer import PLAIN, PeerProfile
from vosswitch.model.signals import Accept, Answer, Confirm, Digit, Offer, Progress, Refuse, Release, Ring, Transferred
from vosswitch.sip.grammar.bodies import body_session
from vosswitch.sip.grammar.reason import abandoned
from vosswitch.sip.grammar.wire import allowed, lines, user_text
from vosswitch.sip.identity.assertion import connected_lines
from vosswitch.sip.legs.change import Unconfirmed
from vosswitch.sip.legs.dialog import Dialog
from vosswitch.sip.legs.early_change import RETRY
from vosswitch.sip.legs.leg import TALKS, Leg
from vosswitch.sip.legs.refresh import grant
from vosswitch.sip.legs.session import MUTE
from vosswitch.sip.legs.stack import refusal_lines
from vosswitch.sip.legs.states import State, Takes
from vosswitch.sip.transactions.flow import contact_line

if TYPE_CHECKING:
    from vosswitch.model.session import SessionDescription
    from vosswitch.model.signals import Headers
    from vosswitch.model.values import Address
    from vosswitch.sip.grammar.message import Request
    from vosswitch.sip.legs.session import Policy, Wish
    from vosswitch.sip.legs.stack import Stack
    from vosswitch.sip.transactions.flow import Flow
    from vosswitch.sip.transactions.layer import ServerTransaction


@implementer(ILeg)
class IncomingLeg(Leg):
    """A caller's side.

    :param request: its INVITE, *transaction* what answers it, *flow* where it came from.
    :raises BadMessage: the INVITE cannot make a dialog (no usable Contact).
    """

    __slots__ = ("_invite", "_late", "_leaving", "_number", "_record_route", "_sent", "_unconfirmed", "_wish")

    def __init__(
        self,
        stack: Stack,
        request: Request,
        transaction: ServerTransaction,
        flow: Flow,
        remote: Address,
        late: bool,
        profile: PeerProfile = PLAIN,
    ) -> None:
        super().__init__(stack, flow, State.OFFERED, remote, profile)
        tag = stack.tokens.new()
        self.dialog = Dialog.of_request(request, tag)
        self.peer_call_id = request.call_id
        self.user_agent = request.get("user-agent") or ""
        self._contact = contact_line(user_text(request.target.user), flow, secure=request.target.scheme == "sips")
        self._late = late
        self._wish = MUTE
        self._number = request.cseq.number
        self._invite: ServerTransaction | None = transaction
        self._record_route = transaction.echo.record_route if transaction.echo is not None else ""
        self._sent: SessionDescription | None = None
        self._unconfirmed: Unconfirmed | None = None
        self._leaving: Cause | None = None
        transaction.tag = tag
        transaction.user = self
        stack.dialogs[tag] = self

    def expects(self, policy: Policy | None, wish: Wish, session: SessionDescription | None) -> None:
        """Note what the INVITE says of session timers, and what we want of them; *session* is its offer."""
        self.policy, self._wish, self.heard = policy, wish, session

    # -- signals of the call

    def _take_ring(self, ring: Ring) -> None:
        self._provisional(180, ring)

    def _take_progress(self, progress: Progress) -> None:
        self._provisional(183, progress)

    def _provisional(self, status: int, signal: Ring | Progress) -> None:
        session = signal.session
        body = b""
        if session is not None:
            self._sent = session
            body = sdp.render(session)
        self.say(status, self._extra(signal), body)

    def say(self, status: int, extra: str, body: bytes) -> None:
        """Send a provisional response with more header lines."""
        assert self._invite is not None
        self.status = status
        self._invite.respond(status, self._record_route + self._contact + extra, body)

    def _take_answer(self, answer: Answer) -> None:
        assert self._invite is not None
        session = answer.session or self._sent
        self.status = 200
        self.state = State.ANSWERED
        self._unconfirmed = Unconfirmed(self, self._invite, self._number)
        self.told = session
        timer, self._wish = grant(self, self._wish), MUTE
        server = "" if self.profile.user_agent else f"Server: {self.stack.product}\r\n"
        extra = f"{self._record_route}{self._contact}{allowed(self.profile)}{timer}{server}{self._extra(answer)}"
        self._invite.respond(200, extra, b"" if session is None else sdp.render(session))
        self._invite = None

    def _extra(self, signal: Ring | Progress | Answer) -> str:
        """The header lines for this peer only: who is called, what is passed on, what is always added."""
        profile = self.profile
        if profile is PLAIN:
            return ""
        assert self.flow is not None
        told = connected_lines(signal.identity, profile, self.flow.host)
        told += [*self.passed(signal.headers), *profile.add_headers]
        return lines(told) if told else ""

    def _take_refusal(self, release: Release) -> None:
        told = [*self.passed(release.headers), *self.profile.add_headers]
        if 300 <= release.cause.status < 400:
            told += [f"Contact: {value}" for name, value in release.headers if name == "contact"]
        self._refuse(release.cause.answerable, refusal_lines(release.cause) + (lines(told) if told else ""))
        self.over(None)

    def _refuse(self, status: int, extra: str) -> None:
        assert self._invite is not None
        self.status = status
        self._invite.respond(status, extra)
        self._invite = None
        self.forget()

    def _take_early_bye(self, release: Release) -> None:
        """RFC 3261 section 15: no BYE before the ACK came or can no longer come."""
        self.state = State.LEAVING
        self._leaving = release.cause
        self.listener = None

    # -- what the peer does

    def cancelled(self, request: Request) -> None:
        """A CANCEL came before the final response."""
        self._refuse(487, "")
        self.over(abandoned(cause("caller_abandoned"), request.headers.get("reason")))

    def acknowledged(self, request: Request) -> None:
        """The ACK of our 2xx, to the INVITE that began the call or to a later one."""
        unconfirmed = self._unconfirmed
        if unconfirmed is None or request.cseq.number != unconfirmed.number:
            super().acknowledged(request)
            return
        unconfirmed.stop()
        self._unconfirmed = None
        if self.state is State.LEAVING:
            self._leave()
        elif self.state is State.ANSWERED:
            self.state = State.CONNECTED
            self._confirmed(request)

    def _confirmed(self, request: Request) -> None:
        try:
            session = body_session(request) if self._late else None
        except sdp.BadSession:
            session = None
        if self._late and session is None:
            self.hang_up(cause("protocol_error"))
            self.over(cause("protocol_error"))
        else:
            self.heard = session or self.heard
            self.report(Confirm(session))

    def unconfirmed(self) -> None:
        """No ACK came for a 2xx (13.3.1.4): the session ends."""
        self._unconfirmed = None
        if self.state is State.LEAVING:
            self._leave()
        elif self.state in {State.ANSWERED, State.CONNECTED}:
            self.hang_up(cause("session_timeout"))
            self.over(cause("session_timeout"))

    def _leave(self) -> None:
        reached = self._leaving or cause("normal")
        self.over(None)
        self.hang_up(reached)

    def _hear_bye(self, request: Request, transaction: ServerTransaction) -> None:
        if self.state is State.OFFERED:
            transaction.respond(200)
            self._refuse(487, "")
            self.over(abandoned(cause("caller_abandoned"), request.headers.get("reason")))
        else:
            super()._hear_bye(request, transaction)

    # -- changes before the answer: not without reliable provisional responses (`AssuredLeg`)

    def _take_offer_before_answer(self, _offer: Offer) -> None:
        self.report(Refuse(504))

    def _hear_change(self, request: Request, transaction: ServerTransaction) -> None:
        if self.state is not State.OFFERED or request.method != "UPDATE":
            super()._hear_change(request, transaction)
        elif request.body:
            transaction.respond(500, RETRY)
        else:
            transaction.respond(200, self._contact)

    def over(self, reached: Cause | None, headers: Headers = ()) -> None:
        """The leg has ended."""
        if self._unconfirmed is not None:
            self._unconfirmed.stop()
            self._unconfirmed = None
        super().over(reached, headers)

    TAKES: ClassVar[Takes] = {
        State.OFFERED: {
            Ring: _take_ring,
            Progress: _take_progress,
            Answer: _take_answer,
            Offer: _take_offer_before_answer,
            Release: _take_refusal,
        },
        State.ANSWERED: {Offer: Leg._take_early_offer, Release: _take_early_bye},
        State.CONNECTED: {
            Offer: Leg._take_offer,
            Accept: Leg._take_accept,
            Refuse: Leg._take_refuse,
            Confirm: Leg._take_confirm,
            Digit: Leg._take_digit,
            Release: Leg._take_bye,
            **TALKS,
        },
        State.LEAVING: {},
        State.OVER: {Transferred: Leg._take_transferred},
    }
