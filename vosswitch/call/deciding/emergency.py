"""Calls to emergency numbers: those of number groups that are marked so.

Such a call passes the lack of money, limits, lists and levels; what it takes of lines is counted all the same.  Only
the called number as billed is looked at, so that nothing that a caller can write makes an ordinary call one of these.
With VS_EMERGENCY_CHARGE "free" it costs the caller nothing.  With "rate" it costs what the rate says, whatever the
account has: this is the one charge that may take a prepaid account below its limit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vosswitch.call.deciding.agents import agent_shares
from vosswitch.call.deciding.decision import Refused
from vosswitch.call.deciding.pricing import for_nothing
from vosswitch.call.funding import Funding, Share

if TYPE_CHECKING:
    from vosswitch.call.deciding.decision import Decision
    from vosswitch.call.deciding.means import Means


def look(decision: Decision) -> None:
    """Say whether the called number is an emergency number; a lack of money that could wait for that cannot now.

    :raises Refused: the account is locked for its balance, and this is an ordinary call.
    """
    for group in decision.snapshot.emergency:
        entry = group.match(decision.callee)
        if entry is not None:
            decision.emergency = group.name
            decision.note("emergency", f"{decision.callee} is in group {group.name}: balance, limits and lists pass")
            return
    if decision.in_debt:
        raise Refused("account_locked")


def charge(decision: Decision, means: Means) -> None:
    """The price of an emergency call, and how it is paid: it is never refused for money."""
    account = decision.account
    assert account is not None
    decision.free = decision.free or decision.snapshot.parameters["VS_EMERGENCY_CHARGE"] == "free"
    price = decision.price
    if price is None or price.mode not in means.modes:
        decision.free = True
        name = price.group if price is not None else account.rate_group or ""
        price = for_nothing(decision, account, name)
        decision.note("rate", "an emergency call without a rate is free")
    decision.price = price
    share = Share(means.balances, decision.meter(), account.number, None, bounded=False, mode=decision.mode)
    decision.funding = Funding((share, *agent_shares(decision, means)) if decision.agents else (share,))
