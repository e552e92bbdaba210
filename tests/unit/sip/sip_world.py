"""The SIP room on a fake clock and fake sockets: what the tests of the service and the legs stand on."""

from __future__ import annotations

import random
from typing import Any

from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import Logger

from vosswitch import sdp
from vosswitch.model.call import Credential, Placement
from vosswitch.model.peer import PLAIN, PeerProfile
from vosswitch.model.values import Address
from vosswitch.params.boot import Listener
from vosswitch.sip.destinations.resolution import Answer, Question
from vosswitch.sip.grammar import digest
from vosswitch.sip.grammar.message import Request, Response
from vosswitch.sip.grammar.parse import parse
from vosswitch.sip.service import SipService

UAC = ("192.0.2.10", 5070)
UAS = ("192.0.2.20", 5080)
STRANGER = ("192.0.2.66", 5066)
OFFER = (
    b"v=0\r\no=alice 1 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\n"
    b"m=audio 4000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
)
ANSWER = OFFER.replace(b"alice", b"bob").replace(b"192.0.2.10", b"192.0.2.20")
REALM = "test.example"


class FakeUdp:
    """Takes what the UDP socket writes."""

    def __init__(self) -> None:
        self.written: list[tuple[bytes, tuple[str, int]]] = []

    def write(self, data: bytes, peer: tuple[str, int]) -> None:
        self.written.append((data, peer))


class FakePort:
    def __init__(self, number: int) -> None:
        self.port = number

    def getHost(self) -> FakePort:
        return self

    def stopListening(self) -> None:
        return None


class FakeReactor(Clock):
    """A clock that also notes outgoing connections."""

    def __init__(self) -> None:
        super().__init__()
        self.connecting: list[tuple[str, int, Any]] = []

    def connectTCP(self, host, port, factory, timeout=30, bindAddress=None):
        self.connecting.append((host, port, factory))


class FakeCredentials:
    """`ICredentials` of a test."""

    def __init__(self) -> None:
        self.trusted = {UAC[0]}
        self.users: dict[str, tuple[Credential, ...]] = {}
        self.phones: dict[str, str] = {}
        self.registering: set[str] = set()
        self.asks = False
        self.passworded: set[str] = set()
        self.vendors: set[str] = set()
        self.emergencies: set[str] = set()
        self.groups: list[set[str]] = []
        self.profiles: dict[str, PeerProfile] = {}

    def add(self, user: str, password: str, kinds: tuple[str, ...] = ("MD5", "SHA-256")) -> None:
        self.users[user] = tuple(Credential(digest.ha1(user, REALM, password, kind), kind) for kind in kinds)

    def trusts(self, source: Address) -> bool:
        return source.host in self.trusted

    def credentials(self, username: str) -> tuple[Credential, ...]:
        return self.users.get(username, ())

    def phone(self, username: str) -> str | None:
        return self.phones.get(username)

    def dynamic(self, username: str, calling: bool = False) -> bool:
        return username in self.registering

    def profile(self, source, username, callee, read=None) -> PeerProfile:
        return self.profiles.get(source.host, PLAIN)

    def profile_at(self, source) -> PeerProfile:
        return self.profiles.get(source.host, PLAIN)

    def challenges(self) -> bool:
        return self.asks

    def asked(self, source) -> bool:
        return source.host in self.passworded

    def known(self, source) -> bool:
        return source.host in self.vendors

    def emergency(self, callee) -> bool:
        return callee in self.emergencies

    def same_gateway(self, seen, source) -> bool:
        return any(seen.host in group and source.host in group for group in self.groups)


class FakeCalls:
    """`IIncomingCalls` and `ILegListener` of a test: notes everything."""

    def __init__(self) -> None:
        self.offered: list[tuple[Any, Any]] = []
        self.refusals: list[tuple[Any, str]] = []
        self.signals: list[tuple[Any, Any]] = []

    def incoming(self, leg: Any, offered: Any) -> None:
        leg.listen(self)
        self.offered.append((leg, offered))

    def refused(self, offered: Any, reason: str) -> None:
        self.refusals.append((offered, reason))

    def heard(self, leg: Any, signal: Any) -> None:
        self.signals.append((leg, signal))

    def of(self, leg: Any) -> list[Any]:
        """What *leg* has reported since the last look."""
        mine = [signal for teller, signal in self.signals if teller is leg]
        self.signals = [(teller, signal) for teller, signal in self.signals if teller is not leg]
        return mine


