"""What the node knows of its gateways at this moment, as the routing plan asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.call.deciding.decision import minute_units
from vosswitch.call.deciding.lines import outgoing
from vosswitch.routing.decision import NOT_REGISTERED, TRUNK_DOWN
from vosswitch.routing.gauges import NOTHING

if TYPE_CHECKING:
    from vosswitch.accounts.limits import Limits
    from vosswitch.call.deciding.decision import Decision
    from vosswitch.call.tallies import Tallies
    from vosswitch.routing.availability import Aside, Availability
    from vosswitch.routing.gateways import RoutingGateway
    from vosswitch.routing.gauges import Figures, Gauges


class NodeView:
    """Lines in use, attempts of the day, quality and prices for one call (`vosswitch.routing.plan.RouteView`).

    :param registrations: the `IRegistrations`; None = nothing is known of them.
    :param availability: which gateways are put aside, at *now* (monotonic seconds).
    :param gauges: the quality of the gateways; None = nothing is known of it.
    """

    __slots__ = ("_availability", "_decision", "_gauges", "_limits", "_now", "_prices", "_registrations", "_tallies")

    def __init__(
        self,
        limits: Limits,
        tallies: Tallies,
        decision: Decision,
        registrations: Any = None,
        availability: Availability | None = None,
        now: float = 0.0,
        gauges: Gauges | None = None,
    ) -> None:
        self._gauges = gauges or None  # none of which anything is known costs nothing
        if gauges:
            gauges.follow(decision.parameters)
        self._availability = availability or None  # mostly nothing is known of any gateway
        self._now = now
        self._registrations = registrations
        self._limits = limits
        self._tallies = tallies
        self._decision = decision
        self._prices: dict[str, int | None] = {}

    def aside(self, gateway: RoutingGateway) -> Aside | None:
        """Why the gateway is put aside at the moment."""
        if self._availability is None:
            return None
        return self._availability.aside(gateway.name, gateway.profile.probe != "off", self._now)

    def lines(self, gateway: str) -> int:
        """Calls now on the gateway."""
        return self._limits.in_use(f"routing:{gateway}")

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

    def calls_today(self, gateway: str) -> int:
        """Attempts on it since midnight."""
        return self._tallies.today(gateway)

    def asr(self, gateway: str) -> float | None:
        """Answer-seizure ratio, percent; None = there is no value, or none is to be calculated."""
        if self._gauges is None:
            return None
        return self._gauges.asr(gateway, self._decision.snapshot.gateways.gateways[gateway].conduct, self._now)

    def acd(self, gateway: str) -> float | None:
        """Average call duration, seconds; None likewise."""
        if self._gauges is None:
            return None
        return self._gauges.acd(gateway, self._decision.snapshot.gateways.gateways[gateway].conduct, self._now)

    def quality(self, gateway: RoutingGateway, prefix: str, callee: str) -> tuple[Figures, str]:
        """What the thresholds of a gateway are compared with: all its calls, or those to the destination, and that."""
        gauges, wanted = self._gauges, gateway.conduct.thresholds
        if gauges is None or wanted is None:
            return NOTHING, ""
        if wanted.by_prefix:
            destination = gauges.destination(prefix, callee)
            return gauges.figures_to(gateway.name, destination, self._now), destination
        return gauges.figures(gateway.name, self._now), ""

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
        snapshot = self._decision.snapshot
        account = snapshot.accounts.get(gateway.account) if gateway.account else None
        if account is None:
            return None
        name = gateway.privileges.rate_group or account.rate_group
        if self._decision.jurisdiction:
            name = self._decision.group_of(name, gateway.jurisdiction)
        if name is None:
            return None
        prices = self._prices
        if name not in prices:
            group, number = snapshot.rate_groups.get(name), self._decision.rated or self._decision.callee
            rate = group.table.lookup(number, self._decision.wall_ms) if group is not None else None
            prices[name] = None if rate is None else minute_units(rate.per_minute)
        return prices[name]
