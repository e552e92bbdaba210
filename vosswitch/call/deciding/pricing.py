"""Finding a price: private lists first, prices of certain times, and what it is in the currency of who pays."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from vosswitch.billing.extra import at_prices_of, period_at
from vosswitch.billing.rates import Rate, minute_units, terms
from vosswitch.model.values import Level, money_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vosswitch.accounts.values import Account
    from vosswitch.billing.rates import RateTable
    from vosswitch.call.deciding.decision import Decision
    from vosswitch.call.snapshot import RateGroup
    from vosswitch.model.rating import Terms
    from vosswitch.routing.gateways import RoutingGateway

NOTHING = Rate("", 0, "0", 1, 1, "0", "0", Level.LOCAL.value)
"""The rate of who pays nothing."""


class Price(NamedTuple):
    """A rate found for one account and number.

    :ivar mode: the billing mode's name.
    :ivar currency: of the account, "" = the deployment's, which has no name.
    """

    account: str
    group: str
    mode: str
    rate: Rate
    terms: Terms
    currency: str = ""

    @property
    def per_minute(self) -> int:
        """Units of 10^-7 per minute of the account's currency, for comparing and showing."""
        units = minute_units(self.rate.per_minute)
        return units if self.terms.exchange == "1" else int(units * Fraction(self.terms.exchange))


def in_period(decision: Decision, rate: Rate, at_ms: int) -> Rate:
    """A rate as it is at a moment, by its periods."""
    snapshot = decision.snapshot
    assert rate.extra is not None
    period = period_at(rate.extra.periods, snapshot.calendars, snapshot.areas, at_ms, decision.callee)
    return rate if period is None else at_prices_of(rate, period)


def converted(decision: Decision, account: str, group: RateGroup, rate: Rate, at_ms: int) -> Price | None:
    """The price in the currency of the account; None, with a note, when no exchange rate is in force."""
    currencies = decision.snapshot.currencies
    own = currencies.of(account)
    factor = currencies.rate(group.currency, own, at_ms)
    if factor is None:
        decision.note("currency", f"rate group {group.name}: {missing(group.currency or currencies.own, own)}")
        return None
    found = terms(rate, decision.snapshot.parameters, str(factor))
    return Price(account, group.name, group.mode, rate, found, own)


def missing(source: str, target: str) -> str:
    """That there is no exchange rate."""
    return f"no exchange rate from {source or 'a currency without a name'} to {target or 'one without a name'}"


def private_price(decision: Decision, account: Account, at_ms: int) -> Price | None:
    """The price of the private lists of the calling phone and of an account, the phone's first."""
    phone = decision.phone if account is decision.account and not decision.billed_as else None
    for name in (phone.private_rates if phone is not None else None, account.private_rates):
        if name:
            price = decision.find_price(account.number, name, at_ms)
            if price is not None:
                return price
            if decision.explaining:
                decision.note("private_rates", f"{name} has no rate for {decision.rated_number}")
    return None


def for_nothing(decision: Decision, account: Account, group: str) -> Price:
    """The price of a call that costs its caller nothing and has no rate."""
    own = decision.snapshot.currencies.of(account.number)
    return Price(account.number, group, "free", NOTHING, terms(NOTHING, decision.snapshot.parameters), own)


def payable(decision: Decision, gateway: RoutingGateway, prefix: str) -> bool:
    """Whether a gateway whose turn has come can be paid; if not, the decision and its plan say why.

    :param prefix: of the gateway, that matched: rates are found without it from now on, where so wanted.
    """
    if decision.route_prefix is not None:
        decision.route_prefix = prefix
    why = _unpayable(decision, gateway) if decision.snapshot.currencies.mixed else ""
    if why:
        decision.note(gateway.name, why)
        decision.unusable = "no_rate"
        decision.plan.pass_over(gateway.name, why)
    return not why


def _unpayable(decision: Decision, gateway: RoutingGateway) -> str:
    """Why the vendor of a gateway cannot be paid in the currency of its account; "" = it can."""
    snapshot = decision.snapshot
    account = snapshot.accounts.get(gateway.account) if gateway.account else None
    if account is None:
        return ""
    name = decision.group_of(gateway.privileges.rate_group or account.rate_group, gateway.jurisdiction)
    group = snapshot.rate_groups.get(name) if name else None
    if group is None:
        return ""
    currencies = snapshot.currencies
    own = currencies.of(account.number)
    if currencies.rate(group.currency, own, decision.wall_ms) is not None:
        return ""
    return f"rate group {group.name}: {missing(group.currency or currencies.own, own)}"


def list_price(decision: Decision, table: RateTable) -> int | None:
    """The minute price of a list for the number, units of 10^-7 of the deployment's currency, for comparing."""
    at_ms = decision.wall_ms
    rate = table.lookup(decision.rated_number, at_ms)
    if rate is None:
        return None
    if rate.extra is not None and rate.extra.periods:
        rate = in_period(decision, rate, at_ms)
    units = minute_units(rate.per_minute)
    if not table.currency:
        return units
    return _times(units, decision.snapshot.currencies.rate(table.currency, "", at_ms))


def sell_price(decision: Decision, price: Price | None) -> int | None:
    """What the carrier gets a minute, likewise."""
    if price is None:
        return None
    currencies = decision.snapshot.currencies
    if not currencies.mixed:
        return price.per_minute
    return _times(price.per_minute, currencies.rate(price.currency, "", decision.wall_ms))


def _times(units: int, factor: Fraction | None) -> int | None:
    return None if factor is None else int(units * factor)


def further(price: Price) -> Iterator[str]:
    """What else a price has, in words."""
    extra, found = price.rate.extra, price.terms
    if extra is not None:
        words = ((extra.attempt_fee, "attempt fee {}"), (extra.minimum, "minimum {}"))
        yield from (text.format(value) for value, text in words if Decimal(value))
        if extra.sections:
            yield f"sections {extra.sections}"
        if extra.periods:
            yield f"periods {extra.periods}"
    if found.exchange != "1":
        yield f"{money_text(price.per_minute)} {price.currency} by the exchange rate {found.exchange}"
