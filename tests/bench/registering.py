"""A generator of registrations, in a process of its own: ``python -m tests.bench.registering PORT COUNT IN_FLIGHT``.

Every phone sends REGISTER, answers the digest challenge and is done with its 200; so many are on the way at once.
Prints one JSON object: seconds, registrations, the CPU seconds of this process, statuses that were not expected.
"""

from __future__ import annotations

import hashlib
import json
import re
import resource
import selectors
import socket
import sys
import time
from collections import Counter

SOCKETS = 64
REALM = "vosswitch"
_NONCE = re.compile(rb'nonce="([^"]+)", algorithm=MD5')
_NUMBER = re.compile(rb"\r\nCall-ID: r(\d+)-")
_LOST = 2.0


def number_of(phone: int) -> str:
    """The number of the phone with that index."""
    return f"8{phone:06}"


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


class Generator:
    """So many phones on a few sockets."""

    def __init__(self, port: int, count: int, in_flight: int) -> None:
        self.count, self.in_flight = count, in_flight
        self.uri = f"sip:127.0.0.1:{port}"
        self.ha2 = _md5(f"REGISTER:{self.uri}")
        self.run = f"{time.time_ns():x}"
        self.selector = selectors.DefaultSelector()
        self.sockets = [self._socket(port) for _ in range(SOCKETS)]
        self.begun = self.done = self.kept_alive = 0
        self.waiting: dict[int, tuple[float, bytes]] = {}
        self.odd: Counter[str] = Counter()

    def _socket(self, port: int) -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        made.bind(("127.0.0.1", 0))
        made.connect(("127.0.0.1", port))
        made.setblocking(False)
        self.selector.register(made, selectors.EVENT_READ)
        return made

    def request(self, phone: int, seq: int, proof: str = "") -> bytes:
        """A REGISTER."""
        number, here = number_of(phone), self.sockets[phone % SOCKETS].getsockname()[1]
        return (
            f"REGISTER {self.uri} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 10.{phone >> 16}.{phone >> 8 & 255}.{phone & 255}:5060;"
            f"branch=z9hG4bK{self.run}{phone}x{seq};rport\r\nMax-Forwards: 70\r\n"
            f"From: <sip:{number}@127.0.0.1>;tag=t{phone}\r\nTo: <sip:{number}@127.0.0.1>\r\n"
            f"Call-ID: r{phone}-{self.run}@127.0.0.1\r\nCSeq: {seq} REGISTER\r\n"
            f"Contact: <sip:{number}@10.{phone >> 16}.{phone >> 8 & 255}.{phone & 255}:5060;port={here}>\r\n"
            f"Expires: 3600\r\nUser-Agent: Bench phone 1.0\r\n{proof}Content-Length: 0\r\n\r\n"
        ).encode()

    def send(self, phone: int, data: bytes) -> None:
        """Send and remember for a repetition."""
        self.waiting[phone] = (time.monotonic(), data)
        self.sockets[phone % SOCKETS].send(data)

    def heard(self, data: bytes) -> None:
        """One response."""
        found = _NUMBER.search(data)
        if found is None:
            self.kept_alive += data == b"HELLO"
            return
        phone = int(found[1])
        if phone not in self.waiting:
            return
        if data.startswith(b"SIP/2.0 401") and b"CSeq: 1 " in data:
            self.send(phone, self.request(phone, 2, self.proof(phone, data)))
        else:
            del self.waiting[phone]
            self.done += 1
            if not data.startswith(b"SIP/2.0 200"):
                self.odd[data[8:11].decode()] += 1

    def proof(self, phone: int, challenge: bytes) -> str:
        """The answer to a challenge."""
        found = _NONCE.search(challenge)
        assert found is not None, challenge
        nonce, number = found[1].decode(), number_of(phone)
        ha1 = _md5(f"{number}:{REALM}:secret")
        response = _md5(f"{ha1}:{nonce}:00000001:c0:auth:{self.ha2}")
        return (
            f'Authorization: Digest username="{number}", realm="{REALM}", nonce="{nonce}", uri="{self.uri}",'
            f' response="{response}", algorithm=MD5, qop=auth, nc=00000001, cnonce="c0"\r\n'
        )

    def again(self) -> None:
        """Repeat what got no answer."""
        now = time.monotonic()
        for phone, (since, data) in list(self.waiting.items()):
            if now - since > _LOST:
                self.odd["repeated"] += 1
                self.send(phone, data)

    def turn(self, seconds: float) -> None:
        """Take in what has come."""
        for key, _ in self.selector.select(seconds):
            try:
                while True:
                    self.heard(key.fileobj.recv(4096))  # type: ignore[union-attr]
            except BlockingIOError:
                continue

    def register(self) -> dict[str, object]:
        """Register all of them."""
        began = looked = time.monotonic()
        while self.done < self.count:
            while len(self.waiting) < self.in_flight and self.begun < self.count:
                self.send(self.begun, self.request(self.begun, 1))
                self.begun += 1
            self.turn(0.2)
            if time.monotonic() - looked > _LOST:
                looked = time.monotonic()
                self.again()
        seconds = time.monotonic() - began
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "registrations": self.count,
            "seconds": seconds,
            "cpu": usage.ru_utime + usage.ru_stime,
            "odd": dict(self.odd),
        }


def main() -> None:
    """Register, tell, then count keep-alives until standard input is closed."""
    port, count, in_flight = map(int, sys.argv[1:4])
    generator = Generator(port, count, in_flight)
    print(json.dumps(generator.register()), flush=True)
    generator.selector.register(sys.stdin, selectors.EVENT_READ)
    while True:
        for key, _ in generator.selector.select():
            if key.fileobj is sys.stdin:
                print(json.dumps({"kept_alive": generator.kept_alive}), flush=True)
                return
            generator.turn(0)


if __name__ == "__main__":
    main()
