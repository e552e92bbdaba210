"""Registering with vendors: the machine, its times, the REGISTERs, calls from the vendor to our Contact."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sip_world import UAS, World, reply

from vosswitch.model.causes import cause
from vosswitch.model.signals import Release
from vosswitch.model.trunk import TrunkWish
from vosswitch.model.values import Address
from vosswitch.sip.grammar import digest
from vosswitch.sip.grammar.message import Response
from vosswitch.sip.registrations.registration import (
    Effect,
    Input,
    Registration,
    State,
    granted,
    refresh_after,
    retry_after,
    service_route,
)

WISH = TrunkWish("vendor", Address(*UAS), "sip.vendor.example", "4930", "word")
CHALLENGE = 'Digest realm="vendor", nonce="abc", algorithm=MD5, qop="auth"'


@pytest.fixture
def world():
    world = World()
    world.parameters.update(
        SS_SIP_USER_AGENT_EXPIRE=None, SS_SIP_USER_AGENT_RETRY_DELAY=60, SS_SIP_USER_AGENT_SEND_UNREGISTER=True
    )
    world.service.trunks.chance = lambda: 0.0
    yield world
    world.service.trunks.stop()
    world.close()


def begin(world, *wishes):
    world.service.trunks.follow(wishes or [WISH])
    world.service.trunks.start()
    world.clock.advance(0.1)


def asked(world):
    request = world.one(UAS)
    assert request.method == "REGISTER"
    return request


def answer(world, request, status=200, **changes):
    if status == 200 and "contact" not in changes:
        changes["contact"] = f"{request.headers['contact'][0].partition(';expires')[0]};expires=3600"
    world.put(reply(request, status, **changes), UAS)


def up(world, **changes):
    begin(world)
    answer(world, asked(world), **changes)


def shown(world):
    (state,) = world.service.trunks.states()
    return state


def test_machine():
    machine = Registration()
    inputs = [Input.DUE, Input.START, Input.AGAIN, Input.GRANTED, Input.START, Input.DUE, Input.FAILED, Input.DUE,
              Input.GRANTED, Input.STOP, Input.DUE, Input.GRANTED, Input.START]  # fmt: skip
    effects = [machine.feed(what) for what in inputs]
    assert effects == [None, Effect.ASK, Effect.ASK, Effect.REFRESH_LATER, None, Effect.ASK, Effect.RETRY_LATER,
                       Effect.ASK, Effect.REFRESH_LATER, Effect.LEAVE, None, Effect.END, None]  # fmt: skip
    assert machine.state is State.GONE


@given(st.lists(st.sampled_from(Input)))
def test_whatever_comes_it_ends_when_told_and_then_rests(inputs):
    machine = Registration()
    for what in inputs:
        machine.feed(what)
    machine.feed(Input.DROP)
    assert machine.state is State.GONE
    assert [machine.feed(what) for what in Input] == [None] * len(Input)


@given(st.integers(10, 86_400), st.floats(0, 1))
def test_a_refresh_is_ahead_of_the_end_and_not_too_early(seconds, chance):
    assert seconds / 2 <= refresh_after(seconds, chance) <= seconds - 5 * (seconds > 20)


def test_what_is_granted():
    def of(**headers):
        return granted(Response(200, "OK", {name: [value] for name, value in headers.items()}), "me", 3600)

    assert of(contact="<sip:me@h>;expires=90, <sip:other@h>;expires=20") == 90
    assert of(contact="<sip:other@h>;expires=20", expires="120") == 120
    assert of() == 3600
    assert of(contact="<sip:me@h>;expires=0") == 0
    assert of(contact="<sip:me@h>;expires=1") == 10
    assert of(contact="<<<", expires="77") == 77
    assert of(contact="*") == 3600


@pytest.mark.parametrize(
    ("value", "delay"),
    [(None, 60), ("120", 120), ("120 (maintenance);duration=9", 120), ("5", 60), ("999999", 3600), ("x", 60)],
)
def test_retry_after(value, delay):
    response = Response(503, "No", {} if value is None else {"retry-after": [value]})
    assert retry_after(response, 60, 0.0) == delay
    assert retry_after(None, 60, 1.0) == pytest.approx(66)


def test_a_service_route_that_cannot_be_read_is_none():
    assert service_route(Response(200, "OK", {"service-route": ["<sip:a;lr>", "<sip:b;lr>"]})) == (
        "<sip:a;lr>",
        "<sip:b;lr>",
    )
    assert service_route(Response(200, "OK", {"service-route": ["<sip:a;lr"]})) == ()


def test_registers_and_refreshes(world):
    begin(world)
    request = asked(world)
    assert request.uri == "sip:sip.vendor.example"
    assert request.headers["to"] == ["<sip:4930@sip.vendor.example>"]
    assert request.expires == 3600
    assert shown(world).state == "asking"
    assert world.service.trunk("vendor").up is False
    answer(world, request)
    state = shown(world)
    assert (state.state, state.expires_in, state.status, state.next_in) == ("up", 3600, 200, 3540)
    assert world.service.trunk("vendor").up is True
    world.clock.advance(3541)
    again = asked(world)
    assert again.call_id == request.call_id
    assert again.cseq.number == request.cseq.number + 1
    assert again.headers["contact"] == request.headers["contact"]
    assert world.service.trunk("vendor").up is True
    answer(world, again)


def test_digest(world):
    begin(world)
    first = asked(world)
    answer(world, first, 401, contact="", www_authenticate=CHALLENGE)
    second = asked(world)
    fields = digest.parse_authorization(second.get("authorization"))
    assert digest.verify(fields, "REGISTER", digest.ha1("4930", "vendor", "word"))
    answer(world, second, 401, contact="", www_authenticate=CHALLENGE)
    assert shown(world).state == "waiting"
    assert (shown(world).status, shown(world).next_in) == (401, 60)
    world.clock.advance(61)
    answer(world, asked(world), 401, contact="", www_authenticate=CHALLENGE)
    assert asked(world).get("authorization")  # every new REGISTER may be challenged


def test_a_foreign_realm_is_not_answered(world):
    begin(world, replace(WISH, realm="elsewhere"))
    answer(world, asked(world), 401, contact="", www_authenticate=CHALLENGE)
    assert world.take(UAS) == []
    assert shown(world).state == "waiting"


def test_negotiated_and_fixed_expiry(world):
    begin(world)
    answer(world, asked(world), 423, contact="", min_expires="7200")
    again = asked(world)
    assert again.expires == 7200
    answer(world, again, 423, contact="", min_expires="7200")  # it does not want what it asked for
    assert shown(world).state == "waiting"
    world.parameters["SS_SIP_USER_AGENT_EXPIRE"] = 120
    world.clock.advance(61)
    request = asked(world)
    answer(world, request, contact="")
    assert shown(world).state == "up"


def test_no_answer_and_a_grant_of_nothing_are_tried_again(world):
    begin(world)
    asked(world)
    world.clock.pump([1.0] * 40)
    world.take(UAS)
    assert (shown(world).state, shown(world).reason, shown(world).status) == ("waiting", "no answer", 0)
    world.clock.advance(60)
    request = asked(world)
    answer(world, request, contact=f"{request.headers['contact'][0].partition(';')[0]};expires=0")
    assert (shown(world).state, shown(world).reason) == ("waiting", "granted for no time")


def test_a_failed_refresh_keeps_what_is_granted(world):
    up(world)
    world.clock.advance(3541)
    answer(world, asked(world), 503, contact="", retry_after="90")
    assert (shown(world).state, shown(world).next_in) == ("fading", 90)
    assert world.service.trunk("vendor").up is True
    world.clock.advance(60)
    assert world.service.trunk("vendor").up is False
    world.clock.advance(31)
    answer(world, asked(world))
    assert shown(world).state == "up"


def test_configuration_is_followed(world):
    up(world)
    world.service.trunks.follow([replace(WISH, password="new")])
    world.clock.advance(0.1)
    leave, enter = sorted(world.take(UAS), key=lambda request: request.expires)
    assert (leave.expires, enter.expires) == (0, 3600)
    assert leave.headers["contact"] != enter.headers["contact"]
    answer(world, enter)
    world.service.trunks.follow([replace(WISH, password="new")])
    assert world.take(UAS) == []
    answer(world, leave, 401, contact="", www_authenticate=CHALLENGE)
    leave = asked(world)
    assert (leave.expires, bool(leave.get("authorization"))) == (0, True)
    answer(world, leave)
    world.service.trunks.follow([])
    assert asked(world).expires == 0
    assert world.service.trunk("vendor") is None


@pytest.mark.parametrize("wanted", [True, False])
def test_stop(world, wanted):
    up(world)
    world.parameters["SS_SIP_USER_AGENT_SEND_UNREGISTER"] = wanted
    world.service.trunks.stop()
    assert [request.expires for request in world.take(UAS)] == [0] * wanted
    assert world.service.busy() == wanted


def trunk_lines(world):
    return [
        (line["log_level"].name, line["event"], line["gateway"], line["reason"])
        for line in world.logged
        if str(line.get("event", "")).startswith("trunk_")
    ]


def test_the_log_says_once_when_it_is_up_and_when_it_fails(world):
    begin(world)
    answer(world, asked(world), 403, contact="")
    for _ in range(3):
        world.clock.advance(61)
        answer(world, asked(world), 403, contact="")
    assert trunk_lines(world) == [("warn", "trunk_down", "vendor", "answered 403")]
    world.clock.advance(61)
    answer(world, asked(world))
    world.clock.advance(3541)
    answer(world, asked(world))
    world.clock.advance(3541)
    answer(world, asked(world), 503, contact="")
    assert trunk_lines(world)[1:] == [
        ("info", "trunk_up", "vendor", "granted for 3600 s"),
        ("warn", "trunk_down", "vendor", "answered 503"),
    ]


def test_the_log_says_why_nobody_could_be_asked(world):
    begin(world, replace(WISH, target=Address("2001:db8::1", 5060)))
    world.clock.advance(0.1)
    assert trunk_lines(world) == [("warn", "trunk_down", "vendor", "no way to it")]


def test_without_a_way_it_waits(world):
    begin(world, replace(WISH, target=Address("2001:db8::1", 5060)))
    world.clock.advance(0.1)
    assert (shown(world).state, shown(world).reason) == ("waiting", "no way to it")


def test_calls_use_the_service_route(world):
    up(world, service_route="<sip:192.0.2.20:5080;lr>, <sip:core.vendor.example;lr>")
    route = world.service.trunk("vendor").route
    world.place(route=route)
    assert world.one(UAS).headers["route"] == ["<sip:192.0.2.20:5080;lr>", "<sip:core.vendor.example;lr>"]


def test_a_vendor_calls_the_contact_that_it_was_told(world):
    world.credentials.asks = True
    up(world)
    (user,) = world.service.trunks.users
    uri = f"sip:{user}@192.0.2.1"
    assert world.invite(peer=UAS, uri=uri).statuses() == [401]  # no mapping gateway has that user name
    world.credentials.add("4930", "word")
    assert world.invite(peer=UAS, uri=uri).statuses() == [100]
    leg, offered = world.calls.offered[-1]
    assert (offered.user, offered.callee) == ("4930", "4940")
    leg.send(Release(cause("no_route")))
    world.take()
    assert world.invite(peer=("192.0.2.66", 5060), uri=uri).statuses() == [401]  # from elsewhere
    world.credentials.phones["4930"] = "4930"
    assert world.invite(peer=UAS, uri=uri).statuses() == [401]  # a phone is not the vendor


def test_a_vendor_of_rfc_2543_may_repeat_its_call(world):
    up(world)
    world.credentials.trusted.add(UAS[0])
    (user,) = world.service.trunks.users
    caller = world.invite(peer=UAS, uri=f"sip:{user}@192.0.2.1", via=f"SIP/2.0/UDP {UAS[0]}:{UAS[1]};branch=1")
    ((_, offered),) = world.calls.offered
    assert offered.callee == "4940"
    assert world.one(UAS).status == 100
    world.put(caller.sent, UAS)
    assert (world.one(UAS).status, len(world.calls.offered)) == (100, 1)
    world.put(caller.text("CANCEL", uri=f"sip:{user}@192.0.2.1", via=f"SIP/2.0/UDP {UAS[0]}:{UAS[1]};branch=1"), UAS)
    assert sorted(found.status for found in world.take(UAS)) == [200, 487]


def test_the_contact_survives_a_restart_and_is_another_for_another_password(world):
    up(world)
    other = World()
    other.parameters = world.parameters
    other.service.trunks.follow([WISH])
    other.service.trunks.start()
    assert [*other.service.trunks.users] == [*world.service.trunks.users]
    other.service.trunks.follow([replace(WISH, password="other")])
    assert [*other.service.trunks.users] != [*world.service.trunks.users]
    other.service.timers.stop()


def test_secrets_are_not_shown():
    assert "word" not in repr(WISH)
