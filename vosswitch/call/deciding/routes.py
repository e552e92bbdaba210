"""The ways a call can be tried: one per routing gateway of the plan, or one per device of a called phone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from vosswitch.accounts.limits import Limit
from vosswitch.accounts.periods import in_force
from vosswitch.accounts.privileges import ORDINARY, Privileges
from vosswitch.call.deciding.lines import outgoing, unbounded
from vosswitch.call.deciding.porting import number_parameters
from vosswitch.call.deciding.presentation import display_name, outgoing_identity, privacy
from vosswitch.call.deciding.pricing import payable
from vosswitch.call.deciding.profit import rule_of, unprofitable
from vosswitch.call.deciding.registered import over_registrations
from vosswitch.call.deciding.sending import Sent, numbers_sent
from vosswitch.model.call import LegTimers, Placement
from vosswitch.model.identity import NOBODY, Identity
from vosswitch.model.peer import PLAIN, TRANSFERRING, PeerProfile
from vosswitch.model.places import local_text
from vosswitch.routing.conduct import USUAL, Conduct

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from random import Random

    from vosswitch.accounts.values import Phone
    from vosswitch.call.deciding.decision import Decision
    from vosswitch.call.deciding.means import Means
    from vosswitch.call.deciding.sending import Sending
    from vosswitch.call.deciding.view import NodeView
    from vosswitch.model.call import Candidate, Contact
    from vosswitch.model.session import SessionDescription
    from vosswitch.model.values import Address
    from vosswitch.params.system import Parameters
    from vosswitch.routing.gateways import RoutingGateway

_tuple = tuple.__new__


class Route(NamedTuple):
    """One thing to try.

    :ivar name: of the routing gateway, or ``phone:NUMBER``.
    :ivar phone: the called phone's number, "" for a gateway.
    :ivar account: the clearing account, None when there is none.
    :ivar prefix: of the gateway, that matched.
    :ivar limits: counters to be taken for the attempt.
    :ivar profile: how the gateway is spoken with; *conduct*: how its calls are judged; *privileges*: what it has of
        its own.
    :ivar identity: what it may be told of the caller, with the numbers as sent.
    :ivar route: Route values of the INVITE; *contact* and *registered* as in `Placement`.
    """

    name: str
    target: Address
    caller_out: str
    callee_out: str
    phone: str = ""
    account: str | None = None
    local_address: str | None = None
    media_proxy: str = "auto"
    request_uri: str | None = None
    username: str | None = None
    password: str | None = None
    realm: str | None = None
    limits: tuple[Limit, ...] = ()
    profile: PeerProfile = PLAIN
    privileges: Privileges = ORDINARY
    identity: Identity = NOBODY
    route: tuple[str, ...] = ()
    contact: str = ""
    registered: str = ""
    prefix: str = ""
    conduct: Conduct = USUAL

    @property
    def limit_keys(self) -> tuple[str, ...]:
        """The counters that the attempt holds."""
        return tuple([limit.key for limit in self.limits])


def gateway_routes(
    decision: Decision, candidates: Iterable[Candidate], means: Means, sending: Callable[[], Sending], view: NodeView
) -> Iterator[Route]:
    """The routes of the planned gateways, each built when its turn comes.

    :param sending: what numbers are made with, for gateways that are not sent them as they are.
    """
    gateways = decision.snapshot.gateways.gateways
    special = decision.snapshot.currencies.mixed or decision.route_prefix is not None
    rule = rule_of(decision)
    reckons = rule is not None or (decision.explaining and decision.funding is not None)
    for candidate in candidates:
        gateway = gateways[candidate.gateway]
        if special and not payable(decision, gateway, candidate.prefix):
            continue
        if gateway.periods:
            gateway = _in_period(decision, gateway)
        if reckons and unprofitable(decision, rule, gateway, candidate, means.modes, view):
            continue
        if gateway.as_is:
            sent: Sent | None = Sent(decision.caller, decision.sent_callee)
        else:
            sent = numbers_sent(decision, gateway, candidate.prefix, sending())
        if sent is None:
            continue
        route = _route(decision, gateway, candidate.prefix, sent, means.source)
        profile = gateway.profile
        if profile is PLAIN or not (profile.dynamic or profile.register):
            yield route
        else:
            yield from over_registrations(decision, gateway, route, means.registrations)


def _route(decision: Decision, gateway: RoutingGateway, prefix: str, sent: Sent, source: Random) -> Route:
    password = gateway.password or None
    caller, callee, limits = sent
    limits = outgoing(decision, gateway, limits)
    identity = decision.offered.identity
    if identity is not NOBODY:
        identity = outgoing_identity(decision, gateway, caller, source)
    own = gateway.profile, gateway.privileges, identity, (), "", "", prefix, gateway.conduct
    return _tuple(  # what the class does itself takes three times as long
        Route,
        (
            gateway.name, gateway.target, caller, callee, "", gateway.account, gateway.local_address or None,
            gateway.media_proxy, None, gateway.username or None if password else None, password,
            gateway.realm or None, limits, *own,
        ),
    )  # fmt: skip


def _in_period(decision: Decision, gateway: RoutingGateway) -> RoutingGateway:
    """The gateway as it is now, by its periods."""
    period = in_force(gateway.periods, decision.snapshot, decision.wall_ms, decision.callee)
    if period is None:  # it was a candidate, so there is one
        return gateway
    if decision.explaining:
        decision.note(gateway.name, str(period))
    return period.gateway  # type: ignore[no-any-return]


def phone_routes(decision: Decision, called: Phone, contacts: Iterable[Contact]) -> Iterator[Route]:
    """One route per registered device of a phone, in their order."""
    profile = TRANSFERRING if decision.parameters["VS_PHONE_TRANSFERS"] else PLAIN
    number = called.number
    limits: tuple[Limit, ...] = (called.limit,)
    if decision.emergency is not None:
        limits = unbounded(limits)
    for contact in contacts:
        yield Route(
            name=f"phone:{number}",
            target=contact.target,
            caller_out=decision.caller,
            callee_out=number,
            phone=number,
            registered=number,
            local_address=local_text(contact.local.host, contact.local.port),
            request_uri=contact.uri,
            route=contact.path,
            limits=limits,
            profile=profile,
            identity=decision.offered.identity,
        )


_OWN_TIMES = ("invite", "trying", "progress", "progress_session", "ringing")


def timers(parameters: Parameters, profile: PeerProfile = PLAIN) -> LegTimers:
    """The waiting times of an outgoing leg: the system's, save those that its gateway has of its own."""
    found = _TIMES.of(parameters)
    if profile is PLAIN:
        return found
    own = {name: getattr(profile, f"timeout_{name}") for name in _OWN_TIMES}
    return replace(found, **{name: value for name, value in own.items() if value is not None})


