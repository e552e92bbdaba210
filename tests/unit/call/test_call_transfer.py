"""Transfers inside the switch: who speaks with whom, who pays, what is written, and what happens where it fails."""

from __future__ import annotations

import pytest
from call_world import CUSTOMER, PREPAID, World, account, by_name, group, mapping, offer, phone, rate

from vosswitch.call.handover import DEPTH, PAUSE, TRIES
from vosswitch.call.joint import Joint
from vosswitch.call.transfer import Effect, Input, State, TransferMachine
from vosswitch.cdr.recovery import ended
from vosswitch.model.causes import cause, from_sip
from vosswitch.model.signals import (
    Accept,
    Carried,
    Carry,
    Digit,
    Offer,
    Refuse,
    Release,
    Replaces,
    Transfer,
    Transferred,
)
from vosswitch.model.values import UNITS, Address

NAME = Replaces("name", "t", "f")


@pytest.fixture
def world():
    world = World()
    yield world
    world.check_idle()
    assert all(call.handover is None for call in world.calls.calls.values())


def told(leg, kind):
    return [signal for signal in leg.told if type(signal) is kind]


def statuses(leg):
    return [signal.status for signal in told(leg, Transferred)]


def blind(world, by, stays, number="4355"):
    """A blind transfer that comes about; the partner's leg."""
    by.say(Transfer(number))
    partner = world.out
    partner.rings()
    partner.answers(offer(7000, "192.0.2.70"))
    stays.say(Accept(offer(5002)))
    return partner


# ---- the table


def test_nothing_follows_from_the_end():
    machine = TransferMachine(State.OVER)
    assert [machine.feed(what) for what in Input] == [None] * len(Input)


@pytest.mark.parametrize("state", [state for state in State if state is not State.OVER])
def test_every_state_can_be_left(state):
    for what, end in ((Input.STOPPED, Effect.DROP), (Input.FAILED, Effect.FAIL)):
        machine = TransferMachine(state)
        assert machine.feed(what) is end
        assert machine.state is State.OVER


# ---- blind


