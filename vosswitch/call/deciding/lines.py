"""Which counters a call takes: of its incoming side when it is admitted, of each gateway when it is tried."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from vosswitch.accounts.limits import Limit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vosswitch.call.deciding.decision import Decision
    from vosswitch.routing.gateways import RoutingGateway


def incoming(decision: Decision) -> tuple[Limit, ...]:
    """The system, the account, its agents, the gateway or phone, the gateway's groups, the limits of the number."""
    if decision.held:  # it waited on them
        return decision.limits
    parameters, snapshot = decision.snapshot.parameters, decision.snapshot
    account, gateway = decision.account, decision.gateway
    assert account is not None
    subject: Any = gateway or decision.phone
    system = _system(parameters["SS_MAX_CONCURRENT_CALLS"], parameters["SS_MAX_CPS"])
    found: tuple[Limit, ...] = (system, account.limit, subject.limit)
    if gateway is not None and snapshot.shared_in:
        found += snapshot.shared_in.get(gateway.name, ())
    if snapshot.destinations:
        found += _of_destinations(decision)
    if decision.picked:
        found += decision.picked
    if decision.agents:
        found += tuple([agent.limit for agent in decision.agents])
    return found if decision.emergency is None else (*unbounded(found), _EMERGENCY)


_system = lru_cache(maxsize=16)(partial(Limit, "system"))
_EMERGENCY = Limit("emergency")


def outgoing(decision: Decision, gateway: RoutingGateway, further: tuple[Limit, ...] = ()) -> tuple[Limit, ...]:
    """The gateway, its groups, the limits of the called number.

    :param further: what else the attempt takes.
    """
    snapshot = decision.snapshot
    found: tuple[Limit, ...] = (gateway.limit, *further) if further else (gateway.limit,)
    if snapshot.shared_out:
        found += snapshot.shared_out.get(gateway.name, ())
    if snapshot.destinations.outgoing:
        found += tuple(
            limit
            for one in snapshot.destinations.of(decision.callee)
            if one.scope == "routing_gateway" and (limit := one.limit(gateway.name)) is not None
        )
    return found if decision.emergency is None else unbounded(found)


def unbounded(limits: Sequence[Limit]) -> tuple[Limit, ...]:
    """The same counters, counted without a bound."""
    return tuple([Limit(limit.key) for limit in limits])


def _of_destinations(decision: Decision) -> tuple[Limit, ...]:
    whose = {
        "system": "",
        "account": decision.account.number if decision.account is not None else None,
        "mapping_gateway": decision.gateway.name if decision.gateway is not None else None,
    }
    found = []
    for one in decision.snapshot.destinations.of(decision.callee):
        holder = whose.get(one.scope)
        limit = one.limit(holder) if holder is not None else None
        if limit is not None:
            found.append(limit)
    return tuple(found)
