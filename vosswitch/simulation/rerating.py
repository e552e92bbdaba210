"""Finished calls rated again: what both sides and the agents between would pay by a configuration.

Nothing is decided again: account, gateways, numbers and length are those of the record.  The terms are the switch's own
(`vosswitch.call.deciding.decision.Decision`), with the rates in force at the answer.  What cannot be told exactly from
a record is left out, and counted with the reason; it is never guessed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from vosswitch.accounts.periods import in_force
from vosswitch.accounts.portability import NO_JURISDICTION, Ported
from vosswitch.accounts.privileges import ORDINARY
from vosswitch.billing.meter import Meter
from vosswitch.call.deciding import emergency
from vosswitch.call.deciding.decision import Decision
from vosswitch.call.deciding.porting import take
from vosswitch.call.deciding.routes import Route
from vosswitch.model.signals import Try
from vosswitch.simulation.node import NOWHERE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vosswitch.call.deciding.decision import Price
    from vosswitch.call.snapshot import Snapshot
    from vosswitch.store.rerates import Rated

SIDES = ("both", "customer", "vendor")
_SILENT = ("answered", "connection_timeout")
"""How attempts end that cost nothing by themselves: the fee of the first is that of the answer, and of the second the
gateway knows nothing."""
_UNTOLD = "an attempt has no final status: whether its fee is owed is not recorded"
_NOBODYS = 1
"""A billing mode of `Decision.billed_as`: gateway or phone are gone, so the account's own prices count."""


class Due(NamedTuple):
    """What an account would pay for a call.

    :ivar kind: ``call``, ``agent`` or ``cost``, as in the ledger.
    :ivar amount: units of 10^-7 of its currency.
    :ivar prefix: of the rate; *price* is that, per minute.
    """

    account: str
    kind: str
    amount: int
    prefix: str
    price: str


class LeftOut(NamedTuple):
    """A part of a call that is not rated again, and why."""

    account: str
    kind: str
    why: str


