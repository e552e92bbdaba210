"""The default order step by step, own orders, prefix modes, prefix entries in force, protected gateways."""

from decimal import Decimal
from functools import cmp_to_key

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vosswitch.accounts.clearing import UNCHECKED
from vosswitch.model.call import CallAttempt, Candidate
from vosswitch.model.values import Address
from vosswitch.params.system import Parameters
from vosswitch.routing.availability import Aside
from vosswitch.routing.bounds import Bound
from vosswitch.routing.gateways import RoutingGateway
from vosswitch.routing.index import GatewayIndex
from vosswitch.routing.order import Orders, default_order
from vosswitch.routing.plan import plan
from vosswitch.routing.strategies import BUILT_IN, DEFAULT_ORDER, LowestRate

STRATEGIES = {one.name: one for one in BUILT_IN}
FIGURES = ("lines", "calls_today", "asr", "acd", "price", "aside")


class Configuration:
    """What the plan reads of a snapshot."""

    def __init__(self, calendars=None, **parameters):
        self.parameters = Parameters(parameters)
        self.calendars = calendars or {}
        self.clearing = UNCHECKED


class View:
    """Figures by gateway."""

    def __init__(self, gateways):
        self.of = {name: figures for name, (_, figures) in gateways.items()}

    def aside(self, gateway):
        return self.of[gateway.name].get("aside")

    shares = False

    @property
    def quick(self):
        return not any(figures.get("aside") for figures in self.of.values())

    def candidates(self, matches, at_price):
        found = []
        for (name, gateway, *_), prefix, own in matches:
            price = self.price(gateway, "") if at_price else None
            asr, acd, lines, today = self.figures(gateway, prefix)
            row = name, prefix, gateway.priority, gateway.weight, price, asr, acd, lines, gateway.lines, today, own
            found.append(Candidate(*row))
        return found

    def figures(self, gateway, prefix):
        found = self.of[gateway.name]
        return found.get("asr"), found.get("acd"), found.get("lines", 0), found.get("calls_today", 0)

    def price(self, gateway, callee):
        return self.of[gateway.name].get("price")


def made(rows, chosen=(), own=(), configuration=None, callee="442071", call_id="1", at_ms=0, **how):
    """A plan; *rows* is name -> settings of the gateway and figures of the view."""
    gateways = {}
    for name, row in rows.items():
        figures = {key: value for key, value in row.items() if key in FIGURES}
        settings = {key: value for key, value in row.items() if key not in FIGURES} | row.get("gateway", {})
        settings.pop("gateway", None)
        if "limit" in settings:
            settings["lines"] = settings.pop("limit")
        gateways[name] = RoutingGateway(name, "192.0.2.1", **settings), figures
    attempt = CallAttempt(call_id, "1", callee, "1", callee, "a", "phone:1", Address("192.0.2.9", 5060), at_ms)
    index = GatewayIndex({name: gateway for name, (gateway, _) in gateways.items()})
    configuration = configuration or Configuration()
    return plan(attempt, index, View(gateways), Orders(STRATEGIES), chosen, own=own, snapshot=configuration, **how)


def order(rows, *args, **how):
    return [one.gateway for one in made(rows, *args, **how).candidates]


STEPS = [
    ("longest prefix", {"prefixes": ("4420",)}, {"prefixes": ("44",)}),
    ("prefix priority", {"prefixes": (Bound("44", 1),)}, {"prefixes": (Bound("44", 2),)}),
    ("gateway priority", {"priority": 1}, {"priority": 2}),
    ("price", {"price": 100}, {"price": 101}),
    ("a price that is not known", {"price": 10**9}, {}),
    ("line usage", {"lines": 1, "limit": 10}, {"lines": 1, "limit": 9}),
    ("calls without a limit", {"lines": 1}, {"lines": 2}),
    ("calls of the day", {"calls_today": 1}, {"calls_today": 2}),
]
"""In the order of their rank: what is better, what is worse."""


