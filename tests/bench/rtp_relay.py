"""CPU per relayed RTP packet: our media worker and rtpengine (user space, one thread), same sender, same machine.

Run: ``python tests/bench/rtp_relay.py [--seconds 20] [--streams 200] [--json]``.  Streams are one-way: 200 streams are
100 calls with 50 packets of G.711 a second each way.  Two patterns of arrival: one by one, as from streams of
independent phase, and in groups of a millisecond, as from a network card that gathers interrupts.  CPU is the relay
process's own, user and system, from /proc.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from vosswitch.media import wire  # noqa: E402 - the path comes first

HOST = "127.0.0.1"
RATE = 50
SETTLE = 1.0
LOW, HIGH = 24000, 31999
ARRIVALS = {"one by one": 0.0001, "in groups": 0.001}
"""Steps of the sender, seconds."""
SDP = "v=0\r\no=- 1 1 IN IP4 {0}\r\ns=-\r\nc=IN IP4 {0}\r\nt=0 0\r\nm=audio {1} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"


class Sender:
    """The far ends, in a process of their own."""

    def __init__(self, streams: int) -> None:
        script = str(Path(__file__).with_name("rtp_sender.py"))
        self.process = subprocess.Popen(
            [sys.executable, script, HOST, str(streams)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.ports = json.loads(self.process.stdout.readline())

    def run(self, targets: list[tuple[str, int]], seconds: float, step: float) -> dict[str, int]:
        """Send, and say what came back."""
        order = {"targets": targets, "seconds": seconds, "rate": RATE, "step": step}
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self) -> None:
        """End the process."""
        self.process.stdin.close()
        self.process.wait()


class OurWorker:
    """The media worker as the switch starts it."""

    name = "vosswitch media worker"

    def __init__(self) -> None:
        self.channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        config = json.dumps({"descriptor": theirs.fileno(), "addresses": [HOST], "low": LOW, "high": HIGH, "grace": 0})
        command = [sys.executable, "-m", "vosswitch.media", config]
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(command, pass_fds=[theirs.fileno()], env=env)
        theirs.close()
        self.pid = self.process.pid

    def tell(self, messages: list[wire.Message]) -> None:
        """Send messages."""
        for datagram in wire.datagrams(messages):
            self.channel.send(datagram)

    def targets(self, ports: list[int]) -> list[tuple[str, int]]:
        """Open a call for every two far ends; where each of them sends to."""
        self.tell([("lease", len(ports))])
        pairs: list[int] = []
        while len(pairs) < len(ports):
            for name, *arguments in wire.messages(self.channel.recv(wire.DATAGRAM)):
                if name == "leases":
                    pairs += arguments[0]
        for number in range(0, len(ports), 2):
            self.tell([("open", number, pairs[number], pairs[number + 1], 60, 0xA0)])
            for side in (0, 1):
                port = ports[number + side]
                self.tell([("say", number, side, HOST, port, port + 1, [0], True, True)])
        return [(HOST, pair) for pair in pairs[: len(ports)]]

    def close(self) -> None:
        """End the process."""
        self.channel.close()
        self.process.wait()


class RtpEngine:
    """Debian's rtpengine-daemon without its kernel module, one worker thread."""

    name = "rtpengine, user space, 1 thread"

    def __init__(self) -> None:
        self.control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.control.bind((HOST, 0))
        self.control.settimeout(2)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((HOST, 0))
            port = probe.getsockname()[1]
        self.control.connect((HOST, port))
        self.folder = tempfile.mkdtemp(prefix="rtpengine-bench-")
        command = [
            rtpengine(), "--table=-1", "--num-threads=1", f"--interface={HOST}", f"--listen-ng={HOST}:{port}",
            f"--port-min={LOW}", f"--port-max={HIGH}", "--foreground", "--log-stderr", "--log-level=3",
            "--config-file=none", f"--pidfile={self.folder}/pid",
        ]  # fmt: skip
        with (Path(self.folder) / "log").open("w") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        self.pid = self.process.pid
        self._wait()

    def _wait(self) -> None:
        until = time.monotonic() + 10
        while time.monotonic() < until and self.process.poll() is None:
            try:
                if self.ask({"command": "ping"}).get(b"result") == b"pong":
                    return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError((Path(self.folder) / "log").read_text()[-500:])

    def ask(self, command: dict[str, object]) -> dict[bytes, object]:
        """One exchange of the NG protocol: a cookie, a blank, a bencoded dictionary."""
        cookie = f"{random.getrandbits(48):x}".encode()
        self.control.send(cookie + b" " + bencode(command))
        while True:
            answered, _, body = self.control.recv(65536).partition(b" ")
            if answered == cookie:
                return bdecode(body, 0)[0]

    def targets(self, ports: list[int]) -> list[tuple[str, int]]:
        """Open a call for every two far ends; where each of them sends to."""
        found = []
        for number in range(0, len(ports), 2):
            call = {"call-id": f"bench-{number}", "from-tag": "a"}
            offer = {**call, "command": "offer", "ICE": "remove", "sdp": SDP.format(HOST, ports[number])}
            at_callee = audio_port(self.ask(offer))
            answer = {**call, "command": "answer", "to-tag": "b", "sdp": SDP.format(HOST, ports[number + 1])}
            found += [(HOST, audio_port(self.ask(answer))), (HOST, at_callee)]
        return found

    def close(self) -> None:
        """End the process."""
        self.process.terminate()
        self.process.wait()
        self.control.close()
        shutil.rmtree(self.folder)


