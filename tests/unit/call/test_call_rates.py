"""Rates of all kinds on calls: further terms, what is in force at the answer, private lists, currencies, records."""

import pytest

from tests.unit.call.call_world import (
    CUSTOMER,
    PREPAID,
    START,
    World,
    account,
    by_name,
    calendar,
    exchange,
    group,
    mapping,
    offer,
    phone,
    rate,
    routing,
)  # fmt: skip
from vosswitch.app.restart import pricer
from vosswitch.billing.modes import BUILT_IN
from vosswitch.call.deciding.explain import explain
from vosswitch.cdr.recovery import ended
from vosswitch.model.values import money

PRICE = pricer({mode.name: mode for mode in BUILT_IN})
HOUR = 3_600_000


def retail(*rows, wholesale=(), **changes):
    """A world whose customers pay by *rows*."""
    groups = [group("retail", *rows), group("wholesale", *(wholesale or (rate("43", "0.3"),)))]
    return World(rate_groups=by_name(*groups, *changes.pop("groups", ())), **changes)


def talked(world, seconds, **more):
    caller, _ = world.talk(**more)
    world.clock.advance(seconds)
    caller.hangs_up()
    return world.cdr


def told(world, **question):
    question = {"caller": "1000", "callee": "4312345", "mapping_gateway": "m"} | question
    return explain(world.decider, world.snapshot, question, world.now())


def steps(world, **question):
    return " / ".join(told(world, **question)["steps"])


# ---- attempt fee and minimum


@pytest.mark.parametrize(("source", "who"), [(CUSTOMER, "c"), (PREPAID, "p")])
def test_an_unanswered_call_costs_its_attempt_fee(source, who):
    world = retail(rate("43", "0.6", attempt_fee="0.02", tax="10"))
    world.call(source=source).gives_up()
    cdr = world.cdr
    assert (cdr.fee, cdr.tax, cdr.billed_seconds, cdr.hold_time) == (money("0.022"), money("0.002"), 0, 0)
    assert [(charge.account, charge.amount, charge.kind) for charge in cdr.charges] == [(who, money("0.022"), "call")]
    assert world.balances.spendable(who, 0) == money("99.978")
    assert world.balances.free(who) == money("99.978")


def test_an_answered_call_has_the_attempt_fee_once():
    world = retail(rate("43", "0.6", attempt_fee="0.02"))
    assert talked(world, 10).fee == money("0.12")


def test_a_call_that_was_tried_nowhere_costs_no_attempt_fee():
    world = retail(
        rate("43", "0.6", attempt_fee="0.02"),
        routing_gateways=by_name(routing("r1", lines=0)),
    )
    world.call(source=PREPAID)
    assert (world.cdr.fee, world.cdr.attempts, world.cdr.charges) == (0, [], [])
    assert world.balances.free("p") == money("100")


def test_the_attempt_fee_has_to_be_there():
    world = retail(rate("43", "0", attempt_fee="0.02"), money={"p": money("0.01"), "c": 0, "v": 0})
    leg = world.call(source=PREPAID)
    assert leg.released.reason == "insufficient_balance"


def test_a_prepaid_call_is_cut_where_money_and_sections_end():
    world = retail(
        rate("43", "0.6", sections="10:6", minimum="0.05", attempt_fee="0.1"),
        money={"p": money("0.7"), "c": 0, "v": 0},
    )
    world.talk(source=PREPAID)  # 0.1 and 0.1 for ten seconds, then 0.1 a second: 0.5 are five seconds
    world.clock.pump([1] * 60)
    cdr = world.cdr
    assert (cdr.end_reason, cdr.billed_seconds, cdr.fee) == ("balance_exhausted", 15, money("0.7"))
    assert world.balances.spendable("p", 0) == 0


def test_free_numbers_cost_no_attempt_fee_and_need_no_rate():
    world = retail(rate("44", "0.6"), parameters={"SERVER_BILLING_FREE_E164S": "43*"}, money={"p": 0, "c": 0, "v": 0})
    world.call(source=PREPAID).gives_up()
    assert (world.cdr.fee, world.cdr.end_reason) == (0, "caller_abandoned")
    world = retail(rate("43", "1", attempt_fee="1"), parameters={"SERVER_BILLING_FREE_E164S": "43*"})
    world.call().gives_up()
    assert (world.cdr.fee, world.cdr.charges) == (0, [])


def test_vendors_that_said_something_get_their_attempt_fee():
    world = retail(rate("43", "0.6"), wholesale=(rate("43", "0.3", attempt_fee="0.01", tax="20"),))
    caller = world.call()
    world.legs.placed[0].fails(503)
    world.legs.placed[1].answers(offer(5000))
    world.clock.advance(60)
    caller.hangs_up()
    cdr = world.cdr
    assert (cdr.fee, cdr.cost, cdr.cost_tax) == (money("0.6"), money("0.384"), money("0.064"))
    assert [(one.kind, one.amount) for one in cdr.charges] == [
        ("call", money("0.6")), ("cost", money("0.012")), ("cost", money("0.372")),
    ]  # fmt: skip
    assert world.balances.spendable("v", 0) == -money("0.384")


