"""Topology hiding on the wire: every message of both legs is searched for what only the other side may know."""

from __future__ import annotations

import pytest

from tests.support.peer import Peer
from vosswitch.sip.grammar.message import render

SESSION = (
    "v=0\r\no={0}-user 777111 {2} IN IP4 {1}\r\ns={0}-session\r\ni={0}-info\r\nu=http://{1}/\r\ne={0}@{1}\r\n"
    "c=IN IP4 {1}\r\nt=0 0\r\na=tool:{0}-tool\r\na=ice-ufrag:{0}-ice\r\nm=audio 40000 RTP/AVP 8 101\r\n"
    "c=IN IP4 {1}\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=rtcp:40001 IN IP4 {1}\r\n"
    "a=candidate:1 1 UDP 2130706431 {1} 40000 typ host\r\na=ssrc:1234 cname:{0}-cname@{1}\r\na=x-own:{0}-x {1}\r\n"
)
TELLING = {
    "user-agent": "{0}-agent",
    "server": "{0}-server",
    "subject": "{0}-subject",
    "organization": "{0}-organization",
    "p-asserted-identity": "<sip:{0}-asserted@{1}>",
    "remote-party-id": "<sip:{0}-party@{1}>",
    "diversion": "<sip:{0}-diversion@{1}>",
    "call-info": "<http://{1}/{0}-info>",
    "warning": '399 {1} "{0}-warning"',
    "error-info": "<http://{1}/{0}-error>",
    "reason": 'Q.850;cause=16;text="{0}-reason {1}"',
    "x-own": "{0}-x",
}


class Side:
    """A peer that puts its name and address wherever it can, and keeps all that it hears."""

    def __init__(self, peer, name):
        self.peer = peer
        self.name = name
        self.heard = []
        self.version = 0

    def told(self, message, body=True):
        for name, value in TELLING.items():
            message.set(name, value.format(self.name, self.peer.host))
        if body:
            message.set("content-type", "application/sdp")
            self.version += 1  # a session that is repeated word for word is no news for the other side
            message.body = SESSION.format(self.name, self.peer.host, self.version).encode()
        return message

    def ask(self, method, answered=None, body=True, to=""):
        request = self.told(self.peer.request(method, to, answered=answered), body)
        self.peer.send(request)
        return request

    def answer(self, request, status, body=True):
        response = request.reply(status, f"{self.name}-phrase", f"{self.name}tag" if status > 100 else "")
        response.add("contact", f"<sip:{self.name}-contact@{self.peer.host}:{self.peer.port}>")
        self.peer.send(self.told(response, body), self.peer.source)

    def hear(self, what):
        def fits(message):
            self.heard.append(render(message).decode("latin-1"))
            return what == getattr(message, "status", getattr(message, "method", ""))

        return self.peer.expect(fits)

    def secrets(self, proxied):
        """What the other side must not get to see."""
        found = [f"{self.name}-", f"{self.name}tag", self.peer.call_id, self.peer.tag, f":{self.peer.port}"]
        return [*found, self.peer.host, "777111"] if proxied else found


@pytest.mark.parametrize("proxied", [True, False])
def test_nothing_of_one_side_reaches_the_other(case, proxied):
    case.vendor_host = "127.88.0.3"
    vendor = Peer(case.switch.port, host=case.vendor_host)
    case.peers.append(vendor)
    case.ports["first"] = vendor.port
    case.begin(vendor=f'media_proxy = "{"must_on" if proxied else "off"}"')
    caller = Side(Peer(case.switch.port, host=case.host), "alice")
    callee = Side(vendor, "bob")
    case.peers.append(caller.peer)

    invite = caller.ask("INVITE", to=case.number)
    offered = callee.hear("INVITE")
    for status in (100, 180, 183, 200):
        callee.answer(offered, status, status > 180)
    answered = caller.hear(200)
    caller.ask("ACK", answered, body=False)
    callee.hear("ACK")
    again = caller.ask("INVITE", answered)
    callee.answer(callee.hear("INVITE"), 200)
    caller.hear(200)
    acknowledge = caller.peer.request("ACK", "", answered=answered)
    acknowledge.set("cseq", f"{again.cseq.number} ACK")
    caller.peer.send(acknowledge)
    callee.hear("ACK")
    caller.ask("BYE", answered, body=False)
    callee.answer(callee.hear("BYE"), 200, body=False)
    caller.hear(200)
    assert case.cdr()["end_reason"] == "normal"

    for status in (302, 486):
        caller.peer.call_id += "x"
        refused = caller.ask("INVITE", to=case.number)
        callee.answer(callee.hear("INVITE"), status, body=False)
        callee.hear("ACK")
        final = caller.hear(480 if status == 302 else status)
        caller.peer.send(caller.peer.follow("ACK", refused, final))

    heads = {side.name: [text if proxied else text.partition("\r\n\r\n")[0] for text in side.heard]
             for side in (caller, callee)}  # fmt: skip
    assert any("alice-user" in text for text in callee.heard) is not proxied  # without the relay, the session is theirs
    for teller, listener in ((caller, callee), (callee, caller)):
        for secret in teller.secrets(proxied):
            assert [text for text in heads[listener.name] if secret in text] == [], secret
    assert invite.call_id not in "".join(heads["bob"])
