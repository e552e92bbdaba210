"""The Reason header both ways (RFC 3326, RFC 6432)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sip_world import ANSWER, UAS, World, reply

from vosswitch import sdp
from vosswitch.model.causes import END_REASONS, cause, from_q850
from vosswitch.model.signals import Answer, Release
from vosswitch.sip.grammar.reason import NONE, Reasons, lines_of, read

SESSION = sdp.parse(ANSWER)


@pytest.fixture
def world():
    world = World()
    yield world
    world.close()


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (None, NONE),
        (["Q.850;cause=17"], Reasons(17)),
        (['q.850 ; cause=34;text="no circuit"'], Reasons(34, 0, "no circuit")),
        (
            ['SIP;cause=200;text="Call completed elsewhere", Q.850;cause=16'],
            Reasons(16, 200, "Call completed elsewhere"),
        ),
        (["SIP;cause=486", "Q.850;cause=17", "Q.850;cause=1"], Reasons(17, 486)),
        (["Q.850;cause=999"], Reasons()),
        (["Q.850;cause=-1", 'Q.850;text="unclosed', ";;;", "SIP;cause=99", "Preemption;cause=1"], Reasons()),
        (["Q.850;cause=5, " * 50], Reasons(5)),
    ],
)
def test_values_are_read(values, found):
    assert read(values) == found


@given(st.lists(st.text(max_size=60), max_size=12))
def test_any_text_is_taken(values):
    found = read(values)
    assert 0 <= found.q850 < 128
    assert len(found.text) <= 120


@pytest.mark.parametrize("value", range(128))
def test_each_q850_cause_has_an_end_reason_with_the_code_as_received(value):
    reached = from_q850(value)
    assert reached.reason in END_REASONS
    assert reached.code == (0 if value in {0, 16, 31} else value)
    assert reached.q850 == (value or 16)


def test_lines_are_of_our_own_words():
    assert lines_of("busy", 17) == ('Reason: Q.850;cause=17;text="User busy"',)
    assert lines_of("caller_abandoned", 16, 200)[0] == 'Reason: SIP;cause=200;text="Call completed elsewhere"'


def test_the_cause_of_a_bye_is_that_of_the_record(world):
    caller = world.invite()
    leg, _ = world.calls.offered.pop()
    leg.send(Answer(SESSION))
    caller.join(caller.take()[-1])
    caller.ack()
    world.calls.of(leg)
    caller.request("BYE", reason='Q.850;cause=38;text="host 10.0.0.1 is down"')
    assert caller.statuses() == [200]
    (release,) = world.calls.of(leg)
    assert (release.cause.reason, release.cause.code, release.cause.q850) == ("service_unavailable", 38, 38)
    assert release.cause.text == "host 10.0.0.1 is down"


def test_a_bye_gives_the_number_on_and_never_the_words(world):
    leg = world.place()
    world.put(reply(world.one(UAS), 200, ANSWER), UAS)
    world.take()
    leg.send(Release(from_q850(38, "host 10.0.0.1 is down")))
    bye = world.one(UAS)
    assert bye.get("reason") == f'Q.850;cause=38;text="{END_REASONS["service_unavailable"].text}"'
    world.put(reply(bye, 200), UAS)


def test_the_reason_of_a_refusal_goes_to_the_caller(world):
    leg = world.place()
    world.put(reply(world.one(UAS), 480, REASON='Q.850;cause=20;text="absent"'), UAS)
    world.take()
    (release,) = world.calls.of(leg)
    assert (release.cause.code, release.cause.q850, release.cause.text) == (480, 20, "absent")
    caller = world.invite()
    incoming, _ = world.calls.offered.pop()
    incoming.send(release)
    refusal = caller.take()[-1]
    assert (refusal.status, refusal.get("reason").partition(";text")[0]) == (480, "Q.850;cause=20")
    caller.ack_refusal(refusal)


def test_the_reason_of_a_provisional_response_stands_for_a_refusal_without_one(world):
    leg = world.place()
    invite = world.one(UAS)
    world.put(reply(invite, 183, REASON="Q.850;cause=27"), UAS)
    world.put(reply(invite, 500), UAS)
    world.take()
    assert world.calls.of(leg)[-1].cause.q850 == 27


def test_completed_elsewhere_goes_from_cancel_to_cancel(world):
    caller = world.invite()
    leg, _ = world.calls.offered.pop()
    caller.request("CANCEL", branch=caller.branch, reason='SIP;cause=200;text="on my desk 10.0.0.1"')
    refusal = next(found for found in caller.take() if found.status == 487)
    caller.ack_refusal(refusal)
    (release,) = world.calls.of(leg)
    assert (release.cause.reason, release.cause.sip) == ("caller_abandoned", 200)
    out = world.place()
    invite = world.one(UAS)
    world.put(reply(invite, 180), UAS)
    out.send(release)
    cancel = world.one(UAS)
    assert cancel.method == "CANCEL"
    assert cancel.headers["reason"][0] == 'SIP;cause=200;text="Call completed elsewhere"'
    world.put(reply(cancel, 200), UAS)
    world.put(reply(invite, 487), UAS)
    world.take()


def test_a_cancel_of_a_timeout_names_it(world):
    world.place()
    invite = world.one(UAS)
    world.put(reply(invite, 180), UAS)
    world.clock.pump([10.0] * 13)
    cancel = world.one(UAS)
    assert cancel.get("reason").startswith(f"Q.850;cause={cause('no_answer').q850};")
    world.put(reply(cancel, 200), UAS)
    world.put(reply(invite, 487), UAS)
    world.take()
