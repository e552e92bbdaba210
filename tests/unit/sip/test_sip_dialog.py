"""Dialogs as values: RFC 3261 section 12 and 16.12."""

from __future__ import annotations

import json

import pytest
from sip_world import OFFER, UAC, Peer, World

from vosswitch.sip.grammar.message import BadMessage
from vosswitch.sip.grammar.parse import parse
from vosswitch.sip.legs.dialog import Dialog, Hop, hop_of


def invite(**changes):
    return parse(Peer(World(), UAC, "call").text("INVITE", OFFER, **changes))


def response(**changes):
    lines = {
        "Via": "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKx",
        "From": "<sip:4930@192.0.2.1>;tag=ours",
        "To": "<sip:4940@192.0.2.20>;tag=theirs",
        "Call-ID": "call",
        "CSeq": "7 INVITE",
        "Contact": "<sip:b@192.0.2.20:5080>",
        **changes,
    }
    head = "\r\n".join(["SIP/2.0 200 OK", *[f"{name}: {value}" for name, value in lines.items() if value]])
    return parse(head.encode() + b"\r\n\r\n")


def dialog(**changes):
    return Dialog.of_response(response(**changes), "sip:asked@192.0.2.20")


def test_server_side_takes_route_set_in_order_and_adds_our_tag():
    made = Dialog.of_request(invite(record_route="<sip:192.0.2.7;lr>, <sip:192.0.2.8;lr>"), "ours")
    assert made.routes == ("<sip:192.0.2.7;lr>", "<sip:192.0.2.8;lr>")
    assert made.local == "<sip:4940@192.0.2.1>;tag=ours"
    assert (made.local_tag, made.remote_tag, made.remote_seq) == ("ours", "t1", 1)
    assert made.hop() == Hop("192.0.2.7", 5060)


def test_client_side_takes_route_set_in_reverse_order():
    made = dialog(**{"Record-Route": "<sip:192.0.2.7;lr>, <sip:192.0.2.8:5090;lr>"})
    assert made.routes == ("<sip:192.0.2.8:5090;lr>", "<sip:192.0.2.7;lr>")
    assert made.hop() == Hop("192.0.2.8", 5090)
    assert made.local_seq == 7


def test_request_within_dialog_by_loose_routing():
    made = dialog(**{"Record-Route": "<sip:192.0.2.8;lr>"})
    request = parse(made.head("BYE", made.next_seq(), "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKy").encode() + b"\r\n")
    assert request.uri == "sip:b@192.0.2.20:5080"
    assert request.get("route") == "<sip:192.0.2.8;lr>"
    assert (request.cseq.number, request.from_.tag, request.to.tag) == (8, "ours", "theirs")


def test_request_within_dialog_by_strict_routing():
    made = dialog(**{"Record-Route": "<sip:192.0.2.7;lr>, <sip:192.0.2.8>"})
    request = parse(made.head("BYE", 8, "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKy").encode() + b"\r\n")
    assert request.uri == "sip:192.0.2.8"
    assert request.all("route") == ["<sip:192.0.2.7;lr>", "<sip:b@192.0.2.20:5080>"]


def test_sequence_numbers_of_the_peer_have_to_rise():
    made = Dialog.of_request(invite(), "ours")
    assert not made.take_seq(1)
    assert made.take_seq(5)
    assert not made.take_seq(4)
    assert made.remote_seq == 5


def test_target_refresh():
    made = dialog()
    made.refresh(response(Contact="<sip:new@192.0.2.30>"))
    assert made.hop() == Hop("192.0.2.30", 5060)
    made.refresh(response(Contact=""))
    made.refresh(response(Contact="*"))
    assert made.target == "sip:new@192.0.2.30"


@pytest.mark.parametrize("contact", ["", "*", "<tel:+49>", "<sip:a@b>, <sip:c@d>"])
def test_invite_without_one_usable_contact_is_refused(contact):
    with pytest.raises(BadMessage):
        Dialog.of_request(invite(contact=contact), "ours")


def test_answer_without_contact_is_reached_where_it_was_asked():
    assert dialog(Contact="").target == "sip:asked@192.0.2.20"


def test_unreadable_route_set():
    with pytest.raises(BadMessage):
        Dialog.of_request(invite(record_route="<http>"), "ours")
    assert dialog(**{"Record-Route": "<http>"}).routes == ()


def test_a_name_is_a_next_hop_that_has_to_be_asked_for():
    assert hop_of("sip:GW.example.com") == Hop(None, 0, "gw.example.com")
    assert hop_of("sip:gw.example.com:5070") == Hop(None, 5070, "gw.example.com")
    assert hop_of("sip:df7jal23ls0d.invalid") == Hop(None, 0, "")
    assert hop_of("<sip:[2001:db8::1]:5070;lr>") == Hop("2001:db8::1", 5070)
    assert hop_of("sip:a@gw.example.com;maddr=192.0.2.9") == Hop("192.0.2.9", 5060)


def test_data_survive_a_restart():
    made = Dialog.of_request(invite(record_route="<sip:192.0.2.7;lr>"), "ours")
    made.next_seq()
    again = Dialog.from_data(json.loads(json.dumps(made.to_data())))
    assert again.to_data() == made.to_data()
    assert again.head("BYE", 2, "v") == made.head("BYE", 2, "v")
    assert again.matches(invite(call_id="call"))


def test_only_the_peer_of_the_dialog_matches():
    made = Dialog.of_request(invite(), "ours")
    assert made.matches(invite())
    assert not made.matches(invite(call_id="other"))
    assert not made.matches(invite(**{"from": "<sip:x@y>;tag=other"}))
