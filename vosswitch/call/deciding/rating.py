"""Fourth step: the customer's rate, the money that the call needs, and the lines that it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vosswitch.accounts.check import may_call
from vosswitch.call.deciding import emergency, packages, pricing
from vosswitch.call.deciding.agents import agent_shares
from vosswitch.call.deciding.decision import Refused
from vosswitch.call.deciding.lines import incoming
from vosswitch.call.funding import Funding, Share
from vosswitch.model.values import Level

if TYPE_CHECKING:
    from vosswitch.accounts.values import Account
    from vosswitch.call.deciding.decision import Decision
    from vosswitch.call.deciding.means import Means


def rate(decision: Decision, means: Means) -> None:
    """The customer's rate for the callee as billed, and whether a phone may make calls of its level."""
    account = decision.account
    assert account is not None
    parameters = decision.snapshot.parameters
    free, hidden = parameters["SERVER_BILLING_FREE_E164S"], parameters["SERVER_BILLING_NO_CDR_E164S"]
    decision.free = bool(free.entries) and decision.callee in free
    decision.no_cdr = bool(hidden.entries) and (decision.callee in hidden or decision.caller in hidden)
    if parameters["SERVER_BILLING_GATEWAY_ROUTE_PREFIX"]:
        decision.route_prefix = decision.snapshot.gateways.longest_prefix(decision.routed or decision.callee)
    decision.price = decision.customer_price(decision.wall_ms)
    decision.limits = incoming(decision)
    if decision.explaining:
        decision.full = means.view(decision).refused()
    if decision.emergency is not None:
        emergency.charge(decision, means)
        return
    if decision.price is None and decision.free:
        decision.price = pricing.for_nothing(decision, account, decision.rate_group or "")
    if decision.price is None:
        decision.note("rate", f"{decision.rated_number}: no rate in group {decision.rate_group or 'none'}")
        raise Refused("no_rate")
    if decision.price.mode not in means.modes:  # its plugin is gone: better no call than one at a wrong price
        decision.note("rate", f"billing mode {decision.price.mode} is not loaded")
        raise Refused("no_rate")
    if decision.phone is not None or account.screening.level is not None:
        _within_level(decision, account, Level(decision.price.rate.level))
    decision.funding = Funding(_shares(decision, means, account))


def _shares(decision: Decision, means: Means, account: Account) -> tuple[Share, ...]:
    """Who pays by the length of the call, the account first."""
    if account.packages and not decision.free:
        own: Share = packages.share(decision, means.balances)
    else:
        own = Share(
            means.balances,
            decision.meter(),
            account.number,
            account.overdraft_limit,
            bounded=account.anti_overdraft,
            mode=decision.mode,
        )
    own.lenient = account.anti_overdraft and account.goes_on(decision.snapshot.parameters)
    agents = agent_shares(decision, means) if decision.agents else ()
    if decision.phone is not None and decision.phone.spending_limited:
        return own, *agents, packages.limit(decision, means.balances)
    return (own, *agents)


def _within_level(decision: Decision, account: Account, level: Level) -> None:
    """Whether phone and account may make calls of the level that the rate has."""
    if decision.phone is not None and not may_call(decision.phone, level):
        decision.note("level", f"{decision.phone.level} may not call {level}")
        raise Refused("level_not_allowed")
    bound = account.screening.level
    if bound is not None and level.rank > bound.rank:
        decision.note("level", f"account {account.number} may call {bound} at most, not {level}")
        raise Refused("level_not_allowed")
