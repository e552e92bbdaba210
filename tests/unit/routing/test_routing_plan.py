"""The order of gateways, and what the plan says of those it dropped."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zope.interface.verify import verifyObject

from vosswitch.hooks.frozen import GuardedStrategy
from vosswitch.hooks.interfaces import IRoutingStrategy
from vosswitch.model.call import CallAttempt, Candidate
from vosswitch.model.values import Address
from vosswitch.routing.availability import Aside
from vosswitch.routing.gateways import RoutingGateway
from vosswitch.routing.index import GatewayIndex
from vosswitch.routing.order import Orders
from vosswitch.routing.plan import plan as made_plan
from vosswitch.routing.strategies import BUILT_IN


def unexpected(plugin, what, error):
    raise AssertionError(f"{plugin} {what}: {error!r}")


STRATEGIES = {one.name: GuardedStrategy(one, "routing", unexpected) for one in BUILT_IN}


def plan(attempt, gateways, view, strategies, chosen=(), **more):
    """The plan, without configuration."""
    return made_plan(attempt, gateways, view, Orders(strategies), tuple(chosen), **more)


class View:
    """What a node knows, as plain dicts."""

    def __init__(self, **figures):
        self.known = figures
        self.asked = []

    def _of(self, what, name, default=None):
        return self.known.get(what, {}).get(name, default)

    def aside(self, gateway):
        return self._of("aside", gateway.name)

    shares = False

    @property
    def quick(self):
        return not self.known.get("aside")

    def candidates(self, matches, at_price):
        found = []
        for (name, gateway, *_), prefix, own in matches:
            price = self.price(gateway, "") if at_price else None
            asr, acd, lines, today = self.figures(gateway, prefix)
            row = name, prefix, gateway.priority, gateway.weight, price, asr, acd, lines, gateway.lines, today, own
            found.append(Candidate(*row))
        return found

    def figures(self, gateway, prefix):
        name = gateway.name
        return (
            self._of("asr", name),
            self._of("acd", name),
            self._of("lines", name, 0),
            self._of("calls_today", name, 0),
        )

    def price(self, gateway, callee):
        self.asked.append((gateway.name, callee))
        return self._of("price", gateway.name)


def gateway(name, *prefixes, **more):
    return RoutingGateway(name, "127.0.0.1", prefixes=prefixes, **more)


def index(*gateways):
    return GatewayIndex({one.name: one for one in gateways})


def call(callee="442071", call_id="1"):
    return CallAttempt(call_id, "1001", callee, "1001", callee, "a", "phone:1001", Address("127.0.0.1", 5060), 0)


def order(gateways, view=None, chosen=(), callee="442071", call_id="1"):
    made = plan(call(callee, call_id), gateways, view or View(), STRATEGIES, chosen)
    return [one.gateway for one in made.candidates]


@pytest.mark.parametrize("strategy", BUILT_IN, ids=lambda one: one.name)
def test_built_in_strategy_provides_the_interface(strategy):
    assert verifyObject(IRoutingStrategy, strategy)


def test_longest_prefix_goes_first_then_priority_then_name():
    gateways = index(
        gateway("any"), gateway("uk2", "44", priority=2), gateway("uk1", "44", "4", priority=1),
        gateway("london", "4420", priority=9), gateway("fr", "33"), gateway("uk0", "44", priority=1),
    )  # fmt: skip
    assert order(gateways) == ["london", "uk0", "uk1", "uk2", "any"]


def test_chosen_strategies_come_before_the_default_order():
    gateways = index(gateway("dear", "4420"), gateway("cheap"), gateway("unknown", "44"))
    view = View(price={"dear": 900, "cheap": 100})
    assert order(gateways, view, ["lowest_rate"]) == ["cheap", "dear", "unknown"]
    assert order(gateways, view) == ["dear", "unknown", "cheap"]


def test_prices_are_asked_for_only_when_something_looks_at_them():
    gateways, view = index(gateway("a"), gateway("b")), View()
    plan(call(), gateways, view, STRATEGIES, own=("priority",))
    assert view.asked == []
    order(gateways, view)
    assert [name for name, _ in view.asked] == ["a", "b"]


@pytest.mark.parametrize("figure", ["asr", "acd"])
def test_a_gateway_without_a_quality_value_stands_at_the_mean_of_its_rivals(figure):
    gateways = index(gateway("a"), gateway("b"), gateway("c"))
    assert order(gateways, View(**{figure: {"a": 10.0, "c": 90.0}}), [figure]) == ["c", "b", "a"]
    assert order(gateways, View(), [figure]) == ["a", "b", "c"]


def test_equal_weights_leave_the_order_to_line_usage_and_calls_of_the_day():
    gateways = index(gateway("a", lines=10), gateway("b", lines=100), gateway("c"), gateway("d"))
    view = View(lines={"a": 2, "b": 19, "c": 1}, calls_today={"d": 5})
    assert order(gateways, view) == ["d", "c", "b", "a"]
    assert order(index(gateway("a"), gateway("b")), View(calls_today={"a": 1})) == ["b", "a"]


def test_weights_share_the_first_place_and_the_failover_in_proportion():
    gateways = index(gateway("a", weight=6), gateway("b", weight=3), gateway("c", weight=1), gateway("off", weight=0))
    orders = [order(gateways, call_id=str(n)) for n in range(4000)]
    firsts = Counter(one[0] for one in orders)
    assert [round(firsts[name] / 400) for name in "abc"] == [6, 3, 1]
    after_a = Counter(one[1] for one in orders if one[0] == "a")
    assert 0.70 < after_a["b"] / firsts["a"] < 0.80
    assert all(one[-1] == "off" for one in orders)


def test_round_robin_enters_the_ring_everywhere_equally_often():
    gateways = index(gateway("a"), gateway("b", weight=9), gateway("c"))
    orders = Counter("".join(order(gateways, chosen=["round_robin"], call_id=str(n))) for n in range(3000))
    assert set(orders) == {"abc", "bca", "cab"}
    assert min(orders.values()) > 900


def test_the_same_call_gets_the_same_order_again():
    gateways = index(*(gateway(name, weight=n) for n, name in enumerate("abcdef")))
    assert order(gateways, call_id="77") == order(gateways, call_id="77")


def test_full_gateways_stand_last_and_are_said_to_be_full():
    gateways = index(gateway("full", "4420", lines=2), gateway("free"), gateway("locked", "44", locked=True))
    made = plan(call(), gateways, View(lines={"full": 2}), STRATEGIES)
    assert [one.gateway for one in made.candidates] == ["free", "full"]
    assert [(one.gateway, one.kept, one.why) for one in made.looks] == [
        ("free", True, "takes every number"),
        ("full", False, "lines full: 2 of 2"),
        ("locked", False, "locked"),
    ]
    assert made.refusal is None


def test_refusals_tell_no_route_from_busy():
    view = View(lines={"a": 1})
    assert plan(call(), index(gateway("a", lines=1)), view, STRATEGIES).refusal == "all_gateways_busy"
    assert plan(call(), index(gateway("a", locked=True)), view, STRATEGIES).refusal == "no_route"
    assert plan(call(), index(gateway("a", "33")), view, STRATEGIES).refusal == "no_route"
    assert plan(call(), index(), view, STRATEGIES).refusal == "no_route"


def test_explanation_lists_every_gateway_with_price_and_margin():
    gateways = index(gateway("b", "44"), gateway("fr", "33"), gateway("a"))
    view = View(price={"b": 70, "a": 120})
    made = plan(call(), gateways, view, STRATEGIES, ["priority", "nonesuch"], sell=100, explain=True)
    assert made.looked_at == [
        {"gateway": "b", "prefix": "44", "kept": True, "why": "prefix 44 matches", "priority": 0, "weight": 1,
         "price": 70, "margin": 30},
        {"gateway": "a", "prefix": "", "kept": True, "why": "takes every number", "priority": 0, "weight": 1,
         "price": 120, "margin": -20},
        {"gateway": "fr", "prefix": None, "kept": False, "why": "prefix does not match", "priority": 0, "weight": 1,
         "price": None, "margin": None},
    ]  # fmt: skip
    assert made.missing == ("nonesuch",)
    assert made.strategies[:3] == ("priority", "prefix", "prefix_priority")


def test_explanation_puts_the_heaviest_first():
    gateways = index(gateway("a", weight=1), gateway("b", weight=5), gateway("c", weight=3))
    for call_id in "123":
        made = plan(call(call_id=call_id), gateways, View(), STRATEGIES, explain=True)
        assert [one.gateway for one in made.candidates] == ["b", "c", "a"]


def test_a_failing_strategy_leaves_the_order_to_the_next():
    class Broken:
        name = "broken"

        def key(self, candidate, request):
            raise RuntimeError("no")

    class Short:
        name = "short"
        key = None

        def keys(self, candidates, request):
            return [1]

    told = []
    guards = {
        one.name: GuardedStrategy(one, "plug", lambda plugin, what, _: told.append(what)) for one in (Broken(), Short())
    }
    made = plan(call(), index(gateway("b"), gateway("a")), View(), STRATEGIES | guards, ["broken", "short"])
    assert [one.gateway for one in made.candidates] == ["a", "b"]
    assert told == ["routing strategy broken", "routing strategy short"]


@given(st.lists(st.tuples(st.lists(st.text("01", max_size=4), max_size=3), st.integers(0, 2)), max_size=12),
       st.text("01", max_size=6))  # fmt: skip
def test_index_and_order_equal_a_naive_reading(drawn, callee):
    gateways = index(*(gateway(f"g{n:02d}", *prefixes, priority=prio) for n, (prefixes, prio) in enumerate(drawn)))
    naive = []
    for one in gateways.gateways.values():
        fits = [prefix for prefix in (one.prefixes or ("",)) if callee.startswith(prefix)]
        if fits:
            naive.append((-max(map(len, fits)), one.priority, one.name))
    assert order(gateways, callee=callee) == [name for _, _, name in sorted(naive)]


def test_gateway_reads_its_configuration_body():
    body = {
        "name": "g", "account": None, "address": "192.0.2.1", "port": 5070, "transport": "tcp", "local_address": "",
        "username": "u", "password": "p", "realm": "r", "prefixes": ["44", "33"], "priority": 2, "weight": 3,
        "lines": 10, "cps": None, "callee_dial_plan": "44:0", "caller_dial_plan": "", "number_transforms": ["x"],
        "strip_prefix": True, "media_proxy": "on", "locked": True,
    }  # fmt: skip
    one = RoutingGateway.from_body(body)
    assert (one.account, one.address, one.port, one.transport) == (None, "192.0.2.1", 5070, "tcp")
    assert (one.prefixes, one.priority, one.weight, one.lines, one.cps) == (("44", "33"), 2, 3, 10, None)
    assert one.callee_dial_plan.apply("44207", None) == "0207"
    assert not one.caller_dial_plan
    assert (one.strip_prefix, one.media_proxy, one.locked, one.number_transforms) == (True, "on", True, ("x",))


AWAY = Aside("away: no answer to a call; tried again in 9 s", absolute=False)
OFF = Aside("disabled by an operator", absolute=True)


def looks(gateways, view):
    made = plan(call(), gateways, view, STRATEGIES)
    return made, {look.gateway: look.why for look in made.looks}


def test_a_gateway_that_is_put_aside_is_no_candidate():
    made, why = looks(index(gateway("a"), gateway("b")), View(aside={"a": AWAY}))
    assert [one.gateway for one in made.candidates] == ["b"]
    assert why["a"] == AWAY.why


def test_the_last_way_is_tried_all_the_same_in_order():
    made, why = looks(index(gateway("a", priority=2), gateway("b", priority=1)), View(aside={"a": AWAY, "b": AWAY}))
    assert [one.gateway for one in made.candidates] == ["b", "a"]
    assert made.refusal is None
    assert why["a"] == f"the last way, though {AWAY.why}"


def test_full_gateways_are_no_reason_to_leave_the_last_way_aside():
    made, why = looks(index(gateway("a"), gateway("b", lines=1)), View(aside={"a": AWAY}, lines={"b": 1}))
    assert [one.gateway for one in made.candidates] == ["a", "b"]
    assert "lines full" in why["b"]


def test_what_an_operator_has_disabled_is_not_even_the_last_way():
    made, why = looks(index(gateway("a")), View(aside={"a": OFF}))
    assert made.refusal == "no_route"
    assert why["a"] == OFF.why