def test_the_caller_transfers(world):
    caller, callee = world.talk()
    world.clock.advance(10)
    partner = blind(world, caller, callee)
    assert partner.placement.callee == "4355"
    assert statuses(caller) == [180, 200]
    assert caller.released.reason == "normal"
    (asked,) = told(callee, Offer)
    assert asked.session.host == "relay-callee"
    assert callee.released is None
    assert partner.released is None
    world.clock.advance(20)
    callee.say(Digit("5"))
    assert told(partner, Digit) == [Digit("5")]
    callee.hangs_up()
    assert partner.released.reason == "normal"
    new, old = world.cdrs
    assert (old.callee, old.hold_time, old.account) == ("4312345", 30, "c")
    assert (new.callee, new.hold_time, new.account, new.mapping_gateway) == ("4355", 20, "c", "m")
    assert (old.fee, new.fee) == (3 * UNITS // 10, 2 * UNITS // 10)
    assert old.decision["transfer"] == {"to": str(new.flowno), "by": "caller"}
    assert new.decision["transfer"] == {"from": str(old.flowno), "by": "caller", "depth": 1}
    assert world.balances.state("c").undrained == old.fee + new.fee


def test_the_callee_transfers_and_pays_as_a_customer_of_its_own():
    world = World(mapping_gateways=by_name(
        mapping("m"), mapping("office", account="p", addresses=["192.0.2.100"])))  # fmt: skip
    caller, callee = world.talk()
    world.clock.advance(10)
    partner = blind(world, callee, caller)
    assert callee.released.reason == "normal"
    assert told(caller, Offer)[0].session.host == "relay-callee"
    world.clock.advance(20)
    assert world.balances.state("p").reserved > 0
    caller.hangs_up()
    assert partner.released is not None
    new, old = world.cdrs
    assert (old.account, old.hold_time, old.fee) == ("c", 30, 3 * UNITS // 10)
    assert (new.account, new.mapping_gateway, new.hold_time) == ("p", "office", 20)
    # the vendor's own leg was up for ten seconds; that it carried on is the customer's rate alone
    assert old.cost == 5 * UNITS // 100
    assert new.cost == 10 * UNITS // 100
    assert old.callee_sip_call_id == callee.peer_call_id
    world.check_idle()


def test_a_vendor_that_may_not_call_cannot_transfer(world):
    caller, callee = world.talk()
    callee.say(Transfer("4355"))
    assert statuses(callee) == [403]
    assert (caller.released, callee.released) == (None, None)
    assert len(world.legs.placed) == 1
    caller.hangs_up()
    assert world.cdrs[0].end_reason == "unauthorized"
    assert world.cdrs[1].end_reason == "normal"


def test_a_phone_transfers_what_it_was_called_for():
    world = World(phones=by_name(phone("4399", account="p")), parameters={"VS_PHONE_TRANSFERS": "On"})
    from vosswitch.model.call import Contact  # noqa: PLC0415

    here = Address("198.51.100.1", 5060)
    world.registrations.online["4399"] = (Contact("sip:4399@192.0.2.99", Address("192.0.2.99", 5060), here, 1e9),)
    caller, callee = world.talk(callee="4399")
    assert callee.placement.profile.transfers == "internal"
    partner = blind(world, callee, caller)
    caller.hangs_up()
    assert partner.released is not None
    new, old = world.cdrs
    assert (new.phone, new.account, new.caller) == ("4399", "p", "4399")
    assert (old.account, old.callee_phone) == ("c", "4399")
    world.check_idle()


@pytest.mark.parametrize("status", [486, 503, 404])
def test_a_refused_transfer_leaves_the_call(world, status):
    caller, callee = world.talk()
    caller.say(Transfer("4355"))
    while len(told(caller, Transferred)) == 0:
        world.out.fails(status)
    assert statuses(caller) == [status]
    assert (caller.released, callee.released) == (None, None)
    caller.say(Digit("1"))
    assert told(callee, Digit) == [Digit("1")]
    world.clock.advance(5)
    caller.hangs_up()
    assert [cdr.hold_time for cdr in world.cdrs] == [0, 5]
    assert world.cdrs[0].fee == 0


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"accounts": {"c": account("c", locked=True)}}, 403),
        ({"accounts": {"c": account("c", lines=1)}}, 503),
        ({"rate_groups": by_name(group("retail", rate("49", "1")))}, 403),
        ({"mapping_gateways": {"m": None}}, 403),
        ({"mapping_gateways": {"m": mapping("m", lines=1)}}, 503),
    ],
)
def test_the_new_call_is_decided_as_any_call_of_that_party(world, change, status):
    caller, callee = world.talk()
    world.tell(**change)
    caller.say(Transfer("4355"))
    assert statuses(caller) == [status]
    assert len(world.legs.placed) == 1
    assert callee.released is None
    caller.hangs_up()


