"""The service without processes: what it tells workers, and what it makes of their words."""

from types import MappingProxyType

import pytest
from twisted.internet.error import ProcessDone
from twisted.internet.task import Clock
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from vosswitch import sdp
from vosswitch.media import wire
from vosswitch.media.service import MediaService
from vosswitch.model.call import MediaReport, StreamReport
from vosswitch.model.interfaces import IMediaEngine, IMediaSession
from vosswitch.model.values import Side

OFFER = sdp.parse(
    b"v=0\r\no=a 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 101\r\n"
)
ANSWER = sdp.parse(
    b"v=0\r\no=b 2 2 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\nm=audio 5000 RTP/AVP 0\r\na=recvonly\r\n"
)


class Wire:
    """Our end of a local socket, as the channel uses it."""

    def __init__(self):
        self.sent, self.inbox, self.closed, self.full = [], [], False, False

    def send(self, data):
        if self.full:
            raise BlockingIOError
        self.sent.extend(wire.messages(data))

    def recv(self, size):
        if not self.inbox:
            raise BlockingIOError
        return self.inbox.pop(0)

    def fileno(self):
        return 7

    def shutdown(self, how):
        self.inbox.append(b"")

    def close(self):
        self.closed = True


class Process:
    """A child process."""

    def __init__(self, protocol, pid):
        self.protocol, self.pid, self.signals = protocol, pid, []

    def signalProcess(self, name):
        self.signals.append(name)

    def end(self):
        self.protocol.processEnded(Failure(ProcessDone(0)))


class Reactor(Clock):
    """Clock, readers and processes."""

    def __init__(self):
        super().__init__()
        self.readers, self.writers, self.processes = [], [], []

    def addReader(self, reader):
        self.readers.append(reader)

    def removeReader(self, reader):
        self.readers = [r for r in self.readers if r is not reader]

    def addWriter(self, writer):
        self.writers.append(writer)

    def removeWriter(self, writer):
        self.writers = [w for w in self.writers if w is not writer]

    def spawnProcess(self, protocol, executable, args, env, childFDs):
        self.processes.append(Process(protocol, 100 + len(self.processes)))
        return self.processes[-1]


class Ear:
    """A call."""

    def __init__(self):
        self.heard = []

    def media_started(self, side):
        self.heard.append(("started", side))

    def media_timeout(self, side):
        self.heard.append(("timeout", side))
        raise RuntimeError("a call that fails")


class Bench:
    """A service with one worker, driven by hand."""

    def __init__(self, address="192.0.2.9", advertise="", addresses=(), shown=MappingProxyType({}), leases=True):
        self.reactor = Reactor()
        self.wires = []
        self.parameters = {
            "SS_MEDIA_PROXY_PORT_RANGE": (10000, 10099),
            "SS_MEDIA_CHECK_TIMEOUT": 60,
            "SS_QOS_RTP": 0xA0,
            "SS_RTP_EXTERNAL_IP": "",
            "VS_MEDIA_REPORT_DEADLINE": 500,
        }
        self.failures = []
        log = Logger(observer=self.failures.append)
        self.trouble = []
        self.service = MediaService(
            self.reactor,
            addresses or ((address, advertise),),
            1,
            lambda: self.parameters,
            log,
            self.connect,
            shown,
            self.trouble.append,
        )
        self.service.startService()
        if leases:
            self.leases(list(range(10000, 10100, 2)))

    def connect(self):
        self.wires.append(Wire())
        return self.wires[-1], Wire()

    def says(self, *messages):
        """The worker speaks."""
        self.wires[-1].inbox.extend(wire.datagrams(messages))
        for reader in self.reactor.readers:
            reader.doRead()

    def leases(self, pairs, place=0, *, more=0, held=0, tried=50, why=""):
        """The worker has bound these."""
        self.says(("leases", pairs, place, more, held, tried, why))

    def told(self, *names):
        """What the worker was told of these names since last asked."""
        self.reactor.advance(0)
        found = [message for message in self.wires[-1].sent if message[0] in names]
        self.wires[-1].sent = []
        return found

    def stop(self):
        self.service.stopService()
        for process in self.reactor.processes[-1:]:
            if self.service.workers[0].pid is not None:
                process.end()
        assert self.reactor.getDelayedCalls() == []
        assert self.reactor.readers == []


@pytest.fixture
def bench():
    made = Bench()
    yield made
    made.stop()


def test_keeps_the_contract(bench):
    session = bench.service.open("1", None, None, Ear())
    verifyObject(IMediaEngine, bench.service)
    verifyObject(IMediaSession, session)
    assert bench.told("open") == [["open", 1, *session.pairs, 60, 0xA0]]


