"""Requests outside dialogs: what they must fulfil, who may send them, and where they go (RFC 3261 8.2)."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from vosswitch import sdp
from vosswitch.model.peer import PLAIN, PeerProfile
from vosswitch.model.signals import Try
from vosswitch.sip.grammar.bodies import ACCEPT, MIXED, SDP, body_session, kind_of
from vosswitch.sip.grammar.message import BadMessage
from vosswitch.sip.grammar.numberparameters import read_parameters
from vosswitch.sip.grammar.wire import ALLOW, KNOWN
from vosswitch.sip.identity.carried import server_line, taken
from vosswitch.sip.identity.identity import called_of, caller_of, display_of, identity_of
from vosswitch.sip.legs.assured_leg import AssuredLeg
from vosswitch.sip.legs.incoming import IncomingLeg
from vosswitch.sip.legs.refer import read_replaces
from vosswitch.sip.legs.refusal import Refused
from vosswitch.sip.legs.reliable import OPTION, names, refusal
from vosswitch.sip.legs.session import MUTE, policy_of, read, too_small
from vosswitch.sip.registrations.registering import REQUIRABLE
from vosswitch.sip.registrations.registrar import GATEWAY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vosswitch.model.session import SessionDescription
    from vosswitch.model.signals import Replaces
    from vosswitch.sip.grammar.message import Request
    from vosswitch.sip.identity.addressing import Replies
    from vosswitch.sip.legs.session import Policy, Wish
    from vosswitch.sip.legs.stack import DialogUser, Stack
    from vosswitch.sip.registrations.registrar import Registrar
    from vosswitch.sip.transactions.flow import Flow
    from vosswitch.sip.transactions.layer import ServerTransaction

RETRY_AFTER = 10
"""Seconds a peer shall stay away while the switch drains."""
_ACCEPT_SDP = f"Accept: {SDP}, multipart/mixed\r\n"
_UNDERSTOOD = frozenset({"timer", OPTION, "replaces"})
"""Extensions that a request may require (RFC 4028, RFC 3262, RFC 3891); policy has the last word in an INVITE."""


class Reception:
    """The user agent server core.

    :param credentials: an `ICredentials`, *calls* an `IIncomingCalls`.
    :ivar draining: OPTIONS and new INVITEs get 503.
    """

    __slots__ = (
        "_calls",
        "_credentials",
        "_parameters",
        "_registrar",
        "_replies",
        "_stack",
        "draining",
    )

    def __init__(
        self,
        stack: Stack,
        registrar: Registrar,
        credentials: Any,
        calls: Any,
        parameters: Callable[[], Mapping[str, Any]],
        replies: Replies,
    ) -> None:
        self._replies = replies
        self._stack = stack
        self._registrar = registrar
        self._credentials = credentials
        self._calls = calls
        self._parameters = parameters
        self.draining = False

    def requested(self, request: Request, transaction: ServerTransaction, flow: Flow, user: str | None) -> None:
        """Answer a new request, or hand it on as a call.

        :param user: the name that its sender has proved; None = the source address proves it.
        """
        try:
            _inspect(request)
            serves = _SERVES.get(request.method)
            if serves is None:
                raise Refused(405 if request.method in KNOWN else 501, ALLOW)
            serves(self, request, transaction, flow, user)
        except Refused as refused:
            transaction.respond(refused.status, refused.lines, reason=refused.reason)
        except BadMessage as bad:
            transaction.respond(bad.status, reason=bad.reason)

    def examine(self, request: Request) -> None:
        """What a stranger's request has to fulfil before anybody looks at who he is.

        :raises Refused: it does not.
        """
        _inspect(request)
        if request.method not in _SERVES:
            raise Refused(405 if request.method in KNOWN else 501, ALLOW)
        if request.method in {"INVITE", "OPTIONS"}:
            self._open_only()

    def illegal(self, request: Request, flow: Flow, user: str | None, reason: str) -> None:
        """Have the refused call of a stranger written down."""
        self._calls.refused(_offered(request, flow, None, user), reason)

    def within(self, user: DialogUser, request: Request, transaction: ServerTransaction) -> None:
        """Hand a request within a dialog to its owner."""
        try:
            _inspect(request)
            if request.method == "REFER":  # a transfer makes a new call
                self._open_only()
            user.requested(request, transaction)
        except Refused as refused:
            transaction.respond(refused.status, refused.lines, reason=refused.reason)

    def _options(self, _request: Request, transaction: ServerTransaction, _flow: Flow, _user: str | None) -> None:
        self._open_only()
        transaction.respond(200, ALLOW + ACCEPT)

    def _open_only(self) -> None:
        if self.draining:
            raise Refused(503, f"Retry-After: {RETRY_AFTER}\r\n")

    def _lost_bye(self, _request: Request, transaction: ServerTransaction, _flow: Flow, _user: str | None) -> None:
        transaction.respond(481)

    # -- INVITE

    def _invite(self, request: Request, transaction: ServerTransaction, flow: Flow, user: str | None) -> None:
        if self._stack.layer.merged(transaction, request, request.from_.tag):
            raise Refused(482)
        self._open_only()
        self._deliver(request, transaction, flow, user)

    def _deliver(self, request: Request, transaction: ServerTransaction, flow: Flow, user: str | None) -> None:
        session, replaces = _offer_of(request), _replaces_of(request)
        profile = self._credentials.profile(flow.remote, user, request.target.user, partial(called_of, request))
        policy, wish = policy_of(self._parameters(), profile), read(request)
        if wish is not MUTE or profile.session_timer != "on":
            _may_time(request, policy, wish)
        if transaction.server or profile is not PLAIN:
            transaction.server = server_line(profile.user_agent)
            transaction.flow = self._replies.way(request.via, flow, profile)
        assured = _assured(request, profile)
        kind = AssuredLeg if assured else IncomingLeg
        leg = kind(self._stack, request, transaction, flow, flow.remote, session is None, profile)
        leg.user = user or ""
        leg.expects(policy, wish, session)
        transaction.respond(100)
        timer = policy is not None and wish.able
        offered = _offered(request, flow, session, user, profile, timer, assured)
        self._calls.incoming(leg, offered if replaces is None else replace(offered, replaces=replaces))

    # -- REGISTER

    def _register(self, request: Request, transaction: ServerTransaction, flow: Flow, user: str | None) -> None:
        if user is None:
            raise Refused(403)
        number = name = self._credentials.phone(user)
        if name is None and self._credentials.dynamic(user):
            name = GATEWAY + user
        if name is None or request.to.uri.user not in {number, user}:
            raise Refused(403)
        outcome = self._registrar.register(name, request, flow)
        transaction.respond(outcome.status, outcome.lines)


def _inspect(request: Request) -> None:
    """RFC 3261 8.2.2 and 16.3: scheme, hops, extensions."""
    if request.target.scheme not in {"sip", "sips", "tel"}:
        raise Refused(416)
    if request.max_forwards == 0 and request.method != "OPTIONS":
        raise Refused(483)
    required = request.all("require") + request.all("proxy-require")
    if required:
        known = REQUIRABLE if request.method == "REGISTER" else _UNDERSTOOD
        unsupported = ", ".join([option for option in required if option.lower() not in known])
        if unsupported:
            raise Refused(420, f"Unsupported: {unsupported}\r\n")


def _may_time(request: Request, policy: Policy | None, wish: Wish) -> None:
    """RFC 4028 section 9: what an INVITE says of session timers fits what we want with its sender."""
    if policy is None:
        if "timer" in [name.lower() for name in request.all("require")]:
            raise Refused(420, "Unsupported: timer\r\n")
    elif policy.required and not wish.able:
        raise Refused(421, "Require: timer\r\n")
    elif too_small(policy, wish):
        raise Refused(422, f"Min-SE: {policy.least}\r\n")


def _assured(request: Request, profile: PeerProfile) -> bool:
    """Whether the caller gets its provisional responses reliably."""
    required = "require" in request.headers and names(request, "require", OPTION)
    if profile.reliable == "off" and not required:
        return False
    supported = names(request, "supported", OPTION)
    refused = refusal(profile.reliable, required=required, supported=supported)
    if refused is not None:
        raise Refused(*refused)
    return required or supported


def _offer_of(request: Request) -> SessionDescription | None:
    if not request.body:
        return None
    encoding = request.get("content-encoding")
    if encoding and encoding.lower() != "identity":
        raise Refused(415, "Accept-Encoding: identity\r\n")
    if (kind := kind_of(request)) not in {SDP, ""} and kind not in MIXED:
        raise Refused(415, _ACCEPT_SDP)
    try:
        return body_session(request)
    except sdp.BadSession:
        raise Refused(400, reason="Malformed session description") from None


def _replaces_of(request: Request) -> Replaces | None:
    """The leg that the INVITE shall take the place of (RFC 3891 section 3)."""
    values = request.headers.get("replaces")
    if values is None:
        return None
    if len(values) > 1:
        raise Refused(400, reason="More than one Replaces")
    return read_replaces(values[0])


def _offered(
    request: Request,
    flow: Flow,
    session: SessionDescription | None,
    user: str | None,
    profile: PeerProfile = PLAIN,
    timer: bool = False,
    assured: bool = False,
) -> Try:
    hops = request.max_forwards
    identity = identity_of(request, profile)
    return Try(
        caller=caller_of(request, profile),
        callee=request.target.user if profile is PLAIN else called_of(request, profile.callee_source),
        source=flow.remote,
        local=flow.local,
        peer_call_id=request.call_id,
        display=display_of(request, profile, identity),
        user=user,
        user_agent=request.get("user-agent") or "",
        max_forwards=70 if hops is None else hops,
        session=session,
        identity=identity,
        callee_source=profile.callee_source,
        number_parameters=(
            read_parameters(request.target, profile.number_parameters) if profile.number_parameters else ()
        ),
        headers=taken(request, profile.headers_in) if profile.headers_in else (),
        timer=timer,
        early=assured,
    )


_SERVES: dict[str, Callable[[Reception, Request, ServerTransaction, Flow, str | None], None]] = {
    "INVITE": Reception._invite,
    "REGISTER": Reception._register,
    "OPTIONS": Reception._options,
    "BYE": Reception._lost_bye,
    "INFO": Reception._lost_bye,
    "UPDATE": Reception._lost_bye,
    "PRACK": Reception._lost_bye,
}
