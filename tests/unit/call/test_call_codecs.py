"""Codec lists of gateways, applied to every offer and answer of a call."""

from __future__ import annotations

import pytest

from tests.unit.call.call_world import World, by_name, mapping, routing
from vosswitch.model.causes import cause
from vosswitch.model.session import MediaDescription, SessionDescription
from vosswitch.model.signals import Accept, Answer, Confirm, Offer, Progress, Refuse, Release


def audio(*formats):
    return SessionDescription(host="192.0.2.10", media=(MediaDescription("audio", 4000, "RTP/AVP", formats),))


def formats(session):
    return session.media[0].formats


def world(caller=(), first=(), second=(), mode="auto"):
    return World(
        mapping_gateways=by_name(mapping("m", codecs=list(caller), media_proxy=mode)),
        routing_gateways=by_name(
            routing("r1", codecs=list(first)), routing("r2", priority=1, address="192.0.2.101", codecs=list(second))
        ),
    )


@pytest.mark.parametrize("mode", ["on", "off"])
def test_the_offer_is_cut_to_both_lists_in_the_order_of_the_vendor(mode):
    node = world(caller=("PCMA", "PCMU"), first=("G729", "PCMU", "PCMA"), mode=mode)
    node.call(session=audio("8", "18", "0"))
    assert formats(node.out.placement.session) == ("0", "8")


@pytest.mark.parametrize("mode", ["on", "off"])
def test_the_answer_is_cut_and_ordered_for_the_caller(mode):
    node = world(caller=("PCMA", "PCMU"), mode=mode)
    caller = node.call(session=audio("0", "8", "18"))
    node.out.answers(audio("18", "0", "8"))
    (answer,) = [signal for signal in caller.told if isinstance(signal, Answer)]
    assert formats(answer.session) == ("8", "0")


def test_without_lists_everything_passes_as_it_came():
    node = world()
    caller = node.call(session=audio("96", "18", "0"))
    assert formats(node.out.placement.session) == ("96", "18", "0")
    node.out.answers(audio("0", "18"))
    assert formats(caller.told[-1].session) == ("0", "18")


def test_a_gateway_without_a_common_codec_is_passed_over_and_said_so():
    node = world(first=("G729",), second=("PCMA",))
    node.call(session=audio("8"))
    assert node.out.placement.target.host == "192.0.2.101"
    (note,) = [why for who, why in node.running().decision.notes if who == "r1"]
    assert note == "no codec in common: PCMA of the caller, allowed G729"


def test_no_gateway_with_a_common_codec_is_codec_mismatch():
    node = world(caller=("G729",))
    caller = node.call(session=audio("8"))
    assert node.legs.placed == []
    assert caller.released == cause("codec_mismatch")
    assert caller.released.status == 488
    assert (node.cdr.end_reason, node.cdr.code, node.cdr.attempts) == ("codec_mismatch", -5, [])
    node.check_idle()


@pytest.mark.parametrize("word", [Progress, Answer])
def test_an_answer_that_was_not_offered_ends_the_attempt_and_the_next_one_is_tried(word):
    node = world(caller=("PCMA", "G729"))
    caller = node.call(session=audio("8"))
    node.out.say(word(audio("18")))
    assert node.legs.placed[0].released == cause("codec_mismatch")
    assert node.out.placement.target.host == "192.0.2.101"
    node.out.answers(audio("8"))
    assert isinstance(caller.told[-1], Answer)
    assert ("r1", "no codec in common: G729 of the callee, offered PCMA") in node.running().decision.notes
    caller.hangs_up()
    assert [row.reason for row in node.cdr.attempts] == ["codec_mismatch", "answered"]
    node.check_idle()


def test_without_lists_an_answer_that_was_not_offered_passes():
    node = world()
    caller = node.call(session=audio("8"))
    node.out.answers(audio("18"))
    assert formats(caller.told[-1].session) == ("18",)
    caller.say(Confirm())
    caller.say(Offer(audio("8")))
    node.out.say(Accept(audio("0")))
    assert formats(caller.told[-1].session) == ("0",)
    caller.hangs_up()
    node.check_idle()


def test_an_answer_with_what_only_the_caller_may_not_use_is_refused():
    node = world(caller=("PCMA",))
    node.call(session=audio("8", "18"))
    node.out.answers(audio("18"))
    assert node.legs.placed[0].released == cause("codec_mismatch")


def test_a_late_offer_and_its_answer_are_cut_too():
    node = world(first=("PCMU", "PCMA"))
    leg = node.call()
    leg.hangs_up()
    node.journal.records.clear()
    caller = node.call(late=True)
    assert node.out.placement.session is None
    node.out.answers(audio("18", "8"))
    assert formats(caller.told[-1].session) == ("8",)
    caller.say(Confirm(audio("18")))
    assert node.out.released == cause("codec_mismatch")
    assert caller.released == cause("codec_mismatch")
    assert node.cdr.end_reason == "codec_mismatch"


def test_a_change_without_a_common_codec_is_refused_to_who_asked():
    node = world(first=("PCMA",))
    caller = node.call(session=audio("8"))
    node.out.answers(audio("8"))
    caller.say(Confirm())
    told = len(node.out.told)
    caller.say(Offer(audio("0")))
    assert caller.told[-1] == Refuse(488)
    assert len(node.out.told) == told
    node.out.say(Offer(audio("8")))
    caller.say(Accept(audio("0")))
    assert node.out.told[-1] == Refuse(488)
    caller.say(Offer(audio("0", "8")))
    assert formats(node.out.told[-1].session) == ("8",)
    node.out.say(Accept(audio("8")))
    assert isinstance(caller.told[-1], Accept)
    assert not isinstance(node.out.told[-1], Release)