def test_forwards_under_our_address_and_tells_the_worker_once(bench):
    session = bench.service.open("1", None, None, Ear())
    caller_port, callee_port = session.pairs
    said = session.forward(Side.CALLER, OFFER)
    assert (said.host, said.media[0].port, said.origin.host) == ("192.0.2.9", callee_port, "192.0.2.9")
    assert session.forward(Side.CALLER, OFFER) is said
    assert session.forward(Side.CALLEE, ANSWER).media[0].port == caller_port
    assert bench.told("say") == [
        ["say", 1, 0, "192.0.2.1", 4000, 4001, [0, 101], True, True],
        ["say", 1, 1, "192.0.2.2", 5000, 5001, [0], False, True],
    ]


def test_fax_is_relayed_and_nobody_waits_for_rtp(bench):
    session = bench.service.open("1", None, None, Ear())
    fax = sdp.render(OFFER).replace(b"m=audio 4000 RTP/AVP 0 101", b"m=image 4002 udptl t38")
    said = session.forward(Side.CALLER, sdp.parse(fax))
    assert (said.host, said.media[0].kind, said.media[0].port) == ("192.0.2.9", "image", session.pairs[1])
    assert bench.told("say") == [["say", 1, 0, "192.0.2.1", 4002, 4003, [], False, True]]


def test_the_advertised_address_stands_over_the_local_one():
    bench = Bench(advertise="198.51.100.1")
    assert bench.service.open("1", None, None, Ear()).forward(Side.CALLER, OFFER).host == "198.51.100.1"
    bench.parameters["SS_RTP_EXTERNAL_IP"] = "198.51.100.2"
    assert bench.service.open("1", None, None, Ear()).forward(Side.CALLER, OFFER).host == "198.51.100.2"
    bench.stop()


def test_bound_to_all_addresses_it_shows_each_side_the_one_of_its_signalling():
    bench = Bench(address="0.0.0.0")
    session = bench.service.open("1", "192.0.2.10", "192.0.2.20", Ear())
    assert session.forward(Side.CALLER, OFFER).host == "192.0.2.20"
    assert session.forward(Side.CALLEE, ANSWER).host == "192.0.2.10"
    assert bench.service.open("2", None, None, Ear()) is None
    bench.stop()


def test_reports_once_with_the_worker_s_counts(bench):
    session, reports = bench.service.open("1", None, None, Ear()), []
    session.close(reports.append)
    session.close(reports.append)
    assert bench.told("close") == [["close", 1]]
    bench.says(("closed", 1, [5, 860, 1, "192.0.2.1:4000"], [0, 0, 0, ""]))
    bench.says(("closed", 1, [5, 860, 1, "192.0.2.1:4000"], [0, 0, 0, ""]))
    bench.reactor.advance(1)
    assert reports == [MediaReport(StreamReport(5, 860, 1, "192.0.2.1:4000"), StreamReport())]


def test_a_worker_that_does_not_answer_costs_the_deadline_and_no_report(bench):
    reports = []
    first, second = (bench.service.open(str(n), None, None, Ear()) for n in (1, 2))
    bench.says(("counts", [[1, [3, 300, 0, "x:1"], [0, 0, 0, ""]]]))
    first.close(lambda report: reports.append(("first", report.caller.packets)))
    bench.reactor.advance(0.3)
    second.close(lambda report: reports.append(("second", report.caller.packets)))
    bench.reactor.advance(0.2)
    assert reports == [("first", 3)]
    bench.reactor.advance(0.3)
    assert reports == [("first", 3), ("second", 0)]


def test_a_restarted_worker_is_told_everything_and_counts_go_on(bench):
    ear, reports = Ear(), []
    session = bench.service.open("1", None, None, ear)
    session.forward(Side.CALLER, OFFER)
    gone = bench.service.open("2", None, None, Ear())
    bench.says(("started", 1, 0), ("counts", [[1, [3, 300, 1, "x:1"], [0, 0, 0, ""]]]))
    gone.close(reports.append)
    bench.reactor.processes[-1].end()
    assert reports == [MediaReport()]
    bench.service.open("3", None, None, Ear())  # while it is away: a port that the next worker will bind again
    bench.reactor.advance(0.1)
    assert len(bench.reactor.processes) == 2
    assert [m[:2] for m in bench.wires[-1].sent] == [
        ["open", 1],
        ["say", 1],
        ["open", 3],
        ["claim", bench.service.workers[0].leased[0].free],
        ["lease", 50],  # all that the range has
    ]
    bench.says(("started", 1, 0))
    assert ear.heard == [("started", Side.CALLER)]
    session.close(reports.append)
    bench.says(("closed", 1, [2, 200, 0, "x:2"], [1, 50, 0, "y:1"]))
    assert reports[1] == MediaReport(StreamReport(5, 500, 1, "x:2"), StreamReport(1, 50, 0, "y:1"))


