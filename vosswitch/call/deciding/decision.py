"""What was decided about one call, and everything that follows from it while the call is up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.billing.meter import Meter
from vosswitch.billing.rates import terms
from vosswitch.call.deciding import charging, pricing
from vosswitch.call.deciding.pricing import Price
from vosswitch.cdr.agents import bill_agents, name_agents
from vosswitch.cdr.hiding import hides
from vosswitch.cdr.record import Charge
from vosswitch.model.rating import hold_seconds
from vosswitch.model.values import Level

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from vosswitch.accounts.limits import Limit
    from vosswitch.accounts.portability import Jurisdiction, Ported
    from vosswitch.accounts.values import Account, MappingGateway, Phone
    from vosswitch.billing.balances import Balances
    from vosswitch.call.deciding.porting import Pending
    from vosswitch.call.deciding.profit import Reckoned
    from vosswitch.call.deciding.routes import Route
    from vosswitch.call.fraud.guard import Watched
    from vosswitch.call.funding import Funding
    from vosswitch.call.snapshot import Snapshot
    from vosswitch.cdr.record import Cdr
    from vosswitch.model.cards import Dialled
    from vosswitch.model.causes import Cause
    from vosswitch.model.rating import Fee
    from vosswitch.model.signals import Try
    from vosswitch.routing.gateways import RoutingGateway


__all__ = ["Decision", "Price", "Refused"]

_NO_ROUTES: Iterator[Route] = iter(())


class Refused(Exception):
    """The call may not go on; the argument is the end reason's name."""


