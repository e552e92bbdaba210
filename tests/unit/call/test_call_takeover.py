"""An INVITE with Replaces: who may take whose place, and what becomes of the call."""

from __future__ import annotations

import pytest
from call_world import CUSTOMER, PREPAID, STRANGER, FakeLeg, World, by_name, mapping, offer

from vosswitch.model.causes import cause
from vosswitch.model.signals import (
    Accept,
    Answer,
    Confirm,
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


def told(leg, kind):
    return [signal for signal in leg.told if type(signal) is kind]


def taking(world, old, *, source=CUSTOMER, given=False, name=NAME, session=None, late=False):
    """A new leg that wants the place of *old*."""
    world.legs.names["name"] = old, given
    leg = FakeLeg(world, "new", remote=source)
    world.calls.incoming(leg, world.tried("4399", source, session=session or offer(4444), replaces=name, late=late))
    return leg


def test_the_new_leg_takes_the_place(world):
    caller, callee = world.talk()
    world.clock.advance(10)
    new = taking(world, caller)
    assert told(callee, Offer)[0].session.host == "relay-caller"
    assert (new.told, caller.released) == ([], None)
    callee.say(Accept(offer(5002)))
    assert told(new, Answer)[0].session.host == "relay-callee"
    assert caller.released.reason == "normal"
    assert world.media.used == 1
    world.clock.advance(20)
    new.say(Digit("5"))
    assert told(callee, Digit) == [Digit("5")]
    new.hangs_up()
    assert callee.released.reason == "normal"
    assert (world.cdr.account, world.cdr.hold_time, world.cdr.fee) == ("c", 30, 3 * UNITS // 10)
    assert world.cdr.decision["notes"][-1][0] == "replaces"
    legs = [leg["leg"] for leg in world.journal.of("extend")[-1]["legs"]]
    assert legs == ["new", callee.name, caller.name]


def test_the_place_of_the_called_side(world):
    caller, callee = world.talk()
    world.clock.advance(10)
    new = taking(world, callee, source=Address(callee.remote.host, 5099))
    caller.say(Accept(offer(4002)))
    assert callee.released is not None
    world.clock.advance(20)
    caller.hangs_up()
    assert new.released is not None
    assert (world.cdr.hold_time, world.cdr.cost) == (30, 5 * UNITS // 100)


@pytest.mark.parametrize(
    ("case", "status"),
    [("unknown", 481), ("stranger", 403), ("customer", 403), ("early only", 486), ("ringing", 481), ("codec", 488)],
)
def test_who_may_not(world, case, status):
    caller, callee = world.talk() if case != "ringing" else (world.call(), world.out)
    source = {"stranger": STRANGER, "customer": PREPAID}.get(case, CUSTOMER)
    name = Replaces("other", "t", "f") if case == "unknown" else NAME
    if case == "early only":
        name = Replaces("name", "t", "f", early_only=True)
    if case == "codec":
        world.media.ports = world.media.used
    new = taking(world, caller, source=source, name=name)
    assert new.released.answerable == status
    assert (told(callee, Offer), callee.released, caller.released) == ([], None, None)
    caller.say(Release(cause("normal" if case != "ringing" else "caller_abandoned")))
    assert len(world.cdrs) == (1 if case == "codec" else 2)


def test_who_was_given_the_name_may(world):
    caller, callee = world.talk()
    new = taking(world, caller, source=PREPAID, given=True)
    callee.say(Accept(offer(5002)))
    assert told(new, Answer)
    new.hangs_up()
    assert world.cdr.account == "c"


def test_nobody_takes_the_place_of_a_caller_that_has_not_been_told_of_the_answer(world):
    """It holds its 200 up: in another leg's place the call would go on without ever having been answered."""
    caller, callee = world.talk()
    caller.status = 183
    assert taking(world, caller).released.answerable == 481
    assert told(callee, Offer) == []
    caller.status = 200
    caller.hangs_up()


@pytest.mark.parametrize("source", [CUSTOMER, PREPAID, STRANGER])
def test_what_a_guest_transfers_is_not_paid_by_the_party_in_whose_place_it_stands(source):
    """It was given the name of a leg by a transfer; the call stays the party's, further calls are its own."""
    world = World(mapping_gateways=by_name(
        mapping("m", auth="password", username="office", addresses=[]),
        mapping("m2"), mapping("mp", account="p", addresses=[PREPAID.host])))  # fmt: skip
    caller = world.call(source=CUSTOMER, user="office")
    callee = world.out
    callee.answers(offer(5000))
    new = taking(world, caller, source=source, given=True)
    callee.say(Accept(offer(5002)))
    assert told(new, Answer)
    new.say(Transfer("4355"))
    if source == STRANGER:
        assert told(new, Transferred)[-1] == Transferred(403)
    else:
        world.out.answers(offer(7000))
        callee.say(Accept(offer(5004)))
        assert told(new, Transferred)[-1] == Transferred(200)
    callee.hangs_up()
    payers = {cdr.callee: cdr.mapping_gateway for cdr in world.cdrs if cdr.answer}
    assert payers == {"4312345": "m"} | ({} if source == STRANGER else {"4355": "m2" if source == CUSTOMER else "mp"})
    world.check_idle()


def test_a_party_that_takes_its_own_place_goes_on_paying_for_what_it_transfers(world):
    caller, callee = world.talk()
    new = taking(world, caller)
    callee.say(Accept(offer(5002)))
    new.say(Transfer("4355"))
    world.out.answers(offer(7000))
    callee.say(Accept(offer(5004)))
    callee.hangs_up()
    assert {cdr.mapping_gateway for cdr in world.cdrs} == {"m"}


@pytest.mark.parametrize("left", [False, True])
def test_a_refused_change_leaves_the_call(world, left):
    caller, callee = world.talk()
    new = taking(world, caller)
    if left:
        caller.hangs_up()
        assert callee.released is None
    callee.say(Refuse(488))
    assert new.released.answerable == 488
    if left:
        assert callee.released is not None
        return
    caller.say(Digit("1"))
    assert told(callee, Digit) == [Digit("1")]
    caller.hangs_up()


def test_a_new_leg_that_gives_up_leaves_the_call_as_it_was(world):
    caller, callee = world.talk()
    new = taking(world, caller)
    new.gives_up()
    callee.say(Accept(offer(5002)))
    assert len(told(callee, Offer)) == 2
    callee.say(Accept(offer(5000)))
    assert caller.released is None
    assert world.media.used == 1
    caller.hangs_up()


def test_a_new_leg_without_a_session_is_offered_one(world):
    caller, callee = world.talk()
    new = taking(world, caller, late=True)
    assert told(callee, Offer) == [Offer(None)]
    callee.say(Accept(offer(5002)))
    assert told(new, Answer)[0].session.host == "relay-callee"
    assert caller.released.reason == "normal"
    new.say(Confirm(offer(4444)))
    assert told(callee, Confirm)[-1].session.host == "relay-caller"
    new.say(Digit("5"))
    assert told(callee, Digit) == [Digit("5")]
    new.hangs_up()
    assert world.cdr.end_reason == "normal"


@pytest.mark.parametrize("why", ["gives up", "nothing offered"])
def test_what_nobody_takes_over_any_more_is_answered_for_who_was_there(world, why):
    caller, callee = world.talk()
    new = taking(world, caller, late=True)
    if why == "gives up":
        new.gives_up()
        callee.say(Accept(offer(5002)))
        (answer,) = [signal.session for signal in told(callee, Confirm) if signal.session is not None]
        assert (answer.host, answer.media[0].port) == ("relay-caller", 4000)
    else:
        callee.say(Accept(None))
        assert new.released.answerable == 488
        assert told(callee, Confirm)[-1] == Confirm(None)
    assert (caller.released, len(told(callee, Offer)), world.media.used) == (None, 1, 1)
    caller.hangs_up()


def test_the_call_ends_meanwhile(world):
    caller, callee = world.talk()
    new = taking(world, caller)
    callee.hangs_up()
    assert new.released.answerable == 481
    assert caller.released is not None


def test_one_at_a_time(world):
    caller, callee = world.talk()
    taking(world, caller)
    assert taking(world, caller).released.answerable == 481
    caller.say(Transfer("4355"))
    caller.say(Offer(offer(4002)))
    assert told(caller, Transferred) == [Transferred(491)]
    assert told(caller, Refuse) == [Refuse(491)]
    callee.hangs_up()
