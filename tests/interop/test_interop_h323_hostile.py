"""Bad input at the call signalling port: wounded messages, endless packets, half-open connections, a flood of Setups.

Meanwhile and after it the node serves SIP: calls succeed; how long their first answers take is printed.
"""

from __future__ import annotations

import json
import random
import socket
import sys
import threading
import time
from contextlib import ExitStack, contextmanager, suppress

import pytest

from tests.support.h323 import template, through
from tests.support.h323.script import FOLDER, calls
from tests.support.h323.template import Facts
from tests.support.peer import SDP, Peer, accepted
from tests.support.sipp import ANSWER
from tests.support.switch import free_port, options, until
from vosswitch.h323.tpkt import framed

STRANGER = "127.66.0.9"
MESSAGES = [step.data for call in calls().values() for step in call.steps if step.channel == "signal"]


@pytest.fixture
def known(h323_case):
    """A customer of H.323, whose messages are read; on a busy machine many of its connections wait to be heard."""
    h323_case.begin(access=through.CUSTOMER, VS_H323_HALF_OPEN_SOURCE="10000")
    return h323_case


def dial(case, host=""):
    """A connection to the call signalling port."""
    return socket.create_connection(("127.0.0.1", case.switch.h323_port), 5, (host or case.host, 0))


def setup(case):
    """A Setup of the customer for a new call, with fast start."""
    place = ("127.0.0.1", case.switch.h323_port)
    facts = Facts("4312345", case.number, (case.host, 5000), place, (case.host, 5001), (case.host, 5002))
    facts.reference, facts.identifier, facts.conference = random.randrange(1, 32767), random.randbytes(16), bytes(16)
    return template.signal(calls()["fast"].steps[0].data, facts, [])


def alive(case):
    """SIP is answered, an H.323 call goes through once what came before it is worked off, and nothing escaped."""
    assert options(case.switch.port, timeout=3)
    until(lambda: not case.running() and not counted(case, "connections"), 30, "the end of what came before")
    case.ports["first"] = free_port()  # INVITEs of calls that are over may still come to where it was
    case.begin(access=through.CUSTOMER)
    vendor = case.vendor("first", ANSWER)

    def answered():
        caller = through.caller(case, "fast")
        caller.finish()
        return caller.heard("Connect")

    until(answered, 20, "a call")
    vendor.succeeds()
    assert "Traceback" not in case.log(), case.log()[-4000:]


def wounded(source, data):
    """The message with one to three wounds."""
    made = bytearray(data)
    for _ in range(source.randint(1, 3)):
        at = source.randrange(len(made))
        how = source.randrange(4)
        if how == 0:
            made[at] = source.randrange(256)
        elif how == 1:
            del made[at : at + source.choice((1, 2, 8, 40))]
            made = made or bytearray(b"\x08")
        elif how == 2:
            made[at:at] = source.randbytes(source.choice((1, 2, 8, 200)))
        else:
            made[at:at] = made[: source.choice((4, 40, 400))]
    return bytes(made)


@pytest.mark.parametrize("seed", [1, 2])
def test_wounded_messages(known, seed):
    """On new connections, and within calls that have begun; the node is alive after each hundred."""
    source = random.Random(seed)
    for index in range(600):
        with suppress(ConnectionError, TimeoutError), dial(known) as connection:
            if index % 3:
                connection.sendall(framed(setup(known)))
            for _ in range(3):
                connection.sendall(framed(wounded(source, source.choice(MESSAGES))))
        if index % 100 == 0:
            assert options(known.switch.port, timeout=3), index
    alive(known)


def test_wounded_setups(known):
    """A Setup that is nearly one of the customer's own."""
    source = random.Random(3)
    for _ in range(300):
        with suppress(ConnectionError, TimeoutError), dial(known) as connection:
            connection.sendall(framed(wounded(source, setup(known))))
    alive(known)


def closed(connection, seconds=10.0):
    """Whether the switch closes the connection in time."""
    connection.settimeout(seconds)
    try:
        while connection.recv(4096):
            pass
    except ConnectionError:
        return True
    except TimeoutError:
        return False
    return True


@pytest.mark.parametrize(
    "data",
    [b"\x03\x00\xff\xff" + bytes(20_000), b"\x03\x00\x00\x03", b"GET / HTTP/1.0\r\n\r\n", b"\x16\x03\x01\x02\x00\x01"],
    ids=["too long", "too short", "HTTP", "TLS"],
)
def test_what_is_no_tpkt_ends_the_connection(known, data):
    with dial(known) as connection:
        with suppress(ConnectionError):
            connection.sendall(data)
        assert closed(connection)
    alive(known)


def test_an_endless_packet_and_an_empty_connection_are_closed(known):
    """A packet that never becomes whole, and a connection that says nothing, are ended by the switch."""
    with dial(known) as slow, dial(known) as silent, dial(known) as empty:
        slow.sendall(framed(setup(known))[:-1])
        for _ in range(20):
            empty.sendall(b"\x03\x00\x00\x04")
        assert closed(slow, 20)
        assert closed(silent, 20)
        assert closed(empty, 20)
    alive(known)


def heard(connection):
    """What the switch says until it closes."""
    try:
        return connection.recv(100)
    except ConnectionError:
        return b""


def test_a_stranger_is_not_heard(known):
    """A source that no gateway has: the connection is closed without an answer, however often."""
    for _ in range(200):
        with dial(known, STRANGER) as connection, suppress(ConnectionError):
            connection.sendall(framed(setup(known)))
            connection.settimeout(5)
            assert not heard(connection)
    alive(known)


