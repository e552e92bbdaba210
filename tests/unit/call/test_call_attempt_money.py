"""What attempts cost, to the unit, where vendors may not be overdrawn and answers come to nothing."""

from tests.unit.call.call_world import START, World, account, by_name, group, offer, rate, routing
from vosswitch.cdr.recovery import ended
from vosswitch.model.rating import Terms
from vosswitch.model.values import UNITS

CENT = UNITS // 100


def world(vendor=UNITS, *, bounded=True, wholesale=None, parameters=None, gateways=None, retail=()):
    return World(
        accounts=by_name(
            account("c", anti_overdraft=True),
            account("v", kind="clearing", rate_group="wholesale", anti_overdraft=bounded),
            account("w", kind="clearing", rate_group="wholesale"),
        ),
        money={"c": UNITS, "v": vendor, "w": 0},
        routing_gateways=by_name(*(gateways or [routing("r1", account="w"), routing("r2", priority=1)])),
        rate_groups=by_name(
            group("retail", rate("43", "6"), *retail),
            group("wholesale", *(wholesale or [rate("43", "0.6", attempt_fee="0.01")])),
        ),
        parameters=(parameters or {}) | {"VS_LEAST_PROFIT": "none"},
    )


def booked(node):
    return sorted((one.account, one.amount) for one in node.cdr.charges if one.kind == "cost")


def test_an_attempt_fee_that_has_risen_before_the_failover_is_held_before_the_attempt():
    dearer = [rate("43", "0.6", attempt_fee="0.01"), rate("43", "0.6", attempt_fee="0.05", effective=START + 5000)]
    node = world(2 * CENT, wholesale=dearer)  # covers attempt fee and first second of the first rate alone
    leg = node.call()
    node.clock.advance(6)
    node.out.fails(503)
    if len(node.legs.placed) == 2:
        node.out.fails(486)
    assert leg.released is not None
    assert node.balances.state("v").free >= 0
    node.check_idle()


def test_the_attempt_of_an_answer_that_cannot_be_paid_is_charged_once():
    dearer = [rate("43", "0.6", attempt_fee="0.01"), rate("43", "9", attempt_fee="0.01", effective=START + 5000)]
    for money, retail in ((2 * CENT, ()), (UNITS, (rate("43", "600", effective=START + 5000),))):
        node = world(money, wholesale=dearer, gateways=[routing("r2")], retail=retail)
        leg = node.call()
        node.clock.advance(6)
        node.out.answers(offer(5000))
        assert leg.released.reason == ("clearing_restricted" if money < UNITS else "insufficient_balance")
        assert booked(node) == [("v", CENT)]
        assert (node.cdr.clearing_account, node.cdr.cost) == ("v", CENT)
        node.check_idle()


def unheard(*, bounded):
    """The callee has answered, the answer waits for the disk, and the caller gives up."""
    node = world(bounded=bounded, parameters={"VS_JOURNAL_SYNC_ANSWER": "1"}, gateways=[routing("r2")])
    leg = node.call()
    node.out.answers(offer(5000))
    leg.gives_up()
    return node


def test_the_attempt_of_an_answer_that_nobody_heard_is_in_the_record_as_it_is_booked():
    for bounded in (True, False):
        node = unheard(bounded=bounded)
        assert node.cdr.answer is None
        assert booked(node) == [("v", CENT)], bounded
        assert (node.cdr.clearing_account, node.cdr.cost) == ("v", CENT), bounded
        node.check_idle()


def test_a_crash_charges_no_more_for_an_attempt_than_the_attempt_fee():
    terms = Terms("0.6", attempt_fee="0.01").to_data()
    rows = [
        {"account": "c", "kind": "call", "mode": "piece", "terms": terms},
        {"account": "w", "kind": "cost", "mode": "piece", "terms": terms, "attempt": ""},
    ]
    answer = {"flowno": 1, "answer": START, "reserved": [None], "funded_until_ms": None, "charges_terms": rows}
    # a plugin's mode that charges every answered call 0.05, as a live call would not charge an attempt
    crashed = ended({"flowno": 1, "start": START, "day": "20261026"}, answer, START, lambda *_: (5 * CENT, 0, 0))
    assert [(one.account, one.amount) for one in crashed.charges] == [("c", 5 * CENT), ("w", CENT)]
    assert crashed.cost == CENT
