"""The contract kit accepts what keeps the contract and says what does not."""

from __future__ import annotations

from itertools import count

import pytest
from zope.interface import implementer

from vosswitch.billing.modes import BUILT_IN, Increments
from vosswitch.hooks import kit
from vosswitch.hooks.interfaces import IBlacklist, INumberTransform, IRoutingStrategy
from vosswitch.model.call import Reject
from vosswitch.model.rating import Fee


@pytest.mark.parametrize("mode", BUILT_IN, ids=lambda mode: mode.name)
def test_the_built_in_billing_modes_keep_the_contract(mode):
    kit.check_billing_mode(mode)


class Shrinking(Increments):
    def fee(self, ms, terms):
        return super().fee(min(ms, 7_200_000 - ms), terms)


class Generous(Increments):
    def funded_until(self, money, terms):
        found = super().funded_until(money, terms)
        return found and found + 1


class Stingy(Increments):
    def funded_until(self, money, terms):
        found = super().funded_until(money, terms)
        return found and found - 1


class Endless(Increments):
    def funded_until(self, money, terms):
        return None


class Floating(Increments):
    def fee(self, ms, terms):
        return Fee(1.5, 0, 1, 1.5)


class Untidy(Increments):
    def fee(self, ms, terms):
        return super().fee(ms, terms)._replace(tax=-1)


class Moody(Increments):
    moods = count()

    def fee(self, ms, terms):
        return Fee(n := next(self.moods), 0, 1, n)


class Miscounting(Increments):
    def billed_seconds(self, ms, terms):
        return 7

    def fee(self, ms, terms):
        return terms.fee(super().billed_seconds(ms, terms))


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (Shrinking, "is below fee"),
        (Generous, "more than that"),
        (Stingy, "are covered as well"),
        (Endless, "a year costs more"),
        (Floating, "expected a Fee of whole numbers"),
        (Untidy, "tax <= fee"),
        (Moody, "another fee when asked again"),
        (Miscounting, "billed_seconds"),
    ],
)
def test_a_billing_mode_that_breaks_the_contract_is_told_so(kind, said):
    with pytest.raises(kit.Broken, match=said):
        kit.check_billing_mode(kind("mine"))


TURNS = count()


def made(interface, method, function, name="mine"):
    """An object of *interface* whose one method is *function*."""
    return implementer(interface)(type("Made", (), {"name": name, method: function}))()


def test_a_good_strategy_blacklist_and_transform_pass():
    kit.check_routing_strategy(
        made(IRoutingStrategy, "key", lambda self, candidate, request: (candidate.price is None, candidate.price or 0))
    )
    kit.check_blacklist(
        made(IBlacklist, "screen", lambda self, attempt: Reject("blacklisted") if attempt.callee == "112" else None)
    )
    kit.check_number_transform(
        made(INumberTransform, "transform", lambda self, caller, callee, attempt: (caller, "00" + callee))
    )


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (lambda self, candidate, request: candidate.price, "cannot be compared"),
        (lambda self, candidate, request: 1 / candidate.lines, "raised ZeroDivisionError"),
        (lambda self, candidate, request: next(TURNS), "other keys when asked again"),
        (lambda self, candidate: 0, "IRoutingStrategy"),
    ],
)
def test_a_bad_strategy_is_told_so(key, said):
    strategy = made(IRoutingStrategy, "key", key)
    with pytest.raises(kit.Broken, match=said):
        kit.check_routing_strategy(strategy)


@pytest.mark.parametrize(
    ("screen", "said"),
    [
        (lambda self, attempt: True, "expected a Reject or None"),
        (lambda self, attempt: Reject("spam"), "no end reason"),
        (lambda self, attempt: int(attempt.callee) and None, "raised ValueError"),
        (lambda self, attempt: Reject("blacklisted") if next(TURNS) % 2 else None, "another answer"),
        (lambda self: None, "IBlacklist"),
    ],
)
def test_a_bad_blacklist_is_told_so(screen, said):
    with pytest.raises(kit.Broken, match=said):
        kit.check_blacklist(made(IBlacklist, "screen", screen))


@pytest.mark.parametrize(
    ("transform", "said"),
    [
        (lambda self, caller, callee, attempt: callee, "expected a pair of texts"),
        (lambda self, caller, callee, attempt: (caller, None), "expected a pair of texts"),
        (lambda self, caller, callee, attempt: (caller, callee[0]), "raised IndexError"),
    ],
)
def test_a_bad_transform_is_told_so(transform, said):
    with pytest.raises(kit.Broken, match=said):
        kit.check_number_transform(made(INumberTransform, "transform", transform))


def test_a_nameless_object_is_told_so():
    with pytest.raises(kit.Broken, match="name: expected a text"):
        kit.check_blacklist(made(IBlacklist, "screen", lambda self, attempt: None, name=""))


def test_a_slow_one_is_told_so(monkeypatch):
    monkeypatch.setattr(kit, "TOO_SLOW", -1.0)
    with pytest.raises(kit.Broken, match="has to answer at once"):
        kit.check_blacklist(made(IBlacklist, "screen", lambda self, attempt: None))
