"""The configuration as the switch uses it: one immutable value that a call keeps for its whole life."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from vosswitch.accounts import areas
from vosswitch.accounts.areas import Area
from vosswitch.accounts.callers import Callers
from vosswitch.accounts.clearing import UNCHECKED, Clearing
from vosswitch.accounts.destinations import NO_DESTINATIONS, DestinationLimit, Destinations
from vosswitch.accounts.groups import GatewayGroup, shared_limits
from vosswitch.accounts.limits import Limit
from vosswitch.accounts.payers import NOBODY_ELSE, Payers
from vosswitch.accounts.portability import Portability
from vosswitch.accounts.values import Account, MappingGateway, Phone
from vosswitch.billing.currencies import NO_CURRENCIES, Currencies, ExchangeRate
from vosswitch.billing.files import open_rates
from vosswitch.billing.packages import Package
from vosswitch.billing.rates import RateTable
from vosswitch.call.fraud.rules import NO_RULES, FraudRule, FraudRules
from vosswitch.model.calendar import Calendar
from vosswitch.numbers.checks import Surroundings
from vosswitch.numbers.files import number_table
from vosswitch.numbers.groups import NumberGroup, with_tables
from vosswitch.numbers.lists import ScreeningList
from vosswitch.numbers.pools import NumberPool, with_groups
from vosswitch.numbers.table import NumberTable
from vosswitch.params.system import Parameters
from vosswitch.routing.gateways import RoutingGateway
from vosswitch.routing.index import GatewayIndex

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RateGroup:
    """A price list.

    :ivar mode: the billing mode's name.
    :ivar currency: of its prices, "" = the deployment's.
    """

    name: str
    mode: str
    table: RateTable
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that calls are decided with.

    :ivar seq: the last change that it holds.
    :ivar system_lists: names of the lists that are asked for every call.
    :ivar shared_in: what calls of a mapping gateway take of its groups, by its name; *shared_out* of routing gateways.
    :ivar emergency: the number groups of emergency numbers.
    :ivar currencies: of accounts and price lists, and what they are in each other.
    :ivar clearing: what has to be left on vendors' accounts.
    :ivar vendor_prices: the price lists of routing gateways by name, None = it has none; found when first asked for.
    :ivar payers: accounts by PIN and bound number.
    :ivar dearest: what vendors' lists can cost beside the minute price (`vosswitch.call.deciding.dearest`), likewise.
    :ivar whole: no further parts of a change are awaited.
    """

    seq: int = 0
    accounts: Mapping[str, Account] = field(default_factory=dict)
    mapping_gateways: Mapping[str, MappingGateway] = field(default_factory=dict)
    phones: Mapping[str, Phone] = field(default_factory=dict)
    callers: Callers = field(default_factory=lambda: Callers({}, {}))
    gateways: GatewayIndex = field(default_factory=lambda: GatewayIndex({}))
    rate_groups: Mapping[str, RateGroup] = field(default_factory=dict)
    parameters: Parameters = field(default_factory=lambda: Parameters({}))
    number_tables: Mapping[str, Any] = field(default_factory=dict)
    calendars: Mapping[str, Calendar] = field(default_factory=dict)
    number_groups: Mapping[str, NumberGroup] = field(default_factory=dict)
    number_lists: Mapping[str, ScreeningList] = field(default_factory=dict)
    packages: Mapping[str, Package] = field(default_factory=dict)
    geofences: Mapping[str, Area] = field(default_factory=dict)
    system_lists: tuple[str, ...] = ()
    number_pools: Mapping[str, NumberPool] = field(default_factory=dict)
    portability: Mapping[str, Portability] = field(default_factory=dict)
    surroundings: Surroundings = field(default_factory=lambda: Surroundings({}))
    gateway_groups: Mapping[str, GatewayGroup] = field(default_factory=dict)
    shared_in: Mapping[str, tuple[Limit, ...]] = field(default_factory=dict)
    shared_out: Mapping[str, tuple[Limit, ...]] = field(default_factory=dict)
    destination_limits: Mapping[str, DestinationLimit] = field(default_factory=dict)
    destinations: Destinations = NO_DESTINATIONS
    emergency: tuple[Any, ...] = ()
    exchange_rates: Mapping[str, ExchangeRate] = field(default_factory=dict)
    currencies: Currencies = NO_CURRENCIES
    fraud_rules: Mapping[str, FraudRule] = field(default_factory=dict)
    fraud: FraudRules = NO_RULES
    payers: Payers = NOBODY_ELSE
    clearing: Clearing = UNCHECKED
    vendor_prices: dict[str, RateTable | None] = field(default_factory=dict, compare=False)
    dearest: dict[str, Any] = field(default_factory=dict, compare=False)
    whole: bool = True

    @property
    def areas(self) -> NumberTable | None:
        """The area data (VS_AREA_TABLE), None = there are none."""
        return self.surroundings.areas

    @property
    def mobiles(self) -> NumberTable | None:
        """The areas of mobile numbers (VS_MOBILE_TABLE), None = there are none."""
        return self.surroundings.mobiles

    def applied(self, change: Mapping[str, Any]) -> Snapshot:
        """The snapshot after a ``config`` message of the recorder; what the message does not touch is shared.

        :param change: ``full`` (everything else is gone), per table the bodies by name, None = deleted, and ``more``:
            further parts of the change come, and no call is decided before the last one.
        """
        base = Snapshot(parameters=Parameters({}, self.parameters.registry)) if change.get("full") else self
        new: dict[str, Any] = {
            kind: _merged(getattr(base, kind), change.get(kind), build) for kind, build in _KINDS.items()
        }
        new["number_groups"] = with_tables(new["number_groups"], new["number_tables"])
        new["geofences"] = areas.with_tables(new["geofences"], new["number_tables"])
        new["number_pools"] = with_groups(new["number_pools"], new["number_groups"])
        parameters = _parameters(base.parameters, change.get("parameters") or {})
        tables = new["number_tables"]
        gateways = _gateways(base.gateways, change.get("routing_gateways"))
        return dataclasses.replace(
            base,
            seq=change["seq"],
            **new,
            system_lists=_system_lists(base, new["number_lists"]),
            **_derived(base, new, gateways, more=bool(change.get("more"))),
            vendor_prices={},
            payers=base.payers.changed(change.get("accounts") or (), base.accounts, new["accounts"]),
            dearest={},
            callers=_callers(base, new["mapping_gateways"], new["phones"]),
            gateways=gateways,
            parameters=parameters,
            currencies=base.currencies.after(
                change.get("accounts"), new["exchange_rates"], new["rate_groups"], parameters["VS_CURRENCY"]
            ),
            clearing=base.clearing.changed(change.get("accounts"), parameters),
            surroundings=Surroundings(
                new["number_groups"],
                tables.get(parameters["VS_AREA_TABLE"]),
                tables.get(parameters["VS_MOBILE_TABLE"]),
            ),
        )


