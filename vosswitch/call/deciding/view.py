"""What the node knows of its gateways at this moment, as the routing plan asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.routing.decision import NOT_REGISTERED, TRUNK_DOWN

if TYPE_CHECKING:
    from vosswitch.accounts.limits import Limits
    from vosswitch.call.deciding.decision import Decision
    from vosswitch.call.tallies import Tallies
    from vosswitch.routing.availability import Aside, Availability
    from vosswitch.routing.gateways import RoutingGateway


class NodeView:
    """Lines in use, attempts of the day and prices for one call (`vosswitch.routing.plan.RouteView`).

    :param registrations: the `IRegistrations`; None = nothing is known of them.
    :param availability: which gateways are put aside, at *now* (monotonic seconds).
    """

    __slots__ = ("_availability", "_decision", "_limits", "_now", "_registrations", "_tallies")

    def __init__(
        self,
        limits: Limits,
        tallies: Tallies,
        decision: Decision,
        registrations: Any = None,
        availability: Availability | None = None,
        now: float = 0.0,
    ) -> None:
        self._availability = availability
        self._now = now
        self._registrations = registrations
        self._limits = limits
        self._tallies = tallies
        self._decision = decision

    def aside(self, gateway: RoutingGateway) -> Aside | None:
        """Why the gateway is put aside at the moment."""
        if not self._availability:
            return None
        return self._availability.aside(gateway.name, gateway.profile.probe != "off", self._now)

    def lines(self, gateway: str) -> int:
        """Calls now on the gateway."""
        return self._limits.in_use(f"routing:{gateway}")

    def calls_today(self, gateway: str) -> int:
        """Attempts on it since midnight."""
        return self._tallies.today(gateway)

    def asr(self, _gateway: str) -> float | None:
        """Answer-seizure ratio; None = no value is kept."""
        return None

    def acd(self, _gateway: str) -> float | None:
        """Average call duration; None = no value is kept."""
        return None

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
        account = self._decision.snapshot.accounts.get(gateway.account) if gateway.account else None
        if account is None:
            return None
        price = self._decision.find_price(account.number, account.rate_group, self._decision.wall_ms)
        return None if price is None else price.per_minute
