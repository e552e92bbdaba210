"""One call between two legs: what each side is told and when, who leaves when, and that everything comes back."""

from __future__ import annotations

import dataclasses

import pytest

from tests.unit.call.call_world import (
    PREPAID,
    START,
    World,
    account,
    by_name,
    group,
    mapping,
    offer,
    phone,
    rate,
    routing,
)
from vosswitch.model.causes import cause, from_sip
from vosswitch.model.identity import Identity
from vosswitch.model.signals import Accept, Answer, Confirm, Offer, Progress, Redirected, Refuse, Release, Ring
from vosswitch.model.values import UNITS, Address, Side


def limited(**lines):
    """Routing gateways r1 and r2 with line limits."""
    return by_name(*[routing(name, priority=n, lines=most) for n, (name, most) in enumerate(lines.items())])


# ---- the answer


def test_the_answer_is_in_the_journal_before_the_caller_hears_it():
    world = World()
    world.talk()
    assert world.order("start", "placed", "answer") == [
        "journal start",
        "out1 placed",
        "journal answer",
        "in1 told answer",
    ]


def test_the_answer_record_holds_what_a_restart_needs():
    world = World()
    world.call(source=PREPAID)
    world.clock.advance(2)
    world.out.answers(offer(5000))
    (record,) = world.journal.of("answer")
    (start,) = world.journal.of("start")
    assert record["flowno"] == start["flowno"] == world.running().cdr.flowno
    assert record["answer"] == START + 2000
    assert record["funded_until_ms"] == START + 2000 + 60_049
    assert record["legs"] == [{"protocol": "fake", "leg": "in1"}, {"protocol": "fake", "leg": "out1"}]
    kinds = [(row["account"], row["kind"], row["mode"]) for row in record["charges_terms"]]
    assert kinds == [("p", "call", "increment"), ("v", "cost", "increment")]
    cdr = record["cdr"]
    assert (cdr.clearing_account, cdr.cost_prefix, cdr.rate_prefix) == ("v", "43", "43")
    assert (cdr.callee_sip_call_id, cdr.callee_ip, cdr.routing_gateway) == ("out1@peer", "192.0.2.100", "r1")
    assert cdr.attempts[0].reason == "answered"


RISING = by_name(
    group("retail", rate("43", "0.6"), rate("43", "6", effective=START + 5000, connect_fee="1")),
    group("wholesale", rate("43", "0.3"), rate("43", "1.2", effective=START + 5000)),
)


