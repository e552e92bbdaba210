"""The worker process by itself: what it does when the switch is gone, and how its packets are marked."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.switch import own_address, until
from vosswitch.media import rtp, wire

ROOT = Path(__file__).resolve().parents[2]
LOW = 23600
MEDIA = own_address()


class Worker:
    """A worker, and the switch's end of its socket."""

    def __init__(self, grace):
        self.channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.channel.settimeout(5)
        fd = theirs.fileno()
        config = json.dumps(
            {"descriptor": fd, "addresses": [MEDIA, "::1"], "low": LOW, "high": LOW + 99, "grace": grace}
        )
        command = [sys.executable, "-m", "vosswitch.media", config]
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(command, pass_fds=[theirs.fileno()], env=env)
        theirs.close()

    def tell(self, *messages):
        for datagram in wire.datagrams(messages):
            self.channel.send(datagram)

    def hears(self, name):
        until = time.monotonic() + 10
        while time.monotonic() < until:
            for message in wire.messages(self.channel.recv(wire.DATAGRAM)):
                if message[0] == name:
                    return message
        raise AssertionError(f"no {name}")

    def obeys(self):
        """Wait until it has done all that it was told: this question is answered last."""
        self.tell(("lease", 1))
        self.hears("leases")

    def open(self, caller, callee):
        """A call between two sockets; where each of them sends to."""
        self.tell(("lease", 2))
        pairs = self.hears("leases")[1]
        self.tell(("open", 1, *pairs, 0, 0xA0))
        for side, sock in enumerate((caller, callee)):
            host, port = sock.getsockname()
            self.tell(("say", 1, side, host, port, port + 1, [0], True, True))
        self.obeys()  # what comes before a call is open belongs to nobody
        return [(MEDIA, pair) for pair in pairs]


