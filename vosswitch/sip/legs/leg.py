"""One side of a call over SIP: what incoming and outgoing legs have in common, mostly the answered dialog.

A leg speaks `vosswitch.model.signals` with its call and requests and responses with its peer.  Which signal is taken
in which state is a table in each class (`TAKES`); what does not stand there is ignored.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, ClassVar

from vosswitch import sdp
from vosswitch.model.causes import Cause, cause
from vosswitch.model.peer import PLAIN
from vosswitch.model.signals import Carried, Carry, Digit, Offer, Refuse, Release, Signal, Transferred
from vosswitch.model.values import Address
from vosswitch.sip.destinations.named import LARGE, named_way, streamed
from vosswitch.sip.grammar.bodies import ACCEPT, RELAY, SDP, digit_body, read_digit
from vosswitch.sip.grammar.reason import lines_of, released
from vosswitch.sip.grammar.wire import ALLOW, KNOWN, allowed, seal
from vosswitch.sip.identity.addressing import request_flow, usable
from vosswitch.sip.identity.carried import agent_lines, given, taken
from vosswitch.sip.legs import refer
from vosswitch.sip.legs.carry import Carrier
from vosswitch.sip.legs.change import Changes
from vosswitch.sip.legs.proof import is_first, own_part
from vosswitch.sip.legs.states import Listener, State, Takes

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.model.peer import PeerProfile
    from vosswitch.model.session import SessionDescription
    from vosswitch.model.signals import Headers
    from vosswitch.sip.grammar.message import Request, Response
    from vosswitch.sip.legs.dialog import Dialog
    from vosswitch.sip.legs.proof import Proof
    from vosswitch.sip.legs.refer import Referral
    from vosswitch.sip.legs.refresh import SessionTimer
    from vosswitch.sip.legs.session import Policy
    from vosswitch.sip.legs.stack import Stack
    from vosswitch.sip.transactions.flow import Flow
    from vosswitch.sip.transactions.layer import ClientTransaction, ServerTransaction


@lru_cache(maxsize=4096)
def behind_nat(told: str, seen: str) -> bool:
    """Whether a peer told a private address though it is seen at a public one."""
    return told != seen and ip_address(told).is_private and not ip_address(seen).is_private


class Leg:
    """The common part.

    :ivar profile: how its peer is spoken with.
    :ivar referral: the subscription of the peer's running REFER; *referred*: it has sent one before; *asked_refer*:
        one of the far side was passed to it.
    :ivar user: the name that its peer has proved, or has registered under; "" = its address proves it.
    :ivar peer_call_id: the Call-ID of this leg's dialog; *remote*, *user_agent*, *status*: see `ILeg`.
    :ivar told: the description that we have given last and that was agreed, *heard* the peer's; None before.
    :ivar policy: what we want of session timers with this peer, None = nothing; *session*: the timer that runs.
    """

    __slots__ = (
        "_carrier",
        "_changes",
        "_contact",
        "_proof",
        "_timer",
        "asked_refer",
        "dialog",
        "flow",
        "heard",
        "listener",
        "peer_call_id",
        "policy",
        "profile",
        "referral",
        "referred",
        "remote",
        "session",
        "stack",
        "state",
        "status",
        "told",
        "user",
        "user_agent",
    )
    TAKES: ClassVar[Takes] = {}
    CALLS: ClassVar[bool] = False
    """Whether we made the Call-ID (RFC 3261 14.1)."""

    def __init__(
        self, stack: Stack, flow: Flow | None, state: State, remote: Address, profile: PeerProfile = PLAIN
    ) -> None:
        self.stack = stack
        self.flow = flow
        self.state = state
        self.remote = remote
        self.profile = profile
        self.listener: Listener | None = None
        self.dialog: Dialog | None = None
        self.peer_call_id = ""
        self.user = self.user_agent = ""
        self.status = 0
        self._contact = ""
        self.told: SessionDescription | None = None
        self.heard: SessionDescription | None = None
        self.policy: Policy | None = None
        self.session: SessionTimer | None = None
        self._changes: Changes | None = None
        self._carrier: Carrier | None = None
        self.referral: Referral | None = None
        self.referred = self.asked_refer = False
        self._proof: Proof | None = None
        self._timer: Any = None

    # -- towards the call

    def listen(self, listener: Listener) -> None:
        """Report to *listener* from now on."""
        self.listener = listener

    def send(self, signal: Signal) -> None:
        """Tell the peer; what does not fit the state is ignored."""
        takes = self.TAKES[self.state].get(type(signal))
        if takes is not None:
            takes(self, signal)

    def report(self, signal: Signal) -> None:
        """Tell the call."""
        if self.listener is not None:
            self.listener.heard(self, signal)

    def over(self, reached: Cause | None, headers: Headers = ()) -> None:
        """The leg has ended; *reached* is reported unless the call itself ended it (None)."""
        self.state = State.OVER
        self._still()
        if self.session is not None:
            self.session.stop()
            self.session = None
        if self._changes is not None:
            self._changes.stop()
            self._changes = None
        if self._carrier is not None:
            self._carrier.stop()
        listener, self.listener = self.listener, None
        if reached is not None and listener is not None:
            listener.heard(self, Release(reached, headers))

    def resume_data(self) -> dict[str, Any]:
        """What `end_orphan` needs to end the dialog; {} before there is one."""
        if self.dialog is None or self.flow is None:
            return {}
        remote, local = self.flow.remote, self.flow.local
        return {
            "protocol": "sip",
            "dialog": self.dialog.to_data(),
            "transport": remote.transport,
            "address": [remote.host, remote.port],
            "local_address": [local.host, local.port],
            "request_address": self.profile.request_address,
            **({"tls_name": self.flow.name} if self.flow.name else {}),
        }

    # -- timers of the leg: one at a time

    def _await(self, delay: float, call: Callable[..., None], *args: Any) -> None:
        self.stack.timers.cancel(self._timer)
        self._timer = self.stack.timers.add(delay, call, *args)

    def _still(self) -> None:
        self.stack.timers.cancel(self._timer)
        self._timer = None

    # -- requests of ours within the dialog

    def way(self) -> Flow:
        """Where requests of the dialog go: its next hop, or where the peer is seen when that is of no use."""
        assert self.dialog is not None
        assert self.flow is not None
        flow = self.flow
        if flow.bound:
            return flow
        if self.profile is not PLAIN:
            found = request_flow(self.profile.request_address, self.dialog, flow)
            if found is not None:
                return found
        host, port, name = self.dialog.hop()
        if host is None:
            return named_way(self.stack, flow, Address(name, port, flow.remote.transport)) if name else flow
        if host == flow.remote.host and port == flow.remote.port and not flow.closed:
            return flow
        seen = flow.remote.host
        return flow if behind_nat(host, seen) or not usable(host, port, seen) else flow.toward(host, port)

    def ask(self, method: str, extra: tuple[str, ...] = (), body: bytes = b"", kind: str = SDP) -> ClientTransaction:
        """Send a request within the dialog; its outcome comes to `answered` or `failed`."""
        assert self.dialog is not None
        flow, branch = self.way(), self.stack.branch()
        extra = (*self._named(), *extra)
        head = self.dialog.head(method, self.dialog.next_seq(), f"{flow.via};branch={branch};rport", extra)
        if method in {"INVITE", "UPDATE"}:
            head += self._contact + allowed(self.profile)
        data = seal(head, body, kind)
        if len(data) > LARGE and not flow.reliable:
            flow, data = streamed(self.stack, self.profile, flow, data)
        return self.stack.layer.send(self, method, branch, data, flow)

    def contact_line(self) -> str:
        """Our Contact line, without its end."""
        return self._contact.rstrip("\r\n")

    def _named(self) -> tuple[str, ...]:
        """Our name in requests within the dialog, where the peer's profile has one; else they go without."""
        setting = self.profile.user_agent
        return agent_lines(setting, "", "User-Agent") if setting else ()

    def passed(self, headers: Headers) -> list[str]:
        """The lines of those headers of the far side that this peer is sent."""
        return given(headers, self.profile.headers_out) if headers and self.profile.headers_out else []

    def acknowledge(self, number: int, session: SessionDescription | None, proof: tuple[str, ...] = ()) -> bytes:
        """Send the ACK of a 2xx and return it, to be sent again for each retransmission of that."""
        assert self.dialog is not None
        flow = self.way()
        head = self.dialog.head(
            "ACK", number, f"{flow.via};branch={self.stack.branch()};rport", (*self._named(), *proof)
        )
        data = seal(head, b"" if session is None else sdp.render(session))
        self.repeat(data)
        return data

    def repeat(self, data: bytes) -> None:
        """Send an ACK once (again)."""
        statistics = self.stack.statistics
        statistics.sent += 1
        statistics.sent_requests["ACK"] += 1
        self.way().send(data)

    def hang_up(self, reached: Cause, headers: Headers = ()) -> None:
        """Send BYE, with those of the far side's *headers* that pass."""
        self.ask("BYE", (*lines_of(reached.reason, reached.q850, reached.sip), *self.passed(headers)))

    def prove(self, transaction: ClientTransaction, response: Response) -> tuple[str, ...]:
        """The lines that answer a challenge to a request of ours; () when that cannot be."""
        if self._proof is None or response.status not in {401, 407} or self.dialog is None:
            return ()
        first = is_first(transaction.data)
        return self._proof.answer(response, transaction.method, self.dialog.request_uri, first=first)

    def proven(self, transaction: ClientTransaction, response: Response) -> ClientTransaction | None:
        """The same request again with credentials, when *response* asks for such as we have."""
        proof = self.prove(transaction, response)
        if not proof:
            return None
        extra, body, kind = own_part(transaction.data)
        return self.ask(transaction.method, (*extra, *proof), body, kind)

    def answered(self, transaction: ClientTransaction, response: Response) -> None:
        """A response to a request of ours within the dialog."""
        if response.status < 200 and transaction.method != "INVITE":
            return
        if self._carrier is not None and self._carrier.owns(transaction):
            self._carrier.answered(transaction, response)
            return
        learn = _LEARNS.get(transaction.method)
        if learn is not None:
            if self.proven(transaction, response) is None:
                learn(self, response)
        elif self.session is not None and self.session.owns(transaction):
            self.session.answered(transaction, response)
        elif self._changes is not None:
            self._changes.answered(transaction, response)

    def _learn_bye(self, _response: Response) -> None:
        self.forget()

    def _learn_info(self, response: Response) -> None:
        if response.status in {408, 481}:
            self._lost()

    def _learn_notify(self, response: Response) -> None:
        if response.status == 481 and self.referral is not None:
            self.referral.quiet = True

    def failed(self, transaction: ClientTransaction) -> None:
        """A request of ours within the dialog got no final response."""
        if transaction.method == "BYE":
            self.forget()
        elif self._carrier is not None and self._carrier.owns(transaction):
            self._carrier.failed(transaction)
        elif self.session is not None and self.session.owns(transaction):
            self.session.lost()
        elif self._changes is not None:
            self._changes.failed(transaction)

    def forget(self) -> None:
        """The dialog is no more."""
        if self.dialog is not None:
            self.stack.dialogs.pop(self.dialog.local_tag, None)

    def unconfirmed(self) -> None:
        """No ACK came for a 2xx of ours (13.3.1.4): the session ends."""
        self._lost()

    def expired(self) -> None:
        """The session timer ran out, or its refresh was not answered (RFC 4028 section 10)."""
        self._lost()

    def changing(self) -> bool:
        """Whether a refresh has to wait: for the ACK, or for a change of the session that is running."""
        unready = self.state is not State.CONNECTED
        return unready or (self._changes is not None and self._changes.busy() != 0)

    def _lost(self) -> None:
        """The peer no longer knows the dialog (12.2.1.2)."""
        if self.state in {State.CONNECTED, State.ANSWERED}:
            self.hang_up(cause("session_timeout"))
            self.over(cause("session_timeout"))

    # -- requests of the peer within the dialog

    def owns(self, request: Request) -> bool:
        """Whether Call-ID and the peer's tag fit too."""
        return self.dialog is not None and self.dialog.matches(request)

    def requested(self, request: Request, transaction: ServerTransaction) -> None:
        """A request other than ACK and CANCEL within the dialog."""
        assert self.dialog is not None
        if not self.dialog.take_seq(request.cseq.number):
            transaction.respond(500)
            return
        hears = _HEARS.get(request.method)
        if hears is not None:
            hears(self, request, transaction)
        elif self.profile.messages == "pass" and self.is_connected and request.method not in _OUTSIDE:
            self.carrier.requested(request, transaction)
        else:
            transaction.respond(405 if request.method in KNOWN else 501, ALLOW)

    def acknowledged(self, request: Request) -> None:
        """An ACK of a 2xx."""
        if self._changes is not None:
            self._changes.acknowledged(request)

    def _hear_bye(self, request: Request, transaction: ServerTransaction) -> None:
        transaction.respond(200)
        self.forget()
        if self.state is not State.OVER:
            headers = taken(request, self.profile.headers_in) if self.profile.headers_in else ()
            self.over(released(request.headers.get("reason")), headers)

    def _hear_change(self, request: Request, transaction: ServerTransaction) -> None:
        if self.state is State.CONNECTED:
            self.changes.requested(request, transaction)
        else:
            transaction.respond(481 if self.state is State.OVER else 491)

    def _hear_info(self, request: Request, transaction: ServerTransaction) -> None:
        if not request.body:
            transaction.respond(200)
            return
        digit = read_digit(request)
        if digit is not None:
            transaction.respond(200)
            if self.profile.dtmf_info == "pass":
                self.report(digit)
        elif self.profile.messages == "pass" and self.is_connected:
            package = request.get("info-package")
            self.carrier.requested(request, transaction, (("Info-Package", package[:80]),) if package else ())
        elif "info-package" in request.headers:
            transaction.respond(469, "Recv-Info: nil\r\n")
        else:
            transaction.respond(415, ACCEPT)

    def _hear_options(self, _request: Request, transaction: ServerTransaction) -> None:
        transaction.respond(200, ALLOW + ACCEPT)

    def _hear_refer(self, request: Request, transaction: ServerTransaction) -> None:
        refer.requested(self, request, transaction)

    def _hear_notify(self, request: Request, transaction: ServerTransaction) -> None:
        refer.notified(self, request, transaction)

    def _hear_prack(self, _request: Request, transaction: ServerTransaction) -> None:
        transaction.respond(481)

    # -- signals that every answered leg takes

    @property
    def changes(self) -> Changes:
        """Re-INVITEs both ways, made when first needed."""
        if self._changes is None:
            self._changes = Changes(self)
        return self._changes

    @property
    def carrier(self) -> Carrier:
        """What is handed through, made when first needed."""
        if self._carrier is None:
            self._carrier = Carrier(self)
        return self._carrier

    @property
    def is_connected(self) -> bool:
        """Whether the dialog is confirmed and the call there."""
        return self.state is State.CONNECTED

    def _take_transferred(self, transferred: Transferred) -> None:
        referral = self.referral
        if referral is None:
            return
        if transferred.status >= 200:
            self.referral = None
        referral.tell(transferred.status)

    def _take_carry(self, carry: Carry) -> None:
        self.asked_refer = self.asked_refer or carry.method == "REFER"
        self.carrier.send(carry)

    def _take_carried(self, carried: Carried) -> None:
        if self._carrier is not None:
            self._carrier.answer(carried)

    def _take_digit(self, digit: Digit) -> None:
        self.ask("INFO", (), digit_body(digit), RELAY)

    def _take_offer(self, offer: Offer) -> None:
        self.changes.offer(offer)

    def _take_early_offer(self, _offer: Offer) -> None:
        """The first offer is not settled yet: the other side may try again (14.1)."""
        self.report(Refuse(491))

    def _take_accept(self, accept: Any) -> None:
        if self._changes is not None:
            self._changes.accept(accept.session)

    def _take_refuse(self, refuse: Any) -> None:
        if self._changes is not None:
            self._changes.refuse(refuse.status)

    def _take_confirm(self, confirm: Any) -> None:
        if self._changes is not None:
            self._changes.confirm(confirm.session)

    def _take_bye(self, release: Release) -> None:
        self.over(None)
        self.hang_up(release.cause, release.headers)


