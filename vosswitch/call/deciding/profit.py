"""The margin rule: a gateway is used only when the call leaves what the operator wants to be left of it.

What the customer would pay and what the vendor would take are reckoned for the length that a call to the destination
has on average: connection fees, first increments and minimum charges weigh as they will.  Both sides count net of tax,
which is collected for the state on one side and deducted on the other.  Where agents stand between, what the topmost of
them pays is what comes in.  On-net calls, emergency calls and numbers that are free by SERVER_BILLING_FREE_E164S are
not asked for their profit.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from vosswitch.call.deciding.dearest import bound_of
from vosswitch.model.margins import UNSET, Least, Margins, Most
from vosswitch.model.values import money_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vosswitch.billing.meter import BillingMode
    from vosswitch.call.deciding.decision import Decision, Price
    from vosswitch.call.deciding.view import NodeView
    from vosswitch.model.call import Candidate
    from vosswitch.model.rating import Terms
    from vosswitch.params.system import Parameters
    from vosswitch.routing.gateways import RoutingGateway

MOST_KNOWN = 4096
"""Terms whose net fee is remembered."""
RESTRICTED = "profit_restricted"


class Rule(NamedTuple):
    """What is in force for one call.

    :ivar least: None = it is not asked for; likewise *most*.
    :ivar ms: length of calls whose average is not known (VS_PROFIT_DURATION).
    """

    least: Least | None
    most: Most | None
    ms: int


class Reckoned(NamedTuple):
    """One gateway's figures: a call of *ms* brings *income* and costs *cost*, without tax.

    Money is units of 10^-7 of the deployment's currency.

    :ivar rate: what the vendor asks per minute, currency; None = it has no rate, and costs nothing.
    :ivar unknown: an exchange rate is missing: these are no figures.
    """

    ms: int
    income: int
    cost: int
    rate: Fraction | None
    unknown: bool = False

    @property
    def text(self) -> str:
        """For people."""
        if self.unknown:
            return "an exchange rate to the deployment's currency is missing"
        left = self.income - self.cost
        share = f" ({left * 100 / self.cost:.1f} %)" if self.cost else ""
        whose = "" if self.rate is not None else ", the vendor has no rate"
        brings, costs = money_text(self.income), money_text(self.cost)
        return f"{self.ms / 1000:g} s: income {brings}, cost {costs}, profit {money_text(left)}{share}{whose}"


class _Nets:
    """Net fees of terms at a length: few rates carry most calls, at few lengths."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], tuple[Terms, BillingMode, int]] = {}

    def of(self, mode: BillingMode, terms: Terms, ms: int) -> int:
        """What a call of *ms* costs without its tax."""
        key = id(terms), ms  # an id alone may be another one's by now; the entry holds its own
        known = self._known.get(key)
        if known is not None and known[0] is terms and known[1] is mode:
            return known[2]
        net = mode.fee(ms, terms).net
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        self._known[key] = terms, mode, net
        return net


_NETS = _Nets()


def rule_of(decision: Decision) -> Rule | None:
    """The rule of a call: its mapping gateway's, else its account's, else the parameters'; None = there is none."""
    if decision.emergency is not None or decision.free or decision.funding is None:
        return None
    gateway, account = decision.gateway, decision.account
    usual = _USUAL.of(decision.snapshot.parameters)
    of_account = account.margins if account is not None else UNSET
    of_gateway = gateway.margins if gateway is not None else UNSET
    if of_account is not UNSET:
        usual = _over(of_account, usual)
    if of_gateway is not UNSET:
        usual = _over(of_gateway, usual)
    return usual if usual.least is not None or usual.most is not None else None


class _Usual:
    """The rule by the parameters asked for last: they are the same ones for very many calls."""

    __slots__ = ("_found", "_parameters")

    def __init__(self) -> None:
        self._parameters: Parameters | None = None
        self._found = Rule(None, None, 60_000)

    def of(self, parameters: Parameters) -> Rule:
        if parameters is not self._parameters:
            self._parameters = parameters
            ms = 1000 * parameters["VS_PROFIT_DURATION"]
            self._found = Rule(parameters["VS_LEAST_PROFIT"], parameters["VS_MOST_RATE"], ms)
        return self._found


_USUAL = _Usual()


def _over(own: Margins, usual: Rule) -> Rule:
    least = own.least if own.least is not None or own.asks_nothing else usual.least
    most = own.most if own.most is not None or own.any_rate else usual.most
    return Rule(least, most, usual.ms)


