"""Whatever comes in, nothing escapes, and the next OPTIONS is answered."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sip_world import ANSWER, OFFER, UAC, UAS, Peer, World, reply

from vosswitch import sdp
from vosswitch.model.causes import cause
from vosswitch.model.signals import Answer, Release, Ring

SESSION = sdp.parse(ANSWER)


def busy_world():
    """A service with calls in several states, and the texts that peers could send for them."""
    world = World()
    texts = []
    ringing = world.invite()
    texts += [ringing.sent, ringing.text("CANCEL"), ringing.text("BYE")]
    world.calls.offered.pop()[0].send(Ring())
    waiting = world.invite()
    world.calls.offered.pop()[0].send(Answer(SESSION))
    waiting.join(waiting.take()[-1])
    texts += [waiting.text("ACK", OFFER), waiting.text("BYE")]
    talking = world.invite()
    world.calls.offered.pop()[0].send(Answer(SESSION))
    talking.join(talking.take()[-1])
    talking.ack()
    texts += [talking.text(method, OFFER) for method in ("INVITE", "UPDATE", "INFO", "BYE", "REFER")]
    world.take()
    world.place(username="u", password="p")
    invite = world.one(UAS)
    challenge = 'Digest realm="r", nonce="n", algorithm=MD5, qop="auth"'
    texts += [reply(invite, status, ANSWER) for status in (100, 180, 183, 200, 486)]
    texts += [reply(invite, 407, proxy_authenticate=challenge)]
    stranger = Peer(world, ("198.51.100.1", 5060), "s")
    texts += [stranger.text("REGISTER", authorization=challenge + ', username="u", uri="x", response="y"')]
    texts += [stranger.text("INVITE", OFFER), stranger.text("OPTIONS")]
    return world, texts


_, TEXTS = busy_world()
PIECES = [
    b"\r\n", b"\r\n\r\n", b"\0", b";", b",", b'"', b"<", b">", b"@", b":", b"\xff\xfe", b"%", b" ", b"\t", b"*",
    b"99999999999999999999", b"-1", b"tag=", b";tag=x;tag=y", b"branch=", b"SIP/2.0", b"SIP/3.0", b"[::1]", b"[",
    b"Content-Length: 99999\r\n", b"Record-Route: <sip:a;lr>, <\r\n", b"Contact: *\r\n", b"Route: <sip:b>\r\n",
    b"\r\n ", b"a" * 3000, b"Via: SIP/2.0/UDP [::1]:99999;branch=z9hG4bKx\r\n", b"CSeq: 0 ACK\r\n", b"=", b"\x80",
    b"Require: x\r\n", b"Authorization: Digest\r\n", b"Max-Forwards: 0\r\n", b"Content-Type: multipart/mixed\r\n",
]  # fmt: skip


@st.composite
def mutations(draw):
    """A text of a peer with a few things done to it: cut, doubled, replaced, inserted."""
    text = draw(st.sampled_from(TEXTS))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        upto = min(len(text), at + draw(st.sampled_from([0, 0, 1, 2, 8, 40])))
        piece = draw(st.one_of(st.sampled_from(PIECES), st.binary(max_size=4), st.just(text[at:upto] * 2)))
        text = text[:at] + piece + text[upto:]
    return text


def alive(world):
    """A living process is one that answers OPTIONS."""
    world.udp.written.clear()
    probe = Peer(world, UAC, f"probe{world.next()}")
    probe.request("OPTIONS")
    assert probe.statuses() == [200]
    assert [event for event in world.logged if "log_failure" in event] == []


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(mutations(), st.sampled_from([UAC, UAS, ("198.51.100.1", 5060)])), min_size=1, max_size=4))
def test_mutated_datagrams(items):
    world, _ = busy_world()
    for data, peer in items:
        world.put(data, peer)
        alive(world)
    world.clock.pump([0.6, 2.0, 15.0, 40.0, 130.0])
    alive(world)


@settings(max_examples=100, deadline=None)
@given(st.lists(mutations(), min_size=1, max_size=3), st.integers(1, 700))
def test_mutated_streams(items, size):
    world, _ = busy_world()
    protocol, wire = world.connect()
    data = b"".join(items)
    for at in range(0, len(data), size):
        if not wire.disconnecting:
            protocol.dataReceived(data[at : at + size])
    alive(world)


@pytest.mark.parametrize("text", TEXTS)
def test_every_text_truncated_anywhere(text):
    world, _ = busy_world()
    for size in range(0, len(text), 7):
        world.put(text[:size])
    alive(world)


def test_signals_in_any_state_do_no_harm():
    world, texts = busy_world()
    legs = list(world.service._stack.dialogs.values())
    for text in texts:
        world.put(text)
        for leg in legs:
            leg.send(Ring())
            leg.send(Answer(SESSION))
    for leg in [*legs, *[leg for leg, _ in world.calls.offered]]:
        leg.send(Release(cause("normal")))
    alive(world)
    world.clock.pump([5.0] * 30)
    world.close()
