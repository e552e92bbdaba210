"""Anything that peers may say before the answer, in any order: nothing is raised, nothing stays behind."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from sip_world import ANSWER, OFFER, UAC, UAS, World, reply

from vosswitch import sdp
from vosswitch.model.causes import cause
from vosswitch.model.peer import PeerProfile
from vosswitch.model.signals import Accept, Answer, Confirm, Offer, Progress, Refuse, Release, Ring
from vosswitch.sip.grammar.message import Request

BODIES = (b"", ANSWER, ANSWER.replace(b"4000", b"4010"), b"rubbish")
SIGNALS = (
    *(Ring(), Ring(sdp.parse(ANSWER)), Progress(), Progress(sdp.parse(BODIES[2])), Answer(sdp.parse(ANSWER))),
    *(Answer(), Confirm(), Confirm(sdp.parse(OFFER)), Offer(sdp.parse(OFFER)), Offer(), Accept(sdp.parse(OFFER))),
    *(Accept(), Refuse(488), Refuse(504)),
)
RESPONSE = st.tuples(
    st.sampled_from([100, 180, 183, 183, 183, 200, 200, 302, 401, 422, 481, 486, 503, 603]),
    st.sampled_from(["a", "b", "c", ""]),
    st.sampled_from(["", "1", "2", "3", "x"]),
    st.sampled_from(BODIES),
)
REQUEST = st.tuples(
    st.sampled_from(["PRACK", "UPDATE", "UPDATE", "BYE", "INFO", "INVITE", "CANCEL", "ACK", "OPTIONS", "REFER"]),
    st.sampled_from(["a", "b", "x"]),
    st.integers(1, 5),
    st.sampled_from(BODIES),
)
STEPS = st.lists(st.one_of(RESPONSE, REQUEST, st.sampled_from(SIGNALS), st.sampled_from([0.1, 1.0, 20.0])), max_size=14)


def outgoing(world, invite, step):
    """A vendor's response to the INVITE, or its request in one of the early dialogs."""
    what, tag, number, body = step
    if isinstance(what, int):
        more = {"require": "100rel", "rseq": number} if number else {}
        world.put(reply(invite, what, body, tag, contact="<sip:9@192.0.2.20:5080>", allow="PRACK, UPDATE", **more), UAS)
        return
    lines = [
        f"{what} sip:4930@192.0.2.1 SIP/2.0",
        f"Via: SIP/2.0/UDP 192.0.2.20:5080;branch=z9hG4bKf{world.next()}",
        f"From: {invite.headers['to'][0]};tag={tag}",
        f"To: {invite.headers['from'][0]}",
        f"Call-ID: {invite.call_id}",
        f"CSeq: {number + world.serial} {what}",
        f"RAck: {number} 1 INVITE",
        "Contact: <sip:192.0.2.20:5080>",
        "Content-Type: application/sdp",
        f"Content-Length: {len(body)}",
    ]
    world.put("\r\n".join(lines).encode() + b"\r\n\r\n" + body, UAS)


def tidy(world, peer, status):
    """The peer answers what it was asked."""
    for message in world.take(peer):
        if isinstance(message, Request) and message.method not in {"ACK", "INVITE"}:
            world.put(reply(message, status, ANSWER if message.method == "UPDATE" else b"", tag="a"), peer)


@settings(max_examples=150, deadline=None)
@given(STEPS, st.booleans(), st.sampled_from([200, 481, 500]))
def test_a_vendor_may_say_anything(steps, late, status):
    world = World()
    profile = PeerProfile(reliable="supported", redirects="follow", transfers="internal")
    more = {"session": None, "early": True} if late else {}
    leg = world.place(profile=profile, **more)
    invite = world.one(UAS)
    for step in steps:
        if isinstance(step, float):
            world.clock.advance(step)
        elif isinstance(step, tuple):
            outgoing(world, invite, step)
        else:
            leg.send(step)
        for message in world.take(UAS):
            if isinstance(message, Request) and message.method == "INVITE" and not message.to.tag:
                invite = message
            elif isinstance(message, Request) and message.method != "ACK":
                body = ANSWER if message.method in {"UPDATE", "INVITE"} else b""
                world.put(reply(message, status, body, tag="a"), UAS)
    leg.send(Release(cause("operator_release")))
    for _ in range(4):
        tidy(world, UAS, 200)
        world.clock.pump([16.0] * 12)
    world.close()
    assert world.service._stack.dialogs == {}


@settings(max_examples=150, deadline=None)
@given(STEPS, st.booleans(), st.sampled_from([200, 481, 500]))
def test_a_caller_may_say_anything(steps, late, status):
    world = World()
    world.credentials.profiles[UAC[0]] = PeerProfile(reliable="supported")
    caller = world.invite(b"" if late else OFFER, supported="100rel", allow="PRACK, UPDATE")
    leg, _ = world.calls.offered.pop()
    rseq = "1"
    for step in steps:
        for message in caller.take():
            if isinstance(message, Request):
                if message.method != "ACK":
                    caller.answer(message, status, ANSWER, contact="<sip:4930@192.0.2.10:5070>")
            elif message.status > 100:
                rseq = message.get("rseq") or rseq
                if message.cseq.method == "INVITE" and message.contacts:
                    caller.join(message)
        if isinstance(step, float):
            world.clock.advance(step)
        elif not isinstance(step, tuple):
            leg.send(step)
        elif isinstance(step[0], str):
            method, _, number, body = step
            rack = f"{rseq if number > 2 else number} 1 INVITE"
            if method in {"ACK", "CANCEL"}:
                caller.request(method, number="1")
            else:
                caller.request(method, body, rack=rack)
    for one in (leg, *[other for other, _ in world.calls.offered]):  # an INVITE without our tag is another call
        one.send(Release(cause("operator_release")))
    for _ in range(4):
        tidy(world, UAC, 200)
        world.clock.pump([16.0] * 12)
    world.close()
    assert world.service._stack.dialogs == {}