PARAMETERS: dict[str, Any] = {
    "SS_SIP_RESEND_INTERVAL": (0.5, 1.0, 2.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0),
    "SS_SIP_AUTHENTICATION_CODE": 401,
    "VS_DIGEST_ALGORITHMS": "SHA-256,MD5",
    "VS_DIGEST_MD5_AGENTS": "old phone v1,Older",
    "VS_OVERLOAD_DELAY": 100,
    "VS_SOURCE_CPS": None,
    "SS_AUTHENTICATION_MAX_RETRY": 3,
    "SS_AUTHENTICATION_FAILED_SUSPEND": 180,
    "SS_REPLY_UNAUTHORIZED": True,
    "SS_ENDPOINT_EXPIRE": 3600,
    "SS_ENDPOINT_REGISTER_REPLACE": True,
    "SS_SIP_SESSION_TTL": 600,
    "SS_SIP_SESSION_MIN_SE": 90,
    "SS_SIP_SESSION_UPDATE_SEGMENT": 2,
    "SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP": 0,
    "SS_SIP_NAT_KEEP_ALIVE_MESSAGE": "HELLO",
    "SS_SIP_NAT_KEEP_ALIVE_PERIOD": 30,
    "SS_SIP_NAT_KEEP_ALIVE_SEND_INTERVAL": 500,
    "SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME": 3000,
    "SS_QOS_SIGNAL": 0xA0,
    "SS_TCP_CLOSE_RESET": False,
    "VS_CONNECTIONS_PER_SOURCE": 500,
}


class World:
    """One SIP service with a UDP and a TCP listener at *host*, port 5060."""

    def __init__(self, host: str = "192.0.2.1", clock: FakeReactor | None = None, seed: int = 7) -> None:
        self.clock = clock or FakeReactor()
        self.credentials = FakeCredentials()
        self.calls = FakeCalls()
        self.parameters = dict(PARAMETERS)
        chance = random.Random(seed)
        self.logged: list[dict[str, Any]] = []
        self.service = SipService(
            self.clock,
            lambda: self.parameters,
            self.credentials,
            self.calls,
            REALM,
            "vosswitch/test",
            (Listener("udp", host, 5060), Listener("tcp", host, 5060)),
            Logger("test", observer=self.logged.append),
            chance.randbytes,
        )
        self.service.names._ask = self._no_name_server
        self.udp = FakeUdp()
        self.service._sockets[0].transport = self.udp
        self.serial = 0

    def _no_name_server(self, question: Question) -> None:
        """Nobody answers."""
        self.service.timers.add(8.0, self.service.names.heard, question, Answer(sure=False))

    def close(self) -> None:
        """Every transaction ends by itself; no delayed call may be left."""
        self.clock.pump([16.0] * 12)
        assert self.service._layer.clients == {}
        assert self.service._layer.servers == {}
        assert self.service._layer.merges == {}
        assert self.clock.getDelayedCalls() == [], self.service.timers._buckets
        assert [event for event in self.logged if "log_failure" in event] == []

    def put(self, data: bytes, peer: tuple[str, int] = UAC) -> None:
        """A datagram arrives."""
        self.service._sockets[0].datagramReceived(data, peer)

    def take(self, peer: tuple[str, int] | None = None) -> list[Request | Response]:
        """What has been sent (to *peer*) since the last look."""
        found = [(data, to) for data, to in self.udp.written if peer is None or to == peer]
        self.udp.written = [(data, to) for data, to in self.udp.written if not (peer is None or to == peer)]
        return [parse(data) for data, _ in found]

    def one(self, peer: tuple[str, int] | None = None) -> Any:
        """The one message sent since the last look."""
        found = self.take(peer)
        assert len(found) == 1, found
        return found[0]

    def connect(self, peer: tuple[str, int] = UAC) -> tuple[Any, StringTransport]:
        """A TCP connection comes in."""
        protocol = self.service._sockets[1].factory.buildProtocol(_Peer(*peer))
        transport = StringTransport(peerAddress=_Peer(*peer))
        protocol.makeConnection(transport)
        return protocol, transport

    def place(self, **changes: Any) -> Any:
        """Start an outgoing leg to `UAS`."""
        fields: dict[str, Any] = {
            "call_id": "1",
            "caller": "4930",
            "callee": "4940",
            "target": Address(*UAS),
            "session": sdp.parse(OFFER),
        }
        return self.service.place(Placement(**{**fields, **changes}), self.calls)

    def next(self) -> int:
        """A number not used before."""
        self.serial += 1
        return self.serial

    def invite(self, body: bytes = OFFER, peer: tuple[str, int] = UAC, **changes: str) -> Peer:
        """A caller that has sent an INVITE."""
        caller = Peer(self, peer, f"c{self.next()}@{peer[0]}")
        caller.request("INVITE", body, **changes)
        return caller


