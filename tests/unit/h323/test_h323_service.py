"""The switch's side: the process is there when it is needed, and no call outlives it."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred

from tests.unit.h323.h323_switch import PEER, Call, World
from vosswitch.h323.transport.link import SOON
from vosswitch.h323.wire import LegState
from vosswitch.model.call import Placement
from vosswitch.model.causes import cause
from vosswitch.model.peer import PLAIN
from vosswitch.model.signals import Answer, Confirm, Proceed, Release, Ring, Try
from vosswitch.model.values import Address

NORMAL = cause("normal")
PLACEMENT = Placement("1", "43", "44", PEER, None)


def offered(callee="44"):
    return Try("43", callee, PEER, Address("192.0.2.1", 1720, "h323"), "id")


@pytest.fixture
def world():
    world = World().start()
    yield world
    world.service.stopService()
    if world.service.pid is not None:
        world.process.dies()
    assert not world.reactor.getDelayedCalls()


def test_nothing_is_started_before_somebody_speaks_it():
    world = World()
    world.service.startService()
    world.service.follow(False)
    assert not world.reactor.processes
    world.service.stopService()
    assert not world.reactor.getDelayedCalls()


def test_a_process_is_told_first_what_it_has_to_know(world):
    """Behind its settings, and before it hears anybody: each new one."""
    world.service.beginning = lambda: world.service.tell("what", 1)
    world.process.dies()
    world.reactor.advance(1)
    assert [message[0] for message in world.process.told()] == ["settings", "do"]
    assert len(world.reactor.processes) == 2


def test_a_leg_is_placed_speaks_and_ends(world):
    call = Call()
    leg = world.service.place(PLACEMENT, call)
    ((what, number, placement),) = world.process.told()
    assert (what, placement) == ("place", PLACEMENT)
    world.process.says("state", number, LegState("call-id", PEER, "", 0, {"protocol": "h323"}))
    assert (leg.peer_call_id, leg.status, leg.resume_data()) == ("call-id", 0, {"protocol": "h323"})
    world.process.says("say", number, Ring(), LegState("call-id", PEER, "peer", 180))
    world.process.says("say", number, Answer(), LegState("call-id", PEER, "peer", 200))
    assert call.signals == [Ring(), Answer()]
    assert (leg.user_agent, leg.status) == ("peer", 200)
    leg.send(Confirm())
    leg.send(Release(NORMAL))
    leg.send(Confirm())
    assert [message[2] for message in world.process.told()] == [Confirm(), Release(NORMAL)]
    world.process.says("say", number, Release(NORMAL), LegState())
    world.process.says("over", number)
    assert call.signals == [Ring(), Answer()]
    assert world.service.busy() == 0


def test_a_call_that_comes_in_is_told_and_its_status_known_at_once(world):
    leg = world.comes(offered())
    assert world.calls.legs[0][1] == offered()
    for signal, status in ((Proceed(), 100), (Ring(), 180), (Answer(), 200)):
        leg.send(signal)
        assert leg.status == status
    world.process.says("state", 1, LegState("id", PEER, "", 180))
    assert leg.status == 200  # what the process says of before is no news
    assert [message[2] for message in world.process.told()] == [Proceed(), Ring(), Answer()]


def test_what_is_said_before_somebody_listens_is_heard_then(world):
    world.calls.call = None
    world.calls.incoming = lambda leg, offered: world.calls.legs.append((leg, offered))
    leg = world.comes(offered())
    world.process.says("say", 1, Release(NORMAL), LegState("id", PEER, "", 487))
    call = Call()
    leg.listen(call)
    assert call.signals == [Release(NORMAL)]


def test_when_the_process_dies_its_calls_end_and_it_comes_again(world):
    talking, waiting, connected = Call(), Call(), Call()
    caller = world.comes(offered())
    world.service.place(PLACEMENT, talking)
    world.service.place(PLACEMENT, waiting)
    world.service.place(PLACEMENT, connected)
    first, _, third = (number for what, number, *_ in world.process.told() if what == "place")
    world.process.says("say", first, Answer(), LegState("x", PEER, "", 200))
    world.process.says("state", third, LegState("y", PEER, "", 200))  # Connect, and no media yet
    world.process.dies()
    assert [one.cause.reason for one in talking.signals[1:]] == ["switch_restart"]
    assert [one.cause.reason for one in connected.signals] == ["rtp_timeout"]
    assert [one.cause.reason for one in waiting.signals] == ["connection_timeout"]
    assert [one.cause.reason for one in world.calls.call.signals] == ["switch_restart"]
    assert "ended" in world.trouble[-1]
    caller.send(Release(NORMAL))  # the call's own word to a leg that is gone
    assert len(world.reactor.processes) == 1
    world.reactor.advance(0.1)
    assert len(world.reactor.processes) == 2
    world.process.says("ready", (), "cannot listen on h323:192.0.2.1:1720: Address already in use")
    assert "already in use" in world.trouble[-1]
    world.process.says("ready", (), "")
    assert world.trouble[-1] == ""


def test_pauses_between_its_lives_grow_up_to_five_seconds(world):
    for wait in (0.1, 0.5, 1.0, 2.0, 5.0, 5.0):
        count = len(world.reactor.processes)
        world.process.dies()
        world.reactor.advance(wait * 0.9)
        assert len(world.reactor.processes) == count
        world.reactor.advance(wait * 0.11)
        assert len(world.reactor.processes) == count + 1


def test_a_call_out_while_it_is_away_fails_and_the_next_gateway_is_tried(world):
    world.process.dies()
    call = Call()
    world.service.place(PLACEMENT, call)
    assert not call.signals
    world.reactor.advance(0)
    assert [signal.cause.reason for signal in call.signals] == ["connection_timeout"]


def test_it_goes_when_nobody_needs_it_and_its_last_call_is_over(world):
    world.comes(offered())
    world.service.follow(False)
    assert ("stop",) not in world.process.told()
    world.process.says("over", 1)
    assert ("stop",) in world.process.told()
    world.process.dies()
    world.reactor.advance(60)
    assert len(world.reactor.processes) == 1
    world.service.follow(True)
    assert len(world.reactor.processes) == 2


def test_it_is_wanted_again_while_it_goes(world):
    world.service.follow(False)
    world.service.follow(True)
    world.process.dies()
    world.reactor.advance(0)
    assert len(world.reactor.processes) == 2


def test_a_stop_waits_for_it_and_kills_it_when_it_does_not_go(world):
    done = world.service.stopService()
    assert ("stop",) in world.process.told()
    assert not done.called
    world.reactor.advance(5)
    assert world.process.killed
    world.process.dies()
    assert done.called


def test_one_that_gives_no_sign_of_life_is_killed(world):
    for _ in range(20):
        world.process.says("counts", {"setups": 1})
        world.reactor.advance(1)
    assert not world.process.killed
    world.reactor.pump([1.0] * 12)
    assert world.process.killed


def test_one_that_does_not_read_is_killed_and_given_no_calls(world):
    world.process.link.pauseProducing()
    call = Call()
    world.service.place(PLACEMENT, call)
    world.reactor.advance(0)
    assert [signal.cause.reason for signal in call.signals] == ["connection_timeout"]
    for _ in range(12):
        world.process.says("counts", {})
        world.reactor.advance(1)
    assert world.process.killed


def test_a_changed_parameter_is_told(world):
    world.service.follow(True)
    assert not world.process.told()
    world.parameters = world.parameters.with_values({"SS_H323_TIMEOUT_ALERTING": "33"})
    world.service.follow(True)
    ((what, settings),) = world.process.told()
    assert (what, settings["SS_H323_TIMEOUT_ALERTING"]) == ("settings", 33.0)


def test_it_is_told_the_emergency_numbers_when_they_change(world):
    world.service.emergencies = lambda: ["112", "110-119"]
    world.service.follow(True)
    ((what, settings),) = world.process.told()
    assert (what, list(settings["emergencies"])) == ("settings", ["112", "110-119"])
    world.service.follow(True)
    assert not world.process.told()
    world.process.dies()
    world.reactor.advance(0.1)
    ((what, settings),) = world.process.told()
    assert list(settings["emergencies"]) == ["112", "110-119"]


@pytest.mark.parametrize("callee", ["44", "112"])
def test_while_draining_new_calls_are_refused(world, callee):
    world.service.draining = True
    assert world.comes(offered(callee)) is None
    ((_, _, release),) = world.process.told()
    assert release.cause.reason == "overload"


def test_what_has_waited_too_long_is_refused_but_emergency_calls(world):
    world.reactor.advance(1)
    for number, callee in ((1, "44"), (3, "112")):
        world.process.says("incoming", number, offered(callee), LegState("id", PEER, "", 100), 0.0)
    assert [one.callee for _, one in world.calls.legs] == ["112"]


def test_a_call_that_cannot_be_decided_is_answered_all_the_same(world):
    world.calls.fails = True
    world.comes(offered())
    ((_, _, release),) = world.process.told()
    assert release.cause.reason == "degraded"


def test_questions_are_answered(world):
    world.process.says("ask", 5, "known", (PEER,))
    world.process.says("ask", 6, "known", (PEER._replace(host="192.0.2.77"),))
    world.process.says("ask", 7, "caller", (PEER, "44", {"called_party": "44"}, ()))
    later = Deferred()
    world.service.questions["registered"] = lambda name: later
    world.process.says("ask", 8, "registered", ("x",))
    assert world.process.told() == [("answer", 5, True), ("answer", 6, False), ("answer", 7, (PLAIN, None))]
    later.callback("yes")
    assert world.process.told() == [("answer", 8, "yes")]


def test_who_waits_with_a_call_hears_that_a_question_has_failed(world):
    """Others get no answer: none of theirs means that there is none."""

    def fails(*_values):
        raise RuntimeError("planted")

    world.service.questions |= {"known": fails, "caller": fails, "ras_call": fails}
    for number, name in enumerate(("known", "caller", "ras_call")):
        world.process.says("ask", number, name, (PEER,))
    assert world.process.told() == [("answer", 0, None), ("answer", 1, None)]


def test_strangers_are_in_the_log_as_those_of_sip(world):
    for number in range(5, 9):
        world.process.says("ask", number, "stranger", (PEER,))
    (event,) = [one for one in world.events if one.get("event") == "auth_refused"]
    assert (event["source"], event["transport"], event["reason"]) == (PEER.host, "h323", "unknown_source")


def test_orphans_are_ended_by_the_process(world):
    settled = []
    world.service.end_orphan({"protocol": "h323", "address": ["192.0.2.9", 1720]}, lambda: settled.append(1))
    ((what, number, data),) = world.process.told()
    assert (what, data["address"]) == ("orphan", ("192.0.2.9", 1720))
    assert not settled
    world.process.says("settled", number)
    assert settled == [1]


def test_orphans_are_given_up_while_there_is_no_process():
    settled = []
    world = World()
    world.service.end_orphan({"protocol": "h323", "address": ["192.0.2.9", 1720]}, lambda: settled.append(1))
    assert settled == [1]


def test_what_it_counts_and_logs_is_seen(world):
    world.process.says("counts", {"setups": 2, "legs": 1})
    world.process.says("log", "warn", "bad from {source}", {"source": "x\ny"})
    assert world.service.counted() == {"legs": 1, "restarts": 0, "setups": 2}
    assert [one["source"] for one in world.events if "source" in one] == ["x\ny"]


def test_a_broken_message_of_it_ends_only_it(world):
    call = Call()
    world.service.place(PLACEMENT, call)
    world.process.link.dataReceived(b"nonsense\n")
    assert not world.process.link.open
    world.process.dies()
    assert [one.cause.reason for one in call.signals] == ["connection_timeout"]


def test_what_nobody_waits_for_goes_with_the_next_message_or_soon_and_in_order(world):
    link = world.process.link
    link.send_soon("one")
    assert not world.process.told()
    link.send("two")
    assert world.process.told() == [("one",), ("two",)]
    link.send_soon("three")
    world.reactor.advance(SOON)
    assert world.process.told() == [("three",)]
    world.reactor.advance(SOON)
    assert not world.process.told()
