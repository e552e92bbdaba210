"""Blacklists that nobody has to name: how they come in, and what becomes of a call when one of them fails."""

from __future__ import annotations

import pytest
from zope.interface import implementer

from vosswitch.call.builtins import builtins
from vosswitch.call.screens import BUILT_IN
from vosswitch.hooks import kit
from vosswitch.hooks.context import PluginContext
from vosswitch.hooks.frozen import Failures, GuardedStanding
from vosswitch.hooks.interfaces import IStandingBlacklist
from vosswitch.hooks.manager import PluginError, load
from vosswitch.hooks.offers import Offers
from vosswitch.model.call import Reject


@implementer(IStandingBlacklist)
class Standing:
    """Answers what it is told to, or raises it."""

    name = "mine"

    def __init__(self, answer=None, fails="closed"):
        self.answer, self.fails = answer, fails

    def screen(self, attempt):
        return None

    def examine(self, attempt, settings):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def asked(blacklist, failures=None):
    return GuardedStanding(blacklist, "plugin", failures or Failures()).examine(kit.attempt(), None)


def test_its_answer_counts():
    assert asked(Standing()) is None
    assert asked(Standing(Reject("blacklisted", "so"))) == Reject("blacklisted", "so")


@pytest.mark.parametrize("answer", [RuntimeError("broken"), "no", Reject("no such reason")])
def test_a_failure_refuses_the_call_or_lets_it_pass_and_is_counted(answer):
    failures = Failures()
    assert asked(Standing(answer, "closed"), failures) == Reject("degraded", "blacklist mine failed")
    assert asked(Standing(answer, "open"), failures) is None
    assert failures.of("plugin") == 2


def loaded(**more):
    context = PluginContext(
        parameter=lambda name: None, wall=lambda: 0.0, monotonic=lambda: 0.0, log=None, http_client=lambda: None
    )
    return load((), more.pop("disabled", ()), builtins() | more, context)


def test_it_has_to_say_what_becomes_of_the_call():
    with pytest.raises(PluginError, match="plugin mine: mine: fails: expected open or closed, got 'maybe'"):
        loaded(mine=Offers(blacklists=[Standing(fails="maybe")]))


def test_the_built_in_ones_come_in_through_the_hook_of_all_blacklists():
    found = loaded()
    assert [one.name for one in found.freeze(Failures()).standing] == ["lists", "areas", "sections", "dynamic", "fraud"]
    (row,) = [row for row in found.listing() if row.plugin == "screening"]
    assert row.provides == {"blacklists": ["lists", "areas", "sections", "dynamic", "fraud"]}
    assert found.blacklists == {}  # none of them can be named by a gateway


def test_a_plugins_one_stands_beside_them_and_they_can_be_switched_off():
    found = loaded(mine=Offers(blacklists=[Standing()]), disabled=["screening"])
    assert [one.name for one in found.freeze(Failures()).standing] == ["mine"]


@pytest.mark.parametrize("blacklist", BUILT_IN, ids=lambda item: item.name)
def test_the_built_in_ones_keep_the_contract(blacklist):
    kit.check_blacklist(blacklist)
    assert blacklist.fails == {"lists": "open", "dynamic": "open"}.get(blacklist.name, "closed")