def rtpengine() -> str:
    """The daemon's path; "" when it is not installed."""
    return shutil.which("rtpengine", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/bin") or ""


def audio_port(answer: dict[bytes, object]) -> int:
    """The port in an answer's description."""
    sdp = answer.get(b"sdp")
    if not isinstance(sdp, bytes):
        raise TypeError(f"rtpengine: {answer}")
    line = next(line for line in sdp.decode().splitlines() if line.startswith("m=audio"))
    return int(line.split()[1])


def bencode(value: object) -> bytes:
    """Texts, numbers, lists and dictionaries as bencoding."""
    if isinstance(value, dict):
        return b"d" + b"".join(bencode(k) + bencode(v) for k, v in value.items()) + b"e"
    if isinstance(value, list):
        return b"l" + b"".join(map(bencode, value)) + b"e"
    if isinstance(value, int):
        return b"i%de" % value
    raw = str(value).encode()
    return b"%d:%s" % (len(raw), raw)


def bdecode(data: bytes, at: int) -> tuple[object, int]:
    """The value that begins at *at*, and where it ends."""
    kind = data[at : at + 1]
    if kind == b"i":
        end = data.index(b"e", at)
        return int(data[at + 1 : end]), end + 1
    if kind in (b"d", b"l"):
        items, at = [], at + 1
        while data[at : at + 1] != b"e":
            item, at = bdecode(data, at)
            items.append(item)
        return (dict(zip(items[::2], items[1::2], strict=True)) if kind == b"d" else items), at + 1
    colon = data.index(b":", at)
    end = colon + 1 + int(data[at:colon])
    return data[colon + 1 : end], end


def cpu(pid: int) -> float:
    """Seconds of CPU of a process, user and system, all threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(make: type[OurWorker] | type[RtpEngine], arrival: str, streams: int, seconds: float) -> dict[str, object]:
    """One run: a short one for latching and warming up, then the measured one."""
    sender, relay = Sender(streams), make()
    try:
        targets = relay.targets(sender.ports)
        sender.run(targets, SETTLE, ARRIVALS[arrival])
        before = cpu(relay.pid)
        counted = sender.run(targets, seconds, ARRIVALS[arrival])
        used = cpu(relay.pid) - before
    finally:
        relay.close()
        sender.close()
    packets = counted["received"]
    return {
        "relay": relay.name,
        "arrival": arrival,
        "cpu_us_per_packet": round(used / packets * 1e6, 2) if packets else None,
        "lost_percent": round(100 * (1 - packets / counted["sent"]), 4),
        **counted,
    }


def show(rows: list[dict[str, object]]) -> None:
    """The table for people."""
    keys = ["relay", "arrival", "cpu_us_per_packet", "sent", "received", "lost_percent", "delay_p50_us", "delay_p99_us"]
    heads = ["relay", "arrival", "CPU us/packet", "sent", "received", "lost %", "delay p50 us", "p99 us"]
    table = [heads, *[[str(row[key]) for key in keys] for row in rows]]
    widths = [max(len(line[i]) for line in table) for i in range(len(heads))]
    for line in table:
        print("  ".join(cell.rjust(width) if i else cell.ljust(width) for i, (cell, width) in enumerate(zip(line, widths, strict=True))))  # fmt: skip # noqa: E501


def main() -> None:
    """Measure both and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=200, help="one-way streams, even (default 200)")
    parser.add_argument("--seconds", type=float, default=20.0, help="length of a measured run (default 20)")
    parser.add_argument("--json", action="store_true", help="print a JSON array instead of the table")
    options = parser.parse_args()
    makes: list[type[OurWorker] | type[RtpEngine]] = [OurWorker]
    if rtpengine():
        makes.append(RtpEngine)
    else:
        print("rtpengine is not installed (Debian package rtpengine-daemon): left out", file=sys.stderr)
    rows = [measure(make, arrival, options.streams, options.seconds) for arrival in ARRIVALS for make in makes]
    if options.json:
        print(json.dumps(rows))
    else:
        show(rows)


if __name__ == "__main__":
    main()
