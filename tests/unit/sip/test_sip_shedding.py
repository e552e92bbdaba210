"""Refusals made from bytes: the same answer as the whole stack would give, for whatever comes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.sip.sip_world import OFFER, STRANGER, UAC, Peer, World
from vosswitch.model.causes import cause
from vosswitch.model.signals import Release
from vosswitch.model.source import source_key
from vosswitch.sip.gate.admission import URGENT_CPS
from vosswitch.sip.gate.refused import MOST, SECONDS, Refused
from vosswitch.sip.gate.shedding import LONGEST_HEAD, glimpse, refusal
from vosswitch.sip.gate.sources import MOST_SOURCES, SourceRates
from vosswitch.sip.grammar.message import Response
from vosswitch.sip.grammar.parse import parse

REQUEST = (
    "INVITE sip:1@192.0.2.1 SIP/2.0\r\n{via}\r\nMax-Forwards: 70\r\nFrom: <sip:2@x>;tag=f\r\n"
    "To: <sip:1@192.0.2.1>\r\nCall-ID: c@x\r\nCSeq: 7 INVITE\r\nContent-Length: 0\r\n\r\n"
)


@pytest.mark.parametrize(
    "via",
    [
        "Via: SIP/2.0/UDP 192.0.2.10:5070;branch=z9hG4bKa;rport",
        "v: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKa",
        "Via: SIP/2.0/UDP proxy.example;branch=z9hG4bKa, SIP/2.0/TCP 10.0.0.1:5080;branch=z9hG4bKb",
        "Via: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKa\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKb",
        "Via: SIP/2.0/UDP 192.0.2.10;\r\n  branch=z9hG4bKa",
        "VIA :SIP/2.0/UDP 192.0.2.10:5070;branch=z9hG4bKa;rport=",
    ],
)
def test_the_refusal_is_what_a_stack_would_say(via):
    data = REQUEST.format(via=via).encode()
    request = parse(data)
    seen = glimpse(data)
    assert seen is not None
    answer = parse(refusal(seen, "192.0.2.10", 5070, "tag1", 3))
    assert isinstance(answer, Response)
    request.stamp("192.0.2.10", 5070)
    assert answer.status == 503
    assert [via.replace(" ", "") for via in answer.all("via")] == [via.replace(" ", "") for via in request.all("via")]
    for name in ("from", "call-id", "cseq"):
        assert answer.headers[name] == request.headers[name]
    assert answer.to.tag == "tag1"
    assert answer.get("retry-after") == "3"


@pytest.mark.parametrize(
    "change",
    [
        ("Via: x", "V: SIP/2.0/UDP a;branch=z9hG4bKa"),
        ("CSeq: 7 INVITE", "X: y"),
        ("Call-ID: c@x", "Call-ID: c@x\r\ni: d"),
        ("Max-Forwards: 70", "X: " + "y" * LONGEST_HEAD),
        ("SIP/2.0/UDP 192.0.2.10", "\xff\xfe"),
    ],
)
def test_what_cannot_be_answered_is_not(change):
    data = REQUEST.format(via="Via: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKa").encode()
    spoilt = data.replace(change[0].encode(), change[1].encode("latin-1"))
    if spoilt != data:
        assert glimpse(spoilt) is None


@given(st.binary(max_size=400))
def test_no_bytes_raise_or_smuggle(noise):
    data = REQUEST.format(via="Via: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKa").encode()
    for place in (30, 60, 120, len(data) - 4):
        seen = glimpse(data[:place] + noise + data[place:])
        if seen is not None:
            answer = refusal(seen, "192.0.2.10", 5070, "t", 0)
            assert answer.count(b"\r\n\r\n") == 1
            assert answer.endswith(b"\r\nContent-Length: 0\r\n\r\n")


def test_a_source_has_a_second_of_requests_and_then_its_rate():
    rates = SourceRates()
    assert [rates.take("192.0.2.1", 3, 10.0) for _ in range(5)] == [True, True, True, False, False]
    assert rates.take("192.0.2.2", 3, 10.0)
    assert rates.take("192.0.2.1", 3, 10.34)
    assert not rates.take("192.0.2.1", 3, 10.35)


@given(st.lists(st.tuples(st.floats(0, 2), st.integers(0, 3)), max_size=200), st.integers(1, 20))
def test_no_second_has_more_than_twice_the_rate(steps, rate):
    rates, now, taken = SourceRates(), 0.0, []
    for wait, source in steps:
        now += wait / 10
        if rates.take(f"192.0.2.{source}", rate, now):
            taken.append((now, source))
    for start, mine in taken:
        assert sum(1 for at, source in taken if source == mine and start <= at < start + 1) <= 2 * rate


def test_sources_are_bounded_and_networks_of_ipv6_count_as_one():
    rates = SourceRates()
    for number in range(MOST_SOURCES + 10):
        rates.take(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 5, 1.0)
    assert len(rates._buckets) == MOST_SOURCES
    assert source_key("2001:db8:1:2::77") == source_key("2001:db8:1:2:ffff::1") != source_key("2001:db8:1:3::77")


# -- in the room


def overloaded(world: World, peer: tuple[str, int] = UAC) -> tuple[Peer, bytes]:
    """A caller whose INVITE is read now and served ten seconds later."""
    caller = Peer(world, peer, f"c{world.next()}@{peer[0]}")
    data = caller.text("INVITE", OFFER)
    world.service._sockets[0].taken(data, peer, world.clock.seconds())
    world.clock.advance(10)
    world.service.serve_taken()
    return caller, data


def test_a_late_invite_is_refused_without_a_trace_and_its_ack_absorbed():
    world = World()
    caller, data = overloaded(world)
    answer = world.one(UAC)
    assert (answer.status, answer.get("retry-after")) == (503, "2")
    assert len(data) > len(answer.to.tag) + 100
    assert world.calls.offered == []
    assert world.service._layer.servers == {}
    caller.to = f"{caller.to};tag={answer.to.tag}"
    caller.request("ACK", branch=caller.branch)
    assert world.service.statistics.absorbed == 1
    assert world.service.statistics.stray == 0
    assert [event["log_format"] for event in world.logged if "overload" in event["log_format"]] != []
    world.close()


def test_what_was_refused_is_not_served_when_it_comes_again():
    """Its caller may have sent it again before it heard the refusal: a call that nobody would end."""
    world = World()
    caller, data = overloaded(world)
    first = world.one(UAC)
    world.clock.advance(SECONDS - 0.1)
    world.put(data)
    again = world.one(UAC)
    assert (again.status, again.to.tag) == (503, first.to.tag)
    assert world.calls.offered == []
    world.put(caller.text("INVITE", OFFER).replace(caller.branch.encode(), b"z9hG4bKanother"))  # a new attempt
    assert len(world.calls.offered) == 1
    world.calls.offered[0][0].send(Release(cause("line_limit")))
    world.take()
    world.clock.advance(2 * SECONDS)
    world.put(data)  # long enough ago: served like any other
    assert len(world.calls.offered) == 2
    world.calls.offered[1][0].send(Release(cause("line_limit")))
    world.take()
    world.close()


def test_what_was_refused_is_remembered_for_a_while_and_in_bounded_room():
    refused = Refused()
    assert not refused
    refused.note("a", 100.0)
    assert refused.has("a", 100.0 + SECONDS * 1.5)
    assert not refused.has("b", 100.0)
    assert not refused.has("a", 100.0 + SECONDS * 3)
    assert not refused
    for number in range(MOST * 3):
        refused.note(str(number), 200.0)
    assert len(refused._present) + len(refused._former) <= 2 * MOST
    assert refused.has(str(MOST * 3 - 1), 200.0)


def test_what_runs_is_not_refused_when_it_is_repeated_late():
    world = World()
    caller = world.invite()
    world.take()
    world.service._sockets[0].taken(caller.sent, UAC, world.clock.seconds())
    world.clock.advance(10)
    world.service.serve_taken()
    assert [answer.status for answer in world.take(UAC)] == [100]
    world.calls.offered[0][0].send(Release(cause("line_limit")))
    world.take()
    world.close()


def test_a_late_stranger_gets_silence_where_strangers_do():
    world = World()
    world.parameters["SS_REPLY_UNAUTHORIZED"] = False
    overloaded(world, STRANGER)
    assert world.take() == []
    assert world.service.statistics.shed == 1


def test_a_source_beyond_its_rate_is_refused_without_retry_after():
    world = World()
    world.parameters["VS_SOURCE_CPS"] = 2
    for _ in range(3):
        world.invite()
    refused = [answer for answer in world.take(UAC) if answer.status == 503]
    assert len(refused) == 1
    assert refused[0].get("retry-after") is None  # a strict peer would hold all its traffic
    assert len(world.calls.offered) == 2
    for leg, _ in world.calls.offered:
        leg.send(Release(cause("line_limit")))
    world.take()
    world.close()


def test_a_full_switch_refuses_new_requests_and_goes_on_with_what_runs():
    world = World()
    caller = world.invite()
    leg, _ = world.calls.offered[0]
    world.take()
    world.service._layer.most = 1
    world.invite()
    refused = world.one(UAC)
    assert (refused.status, refused.get("retry-after")) == (503, "2")
    world.put(Peer(world, UAC, "options").text("OPTIONS"))
    assert world.one(UAC).status == 503
    assert (len(world.calls.offered), len(world.service._layer.servers)) == (1, 1)
    assert world.service.statistics.shed == 1
    world.put(caller.text("CANCEL"))
    assert sorted(answer.status for answer in world.take(UAC)) == [200, 487]
    assert world.calls.of(leg)
    world.close()
    world.invite()
    assert len(world.calls.offered) == 2


# -- emergency numbers


def emergency_world() -> World:
    world = World()
    world.credentials.emergencies = {"4940"}  # what the peers of these cases call
    return world


def test_a_late_call_to_an_emergency_number_is_served():
    world = emergency_world()
    overloaded(world)
    assert len(world.calls.offered) == 1
    assert (world.service.statistics.urgent, world.service.statistics.shed) == (1, 0)


def test_a_full_switch_serves_a_call_to_an_emergency_number_and_no_other():
    world = emergency_world()
    world.service._layer.most = 0
    world.invite()
    assert len(world.calls.offered) == 1
    world.take()
    caller = Peer(world, UAC, "ordinary")
    caller.uri = "sip:4941@192.0.2.1"
    world.put(caller.text("INVITE", OFFER))
    assert world.one(UAC).status == 503
    assert len(world.calls.offered) == 1


def test_a_stranger_is_shed_whatever_number_it_writes():
    world = emergency_world()
    overloaded(world, STRANGER)
    assert world.calls.offered == []
    assert (world.service.statistics.urgent, world.service.statistics.shed) == (0, 1)


def test_each_source_has_so_many_calls_a_second():
    world = emergency_world()
    world.service._layer.most = 0
    for _ in range(URGENT_CPS + 3):
        world.invite()
    assert len(world.calls.offered) == URGENT_CPS
    assert world.service.statistics.shed == 3


@pytest.mark.parametrize(
    "uri", ["sip:4940", "sip:49400@x", "sip:x4940@y", "sip:04940@x", "mailto:4940@x", "sip:4941@4940;4940"]
)
def test_only_the_called_number_itself_counts(uri):
    world = emergency_world()
    world.service._layer.most = 0
    caller = Peer(world, UAC, "other")
    caller.uri = uri
    world.put(caller.text("INVITE", OFFER))
    assert world.calls.offered == []
    assert world.service.statistics.urgent == 0