def test_vendors_that_said_nothing_get_none():
    world = retail(rate("43", "0.6"), wholesale=(rate("43", "0.3", attempt_fee="0.01"),))
    caller = world.call()
    world.legs.placed[0].times_out()
    world.legs.placed[1].rings()
    caller.gives_up()
    assert (world.cdr.cost, world.cdr.clearing_account) == (money("0.01"), "v")


def test_a_crash_bills_attempts_before_the_answer_and_none_that_was_not_answered():
    world = retail(
        rate("43", "0.6", attempt_fee="0.02"), wholesale=(rate("43", "0.3", attempt_fee="0.01"),), parameters=None
    )
    world.call()
    world.legs.placed[0].fails(503)
    (start,) = world.journal.of("start")
    unanswered = ended(start, None, START + 5000, PRICE)
    assert (unanswered.fee, unanswered.cost, unanswered.charges) == (0, 0, [])
    world.legs.placed[1].answers(offer(5000))
    (answer,) = world.journal.of("answer")
    written = dict(answer, cdr={"account": "c", "clearing_account": "v"})
    cdr = ended(start, written, answer["answer"] + 60_000, PRICE)
    assert (cdr.fee, cdr.cost) == (money("0.62"), money("0.32"))
    assert sum(charge.amount for charge in cdr.charges if charge.account == "v") == money("0.32")


# ---- what is in force at the answer


def test_a_rate_that_ends_before_the_answer_gives_way():
    world = retail(rate("43", "0.6"), rate("4312", "6", until=START + 5000))
    caller = world.call()
    world.clock.advance(5)
    world.out.answers(offer(5000))
    world.clock.advance(10)
    caller.hangs_up()
    assert (world.cdr.rate_prefix, world.cdr.fee) == ("43", money("0.1"))


def test_a_rate_that_is_scheduled_applies_from_its_moment_on():
    world = retail(rate("43", "0.6", until=START + 5000), rate("43", "6", effective=START + 5000))
    assert told(world)["price"] == money("0.6")
    assert told(world, at=START + 5000)["price"] == money("6")
    caller = world.call()
    world.clock.advance(5)
    world.out.answers(offer(5000))
    world.clock.advance(10)
    caller.hangs_up()
    assert world.cdr.fee == money("1")


def test_when_nothing_is_in_force_at_the_answer_the_rate_of_the_start_counts():
    world = retail(rate("43", "0.6", until=START + 5000))
    caller = world.call()
    world.clock.advance(5)
    world.out.answers(offer(5000))
    world.clock.advance(10)
    caller.hangs_up()
    assert world.cdr.fee == money("0.1")


NIGHT = calendar("night", {"start": "22:00", "end": "05:59:59"})
DAY = calendar("day", {"start": "06:00", "end": "21:59:59"})


@pytest.mark.parametrize(("hours", "fee"), [(0, "0.6"), (15, "0.25")])
def test_the_period_at_the_answer_gives_the_price(hours, fee):
    rows = (rate("43", "0.6", connect_fee="0", periods="night:0.2:0.05,other:9"),)
    below = {"VS_LEAST_PROFIT": "none"}
    world = retail(*rows, parameters=below, calendars=by_name(NIGHT, calendar("other")), wall=START + hours * HOUR)
    assert talked(world, 60).fee == money(fee)


def test_a_call_over_the_edge_of_a_period_is_rated_by_its_answer():
    morning = calendar("morning", {"start": "08:00", "end": "09:00"})
    world = retail(
        rate("43", "0.6", periods="morning:6"), calendars=by_name(morning), wall=START - START % HOUR + HOUR - 2000
    )
    caller = world.call(source=PREPAID)
    world.clock.advance(3)
    world.out.answers(offer(5000))
    world.clock.advance(10)
    caller.hangs_up()
    assert world.cdr.fee == money("1")


def test_periods_are_explained():
    world = retail(rate("43", "0.6", periods="day:0.2"), calendars=by_name(DAY))
    assert "0.2 per minute" in steps(world)
    assert "periods day:0.2" in steps(world)


def test_vendors_are_ordered_by_their_prices_of_the_time():
    groups = (group("cheap-by-day", rate("43", "0.9", periods="day:0.1")),)
    gateways = by_name(routing("r1"), routing("r2", rate_group="cheap-by-day", address="192.0.2.101"))
    found = [
        told(
            retail(rate("43", "1"), groups=groups, routing_gateways=gateways, calendars=by_name(DAY), wall=START + late)
        )["candidates"][0]["gateway"]
        for late in (0, 15 * HOUR)
    ]
    assert found == ["r2", "r1"]


