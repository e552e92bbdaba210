"""The outgoing leg: our INVITE to a gateway or a phone, from a `Placement`."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from zope.interface import implementer

from vosswitch import sdp
from vosswitch.model.causes import Cause, cause
from vosswitch.model.identity import NOBODY
from vosswitch.model.interfaces import ILeg
from vosswitch.model.peer import PLAIN
from vosswitch.model.signals import (
    Accept,
    Answer,
    Confirm,
    Digit,
    Offer,
    Proceed,
    Progress,
    Refuse,
    Release,
    Ring,
    Transferred,
)
from vosswitch.sip.destinations.named import LARGE
from vosswitch.sip.grammar.bodies import body_session
from vosswitch.sip.grammar.headers import quoted, retry_after
from vosswitch.sip.grammar.reason import NONE, lines_of, read, refused
from vosswitch.sip.grammar.wire import allowed, lines, seal, user_text
from vosswitch.sip.identity.assertion import hidden_numbers, shown
from vosswitch.sip.identity.carried import agent_lines, given
from vosswitch.sip.identity.identity import besides
from vosswitch.sip.legs.calling import CallingLeg, request_uri
from vosswitch.sip.legs.dialog import Dialog
from vosswitch.sip.legs.early import MOST
from vosswitch.sip.legs.fork import Fork
from vosswitch.sip.legs.leg import TALKS, Leg
from vosswitch.sip.legs.proof import Proof
from vosswitch.sip.legs.redirect import Redirects, cause_of, passed_on
from vosswitch.sip.legs.refresh import begin
from vosswitch.sip.legs.reliable import invite_line
from vosswitch.sip.legs.session import MOST as LONGEST
from vosswitch.sip.legs.session import invite_lines, least_of
from vosswitch.sip.legs.states import State, Takes
from vosswitch.sip.legs.tries import Tries, proof_name
from vosswitch.sip.transactions.flow import contact_line
from vosswitch.sip.transactions.pace import Pace

if TYPE_CHECKING:
    from vosswitch.model.call import Placement
    from vosswitch.model.session import SessionDescription
    from vosswitch.model.signals import Headers
    from vosswitch.sip.grammar.message import Response
    from vosswitch.sip.legs.stack import Stack
    from vosswitch.sip.legs.states import Listener
    from vosswitch.sip.transactions.flow import Flow
    from vosswitch.sip.transactions.layer import ClientTransaction

_CANCEL_PATIENCE = 32.0
"""Seconds a cancelled INVITE may go on without a final response (9.1: 64*T1)."""
_RAISES = 3
"""How many 422 an attempt follows: each proxy on the way may have a Min-SE of its own."""


@implementer(ILeg)
class OutgoingLeg(CallingLeg):
    """A gateway's or phone's side.  `start` sends the INVITE.

    :ivar _phase: how far the peer has got: 0 nothing, 1 trying, 2 progress, 3 early media, 4 ringing; each has a timer.
    :ivar _extra: the header lines of the INVITE that say who calls and who we are, and what is passed on.
    :ivar _shown: the credentials of the INVITE, which its ACK repeats (22.1).
    :ivar _ack: our ACK of the 2xx, for its retransmissions.
    :ivar _least: the greatest Min-SE that a 422 told, *_raises* how many did.
    :ivar _reasons: what a provisional response gave as its Reason; *_why* are the Reason lines of our CANCEL.
    """

    CALLS = True
    __slots__ = (
        "_ack",
        "_asked",
        "_extra",
        "_forks",
        "_invite",
        "_least",
        "_local",
        "_pace",
        "_phase",
        "_placement",
        "_raises",
        "_reasons",
        "_redirects",
        "_seq",
        "_shown",
        "_tries",
        "_why",
        "retry_after",
    )

    def __init__(self, stack: Stack, placement: Placement, listener: Listener, pace: Pace) -> None:
        target = placement.target
        way = stack.way(target, placement.local_address, proof_name(placement))
        super().__init__(stack, way, target, placement.profile)
        self.retry_after = 0
        self.listener = listener
        self.peer_call_id = stack.tokens.new() + stack.tokens.new()
        self._placement = placement
        self.user = placement.registered
        self._pace = pace
        self._seq = 1
        self._phase = 0
        self.is_late = placement.session is None
        self._least = self._raises = 0
        self._ack = b""
        self._reasons = NONE
        self._why: tuple[str, ...] = ()
        self._shown: tuple[str, ...] = ()
        self._forks: dict[str, Fork] = {}
        self._invite: ClientTransaction | None = None
        self._asked = placement.request_uri or request_uri(placement)
        self._local = ""
        self._extra: tuple[str, ...] = ()
        self._tries: Tries | None = None
        self._redirects: Redirects | None = None
        if placement.username is not None:
            timers, now = placement.timers, stack.timers.now
            self._proof = Proof(
                placement.username,
                placement.password or "",
                placement.realm,
                stack.tokens,
                timers.authentications,
                timers.authentication,
                now,
            )

    def start(self) -> None:
        """Send the INVITE; a missing way is reported in a later turn."""
        if self.flow is None:
            self._tries = Tries(self)
            self._tries.begin()
            return
        self._introduce()
        self._await(self._placement.timers.invite, self._give_up, "connection_timeout")
        self._call(())

    def _introduce(self) -> None:
        """Who we are on the present way: From and Contact."""
        assert self.flow is not None
        placement = self._placement
        host = self.flow.host
        if placement.profile is PLAIN and placement.identity is NOBODY:
            user = user_text(placement.caller or "anonymous")
            display = f"{quoted(placement.display)} " if placement.display else ""
            self._local = f"{display}<sip:{user}@{host}>;tag={self._tag}"
            self._extra = agent_lines("", self.stack.product, "User-Agent")
        else:
            local, user, self._extra = shown(placement, host, self.stack.product)
            self._local = f"{local};tag={self._tag}"
        self._contact = contact_line(user, self.flow, secure=self._asked.startswith("sips:"))

    def _call(self, proof: tuple[str, ...]) -> None:
        assert self.flow is not None
        placement, branch = self._placement, self.stack.branch()
        self._shown = proof
        head = lines(
            (
                f"INVITE {self._asked} SIP/2.0",
                f"Via: {self.flow.via};branch={branch};rport",
                f"Max-Forwards: {placement.max_forwards}",
                f"From: {self._local}",
                f"To: <{request_uri(placement) if placement.contact else self._asked}>",
                f"Call-ID: {self.peer_call_id}",
                f"CSeq: {self._seq} INVITE",
                *[f"Route: {value}" for value in placement.route],
                *self._extra,
                *proof,
            )
        )
        body = b"" if placement.session is None else sdp.render(placement.session)
        offered = invite_lines(self.policy, self._least, allowed(self.profile))
        offered += invite_line(self.profile.reliable, not self.is_late or placement.early)
        data = seal(head + self._contact + offered, body)
        if len(data) > LARGE and not self.flow.reliable and self._enlarge(proof):
            return
        self._invite = self.stack.layer.send(self, "INVITE", branch, data, self.flow, self._pace)

    def _enlarge(self, proof: tuple[str, ...]) -> bool:
        """Send what is too long for a datagram by another transport; False when there is none."""
        assert self.flow is not None
        self._tries = tries = self._tries or Tries(self)
        stream = tries.enlarge(self.flow)
        if stream is None:
            return False
        self.flow = stream
        self._introduce()
        self._call(proof)
        return True

    # -- before the answer

    def _give_up(self, reason: str) -> None:
        """A timer of the attempt ran out."""
        listener = self.listener
        self._withdraw(cause(reason))
        if listener is not None:
            listener.heard(self, Release(cause(reason)))

    def _withdraw(self, reached: Cause) -> None:
        """Take the INVITE back: CANCEL after a provisional response, else wait for one without asking again."""
        self._why = lines_of(reached.reason, reached.q850, reached.sip)
        self._still()
        self.listener = None
        if self._invite is None:
            self.over(None)
            return
        if self.state is State.PROCEEDING:
            self._invite.cancel(self._why)
            self._await(_CANCEL_PATIENCE, self._abandon)
        else:
            self._invite.rest()
        self.state = State.LEAVING

    def _abandon(self) -> None:
        if self._invite is not None:
            self._invite.forget()
        self.over(None)

    def answered(self, transaction: ClientTransaction, response: Response) -> None:
        """A response to a request of ours."""
        if transaction is not self._invite:
            super().answered(transaction, response)
            return
        status = response.status
        if status < 200:
            self._provisional(response, status)
        elif status < 300:
            self._success(response)
        elif self.state is not State.OVER:
            self._failure(transaction, response)

    def failed(self, transaction: ClientTransaction) -> None:
        """No response at all, or the transport failed."""
        if transaction is not self._invite:
            super().failed(transaction)
        elif self.state in {State.CALLING, State.PROCEEDING}:
            if self._tries is not None and self._tries.again():
                return
            if self._redirects is None or not self._redirects.next():
                self.over(cause("connection_timeout"))
        elif self.state is State.LEAVING:
            self.over(None)

    def _provisional(self, response: Response, status: int) -> None:
        if self.state is State.LEAVING:
            if self._timer is None and self._invite is not None:
                self._invite.cancel(self._why)
                self._await(_CANCEL_PATIENCE, self._abandon)
            return
        self.state = State.PROCEEDING
        if "reason" in response.headers:
            self._reasons = read(response.headers["reason"])
        if status == 100:
            self.status = status
            self._reach(1, self._placement.timers.trying, "response_timeout")
            self.report(Proceed())
            return
        session = self._early_session(response)
        if not self._is_new(response, session):
            return
        self.status = status
        if status == 180:
            self._reach(4, self._placement.timers.ringing, "no_answer")
            self.report(Ring(session, *besides(response, self.profile)))
            return
        if session is not None:
            self._reach(3, self._placement.timers.progress_session, "no_answer")
        else:
            self._reach(2, self._placement.timers.progress, "response_timeout")
        self.report(Progress(session, *besides(response, self.profile)))

    def _early_session(self, response: Response) -> SessionDescription | None:
        """Early media; a description that cannot be read is as good as none before the answer."""
        if not self.user_agent:
            self.user_agent = response.get("server") or response.get("user-agent") or ""
        try:
            session = body_session(response)
        except sdp.BadSession:
            return None
        if session is not None:
            self.heard = session
        return session

    def passed(self, headers: Headers) -> list[str]:
        """The lines of those headers of the caller that this peer is sent; a private caller's tell nothing of him."""
        placement = self._placement
        if not headers or not self.profile.headers_out:
            return []
        return given(headers, self.profile.headers_out, hidden_numbers(placement))

    def early_lost(self) -> None:
        """No branch is left."""
        if self.state is State.PROCEEDING:
            self._give_up("response_timeout")

    def _reach(self, phase: int, seconds: float, reason: str) -> None:
        if phase > self._phase:
            self._phase = phase
            self._await(seconds, self._give_up, reason)

    def _failure(self, transaction: ClientTransaction, response: Response) -> None:
        self._still()
        self.status = status = response.status
        if self.state is State.LEAVING:
            self.over(None)
            return
        if self._proof is not None and status in {401, 407}:
            proof = self._proof.answer(response, "INVITE", self._asked)
            if proof:
                self._call_again(proof)
                return
        if status == 422 and self._raised(response):
            self._call_again(self._shown)
            return
        if self._goes_elsewhere(status, response):
            return
        if status == 503 and self._phase < 2 and self._tries is not None and self._tries.again():
            return
        self.retry_after = retry_after(response.get("retry-after"))
        reasons = read(response.headers["reason"]) if "reason" in response.headers else self._reasons
        headers = besides(response, self.profile)[1]
        if status < 400 and self.profile.redirects == "pass":
            headers += passed_on(response)
        self.over(refused(cause_of(status, response, self.profile), reasons), headers)

    def _goes_elsewhere(self, status: int, response: Response) -> bool:
        """Whether a 3xx is followed, or another contact of one is tried (not after a 6xx)."""
        if self._redirects is None:
            if status >= 400 or self.profile.redirects != "follow":
                return False
            self._redirects = Redirects(self)
        if status < 400:
            return self._redirects.follow(response)
        return status < 600 and self._redirects.next()

    def _call_again(self, proof: tuple[str, ...]) -> None:
        """Send the INVITE once more within the same attempt."""
        self._seq += 1
        self._phase = 0
        self._branches = None
        self.state = State.CALLING
        self._await(self._placement.timers.invite, self._give_up, "connection_timeout")
        self._call(proof)

    def _raised(self, response: Response) -> bool:
        """Whether a 422 names a Min-SE that another INVITE can fulfil (RFC 4028 section 7.3)."""
        least = least_of(response)
        if self.policy is None or self._raises == _RAISES or not self._floor() < least <= LONGEST:
            return False
        self._least = least
        self._raises += 1
        return True

    def _floor(self) -> int:
        return 0 if self.policy is None else max(self.policy.ttl, self._least)

    # -- the answer

    def _success(self, response: Response) -> None:
        if self.dialog is not None:
            self._answered_again(response)
            return
        self._still()
        self.dialog = dialog = self.dialog_of(response)
        self.stack.dialogs[dialog.local_tag] = self
        if self._branches is not None and self._branches.take_over(dialog):
            self.is_late = False  # the caller's answer went in a PRACK, if it owed one
        if self.state in {State.LEAVING, State.OVER}:
            self._ack = self.acknowledge(self._seq, None, self._shown)
            self.over(None)
            self.hang_up(cause("caller_abandoned"))
            return
        self.status = response.status
        self.user_agent = response.get("server") or response.get("user-agent") or self.user_agent
        self._settle(dialog, response)

    def dialog_of(self, response: Response) -> Dialog:
        """The dialog that a 2xx makes: our own side of it is as we have sent it, whatever the peer made of that."""
        dialog = Dialog.of_response(response, self._asked)
        dialog.call_id, dialog.local_seq = self.peer_call_id, self._seq
        dialog.local, dialog.local_tag = self._local, self._tag
        return dialog

    def _settle(self, dialog: Dialog, response: Response) -> None:
        try:
            session = body_session(response)
        except sdp.BadSession:
            self._unusable()
            return
        complete = session is not None
        if self._branches is not None:
            complete, session = self._branches.winner(dialog.remote_tag, session)
        if not complete:
            self._unusable()  # no answer to our offer, or no offer at all: nobody would hear anything
            return
        self.state = State.ANSWERED
        self.heard = session or self.heard
        self.told = self._placement.session
        if self._branches is not None:
            self._branches.settle(dialog.remote_tag)
            if self._branches.is_spent:
                self._branches = None
        begin(self, response, self._floor())
        said = besides(response, self.profile)
        self.report(Answer(session, *said))  # first: who is acknowledged but not written down outlives a crash
        if not self.is_late and self.state is State.ANSWERED:
            self._ack = self.acknowledge(self._seq, None, self._shown)
            self.state = State.CONNECTED

    def _unusable(self) -> None:
        self._ack = self.acknowledge(self._seq, None, self._shown)
        self.hang_up(cause("protocol_error"))
        self.over(cause("protocol_error"))

    def _answered_again(self, response: Response) -> None:
        """A retransmitted 2xx is acknowledged again; one of another fork is acknowledged and ended."""
        assert self.dialog is not None
        if response.to.tag == self.dialog.remote_tag:
            if self._ack:
                self.repeat(self._ack)
            return
        fork = self._forks.get(response.to.tag)
        if fork is None:
            if len(self._forks) >= MOST:
                return
            fork = self._forks[response.to.tag] = Fork(self.stack, self, response)
            fork.acknowledge(fork.invited, None)
            fork.hang_up(cause("normal")._replace(sip=200))  # completed elsewhere: no call was missed
        else:
            fork.acknowledge(fork.invited, None)

    def end_stray(self, flow: Flow, number: int, response: Response) -> None:
        """End the dialog of an INVITE that was given up for another address, and answered after all."""
        fork = Fork(self.stack, self, response)
        assert fork.dialog is not None
        fork.flow, fork.invited, fork.dialog.local_seq = flow, number, number
        fork.acknowledge(number, None)
        fork.hang_up(cause("caller_abandoned"))

    def _take_answer_to_late_offer(self, confirm: Confirm) -> None:
        given = self._branches.given if self._branches is not None else None
        self.told = confirm.session or given
        self._ack = self.acknowledge(self._seq, self.told, self._shown)
        self.state = State.CONNECTED

    # -- release by the call

    def _take_withdrawal(self, release: Release) -> None:
        self._withdraw(release.cause)

    def _take_unconfirmed_bye(self, release: Release) -> None:
        self._ack = self.acknowledge(self._seq, None, self._shown)
        self.over(None)
        self.hang_up(release.cause)

    TAKES: ClassVar[Takes] = {
        State.CALLING: {Offer: CallingLeg._take_offer_before_answer, Release: _take_withdrawal},
        State.PROCEEDING: {
            Confirm: CallingLeg._take_early_answer,
            Offer: CallingLeg._take_offer_before_answer,
            Accept: CallingLeg._take_accept,
            Refuse: CallingLeg._take_refuse,
            Release: _take_withdrawal,
        },
        State.ANSWERED: {
            Accept: CallingLeg._take_accept,
            Refuse: CallingLeg._take_refuse,
            Confirm: _take_answer_to_late_offer,
            Offer: Leg._take_early_offer,
            Release: _take_unconfirmed_bye,
        },
        State.CONNECTED: {
            Offer: Leg._take_offer,
            Accept: CallingLeg._take_accept,
            Refuse: CallingLeg._take_refuse,
            Confirm: Leg._take_confirm,
            Digit: Leg._take_digit,
            Release: Leg._take_bye,
            **TALKS,
        },
        State.LEAVING: {},
        State.OVER: {Transferred: Leg._take_transferred},
    }
