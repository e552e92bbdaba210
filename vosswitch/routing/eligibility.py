"""Whether a gateway that takes the number may be tried for this call: the checks that its settings ask for.

A check is asked only of gateways that have something set which it reads, so a plain gateway costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from vosswitch.accounts.clearing import UNCHECKED
from vosswitch.accounts.periods import OUT_OF_PERIOD, in_force
from vosswitch.accounts.privileges import ORDINARY
from vosswitch.model.peer import PLAIN
from vosswitch.numbers.lists import Known, ask
from vosswitch.routing.decision import Behind
from vosswitch.routing.thresholds import demoted, excluded

if TYPE_CHECKING:
    from vosswitch.model.call import CallAttempt
    from vosswitch.routing.gateways import RoutingGateway
    from vosswitch.routing.plan import RouteView


class Enquiry(NamedTuple):
    """What the checks may look at.

    :ivar mapping_gateway: the caller's `MappingGateway`; None = a phone calls.
    :ivar snapshot: the configuration of the call (`vosswitch.call.snapshot.Snapshot`).
    :ivar blacklists: those of plugins, by name; None = lists are not asked.
    :ivar billed: the called number as billed, where gateways are found by another one (a ported number's), else "".
    """

    attempt: CallAttempt
    view: RouteView
    mapping_gateway: Any = None
    snapshot: Any = None
    blacklists: Any = None
    billed: str = ""


Check = Callable[["RoutingGateway", str, Enquiry], str]
"""Gateway, its prefix that matched, enquiry: why it may not be tried, in the words of the operator; "" = it may, and
a `Behind` = it may, behind all others.
"""


def _away(gateway: RoutingGateway, _prefix: str, enquiry: Enquiry) -> str:
    return enquiry.view.away(gateway)


def _out_of_period(gateway: RoutingGateway, _prefix: str, enquiry: Enquiry) -> str:
    attempt = enquiry.attempt
    callee = enquiry.billed or attempt.callee
    return "" if in_force(gateway.periods, enquiry.snapshot, attempt.wall_ms, callee) else OUT_OF_PERIOD


def _listed(gateway: RoutingGateway, _prefix: str, enquiry: Enquiry) -> str:
    if enquiry.blacklists is None:
        return ""
    known = Known.of(enquiry.snapshot, enquiry.blacklists)
    refusal = ask("the gateway", gateway.lists, enquiry.attempt, known)
    return "" if refusal is None else refusal.detail


def _callers(gateway: RoutingGateway, _prefix: str, enquiry: Enquiry) -> str:
    """Whose calls it takes."""
    caller = enquiry.mapping_gateway
    if caller is None:
        objection = gateway.privileges.objection("", ())
        return "it takes no calls of phones" if objection else ""
    objection = gateway.privileges.objection(caller.name, caller.privileges.groups)
    return f"it {objection.removesuffix(' it')} mapping gateway {caller.name}" if objection else ""


def _allowed(gateway: RoutingGateway, _prefix: str, enquiry: Enquiry) -> str:
    """Whether the calling gateway may use it."""
    caller = enquiry.mapping_gateway
    objection = caller.privileges.objection(gateway.name, gateway.privileges.groups)
    return f"mapping gateway {caller.name} {objection}" if objection else ""


def _short(gateway: RoutingGateway, _prefix: str, enquiry: Enquiry) -> str:
    """Whether too little is left on its vendor's account; where lists pass for an emergency call, that does, too."""
    return "" if enquiry.blacklists is None else enquiry.view.short(gateway)


CHECKS: tuple[tuple[Callable[[RoutingGateway], bool], Check], ...] = (
    (lambda gateway: gateway.profile is not PLAIN, _away),
    (lambda gateway: bool(gateway.periods), _out_of_period),
    (lambda gateway: gateway.privileges is not ORDINARY and gateway.privileges.restricts, _callers),
    (lambda gateway: bool(gateway.lists), _listed),
    (lambda gateway: gateway.conduct.thresholds is not None and gateway.conduct.thresholds.exclude, excluded),
    (lambda gateway: gateway.conduct.thresholds is not None and not gateway.conduct.thresholds.exclude, demoted),
)
"""Which gateways ask for a check, and the check; in this order: what only puts a gateway behind others is last."""


def checks_of_call(mapping_gateway: Any, snapshot: Any) -> tuple[Check, ...]:
    """The checks that are asked of every gateway: what the calling gateway and the configuration want.

    :param mapping_gateway: None = a phone calls.
    """
    found = _checks_of_caller(mapping_gateway)
    return (*found, _short) if snapshot is not None and snapshot.clearing is not UNCHECKED else found


def _checks_of_caller(mapping_gateway: Any) -> tuple[Check, ...]:
    if mapping_gateway is None or mapping_gateway.privileges is ORDINARY or not mapping_gateway.privileges.restricts:
        return ()
    return (_allowed,)


def checks_of(gateway: RoutingGateway) -> tuple[Check, ...]:
    """The checks of one gateway."""
    return tuple(check for wanted, check in CHECKS if wanted(gateway))


def hindrance(gateway: RoutingGateway, prefix: str, checks: tuple[Check, ...], enquiry: Enquiry) -> str:
    """The first reason why it may not be tried, or a `Behind`; "" when there is none."""
    behind = ""
    for check in checks:
        why = check(gateway, prefix, enquiry)
        if why:
            if type(why) is not Behind:
                return why
            behind = behind or why
    return behind