# ---- private rates


def test_private_rates_come_first_and_fall_back():
    world = retail(
        rate("43", "0.6"), rate("44", "0.7"),
        groups=(group("own", rate("431", "0.06")), group("gateway", rate("4", "3"))),
        accounts=by_name(account("c", private_rates="own"), account("v", kind="clearing", rate_group="wholesale")),
        mapping_gateways=by_name(mapping("m", rate_group="gateway", least_profit="none")),
    )  # fmt: skip
    assert told(world)["price"] == money("0.06")
    assert told(world, callee="4399")["price"] == money("3")
    assert "own has no rate for 4399" in steps(world, callee="4399")
    assert talked(world, 60).fee == money("0.06")
    assert world.cdr.rate_group == "own"


def test_private_rates_of_a_phone_come_before_those_of_its_account():
    world = retail(
        rate("43", "0.6"),
        groups=(group("own", rate("43", "0.06")), group("phone", rate("431", "0.006"))),
        accounts=by_name(account("c", private_rates="own"), account("v", kind="clearing", rate_group="wholesale")),
        phones=by_name(phone("100", private_rates="phone")),
    )
    for callee, price in (("4312345", "0.006"), ("4399", "0.06")):
        assert told(world, mapping_gateway=None, phone="100", callee=callee)["price"] == money(price)


def test_a_private_rate_that_ends_leaves_the_usual_one_at_the_answer():
    world = retail(
        rate("43", "0.6"),
        groups=(group("own", rate("43", "6", until=START + 2000)),),
        accounts=by_name(account("c", private_rates="own"), account("v", kind="clearing", rate_group="wholesale")),
    )
    caller = world.call()
    world.clock.advance(2)
    world.out.answers(offer(5000))
    world.clock.advance(60)
    caller.hangs_up()
    assert (world.cdr.rate_group, world.cdr.fee) == ("retail", money("0.6"))


# ---- currencies


def mixed(*rates, own="USD", **changes):
    """Customers pay in USD by a list in EUR, vendors get GBP by a list in EUR; the deployment's currency is EUR."""
    return World(
        parameters={"VS_CURRENCY": "EUR"},
        rate_groups=by_name(group("retail", rate("43", "0.6")), group("wholesale", rate("43", "0.3"))),
        accounts=by_name(
            account("c", currency=own), account("p", anti_overdraft=True, currency=own),
            account("v", kind="clearing", rate_group="wholesale", currency="GBP"),
        ),
        exchange_rates=by_name(*(rates or (exchange("EUR/USD", (1, "1.1")), exchange("GBP/EUR", (1, "1.2"))))),
        **changes,
    )  # fmt: skip


def test_a_call_is_charged_in_the_currencies_of_its_accounts():
    cdr = talked(mixed(), 60, source=PREPAID)
    assert (cdr.fee, cdr.currency) == (money("0.66"), "USD")
    assert (cdr.cost, cdr.cost_currency) == (money("0.25"), "GBP")


def test_the_exchange_rate_of_the_answer_counts():
    world = mixed(exchange("EUR/USD", (1, "1.1"), (START + 5000, "2")), exchange("GBP/EUR", (1, "1.2")))
    caller = world.call(source=PREPAID)
    world.clock.advance(5)
    world.out.answers(offer(5000))
    (answer,) = world.journal.of("answer")
    assert [row["terms"].get("exchange") for row in answer["charges_terms"]] == ["2", "5/6"]
    world.clock.advance(60)
    caller.hangs_up()
    assert world.cdr.fee == money("1.2")
    assert world.cdr.currency == "USD"


def test_without_an_exchange_rate_calls_are_refused():
    world = mixed(exchange("GBP/EUR", (1, "1.2")))
    assert world.call().released.reason == "no_rate"
    assert any("no exchange rate from EUR to USD" in why for _, why in world.cdr.decision["notes"])


def test_a_vendor_who_cannot_be_paid_is_passed_over():
    world = mixed(exchange("EUR/USD", (1, "1.1")))
    assert world.call().released.reason == "no_rate"
    assert any("no exchange rate from EUR to GBP" in why for _, why in world.cdr.decision["notes"])
    (first, *_) = told(world)["candidates"]
    assert not first["kept"]
    assert "no exchange rate" in first["why"]


def test_an_exchange_rate_that_begins_later_does_not_count_yet():
    assert mixed(exchange("EUR/USD", (START + 1, "1.1"))).call().released.reason == "no_rate"