TALKS: dict[type[Signal], Callable[[Any, Any], None]] = {
    Carry: Leg._take_carry,
    Carried: Leg._take_carried,
    Transferred: Leg._take_transferred,
}
"""What every connected leg takes besides changes of its session."""
_OUTSIDE = frozenset({"REGISTER", "SUBSCRIBE", "PUBLISH"})
"""Methods that belong to no call: never handed through."""
_LEARNS: dict[str, Callable[[Leg, Response], None]] = {
    "BYE": lambda leg, response: leg._learn_bye(response),
    "INFO": Leg._learn_info,
    "NOTIFY": Leg._learn_notify,
}
"""What follows from the final response to a request of ours, challenges apart."""
_HEARS: dict[str, Callable[[Leg, Request, ServerTransaction], None]] = {
    "BYE": lambda leg, request, transaction: leg._hear_bye(request, transaction),  # an early one is another matter
    "INVITE": Leg._hear_change,
    "UPDATE": lambda leg, request, transaction: leg._hear_change(request, transaction),
    "INFO": Leg._hear_info,
    "OPTIONS": Leg._hear_options,
    "PRACK": lambda leg, request, transaction: leg._hear_prack(request, transaction),
    "REFER": Leg._hear_refer,
    "NOTIFY": Leg._hear_notify,
}