class _Times:
    """The system's waiting times in the configuration asked for last: it is the same one for very many calls."""

    __slots__ = ("_found", "_parameters")

    def __init__(self) -> None:
        self._parameters: Parameters | None = None
        self._found = LegTimers()

    def of(self, parameters: Parameters) -> LegTimers:
        if parameters is not self._parameters:
            self._parameters = parameters
            self._found = LegTimers(
                invite=parameters["SS_SIP_TIMEOUT_INVITE"],
                trying=parameters["SS_SIP_TIMEOUT_TRYING"],
                progress=parameters["SS_SIP_TIMEOUT_SESSION_PROGRESS"],
                progress_session=parameters["SS_SIP_TIMEOUT_SESSION_PROGRESS_SDP"],
                ringing=parameters["SS_SIP_TIMEOUT_RINGING"],
                resend=parameters["SS_SIP_RESEND_INTERVAL"],
                authentication=parameters["SS_SIP_AUTHENTICATION_TIMEOUT"],
                authentications=parameters["SS_SIP_AUTHENTICATION_RETRY"],
            )
        return self._found


_TIMES = _Times()


def _as_registered(route: Route, parameters: Parameters) -> str | None:
    """The Request-URI where a registered gateway wants its own Contact there, and the called number in To only."""
    return route.contact if route.contact and parameters["SS_SIP_ROUTING_GATEWAY_INVITE_USE_CONTACT"] else None


def placement(decision: Decision, call_id: str, route: Route, offer: SessionDescription | None) -> Placement:
    """What the outgoing leg is told."""
    return Placement(
        call_id=call_id,
        caller=route.caller_out,
        callee=route.callee_out,
        target=route.target,
        session=offer,
        display=display_name(route.profile, decision, route.caller_out),
        local_address=route.local_address,
        request_uri=route.request_uri or _as_registered(route, decision.snapshot.parameters),
        username=route.username,
        password=route.password,
        realm=route.realm,
        max_forwards=decision.offered.max_forwards - 1,
        early=decision.offered.early,
        timers=timers(decision.snapshot.parameters, route.profile),
        profile=route.profile,
        identity=route.identity,
        privacy=privacy(route.profile, decision.snapshot.parameters),
        headers=decision.offered.headers,
        number_parameters=number_parameters(decision),
        account=decision.account.number if decision.account is not None else "",
        route=route.route,
        contact=route.contact,
        registered=route.registered,
    )
