"""Calls over TCP, TLS or WebSocket from a process of its own, for what sipp cannot speak; prints its counts as JSON.

``python -m tests.bench.generator tls 127.0.0.1 5061 --rate 200 --calls 2000 --connections 8``.  Messages are templates
and no parser looks at more than it has to, so that the machine is left to the switch; its own CPU is counted apart.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import ssl
import time

CALL = (
    "INVITE sip:{callee}@{host}:{port};transport={transport} SIP/2.0\r\n"
    "Via: SIP/2.0/{upper} {own};branch=z9hG4bK{call}i;rport\r\nMax-Forwards: 70\r\n"
    "From: <sip:4312345@{own}>;tag={call}\r\nTo: <sip:{callee}@{host}>\r\nCall-ID: {call}@generator\r\n"
    "CSeq: 1 INVITE\r\nContact: <sip:4312345@{own};transport={transport}>\r\n"
    "Content-Type: application/sdp\r\nContent-Length: {length}\r\n\r\n{sdp}"
)
NEXT = (
    "{method} {target} SIP/2.0\r\nVia: SIP/2.0/{upper} {own};branch=z9hG4bK{call}{method};rport\r\nMax-Forwards: 70\r\n"
    "From: <sip:4312345@{own}>;tag={call}\r\nTo: {to}\r\nCall-ID: {call}@generator\r\nCSeq: {number} {method}\r\n"
    "Content-Length: 0\r\n\r\n"
)
SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio 40000 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n"
    "a=rtpmap:101 telephone-event/8000\r\n"
)


def header(message: str, name: str) -> str:
    """The value of a header as the switch writes it; "" when it is not there."""
    at = message.find(f"\r\n{name}: ")
    if at < 0:
        return ""
    at += len(name) + 4
    return message[at : message.index("\r\n", at)]


class Count:
    """What came of the calls."""

    def __init__(self, calls: int) -> None:
        self.left = calls
        self.good = self.bad = 0
        self.delays: list[float] = []
        self.statuses: dict[str, int] = {}
        self.done = asyncio.get_running_loop().create_future()

    def ended(self, *, well: bool) -> None:
        """One call is over."""
        self.good += well
        self.bad += not well
        self.left -= 1
        if not self.left and not self.done.done():
            self.done.set_result(None)


class Caller(asyncio.Protocol):
    """One connection and the calls on it."""

    def __init__(self, options: argparse.Namespace, count: Count) -> None:
        self.options = options
        self.count = count
        self.buffer = b""
        self.began: dict[str, float] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Be ready."""
        assert isinstance(transport, asyncio.Transport)
        self.wire = transport
        host, port = transport.get_extra_info("sockname")[:2]
        self.fields = {
            "own": f"{host}:{port}",
            "host": self.options.host,
            "port": self.options.port,
            "transport": self.options.transport,
            "upper": self.options.transport.upper(),
            "callee": self.options.callee,
            "sdp": SDP,
            "length": len(SDP),
        }

    def write(self, message: str) -> None:
        """Send one message."""
        self.wire.write(message.encode())

    def call(self, name: str) -> None:
        """Begin one call."""
        self.began[name] = time.monotonic()
        self.write(CALL.format(call=name, **self.fields))

    def data_received(self, data: bytes) -> None:
        """Cut messages out of the stream."""
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end].decode()
            size = end + 4 + int(header(head + "\r\n", "Content-Length") or 0)
            if len(self.buffer) < size:
                return
            self.buffer = self.buffer[size:]
            self.heard(head)

    def connection_lost(self, error: Exception | None) -> None:
        """Its calls are lost."""
        for _ in self.began:
            self.count.ended(well=False)
        self.began.clear()

    def heard(self, head: str) -> None:
        """A message of the switch."""
        head += "\r\n"
        name = header(head, "Call-ID").partition("@")[0]
        if not head.startswith("SIP/2.0 ") or name not in self.began:
            return
        status, method = head[8:11], header(head, "CSeq").partition(" ")[2]
        if status == "180":
            self.count.delays.append(time.monotonic() - self.began[name])
        if status < "200":
            return
        self.count.statuses[status] = self.count.statuses.get(status, 0) + 1
        if method == "BYE" or status >= "300":
            if method == "INVITE":
                self.follow("ACK", name, head, 1, f"sip:{self.options.callee}@{self.options.host}", branch="i")
            del self.began[name]
            self.count.ended(well=method == "BYE" and status == "200")
        elif method == "INVITE":
            target = header(head, "Contact").partition("<")[2].partition(">")[0]
            self.follow("ACK", name, head, 1, target)
            asyncio.get_running_loop().call_later(0.1, self.follow, "BYE", name, head, 2, target)

    def follow(self, method: str, name: str, head: str, number: int, target: str, branch: str = "") -> None:
        """A request behind the INVITE."""
        to = header(head, "To")
        message = NEXT.format(method=method, call=name, to=to, number=number, target=target, **self.fields)
        self.write(message.replace(f"z9hG4bK{name}{method}", f"z9hG4bK{name}{branch}") if branch else message)


async def run(options: argparse.Namespace) -> dict[str, object]:
    """All calls at the rate asked for."""
    loop = asyncio.get_running_loop()
    count = Count(options.calls)
    context = None
    if options.transport in {"tls", "wss"}:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # the load matters here
    make = lambda: _kind(options)(options, count)  # noqa: E731
    wires = [
        (await loop.create_connection(make, options.host, options.port, ssl=context))[1]
        for _ in range(options.connections)
    ]
    await asyncio.sleep(0.5)
    began, used = time.monotonic(), _cpu()
    serial = os.urandom(3).hex()
    for number in range(options.calls):
        wait = began + number / options.rate - time.monotonic()
        if wait > 0.002:
            await asyncio.sleep(wait)
        wires[number % len(wires)].call(f"{serial}{number}")
    try:
        await asyncio.wait_for(count.done, 40)
    except TimeoutError:
        count.bad += count.left
    ordered = sorted(count.delays) or [0.0]
    return {
        "good": count.good,
        "bad": count.bad,
        "statuses": count.statuses,
        "seconds": round(time.monotonic() - began, 2),
        "p50_ms": round(ordered[len(ordered) // 2] * 1000, 2),
        "p99_ms": round(ordered[int(len(ordered) * 0.99)] * 1000, 2),
        "generator_cpu_ms_per_call": round((_cpu() - used) * 1000 / options.calls, 3),
    }


def _kind(options: argparse.Namespace) -> type[Caller]:
    if options.transport in {"ws", "wss"}:
        from tests.bench.websocket import WebSocketCaller  # noqa: PLC0415 - needs wsproto

        return WebSocketCaller
    return Caller


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("transport", choices=["tcp", "tls", "ws", "wss"])
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("--rate", type=int, default=100)
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--callee", default="4930123")
    print(json.dumps(asyncio.run(run(parser.parse_args()))))


if __name__ == "__main__":
    main()