def test_emergency_calls_pass_the_cap_of_their_source(h323_case):
    """A customer above VS_SOURCE_CPS: what else it calls is refused at the door, with cause 42."""
    case = h323_case
    group = f'[[number_groups]]\nname = "urgent{case.n}"\nnumbers = ["{case.number}"]\nemergency = true\n'
    case.begin(access=through.CUSTOMER, more=group, VS_SOURCE_CPS="1")
    case.vendor("first", ANSWER, calls=10)
    callers = [through.caller(case, "fast", to=f"{case.prefix}77{number}") for number in range(3)]
    urgent = [through.caller(case, "fast") for _ in range(3)]
    for caller in (*callers, *urgent):
        caller.finish()
    assert [caller.cause for caller in callers].count(42) >= 1
    assert not [caller.cause for caller in urgent if caller.cause == 42]
    assert all(caller.heard("Connect") for caller in urgent)


class SipCalls(threading.Thread):
    """Calls by SIP, one after the other, and how long the INVITE waits for its first answer."""

    def __init__(self, case) -> None:
        super().__init__(daemon=True)
        self.case, self.delays, self.errors, self.over = case, [], [], threading.Event()

    def run(self) -> None:
        """Call until told to stop."""
        while not self.over.is_set():
            try:
                self._call()
            except Exception as error:  # noqa: BLE001 - told by the test
                self.errors.append(repr(error))

    def _call(self) -> None:
        peer = Peer(self.case.switch.port, host=self.case.host)
        try:
            begin = time.monotonic()
            peer.send(peer.request("INVITE", self.case.number, SDP))
            peer.receive(5)
            self.delays.append((time.monotonic() - begin) * 1000)
            answered = peer.expect(accepted("INVITE"), 10)
            peer.send(peer.request("ACK", "", answered=answered))
            peer.send(peer.request("BYE", "", answered=answered))
            peer.expect(accepted("BYE"))
        finally:
            peer.close()


@pytest.fixture
def tell(capsys):
    """Writes a line past the capture of output: figures for people."""

    def write(text):
        with capsys.disabled():
            sys.stdout.write(f"\n{text}\n")

    return write


@contextmanager
def sip_meanwhile(case, what, tell):
    """SIP calls while something else goes on; all of them succeed, and the delays are printed."""
    sip = SipCalls(case)
    vendor = case.vendor("second", ANSWER, calls=100_000)
    sip.start()
    try:
        yield
    finally:
        sip.over.set()
        sip.join(20)
        vendor.stop()
    delays = sorted(sip.delays)
    assert delays
    p50, p99 = (delays[min(int(len(delays) * part), len(delays) - 1)] for part in (0.5, 0.99))
    tell(f"{what}: {len(delays)} SIP calls meanwhile, first answer p50 {p50:.1f} ms, p99 {p99:.1f} ms")
    assert not sip.errors, sip.errors[:3]


def counted(case, what):
    """A count of the H.323 process, as operators see it."""
    return case.switch.json("node", "statistics")[0]["h323"].get(what, 0)


@pytest.fixture
def both(h323_case):
    """A customer that calls by SIP and by H.323 from one address; only the second vendor has a SIP peer."""
    case = h323_case
    more = f"""
[[mapping_gateways]]
name = "also{case.n}"
account = "C{case.n}"
auth = "ip"
addresses = ["{case.host}"]
protocol = "h323"
"""
    case.ports["first"] = case.ports["second"]
    case.begin(more=more, balance="1000")
    return case


@pytest.mark.alone
@pytest.mark.parametrize("host", ["", STRANGER], ids=["known", "stranger"])
def test_half_open_connections(both, host, tell):
    """Three thousand connections that say nothing, from one source."""
    what = "strangers" if host else "no_setup"
    before = counted(both, what)
    with sip_meanwhile(both, f"half-open connections ({host or 'known'})", tell), ExitStack() as stack:
        for _ in range(3000):
            with suppress(OSError):
                stack.enter_context(dial(both, host))
        until(lambda: counted(both, what) > before and not counted(both, "half_open"), 20, "the end of our patience")
    assert "Traceback" not in both.log(), both.log()[-4000:]


@pytest.mark.alone
@pytest.mark.parametrize("host", ["", STRANGER], ids=["known", "stranger"])
def test_a_flood_of_setups(both, host, tell):
    """As many calls as a connection each can carry, for some seconds, none of them ever continued."""
    end, sent = time.monotonic() + 8, 0
    data = [framed(setup(both)) for _ in range(50)]
    with sip_meanwhile(both, f"Setup flood ({host or 'known'})", tell), ExitStack() as stack:
        while time.monotonic() < end:
            with suppress(OSError):
                connection = dial(both, host)
                stack.callback(connection.close)
                connection.sendall(random.choice(data))
                sent += 1
            if sent % 200 == 0:
                stack.close()
    tell(f"{sent} Setups")
    assert "Traceback" not in both.log(), both.log()[-4000:]


@pytest.mark.alone
def test_a_flood_within_one_connection(both, tell):
    """Setups, Facilities and rubbish as fast as one connection takes them."""
    end, source = time.monotonic() + 6, random.Random(4)
    data = b"".join(framed(source.choice(MESSAGES)) for _ in range(400))
    with sip_meanwhile(both, "flood within one connection", tell):
        while time.monotonic() < end:
            with suppress(OSError), dial(both) as connection:
                connection.settimeout(1)
                connection.sendall(framed(setup(both)))
                while time.monotonic() < end:
                    connection.sendall(data)
    assert "Traceback" not in both.log(), both.log()[-4000:]


def test_the_vectors_are_there():
    """The recordings give the messages that are wounded here."""
    assert len(MESSAGES) > 200
    assert all("steps" in json.loads(path.read_text()) for path in FOLDER.glob("a_*.json"))