class _Peer:
    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port


class Peer:
    """A user agent of the test in one dialog, as caller."""

    def __init__(self, world: World, address: tuple[str, int], call_id: str) -> None:
        self.world = world
        self.address = address
        self.call_id = call_id
        self.cseq = 0
        self.tag = f"t{world.next()}"
        self.to = "<sip:4940@192.0.2.1>"
        self.uri = "sip:4940@192.0.2.1"
        self.branch = ""
        self.sent = b""

    def text(self, method: str, body: bytes = b"", **changes: str) -> bytes:
        """A request; header names as keyword arguments (``user_agent``) add or replace lines."""
        if method not in {"ACK", "CANCEL"}:
            self.cseq += 1
            self.branch = f"z9hG4bK{self.world.next()}"
        host, port = self.address
        lines = {
            "Via": f"SIP/2.0/UDP {host}:{port};branch={changes.pop('branch', self.branch)};rport",
            "Max-Forwards": "70",
            "From": f'"Alice" <sip:4930@{host}>;tag={self.tag}',
            "To": self.to,
            "Call-ID": self.call_id,
            "CSeq": f"{changes.pop('number', str(self.cseq))} {method}",
            "Contact": f"<sip:4930@{host}:{port}>",
        }
        uri = changes.pop("uri", self.uri)
        for name, value in changes.items():
            lines[name.title().replace("_", "-").replace("Call-Id", "Call-ID")] = value
        if body:
            lines.setdefault("Content-Type", "application/sdp")
        lines["Content-Length"] = str(len(body))
        head = "\r\n".join([f"{method} {uri} SIP/2.0", *[f"{name}: {value}" for name, value in lines.items() if value]])
        return head.encode() + b"\r\n\r\n" + body

    def request(self, method: str, body: bytes = b"", **changes: str) -> None:
        """Send a request."""
        self.sent = self.text(method, body, **changes)
        self.world.put(self.sent, self.address)

    def take(self) -> list[Any]:
        """Everything sent to this peer since the last look."""
        return self.world.take(self.address)

    def statuses(self) -> list[int]:
        """The statuses of the responses sent to it since the last look."""
        return [found.status for found in self.take() if isinstance(found, Response)]

    def join(self, response: Response) -> None:
        """Go on in the dialog that *response* made."""
        self.to = response.headers["to"][0]
        self.uri = response.contacts[0].uri.text

    def ack(self, body: bytes = b"") -> None:
        """Acknowledge a 2xx."""
        self.world.put(self.text("ACK", body, branch=f"z9hG4bK{self.world.next()}"), self.address)

    def ack_refusal(self, response: Response) -> None:
        """Acknowledge a refusal."""
        self.world.put(self.text("ACK", to=response.headers["to"][0]), self.address)

    def answer(self, request: Request, status: int = 200, body: bytes = b"", **changes: str) -> None:
        """Answer a request that came to it."""
        self.world.put(reply(request, status, body, tag="", **changes), self.address)


def reply(request: Request, status: int, body: bytes = b"", tag: str = "b1", **changes: str) -> bytes:
    """The response of a gateway at `UAS` to a request of ours."""
    to = request.headers["to"][0]
    if tag and status > 100 and not request.to.tag:
        to = f"{to};tag={tag}"
    lines = [f"SIP/2.0 {status} {changes.pop('reason', 'Text')}"]
    lines += [f"Via: {via}" for via in request.headers["via"]]
    lines += [f"From: {request.headers['from'][0]}", f"To: {to}", f"Call-ID: {request.call_id}"]
    lines += [f"CSeq: {request.headers['cseq'][0]}"]
    changes.setdefault("contact", f"<sip:{UAS[0]}:{UAS[1]}>")
    lines += [f"{name.title().replace('_', '-')}: {value}" for name, value in changes.items() if value]
    if body and "content_type" not in changes:
        lines.append("Content-Type: application/sdp")
    lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body
