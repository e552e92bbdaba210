"""Lines that gateways share: each member keeps those reserved for it; the sum never passes the capacity."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from vosswitch.accounts.destinations import DestinationLimit, Destinations
from vosswitch.accounts.groups import GatewayGroup, shared_limits
from vosswitch.accounts.limits import Limit, Limits
from vosswitch.accounts.privileges import ORDINARY, Privileges

MEMBERS = ("a", "b", "c")


def limits_of(lines, reserved, cps=None, members=MEMBERS):
    groups = {"g": GatewayGroup("g", lines, cps, reserved)}
    return shared_limits("routing", groups, [(name, ("g",)) for name in members])


def taken(limits, of, name):
    return limits.take(of[name], 0.0) is None


def test_a_member_gets_what_nobody_else_has_to_itself():
    limits, of = Limits(), limits_of(10, 2)
    assert [taken(limits, of, "a") for _ in range(7)] == [True] * 6 + [False]
    assert [taken(limits, of, "b") for _ in range(3)] == [True, True, False]
    assert [taken(limits, of, "c") for _ in range(3)] == [True, True, False]
    assert limits.in_use("routing_group:g") == 10


def test_what_is_given_back_is_shared_again():
    limits, of = Limits(), limits_of(3, 1, members=("a", "b"))
    assert [taken(limits, of, "a") for _ in range(3)] == [True, True, False]
    limits.free([limit.key for limit in of["a"]])
    assert [taken(limits, of, "b") for _ in range(3)] == [True, True, False]
    assert not taken(limits, of, "a")


def test_both_sides_count_apart():
    groups = {"g": GatewayGroup("g", 1)}
    of = {side: shared_limits(side, groups, [("x", ("g",))]) for side in ("mapping", "routing")}
    limits = Limits()
    assert limits.take(of["mapping"]["x"], 0) is None
    assert limits.take(of["routing"]["x"], 0) is None
    assert limits.take(of["mapping"]["x"], 0) == "lines mapping_group:g"


def test_calls_of_a_gateway_that_has_left_the_group_keep_their_lines_of_the_capacity():
    limits, before = Limits(), limits_of(4, 1)
    assert [taken(limits, before, "a") for _ in range(2)] == [True, True]
    after = limits_of(4, 1, members=("b", "c"))
    assert [taken(limits, after, "b") for _ in range(2)] == [True, False]
    assert taken(limits, after, "c")
    limits.free([limit.key for limit in before["a"]] * 2)
    assert taken(limits, after, "b")


def test_a_look_takes_nothing():
    limits, of = Limits(), limits_of(1, 0, cps=2)
    assert limits.full(of["a"], 0.0) is None
    assert limits.view() == {}
    assert taken(limits, of, "a")
    assert limits.full(of["b"], 0.0) == "lines routing_group:g"
    limits.free(["routing_group:g"])
    assert limits.full(of["b"], 0.0) is None
    limits.take(of["b"], 0.0)
    limits.free(["routing_group:g"])
    assert limits.full(of["b"], 0.5) == "cps routing_group:g"
    assert limits.full(of["b"], 1.0) is None


class Sharing(RuleBasedStateMachine):
    """Members of a group with calls, and a model that counts what each one holds."""

    def __init__(self):
        super().__init__()
        self.limits = Limits()
        self.held = []
        self.lines, self.reserved = 6, 1

    @rule(lines=st.integers(3, 8), reserved=st.integers(0, 2))
    def configure(self, lines, reserved):
        if reserved * len(MEMBERS) <= lines:
            self.lines, self.reserved = lines, reserved

    @rule(name=st.sampled_from(MEMBERS))
    def call(self, name):
        use = {one: sum(who == one for who, _ in self.held) for one in MEMBERS}
        own = use[name] < self.reserved
        beyond = sum(max(count - self.reserved, 0) for count in use.values())
        fits = sum(use.values()) < self.lines and (own or beyond < self.lines - self.reserved * len(MEMBERS))
        # a call from before a change of `reserved` may not be counted among its member's own ones
        of = limits_of(self.lines, self.reserved)
        got = taken(self.limits, of, name)
        if not self.changed:
            assert got == fits
        if got:
            self.held.append((name, [limit.key for limit in of[name]]))

    @property
    def changed(self):
        return any((len(keys) > 1) != bool(self.reserved) for _, keys in self.held)

    @rule(at=st.integers(0, 20))
    def end(self, at):
        if self.held:
            self.limits.free(self.held.pop(at % len(self.held))[1])

    @invariant()
    def counts_agree(self):
        assert self.limits.in_use("routing_group:g") == len(self.held)
        if not self.held:
            assert self.limits.view() == {}


Sharing.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestSharing = Sharing.TestCase


def test_the_limits_of_a_number_are_all_that_name_a_prefix_of_it():
    found = Destinations({
        "one": DestinationLimit("one", ("43", "431"), 1),
        "two": DestinationLimit("two", ("4312",), 1, scope="account", only=frozenset({"c"})),
        "three": DestinationLimit("three", ("44",), 1, scope="routing_gateway"),
    })  # fmt: skip
    assert [one.name for one in found.of("43123")] == ["one", "two"]
    assert found.of("1") == []
    assert found.outgoing
    (two,) = [one for one in found.of("4312") if one.name == "two"]
    assert two.limit("x") is None
    assert two.limit("c") == Limit("destination:two\tc", 1)
    assert not Destinations({})


@pytest.mark.parametrize(
    ("settings_", "name", "groups", "expected"),
    [
        ({}, "x", (), ""),
        ({"allowed": {"x"}}, "x", (), ""),
        ({"allowed": {"x"}}, "y", (), "does not allow it"),
        ({"groups_allowed": {"g"}}, "y", ("g",), ""),
        ({"groups_allowed": {"g"}}, "y", ("h",), "does not allow it"),
        ({"allowed": {"x"}, "forbidden": {"x"}}, "x", (), "forbids it"),
        ({"groups_forbidden": {"g"}, "allowed": {"x"}}, "x", ("g",), "forbids its group g"),
    ],
)
def test_privileges(settings_, name, groups, expected):
    given_ = Privileges(**{key: frozenset(value) for key, value in settings_.items()})
    assert given_.objection(name, groups) == expected


@given(st.sets(st.sampled_from("abc")), st.sets(st.sampled_from("abc")), st.sampled_from("abc"))
def test_forbidden_counts_before_allowed(allowed, forbidden, name):
    found = Privileges(allowed=frozenset(allowed), forbidden=frozenset(forbidden)).objection(name, ())
    assert (found == "") == (name not in forbidden and (not allowed or name in allowed))


def test_a_body_without_privileges_shares_one_value():
    assert Privileges.from_body({}, "routing") is ORDINARY
    assert Privileges.from_body({"routing_allowed": ["x"]}, "routing").allowed == {"x"}
