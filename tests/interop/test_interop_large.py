"""INVITEs that are too long for a datagram (RFC 3261 18.1.1)."""

from __future__ import annotations

import pytest

from tests.support.peer import SDP, Peer
from tests.support.sipp import ANSWER, called

LONG = SDP + b"".join(b"a=x-filler-%d:%s\r\n" % (n, b"z" * 60) for n in range(20))


def talk(case, vendor):
    """A call with a long description; the INVITE as the vendor got it."""
    peer = Peer(case.switch.port, case.host)
    case.peers.append(peer)
    peer.send(peer.request("INVITE", case.number, LONG))
    answer = peer.expect(200, 15)
    peer.send(peer.request("ACK", case.number, answered=answer))
    peer.send(peer.request("BYE", case.number, answered=answer))
    peer.expect(lambda message: message.cseq.method == "BYE" and message.status == 200)
    vendor.succeeds()
    (invite,) = vendor.heard("INVITE")
    assert len(invite.body) > 1300
    assert [row["reason"] for row in case.cdr()["attempts"]] == ["answered"]
    return invite


def test_a_vendor_with_tcp_gets_it_by_tcp(case):
    case.begin()
    invite = talk(case, case.peer("first", called(ANSWER), "-m", "1", "-t", "t1", host=case.vendor_host))
    assert invite.via.transport.upper() == "TCP"
    assert "transport=tcp" in invite.headers["contact"][0].lower()


@pytest.mark.parametrize("large", ["tcp", "udp"])
def test_a_vendor_without_tcp_gets_the_datagram(case, large):
    case.begin(vendor=f'large = "{large}"')
    invite = talk(case, case.vendor("first", ANSWER))
    assert invite.via.transport.upper() == "UDP"
    assert "transport=tcp" not in invite.headers["contact"][0].lower()