def _merged(old: Mapping[str, T], bodies: Any, build: Callable[[dict[str, Any]], T]) -> Mapping[str, T]:
    if not bodies:
        return old
    new = dict(old)
    for name, body in bodies.items():
        if body is None:
            new.pop(name, None)
        else:
            new[name] = build(body)
    return new


def _gateways(old: GatewayIndex, bodies: Any) -> GatewayIndex:
    if not bodies:
        return old
    build = RoutingGateway.from_body
    return old.changed({name: None if body is None else build(body) for name, body in bodies.items()})


def _callers(base: Snapshot, mapping: Mapping[str, MappingGateway], phones: Mapping[str, Phone]) -> Callers:
    return base.callers if base.callers.made_of(mapping, phones) else base.callers.changed(mapping, phones)


def _system_lists(base: Snapshot, lists: Mapping[str, ScreeningList]) -> tuple[str, ...]:
    if lists is base.number_lists:
        return base.system_lists
    return tuple(sorted(name for name, one in lists.items() if one.system))


def _derived(base: Snapshot, new: Mapping[str, Any], routing: GatewayIndex, *, more: bool) -> dict[str, Any]:
    """What follows from several kinds of entries; shared with *base* where none of them has changed.

    :param more: further parts come: it can wait for the last one.
    """
    found: dict[str, Any] = {"whole": not more}
    if more:
        return found
    members: Iterable[tuple[str, tuple[str, ...]]]
    groups, mapping = new["gateway_groups"], new["mapping_gateways"]
    changed = groups is not base.gateway_groups or not base.whole
    if changed or mapping is not base.mapping_gateways:
        members = ((gateway.name, gateway.privileges.groups) for gateway in mapping.values())
        found["shared_in"] = shared_limits("mapping", groups, members)
    if changed or routing is not base.gateways:
        members = ((gateway.name, gateway.privileges.groups) for gateway in routing.gateways.values())
        found["shared_out"] = shared_limits("routing", groups, members)
    if new["destination_limits"] is not base.destination_limits or not base.whole:
        found["destinations"] = Destinations(new["destination_limits"])
    if new["fraud_rules"] is not base.fraud_rules or not base.whole:
        found["fraud"] = FraudRules(new["fraud_rules"])
    numbers = new["number_groups"]
    if numbers is not base.number_groups or not base.whole:
        found["emergency"] = tuple([group for _, group in sorted(numbers.items()) if group.emergency])
    return found


def _rate_group(body: Mapping[str, Any]) -> RateGroup:
    table = open_rates(body["file"]) if body.get("file") else RateTable.build(())
    currency = body.get("currency") or ""
    table = table.in_currency(currency).with_changes(body["overlay"])
    return RateGroup(body["name"], body["billing_mode"], table, currency)


def _parameters(old: Parameters, changes: Mapping[str, str | None]) -> Parameters:
    """A name that nothing declares (of a plugin that is gone) changes nothing."""
    known = {name: text for name, text in changes.items() if name in old.registry}
    return old.with_values(known) if known else old


_KINDS: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "accounts": Account.from_body,
    "fraud_rules": FraudRule.from_body,
    "destination_limits": DestinationLimit.from_body,
    "gateway_groups": GatewayGroup.from_body,
    "mapping_gateways": MappingGateway.from_body,
    "geofences": Area.from_body,
    "number_lists": ScreeningList.from_body,
    "number_tables": number_table,
    "portability": Portability.from_body,
    "phones": Phone.from_body,
    "rate_groups": _rate_group,
    "calendars": Calendar.from_body,
    "number_groups": NumberGroup.from_body,
    "number_pools": NumberPool.from_body,
    "packages": Package.from_body,
    "exchange_rates": ExchangeRate.from_body,
}
"""What a ``config`` message has by name and the snapshot as a mapping of the same name."""
