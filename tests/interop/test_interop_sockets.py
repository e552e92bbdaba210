"""What the system sees of our sockets, and connections of peers that mean no good, against a running switch."""

from __future__ import annotations

import shutil
import signal
import socket
import ssl
import subprocess
import time

import pytest

from tests.support.case import Case, provisioned
from tests.support.certificates import Authority
from tests.support.peer import Peer
from tests.support.switch import free_port, until

OPTIONS = (
    "OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bK{n}\r\nMax-Forwards: 70\r\n"
    "From: <sip:a@b>;tag=1\r\nTo: <sip:x>\r\nCall-ID: {n}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)
UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: sip\r\n\r\n"
)


class House:
    def __init__(self, folder) -> None:
        pair = Authority(folder).issue("localhost")
        self.tls, self.ws, self.six = free_port(), free_port(), free_port()
        listen = (
            {"address": f"tls:127.0.0.1:{self.tls}", "certificate": pair[0], "key": pair[1]},
            {"address": f"ws:127.0.0.1:{self.ws}"},
            {"address": f"tls:[::1]:{self.six}", "certificate": pair[0], "key": pair[1]},
        )
        self.switch = provisioned(folder, listen=listen)


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    made = House(tmp_path_factory.mktemp("sockets"))
    yield made
    if made.switch.process is not None:
        assert made.switch.stop() == 0
    assert "Traceback" not in made.switch.log()


@pytest.fixture
def case(tmp_path, house):
    made = Case(tmp_path, house.switch)
    yield made
    made.end()


def connect(case, port, n=""):
    """A connection of the case's host; with *n* it has spoken."""
    wire = socket.create_connection(("127.0.0.1", port), 5, (case.host, 0))
    wire.settimeout(5)
    if n:
        wire.sendall(OPTIONS.format(n=f"{case.n}{n}").encode())
        assert wire.recv(65536).startswith(b"SIP/2.0 200")
    case.peers.append(Closing(wire))
    return wire


class Closing:
    def __init__(self, wire):
        self.stop = wire.close


def closed(wire, seconds):
    """Whether the other side closes it in time."""
    wire.settimeout(seconds)
    try:
        while wire.recv(65536):
            pass
    except TimeoutError:
        return False
    except ConnectionError:
        return True
    return True


def test_half_open_and_slow_connections_end_and_honest_ones_stay(case, house):
    case.begin()
    port = case.switch.port
    honest = connect(case, port, "honest")
    silent_tls, silent_ws = connect(case, house.tls), connect(case, house.ws)
    half_upgrade = connect(case, house.ws)
    half_upgrade.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
    dribble = connect(case, port, "dribble")
    dribble.sendall(b"OPTIONS sip:x SIP/2.0\r\n")
    until_then = time.monotonic() + 8
    while time.monotonic() < until_then:
        dribble.sendall(b"X: y\r\n")
        half_upgrade.sendall(b"X: y\r\n")
        time.sleep(0.5)
    for wire in (silent_tls, silent_ws, half_upgrade, dribble):
        assert closed(wire, 6)
    honest.sendall(OPTIONS.format(n=f"{case.n}again").encode())
    assert honest.recv(65536).startswith(b"SIP/2.0 200")


def test_a_source_at_its_bound_takes_nothing_from_others(case):
    case.begin(VS_CONNECTIONS_PER_SOURCE="3")
    mine = [connect(case, case.switch.port, f"mine{n}") for n in range(3)]
    assert closed(connect(case, case.switch.port), 5)
    other = socket.create_connection(("127.0.0.1", case.switch.port), 5, ("127.3.0.1", 0))
    other.settimeout(5)
    other.sendall(OPTIONS.format(n=f"{case.n}other").encode())
    assert other.recv(65536).startswith(b"SIP/2.0 200")
    other.close()
    mine[0].sendall(OPTIONS.format(n=f"{case.n}still").encode())
    assert mine[0].recv(65536).startswith(b"SIP/2.0 200")
    mine.pop().close()

    def again():
        wire = connect(case, case.switch.port)
        wire.sendall(OPTIONS.format(n=f"{case.n}next{time.monotonic_ns()}").encode())
        try:
            return wire.recv(65536).startswith(b"SIP/2.0 200")
        except ConnectionError:
            return False

    until(again, 5, "room for one more")
    assert case.switch.json("node", "status")[0]["refused_connections"] >= 1


