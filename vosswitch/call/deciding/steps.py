"""Steps that only an explanation tells: who calls, which account pays, and at which rate."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from vosswitch.call.deciding.agents import tell_agents
from vosswitch.call.deciding.pricing import further

if TYPE_CHECKING:
    from vosswitch.call.deciding.decision import Decision


def tell_caller(decision: Decision) -> None:
    """Who calls, and the numbers that it starts with."""
    offered = decision.offered
    gateway, phone = decision.gateway, decision.phone
    if gateway is not None:
        prefix = f", tech prefix {gateway.tech_prefix} taken off" if gateway.tech_prefix else ""
        decision.note("caller", f"mapping gateway {gateway.name}{prefix}")
    elif phone is not None:
        decision.note("caller", f"phone {phone.number}")
    decision.note("received", f"{offered.caller or 'no number'} calls {offered.callee or 'no number'}")
    account = decision.account
    if account is not None:
        name = f" {account.name}" if account.name else ""
        bounded = ", pays out of reservations" if account.anti_overdraft else ""
        decision.note("account", f"{account.number}{name}, rate group {account.rate_group or 'none'}{bounded}")


def tell_rate(decision: Decision) -> None:
    """The numbers as billed, and the customer's rate."""
    decision.note("billed", f"{decision.caller or 'no number'} calls {decision.callee}")
    if decision.route_prefix:
        decision.note("rate", f"routing prefix {decision.route_prefix} taken off: {decision.rated_number}")
    price = decision.price
    if price is None:
        return
    rate = price.rate
    increments = f"{rate.first}/{rate.next} s"
    extras = ((rate.connect_fee, "connection fee {}"), (rate.tax, "tax {} %"))
    more = [*(text.format(value) for value, text in extras if value != "0"), *further(price)]
    since = f", in force since {_moment(rate.effective_ms)}" if rate.effective_ms else ""
    until = rate.extra.until_ms if rate.extra is not None else None
    since += f", until {_moment(until)}" if until is not None else ""
    mode = "free number" if decision.free else f"{price.mode}, {increments}"
    decision.note(
        "rate",
        f"prefix {rate.prefix or '(all)'} of {price.group}: {rate.per_minute} per minute ({mode}"
        f"{''.join(f', {one}' for one in more)}), level {rate.level}{since}",
    )
    if decision.agents:
        tell_agents(decision)


def _moment(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"
