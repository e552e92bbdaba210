"""Gateways that are not good enough: behind the others or left out, but for the probes; and those that rest."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.routing.test_routing_plan import STRATEGIES, View, call, index
from vosswitch.model.causes import cause, from_sip
from vosswitch.routing.conduct import USUAL, Conduct, Thresholds, Throttle
from vosswitch.routing.gateways import RoutingGateway
from vosswitch.routing.gauges import NOTHING, Figures
from vosswitch.routing.order import Orders
from vosswitch.routing.outcomes import NONE, Outcomes
from vosswitch.routing.packed import packed, unpacked
from vosswitch.routing.plan import plan
from vosswitch.routing.thresholds import misses, probes
from vosswitch.routing.throttling import Throttling

BAD = Figures(attempts=340, asr=12.0, ner=40.0, pdd_ms=7400, calls=100, acd=9.0)


class Judged(View):
    """Gateways whose names begin with "bad" are."""

    def quality(self, gateway, prefix, callee):
        figures = BAD if gateway.name.startswith("bad") else Figures(340, 60, 90, 900, 200, 120)
        return figures, callee[:3] if gateway.conduct.thresholds.by_prefix else ""


def gateway(name, **more):
    settings = {name: more.pop(name) for name in ("priority", "lines", "prefixes") if name in more}
    conduct = Conduct(thresholds=Thresholds(**({"asr": 30, "probe": 0} | more)))
    return RoutingGateway(name, "127.0.0.1", conduct=conduct, **settings)


def planned(*gateways, explain=False, call_id="1", **figures):
    return plan(call(call_id=call_id), index(*gateways), Judged(**figures), Orders(STRATEGIES), explain=explain)


def order(*gateways, **more):
    return [one.gateway for one in planned(*gateways, **more).candidates]


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ({"asr": 30}, "ASR 12 % of 340 attempts, below 30 %"),
        ({"ner": 50}, "NER 40 % of 340 attempts, below 50 %"),
        ({"acd": 20}, "ACD 9 s of 100 calls, below 20 s"),
        ({"pdd": 5000}, "PDD 7400 ms of 340 attempts, above 5000 ms"),
        ({"asr": 12, "ner": 40, "acd": 9, "pdd": 7400}, ""),
        ({"asr": 30, "attempts": 341}, ""),
        ({"acd": 20, "attempts": 101}, ""),
    ],
)
def test_what_is_missed(wanted, why):
    assert misses(Thresholds(**wanted), BAD) == why
    assert misses(Thresholds(**wanted), NOTHING) == ""


def test_a_demoted_gateway_stands_behind_the_others():
    plain = RoutingGateway("zz", "127.0.0.1", priority=9)
    found = planned(gateway("bad"), gateway("good", priority=5), plain)
    assert [one.gateway for one in found.candidates] == ["good", "zz", "bad"]
    assert [look.why for look in found.looks][2] == "demoted: ASR 12 % of 340 attempts, below 30 %"
    assert [look.kept for look in found.looks] == [True, True, True]
    assert found.refusal is None


def test_a_demoted_gateway_comes_before_full_ones_and_may_be_the_only_one():
    full = RoutingGateway("full", "127.0.0.1", lines=1)
    assert order(gateway("bad"), full, lines={"full": 1}) == ["bad", "full"]
    assert order(gateway("bad")) == ["bad"]
    assert order(gateway("bad", lines=1), full, lines={"bad": 1}) == ["full", "bad"]


def test_an_excluded_gateway_gets_nothing():
    found = planned(gateway("bad", exclude=True))
    assert found.refusal == "no_route"
    (look,) = found.looks
    assert look.why == "excluded: ASR 12 % of 340 attempts, below 30 %"


def test_probes_go_as_if_it_were_good():
    bad, good = gateway("bad", probe=10), gateway("good", priority=5)
    calls = [str(number) for number in range(4000)]
    first = [order(bad, good, call_id=one)[0] for one in calls]
    assert first == [order(bad, good, call_id=one)[0] for one in calls]
    assert 300 < first.count("bad") < 500
    assert order(gateway("bad", probe=100), good) == ["bad", "good"]


def test_an_explanation_is_no_probe_and_says_how_many_are():
    found = planned(gateway("bad", probe=100, by_prefix=True), explain=True)
    assert found.looks[0].why == "demoted: ASR 12 % of 340 attempts, below 30 % to 442; 100 % of calls probe it"


@given(st.text("0123456789", min_size=1, max_size=20), st.integers(0, 100), st.integers(0, 100))
def test_a_probe_of_few_is_one_of_many(call_id, some, more):
    if probes(call_id, "g", min(some, more)):
        assert probes(call_id, "g", max(some, more))
    assert probes(call_id, "g", 100)
    assert not probes(call_id, "g", 0)


# ---- lists of outcomes


def test_outcomes():
    found = Outcomes.of([503, "600-602", "connection_timeout"])
    hits = [from_sip(503), from_sip(600), from_sip(602), cause("connection_timeout")]
    assert all(one in found for one in hits)
    assert not any(one in found for one in (from_sip(603), from_sip(500), cause("response_timeout")))
    assert Outcomes.of([]) is NONE


def test_a_gateway_without_settings_shares_one_value():
    body = {"asr_calculate": "system", "stop_codes": [], "least_asr": None, "throttle_codes": []}
    assert Conduct.from_body(body) is USUAL
    assert Conduct.from_body({}) is USUAL
    assert Conduct.from_body({"acd_calculate": "off"}) == Conduct(acd=False)
    assert Conduct.from_body({"quality_scope": "prefix", "quality_attempts": 7}) == Conduct(sample=7)
    assert Conduct.from_body({"quality_scope": "gateway", "quality_attempts": 7}) is USUAL


# ---- throttling


def rests(throttle, outcomes, every=1.0):
    found = Throttling()
    return [found.attempt("g", throttle, failed, at * every) for at, failed in enumerate(outcomes)]


def test_a_gateway_rests_when_its_share_of_failures_is_reached():
    throttle = Throttle(Outcomes.of([503]), window=60, share=50, attempts=4)
    assert rests(throttle, [1, 1, 1]) == [""] * 3
    assert rests(throttle, [1, 0, 0, 1])[-1] == "throttled: 2 of 4 attempts failed within 60 s"
    assert rests(throttle, [1, 0, 0, 0, 1])[-1] == ""
    assert rests(throttle, [1, 1, 1, 0]) == [""] * 4  # an attempt that went well puts nobody to rest
    assert rests(throttle, [1, 1, 1, 1], every=30)[-1] == ""  # out of the window


def test_after_its_rest_it_begins_anew():
    throttle = Throttle(Outcomes.of([503]), attempts=2)
    assert [bool(why) for why in rests(throttle, [1, 1, 1, 1, 1])] == [False, True, False, True, False]


@given(st.lists(st.tuples(st.integers(0, 40), st.booleans()), max_size=60), st.integers(1, 100), st.integers(1, 10))
def test_throttling_says_what_a_list_of_attempts_says(steps, share, least):
    throttle = Throttle(NONE, window=60, share=share, attempts=least)
    found, now, kept = Throttling(), 0, []
    for wait, failed in steps:
        now += wait
        kept = [row for row in kept if now // 6 - row[0] // 6 < 10] + [(now, failed)]
        failures = sum(row[1] for row in kept)
        assert found.failures("g", now) == (failures - failed, len(kept) - 1)
        expected = failed and len(kept) >= least and failures * 100 >= share * len(kept)
        assert bool(found.attempt("g", throttle, failed, now)) is expected
        if expected:
            kept = []


def test_a_demoted_gateway_still_comes_before_those_that_are_kept_back():
    spare = RoutingGateway("spare", "127.0.0.1", protect=True)
    bad_spare = dataclasses.replace(gateway("bad spare"), protect=True)
    assert order(bad_spare, spare, gateway("bad"), gateway("good")) == ["good", "bad", "spare", "bad spare"]


def test_the_record_keeps_why_a_gateway_stands_behind():
    kept = unpacked(packed(planned(gateway("bad"), gateway("good"))))
    assert {row["gateway"]: row["why"] for row in kept["gateways"]}["bad"] == (
        "demoted: ASR 12 % of 340 attempts, below 30 %"
    )
