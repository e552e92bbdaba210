"""The hot callers: order, isolation, counting."""

from __future__ import annotations

import pytest

from vosswitch.hooks import PluginContext, hookimpl, manager, specs
from vosswitch.hooks.frozen import (
    Failures,
    FrozenChain,
    FrozenNotice,
    GuardedBlacklist,
    GuardedStrategy,
    GuardedTransform,
)
from vosswitch.model.call import CallAttempt, Candidate, Reject
from vosswitch.model.values import Address

ATTEMPT = CallAttempt("1", "100", "200", "100", "200", "A1", "mapping_gateway:m", Address("127.0.0.1", 5060), 0)


def says(answer):
    return lambda attempt: answer


def breaks(attempt):
    raise RuntimeError("boom")


def test_the_first_answer_wins():
    later = []
    chain = FrozenChain(
        "screen_call",
        [("a", says(None)), ("b", says(Reject("blacklisted", "b"))), ("c", later.append)],
        "open",
        Failures(),
    )
    assert chain(ATTEMPT) == Reject("blacklisted", "b")
    assert later == []


def test_an_empty_chain_is_false_and_lets_pass():
    chain = FrozenChain("screen_call", [], "closed", Failures())
    assert not chain
    assert chain(ATTEMPT) is None


def test_fail_open_counts_and_goes_on():
    reported = []
    failures = Failures(lambda plugin, what, error: reported.append((plugin, what, str(error))))
    chain = FrozenChain("screen_call", [("a", breaks), ("b", says(Reject("blacklisted")))], "open", failures)
    assert chain(ATTEMPT) == Reject("blacklisted")
    assert failures.counts == {("a", "screen_call"): 1}
    assert reported == [("a", "screen_call", "boom")]


def test_fail_closed_refuses_that_call_and_stays_on():
    failures = Failures()
    chain = FrozenChain("approve_call", [("a", breaks), ("b", says(None))], "closed", failures)
    for _ in range(3):
        assert chain(ATTEMPT) == Reject("degraded", "plugin a failed")
    assert failures.counts == {("a", "approve_call"): 3}
    assert (failures.of("a"), failures.of("b")) == (3, 0)


@pytest.mark.parametrize("answer", [True, "no", Reject("no_such_reason"), Reject("busy")])
def test_an_unusable_answer_is_a_failure(answer):
    failures = Failures()
    assert FrozenChain("screen_call", [("a", says(answer))], "open", failures)(ATTEMPT) is None
    assert FrozenChain("approve_call", [("a", says(answer))], "closed", failures)(ATTEMPT) is not None
    assert sum(failures.counts.values()) == 2


def test_fail_must_be_open_or_closed():
    with pytest.raises(ValueError, match="open or closed"):
        FrozenChain("screen_call", [], "ajar", Failures())


def test_a_notice_reaches_all_though_one_fails():
    heard = []
    failures = Failures()
    FrozenNotice("call_ended", [("a", breaks), ("b", heard.append)], failures)({"flowno": 1})
    assert heard == [{"flowno": 1}]
    assert failures.counts == {("a", "call_ended"): 1}


class Listed:
    name = "mine"

    def __init__(self, answer):
        self.answer = answer

    def _give(self, *_):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    screen = transform = _give


@pytest.mark.parametrize(
    ("answer", "outcome", "failed"),
    [
        (None, None, False),
        (Reject("blacklisted"), Reject("blacklisted"), False),
        (True, None, True),
        (KeyError("x"), None, True),
    ],
)
def test_a_guarded_blacklist_fails_open(answer, outcome, failed):
    failures = Failures()
    assert GuardedBlacklist(Listed(answer), "p", failures).screen(ATTEMPT) == outcome
    assert failures.counts == ({("p", "blacklist mine"): 1} if failed else {})


@pytest.mark.parametrize(
    ("answer", "outcome", "failed"),
    [
        (("1", "2"), ("1", "2"), False),
        (("1", ""), ("1", ""), False),
        (["1", ""], ("100", "200"), True),
        (("1", None), ("100", "200"), True),
        ("12", ("100", "200"), True),
        (None, ("100", "200"), True),
        (KeyError("x"), ("100", "200"), True),
    ],
)
def test_a_guarded_transform_leaves_the_numbers_alone_when_it_fails(answer, outcome, failed):
    failures = Failures()
    assert GuardedTransform(Listed(answer), "p", failures).transform("100", "200", ATTEMPT) == outcome
    assert failures.counts == ({("p", "number transform mine"): 1} if failed else {})


class ByPrice:
    name = "price"

    def key(self, candidate, request):
        return candidate.price if candidate.price != 0 else 1 / 0


@pytest.mark.parametrize(("prices", "keys"), [([3, 1], [3, 1]), ([3, 0], [0, 0]), ([3, None], [0, 0])])
def test_a_strategy_that_fails_for_one_candidate_orders_none(prices, keys):
    failures = Failures()
    candidates = [Candidate(f"g{n}", "", 0, 1, price) for n, price in enumerate(prices)]
    strategy = GuardedStrategy(ByPrice(), "p", failures)
    assert strategy.keys(candidates, ATTEMPT) == keys
    assert bool(failures.counts) == (keys == [0, 0])


def test_chains_keep_pluggys_order():
    class Said:
        def __init__(self, text):
            self.text = text

    class Last(Said):
        @hookimpl
        def screen_call(self, attempt):
            return Reject("blacklisted", self.text)

    class First(Said):
        @hookimpl(tryfirst=True)
        def screen_call(self, attempt):
            return Reject("blacklisted", self.text)

    context = PluginContext(parameter=str, wall=float, monotonic=float, log=None, http_client=object)
    loaded = manager.load([], [], {"one": First("first"), "two": Last("last")}, context)
    assert loaded.freeze(Failures()).screen_call(ATTEMPT).detail == "first"


def test_every_hook_states_its_contract():
    hooks = [name for name in vars(specs) if hasattr(getattr(specs, name), "vosswitch_spec")]
    assert sorted(hooks) == sorted([*manager.FAMILIES, *manager.PER_CALL])
    for name in hooks:
        text = getattr(specs, name).__doc__
        for part in ("Rate: ", "Called once", ".. versionadded::"):
            assert part in text, (name, part)
        assert "Fails open" in text or "Fails closed" in text or "exception" in text, name
