"""Last step: a registered phone of that number, or the routing gateways in order."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from vosswitch.accounts.clearing import UNCHECKED
from vosswitch.call.deciding.clearing import still_funded
from vosswitch.call.deciding.decision import Refused
from vosswitch.call.deciding.dialling import transformed
from vosswitch.call.deciding.porting import routed_attempt
from vosswitch.call.deciding.pricing import sell_price
from vosswitch.call.deciding.routes import gateway_routes, phone_routes
from vosswitch.call.deciding.screening import screen_called
from vosswitch.call.deciding.sending import Sending
from vosswitch.routing.plan import plan

if TYPE_CHECKING:
    from vosswitch.accounts.values import Phone
    from vosswitch.call.deciding.decision import Decision
    from vosswitch.call.deciding.means import Ask, Means
    from vosswitch.call.deciding.view import NodeView
    from vosswitch.model.call import CallAttempt
    from vosswitch.routing.plan import Plan


def where(ask: Ask, decision: Decision, attempt: CallAttempt, means: Means) -> None:
    """Find the routes, in order."""
    called = decision.snapshot.phones.get(decision.callee)
    if called is not None and _to_phone(decision, called, attempt, means):
        return
    view = means.view(decision)
    decision.plan = _planned(ask, decision, attempt, means, view, means.plugins.blacklists)
    if decision.emergency is not None and not decision.plan.candidates:
        decision.plan = _planned(ask, decision, attempt, means, view, None)
        if decision.plan.candidates:
            decision.note("emergency", "lists of gateways pass, for no other gateway is left")
    decision.had_candidates = bool(decision.plan.candidates)
    if not decision.had_candidates:
        raise Refused("no_route")
    sending = partial(_sending, ask, decision, means, view)
    candidates = decision.plan.candidates
    if decision.snapshot.clearing is not UNCHECKED and decision.emergency is None:
        candidates = still_funded(decision, candidates, view)
    decision.routes = gateway_routes(decision, candidates, means, sending, view)


def _sending(ask: Ask, decision: Decision, means: Means, view: NodeView) -> Sending:
    return Sending(means.source, partial(transformed, ask, decision, means), means.turns, view.in_use)


def _planned(ask: Ask, decision: Decision, attempt: CallAttempt, means: Means, view: NodeView, blacklists: Any) -> Plan:
    """The gateways in order.

    :param blacklists: those of plugins, by name; None = no list is asked.
    """
    gateway, price = decision.gateway, decision.carrier_price
    return plan(
        routed_attempt(decision, attempt),
        decision.snapshot.gateways,
        view,
        means.orders,
        gateway.routing_strategies if gateway is not None else (),
        own=gateway.routing_order if gateway is not None else (),
        mapping_gateway=gateway,
        snapshot=decision.snapshot,
        sell=sell_price(decision, price),
        explain=ask.explain,
        blacklists=blacklists,
        billed=decision.callee,
    )


def _to_phone(decision: Decision, called: Phone, attempt: CallAttempt, means: Means) -> bool:
    if called.locked:
        decision.note(f"phone:{called.number}", "locked")
        raise Refused("account_locked")
    if decision.emergency is None:
        screen_called(decision, called, attempt, means)
    contacts = means.registrations.contacts(called.number)
    if contacts:
        decision.had_candidates = True
        decision.routes = phone_routes(decision, called, contacts)
        return True
    decision.note(f"phone:{called.number}", "not registered")
    rule = called.privileges.offline_to_gateways
    if rule == "default":
        rule = "on" if decision.snapshot.parameters["SS_REDIRECT_OFFLINE_PHONE_TO_GATEWAY"] else "off"
    if rule == "off":
        raise Refused("callee_offline")
    decision.note(f"phone:{called.number}", "its calls go to the gateways meanwhile")
    return False