def unprofitable(
    decision: Decision,
    rule: Rule | None,
    gateway: RoutingGateway,
    candidate: Candidate,
    modes: Mapping[str, Any],
    view: NodeView,
) -> bool:
    """Whether the gateway may not be used now for the rule's sake; then the decision and its plan say why."""
    ms = view.length(gateway, candidate.prefix) or _USUAL.of(decision.snapshot.parameters).ms
    if (
        rule is not None
        and decision.now_ms == decision.wall_ms
        and decision.route_prefix is None
        and not decision.explaining
        and not gateway.periods
        and _clearly(decision, rule, gateway, candidate.price, ms, modes)
    ):
        return False
    cost = decision.vendor_price(gateway, decision.now_ms)
    decision.asked = gateway.name, cost
    found = reckon(decision, cost, modes, ms)
    if decision.explaining:
        decision.reckoned = decision.reckoned or {}
        decision.reckoned[gateway.name] = found
        decision.note(gateway.name, found.text)
    if rule is None:
        return False
    why = _objection(rule, found)
    if not why:
        return False
    decision.note(gateway.name, f"{RESTRICTED}: {why}")
    decision.plan.pass_over(gateway.name, decision.notes[-1][1])
    if decision.unusable == "no_route":
        decision.unusable = RESTRICTED
    return True


def _clearly(
    decision: Decision, rule: Rule, gateway: RoutingGateway, price: int | None, ms: int, modes: Mapping[str, Any]
) -> bool:
    """Whether the rule lets the gateway be used even if the vendor's rate were the dearest that has this price."""
    least, most, _ = rule
    if price is None or (most is not None and price >= most.units) or decision.snapshot.currencies.mixed:
        return False
    if least is None:
        return True
    bound = bound_of(decision, gateway, ms, modes)
    if bound is None or not least.falls:
        return False
    earned = decision.carrier_price
    assert earned is not None
    terms = earned.terms
    cost = bound.connect + (price + 1) * bound.seconds // 60 + terms.step  # rounded up at every place
    return least.met(_NETS.of(modes[earned.mode], terms, ms), cost, ms)


def reckon(decision: Decision, cost: Price | None, modes: Mapping[str, Any], ms: int) -> Reckoned:
    """What a call of *ms* would bring and cost.

    :param cost: the vendor's price; None = it costs nothing.
    """
    earned = _earning(decision, modes)
    income = _NETS.of(modes["free" if decision.free else earned.mode], earned.terms, ms)
    if cost is None:
        return Reckoned(ms, _common(decision, earned, income) or 0, 0, None)
    paid = _NETS.of(modes.get(cost.mode) or modes["increment"], cost.terms, ms)  # as `Decision.cost_at` has it
    if not decision.snapshot.currencies.mixed:
        return Reckoned(ms, income, paid, _exact(cost.terms.per_minute))
    into, out = _common(decision, earned, income), _common(decision, cost, paid)
    rate = _exact(cost.terms.per_minute) * Fraction(cost.terms.exchange) * (_factor(decision, cost) or 0)
    return Reckoned(ms, into or 0, out or 0, rate, unknown=into is None or out is None)


def _factor(decision: Decision, price: Price) -> Fraction | None:
    """What one of a price's currency is in the deployment's now."""
    return decision.snapshot.currencies.rate(price.currency, "", decision.now_ms)


def _common(decision: Decision, price: Price, units: int) -> int | None:
    """Money by a price, in the deployment's currency; None = there is no exchange rate."""
    if not decision.snapshot.currencies.mixed:
        return units
    factor = _factor(decision, price)
    return None if factor is None else round(units * factor)


def _earning(decision: Decision, modes: Mapping[str, Any]) -> Price:
    """What the carrier is paid by: the topmost agent's price, else the customer's, as it is in force now.

    The number as rated may be another one by the gateway whose turn has come, too.
    """
    price = decision.carrier_price
    assert price is not None
    if decision.now_ms == decision.wall_ms and decision.route_prefix is None:
        return price
    if decision.agent_prices:
        agent = next(agent for agent in decision.agents if agent.number == price.account)
        found = decision.price_for(agent, agent.rate_group, decision.now_ms)
    else:
        found = decision.customer_price(decision.now_ms)
    return found if found is not None and found.mode in modes else price


def _objection(rule: Rule, found: Reckoned) -> str:
    """Why the rule does not let a call with these figures go there; "" = it does."""
    least, most, _ = rule
    if found.unknown:
        return "an exchange rate to the deployment's currency is missing"
    if most is not None and found.rate is not None and found.rate > most.rate:
        return f"its price of a minute is above {most.text}"
    if least is None or least.met(found.income, found.cost, found.ms):
        return ""
    wanted = least.text if least.of_cost else f"{least.text} a minute"
    income, cost = money_text(found.income), money_text(found.cost)
    return f"{found.ms // 1000} s bring {income}, cost {cost}, {wanted} is wanted"


@lru_cache(maxsize=4096)
def _exact(rate: str) -> Fraction:
    return Fraction(Decimal(rate))
