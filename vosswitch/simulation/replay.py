"""One finished call, decided again: where it would have gone, and what it would have cost.

What is assumed: an attempt at a gateway that the call has tried ends as it did; a gateway that it has not tried answers
when the call was answered, and is not answered when it was not.  The length is that of the call.  A call that lines,
money or load refused is refused again, for those are not simulated.  Money is in the deployment's currency.
"""

from __future__ import annotations

from collections import Counter
from heapq import heappop, heappush
from typing import TYPE_CHECKING, NamedTuple

from vosswitch.accounts.limits import Limit
from vosswitch.billing.meter import Meter
from vosswitch.call.deciding.decide import Decider
from vosswitch.call.deciding.means import Ask
from vosswitch.model.signals import Try
from vosswitch.model.values import Address, money
from vosswitch.routing.failover import next_allowed
from vosswitch.simulation.judging import Judging
from vosswitch.simulation.node import NOWHERE, SimulatedNode
from vosswitch.simulation.past import ANSWERED, Past, Tried

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.call.deciding.decision import Decision
    from vosswitch.call.deciding.routes import Route
    from vosswitch.call.snapshot import Snapshot
    from vosswitch.hooks.manager import Frozen

_PORT = 5060


class Result(NamedTuple):
    """What became of a call, or would have.

    :ivar gateway: that carried it, or the last one tried, or ``phone:NUMBER``; "" = none was.
    :ivar prefix: of the customer's rate.
    :ivar refused: the end reason of a call that was not placed at all; "" = it was.
    :ivar ms: its length when it was answered.
    :ivar fee: units of 10^-7, likewise *cost* and *agents*: what agents keep of the fee.
    """

    gateway: str
    prefix: str
    account: str
    refused: str
    answered: bool
    ms: int
    fee: int
    cost: int
    agents: int = 0