def test_after_a_reset_a_side_starts_anew(bench):
    ear = Ear()
    session = bench.service.open("1", None, None, ear)
    session.forward(Side.CALLEE, ANSWER)
    bench.says(("started", 1, 1))
    session.reset(Side.CALLEE)
    session.forward(Side.CALLEE, ANSWER)
    bench.says(("started", 1, 1))
    assert ear.heard == [("started", Side.CALLEE)] * 2
    assert [m[0] for m in bench.told("say", "reset")] == ["say", "reset", "say"]


def test_a_flood_ends_its_call(bench):
    ear = Ear()
    bench.service.open("1", None, None, ear)
    bench.says(("flood", 1, 1), ("flood", 99, 0))
    assert ear.heard == [("timeout", Side.CALLEE)]


def test_a_call_that_fails_on_a_report_does_not_stop_the_others(bench):
    ears = [Ear(), Ear()]
    for ear in ears:
        bench.service.open("1", None, None, ear)
    bench.says(("timeout", 1, 0), ("timeout", 2, 1), ("timeout", 99, 1))
    assert [ear.heard for ear in ears] == [[("timeout", Side.CALLER)], [("timeout", Side.CALLEE)]]
    assert len([event for event in bench.failures if "log_failure" in event]) == 2


def test_no_port_is_no_session(bench):
    for number in range(25):
        assert bench.service.open(str(number), None, None, Ear()) is not None
    assert bench.service.open("26", None, None, Ear()) is None


def test_another_range_serves_new_calls_and_the_old_free_pairs_go_back(bench):
    bench.told()
    bench.parameters["SS_MEDIA_PROXY_PORT_RANGE"] = (20000, 20099)
    assert max(bench.service.open("1", None, None, Ear()).pairs) < 10100
    assert bench.told("range", "lease") == [["range", 20000, 20099], ["lease", 50, 0]]
    bench.leases([20000, 20002])
    assert bench.service.workers[0].leased[0].free == [20000, 20002]
    assert len(bench.told("return")[0][1]) == 48


def test_a_worker_without_a_sign_of_life_is_killed(bench):
    for _ in range(8):
        bench.reactor.advance(1)
        bench.says(("alive",))
    assert bench.reactor.processes[0].signals == []
    for _ in range(8):
        bench.reactor.advance(1)
    assert bench.reactor.processes[0].signals == ["KILL"]


def test_a_worker_that_ends_again_and_again_is_given_pauses(bench):
    bench.reactor.processes[-1].end()
    bench.reactor.advance(0)
    assert len(bench.reactor.processes) == 2  # the first time at once
    for number in range(2, 6):
        bench.reactor.processes[-1].end()
        bench.reactor.advance(0.01 * 2**number)
        assert len(bench.reactor.processes) == number
        bench.reactor.advance(0.05 * 2**number)
        assert len(bench.reactor.processes) == number + 1


def test_what_a_busy_worker_does_not_take_waits_in_order(bench):
    bench.told()
    bench.wires[-1].full = True
    bench.service.open("1", None, None, Ear())
    bench.reactor.advance(0)
    bench.service.open("2", None, None, Ear())
    bench.reactor.advance(0)
    assert len(bench.reactor.writers) == 1
    bench.wires[-1].full = False
    bench.reactor.writers[0].doWrite()
    assert [m[1] for m in bench.wires[-1].sent if m[0] == "open"] == [1, 2]
    assert bench.reactor.writers == []


def test_a_busy_second_makes_more_ports_be_kept_ahead(bench):
    """What calls took in a second is leased ahead, so that a burst of as many finds its ports."""
    bench.parameters["SS_MEDIA_PROXY_PORT_RANGE"] = (10000, 39999)
    bench.reactor.advance(1)
    assert bench.told("lease")[-1] == ["lease", 512, 0]
    bench.leases(list(range(20000, 21800, 2)), tried=900)
    for number in range(450):
        bench.service.open(str(number), None, None, Ear())
    bench.told()
    bench.leases([])
    bench.service.workers[0].look_after(bench.reactor.seconds())
    assert bench.told("lease") == [["lease", 900, 0]]


