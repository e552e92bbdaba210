"""Calls with an H.323 side: media is relayed in any case, and may be located later."""

import pytest

from tests.unit.call.call_world import CUSTOMER, World, by_name, mapping, offer, routing
from vosswitch.model.signals import Answer, Located, Progress
from vosswitch.model.values import Side

FIRST, SECOND = "192.0.2.100", "192.0.2.101"
H323 = {"protocol": "h323"}


def world(caller=None, first=None, second=None, **more):
    return World(
        mapping_gateways=by_name(mapping("m", media_proxy="off", **caller or {})),
        routing_gateways=by_name(
            routing("r1", address=FIRST, media_proxy="off", **first or {}),
            routing("r2", priority=1, address=SECOND, media_proxy="off", **second or {}),
        ),
        **more,
    )


@pytest.mark.parametrize(
    ("caller", "callee", "relayed"), [({}, {}, False), (H323, {}, True), ({}, H323, True), (H323, H323, True)]
)
def test_media_is_relayed_where_a_side_speaks_h323_though_relaying_is_off(caller, callee, relayed):
    node = world(caller, callee)
    source = CUSTOMER._replace(transport="h323") if caller else CUSTOMER
    node.call(source=source)
    assert node.out.placement.target.transport == ("h323" if callee else "udp")
    node.out.answers(offer(5000))
    node.out.hangs_up()
    assert node.cdr.media_proxied is relayed


def test_after_a_gateway_of_h323_one_of_sip_is_spoken_to_directly():
    node = world(first=H323)
    node.call()
    node.out.fails(503)
    node.out.answers(offer(5000))
    node.out.hangs_up()
    assert not node.cdr.media_proxied
    node.check_idle()


@pytest.mark.parametrize("side", [Side.CALLER, Side.CALLEE])
def test_where_media_is_reaches_the_relay_and_nobody_else(side):
    node = world(first=H323)
    caller, callee = node.talk()
    told = []
    node.media.sessions[0].forward = lambda side, session: told.append((side, session)) or session
    heard = len(caller.told), len(callee.told)
    (caller if side is Side.CALLER else callee).say(Located(offer(7000)))
    assert told == [(side, offer(7000))]
    assert (len(caller.told), len(callee.told)) == heard
    callee.hangs_up()
    node.check_idle()


def test_media_located_before_the_answer_is_no_answer():
    node = world(first=H323)
    caller = node.call()
    node.out.say(Located(offer(7000)))
    assert not [signal for signal in caller.told if isinstance(signal, (Answer, Progress))]
    node.out.answers(offer(5000))
    node.out.hangs_up()
    node.check_idle()


@pytest.mark.parametrize(("first", "attempts"), [({}, 1), (H323, 2)])
def test_open_channels_let_the_call_go_on_by_default_as_descriptions_of_sip_do_not(first, attempts):
    node = world(first=first)
    node.call()
    node.out.progresses(offer(5000))
    node.out.fails(503)
    assert len(node.legs.placed) == attempts


def test_open_channels_stop_it_where_the_parameter_says_so():
    node = world(first=H323, parameters={"SS_H323_STOP_SWITCH_AFTER_OLC": "On"})
    caller = node.call()
    node.out.progresses(offer(5000))
    node.out.fails(503)
    assert caller.released.reason == "service_unavailable"
    node.check_idle()