@pytest.mark.parametrize(("step", "better", "worse"), STEPS, ids=[row[0] for row in STEPS])
def test_each_step_decides_when_all_before_are_equal(step, better, worse):
    assert order({"a": worse, "b": better}) == ["b", "a"]
    assert order({"b": worse, "a": better}) == ["a", "b"]


RANKED = [
    row for row in STEPS if row[0] in ("longest prefix", "gateway priority", "price", "line usage", "calls of the day")
]


@pytest.mark.parametrize("at", range(len(RANKED) - 1))
def test_an_earlier_step_outweighs_all_later_ones(at):
    best, rest = RANKED[at], RANKED[at + 1 :]
    first, second = dict(best[1]), dict(best[2])
    for _, better, worse in rest:
        first = worse | first
        second = better | second
    first.setdefault("price", 200)
    assert order({"a": second, "b": first}) == ["b", "a"]


def test_the_name_decides_at_last():
    assert order({"b": {}, "a": {}, "c": {}}) == ["a", "b", "c"]


def test_asr_takes_part_only_when_it_is_calculated():
    rows = {"a": {"asr": 10.0}, "b": {"asr": 90.0}}
    assert order(rows) == ["a", "b"]
    assert order(rows, configuration=Configuration(SS_GATEWAY_ASR_CALCULATE="On")) == ["b", "a"]


LATE = "Before gateway ID"
ORDERS = [
    ({}, "lowest_rate line_usage calls_today"),
    ({"SS_GATEWAY_ASR_CALCULATE": "On"}, "asr lowest_rate line_usage calls_today"),
    ({"SS_GATEWAY_ASR_CALCULATE": "On", "SS_GATEWAY_FEE_RATE_ROUTE_BEFORE_ASR": "On"},
     "lowest_rate asr line_usage calls_today"),
    ({"SS_GATEWAY_FEE_RATE_ROUTE_SORT_CONFIG": LATE}, "line_usage calls_today lowest_rate"),
    ({"SS_GATEWAY_ASR_CALCULATE": "On", "SS_GATEWAY_ASR_ROUTE_SORT_CONFIG": LATE},
     "lowest_rate line_usage calls_today asr"),
    ({"SS_GATEWAY_ASR_CALCULATE": "On", "SS_GATEWAY_ASR_ROUTE_SORT_CONFIG": LATE,
      "SS_GATEWAY_FEE_RATE_ROUTE_SORT_CONFIG": LATE}, "line_usage calls_today asr lowest_rate"),
    ({"SS_GATEWAY_ASR_CALCULATE": "On", "SS_GATEWAY_ASR_ROUTE_SORT_CONFIG": LATE,
      "SS_GATEWAY_FEE_RATE_ROUTE_SORT_CONFIG": LATE, "SS_GATEWAY_FEE_RATE_ROUTE_BEFORE_ASR": "On"},
     "line_usage calls_today lowest_rate asr"),
    ({"SS_GATEWAY_ASR_CALCULATE": "On", "SS_GATEWAY_FEE_RATE_ROUTE_SORT_CONFIG": LATE,
      "SS_GATEWAY_FEE_RATE_ROUTE_BEFORE_ASR": "On"}, "asr line_usage calls_today lowest_rate"),
]  # fmt: skip


@pytest.mark.parametrize(("parameters", "middle"), ORDERS)
def test_parameters_place_asr_and_price(parameters, middle):
    names = ("prefix", "prefix_priority", "priority", "weight", *middle.split(), "gateway_id")
    assert default_order(Parameters(parameters)) == names


def test_without_parameters_the_order_is_that_of_the_defaults():
    assert default_order(None) == default_order(Parameters({})) == DEFAULT_ORDER


def test_a_changed_parameter_counts_for_the_next_call():
    orders = Orders(STRATEGIES)
    late = Parameters({"SS_GATEWAY_FEE_RATE_ROUTE_SORT_CONFIG": LATE})
    usual = Parameters({})
    assert orders.of((), (), usual) is orders.of((), (), usual)
    assert orders.of((), (), late).names.index("lowest_rate") == len(DEFAULT_ORDER) - 2
    assert orders.of((), (), usual).names == DEFAULT_ORDER