def test_one_question_at_a_time(bench):
    """What the worker gives bit by bit is not asked for again, however many calls begin meanwhile."""
    bench.told()
    bench.service.open("1", None, None, Ear())
    bench.service.open("2", None, None, Ear())
    assert bench.told("lease") == [["lease", 50, 0]]
    bench.leases([], more=18)
    bench.service.open("3", None, None, Ear())
    assert bench.told("lease") == []
    bench.leases([])
    bench.service.open("4", None, None, Ear())
    assert bench.told("lease") == [["lease", 50, 0]]


# Too few ports.


@pytest.fixture
def bare():
    """The worker has not bound anything yet."""
    made = Bench(leases=False)
    yield made
    made.stop()


def test_a_worker_that_can_bind_nothing_is_told_of_and_asked_again(bare):
    ready = []
    bare.service.when_ready().addCallback(ready.append)
    bare.told()
    bare.leases([], held=50, why="Address already in use")
    assert ready  # calls that need no relaying go on
    assert bare.trouble == [
        "192.0.2.9: none of 50 port pairs in 10000-10099 left for new calls, 50 of 50 tried ones cannot be had "
        "(Address already in use)"
    ]
    assert bare.service.open("1", None, None, Ear()) is None
    assert bare.told("lease") == [["lease", 50, 0]]
    bare.leases([], held=50, why="Address already in use")
    assert len(bare.trouble) == 1
    bare.reactor.advance(1)
    assert bare.told("lease") == [["lease", 50, 0]]
    bare.leases(list(range(10000, 10080, 2)), held=10)
    assert bare.trouble[1:] == [""]
    assert bare.service.open("2", None, None, Ear()) is not None


def test_some_ports_in_other_hands_cost_those_ports_alone(bare):
    bare.leases(list(range(10000, 10080, 2)), held=10, why="Address already in use")
    assert bare.trouble == []


def test_most_ports_in_other_hands_are_told_though_some_are_left(bare):
    bare.parameters["SS_MEDIA_PROXY_PORT_RANGE"] = (10000, 39999)
    bare.reactor.advance(1)
    bare.leases(list(range(10000, 11024, 2)), held=800, tried=1312, why="Address already in use")
    assert bare.trouble == [
        "192.0.2.9: 512 of 15000 port pairs in 10000-39999 left for new calls, 800 of 1312 tried ones cannot be had "
        "(Address already in use)"
    ]


def test_a_range_that_is_used_up_is_told_once_until_half_of_it_is_free(bench):
    for number in range(23):
        bench.service.open(str(number), None, None, Ear())
    bench.leases([])
    bench.leases([])
    assert bench.trouble == ["192.0.2.9: 4 of 50 port pairs in 10000-10099 left for new calls"]
    bench.leases(list(range(10000, 10040, 2)))
    assert len(bench.trouble) == 1
    bench.leases([10040])
    assert bench.trouble[1:] == [""]


def test_what_a_restarted_worker_cannot_bind_again_is_given_to_no_call(bench):
    leased = bench.service.workers[0].leased[0]
    bench.reactor.processes[-1].end()
    bench.reactor.advance(0.1)
    bench.says(("lost", [10000, 10098]))
    assert sorted(leased.free) == list(range(10002, 10098, 2))


def test_a_worker_without_a_part_of_the_range_is_ready_and_no_trouble():
    parameters = {"SS_MEDIA_PROXY_PORT_RANGE": (10000, 10001)}
    reactor, trouble, ready = Reactor(), [], []
    wires = []

    def connect():
        wires.append(Wire())
        return wires[-1], Wire()

    service = MediaService(
        reactor,
        (("192.0.2.9", ""),),
        2,
        lambda: parameters,
        Logger(observer=print),
        connect,
        on_trouble=trouble.append,
    )
    service.startService()
    service.when_ready().addCallback(ready.append)
    assert not ready
    wires[1].inbox.extend(wire.datagrams([("leases", [10000], 0, 0, 0, 1, "")]))
    for reader in reactor.readers:
        reader.doRead()
    assert ready
    assert trouble == []
    service.stopService()
    for process in reactor.processes:
        process.end()


# Several local addresses, both families.

TWO = (("192.0.2.9", ""), ("2001:db8::9", ""))
OFFER6 = sdp.parse(
    b"v=0\r\no=a 1 1 IN IP6 2001:db8::1\r\ns=-\r\nc=IN IP6 2001:db8::1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
)


@pytest.fixture
def both():
    made = Bench(addresses=TWO)
    made.leases([65536 + port for port in range(10000, 10100, 2)], 1)
    yield made
    made.stop()


