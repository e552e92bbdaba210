"""The media service with its real worker process and real sockets of this machine."""

from __future__ import annotations

import os
import signal
import socket

import pytest
import pytest_twisted
from twisted.internet import reactor  # noqa: TID251 - the tests' own reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger

from tests.support.switch import own_address
from vosswitch import sdp
from vosswitch.media import rtp
from vosswitch.media.service import MediaService
from vosswitch.model.values import Side

LOW = 23000
MEDIA = own_address()


class Ear:
    """A call that only listens."""

    def __init__(self):
        self.heard = []

    def media_started(self, side):
        self.heard.append(("started", side))

    def media_timeout(self, side):
        self.heard.append(("timeout", side))


class Endpoint:
    """A far end: an RTP and an RTCP socket."""

    def __init__(self, host="127.0.0.1"):
        self.host = host
        self.rtp, self.rtcp = self._socket(), self._socket()
        self.sequence = 65530
        self.ssrc = id(self) & 0xFFFFFFFF

    def _socket(self):
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind((self.host, 0))
        made.setblocking(False)
        return made

    def close(self):
        self.rtp.close()
        self.rtcp.close()

    def says(self, port=None, host=None, extra="", formats="0 8"):
        port = self.rtp.getsockname()[1] if port is None else port
        rtcp = self.rtcp.getsockname()[1]
        host = host or self.host
        text = (
            f"v=0\r\no=x 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
            f"m=audio {port} RTP/AVP {formats}\r\na=rtcp:{rtcp}\r\n{extra}"
        )
        return sdp.parse(text.encode())

    def send(self, target, payload=b"x" * 160, skip=0):
        self.sequence += 1 + skip
        packet = rtp.RtpPacket(0, self.sequence & 0xFFFF, 0, self.ssrc, payload)
        self.rtp.sendto(rtp.build(packet), target)

    def heard(self, sock=None):
        found = []
        while True:
            try:
                found.append((sock or self.rtp).recvfrom(65535))
            except BlockingIOError:
                return found


def told(session):
    return session.host, session.media[0].port


def pause(seconds=0.08):
    return deferLater(reactor, seconds, lambda: None)


def run(seconds):
    """Let the reactor run for a while."""
    return pause(seconds)


class Parameters(dict):
    """What the service asks for."""


@pytest.fixture
def parameters():
    return Parameters(
        SS_MEDIA_PROXY_PORT_RANGE=(LOW, LOW + 199),
        SS_MEDIA_CHECK_TIMEOUT=0,
        SS_QOS_RTP=0xA0,
        SS_RTP_EXTERNAL_IP="",
        VS_MEDIA_REPORT_DEADLINE=500,
    )


@pytest.fixture
def service(parameters):
    made = MediaService(reactor, ((MEDIA, ""),), 1, lambda: parameters, Logger(namespace="test"))
    made.startService()
    pytest_twisted.blockon(made.when_ready())
    yield made
    pytest_twisted.blockon(made.stopService())
    assert [worker.pid for worker in made.workers] == [None]


@pytest.fixture
def ends():
    made = [Endpoint("127.0.0.2"), Endpoint("127.0.0.3"), Endpoint("127.0.0.66")]
    yield made
    for end in made:
        end.close()


class Call:
    """A session between two endpoints, both described."""

    def __init__(self, service, caller, callee, ear=None, offer=None, answer=None):
        self.ear = ear or Ear()
        self.session = service.open("1", None, None, self.ear)
        self.at_callee = told(self.session.forward(Side.CALLER, offer or caller.says()))
        self.at_caller = told(self.session.forward(Side.CALLEE, answer or callee.says()))

    def close(self):
        reported = Deferred()
        self.session.close(reported.callback)
        return reported


