"""A SIP peer in a few lines for what sipp cannot do: other digests, messages out of step, anything that is not SIP."""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING

from vosswitch.sip.grammar import digest
from vosswitch.sip.grammar.message import Request, Response, render
from vosswitch.sip.grammar.parse import parse
from vosswitch.sip.grammar.uri import host_text

if TYPE_CHECKING:
    from collections.abc import Callable


def description(host: str = "127.0.0.1", port: int = 40000, direction: str = "") -> bytes:
    """A session description that offers G.711."""
    way = f"a={direction}\r\n" if direction else ""
    family = "IP6" if ":" in host else "IP4"
    return (
        f"v=0\r\no=peer 1 1 IN {family} {host}\r\ns=-\r\nc=IN {family} {host}\r\nt=0 0\r\n"
        f"m=audio {port} RTP/AVP 8 0\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n{way}"
    ).encode()


SDP = description()


class Peer:
    """A UDP user agent that sends what it is told and shows what it gets; the caller or the called side of one call.

    :param switch: port of the switch on *target*.
    """

    def __init__(
        self, switch: int, host: str = "127.0.0.1", target: str = "127.0.0.1", number: str = "4312345"
    ) -> None:
        self.number = number
        self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, 0))
        self.host, self.port = self.socket.getsockname()[:2]
        self.shown = host_text(self.host)
        self.target = (target, switch)
        self.tag = os.urandom(4).hex()
        self.call_id = f"{os.urandom(8).hex()}@{host}"
        self.seq = 0

    # Requests.

    def request(self, method: str, to: str, body: bytes = b"", *, answered: Response | None = None) -> Request:
        """A request to the switch; within the dialog that *answered* made, if one is given."""
        if method not in {"ACK", "CANCEL"}:
            self.seq += 1
        uri = f"sip:{to}@{host_text(self.target[0])}:{self.target[1]}"
        if answered is not None:
            uri = answered.contacts[0].uri.text
        made = Request(method, uri)
        made.add("via", f"SIP/2.0/UDP {self.shown}:{self.port};branch=z9hG4bK{os.urandom(6).hex()};rport")
        made.add("max-forwards", "70")
        made.add("from", f"<sip:{self.number}@{self.shown}>;tag={self.tag}")
        made.add("to", f"<sip:{to}@{host_text(self.target[0])}>" if answered is None else answered.get("to"))
        made.add("call-id", self.call_id)
        made.add("cseq", f"{self.seq} {method}")
        made.add("contact", f"<sip:{self.number}@{self.shown}:{self.port}>")
        if body:
            made.add("content-type", "application/sdp")
            made.body = body
        return made

    def within(self, invite: Request, method: str, body: bytes = b"", number: int | None = None) -> Request:
        """A request of the called side in the dialog of the *invite* that it answered; an ACK needs its *number*."""
        if number is None:
            self.seq += 1
            number = self.seq
        made = Request(method, invite.contacts[0].uri.text)
        made.add("via", f"SIP/2.0/UDP {self.shown}:{self.port};branch=z9hG4bK{os.urandom(6).hex()};rport")
        made.add("max-forwards", "70")
        made.add("from", f"{invite.headers['to'][0]};tag={self.tag}")
        made.add("to", invite.headers["from"][0])
        made.copy_from(invite, ("call-id",))
        made.add("cseq", f"{number} {method}")
        made.add("contact", f"<sip:peer@{self.shown}:{self.port}>")
        if body:
            made.add("content-type", "application/sdp")
            made.body = body
        return made

    def follow(self, method: str, request: Request, response: Response | None = None) -> Request:
        """The CANCEL of our *request*, or the ACK of the failure *response* to it."""
        made = Request(method, request.uri)
        made.copy_from(request, ("via", "max-forwards", "from", "call-id"))
        made.add("to", (response or request).get("to"))
        made.add("cseq", f"{request.cseq.number} {method}")
        return made

    def prove(
        self, request: Request, response: Response, name: str, password: str, algorithm: str, nc: int = 1
    ) -> Request:
        """The same request again with the answer to a challenge of that algorithm."""
        challenges = response.headers.get("www-authenticate", []) + response.headers.get("proxy-authenticate", [])
        (chosen,) = [text for text in challenges if digest.algorithm_of(digest.parse_authorization(text)) == algorithm]
        value = digest.answer(chosen, name, password, request.method, request.uri, os.urandom(4).hex(), nc)
        made = self.request(request.method, request.target.user, request.body)
        made.add("proxy-authorization" if response.status == 407 else "authorization", value)
        return made

    # The wire.

    def send(self, message: Request | Response | bytes, target: tuple[str, int] | None = None) -> None:
        """Send one message, or any bytes."""
        data = message if isinstance(message, bytes) else render(message)
        self.socket.sendto(data, target or self.target)

    def receive(self, seconds: float = 3.0) -> Request | Response:
        """The next message; keep-alives to a registered phone are passed over.

        :raises TimeoutError: none came.
        """
        limit, data = time.monotonic() + seconds, b"HELLO"
        while data == b"HELLO":
            self.socket.settimeout(max(limit - time.monotonic(), 0.001))
            data, self.source = self.socket.recvfrom(65536)
        return parse(data)

    def expect(self, what: Callable[[Request | Response], bool] | int | str, seconds: float = 5.0):
        """The next message that fits: a status, a method or a question; others are passed over."""
        limit = time.monotonic() + seconds
        seen = []
        while True:
            try:
                message = self.receive(limit - time.monotonic())
            except TimeoutError:
                raise AssertionError(f"expected {what}, got {seen}") from None
            seen.append(message.start_line())
            if callable(what):
                if what(message):
                    return message
            elif what == (message.status if isinstance(message, Response) else message.method):
                return message

    def silent(self, seconds: float) -> bool:
        """Whether nothing comes for so long."""
        try:
            self.receive(seconds)
        except TimeoutError:
            return True
        return False

    def reply(self, request: Request, status: int, body: bytes = b"") -> Response:
        """Answer a request to where it came from."""
        made = request.reply(status, "", self.tag if status > 100 else "")
        made.add("contact", f"<sip:peer@{self.shown}:{self.port}>")
        if body:
            made.add("content-type", "application/sdp")
            made.body = body
        self.send(made, self.source)
        return made

    def close(self) -> None:
        """Close the socket."""
        self.socket.close()

    stop = close


def accepted(method: str) -> Callable[[Request | Response], bool]:
    """Whether a message is the 200 to a request of that method; for `Peer.expect`."""
    return lambda message: isinstance(message, Response) and message.status == 200 and message.cseq.method == method