def test_datagrams_bear_the_type_of_service_at_once(case):
    case.begin()
    peer = Peer(case.switch.port, host=case.host)
    case.peers.append(peer)
    peer.socket.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
    peer.socket.settimeout(5)

    def marked():
        peer.send(peer.request("OPTIONS", "x"))
        _, ancillary, _, _ = peer.socket.recvmsg(65536, 256)
        return [data[0] for level, kind, data in ancillary if (level, kind) == (socket.IPPROTO_IP, socket.IP_TOS)]

    assert marked() == [0xA0]
    case.switch.cli("params", "set", "SS_QOS_SIGNAL", "0xb8")
    case._parameters.append("SS_QOS_SIGNAL")
    assert marked() == [0xB8]


def marks(port):
    """The type of service of the switch's connections at a port, as the system tells it."""
    question = ["ss", "-Htn", "--tos", "state", "established", "sport", "=", f":{port}"]
    told = subprocess.run(question, capture_output=True, text=True, check=True).stdout
    return {word for line in told.splitlines() for word in line.split() if word.startswith(("tos:", "tclass:"))}


@pytest.mark.skipif(shutil.which("ss") is None, reason="ss is not installed (Debian package iproute2)")
def test_connections_bear_the_type_of_service_at_once(case, house):
    case.begin()
    trusting = ssl._create_unverified_context()
    connect(case, case.switch.port, "tos")
    web = connect(case, house.ws)
    web.sendall(UPGRADE)
    assert web.recv(4096).startswith(b"HTTP/1.1 101")
    for port, host in ((house.tls, "127.0.0.1"), (house.six, "::1")):
        wire = trusting.wrap_socket(socket.create_connection((host, port), 5))
        case.peers.append(Closing(wire))
    four = (case.switch.port, house.ws, house.tls)
    until(lambda: all(marks(port) == {"tos:0xa0"} for port in four), 5, "the marks of IPv4")
    until(lambda: "tclass:0xa0" in marks(house.six), 5, "the mark of IPv6")
    case.switch.cli("params", "set", "SS_QOS_SIGNAL", "0xb8")
    case._parameters.append("SS_QOS_SIGNAL")
    until(lambda: all(marks(port) == {"tos:0xb8"} for port in four), 5, "the new marks of IPv4")
    until(lambda: "tclass:0xb8" in marks(house.six), 5, "the new mark of IPv6")


@pytest.mark.parametrize("how", ["On", "Off"])
def test_connections_end_as_the_parameter_says(case, how):
    case.begin(SS_TCP_CLOSE_RESET=how)
    wire = connect(case, case.switch.port, "x")
    wire.sendall(b"OPTIONS sip:x SIP/2.0\r\nContent-Length: x\r\n\r\n")
    reset = False
    try:
        while wire.recv(65536):
            pass
    except ConnectionResetError:
        reset = True
    assert reset is (how == "On")


def test_datagrams_that_the_system_dropped_are_shown(case):
    case.begin()

    def dropped():
        rows = case.switch.json("node", "status")[0]["sockets"]
        return {row["address"]: row["drops"] for row in rows}

    address = f"udp:127.0.0.1:{case.switch.port}"
    before = dropped()
    assert before[address] is not None
    assert before[f"tcp:127.0.0.1:{case.switch.port}"] is None
    case.switch.process.send_signal(signal.SIGSTOP)
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as flood:
            for _ in range(9000):
                flood.sendto(b"x" * 1200, ("127.0.0.1", case.switch.port))
    finally:
        case.switch.process.send_signal(signal.SIGCONT)
    assert until(lambda: dropped()[address] > before[address], 10, "drops")
    until(case.switch.alive, 10, "an answer")