class Decision:
    """One call, decided.

    :ivar cause: why it is refused; None = it may go on.
    :ivar routes: what to try, in order; each is built when its turn comes.
    :ivar areas: names of the areas of caller and callee, "" = not known.
    :ivar unusable: why no gateway could be used when none was tried, an end reason.
    :ivar notes: the decision record's steps, in order.
    :ivar explaining: a question: steps that a live call's record leaves out are noted, too.
    :ivar transfer: what the call has to do with a transfer, for the decision record; None = nothing.
    :ivar emergency: the number group that makes it an emergency call; None = it is none.
    :ivar full: of a question: what has no line or admission left for the call now.
    :ivar held: its `limits` are taken.
    :ivar written: its start is in the journal.
    :ivar picked: the counter of the calling number that came out of a pool of the mapping gateway; empty = none.
    :ivar in_debt: its account is locked for its balance, which an emergency call passes.
    :ivar watched: what it counts for in dynamic lists and fraud rules; None = in nothing.
    :ivar relay: its media is relayed whatever the gateways say.
    :ivar pending: the question that the decision waits for; None = it is complete.
    :ivar ported: what is known of the called number's portability; None = nothing was asked.
    :ivar routed: the number that gateways are found by, "" = the called one; *rated* likewise for rates.
    :ivar route_prefix: of the gateway's prefix the rates know nothing (SERVER_BILLING_GATEWAY_ROUTE_PREFIX): that of
        the gateway tried last, and before the first one the longest; None = they do.
    :ivar attempt_costs: the prices of vendors that a call to their gateways costs something that was not answered.
    :ivar jurisdiction: interstate, intrastate or undetermined; "" = it plays no part.
    :ivar agents: those above the account, the nearest first; *agent_prices* what those pay that pay anything.
    :ivar card: the phone card that was dialled; None = none was.
    :ivar billed_as: the record's billing mode where a card or a bound number's account pays; 0 = the caller's own.
    :ivar now_ms: the moment of the attempt that is being prepared, epoch ms: rates are those in force then.
    :ivar asked: the gateway whose vendor's price was looked up last, and that price, None = there is none.
    :ivar reckoned: of a question: income and cost by gateway; None = of none.
    :ivar cost_ms: how long the vendor's leg was up, ms, when it was not the whole call; None = as long as that.
    """

    __slots__ = (
        "_longest_out",
        "_modes",
        "account",
        "agent_prices",
        "agents",
        "areas",
        "asked",
        "attempt_costs",
        "billed_as",
        "callee",
        "caller",
        "card",
        "cause",
        "cost_ms",
        "emergency",
        "explaining",
        "free",
        "full",
        "funding",
        "gateway",
        "had_candidates",
        "held",
        "in_debt",
        "jurisdiction",
        "limits",
        "no_cdr",
        "notes",
        "now_ms",
        "offered",
        "pending",
        "phone",
        "picked",
        "plan",
        "ported",
        "price",
        "rated",
        "reckoned",
        "relay",
        "route_prefix",
        "routed",
        "routes",
        "snapshot",
        "transfer",
        "unusable",
        "wall_ms",
        "watched",
        "written",
    )

    def __init__(self, offered: Try, snapshot: Snapshot, modes: Mapping[str, Any], wall_ms: int) -> None:
        self.offered = offered
        self.snapshot = snapshot
        self._modes = modes
        self.wall_ms = self.now_ms = wall_ms
        self.asked: tuple[str, Price | None] = ("", None)
        self.reckoned: dict[str, Reckoned] | None = None
        self.caller = offered.caller
        self.callee = offered.callee
        self.cause: Cause | None = None
        self.account: Account | None = None
        self.gateway: MappingGateway | None = None
        self.phone: Phone | None = None
        self.price: Price | None = None
        self.plan: Any = None
        self.funding: Funding | None = None
        self.routes: Iterator[Route] = _NO_ROUTES
        self.limits: tuple[Limit, ...] = ()
        self.picked: tuple[Limit, ...] = ()
        self.notes: list[tuple[str, str]] = []
        self.free = self.no_cdr = self.had_candidates = self.relay = self.explaining = self.in_debt = False
        self.held = self.written = False
        self.emergency: str | None = None
        self.full = ""
        self._longest_out: int | None = None
        self.transfer: dict[str, Any] | None = None
        self.areas = ("", "")
        self.unusable = "no_route"
        self.cost_ms: int | None = None
        self.pending: Pending | None = None
        self.ported: Ported | None = None
        self.routed = self.rated = self.jurisdiction = ""
        self.route_prefix: str | None = None
        self.attempt_costs: tuple[Price, ...] = ()
        self.watched: Watched | None = None
        self.agents: tuple[Account, ...] = ()
        self.agent_prices: Sequence[Price] = ()
        self.card: Dialled | None = None
        self.billed_as = 0

    @property
    def parameters(self) -> Any:
        """The parameters in force for this call."""
        return self.snapshot.parameters

    @property
    def limit_keys(self) -> tuple[str, ...]:
        """The counters that the call holds."""
        return tuple([limit.key for limit in self.limits])

    @property
    def media_proxy(self) -> str:
        """The incoming side's word on media relaying."""
        if self.relay:
            return "must_on"
        return self.gateway.media_proxy if self.gateway is not None else "auto"

    @property
    def longest(self) -> tuple[int, str] | None:
        """The longest call, ms, and the end reason of one that reaches it: the least of what applies, None = no limit.

        SS_MAX_CALL_DURATION and the longest call of the gateways of both sides; SS_SIP_NO_TIMER_REINVITE_INTERVAL for a
        caller whom no session timer watches.
        """
        parameters = self.snapshot.parameters
        longest = parameters["SS_MAX_CALL_DURATION"]
        own = self.gateway.privileges.longest_call if self.gateway is not None else None
        for bound in (own, self._longest_out):
            if bound is not None and (longest is None or bound < longest):
                longest = bound
        unwatched = 0 if self.offered.timer else parameters["SS_SIP_NO_TIMER_REINVITE_INTERVAL"]
        if unwatched and (longest is None or unwatched < longest):
            return int(unwatched * 1000), "no_timer_limit"
        return None if longest is None else (int(longest * 1000), "max_duration")

    @property
    def hides(self) -> list[str]:
        """What keeps the call out of the day tables unless it moves money."""
        return hides(self.snapshot.parameters, no_cdr=self.no_cdr)

    @property
    def routing_time(self) -> float | None:
        """Seconds from the start for trying gateways (VS_ROUTING_TIME, or the mapping gateway's own); None = no end."""
        own = self.gateway.routing_time if self.gateway is not None else None
        return own if own is not None else self.snapshot.parameters["VS_ROUTING_TIME"]

    @property
    def sent_callee(self) -> str:
        """The called number as it goes out, before what gateways make of it."""
        ported = self.ported
        return self.callee if ported is None else ported.sent or self.callee

    def answered_by(self, route: Route) -> None:
        """The route whose own longest call counts from now on."""
        self._longest_out = route.privileges.longest_call

    def note(self, what: str, why: str) -> None:
        """Add a step to the decision record."""
        self.notes.append((what, why))

    # Prices.

    def stop_routing(self) -> None:
        """Nothing more is tried: let go of the routes not built yet, which hold this decision."""
        self.routes = _NO_ROUTES

    @property
    def rate_group(self) -> str | None:
        """The price list of the caller: that of its gateway or phone, else its account's."""
        subject: Any = self.gateway or self.phone
        own: str | None = None if self.billed_as else subject.privileges.rate_group
        return own or (self.account.rate_group if self.account is not None else None)

    @property
    def rated_number(self) -> str:
        """The called number as rates are found by it."""
        number = self.rated or self.callee
        return number.removeprefix(self.route_prefix) if self.route_prefix else number

    def find_price(self, account: str, group_name: str | None, at_ms: int) -> Price | None:
        """The rate of a rate group for the callee as billed at a moment (epoch ms), in the account's currency."""
        snapshot = self.snapshot
        group = snapshot.rate_groups.get(group_name) if group_name else None
        rate = group.table.lookup(self.rated_number, at_ms) if group is not None else None
        if group is None or rate is None:
            return None
        if rate.extra is not None and rate.extra.periods:
            rate = pricing.in_period(self, rate, at_ms)
        if snapshot.currencies.mixed:
            return pricing.converted(self, account, group, rate, at_ms)
        return Price(account, group.name, group.mode, rate, terms(rate, snapshot.parameters), snapshot.currencies.own)

    def price_for(self, account: Account, usual: str | None, at_ms: int) -> Price | None:
        """What an account pays: by private lists, and where those know nothing by its *usual* rate group."""
        if account.private_rates is not None or (self.phone is not None and self.phone.private_rates is not None):
            price = pricing.private_price(self, account, at_ms)
            if price is not None:
                return price
        return self.find_price(account.number, usual, at_ms)

    def customer_price(self, at_ms: int) -> Price | None:
        """What the caller's account pays."""
        assert self.account is not None
        group = self.rate_group
        if self.jurisdiction and self.gateway is not None:
            group = self.group_of(group, self.gateway.jurisdiction)
        return self.price_for(self.account, group, at_ms)

    def tried(self, route: Route) -> None:
        """A route's turn has come: rates are found without the prefix of its gateway from now on, where so wanted."""
        if self.route_prefix is not None:
            self.route_prefix = route.prefix

    def owe_attempt(self, price: Price | None) -> None:
        """A vendor's gateway has said something to an attempt that was not answered."""
        if price is not None and price.terms.least:
            self.attempt_costs += (price,)

    @property
    def carrier_price(self) -> Price | None:
        """The price that the carrier gets: the topmost agent's, else the account's."""
        return self.agent_prices[-1] if self.agent_prices else self.price

    def group_of(self, usual: str | None, own: Jurisdiction) -> str | None:
        """The rate group of a side of the call: that of its jurisdiction, else the usual one."""
        kind = self.jurisdiction
        return (own.group(kind) or usual) if kind else usual

    def meter(self, agent: Price | None = None) -> Meter:
        """The meter of the price in force, or of an agent's."""
        assert self.price is not None
        parameters = self.snapshot.parameters
        return Meter(
            self._modes[self.mode if agent is None else agent.mode],
            (agent or self.price).terms,
            anti_overdraft=self.account is not None and self.account.anti_overdraft,
            slice_ms=int(parameters["VS_RESERVE_SLICE"] * 1000),
            advance=parameters["SERVER_BILLING_PREVENT_OVERDRAFT_ADVANCE_TIME"],
        )

    def meter_at(self, answer_ms: int) -> Meter | None:
        """The meter of the rate in force at the answer; None when it is the one that the call began with."""
        assert self.price is not None
        price = self.customer_price(answer_ms)
        if price is None or price == self.price:
            return None
        if price.mode not in self._modes:
            self.note("rate", f"billing mode {price.mode} is not loaded: the rate of the start counts")
            return None
        self.note("rate", f"another rate is in force at the answer: {price.rate.per_minute} per minute")
        self.price = price
        return self.meter()

    def meters_at(self, answer_ms: int) -> list[tuple[Meter, str]] | None:
        """By share of the funding the meter of the rate in force at the answer, and its billing mode's name.

        None: every rate is the one that the call began with.
        """
        meter = self.meter_at(answer_ms)
        changed = self._agents_at(answer_ms) if self.agent_prices else False
        assert self.funding is not None
        moved = self.funding.own.moved(answer_ms)
        if meter is None and not changed and not moved:
            return None
        own = (meter or self.meter(), self.mode)
        agents = iter([(self.meter(price), price.mode) for price in self.agent_prices])
        return [next(agents) if share.kind == "agent" else own for share in self.funding.shares]

    def _agents_at(self, answer_ms: int) -> bool:
        """Bring the agents' prices to what is in force at the answer; whether one has changed."""
        before = self.agent_prices
        accounts = {agent.number: agent for agent in self.agents}
        found = [
            (price, self.price_for(agent := accounts[price.account], agent.rate_group, answer_ms)) for price in before
        ]
        self.agent_prices = [old if new is None else new for old, new in found]
        if list(self.agent_prices) == list(before):
            return False
        self.note("rate", "other rates of agents are in force at the answer")
        return True

    @property
    def mode(self) -> str:
        """The name of the caller's billing mode."""
        assert self.price is not None
        return "free" if self.free else self.price.mode

    def vendor_price(self, route: Route | RoutingGateway, at_ms: int) -> Price | None:
        """The vendor's rate for a route at a moment (epoch ms); None when there is none."""
        account = self.snapshot.accounts.get(route.account) if route.account is not None else None
        if account is None:
            return None
        group = route.privileges.rate_group or account.rate_group
        if self.jurisdiction:
            gateway = self.snapshot.gateways.gateways.get(route.name)
            group = group if gateway is None else self.group_of(group, gateway.jurisdiction)
        return self.find_price(account.number, group, at_ms)

    def chargeable(self, price: Price) -> Price:
        """A vendor's price in a billing mode that is loaded, as after a restart."""
        return price if price.mode in self._modes else price._replace(mode="increment")

    def cost_at(self, route: Route | None, answer_ms: int) -> Price | None:
        """What the vendor charges, by the rate in force at the answer; None when it costs nothing."""
        if route is None or self.snapshot.accounts.get(route.account or "") is None:
            return None
        price = self.vendor_price(route, answer_ms)
        if price is None:
            self.note(route.name, "the vendor has no rate for this number: cost 0")
        elif price.mode not in self._modes:  # as after a restart
            self.note(route.name, f"billing mode {price.mode} is not loaded: increment is used")
            price = price._replace(mode="increment")
        return price

    # What the records need.

    def describe(self, cdr: Cdr) -> None:
        """Fill in who, what and at which rate."""
        cdr.caller, cdr.callee = self.caller, self.callee
        cdr.caller_area = self.areas[0]
        if self.gateway is not None:
            cdr.mapping_gateway, cdr.billing_mode = self.gateway.name, 1
        elif self.phone is not None:
            cdr.phone, cdr.billing_mode = self.phone.number, 0
        if self.billed_as:
            cdr.billing_mode = self.billed_as
        if self.account is not None:
            cdr.account, cdr.account_name = self.account.number, self.account.name
        if self.agents:
            name_agents(cdr, [(agent.number, agent.name) for agent in self.agents])
        self._describe_rate(cdr)

    def describe_answer(self, cdr: Cdr, cost: Price | None) -> None:
        """Fill in the rates in force at the answer."""
        self._describe_rate(cdr)
        if cost is not None:
            cdr.cost_prefix, cdr.clearing_account, cdr.cost_currency = cost.rate.prefix, cost.account, cost.currency

    def _describe_rate(self, cdr: Cdr) -> None:
        if self.price is not None:
            cdr.rate_group, cdr.rate_prefix = self.price.group, self.price.rate.prefix
            cdr.level, cdr.currency = Level(self.price.rate.level).code, self.price.currency

    def charges_terms(self, cost: Price | None) -> list[dict[str, Any]]:
        """How all sides are charged, for the `answer` record: those of the funding's shares first."""
        assert self.funding is not None
        rows = self.funding.terms()
        if cost is not None and not any(share.kind == "cost" for share in self.funding.shares):
            rows.append({"account": cost.account, "kind": "cost", "mode": cost.mode, "terms": cost.terms.to_data()})
        return rows + charging.attempt_terms(self.attempt_costs) if self.attempt_costs else rows

    def charge(self, cdr: Cdr, cost: Price | None, balances: Balances) -> None:
        """The end: settle both sides and fill in the money of the record.

        :param cost: of the vendor whose gateway has answered, though the caller may never have heard of it.
        """
        assert self.funding is not None
        held = cdr.hold_time_ms if cdr.answer is not None else None
        cdr.hold_time = hold_seconds(cdr.hold_time_ms, self.snapshot.parameters["SERVER_BILLING_HOLD_TIME_PRECISION"])
        agents: dict[str, Fee] = {}
        for account, kind, fee in charging.settled(self.funding, cdr, held):
            if kind == "call":
                cdr.fee, cdr.tax, cdr.billed_seconds = fee.fee, fee.tax, fee.billed_seconds
            elif kind == "agent":
                agents[account] = fee
            elif kind == "cost":  # the vendor's part is one of the shares
                charging.note_vendor(cost, fee, cdr)
                cost = None
            if fee.fee:
                cdr.charges.append(Charge(account, fee.fee, kind))
        if agents:
            bill_agents(cdr, agents)
        self.funding.own.describe(cdr)
        charging.charge_attempts(self.attempt_costs, self._modes, cdr, balances)
        if cost is not None:
            charging.charge_vendor(cost, charging.vendor_fee(cost, self._modes, held, self.cost_ms), cdr, balances)
