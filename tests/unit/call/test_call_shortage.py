"""A new call that lacks money waits once for what other nodes hold; and what a node asks for."""

import pytest

from tests.unit.call.call_world import PREPAID, World, account, by_name
from vosswitch.billing.balances import Balances
from vosswitch.billing.meter import Meter
from vosswitch.billing.modes import BUILT_IN
from vosswitch.call.funding import Funding, Share
from vosswitch.call.shortage import DEADLINE, VAIN_SECONDS, Wanting
from vosswitch.model.rating import Terms
from vosswitch.model.values import UNITS

SECOND = UNITS // 100


def world(*, grant=0, elsewhere=UNITS, **more):
    made = World(money={"c": 0, "p": 0, "v": 0}, **more)
    tell(made, grant, elsewhere)
    return made


def tell(made, grant, elsewhere=0, balance=UNITS):
    made.balances.told({"p": {"balance": balance, "grant": grant, "elsewhere": elsewhere}})
    made.calls.shortages.heard(["p"])


def test_waits_for_money_and_goes_on_with_it():
    node = world()
    leg = node.call(source=PREPAID)
    assert node.wanted == ["p"]
    assert not node.legs.placed
    assert [row["state"] for row in node.calls.view()] == ["waiting"]
    assert len(node.journal.of("start")) == 1
    node.clock.advance(DEADLINE / 2)
    tell(node, 60 * SECOND)
    assert len(node.legs.placed) == 1
    assert not node.calls.waiting
    assert len(node.journal.of("start")) == 1
    leg.gives_up()
    assert node.balances.free("p") == 60 * SECOND


def test_is_refused_at_the_deadline_and_then_nobody_waits_for_a_while():
    node = world()
    leg = node.call(source=PREPAID)
    node.clock.advance(DEADLINE)
    assert leg.released.reason == "insufficient_balance"
    assert [cdr.end_reason for cdr in node.journal.of("end")] == ["insufficient_balance"]
    assert node.call(source=PREPAID).released.reason == "insufficient_balance"
    node.clock.advance(VAIN_SECONDS)
    assert node.call(source=PREPAID).released is None
    node.clock.advance(DEADLINE)
    assert not node.calls.waiting
    assert node.limits.view() == {}


def test_is_refused_at_once_when_nobody_has_any():
    node = world(elsewhere=0)
    assert node.call(source=PREPAID).released.reason == "insufficient_balance"
    waiting = world()
    leg = waiting.call(source=PREPAID)
    tell(waiting, 0)
    assert leg.released.reason == "insufficient_balance"
    assert not waiting.clock.getDelayedCalls()


def test_several_calls_share_what_comes_in_their_order():
    node = world()
    legs = [node.call(source=PREPAID) for _ in range(3)]
    tell(node, 2 * SECOND, elsewhere=UNITS)
    assert [leg.released is None for leg in legs] == [True, True, True]
    assert len(node.legs.placed) == 2
    node.clock.advance(DEADLINE)
    assert [leg.released is None for leg in legs] == [True, True, False]


@pytest.mark.parametrize("how", ["caller", "operator", "stop"])
def test_a_waiting_call_can_be_ended(how):
    node = world()
    leg = node.call(source=PREPAID)
    (flowno,) = node.calls.waiting
    if how == "caller":
        leg.gives_up()
    elif how == "operator":
        assert node.calls.release(flowno)
        assert leg.released.reason == "operator_release"
    else:
        node.calls.stop_all()
        assert leg.released.reason == "switch_restart"
    assert len(node.journal.of("end")) == 1
    assert not node.calls.waiting
    assert not node.clock.getDelayedCalls()
    assert node.limits.view() == {}
    tell(node, UNITS)
    assert node.balances.free("p") == UNITS
    assert not node.legs.placed


def test_a_call_does_not_wait_that_the_journal_cannot_hold():
    node = world()
    node.journal.refuses.add("start")
    assert node.call(source=PREPAID).released.reason == "degraded"
    assert not node.calls.waiting


def test_lines_are_taken_while_it_waits():
    accounts = by_name(account("c"), account("p", anti_overdraft=True, lines=1), account("v", kind="clearing"))
    node = world(accounts=accounts)
    node.call(source=PREPAID)
    assert node.call(source=PREPAID).released.reason == "line_limit"
    tell(node, UNITS)
    assert len(node.legs.placed) == 1


# ---- what a node asks for


class Clock:
    now = 100.0

    def seconds(self):
        return self.now


def wanting(grant):
    balances, clock, asked = Balances(), Clock(), []
    balances.money("p", grant, grant)
    want = Wanting(balances, clock, lambda number, amount: asked.append(amount))
    meter = Meter(BUILT_IN[0], Terms("0.6"), slice_ms=60_000)
    return balances, clock, asked, want, Funding((Share(balances, meter, "p", 0, bounded=True),))


def test_a_node_among_others_holds_eight_slices_and_asks_at_half():
    balances, clock, asked, want, funding = wanting(0)
    want.several = True
    want(funding)
    assert asked == [480 * SECOND]
    balances.money("p", 480 * SECOND, 480 * SECOND)
    assert balances.reserve("p", 240 * SECOND)
    assert not balances.short
    assert balances.reserve("p", 1)
    assert balances.short == {"p"}
    clock.now += 10
    want(funding)
    assert not balances.short
    assert asked[1] == 1440 * SECOND + 6 - (240 * SECOND - 1)  # it uses 24 a second: a minute of that is more


def test_it_does_not_ask_all_the_time_for_what_nobody_has():
    balances, clock, asked, want, funding = wanting(60 * SECOND)
    want.several = True
    for _ in range(10):
        want(funding)
    assert len(asked) == 1
    clock.now += 1
    want(funding)
    assert len(asked) == 2
    balances.reserve("p", 60 * SECOND)
    want(funding)
    assert len(asked) == 3  # a call cannot begin: at once


def test_a_node_that_is_alone_never_asks_ahead():
    balances, _, _, want, funding = wanting(100 * SECOND)
    want(funding)
    balances.reserve("p", 99 * SECOND)
    assert not balances.short