def is_free(port):
    """Whether nobody has the port of the media address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((MEDIA, port))
        except OSError:
            return False
    return True


@pytest.fixture
def ends():
    made = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
    for sock in made:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(5)
    yield made
    for sock in made:
        sock.close()


@pytest.fixture
def worker():
    made = Worker(grace=1.5)
    yield made
    made.channel.close()
    if made.process.poll() is None:
        made.process.kill()
    made.process.wait()


PACKET = rtp.build(rtp.RtpPacket(0, 1, 0, 7, b"x" * 160))


def test_without_the_switch_sessions_go_on_for_the_grace_time(worker, ends):
    caller, callee = ends
    at_caller, _ = worker.open(caller, callee)
    caller.sendto(PACKET, at_caller)
    assert callee.recv(2048) == PACKET
    worker.channel.close()
    gone = time.monotonic()
    time.sleep(0.5)
    caller.sendto(PACKET, at_caller)
    assert callee.recv(2048) == PACKET
    assert worker.process.wait(5) == 0
    assert 1.0 < time.monotonic() - gone < 4.0


def test_without_sessions_it_ends_with_the_switch(worker):
    worker.tell(("lease", 2))
    worker.hears("leases")
    began = time.monotonic()
    worker.channel.close()
    assert worker.process.wait(5) == 0
    assert time.monotonic() - began < 1.0


def test_without_the_switch_free_ports_are_free_at_once_and_calls_keep_theirs(ends):
    """The workers of the next switch may come before this one has ended."""
    worker = Worker(grace=60)
    try:
        used = [port for _, port in worker.open(*ends)]
        worker.tell(("lease", 46))
        free = worker.hears("leases")[1]
        assert free
        worker.channel.close()
        until(lambda: all(map(is_free, free)), 20, "free ports")
        assert not any(map(is_free, used))
    finally:
        worker.process.kill()
        worker.process.wait()


def test_ports_in_other_hands_are_told_and_tried_again():
    with ExitStack() as stack:
        others = [stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(48)]
        for place, other in enumerate(others):
            other.bind((MEDIA, LOW + 2 * place))
        worker = Worker(grace=0)
        stack.callback(worker.process.wait, 5)
        stack.callback(worker.channel.close)
        worker.tell(("lease", 50))
        _, pairs, place, more, held, tried, why = worker.hears("leases")
        assert (sorted(pairs), place, more) == ([LOW + 96, LOW + 98], 0, 0)
        assert (held, tried, why) == (48, 50, "Address already in use")
        for other in others:
            other.close()
        found: list[int] = []

        def asked():
            worker.tell(("lease", 50))
            message = worker.hears("leases")
            found.extend(message[1])
            return message[3:] == [0, 0, 50, ""]

        until(asked, 15, "all ports")
        assert len(found) == 48


def test_a_claimed_pair_in_other_hands_is_told(worker):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((MEDIA, LOW + 2))
        worker.tell(("claim", [LOW, LOW + 2, LOW + 4]))
        assert worker.hears("lost") == ["lost", [LOW + 2]]
    assert [is_free(LOW + port) for port in (0, 2, 4)] == [False, True, False]


def test_a_terminal_s_interrupt_is_not_for_the_worker(worker):
    worker.tell(("lease", 2))
    worker.hears("leases")
    worker.process.send_signal(signal.SIGINT)
    worker.tell(("lease", 2))
    assert len(worker.hears("leases")[1]) == 2


def test_packets_are_marked(worker, ends):
    caller, callee = ends
    callee.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
    at_caller, _ = worker.open(caller, callee)
    caller.sendto(PACKET, at_caller)
    _, ancillary, _, _ = callee.recvmsg(2048, 64)
    assert [data[0] for _, kind, data in ancillary if kind == socket.IP_TOS] == [0xA0]


def test_counts_come_by_themselves(worker, ends):
    caller, callee = ends
    at_caller, _ = worker.open(caller, callee)
    caller.sendto(PACKET, at_caller)
    assert worker.hears("started") == ["started", 1, 0]
    worker.channel.settimeout(10)
    host, port = caller.getsockname()
    assert worker.hears("counts") == ["counts", [[1, [1, 172, 0, f"{host}:{port}"], [0, 0, 0, ""]]]]


def test_one_side_ipv4_the_other_ipv6_and_a_side_that_moves(worker, ends):
    caller, _ = ends
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as callee:
        callee.bind(("::1", 0))
        callee.settimeout(5)
        worker.tell(("lease", 2, 0))
        four, spare = worker.hears("leases")[1]
        worker.tell(("lease", 1, 1))
        (six,) = worker.hears("leases")[1]
        assert six >> 16 == 1
        worker.tell(("open", 1, four, spare, 0, 0xA0))
        worker.tell(("move", 1, 1, six), ("reset", 1, 1))
        host, port = caller.getsockname()
        worker.tell(("say", 1, 0, host, port, port + 1, [0], True, True))
        worker.tell(("say", 1, 1, "0:0:0:0:0:0:0:1", callee.getsockname()[1], 9, [0], True, True))
        worker.obeys()
        caller.sendto(PACKET, (MEDIA, four))
        data, source = callee.recvfrom(2048)
        assert (data, source[:2]) == (PACKET, ("::1", six & 0xFFFF))
        callee.sendto(PACKET, ("::1", six & 0xFFFF))
        assert caller.recvfrom(2048) == (PACKET, (MEDIA, four))
        worker.tell(("close", 1))
        closed = worker.hears("closed")
        assert [closed[2][0], closed[3][0]] == [1, 1]


def test_ports_that_are_named_as_each_other_s_peers_do_not_loop_for_long(worker, ends):
    """Both peers name the port that the other one was told: what comes in once would go round for ever."""
    caller, _ = ends
    at_caller, at_callee = worker.open(*ends)
    worker.tell(("say", 1, 0, *at_callee, at_callee[1] + 1, [0], True, True))
    worker.tell(("say", 1, 1, *at_caller, at_caller[1] + 1, [0], True, True))
    worker.obeys()
    caller.sendto(PACKET, at_caller)
    assert worker.hears("flood")[1] == 1
    caller.sendto(PACKET, at_caller)
    until, heard = time.monotonic() + 2.5, []
    while time.monotonic() < until:
        heard += [message[0] for message in wire.messages(worker.channel.recv(wire.DATAGRAM))]
    assert "flood" not in heard
    worker.tell(("close", 1))
    assert worker.hears("closed")[1] == 1


def test_events_are_taken_out_and_put_in(worker, ends):
    """RFC 4733: a digit of the caller is told and does not reach the callee; one of ours does, in the same stream."""
    caller, callee = ends
    at_caller, _ = worker.open(caller, callee)
    worker.tell(("say", 1, 0, *_here(caller), [0, 101], True, True), ("events", 1, 0, [101], True, None))
    worker.obeys()
    caller.sendto(PACKET, at_caller)
    assert callee.recv(2048) == PACKET
    for number in (2, 3, 4):
        caller.sendto(rtp.build(rtp.RtpPacket(101, number, 160, 7, b"\x05\x0a\x00\xa0")), at_caller)
    assert worker.hears("digit") == ["digit", 1, 0, "5", 60]  # of itself: its end is lost
    caller.sendto(rtp.build(rtp.RtpPacket(0, 5, 640, 7, b"y" * 160)), at_caller)
    after = rtp.parse(callee.recv(2048))
    assert (after.sequence, after.payload) == (2, b"y" * 160)
    worker.tell(("digit", 1, 1, "7", 60, 101))
    events = [rtp.parse(callee.recv(2048)) for _ in range(5)]
    assert [(event.payload_type, event.ssrc, event.payload[0]) for event in events] == [(101, 7, 7)] * 5
    assert [event.sequence for event in events] == [3, 4, 5, 6, 7]
    time.sleep(0.2)  # nothing is left to put in
    caller.sendto(rtp.build(rtp.RtpPacket(0, 20, 3040, 7, b"z" * 160)), at_caller)
    assert rtp.parse(callee.recv(2048)).sequence == 8


def test_a_call_without_events_is_not_tapped(worker, ends):
    """Its packets go the short way, telephone events among them."""
    caller, callee = ends
    at_caller, _ = worker.open(caller, callee)
    worker.tell(("say", 1, 0, *_here(caller), [0, 101], True, True))
    worker.obeys()
    event = rtp.build(rtp.RtpPacket(101, 2, 160, 7, b"\x05\x0a\x00\xa0"))
    caller.sendto(event, at_caller)
    assert callee.recv(2048) == event


def _here(sock):
    host, port = sock.getsockname()
    return host, port, port + 1