@pytest_twisted.ensureDeferred
async def test_audio_goes_both_ways_and_is_counted(service, ends):
    caller, callee, _ = ends
    call = Call(service, caller, callee)
    await run(0.05)
    for _ in range(10):
        caller.send(call.at_caller)
        callee.send(call.at_callee, b"y" * 20)
        await run(0.01)
    caller.send(call.at_caller, skip=3)
    await run(0.1)
    at_callee, at_caller = callee.heard(), caller.heard()
    assert len(at_callee) == 11
    assert len(at_caller) == 10
    assert rtp.parse(at_callee[0][0]).payload == b"x" * 160
    assert rtp.parse(at_caller[0][0]).payload == b"y" * 20
    assert {source for _, source in at_callee} == {call.at_callee}
    assert {source for _, source in at_caller} == {call.at_caller}
    assert call.ear.heard == [("started", Side.CALLER), ("started", Side.CALLEE)]
    report = await call.close()
    assert (report.caller.packets, report.caller.octets, report.caller.lost) == (11, 11 * 172, 3)
    assert (report.callee.packets, report.callee.octets, report.callee.lost) == (10, 10 * 32, 0)
    assert report.caller.address == "{}:{}".format(*caller.rtp.getsockname())


@pytest_twisted.ensureDeferred
async def test_media_goes_to_the_signalled_address_before_anything_came_from_there(service, ends):
    caller, callee, _ = ends
    call = Call(service, caller, callee)
    await run(0.05)
    caller.send(call.at_caller)
    await run(0.05)
    assert len(callee.heard()) == 1
    await call.close()


@pytest_twisted.ensureDeferred
async def test_latches_behind_nat_and_then_ignores_strangers(service, ends):
    caller, callee, stranger = ends
    call = Call(service, caller, callee, offer=caller.says(port=9, host="192.0.2.99"))
    await run(0.05)
    callee.send(call.at_callee)
    caller.send(call.at_caller)
    await run(0.05)
    assert len(callee.heard()) == 1
    callee.send(call.at_callee)
    stranger.send(call.at_caller)
    await run(0.05)
    assert [source for _, source in caller.heard()] == [call.at_caller]
    assert callee.heard() == stranger.heard() == []
    # Positive control: the stranger's packets are fit to be relayed where it is the peer.
    other = Call(service, stranger, callee)
    await run(0.05)
    stranger.send(other.at_caller)
    await run(0.05)
    assert len(callee.heard()) == 1
    assert (await call.close()).caller.packets == 1
    await other.close()


@pytest_twisted.ensureDeferred
async def test_the_signalled_address_takes_the_lock_from_a_stranger_that_was_faster(service, ends):
    caller, callee, stranger = ends
    call = Call(service, caller, callee)
    await run(0.05)
    stranger.send(call.at_caller)
    caller.send(call.at_caller)
    await run(0.05)
    callee.send(call.at_callee)
    stranger.send(call.at_caller)
    await run(0.05)
    assert len(caller.heard()) == 1
    assert stranger.heard() == []
    await call.close()


@pytest_twisted.ensureDeferred
async def test_a_wrong_payload_type_does_not_lock(service, ends):
    caller, callee, stranger = ends
    call = Call(service, caller, callee, offer=caller.says(port=9, host="192.0.2.99"))
    await run(0.05)
    stranger.rtp.sendto(rtp.build(rtp.RtpPacket(97, 1, 1, 1, b"z")), call.at_caller)
    await run(0.05)
    caller.send(call.at_caller)
    callee.send(call.at_callee)
    await run(0.05)
    assert len(callee.heard()) == 1
    assert stranger.heard() == []
    await call.close()


@pytest_twisted.ensureDeferred
async def test_rtcp_is_relayed_beside(service, ends):
    caller, callee, _ = ends
    call = Call(service, caller, callee)
    await run(0.05)
    caller.send(call.at_caller)
    report = rtp.build_rtcp(rtp.RtcpPacket(rtp.RECEIVER_REPORT, 7))
    caller.rtcp.sendto(report, (call.at_caller[0], call.at_caller[1] + 1))
    await run(0.05)
    assert [data for data, _ in callee.heard(callee.rtcp)] == [report]
    callee.rtcp.sendto(report, (call.at_callee[0], call.at_callee[1] + 1))
    caller.rtp.sendto(report, call.at_caller)  # rtcp-mux: relayed, and no media
    await run(0.05)
    assert [source[1] for _, source in caller.heard(caller.rtcp)] == [call.at_caller[1] + 1]
    assert report in [data for data, _ in callee.heard()]
    assert (await call.close()).caller.packets == 1


