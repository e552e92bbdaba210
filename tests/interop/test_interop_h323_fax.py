"""Fax by T.38 from a SIP side through H.323 to a SIP side: RequestMode between two of our switches, UDPTL relayed."""

from __future__ import annotations

import socket

import pytest

from tests.support.h323 import through
from tests.support.peer import SDP, Peer, accepted
from tests.support.switch import until
from vosswitch import sdp

UDPTL = b"\0\x01\x03\x06\0\0"


def fax(port):
    """A description that wants fax in the place of audio."""
    return (
        f"v=0\r\no=peer 1 2 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=image {port} udptl t38\r\n"
        "a=T38FaxVersion:0\r\na=T38FaxUdpEC:t38UDPRedundancy\r\n"
    ).encode()


@pytest.fixture
def ears():
    """Two sockets for UDPTL."""
    found = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
    for each in found:
        each.bind(("127.0.0.1", 0))
        each.settimeout(0.1)
    yield found
    for each in found:
        each.close()


@pytest.mark.parametrize(("fast", "tunnelled"), [(True, True), (False, True), (False, False)])
def test_fax_goes_through_both_and_back_to_speech(h323_case, far, ears, fast, tunnelled):
    """The caller changes to fax: the vendor is asked for it, packets pass both ways; then audio again, and the end."""
    near = h323_case
    caller, vendor = Peer(near.switch.port, host=near.host), Peer(far.switch.port)
    near.peers += [caller, vendor]
    far.ports["first"] = vendor.port
    far.begin(access=f"{through.CUSTOMER}\nh323_tunnelling = {str(tunnelled).lower()}")
    near.prefix = f"{far.prefix}{near.n:03}"
    near.number = f"{near.prefix}123"
    near.ports["first"] = far.switch.h323_port
    near.begin(vendor=f"{through.CUSTOMER}\nh323_fast_start = {str(fast).lower()}")
    until(lambda: any("h323" in address for address in far.switch.json("node", "status")[0]["listen"]), 30, "H.323")
    caller.send(caller.request("INVITE", near.number, SDP))
    invite = vendor.expect("INVITE", 20)  # the processes may still be starting
    vendor.reply(invite, 200, SDP)
    vendor.expect("ACK")
    answered = caller.expect(accepted("INVITE"))
    caller.send(caller.request("ACK", "", answered=answered))
    there = change(caller, vendor, answered, [fax(each.getsockname()[1]) for each in ears])
    for one, two in ((0, 1), (1, 0)):
        assert until(lambda one=one, two=two: heard(ears[one], there[one], ears[two]), 5, "fax") == UDPTL
    change(caller, vendor, answered, [SDP, SDP])
    caller.send(caller.request("BYE", "", answered=answered))
    caller.expect(accepted("BYE"))
    vendor.reply(vendor.expect("BYE"), 200)
    assert near.cdr()["end_reason"] == "normal"
    assert until(lambda: far.switch.json("cdr", "list", "--account", f"C{far.n}"), 10, "the second switch's record")


def heard(ear, target, other):
    """What comes to the other side of a packet; fax gateways repeat theirs, too."""
    ear.sendto(UDPTL, target)
    try:
        return other.recv(100)
    except TimeoutError:
        return b""


def change(caller, vendor, answered, bodies):
    """A re-INVITE of the caller with the first body, answered by the vendor with the second.

    :returns: where the two sides' media goes.
    """
    kind = sdp.parse(bodies[0]).media[0].kind
    caller.send(caller.request("INVITE", "", bodies[0], answered=answered))
    asked = vendor.expect("INVITE")
    assert [(media.kind, media.port > 0) for media in sdp.parse(asked.body).media] == [(kind, True)]
    vendor.reply(asked, 200, bodies[1])
    vendor.expect("ACK")
    taken = caller.expect(accepted("INVITE"))
    caller.send(caller.request("ACK", "", answered=taken))
    said = [sdp.parse(message.body) for message in (taken, asked)]
    assert said[0].media[0].kind == kind
    return [(each.host, each.media[0].port) for each in said]