def test_vendors_are_compared_in_one_currency():
    world = World(
        parameters={"VS_CURRENCY": "EUR"},
        rate_groups=by_name(
            group("retail", rate("43", "1")),
            group("a", rate("43", "0.5")),
            group("b", rate("43", "0.6"), currency="USD"),
        ),
        routing_gateways=by_name(routing("r1", rate_group="a"), routing("r2", rate_group="b", address="192.0.2.101")),
        accounts=by_name(account("c"), account("v", kind="clearing")),
        exchange_rates=by_name(exchange("USD/EUR", (1, "0.5"))),
    )
    rows = told(world)["candidates"]
    assert [(row["gateway"], row["price"], row["margin"]) for row in rows] == [
        ("r2", money("0.3"), money("0.7")), ("r1", money("0.5"), money("0.5")),
    ]  # fmt: skip


def test_a_currency_of_the_deployments_name_is_not_converted():
    cdr = talked(mixed(exchange("GBP/EUR", (1, "1.2")), own="EUR"), 60)
    assert (cdr.fee, cdr.currency) == (money("0.6"), "EUR")


def test_the_conversion_is_explained():
    assert "0.66 USD by the exchange rate 11/10" in steps(mixed())


# ---- SERVER_BILLING_GATEWAY_ROUTE_PREFIX


def prefixed(value):
    return World(
        parameters={"SERVER_BILLING_GATEWAY_ROUTE_PREFIX": value},
        rate_groups=by_name(
            group("retail", rate("43", "0.6"), rate("8", "6")), group("wholesale", rate("43", "0.3"), rate("888", "3"))
        ),
        routing_gateways=by_name(
            routing("r1", prefixes=["888"], strip_prefix=True), routing("r2", priority=1, address="192.0.2.101")
        ),
    )


@pytest.mark.parametrize(("value", "fee", "cost"), [("Off", "6", "3"), ("On", "0.6", "0.3")])
def test_rates_are_found_without_the_routing_prefix(value, fee, cost):
    cdr = talked(prefixed(value), 60, callee="8884312345")
    assert (cdr.fee, cdr.cost, cdr.callee, cdr.callee_out) == (money(fee), money(cost), "8884312345", "4312345")


def test_the_routing_prefix_is_that_of_the_gateway_that_answers():
    world = prefixed("On")
    caller = world.call(callee="8884312345")
    world.legs.placed[0].fails(503)
    world.legs.placed[1].answers(offer(5000))
    world.clock.advance(60)
    caller.hangs_up()
    assert (world.cdr.rate_prefix, world.cdr.fee, world.cdr.cost) == ("8", money("6"), money("3"))
    assert "routing prefix 888 taken off: 4312345" in steps(world, callee="8884312345")


# ---- what keeps records away


@pytest.mark.parametrize(
    ("parameters", "hides"),
    [
        ({}, None),
        ({"SERVER_BILLING_NO_CDR_E164S": "43123*"}, ["no_cdr"]),
        ({"SERVER_BILLING_RECORD_ZERO_HOLD_TIME": "Off"}, ["zero_hold_time"]),
        ({"SERVER_BILLING_RECORD_SERVER_HANG_UP": "Off"}, ["server_hang_up"]),
    ],
)
def test_calls_that_a_crash_ends_obey_the_switches(parameters, hides):
    world = World(parameters=parameters)
    world.talk()
    (start,), (answer,) = world.journal.of("start"), world.journal.of("answer")
    assert start.get("hides") == hides
    assert ended(start, None, START + 1000, PRICE).hidden == bool(hides)
    paid = dict(answer, cdr={"account": "c"})
    assert not ended(start, paid, answer["answer"] + 5000, PRICE).hidden
    unpaid = dict(paid, charges_terms=[])
    assert ended(start, unpaid, answer["answer"] + 5000, PRICE).hidden == (bool(hides) and hides != ["zero_hold_time"])


def test_an_attempt_fee_brings_a_record_that_would_be_hidden():
    switches = {"SERVER_BILLING_RECORD_ZERO_HOLD_TIME": "Off", "SERVER_BILLING_NO_CDR_E164S": "43*"}
    for row, hidden in ((rate("43", "0.6"), True), (rate("43", "0.6", attempt_fee="0.01"), False)):
        world = retail(row, parameters=switches)
        world.call().gives_up()
        assert world.cdr.hidden == hidden


@pytest.mark.parametrize(
    ("value", "number", "hidden"),
    [("43123*", "4312345", True), ("43123", "4312345", False), ("4312345", "4312345", True), ("*", "4312345", True),
     ("1000", "4312345", True), ("44*,4312*", "4312345", True), ("", "4312345", False)],
)  # fmt: skip
def test_lists_without_records_take_numbers_and_beginnings(value, number, hidden):
    world = World(parameters={"SERVER_BILLING_NO_CDR_E164S": value})
    world.call(callee=number).gives_up()
    assert world.cdr.hidden == hidden