@pytest_twisted.ensureDeferred
async def test_survives_garbage_oversize_and_closed_ports(service, ends):
    caller, callee, stranger = ends
    call = Call(service, caller, callee)
    await run(0.05)
    caller.send(call.at_caller)
    for junk in (b"", b"\0", os.urandom(500), b"\x80", b"\x80\0" + bytes(60000)):
        caller.rtp.sendto(junk, call.at_caller)
        stranger.rtp.sendto(junk, call.at_caller)
        caller.rtcp.sendto(junk, (call.at_caller[0], call.at_caller[1] + 1))
    callee.close()
    for _ in range(5):
        caller.send(call.at_caller)
        await run(0.02)
    pid = service.workers[0].pid
    assert (await call.close()).caller.packets >= 6
    assert service.workers[0].pid == pid is not None


@pytest_twisted.ensureDeferred
async def test_silence_of_a_side_that_should_send_is_reported(service, parameters, ends):
    caller, callee, _ = ends
    parameters["SS_MEDIA_CHECK_TIMEOUT"] = 2
    call = Call(service, caller, callee)
    quiet = Call(service, caller, callee, offer=caller.says(extra="a=recvonly\r\n"))
    for _ in range(14):
        callee.send(call.at_callee)
        callee.send(quiet.at_callee)
        await run(0.3)
    assert ("timeout", Side.CALLER) in call.ear.heard
    assert ("timeout", Side.CALLEE) not in call.ear.heard
    assert quiet.ear.heard == [("started", Side.CALLEE)]
    await call.close()
    await quiet.close()


@pytest_twisted.ensureDeferred
async def test_sessions_go_on_in_a_restarted_worker(service, ends):
    caller, callee, _ = ends
    call = Call(service, caller, callee, offer=caller.says(port=9, host="192.0.2.99"))
    free = len(service.workers[0].leased[0].free)
    await run(0.05)
    caller.send(call.at_caller)
    await run(0.05)
    before = service.workers[0].pid
    os.kill(before, signal.SIGKILL)
    for _ in range(200):
        await run(0.02)
        caller.send(call.at_caller)
        if len(callee.heard()) > 1:
            break
    else:
        pytest.fail("no media after the restart")
    assert service.workers[0].pid not in (None, before)
    assert len(service.workers[0].leased[0].free) >= free
    callee.send(call.at_callee)
    await run(0.05)
    assert len(caller.heard()) == 1
    assert call.ear.heard == [("started", Side.CALLER), ("started", Side.CALLEE)]
    again = Call(service, caller, callee)
    await run(0.05)
    caller.send(again.at_caller)
    await run(0.05)
    assert callee.heard()
    await again.close()
    assert (await call.close()).callee.packets == 1


@pytest_twisted.ensureDeferred
async def test_a_close_is_answered_when_the_worker_does_not(service, ends):
    call = Call(service, *ends[:2])
    await run(0.05)
    pid = service.workers[0].pid
    os.kill(pid, signal.SIGSTOP)
    began = reactor.seconds()
    await call.close()
    assert reactor.seconds() - began < 1.0
    os.kill(pid, signal.SIGKILL)
    await run(0.3)


@pytest_twisted.ensureDeferred
async def test_ports_are_released_rested_and_used_again_by_nobody_at_once(service, parameters, ends):
    parameters["SS_MEDIA_PROXY_PORT_RANGE"] = (LOW + 300, LOW + 307)
    service.open("0", None, None, Ear()).close(lambda report: None)  # an old pair: the new ones come a moment later
    await run(0.1)
    calls = [Call(service, *ends[:2]) for _ in range(2)]
    ports = {call.at_caller[1] for call in calls} | {call.at_callee[1] for call in calls}
    assert ports == {LOW + 300, LOW + 302, LOW + 304, LOW + 306}
    assert service.open("3", None, None, Ear()) is None
    await run(0.1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, pytest.raises(OSError, match="in use"):
        probe.bind((MEDIA, LOW + 300))
    for call in calls:
        await call.close()
    for port in ports:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((MEDIA, port))
    await run(0.3)
    assert service.open("4", None, None, Ear()) is None


@pytest_twisted.ensureDeferred
async def test_a_taken_port_is_skipped(service, parameters):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as squatter:
        squatter.bind((MEDIA, LOW + 401))
        parameters["SS_MEDIA_PROXY_PORT_RANGE"] = (LOW + 400, LOW + 405)
        service.open("0", None, None, Ear()).close(lambda report: None)
        await run(0.1)
        assert sorted(service.workers[0].leased[0].free) == [LOW + 402, LOW + 404]