def test_the_rate_in_force_at_the_answer_counts():
    world = World(rate_groups=RISING)
    world.call(source=PREPAID)
    world.clock.advance(6)
    world.out.answers(offer(5000))
    assert world.running().funding.reserved == UNITS + 6 * UNITS
    (record,) = world.journal.of("answer")
    assert [row["terms"]["per_minute"] for row in record["charges_terms"]] == ["6", "1.2"]
    world.clock.advance(10)
    world.out.hangs_up()
    cdr = world.cdr
    assert (cdr.fee, cdr.cost) == (2 * UNITS, UNITS // 5)
    assert ("rate", "another rate is in force at the answer: 6 per minute") in cdr.decision["notes"]
    world.check_idle()


def test_an_answer_that_the_account_cannot_pay_is_not_passed_on():
    world = World(rate_groups=RISING, money={"p": UNITS, "v": 0})
    caller = world.call(source=PREPAID)
    world.clock.advance(6)
    world.out.answers(offer(5000))
    assert not world.journal.of("answer")
    assert caller.released.reason == world.out.released.reason == "insufficient_balance"
    assert not any(isinstance(signal, Answer) for signal in caller.told)
    cdr = world.cdr
    assert (cdr.end_reason, cdr.answer, cdr.hold_time_ms, cdr.fee, cdr.cost) == ("insufficient_balance", None, 0, 0, 0)
    assert cdr.end_direction == Side.SERVER.code
    world.check_idle()


def test_an_answer_that_the_journal_refuses_is_not_passed_on():
    world = World()
    caller = world.call(source=PREPAID)
    world.journal.refuses.add("answer")
    world.out.answers(offer(5000))
    assert caller.released.reason == world.out.released.reason == "degraded"
    assert not any(isinstance(signal, Answer) for signal in caller.told)
    assert (world.cdr.end_reason, world.cdr.answer, world.cdr.charges) == ("degraded", None, [])
    world.check_idle()


def test_a_call_that_the_journal_refuses_is_not_placed():
    world = World()
    world.journal.refuses.add("start")
    caller = world.call(source=PREPAID)
    assert caller.released.reason == "degraded"
    assert caller.status == 503
    assert not world.legs.placed
    assert world.cdr.end_reason == "degraded"
    world.check_idle()


def test_an_extension_that_the_journal_refuses_does_not_end_the_call():
    world = World()
    world.talk(source=PREPAID)
    world.journal.refuses.add("extend")
    world.clock.advance(58)
    assert world.running().funding.reserved > 60 * UNITS // 100


# ---- holding the 200


def held(**more):
    world = World(parameters={"VS_JOURNAL_SYNC_ANSWER": "On"})
    caller, callee = world.talk(source=PREPAID, **more)
    return world, caller, callee


def test_the_200_waits_for_the_disk_when_that_is_set():
    world, caller, _ = held()
    assert world.journal.of("answer")
    assert not caller.told
    world.clock.advance(0.03)
    world.journal.sync()
    assert caller.told == [Answer(caller.told[0].session)]
    world.clock.advance(10)
    caller.hangs_up()
    assert world.cdr.hold_time_ms == 10_030
    world.check_idle()


@pytest.mark.parametrize("who", ["caller", "callee"])
def test_a_side_that_leaves_while_the_200_waits(who):
    world, caller, callee = held()
    (caller.gives_up if who == "caller" else callee.hangs_up)()
    world.journal.sync()
    assert not any(isinstance(signal, Answer) for signal in caller.told)
    assert (callee if who == "caller" else caller).released is not None
    world.check_idle()


# ---- funding


def test_the_funding_grows_ahead_of_the_talk():
    world = World()
    world.talk(source=PREPAID)
    call = world.running()
    for _ in range(200):
        world.clock.advance(1)
        spoken = world.clock.seconds() * 1000
        assert call.funding.funded_ms > spoken
        assert call.funding.reserved <= (61 + spoken // 1000) * UNITS // 100
    moments = [record["funded_until_ms"] for record in world.journal.of("extend")]
    assert moments == sorted(set(moments))
    assert len(moments) == 3
    world.out.hangs_up()
    assert world.cdr.fee == 2 * UNITS
    world.check_idle()


def test_the_call_is_cut_exactly_at_the_end_of_its_money():
    world = World(money={"p": UNITS // 4, "v": 0})
    caller, callee = world.talk(source=PREPAID)
    for _ in range(3000):
        world.clock.advance(0.01)
    cdr = world.cdr
    assert (cdr.end_reason, cdr.end_direction, cdr.fee) == ("balance_exhausted", 2, UNITS // 4)
    assert cdr.hold_time_ms == cdr.stop - cdr.answer == 25_049
    assert caller.released.reason == callee.released.reason == "balance_exhausted"
    assert "p" in world.wanted
    world.check_idle()


def test_a_timer_that_comes_late_does_not_cost_more_than_there_was():
    world = World(money={"p": UNITS // 4, "v": 0})
    world.talk(source=PREPAID)
    world.clock.advance(400)
    assert world.cdr.fee == UNITS // 4
    assert world.cdr.hold_time_ms == 25_049


def test_a_payment_in_the_last_seconds_lets_the_call_go_on():
    world = World(money={"p": UNITS // 4, "v": 0})
    world.talk(source=PREPAID)
    world.clock.advance(23)
    assert world.calls.calls
    world.balances.money("p", UNITS, UNITS)
    world.clock.advance(20)
    assert world.running().funding.reserved == 85 * UNITS // 100
    world.out.hangs_up()
    assert world.cdr.fee == 43 * UNITS // 100
    world.check_idle()


def test_two_calls_share_one_account_without_overdrawing_it():
    world = World(money={"p": UNITS, "v": 0})
    first, _ = world.talk(source=PREPAID)
    second, _ = world.talk(source=PREPAID)
    third = world.call(source=PREPAID)
    assert third.released.reason == "insufficient_balance"
    world.clock.pump([1] * 120)
    assert first.released.reason == second.released.reason == "balance_exhausted"
    assert sum(cdr.fee for cdr in world.cdrs) == UNITS
    world.check_idle()


@pytest.mark.parametrize(("source", "rest"), [("192.0.2.1", 0), ("192.0.2.2", 0)])
def test_the_longest_call(source, rest):
    world = World(parameters={"SS_MAX_CALL_DURATION": "90"})
    world.talk(source=PREPAID._replace(host=source))
    world.clock.pump([0.5] * 200)
    assert (world.cdr.end_reason, world.cdr.hold_time_ms) == ("max_duration", 90_000)
    world.check_idle()


def test_money_that_ends_before_the_longest_call():
    world = World(parameters={"SS_MAX_CALL_DURATION": "90"}, money={"p": UNITS // 2})
    world.talk(source=PREPAID)
    world.clock.pump([0.5] * 200)
    assert (world.cdr.end_reason, world.cdr.hold_time_ms) == ("balance_exhausted", 50_049)
    world.check_idle()


def test_a_free_call_of_a_prepaid_account_has_no_bound():
    world = World(parameters={"SERVER_BILLING_FREE_E164S": "43*"}, money={"p": 0})
    world.talk(source=PREPAID, timer=True)
    assert world.journal.of("answer")[0]["funded_until_ms"] is None
    world.clock.advance(100_000)
    world.out.hangs_up()
    assert (world.cdr.fee, world.cdr.billed_seconds, world.cdr.cost) == (0, 0, 500 * UNITS)
    world.check_idle()


# ---- failover


def test_the_next_gateway_after_a_failure():
    world = World()
    caller = world.call()
    world.clock.advance(0.5)
    world.out.fails(503)
    assert world.limits.view() == {"system": 1, "account:c": 1, "mapping:m": 1, "routing:r2": 1}
    world.out.answers(offer(5000))
    world.clock.advance(10)
    caller.hangs_up()
    cdr = world.cdr
    assert [(row.gateway, row.status, row.reason, row.duration_ms) for row in cdr.attempts] == [
        ("r1", 503, "service_unavailable", 500),
        ("r2", 200, "answered", 0),
    ]
    assert (cdr.routing_gateway, cdr.callee_sip_call_id, cdr.end_direction) == ("r2", "out2@peer", 0)
    assert world.tallies.today("r1") == world.tallies.today("r2") == 1
    world.check_idle()


def test_when_every_gateway_fails_the_caller_hears_the_last_one():
    world = World()
    caller = world.call()
    world.out.fails(503)
    world.out.fails(500)
    assert (caller.released.reason, caller.status) == ("server_failure", 500)
    assert (world.cdr.code, world.cdr.end_direction, world.cdr.sip_status) == (500, Side.CALLEE.code, 500)
    world.check_idle()


def test_a_busy_callee_stops_the_search():
    world = World()
    caller = world.call()
    world.out.fails(486)
    assert len(world.legs.placed) == 1
    assert (caller.released.reason, caller.status) == ("busy", 486)
    world.check_idle()


@pytest.mark.parametrize(("early", "goes_on"), [(None, False), (offer(5000), False)])
def test_media_before_the_answer_stops_the_search(early, goes_on):
    world = World()
    world.call()
    world.out.progresses(offer(5000))
    if early is None:
        world.media.sessions[0].listener.media_started(Side.CALLEE)
    world.out.fails(503)
    assert (len(world.legs.placed) == 2) is goes_on
    world.check_idle()


def test_what_a_failed_gateway_says_later_is_not_heard():
    world = World()
    caller = world.call()
    first = world.out
    first.fails(503)
    first.listener.heard(first, Answer(offer(5000)))
    first.listener.heard(first, Release(cause("normal")))
    assert not caller.told
    assert world.running().machine.state == "placing"


def test_gateways_without_a_line_are_passed_over():
    world = World(routing_gateways=limited(r1=1, r2=None))
    world.call()
    world.call()
    assert [leg.placement.target.host for leg in world.legs.placed] == ["192.0.2.100", "192.0.2.100"]
    assert world.limits.view() == {
        "system": 2, "account:c": 2, "mapping:m": 2, "routing:r1": 1, "routing:r2": 1,
    }  # fmt: skip


def test_when_every_gateway_is_full():
    world = World(routing_gateways=limited(r1=1, r2=1))
    legs = [world.call() for _ in range(3)]
    assert (legs[2].released.reason, legs[2].status) == ("all_gateways_busy", 503)
    assert ("r1", "full: lines routing:r1") in world.cdr.decision["notes"]
    for leg in legs[:2]:
        leg.gives_up()
    world.check_idle()


def test_calls_per_second_of_a_gateway():
    world = World(routing_gateways=by_name(routing("r1", cps=1)))
    world.call()
    assert world.call().released.reason == "all_gateways_busy"
    world.clock.advance(1.01)
    assert world.call().released is None


def test_dial_plans_of_gateways_that_leave_nothing_of_the_number():
    world = World(routing_gateways=by_name(routing("r1", callee_dial_plan="4312345:")))
    caller = world.call()
    assert (caller.released.reason, caller.status) == ("empty_callee", 484)
    assert ("r1", "its dial plan leaves nothing of the called number") in world.cdr.decision["notes"]
    world.check_idle()


def test_a_full_gateway_beside_one_whose_dial_plan_leaves_nothing():
    plans = by_name(routing("r1", callee_dial_plan="4312345:"), routing("r2", lines=0, priority=1))
    world = World(routing_gateways=plans)
    assert world.call().released.reason == "all_gateways_busy"


def test_no_media_port():
    world = World()
    world.media.ports = 0
    caller = world.call()
    assert (caller.released.reason, caller.status) == ("overload", 503)
    assert ("r1", "no media port is free") in world.cdr.decision["notes"]
    assert not world.cdr.attempts
    world.check_idle()


def test_a_gateway_that_needs_no_port_is_tried_when_none_is_free():
    world = World(routing_gateways=by_name(routing("r1"), routing("r2", priority=1, media_proxy="off")))
    world.media.ports = 0
    world.call()
    assert world.running().attempts.route.name == "r2"
    assert world.limits.in_use("routing:r1") == 0


# ---- who leaves when


def early(leg):
    leg.rings()


def talking(leg):
    leg.answers(offer(5000))


@pytest.mark.parametrize("before", [None, early, talking])
def test_the_caller_leaves(before):
    world = World()
    caller = world.call(source=PREPAID)
    if before is not None:
        before(world.out)
    world.clock.advance(3)
    (caller.hangs_up if before is talking else caller.gives_up)()
    assert world.out.released.reason == ("normal" if before is talking else "caller_abandoned")
    cdr = world.cdr
    assert (cdr.end_direction, cdr.hold_time_ms) == (0, 3000 if before is talking else 0)
    assert cdr.stop == START + 3000
    assert cdr.attempts[0].reason == ("answered" if before is talking else "caller_abandoned")
    world.check_idle()


@pytest.mark.parametrize("before", [None, early, talking])
def test_an_operator_ends_the_call(before):
    world = World()
    caller = world.call(source=PREPAID)
    if before is not None:
        before(world.out)
    assert world.calls.release(world.running().cdr.flowno)
    assert caller.released.reason == world.out.released.reason == "operator_release"
    assert (world.cdr.end_reason, world.cdr.end_direction) == ("operator_release", 2)
    world.check_idle()


def test_an_answer_that_crosses_the_cancel_changes_nothing():
    world = World()
    caller = world.call()
    caller.gives_up()
    world.out.listener.heard(world.out, Answer(offer(5000)))
    assert not caller.told
    assert (world.cdr.end_reason, world.cdr.answer) == ("caller_abandoned", None)
    world.check_idle()


def test_the_callee_never_answers():
    world = World()
    caller = world.call()
    world.out.rings()
    world.clock.advance(60)
    world.out.times_out("no_answer")
    assert (caller.released.reason, caller.status) == ("no_answer", 480)
    assert (world.cdr.code, world.cdr.end_direction) == (-2, 2)
    world.check_idle()


@pytest.mark.parametrize("side", [Side.CALLER, Side.CALLEE])
def test_silence_ends_the_call(side):
    world = World()
    caller, callee = world.talk(source=PREPAID)
    world.clock.advance(30)
    world.media.sessions[0].listener.media_timeout(side)
    assert caller.released.reason == callee.released.reason == "rtp_timeout"
    assert (world.cdr.end_reason, world.cdr.fee) == ("rtp_timeout", 30 * UNITS // 100)
    world.media.sessions[0].listener.media_timeout(side)
    world.check_idle()


def test_a_leg_that_fails_while_it_is_being_told_something():
    world = World()
    caller, callee = world.talk()
    told = callee.send

    def send(signal):
        told(signal)
        if isinstance(signal, Offer):
            callee.times_out("session_timeout")

    callee.send = send
    caller.say(Offer(offer(4002)))
    assert caller.released.reason == world.cdr.end_reason == "session_timeout"
    world.check_idle()


# ---- what the sides hear


def test_ringing_and_early_media_go_through_the_relay():
    world = World()
    caller = world.call()
    assert world.out.placement.session.host == "relay-caller"
    world.clock.advance(0.2)
    world.out.rings()
    world.clock.advance(0.2)
    world.out.progresses(offer(5000))
    world.out.answers()
    assert [type(signal) for signal in caller.told] == [Ring, Progress, Answer]
    assert caller.told[1].session.host == "relay-callee"
    assert caller.told[2].session is None
    caller.hangs_up()
    assert (world.cdr.pdd_ms, world.cdr.attempts[0].pdd_ms) == (200, 200)


def test_nothing_is_changed_without_a_relay():
    world = World(mapping_gateways=by_name(mapping("m", media_proxy="off")))
    caller, _ = world.talk()
    assert world.out.placement.session == offer()
    assert caller.told[0].session == offer(5000)
    caller.hangs_up()
    assert (world.cdr.media_proxied, world.cdr.media) == (False, None)
    world.check_idle()


@pytest.mark.parametrize(
    ("incoming", "outgoing", "default", "relayed"),
    [
        ("auto", "auto", "Auto", True), ("auto", "auto", "Off", False), ("on", "off", "On", False),
        ("off", "on", "On", False), ("off", "must_on", "Off", True), ("must_on", "off", "Off", True),
        ("auto", "on", "Off", False), ("on", "on", "Off", True), ("auto", "off", "Must On", True),
    ],
)  # fmt: skip
def test_which_media_is_relayed(incoming, outgoing, default, relayed):
    world = World(
        mapping_gateways=by_name(mapping("m", media_proxy=incoming)),
        routing_gateways=by_name(routing("r1", media_proxy=outgoing)),
        parameters={"SS_MEDIA_PROXY_MODE": default},
    )
    world.call()
    assert bool(world.media.sessions) is relayed


def test_the_relay_forgets_a_gateway_that_failed():
    world = World()
    world.call()
    world.out.fails(503)
    assert len(world.media.sessions) == 1
    assert world.media.sessions[0].resets == [Side.CALLEE]


def test_changes_of_the_session_go_to_the_other_side():
    world = World()
    caller, callee = world.talk()
    caller.say(Confirm())
    caller.say(Offer(offer(4002)))
    callee.say(Accept(offer(5002)))
    assert [type(signal) for signal in callee.told] == [Confirm, Offer]
    assert callee.told[1].session.host == "relay-caller"
    assert caller.told[-1].session.host == "relay-callee"


def test_nothing_is_relayed_before_there_is_a_callee():
    world = World()
    caller = world.call()
    caller.say(Offer(offer(4002)))
    caller.say(Confirm())
    assert not world.out.told


def test_the_record_waits_for_the_last_counts_of_the_media():
    world = World()
    world.media.slow = True
    caller, _ = world.talk()
    caller.hangs_up()
    assert not world.cdrs
    assert world.limits.view() == {}
    world.media.sessions[0].report()
    assert world.cdr.media["caller"] == {"packets": 100, "octets": 17200, "lost": 1, "address": "192.0.2.10:4000"}
    world.check_idle()


def test_a_called_phone_is_named_in_the_record():
    from vosswitch.model.call import Contact  # noqa: PLC0415 - here only
    from vosswitch.model.values import Address  # noqa: PLC0415

    target = Address("10.0.0.2", 5062)
    world = World(phones=by_name(phone("1002", lines=1)), rate_groups=by_name(group("retail", rate("10", "0.6"))))
    world.registrations.online["1002"] = (Contact("sip:1002@10.0.0.2", target, target, 9.0),)
    caller = world.call("1002")
    placed = world.out.placement
    assert (placed.request_uri, placed.target, placed.callee) == ("sip:1002@10.0.0.2", target, "1002")
    assert world.call("1002").released.reason == "all_gateways_busy"
    caller.gives_up()
    last = world.cdrs[-1]
    assert (last.callee_phone, last.routing_gateway, last.attempts[0].gateway) == ("1002", "", "phone:1002")


def test_accounts_that_may_overdraw_pay_for_the_whole_call():
    world = World(accounts=by_name(account("c", overdraft_limit=UNITS)), money={"c": 1})
    world.talk()
    world.clock.advance(600)
    world.out.hangs_up()
    assert world.cdr.fee == 6 * UNITS
    assert world.call().released.reason == "insufficient_balance"


PASSED = (("x-account", "7"),)


def test_headers_and_identity_go_through_with_the_signals():
    """Relayed media changes the description only."""
    world = World()
    caller = world.call()
    world.out.say(Progress(offer(5000), Identity("4940"), PASSED))
    world.out.say(Answer(offer(5000), Identity("4940"), PASSED))
    told = caller.told[-2:]
    assert [(signal.identity.asserted, signal.headers) for signal in told] == [("4940", PASSED)] * 2
    caller.say(Release(cause("normal"), PASSED))
    assert world.out.told[-1].headers == PASSED


def test_the_last_refusal_brings_its_headers_and_no_other():
    world = World()
    caller = world.call()
    world.out.say(Release(from_sip(503), (("x-account", "first"),)))
    world.out.say(Release(from_sip(486), PASSED))
    assert caller.told[-1].headers == PASSED


# ---- before the answer


def test_an_early_answer_to_a_late_offer_reaches_the_callee():
    world = World()
    caller = world.call(late=True)
    world.out.progresses(offer(5000))
    caller.say(Confirm(offer(4000)))
    assert isinstance(world.out.told[-1], Confirm)
    assert world.out.told[-1].session.host == "relay-caller"
    world.out.answers()
    caller.say(Confirm())
    assert isinstance(world.out.told[-1], Confirm)


def test_the_next_gateway_gets_as_an_offer_what_the_caller_has_answered():
    world = World(parameters={"SS_SIP_STOP_SWITCH_AFTER_SDP": "Off"})
    caller = world.call(late=True)
    world.out.progresses(offer(5000))
    caller.say(Confirm(offer(4000)))
    world.out.fails(503)
    assert len(world.legs.placed) == 2
    assert world.out.placement.session.media[0].formats == ("8", "0")


def test_a_change_before_the_answer_goes_to_the_other_side_and_back():
    world = World()
    caller = world.call()
    world.out.progresses(offer(5000))
    caller.say(Offer(offer(4002)))
    assert isinstance(world.out.told[-1], Offer)
    world.out.say(Accept(offer(5000)))
    assert isinstance(caller.told[-1], Accept)
    world.out.say(Offer(offer(5002)))
    assert isinstance(caller.told[-1], Offer)
    caller.say(Refuse(488))
    assert world.out.told[-1] == Refuse(488)


def test_we_answer_a_change_that_the_other_side_cannot_take():
    world = World()
    caller = world.call()
    world.out.progresses(offer(5000))
    hold = offer(4002)
    media = dataclasses.replace(hold.media[0], lines=("a=sendonly",))
    caller.say(Offer(dataclasses.replace(hold, media=(media,))))
    world.out.say(Refuse(504))
    accept = caller.told[-1]
    assert (type(accept), accept.session.host) == (Accept, "relay-callee")
    assert "a=recvonly" in accept.session.media[0].lines


def test_we_do_not_answer_it_when_media_is_not_relayed():
    world = World(mapping_gateways=by_name(mapping("m", media_proxy="off")))
    caller = world.call()
    world.out.progresses(offer(5000))
    caller.say(Offer(offer(4002)))
    world.out.say(Refuse(504))
    assert caller.told[-1] == Refuse(504)


@pytest.mark.parametrize(("seconds", "answered"), [(2, False), (20, True)])
def test_an_answer_that_the_caller_was_never_sent_costs_nothing_unless_the_caller_holds_it_up(seconds, answered):
    """Its leg still waits for an acknowledgement of early media, and media flows both ways meanwhile."""
    world = World()
    caller = world.call()
    world.out.answers(offer(5000))
    caller.status = 183
    world.clock.advance(seconds)
    caller.gives_up()
    cdr = world.cdr
    assert (cdr.answer is not None, cdr.hold_time_ms) == (answered, 20_000 if answered else 0)
    assert bool(cdr.fee) == bool(cdr.cost) == answered
    assert world.balances.state("c").undrained == cdr.fee
    world.check_idle()


def test_a_followed_redirection_stands_in_the_attempt_and_comes_back_as_a_loop():
    world = World()
    caller = world.call()
    there = Address("192.0.2.150", 5060)
    world.out.progresses(offer(5000))
    world.out.say(Redirected(there, "99", "sip:99@192.0.2.150"))
    assert world.media.sessions[0].resets == [Side.CALLEE]
    assert world.board.loops.came_back(there, world.out.placement.caller, "99")
    world.out.answers(offer(5000))
    assert isinstance(caller.told[-1], Answer)
    caller.hangs_up()
    (attempt,) = world.cdr.attempts
    assert (attempt.redirects, attempt.callee_out) == (["sip:99@192.0.2.150"], "4312345")
    assert ["r1", "redirected to sip:99@192.0.2.150"] in [list(note) for note in world.cdr.decision["notes"]]
    assert world.cdr.rate_prefix == "43"  # paid by the number that was dialled
    world.check_idle()


def test_where_a_peer_redirects_a_call_takes_bounded_room_in_its_record():
    world = World()
    leg = world.call()
    world.out.say(Redirected(Address("192.0.2.200", 5060), "1" * 5000, "sip:" + "1" * 5000 + "@192.0.2.200"))
    leg.gives_up()
    assert [len(uri) for uri in world.cdr.attempts[0].redirects] == [255]
