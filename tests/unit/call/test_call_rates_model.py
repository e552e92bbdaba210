"""Parallel calls at rates of all kinds: nobody ends below the limit, and what is charged is what the terms say."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.call.call_world import (
    CUSTOMER,
    PREPAID,
    START,
    World,
    account,
    by_name,
    exchange,
    group,
    offer,
    rate,
)  # fmt: skip
from vosswitch.billing.modes import BUILT_IN
from vosswitch.model.rating import Terms

MODES = {mode.name: mode for mode in BUILT_IN}
TEXTS = st.decimals("0", "2", places=3).map(lambda amount: f"{amount:f}")
SECTIONS = st.sampled_from(["", "5:3", "3:0,9:6", "10:0.1"])
FURTHER = st.fixed_dictionaries(
    {"tax": st.sampled_from(["0", "19"]), "connect_fee": TEXTS},
    optional={"attempt_fee": TEXTS, "minimum": TEXTS, "sections": SECTIONS, "until": st.just(START + 7_000)},
)
STEPS = st.lists(st.tuples(st.sampled_from(["call", "answer", "hang up", "wait"]), st.integers(0, 5)), max_size=30)


def world_of(price, further, mode, purse):
    return World(
        parameters={"VS_CURRENCY": "EUR", "VS_LEAST_PROFIT": "none"},
        rate_groups=by_name(
            group("retail", rate("43", price, **further), rate("4", "1.5"), mode=mode),
            group("wholesale", rate("43", "0.3", attempt_fee="0.01")),
        ),
        accounts=by_name(
            account("c"), account("p", anti_overdraft=True, currency="USD"),
            account("v", kind="clearing", rate_group="wholesale"),
        ),
        exchange_rates=by_name(exchange("EUR/USD", (1, "1.1"), (START + 5_000, "1.3"))),
        money={"p": purse, "c": purse, "v": 0},
    )  # fmt: skip


def follow(world, steps):
    """Do what *steps* say with the calls that there are; at the end all hang up."""
    callers, started = [], []
    for what, which in steps:
        if what == "call":
            callers.append(world.call(source=PREPAID if which else CUSTOMER))
        elif what == "wait":
            world.clock.pump([1] * (1 + which))
        elif what == "answer":
            waiting = [leg for leg in world.legs.placed if not leg.gone and leg.status < 200]
            for leg in waiting[which : which + 1]:
                leg.answers(offer(5000))
                started.append(leg)
        else:
            for leg in [one for one in callers if not one.gone][which : which + 1]:
                leg.hangs_up() if leg.status == 200 else leg.gives_up()
        assert world.balances.free("p") >= 0
    world.calls.stop_all()


@settings(deadline=None, max_examples=150)
@given(TEXTS, FURTHER, st.sampled_from(sorted(MODES)), st.integers(0, 80_000_000), STEPS)
def test_nobody_ends_below_the_limit_and_fees_are_those_of_the_terms(price, further, mode, purse, steps):
    world = world_of(price, further, mode, purse)
    follow(world, steps)
    fees = {"p": 0, "c": 0}
    answers = {record["flowno"]: record for record in world.journal.of("answer")}
    for cdr in world.cdrs:
        fees[cdr.account] += cdr.fee
        assert sum(charge.amount for charge in cdr.charges if charge.kind == "call") == cdr.fee
        assert sum(charge.amount for charge in cdr.charges if charge.kind == "cost") == cdr.cost
        assert not (cdr.charges and cdr.hidden)
        if cdr.answer is not None:
            (row, *_) = answers[cdr.flowno]["charges_terms"]
            expected = MODES[row["mode"]].fee(cdr.hold_time_ms, Terms.from_data(row["terms"]))
            assert (cdr.fee, cdr.tax, cdr.billed_seconds) == expected[:3]
            assert cdr.currency == ("USD" if cdr.account == "p" else "EUR")
        elif cdr.attempts and mode != "free" and cdr.end_reason != "insufficient_balance":
            factor = "1.1" if cdr.account == "p" and cdr.start < START + 5_000 else "1.3"
            exchange_ = {"exchange": str(factor)} if cdr.account == "p" else {}
            tax = further["tax"] if cdr.rate_prefix == "43" else "0"
            attempt = further.get("attempt_fee", "0") if cdr.rate_prefix == "43" else "0"
            assert cdr.fee == Terms("0", tax=tax, attempt_fee=attempt, **exchange_).fee(0).fee
    assert fees["p"] <= purse
    assert world.balances.spendable("p", 0) == world.balances.free("p") == purse - fees["p"]
    assert world.balances.spendable("c", 0) == purse - fees["c"]