def test_each_side_has_a_pair_of_the_family_of_its_signalling(both):
    session = both.service.open("1", "192.0.2.1", "2001:db8::5", Ear())
    caller, callee = session.pairs
    assert (caller >> 16, callee >> 16) == (0, 1)
    said = session.forward(Side.CALLER, OFFER)
    assert (said.host, said.origin.host, said.media[0].port) == ("2001:db8::9", "2001:db8::9", callee & 0xFFFF)
    answer = session.forward(Side.CALLEE, OFFER6)
    assert (answer.host, answer.media[0].port) == ("192.0.2.9", caller)
    assert both.told("open", "say") == [
        ["open", 1, caller, callee, 60, 0xA0],
        ["say", 1, 0, "192.0.2.1", 4000, 4001, [0, 101], True, True],
        ["say", 1, 1, "2001:db8::1", 4000, 4001, [0], True, True],
    ]


def test_without_an_address_of_a_family_there_is_no_session(bench):
    assert bench.service.open("1", "192.0.2.1", "2001:db8::5", Ear()) is None
    assert bench.service.open("1", "2001:db8::5", None, Ear()) is None
    assert bench.service.open("1", "192.0.2.1", "192.0.2.1", Ear()) is not None


def test_the_next_gateway_may_be_of_the_other_family(both):
    """The caller has been told a port in a 183 already: that one stays."""
    session = both.service.open("1", "192.0.2.1", "192.0.2.1", Ear())
    caller, callee = session.pairs
    session.forward(Side.CALLEE, ANSWER)
    assert session.reset(Side.CALLEE, "2001:db8::5")
    moved = session.pairs[1]
    assert session.pairs[0] == caller
    assert moved >> 16 == 1
    assert both.told("move", "reset") == [["move", 1, 1, moved], ["reset", 1, 1]]
    said = session.forward(Side.CALLER, OFFER)
    assert (said.host, said.origin.host, said.media[0].port) == ("2001:db8::9", "2001:db8::9", moved & 0xFFFF)
    assert session.forward(Side.CALLEE, OFFER6).media[0].port == caller
    assert session.resume()[0] == ("open", 1, caller, moved, 60, 0xA0)
    assert callee not in both.service.workers[0].leased[0].free  # it rests at the worker, which gives it anew


def test_a_side_cannot_move_where_there_is_no_address(bench):
    session = bench.service.open("1", "192.0.2.1", "192.0.2.1", Ear())
    before = session.pairs
    bench.told()
    assert not session.reset(Side.CALLEE, "2001:db8::5")
    assert (session.pairs, bench.told("move", "reset")) == (before, [])


def test_pairs_are_leased_for_each_address():
    bench = Bench(addresses=TWO)
    assert {message[2] for message in bench.told("lease")} == {0, 1}
    assert bench.service.open("1", "2001:db8::1", "2001:db8::1", Ear()) is None  # none there yet
    bench.leases([75536, 75538], 1)
    assert bench.service.open("1", "2001:db8::1", "2001:db8::1", Ear()) is not None
    bench.stop()


def test_each_local_address_shows_what_its_listener_shows():
    """1:1 NAT with several addresses: media follows the advertised address of the signalling."""
    bench = Bench(addresses=(("0.0.0.0", ""),), shown={"10.0.0.1": "198.51.100.1", "10.0.0.2": "198.51.100.2"})
    session = bench.service.open("1", "10.0.0.1", "10.0.0.2", Ear())
    assert session.forward(Side.CALLER, OFFER).host == "198.51.100.2"
    assert session.forward(Side.CALLEE, ANSWER).host == "198.51.100.1"
    assert session.reset(Side.CALLEE, "10.0.0.3")
    assert session.forward(Side.CALLER, OFFER).host == "10.0.0.3"
    assert bench.told("move") == []
    bench.stop()


def test_every_media_address_has_its_advertised_one():
    addresses = (("10.0.0.1", "198.51.100.1"), ("10.0.0.2", "198.51.100.2"))
    bench = Bench(addresses=addresses)
    bench.leases([65536 + port for port in range(10000, 10100, 2)], 1)
    session = bench.service.open("1", "10.0.0.1", "10.0.0.2", Ear())
    assert session.forward(Side.CALLER, OFFER).host == "198.51.100.2"
    assert session.forward(Side.CALLEE, ANSWER).host == "198.51.100.1"
    assert [pair >> 16 for pair in session.pairs] == [0, 1]
    bench.stop()


def test_the_external_address_stands_over_its_own_family_only(both):
    both.parameters["SS_RTP_EXTERNAL_IP"] = "198.51.100.7"
    session = both.service.open("1", "192.0.2.1", "2001:db8::5", Ear())
    assert session.forward(Side.CALLER, OFFER).host == "2001:db8::9"
    assert session.forward(Side.CALLEE, OFFER6).host == "198.51.100.7"
