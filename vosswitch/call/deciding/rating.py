"""Fourth step: the customer's rate, the money that the call needs, and the lines that it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.accounts.check import may_call
from vosswitch.accounts.limits import Limit
from vosswitch.call.deciding.decision import Refused
from vosswitch.call.funding import Funding
from vosswitch.model.values import Level

if TYPE_CHECKING:
    from vosswitch.call.deciding.decision import Decision
    from vosswitch.call.deciding.means import Means


def rate(decision: Decision, means: Means) -> None:
    """The customer's rate for the callee as billed, and whether a phone may make calls of its level."""
    account = decision.account
    assert account is not None
    parameters = decision.snapshot.parameters
    decision.free = decision.callee in parameters["SERVER_BILLING_FREE_E164S"]
    hidden = parameters["SERVER_BILLING_NO_CDR_E164S"]
    decision.no_cdr = decision.callee in hidden or decision.caller in hidden
    decision.price = decision.find_price(account.number, account.rate_group, decision.wall_ms)
    if decision.price is None:
        decision.note("rate", f"{decision.callee}: no rate in group {account.rate_group or 'none'}")
        raise Refused("no_rate")
    if decision.price.mode not in means.modes:  # its plugin is gone: better no call than one at a wrong price
        decision.note("rate", f"billing mode {decision.price.mode} is not loaded")
        raise Refused("no_rate")
    if decision.phone is not None and not may_call(decision.phone, Level(decision.price.rate.level)):
        decision.note("level", f"{decision.phone.level} may not call {decision.price.rate.level}")
        raise Refused("level_not_allowed")
    bound = account.screening.level
    if bound is not None and Level(decision.price.rate.level).rank > bound.rank:
        decision.note("level", f"account {account.number} may call {bound} at most, not {decision.price.rate.level}")
        raise Refused("level_not_allowed")
    decision.funding = Funding(
        means.balances,
        decision.meter(),
        account.number,
        account.overdraft_limit,
        bounded=account.anti_overdraft,
    )
    decision.limits = _limits(decision)


def _limits(decision: Decision) -> tuple[Limit, ...]:
    """The counters of the incoming side: the system, the account, the gateway or phone."""
    parameters = decision.snapshot.parameters
    account = decision.account
    assert account is not None
    subject: Any = decision.gateway
    if subject is not None:
        own = Limit(f"mapping:{subject.name}", subject.lines, subject.cps)
    else:
        subject = decision.phone
        own = Limit(f"phone:{subject.number}", subject.lines, None)
    return (
        Limit("system", parameters["SS_MAX_CONCURRENT_CALLS"], parameters["SS_MAX_CPS"]),
        Limit(f"account:{account.number}", account.lines, account.cps),
        own,
    )