def test_an_own_order_replaces_the_default_one_and_the_name_still_decides():
    rows = {"b": {"price": 5, "priority": 1}, "a": {"price": 5, "priority": 2}, "c": {"price": 4, "priority": 9}}
    assert order(rows, own=("lowest_rate",)) == ["c", "a", "b"]
    assert order(rows, ("acd",), ("lowest_rate", "priority")) == ["c", "b", "a"]
    assert made(rows, own=("priority",)).strategies == ("priority", "gateway_id")


def test_none_decides_nothing():
    rows = {"a": {"price": 2}, "b": {"price": 1}}
    assert order(rows, ("none",)) == order(rows) == ["b", "a"]
    assert order(rows, ("none", "acd"), own=("none",)) == ["a", "b"]


def test_priority_only_leaves_out_what_comes_after_the_priority():
    rows = {"a": {"price": 9, "weight": 1}, "b": {"price": 1, "weight": 99}, "c": {"prefixes": ("4420",), "price": 99}}
    assert order(rows, ("priority_only",)) == ["c", "a", "b"]
    assert order(rows, ("lowest_rate", "priority_only")) == ["b", "a", "c"]


def test_values_give_what_each_criterion_saw():
    rows = {"a": {"price": 7, "lines": 3, "limit": 10, "prefixes": (Bound("44", 2),)}, "b": {"locked": True}}
    plan = made(rows, ("round_robin", "asr"), explain=True)
    assert [look.gateway for look in plan.looks] == ["a", "b"]
    assert plan.values == [
        {"round_robin": None, "asr": None, "prefix": "44", "prefix_priority": 2, "priority": 0, "weight": 1,
         "lowest_rate": 7, "line_usage": "3/10", "calls_today": 0, "gateway_id": "a"},
        {},
    ]  # fmt: skip


# ---- near-equal prices

prices = st.lists(st.one_of(st.none(), st.integers(0, 3000)), min_size=2, max_size=12)


def levels(drawn, margin):
    candidates = [Candidate(f"g{n}", "", 0, 1, price) for n, price in enumerate(drawn)]
    return LowestRate(Decimal(margin)).keys(candidates, None)


def test_near_equal_prices_are_one_level_begun_by_the_cheapest():
    assert levels([100, 105, 106, 111, 112, None], "5") == [0, 0, 1, 1, 2, 3]
    assert levels([100, 101], "0.5") == [0, 1]
    assert levels([1000, 1005], "0.5") == [0, 0]
    assert levels([0, 0, 1], "50") == [0, 0, 1]


@given(prices, st.sampled_from(["0.5", "5", "33.3", "100"]), st.randoms())
def test_levels_are_an_order_of_their_own(drawn, margin, chance):
    keys = levels(drawn, margin)
    by_level = {}
    for price, level in zip(drawn, keys, strict=True):
        by_level.setdefault(level, []).append(price)
    above = -1
    for _, members in sorted(by_level.items()):
        if None in members:
            assert set(members) == {None}
            continue
        assert min(members) > above
        assert max(members) * 100 <= min(members) * (100 + Decimal(margin))
        above = max(members)
    assert None not in drawn or all(
        level < max(keys) for price, level in zip(drawn, keys, strict=True) if price is not None
    )
    mixed = list(enumerate(drawn))
    chance.shuffle(mixed)
    again = levels([price for _, price in mixed], margin)
    assert [keys[place] for place, _ in mixed] == again


@given(prices)
def test_without_a_margin_the_levels_are_the_prices(drawn):
    keys = levels(drawn, "0")
    plain = [(price is None, price or 0) for price in drawn]
    assert [keys[a] < keys[b] for a in range(len(keys)) for b in range(len(keys))] == [
        plain[a] < plain[b] for a in range(len(keys)) for b in range(len(keys))
    ]


def test_within_a_level_the_next_step_decides():
    rows = {"a": {"price": 100, "calls_today": 9}, "b": {"price": 104, "calls_today": 1}, "c": {"price": 120}}
    assert order(rows) == ["a", "b", "c"]
    assert order(rows, configuration=Configuration(VS_RATE_MARGIN="5")) == ["b", "a", "c"]


