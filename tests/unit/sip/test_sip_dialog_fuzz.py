"""Whole calls through two legs of ours, between peers that get single messages wrong in the ways of the grammar.

The peers play their parts as always; what each sends is first done something to: a header left out, doubled, taken
from another message, a number of a sequence moved, a tag of another dialog, a message held back, repeated, replaced by
an older one.  Whatever that does to the call, the room answers an OPTIONS after each message, no error escapes, both
legs end, and nothing is left when all timers have run out.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from sip_world import ANSWER, OFFER, UAC, UAS, Peer, World, reply

from vosswitch.model.causes import cause
from vosswitch.model.peer import PLAIN, PeerProfile
from vosswitch.model.signals import Release, Transfer, Transferred
from vosswitch.sip.grammar.message import BadMessage, Request, Response
from vosswitch.sip.grammar.parse import parse

LINES = (
    b"Require: 100rel", b"Require: timer", b"Supported: 100rel, timer, replaces", b"Session-Expires: 90;refresher=uac",
    b"Session-Expires: 1", b"Min-SE: 99999999999", b"RSeq: 1", b"RAck: 1 1 INVITE", b"Contact: *", b"Contact: <sip:x>",
    b"Record-Route: <sip:192.0.2.99;lr>", b"Route: <sip:192.0.2.99;lr>", b"Replaces: a;to-tag=b;from-tag=c",
    b"Refer-To: <sip:1@192.0.2.99>", b"Content-Disposition: render;handling=required", b"Reason: Q.850;cause=999",
    b"Content-Type: multipart/mixed;boundary=x", b"Content-Encoding: gzip", b"Retry-After: 99999999999999999999",
    b"P-Asserted-Identity: <sip:1@x>, <tel:+1>, x", b"Privacy: id;critical", b"Diversion: <sip:", b"Max-Forwards: 0",
    b"Proxy-Authenticate: Digest realm=x", b"Authorization: Digest username=x", b"Expires: 0", b"Event: refer",
)  # fmt: skip

METHODS = ("INVITE", "UPDATE", "INFO", "OPTIONS", "REFER", "PRACK", "MESSAGE", "NOTIFY", "SUBSCRIBE", "ACK", "HELLO")
EXTRAS: dict[str, dict[str, str]] = {
    "REFER": {"refer_to": "<sip:4355@192.0.2.1>"},
    "PRACK": {"rack": "1 1 INVITE"},
    "NOTIFY": {"event": "refer", "subscription_state": "active", "content_type": "message/sipfrag"},
    "MESSAGE": {"content_type": "text/plain"},
    "UPDATE": {"session_expires": "90;refresher=uas", "supported": "timer"},
}
PROFILES = st.one_of(
    st.just(PLAIN),
    st.builds(
        PeerProfile,
        trusted=st.booleans(),
        headers_in=st.sampled_from([(), ("*",), ("subject",)]),
        headers_out=st.sampled_from([(), ("*",), ("subject",)]),
        session_timer=st.sampled_from(["on", "off", "required"]),
        reliable=st.sampled_from(["off", "supported", "required"]),
        codecs=st.sampled_from([(), ("PCMU",), ("G729",)]),
        redirects=st.sampled_from(["refuse", "follow", "pass"]),
        redirect_hosts=st.sampled_from([(), ("*",)]),
        transfers=st.sampled_from(["refuse", "internal", "pass"]),
        dtmf_info=st.sampled_from(["pass", "ignore"]),
        messages=st.sampled_from(["refuse", "pass"]),
        reply_address=st.sampled_from(["auto", "socket", "via_port", "via"]),
        request_address=st.sampled_from(["socket", "contact_port", "contact"]),
    ),
)


class Call:
    """A caller, a vendor, our two legs and a bridge between them that only passes signals on."""

    def __init__(self, data: Any) -> None:
        self.data = data
        self.world = World()
        self.world.credentials.profiles[UAC[0]] = data.draw(PROFILES, label="caller's profile")
        self.called_profile = data.draw(PROFILES, label="vendor's profile")
        self.called: Peer | None = None
        self.calm = data.draw(st.integers(0, 12), label="messages that are as they should be")
        self.caller = Peer(self.world, UAC, "fuzz")
        self.legs: list[Any] = []
        self.old: list[bytes] = [OFFER]
        self.held: list[tuple[bytes, tuple[str, int]]] = []

    # the bridge

    def heard(self, leg: Any, signal: Any) -> None:
        other = next((one for one in self.legs if one is not leg), None)
        if isinstance(signal, Release):
            self.legs = [one for one in self.legs if one is not leg]
        if isinstance(signal, Transfer):
            leg.send(Transferred(self.data.draw(st.sampled_from([100, 180, 200, 486, 603]), label="transferred")))
        elif other is not None:
            other.send(signal)

    def connect(self) -> None:
        """Place the second leg once the first one is there."""
        if self.world.calls.offered and len(self.legs) < 2:
            incoming, offered = self.world.calls.offered.pop()
            incoming.listen(self)
            self.legs = [incoming]
            self.legs.append(
                self.world.place(
                    session=offered.session,
                    username="u",
                    password="p",
                    profile=self.called_profile,
                    headers=offered.headers,
                    identity=offered.identity,
                )
            )
            self.legs[1].listen(self)

    # the wire

    def send(self, message: bytes, peer: tuple[str, int]) -> None:
        """Send what becomes of *message*, and see that the room lives."""
        for data in self.changed(message):
            self.old.append(data)
            self.world.put(data, peer)
            self.connect()
            assert [event for event in self.world.logged if "log_failure" in event] == [], data
        if self.held and self.data.draw(st.booleans(), label="release"):
            late, whose = self.held.pop()
            self.world.put(late, whose)

    def changed(self, message: bytes) -> list[bytes]:
        self.calm -= 1
        if self.calm >= 0:
            return [message]
        head, _, body = message.partition(b"\r\n\r\n")
        start, *lines = head.split(b"\r\n")
        how = self.data.draw(st.integers(0, 16), label="how")
        at = self.data.draw(st.integers(0, len(lines) - 1), label="line")
        if how == 1:
            del lines[at]
        elif how == 2:
            lines.insert(at, lines[at])
        elif how == 3:
            lines.insert(at, self.data.draw(st.sampled_from(LINES), label="added"))
        elif how == 4:
            lines = [_moved(line, self.data.draw(st.integers(-2, 3), label="by")) for line in lines]
        elif how == 5:
            lines = [line.replace(b"tag=", b"tag=x") if line.startswith(b"To") else line for line in lines]
        elif how == 6:
            other = self.data.draw(st.sampled_from(self.old), label="other").split(b"\r\n")
            lines[at] = self.data.draw(st.sampled_from(other), label="foreign")
        elif how == 7:
            body = self.data.draw(
                st.sampled_from([b"", OFFER, ANSWER, body[: len(body) // 2], b"\0" * 50]), label="body"
            )
            lines = [line for line in lines if not line.startswith(b"Content-Length")]
            lines.append(b"Content-Length: %d" % len(body))
        elif how == 8:
            start = start.replace(b"INVITE", b"UPDATE").replace(b"200", b"183").replace(b"BYE", b"REFER")
        whole = b"\r\n".join([start, *lines]) + b"\r\n\r\n" + body
        if how == 9:
            return [whole, whole]
        if how == 10:
            return [whole, self.data.draw(st.sampled_from(self.old), label="again")]
        if how == 11:
            self.held.append((whole, UAC))
            return []
        return [whole]

    # what the peers do

    def react(self) -> None:
        """Let both peers do what is due for everything they were sent."""
        for _ in range(4):
            written, self.world.udp.written = self.world.udp.written, []
            for data, to in written:
                found = read(data)
                if found is not None:
                    (self.vendor if to == UAS else self.called_back)(found)

    def vendor(self, found: Request | Response) -> None:
        if not isinstance(found, Request) or found.method == "ACK":
            return
        if found.method == "INVITE" and not found.to.tag:
            self.called = self.called or vendor_of(self.world, found)
            if not self.data.draw(st.integers(0, 5), label="0 = redirected"):
                self.send(reply(found, 302, contact="<sip:4941@192.0.2.20:5080>"), UAS)
                return
            self.send(reply(found, 183, ANSWER, require="100rel", rseq="1"), UAS)
        self.send(reply(found, 200, ANSWER if found.method in {"INVITE", "PRACK"} else b""), UAS)

    def called_back(self, found: Request | Response) -> None:
        caller = self.caller
        if isinstance(found, Request):
            if found.method != "ACK":
                self.send(reply(found, 200, ANSWER if found.method == "INVITE" else b"", tag=""), UAC)
        elif found.status >= 200 and found.cseq.method == "INVITE":
            if found.status < 300 and found.contacts:
                caller.join(found)
            fields = {"to": found.headers["to"][0], "number": str(found.cseq.number)}
            self.send(caller.text("ACK", **fields), UAC)

    def ask(self, method: str, *, whose: str) -> None:
        """One peer or the other sends a request within its dialog."""
        peer = self.called if whose == "vendor" and self.called is not None else self.caller
        body = OFFER if method in {"INVITE", "UPDATE"} else b"SIP/2.0 200 OK" if method == "NOTIFY" else b""
        self.send(peer.text(method, body, **EXTRAS.get(method, {})), peer.address)


def vendor_of(world: World, invite: Request) -> Peer:
    """The vendor that got the INVITE, as one who asks."""
    vendor = Peer(world, UAS, invite.call_id)
    vendor.tag, vendor.to, vendor.uri = "b1", invite.headers["from"][0], invite.contacts[0].uri.text
    return vendor


def read(data: bytes) -> Request | Response | None:
    """What a peer can read: a refusal repeats what was wrong."""
    try:
        return parse(data)
    except BadMessage:
        assert data.startswith(b"SIP/2.0 4")
        return None


def _moved(line: bytes, by: int) -> bytes:
    """The CSeq line with another number."""
    name, _, value = line.partition(b": ")
    if name != b"CSeq":
        return line
    number, _, method = value.partition(b" ")
    return b"CSeq: %d %b" % (max(0, int(number) + by) if number.isdigit() else 1, method)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_calls_with_wrong_messages(data):
    call = Call(data)
    caller, world = call.caller, call.world
    plan = data.draw(st.lists(st.tuples(st.sampled_from(METHODS), st.sampled_from(["caller", "vendor"])), max_size=5))
    call.send(caller.text("INVITE", OFFER, supported="100rel, timer"), UAC)
    call.react()
    for method, whose in plan:
        call.ask(method, whose=whose)
        call.react()
        world.clock.advance(data.draw(st.sampled_from([0.0, 0.6, 5.0])))
        call.react()
    call.ask(data.draw(st.sampled_from(["BYE", "CANCEL"])), whose=data.draw(st.sampled_from(["caller", "vendor"])))
    call.react()
    probe = Peer(world, ("192.0.2.77", 5060), "probe")
    world.credentials.trusted.add("192.0.2.77")
    probe.request("OPTIONS")
    assert probe.statuses() == [200]
    for leg in list(call.legs):
        leg.send(Release(cause("operator_release")))
    for leg, _ in world.calls.offered:
        leg.send(Release(cause("operator_release")))
    for _ in range(60):
        world.clock.advance(8.0)
        world.udp.written.clear()
    world.close()
    assert len(world.service._stack.dialogs) == 0
