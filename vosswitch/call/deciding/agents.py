"""The agents above the account of a call: each of them pays by its own rates, and all of them or nobody.

An account without an agent is not looked at here at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vosswitch.accounts.agents import BrokenChain, chain
from vosswitch.call.deciding.decision import Refused
from vosswitch.call.funding import Share
from vosswitch.model.values import money_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vosswitch.accounts.values import Account
    from vosswitch.call.deciding.decision import Decision, Price
    from vosswitch.call.deciding.means import Means


def name_chain(decision: Decision, account: Account) -> None:
    """Name the agents above the account.

    :raises Refused: one of them is not there.
    """
    try:
        decision.agents = chain(decision.snapshot.accounts, account)
    except BrokenChain as why:
        decision.note("agent", str(why))
        raise Refused("account_locked") from None


def agent_shares(decision: Decision, means: Means) -> Iterator[Share]:
    """The shares of the agents, the nearest first; a number that is free costs them nothing either.

    :raises Refused: an agent has no rate for the number, or none that can be charged; an emergency call goes on
        without that share.
    """
    prices: list[Price] = []
    decision.agent_prices = prices
    for agent in decision.agents if not decision.free else ():
        price = _price(decision, means, agent)
        if price is None:
            continue
        prices.append(price)
        emergency = decision.emergency is not None
        share = Share(
            means.balances,
            decision.meter(price),
            agent.number,
            None if emergency else agent.overdraft_limit,
            bounded=agent.anti_overdraft and not emergency,
            kind="agent",
            mode=price.mode,
        )
        share.lenient = share.bounded and agent.goes_on(decision.snapshot.parameters)
        yield share


def _price(decision: Decision, means: Means, agent: Account) -> Price | None:
    price = decision.price_for(agent, agent.rate_group, decision.wall_ms)
    if price is not None and price.mode in means.modes:
        return price
    if decision.emergency is not None:
        return None
    whose = f"agent {agent.number}{f' {agent.name}' if agent.name else ''}"
    if price is None:
        decision.note("rate", f"{whose}: no rate for {decision.callee} in group {agent.rate_group or 'none'}")
    else:
        decision.note("rate", f"{whose}: billing mode {price.mode} is not loaded")
    raise Refused("no_rate")


def tell_agents(decision: Decision) -> None:
    """What each agent pays a minute, and what it keeps; for explanations."""
    below = decision.price
    prices = {price.account: price for price in decision.agent_prices}
    for agent in decision.agents:
        price = prices.get(agent.number)
        if price is None or below is None:
            continue
        left = below.per_minute - price.per_minute
        rate = price.rate
        decision.note(
            "agent",
            f"{agent.number}{f' {agent.name}' if agent.name else ''}: prefix {rate.prefix or '(all)'} of"
            f" {price.group}: {rate.per_minute} per minute ({price.mode}, {rate.first}/{rate.next} s),"
            f" keeps {money_text(left)} a minute",
        )
        below = price