# ---- against a naive reading

prefix_texts = st.text("01", max_size=4)
row = st.fixed_dictionaries(
    {
        "prefixes": st.lists(
            prefix_texts | st.tuples(prefix_texts, st.integers(0, 2)).map(lambda pair: Bound(*pair)),
            max_size=3,
        ).map(tuple),
        "priority": st.integers(0, 1), "price": st.one_of(st.none(), st.integers(0, 2)), "lines": st.integers(0, 3),
        "limit": st.one_of(st.none(), st.integers(1, 3)), "calls_today": st.integers(0, 2), "locked": st.booleans(),
        "terminal": st.booleans(), "protect": st.booleans(),
    }
)  # fmt: skip


def naive(rows, callee):
    """The issue's words, read slowly."""
    found = []
    for name, one in rows.items():
        fits = [item if isinstance(item, Bound) else Bound(item) for item in one["prefixes"] or ("",)]
        fits = [item for item in fits if callee.startswith(item.prefix)]
        if fits and not one["locked"]:
            longest = max(fits, key=lambda item: len(item.prefix))
            found.append((name, one, longest))
    ends = max([len(prefix.prefix) for _, one, prefix in found if one["terminal"]], default=0)
    found = [item for item in found if len(item[2].prefix) >= ends]

    def full(one):
        return one["limit"] is not None and one["lines"] >= one["limit"]

    def key(item):
        name, one, prefix = item
        share = one["lines"] / one["limit"] if one["limit"] else 0
        price = one["price"]
        return (
            full(one), one["protect"], -len(prefix.prefix), prefix.priority, one["priority"],
            price is None, price or 0, share, one["lines"], one["calls_today"], name,
        )  # fmt: skip

    def compare(one, other):
        for mine, yours in zip(key(one), key(other), strict=True):
            if mine != yours:
                return -1 if mine < yours else 1
        return 0

    return [name for name, _, _ in sorted(found, key=cmp_to_key(compare))]


@given(st.lists(row, max_size=10), st.text("01", max_size=5))
def test_the_order_equals_a_naive_reading(drawn, callee):
    rows = {f"g{n}": one for n, one in enumerate(drawn)}
    plan = made(rows, callee=callee)
    assert [one.gateway for one in plan.candidates] == naive(rows, callee)
    free = [
        name for name in naive(rows, callee) if rows[name]["limit"] is None or rows[name]["lines"] < rows[name]["limit"]
    ]
    assert plan.refusal == (None if free else "all_gateways_busy" if plan.candidates else "no_route")
    assert [look.kept for look in plan.looks] == [look.gateway in free for look in plan.looks]


# ---- prefix modes


def test_continue_lets_shorter_levels_follow():
    rows = {"any": {}, "uk": {"prefixes": ("44",)}, "london": {"prefixes": ("4420",)}}
    assert order(rows) == ["london", "uk", "any"]


def test_terminal_ends_with_its_own_level():
    rows = {"any": {}, "uk": {"prefixes": ("44",), "terminal": True}, "uk2": {"prefixes": ("44",)},
            "london": {"prefixes": ("4420",)}}  # fmt: skip
    assert order(rows) == ["london", "uk", "uk2"]
    why = {look.gateway: look.why for look in made(rows).looks}
    assert why["any"] == "prefix 44 of uk is terminal"


def test_a_gateway_that_is_no_candidate_ends_nothing_but_a_busy_one_does():
    rows = {"any": {}, "uk": {"prefixes": ("44",), "terminal": True}}
    assert order(rows) == ["uk"]
    assert order(rows | {"uk": rows["uk"] | {"locked": True}}) == ["any"]
    assert order(rows | {"uk": rows["uk"] | {"aside": Aside("disabled", absolute=True)}}) == ["any"]
    assert order(rows | {"uk": rows["uk"] | {"limit": 1, "lines": 1}}) == ["uk"]
    assert order(rows | {"uk": rows["uk"] | {"aside": Aside("away", absolute=False)}}) == ["uk"]


