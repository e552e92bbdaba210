"""The sticky strategy keeps its contract and its promise."""

from plugins.sticky_vendor.plugin import Sticky
from vosswitch.hooks import kit
from vosswitch.model.call import Candidate


def _order(caller, gateways):
    asked = kit.attempt(caller=caller)
    return sorted(gateways, key=lambda name: Sticky().key(Candidate(name, "", 0, 1), asked))


def test_keeps_the_contract():
    kit.check_routing_strategy(Sticky())


def test_a_caller_stays_with_its_vendor():
    assert _order("4312345", ["a", "b", "c"]) == _order("4312345", ["c", "a", "b"])


def test_a_vendor_that_leaves_moves_only_its_own_callers():
    for number in range(200):
        before = _order(str(number), ["a", "b", "c"])
        after = _order(str(number), ["a", "b"])
        if before[0] != "c":
            assert after[0] == before[0]


def test_callers_are_spread():
    firsts = [_order(str(number), ["a", "b"])[0] for number in range(1000)]
    assert 300 < firsts.count("a") < 700