class Rerating:
    """Rates calls by one configuration.

    :param modes: billing modes by name.
    :param side: whose part of the calls: ``both``, ``customer`` (with its agents) or ``vendor``.
    """

    __slots__ = ("_modes", "_side", "_snapshot")

    def __init__(self, snapshot: Snapshot, modes: Mapping[str, Any], side: str = "both") -> None:
        self._snapshot = snapshot
        self._modes = modes
        self._side = side

    def call(self, row: Rated) -> Iterator[Due | LeftOut]:
        """What everybody would pay for an answered call."""
        decision = self._decision(row)
        why = "" if isinstance(decision, Decision) else decision
        if self._side != "vendor":
            if why or not isinstance(decision, Decision):
                yield LeftOut(row.account, "call", why)
            else:
                yield self._customer(row, decision)
                yield from self._agents(row, decision)
        if self._side != "customer" and row.routing_gateway:
            if why or not isinstance(decision, Decision):
                yield LeftOut(row.clearing, "cost", why)
            else:
                yield from self._vendor(row, decision)

    def _decision(self, row: Rated) -> Decision | str:
        """Who called whom, as the switch would have it before rating; or why it cannot be told."""
        snapshot = self._snapshot
        decision = Decision(Try(row.caller, row.callee, NOWHERE, NOWHERE, ""), snapshot, self._modes, row.start)
        decision.account = snapshot.accounts.get(row.account)
        if decision.account is None:
            return "the account is not there"
        gateway = snapshot.mapping_gateways.get(row.mapping_gateway) if row.mapping_gateway else None
        if gateway is not None and gateway.periods:
            period = in_force(gateway.periods, snapshot, row.start)
            gateway = gateway if period is None else period.gateway
        decision.gateway, decision.phone = gateway, snapshot.phones.get(row.phone) if row.phone else None
        decision.billed_as = row.billing_mode if row.billing_mode in (2, 3) else 0
        if gateway is None and decision.phone is None and not decision.billed_as:
            decision.billed_as = _NOBODYS
        if snapshot.emergency:
            decision.in_debt = False
            emergency.look(decision)
        parameters = snapshot.parameters
        free = parameters["SERVER_BILLING_FREE_E164S"]
        decision.free = bool(free.entries) and row.callee in free
        if parameters["SERVER_BILLING_GATEWAY_ROUTE_PREFIX"]:
            decision.route_prefix = row.prefix
        return self._ported(row, decision)

    def _ported(self, row: Rated, decision: Decision) -> Decision | str:
        gateway = decision.gateway
        if gateway is None or gateway.jurisdiction is NO_JURISDICTION:
            return decision
        if row.decision is None:
            return "the record does not say whether the number was ported (VS_DECISION_RECORD)"
        found = row.decision.get("ported")
        settings = self._snapshot.portability.get(gateway.jurisdiction.portability)
        if found is not None and settings is not None:
            lrn = found["lrn"] if isinstance(found, dict) else found[0]
            take(decision, settings, Ported(lrn, "record", 0))
        decision.jurisdiction = row.decision.get("jurisdiction") or ""
        return decision

    def _customer(self, row: Rated, decision: Decision) -> Due | LeftOut:
        if row.package:
            return LeftOut(row.account, "call", "a package paid for it")
        price = decision.customer_price(row.answer) or decision.customer_price(row.start)
        if price is None and decision.emergency is not None:
            decision.free = True
            return Due(row.account, "call", 0, "", "0")
        if decision.emergency is not None and decision.parameters["VS_EMERGENCY_CHARGE"] == "free":
            decision.free = True
        return self._due(row, price, "call", row.account, row.currency, free=decision.free)

    def _agents(self, row: Rated, decision: Decision) -> Iterator[Due | LeftOut]:
        for level in row.agents or ():
            number = level["account"]
            agent = self._snapshot.accounts.get(number)
            if agent is None:
                yield LeftOut(number, "agent", "the account is not there")
                continue
            if decision.free:
                yield Due(number, "agent", 0, "", "0")
                continue
            price = decision.price_for(agent, agent.rate_group, row.answer)
            price = price or decision.price_for(agent, agent.rate_group, row.start)
            currency = self._snapshot.currencies.of(number)  # the record does not tell an agent's
            yield self._due(row, price, "agent", number, currency, free=False)

    def _vendor(self, row: Rated, decision: Decision) -> Iterator[Due | LeftOut]:
        snapshot = self._snapshot
        gateway = snapshot.gateways.gateways.get(row.routing_gateway)
        if gateway is not None and gateway.periods:
            period = in_force(gateway.periods, snapshot, row.start, row.callee)
            gateway = gateway if period is None else period.gateway
        number = row.clearing or (gateway.account if gateway is not None else None)
        if not number:
            return  # nobody is paid for it, then and now
        if snapshot.accounts.get(number) is None:
            yield LeftOut(number, "cost", "the account is not there")
            return
        if row.transferred:
            yield LeftOut(number, "cost", "the call was transferred: how long the vendor's leg was up is not recorded")
            return
        own = gateway is not None and gateway.account == number
        privileges = gateway.privileges if gateway is not None and own else ORDINARY
        route = Route(row.routing_gateway, NOWHERE, "", "", account=number, privileges=privileges, prefix=row.prefix)
        price = decision.vendor_price(route, row.answer)
        if price is None and row.clearing == "":
            return
        due = self._due(row, price, "cost", number, row.cost_currency, free=False)
        if isinstance(due, Due):
            owed = self._attempts(row, decision, number)
            due = LeftOut(number, "cost", _UNTOLD) if owed is None else due._replace(amount=due.amount + owed)
        yield due

    def _attempts(self, row: Rated, decision: Decision, vendor: str) -> int | None:
        """The fees of attempts at gateways of the same vendor that were not answered; None = it cannot be told.

        Each is that of its own gateway at the moment when it began.
        """
        owed = 0
        for tried in row.attempts:
            gateway = self._snapshot.gateways.gateways.get(tried.gateway)
            if tried.reason in _SILENT or gateway is None or gateway.account != vendor:
                continue
            if decision.route_prefix is not None:
                decision.route_prefix = tried.prefix
            price = decision.vendor_price(gateway, tried.at)
            fee = (
                Meter((self._modes.get(price.mode) or self._modes["increment"]), price.terms).nothing().fee
                if price
                else 0
            )
            if fee and not tried.status:
                return None
            owed += fee
        return owed

    def _due(
        self, row: Rated, price: Price | None, kind: str, account: str, currency: str, *, free: bool
    ) -> Due | LeftOut:
        if price is None:
            return LeftOut(account, kind, "there is no rate for the number")
        mode = self._modes.get("free" if free else price.mode)
        if mode is None:
            return LeftOut(account, kind, f"billing mode {price.mode} is not loaded")
        own = self._snapshot.currencies.own
        if (currency or own) != (price.currency or own):
            return LeftOut(account, kind, "the account had another currency")
        fee = mode.fee(row.hold_ms, price.terms).fee
        return Due(account, kind, fee, price.rate.prefix, price.terms.per_minute)