# ---- prefix entries in force


class Office:
    """Works from 1000 to 1999 ms."""

    by_destination = False

    def admits(self, wall_ms, when):
        works = 1000 <= wall_ms < 2000
        return {"working": works, "non_working": not works, "any": True}[when]


def test_an_entry_that_is_not_in_force_leaves_the_number_to_a_shorter_one():
    day = Bound("4420", calendar="office", when="working")
    rows = {"a": {"prefixes": (day, "44")}, "b": {"prefixes": ("442",)}, "c": {"prefixes": (day,)}}
    office = Configuration({"office": Office()})
    assert order(rows, configuration=office, at_ms=1500) == ["a", "c", "b"]
    assert order(rows, configuration=office, at_ms=2000) == ["b", "a"]
    asked = made(rows, configuration=office, at_ms=2000, explain=True)
    assert {look.gateway: look.why for look in asked.looks}["c"] == "prefix 4420 is not in force"
    assert order(rows, at_ms=1500) == ["b", "a"], "a calendar that is gone admits nothing"


def test_validity_begins_and_ends():
    rows = {"a": {"prefixes": (Bound("44", valid_from=1000, valid_to=2000),)}}
    assert [order(rows, at_ms=at) for at in (999, 1000, 1999, 2000)] == [[], ["a"], ["a"], []]


def test_of_one_prefix_the_first_entry_in_force_decides():
    by_day = (Bound("44", 5, "office", "working"), "44", Bound("44", 9))
    rows = {"a": {"prefixes": by_day}, "b": {"prefixes": (Bound("44", 2),)}}
    office = Configuration({"office": Office()})
    assert order(rows, configuration=office, at_ms=1500) == ["b", "a"]
    assert order(rows, configuration=office, at_ms=2500) == ["a", "b"]


# ---- protected gateways


def test_protected_gateways_stand_behind_the_others_and_full_ones_last():
    rows = {"p": {"protect": True, "prefixes": ("4420",)}, "full": {"limit": 1, "lines": 1}, "free": {},
            "q": {"protect": True, "limit": 1, "lines": 1}}  # fmt: skip
    assert order(rows) == ["free", "p", "full", "q"]


def test_a_protected_gateway_keeps_what_is_aside_from_being_the_last_way():
    away = Aside("away", absolute=False)
    assert order({"a": {"aside": away}, "p": {"protect": True}}) == ["p"]
    assert order({"a": {"aside": away}, "p": {"protect": True, "limit": 1, "lines": 1}}) == ["a", "p"]


# ---- the index after changes

gateways_ = st.dictionaries(
    st.sampled_from("abcd"),
    st.one_of(st.none(), st.lists(prefix_texts | prefix_texts.map(Bound), max_size=4)),
)  # fmt: skip


@given(st.lists(gateways_, max_size=5), st.text("01", max_size=6))
def test_an_index_after_changes_equals_one_made_at_once(changes, callee):
    index, state = GatewayIndex({}), {}
    for change in changes:
        values = {
            name: None
            if prefixes is None
            else RoutingGateway(name, f"192.0.2.{len(prefixes)}", prefixes=tuple(prefixes))
            for name, prefixes in change.items()
        }
        before, after = index, index.changed(values)
        was = before.matches(callee)
        for name, gateway in values.items():
            state.pop(name, None)
            if gateway is not None:
                state[name] = gateway
        index = after
        assert before.matches(callee) == was
    fresh = GatewayIndex(state)
    assert index.matches(callee) == fresh.matches(callee)
    assert (index.gateways, index.hosts, index.dynamic) == (fresh.gateways, fresh.hosts, fresh.dynamic)


def test_a_change_shares_the_shards_that_it_does_not_touch():
    before = GatewayIndex({name: RoutingGateway(name, "", prefixes=(name,)) for name in ("43123", "44123", "4")})
    after = before.changed({"44123": RoutingGateway("44123", "", prefixes=("44",))})
    assert after._shards["431"] is before._shards["431"]
    assert after._shards["441"] == {}
    assert set(after.matches("44123")) == {"44123", "4"}