class Replay:
    """Decides finished calls on a configuration.

    :param days: gives the day (``YYYYMMDD``) of a moment.
    :param on_failure: told that a decision broke; its call counts as refused, as it would be.
    :ivar unconverted: amounts that are counted as they are, by currency: there is no exchange rate for it.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        frozen: Frozen,
        days: Callable[[int], str],
        on_failure: Callable[[Exception], object] = lambda _error: None,
    ) -> None:
        self._snapshot = snapshot
        self._node = SimulatedNode()
        self._judging = Judging(snapshot)
        self._node.gauges = self._judging.gauges
        self._modes = frozen.billing_modes
        self._decider = Decider(self._node.means(frozen))
        self._days = days
        self._on_failure = on_failure
        self._up: list[tuple[int, str]] = []
        self.unconverted: Counter[str] = Counter()

    def own(self, amount: int, currency: str, at: int) -> int:
        """An amount in the deployment's currency, by the exchange rate of that moment."""
        currencies = self._snapshot.currencies
        if not amount or not currency or currency == currencies.own:
            return amount
        rate = currencies.rate(currency, currencies.own, at)
        if rate is None:
            self.unconverted[currency] += 1
            return amount
        return int(2 * amount * rate.numerator + rate.denominator) // (2 * rate.denominator)

    def call(self, past: Past) -> Result:
        """What this configuration makes of the call; calls come in the order of their start."""
        row = past.row
        self._pass_to(row.start)
        self._judging.pass_to(row.start)
        self._node.begin(past)
        try:
            decision = self._decider.decide(self._ask(past), self._snapshot)
            self._judging.heard(past, decision.callee)
            return self._decided(past, decision)
        except Exception as error:  # noqa: BLE001 - a plugin or a price list file; the live call is refused as well
            self._on_failure(error)
            return Result("", row.rate_prefix, row.account, "degraded", answered=False, ms=0, fee=0, cost=0)

    def _pass_to(self, start: int) -> None:
        """Calls that have ended by then hold no line any more."""
        up = self._up
        while up and up[0][0] <= start:
            self._node.limits.free((heappop(up)[1],))
        self._node.tallies.day(self._days(start))

    def _ask(self, past: Past) -> Ask:
        """The call as it came; a gateway that its address proves is found by the address again."""
        row = past.row
        subject = self._snapshot.phones.get(row.phone) if row.phone else None
        gateway = self._snapshot.mapping_gateways.get(row.mapping_gateway) if subject is None else None
        place = "request_uri" if gateway is None else gateway.profile.callee_source
        source = Address(row.caller_ip, _PORT) if row.caller_ip else NOWHERE
        offered = Try(row.caller_in, row.callee_in, source, NOWHERE, "", callee_source=place)
        known = subject if gateway is None or (gateway.auth == "ip" and row.caller_ip) else gateway
        return Ask(str(row.flowno), offered, row.start, known, lrn=past.lrn, payer=row.account)

    def _decided(self, past: Past, decision: Decision) -> Result:
        row = past.row
        refused = decision.cause.reason if decision.cause is not None else ""
        if not refused and past.momentary:
            refused = row.end_reason
        if refused:
            return self._result(decision, past, "", refused)
        return self._walk(past, decision)

    def _walk(self, past: Past, decision: Decision) -> Result:
        """Try the routes in order, until one answers or the failover stops."""
        placed, last, owed = 0, "", 0
        for route in decision.routes:
            if route.name in past.full:
                continue
            placed, last = placed + 1, route.name
            self._node.tallies.attempted(route.name)
            decision.tried(route)
            tried = _outcome(past, route)
            answers = self._answers(past, route, placed, decision, tried)
            if answers:
                return self._spoken(past, decision, route, owed)
            owed += self._owed(past, decision, route, tried)
            if answers is None:
                break
        if not placed:
            refused = "all_gateways_busy" if past.full else _unplaced(decision.unusable)
            return self._result(decision, past, "", refused)
        return self._unspoken(past, decision, last, owed)

    def _owed(self, past: Past, decision: Decision, route: Route, tried: Tried | None) -> int:
        """A vendor's fee for an attempt that is not answered, unless its gateway has said nothing at all."""
        if tried is not None and not tried.status and not tried.rang:
            return 0
        price = decision.vendor_price(route, past.row.start)
        if price is None:
            return 0
        price = decision.chargeable(price)
        return self.own(Meter(self._modes[price.mode], price.terms).nothing().fee, price.currency, past.row.start)

    def _unspoken(self, past: Past, decision: Decision, gateway: str, owed: int) -> Result:
        """It was placed, and nobody answered: what the attempt costs."""
        assert decision.funding is not None
        fees = [share.meter.nothing().fee for share in decision.funding.shares if share.kind in ("call", "agent")]
        currency = decision.price.currency if decision.price is not None else ""
        fee, got = (self.own(one, currency, past.row.start) for one in (fees[0], fees[-1]))
        found = self._result(decision, past, gateway, "")
        return found._replace(fee=fee, cost=owed, agents=fee - got)

    def _answers(self, past: Past, route: Route, placed: int, decision: Decision, tried: Tried | None) -> bool | None:
        """Whether the attempt is answered; None = it is not, and no further one is made.

        :param tried: what became of it then; None = the call has not tried it.
        """
        if tried is None:
            return True if past.answered else None
        if tried.reason == ANSWERED:
            return True
        if not tried.followed and past.stopped:
            return None
        goes_on = next_allowed(
            tried.cause,
            placed,
            ringing=tried.rang and not tried.followed,
            early_media=False,
            rtp_started=False,
            registered=route.profile.register,
            conduct=route.conduct,
            parameters=decision.parameters,
        )
        return False if goes_on else None

    def _spoken(self, past: Past, decision: Decision, route: Route, owed: int) -> Result:
        """:param owed: fees of attempts before."""
        row = past.row
        assert decision.funding is not None
        answer = row.answer if row.answer is not None else row.start
        shares = decision.funding.shares
        meters = [meter for meter, _ in decision.meters_at(answer) or ()] or [share.meter for share in shares]
        cost = decision.cost_at(route, answer)
        if cost is not None:
            owed += self.own(self._modes[cost.mode].fee(row.hold_ms, cost.terms).fee, cost.currency, answer)
        self._hold(route, row.stop)
        found = self._result(decision, past, route.name, "")
        currency = decision.price.currency if decision.price is not None else ""
        fee = got = self.own(meters[0].fee(row.hold_ms).fee, currency, answer)
        if decision.agent_prices:  # the topmost one pays what the carrier gets
            paying = [meter for share, meter in zip(shares, meters, strict=True) if share.kind == "agent"]
            got = self.own(paying[-1].fee(row.hold_ms).fee, currency, answer)
        return found._replace(answered=True, ms=row.hold_ms, fee=fee, cost=owed, agents=fee - got)

    def _hold(self, route: Route, until: int) -> None:
        """Its line is in use until the call's end."""
        key = f"routing:{route.name}"
        self._node.limits.take((Limit(key),), 0.0)
        heappush(self._up, (until, key))

    @staticmethod
    def _result(decision: Decision, past: Past, gateway: str, refused: str) -> Result:
        account = decision.account.number if decision.account is not None else past.row.account
        prefix = decision.price.rate.prefix if decision.price is not None else ""
        return Result(gateway, prefix, account, refused, answered=False, ms=0, fee=0, cost=0)


def _unplaced(reason: str) -> str:
    """Why no gateway was used although some match."""
    return "empty_callee" if reason == "no_route" else reason


def _outcome(past: Past, route: Route) -> Tried | None:
    """What became of the next attempt at that gateway; None = the call has not tried it."""
    outcomes = past.tried.get(route.name)
    if outcomes is None:
        return None
    return outcomes.pop(0) if len(outcomes) > 1 else outcomes[0]


def recorded(past: Past, own: Callable[[int, str, int], int] = lambda amount, _currency, _at: amount) -> Result:
    """What became of the call in truth.

    :param own: as `Replay.own`.
    """
    row = past.row
    gateway = f"phone:{row.callee_phone}" if row.callee_phone else row.routing_gateway
    refused = row.end_reason if past.refused else ""
    held = row.hold_ms if past.answered else 0
    at = row.start if row.answer is None else row.answer
    fee, cost = own(row.fee, row.currency or "", at), own(row.cost, row.cost_currency or "", at)
    kept = fee - own(money(row.agents[-1]["fee"]), row.currency or "", at) if row.agents else 0
    return Result(gateway, row.rate_prefix, row.account, refused, past.answered, held, fee, cost, kept)
