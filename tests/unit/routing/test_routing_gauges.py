"""The quality of gateways: each attempt once, rolling windows, bounded tables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vosswitch.model.causes import END_REASONS, cause, from_sip
from vosswitch.params.system import Parameters
from vosswitch.routing import gauges
from vosswitch.routing.conduct import USUAL, Conduct, Thresholds
from vosswitch.routing.gauges import NOTHING, Gauges, Pairs, counts, effective
from vosswitch.routing.quality import Window

ON = {"SS_GATEWAY_ASR_CALCULATE": "On", "SS_GATEWAY_ACD_CALCULATE": "On"}
BUSY, FAILED = from_sip(486), from_sip(503)


def kept(**parameters):
    found = Gauges()
    found.follow(Parameters(ON | parameters))
    return found


# ---- what counts


def test_an_attempt_counts_for_its_gateway_and_its_destination():
    found = kept()
    found.attempt("g", USUAL, "43", 0, None, 1500)
    found.attempt("g", USUAL, "43", 1, FAILED, None)
    found.attempt("g", USUAL, "49", 2, BUSY, 2500)
    found.attempt("other", USUAL, "43", 3, FAILED, None)
    whole = found.figures("g", 5)
    assert (whole.attempts, whole.pdd_ms, whole.calls, whole.acd) == (3, 2000, 0, None)
    assert whole.asr == 33.33
    assert whole.ner == 66.67
    assert found.figures_to("g", "43", 5).asr == 50
    assert found.figures_to("g", "49", 5)[:3] == (1, 0, 100)
    assert found.figures_to("g", "1", 5) is NOTHING
    assert found.figures("nobody", 5) is NOTHING
    assert {row[:2] for row in found.by_destination("g", 5)} == {("g", "43"), ("g", "49")}


def test_talk_time_by_answered_calls():
    found = kept()
    found.call("g", USUAL, "", 0, 90_000)
    found.call("g", USUAL, "", 1, 30_000)
    assert found.figures("g", 2)[4:] == (2, 60)


@pytest.mark.parametrize("name", sorted(END_REASONS))
def test_what_we_end_ourselves_says_nothing_of_a_gateway(name):
    """An attempt counts when a peer or its silence ended it."""
    own = {"no_answer", "response_timeout", "connection_timeout", "codec_mismatch", "protocol_error", "rtp_timeout"}
    if END_REASONS[name].code is not None:
        assert counts(cause(name)) is (name in own | {"caller_abandoned"})


@pytest.mark.parametrize(
    ("status", "network"),
    [(486, True), (600, True), (603, True), (480, True), (403, False), (404, False), (408, False), (484, False),
     (500, False), (503, False), (604, False), (606, False)],
)  # fmt: skip
def test_in_which_refusals_the_network_did_its_part(status, network):
    assert counts(from_sip(status))
    assert effective(from_sip(status), rang=False) is network
    assert effective(from_sip(status), rang=True) is network


def test_who_gives_up_has_reached_somebody_only_once_it_rang():
    assert effective(cause("caller_abandoned"), rang=True)
    assert not effective(cause("caller_abandoned"), rang=False)
    assert effective(cause("no_answer"), rang=True)
    assert not effective(cause("response_timeout"), rang=False)


# ---- for whom


def test_nothing_is_kept_unless_it_is_wanted():
    found = Gauges()
    found.follow(Parameters({}))
    found.attempt("g", USUAL, "", 0, None, 1)
    found.call("g", USUAL, "", 0, 1)
    assert not found
    assert len(found.pairs) == 0
    found.attempt("own", Conduct(asr=True), "", 0, None, 1)
    assert found.both("own", Conduct(asr=True), 1)[0] == 100
    found.call("own", Conduct(acd=True), "", 0, 5000)
    assert found.both("own", Conduct(acd=True), 1)[1] == 5


def test_thresholds_want_figures_but_do_not_order_gateways():
    found = Gauges()
    found.follow(Parameters({}))
    judged = Conduct(thresholds=Thresholds(asr=50))
    found.attempt("g", judged, "", 0, None, 1)
    found.call("g", judged, "", 0, 1000)
    assert found.figures("g", 0)[:2] == (1, 100)
    assert found.both("g", judged, 0) == (None, None)


def test_a_gateway_may_stay_out_of_it():
    found = kept()
    found.attempt("g", Conduct(asr=False), "", 0, None, 1)
    found.call("g", Conduct(acd=False), "", 0, 1)
    assert not found


def test_destinations_have_as_many_digits_as_are_wanted():
    found = kept()
    assert found.destination("43", "436641234") == "43"
    assert found.destination("", "436641234") == ""
    found = kept(VS_GATEWAY_QUALITY_DIGITS="5")
    assert found.destination("43", "436641234") == "43664"
    assert found.destination("4366412", "436641234") == "4366412"


def test_gateways_that_are_gone_are_forgotten():
    found = kept()
    found.attempt("g", USUAL, "", 0, None, 1)
    found.attempt("h", USUAL, "", 0, None, 1)
    found.keep({"h": 1})
    assert found.figures("g", 0) is NOTHING
    assert found.figures("h", 0) is not NOTHING


# ---- windows


EVENTS = st.lists(
    st.tuples(st.integers(0, 4000), st.sampled_from([None, BUSY, FAILED]), st.sampled_from([None, 10, 700])),
    max_size=60,
)


@given(EVENTS, st.integers(0, 1500), st.integers(300, 1200), st.integers(5, 24))
def test_windows_say_what_a_list_of_all_events_says(events, later, seconds, segments):
    found = kept(SS_GATEWAY_ASR_RESERVE_TIME=str(seconds), SS_GATEWAY_ASR_RESERVE_SEPARATE=str(segments))
    events = sorted(events, key=lambda row: row[0])
    for at, reached, pdd in events:
        found.attempt("g", USUAL, "", at, reached, pdd)
        found.figures("g", at)  # figures that are kept ready must not grow old
    now = (events[-1][0] if events else 0) + later
    length = seconds / segments
    live = [row for row in events if int(row[0] // length) > int(now // length) - segments]
    ratios = []
    for piece in sorted({int(at // length) for at, _, _ in live}):
        inside = [reached is None for at, reached, _ in live if int(at // length) == piece]
        ratios.append(100 * sum(inside) / len(inside))
    answers = found.figures("g", now)
    assert answers.attempts == len(live)
    assert answers.asr == (pytest.approx(sum(ratios) / len(ratios), abs=0.01) if ratios else None)
    good = [reached is None or reached is BUSY for _, reached, _ in live]
    assert answers.ner == (pytest.approx(100 * sum(good) / len(good), abs=0.01) if good else None)
    pdds = [pdd for _, _, pdd in live if pdd is not None]
    assert answers.pdd_ms == (pytest.approx(sum(pdds) / len(pdds), abs=0.5) if pdds else None)


@given(
    EVENTS, st.tuples(st.integers(300, 900), st.integers(5, 24)), st.tuples(st.integers(300, 900), st.integers(5, 24))
)
def test_a_change_of_the_window_loses_nothing_that_still_counts(events, old, new):
    window = Window(*old)
    for at, _, _ in sorted(events, key=lambda row: row[0]):
        window.add(at, 1, 1)
    now = max((row[0] for row in events), default=0)
    before = sum(row[1] for row in window.segments(now))
    window.fit(*new)
    after = sum(row[1] for row in window.segments(now))
    assert after <= before
    if new[0] >= old[0] + old[0] / old[1] + new[0] / new[1]:
        assert after == before
    window.fit(*new)
    assert sum(row[1] for row in window.segments(now)) == after


def test_parameters_change_while_calls_go_on():
    found = kept()
    for at in range(0, 600, 10):
        found.attempt("g", USUAL, "", at, None if at % 20 else FAILED, None)
    found.follow(Parameters(ON | {"SS_GATEWAY_ASR_RESERVE_TIME": "3600", "SS_GATEWAY_ASR_RESERVE_SEPARATE": "24"}))
    found.attempt("g", USUAL, "", 600, None, None)
    assert found.figures("g", 600).attempts == 61
    assert found.figures("g", 1800).attempts == 61
    assert found.figures("g", 4500) == NOTHING


# ---- bounds


def test_the_table_of_destinations_is_bounded(monkeypatch):
    monkeypatch.setattr(gauges, "GENERATION", 100)
    pairs = Pairs()
    for number in range(5000):
        pairs.gauge(("g", str(number)), 0, 600)
        assert len(pairs) <= 200
        pairs.gauge(("g", "busy"), 0, 600)
    assert pairs.get(("g", "4999")) is not None
    assert pairs.get(("g", "1")) is None


@given(st.lists(st.tuples(st.integers(0, 900), st.integers(0, 5)), max_size=60))
def test_a_pair_that_counts_is_kept_for_a_period(steps):
    pairs, now, last = Pairs(), 0, {}
    for wait, who in steps:
        now += wait
        key = ("g", str(who))
        known = pairs.get(key)
        if key in last and now - last[key][0] <= 600:
            assert known is last[key][1]
        last[key] = now, pairs.gauge(key, now, 600)


def test_what_is_not_heard_of_is_forgotten():
    pairs = Pairs()
    pairs.gauge(("g", "43"), 0, 600)
    pairs.gauge(("g", "1"), 700, 600)
    pairs.gauge(("g", "2"), 1400, 600)
    assert pairs.get(("g", "43")) is None
    assert len(pairs) == 2


# ---- what an earlier run has seen


def counted(reached, pdd):
    good = reached is None or effective(reached, pdd is not None)
    return (reached is None, 1, good, pdd or 0, pdd is not None, 0, 0)


@given(EVENTS, st.randoms(), st.integers(0, 60), st.integers(0, 900))
def test_windows_that_are_told_of_later_say_the_same(events, chance, lived, later):
    """In any order, and though calls of this run are counted in between."""
    events = sorted(events, key=lambda row: row[0])
    split = len(events) * lived // 60
    now = events[-1][0] if events else 0
    whole, told = kept(), kept()
    for at, reached, pdd in events:
        whole.attempt("g", USUAL, "43", at, reached, pdd)
        whole.call("g", USUAL, "43", at, 1000 * at)
    past, own = events[:split], events[split:]
    chance.shuffle(past)
    for at, reached, pdd in own:
        told.attempt("g", USUAL, "43", at, reached, pdd)
        told.call("g", USUAL, "43", at, 1000 * at)
    for at, reached, pdd in past:
        told.recall("g", USUAL, "43", now, at, counted(reached, pdd))
        told.recall("g", USUAL, "43", now, at, (0, 0, 0, 0, 0, 1000 * at, 1))
    assert told.figures("g", now + later) == whole.figures("g", now + later)
    assert told.figures_to("g", "43", now + later) == whole.figures_to("g", "43", now + later)


def test_an_earlier_run_counts_for_nothing_that_is_not_wanted():
    found = Gauges()
    found.follow(Parameters({"SS_GATEWAY_ACD_CALCULATE": "On"}))
    found.recall("g", USUAL, "", 5, 1, (1, 1, 1, 700, 1, 0, 0))
    assert not found
    found.recall("g", USUAL, "", 5, 1, (1, 1, 1, 700, 1, 8000, 1))
    assert found.figures("g", 5) == (0, None, None, None, 1, 8)
    found.recall("judged", Conduct(thresholds=Thresholds(asr=50)), "", 5, 1, (1, 2, 1, 700, 1, 8000, 1))
    assert found.figures("judged", 5) == (2, 50, 50, 700, 1, 8)


def test_what_is_told_of_too_late_is_gone():
    found = kept()
    found.recall("g", USUAL, "", 5, -700, (1, 1, 1, 700, 1, 8000, 1))
    assert found.figures("g", 5) is NOTHING


# ---- what the order of gateways goes by


def test_the_order_goes_by_the_destination_when_it_has_enough_calls():
    found = kept(VS_GATEWAY_QUALITY_DIGITS="4")
    own = Conduct(sample=2)
    for number, reached in (("4366", FAILED), ("4366", FAILED), ("4367", None), ("4367", None), ("4368", FAILED)):
        found.attempt("g", own, number, 0, reached, None)
    for number, talk in (("4366", 10_000), ("4366", 20_000), ("4367", 60_000)):
        found.call("g", own, number, 0, talk)
    both = [found.both("g", own, 1, "43", callee) for callee in ("436611", "436711", "436811", "1")]
    assert both == [(0, 15), (100, 30), (40, 30), (40, 30)]
    assert found.both("g", USUAL, 1, "43", "436611")[0] == 40
    assert found.both("g", Conduct(asr=False, sample=2), 1, "43", "436611")[0] is None
