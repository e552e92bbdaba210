"""The far ends of the relay bench: many sockets that each send a G.711 stream and count what comes back.

Its own process, so that the relay's CPU is the relay's alone.  Speaks JSON lines with whoever started it: prints the
ports that it has bound, reads ``{"targets": [[host, port], ...], "seconds": s, "rate": packets per second,
"step": seconds}``, runs, prints the result.

Packets of all streams are spread evenly over the packet interval: every *step* those that are due go out together,
so that 200 streams in steps of 1 ms come in tens, in steps of 0.1 ms one by one.  Every `SAMPLE`-th
socket takes the kernel's receive time stamps, so that the relay's delay is known without a race against this loop.
"""

from __future__ import annotations

import json
import select
import socket
import struct
import sys
import time

SAMPLE = 10
SO_TIMESTAMPNS = 35
PAYLOAD = bytes(160)


class Sender:
    """All far ends; socket *i* sends to target *i*."""

    def __init__(self, host: str, streams: int) -> None:
        self.sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(streams)]
        self.poll = select.epoll()
        for sock in self.sockets:
            sock.bind((host, 0))
            sock.setblocking(False)
            self.poll.register(sock, select.EPOLLIN)
        self.index = {sock.fileno(): i for i, sock in enumerate(self.sockets)}
        for sock in self.sockets[::SAMPLE]:
            sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.sent = self.received = 0
        self.delays: list[float] = []

    def ports(self) -> list[int]:
        """The bound ports, in order."""
        return [sock.getsockname()[1] for sock in self.sockets]

    def run(self, targets: list[tuple[str, int]], seconds: float, rate: int, pause: float) -> None:
        """Send for *seconds*, then listen a little longer."""
        for sock, target in zip(self.sockets, targets, strict=True):
            sock.connect(tuple(target))
        per_step = len(self.sockets) * rate * pause
        total = int(len(self.sockets) * rate * seconds)
        began = time.monotonic()
        step = 0
        while self.sent < total:
            step += 1
            self.send(min(int(step * per_step), total))
            self.receive()
            time.sleep(max(0.0, began + step * pause - time.monotonic()))
        until = time.monotonic() + 0.3
        while time.monotonic() < until:
            self.receive()
            time.sleep(0.005)

    def send(self, until: int) -> None:
        """Send the next packets, round robin over the sockets."""
        count = len(self.sockets)
        for number in range(self.sent, until):
            turn, i = divmod(number, count)
            stamp = struct.pack("!BBHIIQ", 0x80, 0, turn & 0xFFFF, (turn * 160) & 0xFFFFFFFF, i + 1, time.time_ns())
            try:
                self.sockets[i].send(stamp + PAYLOAD[8:])
            except OSError:
                continue
        self.sent = until

    def receive(self) -> None:
        """Take what has come."""
        for fd, _ in self.poll.poll(0, 1024):
            i = self.index[fd]
            try:
                if i % SAMPLE:
                    self.sockets[i].recv(2048)
                else:
                    self.sample(self.sockets[i])
            except OSError:
                continue
            self.received += 1

    def sample(self, sock: socket.socket) -> None:
        """Take one packet with the kernel's time of its arrival."""
        data, ancillary, _, _ = sock.recvmsg(2048, 64)
        seconds, nanoseconds = struct.unpack("qq", ancillary[0][2])
        (stamp,) = struct.unpack_from("!Q", data, 12)
        self.delays.append((seconds * 1_000_000_000 + nanoseconds - stamp) / 1000)


def main() -> None:
    """Run one measurement: arguments host and number of streams."""
    sender = Sender(sys.argv[1], int(sys.argv[2]))
    print(json.dumps(sender.ports()), flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        sender.sent = sender.received = 0
        sender.delays = []
        sender.run(order["targets"], order["seconds"], order["rate"], order["step"])
        delays = sorted(sender.delays) or [0.0]
        result = {
            "sent": sender.sent,
            "received": sender.received,
            "delay_p50_us": round(delays[len(delays) // 2]),
            "delay_p99_us": round(delays[len(delays) * 99 // 100]),
        }
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
