"""Requests outside dialogs: what they must fulfil, who may send them, and where they go (RFC 3261 8.2)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from vosswitch import sdp
from vosswitch.model.peer import PLAIN, PeerProfile
from vosswitch.model.signals import Try
from vosswitch.sip.assured_leg import AssuredLeg
from vosswitch.sip.authentication import Authentication, Verdict
from vosswitch.sip.bodies import ACCEPT, MIXED, SDP, body_session, kind_of
from vosswitch.sip.carried import server_line, taken
from vosswitch.sip.identity import called_of, caller_of, display_of, identity_of
from vosswitch.sip.incoming import IncomingLeg
from vosswitch.sip.message import BadMessage
from vosswitch.sip.registering import REQUIRABLE
from vosswitch.sip.registrar import GATEWAY
from vosswitch.sip.reliable import OPTION, names, refusal
from vosswitch.sip.session import MUTE, policy_of, read, too_small
from vosswitch.sip.wire import ALLOW, KNOWN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vosswitch.model.session import SessionDescription
    from vosswitch.model.values import Address
    from vosswitch.sip.flow import Flow
    from vosswitch.sip.layer import ServerTransaction
    from vosswitch.sip.message import Request
    from vosswitch.sip.registrar import Registrar
    from vosswitch.sip.session import Policy, Wish
    from vosswitch.sip.stack import DialogUser, Stack
    from vosswitch.sip.trunks import Trunks

RETRY_AFTER = 10
"""Seconds a peer shall stay away while the switch drains."""
_SILENCE = 32.0
"""Seconds in which a request without an answer may be repeated: it stays one and the same call."""
_ACCEPT_SDP = f"Accept: {SDP}, multipart/mixed\r\n"
_UNDERSTOOD = frozenset({"timer", OPTION})
"""Extensions that a request may require (RFC 4028, RFC 3262); policy has the last word in an INVITE."""
RECORDED = 100
"""Calls of strangers that get a record in `RECORDED_EVERY` seconds: datagrams of anybody must not fill the disk."""
RECORDED_EVERY = 10.0


class Refused(Exception):
    """A request gets this final response.

    :ivar lines: header lines, each ended by CRLF.
    """

    def __init__(self, status: int, lines: str = "", reason: str = "") -> None:
        super().__init__(status)
        self.status = status
        self.lines = lines
        self.reason = reason


class Reception:
    """The user agent server core.

    :param credentials: an `ICredentials`, *calls* an `IIncomingCalls`.
    :ivar draining: OPTIONS and new INVITEs get 503.
    """

    __slots__ = (
        "_authentication",
        "_calls",
        "_credentials",
        "_parameters",
        "_recorded",
        "_registrar",
        "_stack",
        "_trunks",
        "draining",
    )

    def __init__(
        self,
        stack: Stack,
        authentication: Authentication,
        registrar: Registrar,
        credentials: Any,
        calls: Any,
        parameters: Callable[[], Mapping[str, Any]],
        trunks: Trunks,
    ) -> None:
        self._stack = stack
        self._trunks = trunks
        self._authentication = authentication
        self._registrar = registrar
        self._credentials = credentials
        self._calls = calls
        self._parameters = parameters
        self._recorded = (0.0, 0)
        self.draining = False

    def requested(self, request: Request, transaction: ServerTransaction, flow: Flow) -> None:
        """Answer a new request, or hand it on as a call."""
        try:
            _inspect(request)
            serves = _SERVES.get(request.method)
            if serves is None:
                raise Refused(405 if request.method in KNOWN else 501, ALLOW)
            serves(self, request, transaction, flow)
        except Refused as refused:
            transaction.respond(refused.status, refused.lines, reason=refused.reason)
        except BadMessage as bad:
            transaction.respond(bad.status, reason=bad.reason)

    def within(self, user: DialogUser, request: Request, transaction: ServerTransaction) -> None:
        """Hand a request within a dialog to its owner."""
        try:
            _inspect(request)
            user.requested(request, transaction)
        except Refused as refused:
            transaction.respond(refused.status, refused.lines, reason=refused.reason)

    def _options(self, _request: Request, transaction: ServerTransaction, _flow: Flow) -> None:
        self._open_only()
        transaction.respond(200, ALLOW + ACCEPT)

    def _open_only(self) -> None:
        if self.draining:
            raise Refused(503, f"Retry-After: {RETRY_AFTER}\r\n")

    def _lost_bye(self, _request: Request, transaction: ServerTransaction, _flow: Flow) -> None:
        transaction.respond(481)

    # -- INVITE

    def _invite(self, request: Request, transaction: ServerTransaction, flow: Flow) -> None:
        if self._stack.layer.merged(transaction, request, request.from_.tag):
            raise Refused(482)
        self._open_only()
        source = flow.remote
        vendor = self._trunks.called(request, source.host) if self._trunks.users else None
        if self._credentials.trusts(source):
            self._deliver(request, transaction, flow, None)
            return
        username = self._vouched(source, vendor)
        if username is not None:
            self._deliver(request, transaction, flow, username)
            return
        judged = self._authentication.judge(request, source.host)
        if judged.verdict is Verdict.PROVEN:
            self._deliver(request, transaction, flow, judged.username)
        elif judged.verdict is Verdict.SUSPENDED:
            transaction.respond(403)
            self._record(request, flow, judged.username, "authentication_failed")
        elif judged.verdict is Verdict.NONE and not self._may_prove(request):
            self._unknown(request, transaction, flow)
        else:
            transaction.respond(*self._authentication.challenge(request, source.host, judged.verdict is Verdict.STALE))

    def _vouched(self, source: Address, vendor: str | None) -> str | None:
        """Whom a registration proves: a gateway registered from there, or the vendor that was told our Contact."""
        username = self._registrar.username_at(source)
        if username is not None and self._credentials.dynamic(username, calling=True):
            return username
        if vendor is not None and self._credentials.phone(vendor) is None and self._credentials.credentials(vendor):
            return vendor
        return None

    def _may_prove(self, request: Request) -> bool:
        return self._credentials.challenges() or bool(self._credentials.credentials(request.from_.uri.user))

    def _unknown(self, request: Request, transaction: ServerTransaction, flow: Flow) -> None:
        if self._parameters()["SS_REPLY_UNAUTHORIZED"]:
            transaction.respond(403)
        else:
            self._stack.statistics.dropped += 1
            self._stack.timers.add(_SILENCE, transaction.forget)
        self._record(request, flow, None, "unauthorized")

    def _record(self, request: Request, flow: Flow, user: str | None, reason: str) -> None:
        """Have the call of a stranger written down, unless there are too many of them."""
        now = self._stack.timers.now()
        since, count = self._recorded
        if now - since >= RECORDED_EVERY:
            since, count = now, 0
        self._recorded = since, count + 1
        if count < RECORDED:
            self._calls.refused(_offered(request, flow, None, user), reason)
        else:
            self._stack.statistics.unrecorded += 1

    def _deliver(self, request: Request, transaction: ServerTransaction, flow: Flow, user: str | None) -> None:
        session = _offer_of(request)
        profile = self._credentials.profile(flow.remote, user, request.target.user, partial(called_of, request))
        policy, wish = policy_of(self._parameters(), profile), read(request)
        if wish is not MUTE or profile.session_timer != "on":
            _may_time(request, policy, wish)
        if transaction.server or profile is not PLAIN:
            transaction.server = server_line(profile.user_agent)
        assured = _assured(request, profile)
        kind = AssuredLeg if assured else IncomingLeg
        leg = kind(self._stack, request, transaction, flow, flow.remote, session is None, profile)
        leg.expects(policy, wish, session)
        transaction.respond(100)
        timer = policy is not None and wish.able
        self._calls.incoming(leg, _offered(request, flow, session, user, profile, timer, assured))

    # -- REGISTER

    def _register(self, request: Request, transaction: ServerTransaction, flow: Flow) -> None:
        judged = self._authentication.judge(request, flow.remote.host)
        if judged.verdict is Verdict.SUSPENDED:
            raise Refused(403)
        if judged.verdict is not Verdict.PROVEN:
            transaction.respond(
                *self._authentication.challenge(request, flow.remote.host, judged.verdict is Verdict.STALE)
            )
            return
        number = name = self._credentials.phone(judged.username)
        if name is None and self._credentials.dynamic(judged.username):
            name = GATEWAY + judged.username
        if name is None or request.to.uri.user not in {number, judged.username}:
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
        headers=taken(request, profile.headers_in) if profile.headers_in else (),
        timer=timer,
        early=assured,
    )


_SERVES: dict[str, Callable[[Reception, Request, ServerTransaction, Flow], None]] = {
    "INVITE": Reception._invite,
    "REGISTER": Reception._register,
    "OPTIONS": Reception._options,
    "BYE": Reception._lost_bye,
    "INFO": Reception._lost_bye,
    "UPDATE": Reception._lost_bye,
    "PRACK": Reception._lost_bye,
}