def test_no_account_is_overdrawn():
    world = World(money={"c": 0, "p": 7 * UNITS // 10, "v": 0})
    caller, callee = world.talk(source=PREPAID)
    caller.say(Transfer("4355"))
    while world.out is not callee and world.out.released is None and not statuses(caller):
        world.out.answers(offer(7000))
        callee.say(Accept(offer(5002)))
    world.clock.advance(1000)
    assert all(leg.gone for leg in (callee, *world.legs.placed))
    assert sum(cdr.fee for cdr in world.cdrs) <= 7 * UNITS // 10
    assert sum(cdr.fee for cdr in world.cdrs) > 6 * UNITS // 10
    world.check_idle()


def test_a_fraud_rule_sees_the_new_call():
    from vosswitch.model.call import Reject  # noqa: PLC0415

    seen = []

    def rule(attempt):
        seen.append((attempt.caller, attempt.callee, attempt.account, attempt.subject))
        return Reject("fraud_blocked") if attempt.callee == "4355" else None

    world = World(approve_call=(rule,))
    caller, _ = world.talk()
    caller.say(Transfer("4355"))
    assert statuses(caller) == [403]
    assert seen[-1] == ("1000", "4355", "c", "mapping_gateway:m")
    caller.hangs_up()
    assert world.cdrs[0].end_reason == "fraud_blocked"
    world.check_idle()


def test_who_transfers_may_hang_up_at_once(world):
    caller, callee = world.talk()
    caller.say(Transfer("4355"))
    caller.hangs_up()
    assert callee.released is None
    world.out.answers(offer(7000))
    callee.say(Accept(offer(5002)))
    world.clock.advance(7)
    world.out.hangs_up()
    assert callee.released.reason == "normal"
    assert [cdr.hold_time for cdr in world.cdrs] == [7, 7]
    assert world.cdrs[0].end_direction in (0, 1)


def test_who_waits_is_released_when_a_transfer_fails_that_nobody_waits_for(world):
    caller, callee = world.talk()
    caller.say(Transfer("4355"))
    caller.hangs_up()
    world.clock.advance(3)
    world.out.fails(486)
    assert callee.released.reason == "normal"
    assert sorted(cdr.hold_time for cdr in world.cdrs) == [0, 3]


@pytest.mark.parametrize("answered", [False, True])
def test_the_stayer_hangs_up_meanwhile(world, answered):
    caller, callee = world.talk()
    caller.say(Transfer("4355"))
    partner = world.out
    if answered:
        partner.answers(offer(7000))
    callee.hangs_up()
    assert partner.released.reason == ("normal" if answered else "caller_abandoned")
    assert statuses(caller)[-1] == 487
    assert caller.released is not None


def test_the_partner_hangs_up_before_the_stayer_has_taken_the_change(world):
    caller, callee = world.talk()
    caller.say(Transfer("4355"))
    world.out.answers(offer(7000))
    world.out.hangs_up()
    assert statuses(caller)[-1] >= 400
    assert (caller.released, callee.released) == (None, None)
    callee.say(Accept(offer(5002)))
    caller.hangs_up()


def test_a_change_that_is_refused_ends_the_new_call(world):
    caller, callee = world.talk()
    caller.say(Transfer("4355"))
    partner = world.out
    partner.answers(offer(7000))
    world.clock.advance(2)
    callee.say(Refuse(488))
    assert partner.released.reason == "normal"
    assert statuses(caller)[-1] == 488
    assert callee.released is None
    caller.hangs_up()
    assert [cdr.hold_time for cdr in world.cdrs] == [2, 2]


def test_glare_is_tried_again_and_given_up(world):
    caller, callee = world.talk()
    caller.say(Transfer("4355"))
    partner = world.out
    partner.answers(offer(7000))
    for number in range(1, TRIES):
        callee.say(Refuse(491))
        assert len(told(callee, Offer)) == number
        world.clock.advance(PAUSE)
        assert len(told(callee, Offer)) == number + 1
    callee.say(Refuse(491))
    assert statuses(caller)[-1] == 491
    assert partner.released is not None
    caller.hangs_up()


def test_changes_of_who_leaves_are_refused_while_it_transfers(world):
    caller, callee = world.talk()
    caller.say(Transfer("4355"))
    caller.say(Offer(offer(4002)))
    caller.say(Transfer("4366"))
    callee.say(Transfer("4366"))
    assert told(caller, Refuse) == [Refuse(491)]
    assert statuses(caller) == [491]
    assert statuses(callee) == [491]
    assert len(world.legs.placed) == 2
    world.out.fails(486)
    caller.hangs_up()


def test_a_held_call_is_heard_again_after_the_transfer(world):
    caller, callee = world.talk()
    caller.say(Offer(offer(4000)))
    held = offer(5000)
    audio = held.media[0]
    from dataclasses import replace  # noqa: PLC0415

    callee.say(Accept(replace(held, media=(replace(audio, lines=(*audio.lines, "a=recvonly")),))))
    partner = blind(world, caller, callee)
    assert "a=recvonly" not in partner.placement.session.media[0].lines
    assert "a=recvonly" not in told(callee, Offer)[-1].session.media[0].lines
    callee.hangs_up()


def test_media_goes_through_the_new_call_alone(world):
    caller, callee = world.talk()
    partner = blind(world, caller, callee)
    assert world.media.used == 1
    assert world.media.sessions[0].closing
    callee.say(Offer(offer(5004)))
    assert told(partner, Offer)[0].session.host == "relay-caller"
    partner.say(Accept(offer(7002)))
    assert told(callee, Accept)[-1].session.host == "relay-callee"
    callee.hangs_up()
    assert [cdr.media["caller"]["packets"] for cdr in world.cdrs] == [100, 100]


def test_silence_does_not_end_who_is_being_transferred(world):
    caller, callee = world.talk()
    caller.say(Transfer("4355"))
    from vosswitch.model.values import Side  # noqa: PLC0415

    world.media.sessions[0].listener.media_timeout(Side.CALLER)
    assert callee.released is None
    world.out.fails(486)
    world.media.sessions[0].listener.media_timeout(Side.CALLER)
    assert callee.released.reason == "rtp_timeout"


def test_without_relay_the_partner_learns_where_the_stayer_is(world):
    world.tell(parameters={"SS_MEDIA_PROXY_MODE": "Off"})
    caller, callee = world.talk()
    caller.say(Transfer("4355"))
    partner = world.out
    partner.answers(offer(7000, "192.0.2.70"))
    assert told(callee, Offer)[0].session.host == "192.0.2.70"
    callee.say(Accept(offer(5099)))
    assert told(partner, Offer)[0].session.media[0].port == 5099
    assert caller.released is None
    partner.say(Accept(offer(7000, "192.0.2.70")))
    assert statuses(caller)[-1] == 200
    assert caller.released is not None
    callee.hangs_up()


def test_relayed_media_stays_relayed(world):
    caller, callee = world.talk()
    world.tell(parameters={"SS_MEDIA_PROXY_MODE": "Off"})
    partner = blind(world, caller, callee)
    assert partner.placement.session.host == "relay-caller"
    callee.hangs_up()


def test_calls_may_be_transferred_on_within_bounds(world):
    caller, stays = world.talk()
    leaver = caller
    partner = blind(world, leaver, stays)
    for _ in range(1, DEPTH):
        world.tell(mapping_gateways={"back": mapping("back", addresses=["192.0.2.100"])})
        leaver, partner = partner, blind(world, partner, stays)
        assert leaver.released is not None
        assert world.media.used == 1
    assert len(world.calls.calls) == DEPTH + 1
    partner.say(Transfer("4355"))
    assert statuses(partner) == [482]
    stays.hangs_up()
    assert partner.released is not None
    assert len(world.cdrs) == DEPTH + 1


def test_an_operators_release_ends_both_calls(world):
    caller, callee = world.talk()
    partner = blind(world, caller, callee)
    first = next(iter(world.calls.calls))
    world.calls.release(first)
    assert (callee.released.reason, partner.released.reason) == ("operator_release", "operator_release")
    assert {cdr.end_reason for cdr in world.cdrs} == {"operator_release"}


def test_a_bound_of_one_call_is_not_the_other_ones(world):
    caller, callee = world.talk()
    blind(world, caller, callee)
    running = list(world.calls.calls.values())
    running[1].stop(cause("balance_exhausted"))
    reasons = {cdr.callee: (cdr.end_reason, cdr.sip_reason) for cdr in world.cdrs}
    assert reasons["4355"][0] == "balance_exhausted"
    assert reasons["4312345"] == ("normal", "the joined call ended: balance_exhausted")


def test_what_is_carried_meanwhile_is_answered(world):
    caller, callee = world.talk()
    caller.say(Transfer("4355"))
    partner = world.out
    partner.answers(offer(7000))
    partner.say(Carry(3, "MESSAGE"))
    assert told(partner, Carried) == [Carried(3, 480)]
    callee.say(Accept(offer(5002)))
    callee.hangs_up()


# ---- attended


def attended(world):
    """A customer in two calls: its two legs, and the far sides."""
    first, one = world.talk(callee="4311")
    second, two = world.talk(callee="4322")
    world.legs.names["name"] = second, False
    return first, one, second, two


def test_two_calls_are_joined(world):
    first, one, second, two = attended(world)
    world.clock.advance(10)
    first.say(Transfer("4322", NAME))
    (asked,) = told(one, Offer)
    assert asked.session.host == "relay-callee"
    one.say(Accept(offer(5011)))
    (turned,) = told(two, Offer)
    assert turned.session.host == "relay-caller"
    assert (first.released, second.released) == (None, None)
    two.say(Accept(offer(5022)))
    assert statuses(first) == [200]
    assert (first.released.reason, second.released.reason) == ("normal", "normal")
    assert world.media.used == 1
    world.clock.advance(20)
    two.say(Digit("9"))
    assert told(one, Digit) == [Digit("9")]
    one.hangs_up()
    assert two.released.reason == "normal"
    assert [(cdr.account, cdr.hold_time, cdr.fee) for cdr in world.cdrs] == [("c", 30, 3 * UNITS // 10)] * 2
    assert len(world.legs.placed) == 2


@pytest.mark.parametrize("held", ["first", "second"])
def test_a_call_whose_caller_holds_its_answer_up_cannot_be_joined(world, held):
    """Behind a joint it would go on for ever as a call that its caller never heard the answer of."""
    first, one, second, two = attended(world)
    leg = first if held == "first" else second
    leg.status = 183
    first.say(Transfer("4322", NAME))
    assert statuses(first)[-1] == (491 if held == "first" else 481)
    assert told(one, Offer) == told(two, Offer) == []
    leg.status = 200
    first.hangs_up()
    second.hangs_up()


@pytest.mark.parametrize("how", ["one refuses", "two refuses", "two hangs up"])
def test_calls_that_cannot_be_joined_stay_as_they_are(world, how):
    first, one, second, two = attended(world)
    first.say(Transfer("4322", NAME))
    if how == "two hangs up":
        two.hangs_up()
        assert second.released.reason == "normal"
    elif how == "one refuses":
        one.say(Refuse(488))
    else:
        one.say(Accept(offer(5011)))
        two.say(Refuse(488))
    assert statuses(first)[-1] >= 400
    assert (first.released, one.released) == (None, None)
    if how == "two refuses":  # the first side has moved its media already: it is asked to take it back
        assert [asked.session.host for asked in told(one, Offer)] == ["relay-callee", "relay-caller"]
        one.say(Accept(offer(5001)))
    first.say(Digit("1"))
    assert told(one, Digit) == [Digit("1")]
    if how != "two hangs up":
        assert world.media.used == 2
        second.say(Digit("2"))
        assert told(two, Digit) == [Digit("2")]
        second.hangs_up()
        assert two.released is not None
    first.hangs_up()


def test_glare_with_the_partner_is_tried_again_and_given_up(world):
    first, one, _, two = attended(world)
    first.say(Transfer("4322", NAME))
    one.say(Accept(offer(5011)))
    two.say(Refuse(491))
    assert len(told(two, Offer)) == 1
    world.clock.advance(PAUSE)
    assert len(told(two, Offer)) == 2
    two.say(Accept(offer(5022)))
    assert statuses(first) == [200]
    one.hangs_up()
    first, one, second, two = attended(world)
    first.say(Transfer("4322", NAME))
    one.say(Accept(offer(5011)))
    for _ in range(TRIES):
        two.say(Refuse(491))
        world.clock.advance(PAUSE)
    assert len(told(two, Offer)) == TRIES
    assert statuses(first) == [491]
    one.say(Accept(offer(5000)))
    first.hangs_up()
    second.hangs_up()


def test_who_has_turned_is_asked_again_to_take_its_old_session_back(world):
    first, one, second, two = attended(world)
    first.say(Transfer("4322", NAME))
    one.say(Accept(offer(5011)))
    two.say(Refuse(488))
    for number in range(2, TRIES + 2):
        assert len(told(one, Offer)) == number
        one.say(Offer(offer(5012)))
        assert told(one, Refuse) == [Refuse(491)] * (number - 1)
        one.say(Refuse(491))
        world.clock.advance(PAUSE)
    assert len(told(one, Offer)) == TRIES + 1
    one.say(Offer(offer(5012)))
    assert told(first, Offer)[-1].session.host == "relay-callee"
    first.hangs_up()
    second.hangs_up()


def test_who_answers_the_change_behind_the_failure_gets_its_old_session_back(world):
    first, one, _, two = attended(world)
    first.say(Transfer("4322", NAME))
    two.hangs_up()
    assert len(told(one, Offer)) == 1
    one.say(Accept(offer(5011)))
    assert told(one, Offer)[-1].session.host == "relay-caller"
    assert told(first, Accept) == []
    one.say(Accept(offer(5000)))
    first.say(Offer(offer(4010)))
    assert len(told(one, Offer)) == 3
    first.hangs_up()


def test_the_partner_that_was_asked_gets_its_old_session_back_when_the_stayer_leaves(world):
    first, one, second, two = attended(world)
    first.say(Transfer("4322", NAME))
    one.say(Accept(offer(5011)))
    one.hangs_up()
    assert len(told(two, Offer)) == 1
    two.say(Accept(offer(5022)))
    assert told(two, Offer)[-1].session.host == "relay-caller"
    assert told(second, Accept) == []
    two.say(Accept(offer(5022)))
    two.say(Digit("1"))
    assert told(second, Digit) == [Digit("1")]
    second.hangs_up()


def test_a_leg_that_has_gone_meanwhile_ends_its_call_when_they_are_not_joined(world):
    first, one, second, two = attended(world)
    first.say(Transfer("4322", NAME))
    second.hangs_up()
    assert two.released is None
    one.say(Refuse(488))
    assert two.released.reason == "normal"
    first.hangs_up()


def test_legs_that_have_gone_meanwhile_do_not_matter_when_they_are(world):
    first, one, second, two = attended(world)
    first.say(Transfer("4322", NAME))
    second.hangs_up()
    first.hangs_up()
    one.say(Accept(offer(5011)))
    two.say(Accept(offer(5022)))
    assert (one.released, two.released) == (None, None)
    one.hangs_up()
    assert two.released is not None


@pytest.mark.parametrize("why", ["unknown", "own", "ringing", "stranger", "no port"])
def test_what_may_not_be_joined(world, why):
    first, one = world.talk(callee="4311")
    others = [first]
    status = 481
    if why == "own":
        world.legs.names["name"] = first, False
    elif why == "ringing":
        others.append(world.call(callee="4322"))
        world.legs.names["name"] = others[-1], False
    elif why == "stranger":
        others.append(world.talk(callee="4322", source=PREPAID)[0])
        world.legs.names["name"] = others[-1], False
        status = 403
    elif why == "no port":
        others.append(world.talk(callee="4322")[0])
        world.legs.names["name"] = others[-1], False
        world.media.ports = world.media.used
        status = 503
    first.say(Transfer("4322", NAME))
    assert statuses(first) == [status]
    assert one.released is None
    assert told(one, Offer) == []
    for leg in others:
        if leg.released is None:
            leg.hangs_up() if why != "ringing" or leg is first else leg.gives_up()


def test_a_name_that_we_gave_away_serves_whoever_presents_it(world):
    first, one = world.talk(callee="4311")
    second, two = world.talk(callee="4322", source=PREPAID)
    world.legs.names["name"] = second, True
    first.say(Transfer("4322", NAME))
    one.say(Accept(offer(5011)))
    two.say(Accept(offer(5022)))
    assert statuses(first) == [200]
    one.hangs_up()


# ---- records


def crashed(world):
    """What a restart makes of the journal now, by called number."""
    per_minute = {"0.6": 6_000_000, "0.3": 3_000_000}

    def price(_mode, terms, ms):
        return round(ms / 60_000 * per_minute[terms["per_minute"]]), 0, ms // 1000

    found = {}
    for start in world.journal.of("start"):
        mine = lambda kind, flowno=start["flowno"]: [one for one in world.journal.of(kind) if one["flowno"] == flowno]  # noqa: E731
        answer = mine("answer")
        merged = None
        if answer:
            merged = dict(answer[0], cdr={})
            for extension in mine("extend")[-1:]:
                merged |= extension
        found[start["callee"]] = ended(start, merged, world.now(), price), merged
    return found


def test_a_crash_behind_a_transfer_bills_both_calls_and_tells_the_legs_that_are_there(world):
    caller, callee = world.talk()
    world.clock.advance(10)
    partner = blind(world, caller, callee)
    world.clock.advance(20)
    calls = crashed(world)
    assert {number: cdr.hold_time for number, (cdr, _) in calls.items()} == {"4312345": 30, "4355": 20}
    assert {number: cdr.fee for number, (cdr, _) in calls.items()} == {"4312345": 3_000_000, "4355": 2_000_000}
    legs = [leg["leg"] for _, answer in calls.values() for leg in answer["legs"] if leg]
    assert sorted(legs) == sorted([caller.name, callee.name, partner.name])  # who leaves might not have been told yet
    callee.hangs_up()
    assert {cdr.callee: cdr.fee for cdr in world.cdrs} == {number: cdr.fee for number, (cdr, _) in calls.items()}


def test_a_crash_knows_how_long_the_vendors_leg_was_up():
    world = World(mapping_gateways=by_name(
        mapping("m"), mapping("office", account="p", addresses=["192.0.2.100"])))  # fmt: skip
    caller, callee = world.talk()
    world.clock.advance(10)
    blind(world, callee, caller)
    world.clock.advance(20)
    cdr, _ = crashed(world)["4312345"]
    assert (cdr.hold_time, cdr.cost) == (30, 500_000)
    caller.hangs_up()
    assert world.cdrs[1].cost == cdr.cost
    world.check_idle()


def test_a_joint_says_nothing_more_after_a_release():
    heard = []

    class Listener:
        def heard(self, leg, signal):
            heard.append(signal)

    class Place:
        peer_call_id, remote, user_agent = "x", CUSTOMER, ""

    one, two = Joint(Place, 200), Joint(Place, 200)
    one.join(two)
    one.listen(Listener())
    two.listen(Listener())
    one.send(Release(from_sip(503)))
    one.send(Digit("1"))
    two.send(Digit("2"))
    assert heard == [Release(cause("normal")._replace(text="the joined call ended: service_unavailable")), Digit("2")]
    assert (one.status, one.resume_data()) == (200, {})
