"""What the node knows of its gateways at this moment, as the routing plan asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.call.deciding.lines import outgoing
from vosswitch.call.deciding.pricing import list_price
from vosswitch.model.call import Candidate
from vosswitch.model.values import money_text
from vosswitch.routing.decision import NOT_REGISTERED, TRUNK_DOWN
from vosswitch.routing.gauges import NOTHING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vosswitch.accounts.limits import Limits
    from vosswitch.billing.balances import Balances
    from vosswitch.billing.rates import RateTable
    from vosswitch.call.deciding.decision import Decision
    from vosswitch.call.tallies import Tallies
    from vosswitch.routing.availability import Aside, Availability
    from vosswitch.routing.gateways import RoutingGateway
    from vosswitch.routing.gauges import Figures, Gauges
    from vosswitch.routing.index import Match

ENOUGH_CALLS = 10
"""Of which an average length can be told."""
_tuple = tuple.__new__


class NodeView:
    """Lines in use, attempts of the day, quality and prices for one call (`vosswitch.routing.plan.RouteView`).

    :param registrations: the `IRegistrations`; None = nothing is known of them.
    :param availability: which gateways are put aside, at *now* (monotonic seconds).
    :param gauges: the quality of the gateways; None = nothing is known of it.
    :param balances: the money of vendors; None = it plays no part.
    """

    __slots__ = (
        "_attempts",
        "_availability",
        "_balances",
        "_decision",
        "_gauges",
        "_held",
        "_limits",
        "_lists",
        "_now",
        "_prices",
        "_registrations",
    )

    def __init__(
        self,
        limits: Limits,
        tallies: Tallies,
        decision: Decision,
        registrations: Any = None,
        availability: Availability | None = None,
        now: float = 0.0,
        gauges: Gauges | None = None,
        balances: Balances | None = None,
    ) -> None:
        self._balances = balances
        self._gauges = gauges or None  # none of which anything is known costs nothing
        if gauges:
            gauges.follow(decision.parameters)
        self._availability = availability or None  # mostly nothing is known of any gateway
        self._now = now
        self._registrations = registrations
        self._limits = limits
        self._held = limits.held
        self._attempts = tallies.attempts
        self._decision = decision
        self._lists = {} if decision.jurisdiction else decision.snapshot.vendor_prices
        self._prices: dict[RateTable, int | None] = {}

    def aside(self, gateway: RoutingGateway) -> Aside | None:
        """Why the gateway is put aside at the moment."""
        if self._availability is None:
            return None
        return self._availability.aside(gateway.name, gateway.profile.probe != "off", self._now)

    def figures(self, gateway: RoutingGateway, prefix: str) -> tuple[float | None, float | None, int, int]:
        """ASR, ACD (None = there is no value, or none is to be calculated), calls on it now, attempts of today."""
        lines, today = self._held.get(gateway.limit.key, 0), self._attempts.get(gateway.name, 0)
        if self._gauges is None:
            return None, None, lines, today
        called = self._decision.callee
        return *self._gauges.both(gateway.name, gateway.conduct, self._now, prefix, called), lines, today

    @property
    def quick(self) -> bool:
        """Whether no gateway may be put aside, and none is full for more than its own lines."""
        return self._availability is None and not self.shares

    def candidates(self, matches: Iterable[Match], at_price: bool) -> list[Candidate]:
        """What `figures` and `price` say, of many gateways in one go."""
        held, attempts, lists = self._held.get, self._attempts.get, self._lists
        gauges, now, decision = self._gauges, self._now, self._decision
        called, number, at_ms = decision.callee, self._number, decision.wall_ms
        price = asr = acd = lengths = None
        heads: list[str] = []
        found: list[Candidate] = []
        add = found.append
        for entry, prefix, own in matches:
            name = entry[0]  # by place: what is not asked for is not touched, and stays out of the cache
            if at_price:
                table = lists[name] if name in lists else self._list_of(entry[1])
                if table is None or not table.plain:
                    price = self._price(table)
                else:
                    if table.lengths is not lengths:
                        lengths, heads = table.lengths, table.heads(number)
                    price = table.price(heads, at_ms)
            if gauges is not None:
                asr, acd = gauges.both(name, entry[1].conduct, now, prefix, called)
            row = name, prefix, entry[5], entry[6], price, asr, acd, held(entry[8], 0), entry[7], attempts(name, 0), own
            add(_tuple(Candidate, row))  # what the class does itself takes twice as long
        return found

    def length(self, gateway: RoutingGateway, prefix: str) -> int:
        """Milliseconds that calls to the destination last there, by their ACD in whole seconds; 0 = it is not known."""
        gauges = self._gauges
        if gauges is None:
            return 0
        found = gauges.figures_to(gateway.name, gauges.destination(prefix, self._decision.callee), self._now)
        return max(round(found.acd), 1) * 1000 if found.calls >= ENOUGH_CALLS and found.acd else 0

    def in_use(self, key: str) -> int:
        """Calls that a counter has now."""
        return self._limits.in_use(key)

    @property
    def shares(self) -> bool:
        """Whether gateways may be full for more than their own lines: those of groups, numbers or several nodes."""
        snapshot = self._decision.snapshot
        return bool(snapshot.shared_out) or snapshot.destinations.outgoing or self._limits.portion is not None

    def full(self, gateway: RoutingGateway) -> str:
        """What a call now would find full for the gateway; "" when nothing is."""
        return self._limits.full(outgoing(self._decision, gateway), self._now) or ""

    def refused(self) -> str:
        """What the call itself would find full when it is admitted; "" when nothing is."""
        return self._limits.full(self._decision.limits, self._now) or ""

    def quality(self, gateway: RoutingGateway, prefix: str, _callee: str) -> tuple[Figures, str]:
        """What the thresholds of a gateway are compared with: all its calls, or those to the destination, and that.

        Destinations go by the called number as billed, whatever number it is routed by.
        """
        gauges, wanted = self._gauges, gateway.conduct.thresholds
        if gauges is None or wanted is None:
            return NOTHING, ""
        if wanted.by_prefix:
            destination = gauges.destination(prefix, self._decision.callee)
            return gauges.figures_to(gateway.name, destination, self._now), destination
        return gauges.figures(gateway.name, self._now), ""

    def short(self, gateway: RoutingGateway) -> str:
        """Why the gateway gets no calls: what is left on its vendor's account is not above the least."""
        number, balances = gateway.account, self._balances
        least = self._decision.snapshot.clearing.least(number) if number else None
        if number is None or balances is None or least is None:
            return ""
        left = balances.spendable(number, 0)
        return "" if left > least else f"clearing account {number}: {money_text(left)} left, least {money_text(least)}"

    def away(self, gateway: RoutingGateway) -> str:
        """Why a registering gateway cannot be reached: it is offline, or VS_REGISTERED_TRUNKS_ONLY and we are."""
        registrations = self._registrations
        if registrations is None:
            return ""
        if gateway.profile.dynamic and not gateway.address and not registrations.gateway(gateway.registers_as):
            return NOT_REGISTERED
        if gateway.profile.register and self._decision.parameters["VS_REGISTERED_TRUNKS_ONLY"]:
            trunk = registrations.trunk(gateway.name)
            return "" if trunk is not None and trunk.up else TRUNK_DOWN
        return ""

    def price(self, gateway: RoutingGateway, _callee: str) -> int | None:
        """Units of 10^-7 per minute that its vendor asks for the callee as billed; None when there is no rate."""
        name, lists = gateway.name, self._lists
        return self._price(lists[name] if name in lists else self._list_of(gateway))

    def _price(self, table: RateTable | None) -> int | None:
        """By a price list, of which many gateways may have the same one."""
        if table is None:
            return None
        prices = self._prices
        if table not in prices:
            plain = table.plain
            prices[table] = (
                table.price(table.heads(self._number), self._decision.wall_ms)
                if plain
                else list_price(self._decision, table)
            )
        return prices[table]

    @property
    def _number(self) -> str:
        """The called number as rates are found by it."""
        return self._decision.rated_number

    def _list_of(self, gateway: RoutingGateway) -> RateTable | None:
        """The price list of a gateway's vendor; kept for the next one who asks."""
        snapshot = self._decision.snapshot
        account = snapshot.accounts.get(gateway.account) if gateway.account else None
        name = (gateway.privileges.rate_group or account.rate_group) if account is not None else None
        if account is not None and self._decision.jurisdiction:
            name = self._decision.group_of(name, gateway.jurisdiction)
        group = snapshot.rate_groups.get(name) if name is not None else None
        found = self._lists[gateway.name] = group.table if group is not None else None
        return found
