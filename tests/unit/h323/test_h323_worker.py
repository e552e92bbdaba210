"""The H.323 process: who gets in, how much of it, and what becomes of legs when something breaks."""

from __future__ import annotations

import socket as socket_module

import pytest
from twisted.internet.error import CannotListenError

from tests.unit.h323.h323_process import HERE, PEER, Reactor, World
from vosswitch.h323 import q931
from vosswitch.h323.elements import Party
from vosswitch.h323.h225 import Setup, read, write
from vosswitch.h323.settings import (
    SETUP_SECONDS,
    STRANGER_SECONDS,
    UNDECIDED,
    UNREAD_MESSAGES,
    URGENT_CPS,
    WAITING_BYTES,
)
from vosswitch.h323.tpkt import framed
from vosswitch.h323.transport import control
from vosswitch.model.call import Placement
from vosswitch.model.causes import cause
from vosswitch.model.signals import Redirected, Release, Ring
from vosswitch.model.values import Address

NORMAL = cause("normal")
SETUP = write(Setup(reference=7, call_identifier=b"i" * 16, callee=Party("44")), False)
PLACEMENT = Placement("1", "43", "44", Address(PEER, 1720, "h323"), None)


@pytest.fixture
def world():
    return World()


def taken(world):
    """A call that came in: its socket and its leg."""
    socket = world.connects()
    world.talk()
    socket.brings(SETUP)
    world.talk()
    return socket, world.legs[-1]


def placed(world):
    world.hears("place", 2, PLACEMENT)
    return world.legs[-1]


class TestWhoGetsIn:
    """Nothing is read of somebody who is not known."""

    def test_a_stranger_is_closed_before_anything_is_read(self, world):
        world.answers["known"] = False
        socket = world.connects()
        assert socket.paused
        world.talk()
        assert socket.aborted
        assert world.gate.idle
        assert world.connects() is None
        assert world.gate.counts["strangers"] == 2

    def test_a_peer_that_is_gone_without_a_word_is_noticed_in_two_minutes(self, world):
        idle, every, count = (
            world.connects().options[option]
            for option in (socket_module.TCP_KEEPIDLE, socket_module.TCP_KEEPINTVL, socket_module.TCP_KEEPCNT)
        )
        assert idle + every * count <= 120
        assert world.connects().options[socket_module.TCP_USER_TIMEOUT] <= 120_000

    def test_a_setup_of_somebody_who_is_known_becomes_a_leg(self, world):
        socket = world.connects()
        assert not world.legs
        world.talk()
        assert not socket.paused
        socket.brings(SETUP)
        (incoming,) = world.talk()
        assert incoming[:2] == ("incoming", 1)
        assert world.legs[0].setup.callee.number == "44"

    @pytest.mark.parametrize(
        ("named", "port"), [(None, 1720), (Address(PEER, 1820, "h323"), 1820), (Address("192.0.2.77", 9, "h323"), 1720)]
    )
    def test_the_port_of_a_caller_is_the_one_that_it_names_for_its_own_host(self, world, named, port):
        socket = world.connects()
        world.talk()
        socket.brings(write(Setup(reference=7, callee=Party("44"), source_address=named), False))
        (incoming,) = world.talk()
        assert incoming[2].source == Address(PEER, port, "h323")

    def test_one_that_is_known_is_not_asked_about_each_time(self, world):
        assert world.connects().paused
        world.talk()
        assert not world.connects().paused
        assert not world.says()
        world.reactor.advance(STRANGER_SECONDS)
        assert world.connects().paused
        world.talk()
        world.hears("settings", world.worker.settings)
        assert world.connects().paused

    def test_one_without_a_setup_is_closed_in_time(self, world):
        socket = world.connects()
        world.talk()
        world.reactor.advance(SETUP_SECONDS)
        assert socket.aborted
        assert world.gate.idle
        assert world.gate.counts["no_setup"] == 1

    def test_one_that_brings_its_setup_an_octet_at_a_time_has_no_longer(self, world):
        """Nor has one that sends empty packets meanwhile."""
        slow, idle = world.connects(), world.connects(port=2)
        world.talk()
        for octet in framed(SETUP)[: int(SETUP_SECONDS) - 1]:
            slow.protocol.dataReceived(bytes((octet,)))
            idle.protocol.dataReceived(framed(b""))
            world.reactor.advance(1)
            assert not slow.closed
            assert not idle.closed
        world.reactor.advance(1)
        assert slow.aborted
        assert idle.aborted
        assert world.gate.idle

    def test_half_open_ones_of_a_source_are_bounded(self):
        world = World(VS_H323_HALF_OPEN_SOURCE="3")
        found = [world.connects() for _ in range(6)]
        assert [one is not None for one in found] == [True] * 3 + [False] * 3
        world.talk()
        found[0].brings(SETUP)
        assert world.connects() is not None

    @pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n\r\n", b"\x03\x00\xff\xff" + bytes(100), b"\x03\x00\x00\x02"])
    def test_what_is_no_packet_closes_the_connection(self, world, data):
        socket = world.connects()
        world.talk()
        socket.protocol.dataReceived(data)
        assert socket.aborted
        assert world.gate.counts["bad_packets"] == 1
        assert world.gate.idle

    @pytest.mark.parametrize("data", [b"nonsense", SETUP[:40], q931.encode(q931.Message(7, False, q931.ALERTING))])
    def test_a_first_message_that_is_no_setup_closes_it(self, world, data):
        socket = world.connects()
        world.talk()
        socket.brings(data)
        world.talk()
        assert socket.closed
        assert not world.legs

    def test_setups_per_second_of_a_source_are_bounded(self):
        world = World(VS_SOURCE_CPS="2")
        sockets = [world.connects(port=40_000 + number) for number in range(4)]
        world.talk()
        for socket in sockets:
            socket.brings(SETUP)
        world.talk()
        assert len(world.legs) == 2
        for socket in sockets[2:]:
            (packet,) = socket.packets()
            assert read(packet).cause == 42
            assert socket.closed
        assert world.gate.counts["capped"] == 2

    def test_calls_that_wait_for_the_switch_are_bounded(self, world):
        sockets = []
        for host in range(1, 4):
            for port in range(40):
                sockets.append(world.connects(f"192.0.2.{host}", port))
                world.talk()
        for socket in sockets:
            socket.brings(SETUP)
        refused = [socket for socket in sockets if socket.packets()]
        assert len(refused) == len(sockets) - UNDECIDED
        world.talk()
        assert len(world.legs) == UNDECIDED
        assert world.gate.counts["shed"] == len(refused)

    def test_emergency_calls_pass_both_bounds(self):
        """Known by their head alone; of each source so many a second."""
        world = World(emergencies=["112", "110-119"], VS_SOURCE_CPS="2")

        def calls(callee, number):
            socket = world.connects(port=number)
            world.talk()
            socket.brings(write(Setup(reference=7, callee=Party(callee)), False))
            world.talk()
            return not [packet for packet in socket.packets() if read(packet).cause == 42]

        assert [calls("44", port) for port in range(3)] == [True, True, False]
        assert [calls(callee, 10) for callee in ("112", "113", "1130", "109", "44")] == [
            True,
            True,
            False,
            False,
            False,
        ]
        assert sum(calls("112", port) for port in range(100, 140)) == URGENT_CPS - 2
        assert (world.gate.counts["urgent"], world.gate.counts["capped"]) == (URGENT_CPS, 1 + 3 + 40 - URGENT_CPS + 2)
        world.worker.reception.undecided = UNDECIDED
        world.reactor.advance(1)
        assert [calls("44", 201), calls("112", 202)] == [False, True]
        assert world.gate.counts["shed"] == 1
        world.worker.stopping = True
        assert not calls("112", 203)

    def test_emergency_numbers_are_those_of_the_configuration_in_force(self):
        world = World(emergencies=["112"], VS_SOURCE_CPS="1")
        for settings, callee, passes in (({}, "112", True), ({"emergencies": ["911"]}, "112", False)):
            world.hears("settings", {**world.worker.settings, **settings})
            world.reactor.advance(0)
            sockets = [world.connects(port=port) for port in range(2)]
            world.talk()
            for socket in sockets:
                socket.brings(write(Setup(reference=7, callee=Party(callee)), False))
            world.talk()
            assert (not [one for one in sockets if one.closed]) is passes

    def test_a_call_that_the_switch_cannot_decide_about_is_refused_and_waits_no_more(self, world):
        world.answers["caller"] = None
        for port in range(UNDECIDED + 1):
            socket = world.connects(port=port + 1)
            world.talk()
            socket.brings(SETUP)
            world.talk()
            (packet,) = socket.packets()
            assert (read(packet).cause, socket.closed) == (41, True)
            socket.gone()
        assert not world.legs
        assert not world.gate.counts["shed"]

    def test_nobody_is_a_stranger_because_the_switch_cannot_say(self, world):
        world.answers["known"] = None
        assert world.connects()
        assert [message[:3:2] for message in world.says()] == [("ask", "known")]
        world.worker._answer(1, None)
        assert not world.says()
        assert not world.gate.counts["strangers"]

    def test_no_call_is_taken_while_the_switch_does_not_read(self, world):
        socket = world.connects()
        world.talk()
        world.worker.link.pauseProducing()
        socket.brings(SETUP)
        assert read(socket.packets()[0]).cause == 42
        assert not world.legs


def test_a_listener_that_cannot_be_had_is_told_and_tried_again():
    taken = OSError(98, "Address already in use")

    class Busy(Reactor):
        tries = 2

        def listenTCP(self, port, *more):
            self.tries -= 1
            if self.tries >= 0:
                raise CannotListenError(HERE, port, taken)
            return super().listenTCP(port, *more)

    world = World(reactor=Busy())
    ((_, addresses, problem),) = world.said_first
    assert [one.transport for one in addresses] == ["ras"]
    assert problem == "cannot listen on h323:192.0.2.1:1720: Address already in use"
    world.reactor.advance(5)
    assert len(world.says()) == 1
    world.reactor.advance(5)
    ((_, addresses, problem),) = world.says()
    assert ([one.transport for one in addresses], problem) == (["h323", "ras"], "")
    world.reactor.advance(50)
    assert not world.says()
    assert world.connects() is not None


class TestGreed:
    """What one connection may cost."""

    def test_messages_before_the_leg_is_there_wait_and_are_bounded(self, world):
        socket = world.connects()
        world.talk()
        socket.brings(SETUP, b"one", b"two")
        world.talk()
        assert world.legs[0].came == [b"one", b"two"]
        other = world.connects()
        world.talk()
        other.brings(SETUP, *[b"x"] * (UNREAD_MESSAGES + 1))
        assert other.aborted
        assert world.gate.connections == 1

    def test_messages_a_second_are_bounded(self):
        world = World(VS_H323_MESSAGE_RATE="5")
        socket, leg = taken(world)
        for _ in range(100):
            if socket.protocol is not None:
                socket.brings(b"x")
        assert socket.aborted
        assert leg.gone == ["too many messages"]
        assert len(leg.came) == 49

    def test_a_peer_that_does_not_read_is_given_up(self, world):
        socket, leg = taken(world)
        leg.line.send(bytes(1000))
        socket.theirs.pauseProducing()
        for _ in range(WAITING_BYTES // 1000 + 2):
            leg.line.send(bytes(1000))
        assert socket.aborted
        assert leg.gone == ["the peer does not read"]

    def test_a_peer_that_reads_in_time_is_not(self, world):
        socket, leg = taken(world)
        for _ in range(WAITING_BYTES // 500):
            socket.theirs.pauseProducing()
            leg.line.send(bytes(1000))
            socket.theirs.resumeProducing()
        assert not socket.aborted


class TestLegs:
    """Signals go to the leg and back, and one that fails ends alone."""

    def test_signals_go_both_ways(self, world):
        leg = placed(world)
        world.says()
        world.hears("say", 2, Ring())
        assert leg.sent == [Ring()]
        leg.listener.heard(leg, Ring())
        assert [message[:3] for message in world.says()] == [("say", 2, Ring())]
        leg.listener.heard(leg, Release(NORMAL))
        assert [message[0] for message in world.says()] == ["say", "over"]
        leg.listener.heard(leg, Ring())
        assert not world.says()

    def test_a_connection_that_comes_is_told_and_knows_where_it_can_be_called(self, world):
        leg = placed(world)
        socket = world.made()
        assert leg.came == ["connected"]
        assert leg.line.local == Address("203.0.113.1", leg.line.local.port, "h323")
        leg.line.send(b"setup")
        socket.brings(b"proceeding")
        assert leg.came[1:] == [b"proceeding"]
        assert socket.packets() == [b"setup"]

    def test_a_connection_that_never_comes_is_told(self, world):
        leg = placed(world)
        world.refused()
        assert len(leg.gone) == 1

    def test_one_that_is_released_while_it_connects_is_closed_when_it_comes(self, world):
        leg = placed(world)
        leg.line.close()
        socket = world.made()
        assert socket.aborted
        assert leg.came == leg.gone == []

    @pytest.mark.parametrize("how", ["message", "signal", "timer"])
    def test_a_leg_that_fails_ends_and_no_other(self, world, how):
        socket, leg = taken(world)
        other_socket, other = taken(world)
        world.says()
        leg.fails = True
        if how == "message":
            socket.brings(b"x")
        elif how == "signal":
            world.hears("say", 1, Ring())
        else:
            leg.line.later(3, lambda: leg.send(Ring()))
            world.reactor.advance(3)
        says = [message for message in world.says() if message[0] in ("say", "over")]
        assert [message[:2] for message in says] == [("say", 1), ("over", 1)]
        assert says[0][2].cause.reason == "protocol_error"
        assert socket.closed
        assert socket.packets() == [b"parting"]
        other_socket.brings(b"y")
        assert other.came == [b"y"]

    def test_a_leg_that_fails_at_its_start_leaves_nothing(self, world):
        world.worker.legs.fails = True
        socket, _ = taken(world)
        assert socket.closed
        socket.gone()
        assert world.gate.idle

    def test_a_peer_that_is_told_the_end_of_a_former_life(self, world):
        world.hears("orphan", 8, {"address": (PEER, 1720)})
        socket = world.made()
        assert socket.packets() == [b"farewell"]
        assert socket.closed
        assert ("settled", 8) in world.says()
        world.hears("orphan", 10, {"address": (PEER, 1720)})
        world.refused()
        assert ("settled", 10) in world.says()

    def test_at_a_stop_every_call_is_released_first(self, world):
        _, leg = taken(world)
        world.hears("stop")
        assert [signal.cause.reason for signal in leg.sent] == ["switch_restart"]
        assert not world.ended
        world.reactor.advance(1)
        assert world.ended

    def test_it_does_not_outlive_the_switch(self, world):
        world.worker.link.connectionLost()
        assert world.ended


class User:
    """A `ControlUser`."""

    def __init__(self):
        self.heard = []

    def control_connected(self, control):
        self.control = control
        self.heard.append("connected")

    def control_received(self, data):
        self.heard.append(data)

    def control_lost(self, reason):
        self.heard.append("lost")


class TestControl:
    """H.245 connections, waited for and opened."""

    def test_the_peer_connects_to_where_it_was_told(self):
        world = World(SS_H245_PORT_RANGE="20000,20009")
        _, leg = taken(world)
        user = User()
        address = leg.line.listen(user)
        assert address.host == "203.0.113.1"
        port, _, _, host = world.reactor.tcpServers[1]
        assert (host, 20000 <= port <= 20009) == (HERE, True)
        assert world.connects("192.0.2.66", to=1) is None
        socket = world.connects(to=1)
        socket.brings(b"msd", b"tcs")
        user.control.send(b"ack")
        assert user.heard == ["connected", b"msd", b"tcs"]
        assert socket.packets() == [b"ack"]
        socket.gone()
        assert user.heard[-1] == "lost"
        assert world.gate.connections == 1

    def test_nobody_comes(self, world):
        _, leg = taken(world)
        user = User()
        leg.line.listen(user)
        world.reactor.advance(30)
        assert user.heard == ["lost"]
        assert world.connects(to=1) is None

    def test_ports_on_which_it_waits_already_are_not_tried_again(self):
        """However many those are: the next free one is found; none at all is counted, and told once in a while."""
        world = World(SS_H245_PORT_RANGE="20000,20099")
        _, leg = taken(world)
        found = [leg.line.listen(User()) for _ in range(100)]
        assert sorted(one.port for one in found) == list(range(20000, 20100))
        assert [leg.line.listen(User()) for _ in range(50)] == [None] * 50
        assert world.gate.counts["no_control_port"] == 50
        assert [message[:2] for message in world.says() if message[0] == "log"] == [("log", "warn")]
        gone = found[70].port
        place = [server[0] for server in world.reactor.tcpServers].index(gone)
        assert world.connects(to=place)
        assert leg.line.listen(User()).port == gone
        leg.line.close()
        assert not world.worker.world.waited_on

    def test_ports_of_others_are_passed_over(self):
        class Busy(Reactor):
            def listenTCP(self, port, *more):
                if 20000 <= port < 20030:
                    raise CannotListenError(HERE, port, OSError(98, "Address already in use"))
                return super().listenTCP(port, *more)

        world = World(reactor=Busy(), SS_H245_PORT_RANGE="20000,20039")
        _, leg = taken(world)
        assert {leg.line.listen(User()).port for _ in range(10)} == set(range(20030, 20040))
        assert leg.line.listen(User()) is None

    def test_it_opens_one_and_it_fails_or_not(self, world):
        _, leg = taken(world)
        users = User(), User()
        for user in users:
            leg.line.connect(Address(PEER, 5555, "h323"), user)
        world.made(0)
        world.refused(1)
        assert [user.heard for user in users] == [["connected"], ["lost"]]

    @pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "224.0.0.1", "::1", "169.254.1.1", "peer.example"])
    def test_addresses_that_no_peer_can_mean_are_not_connected_to(self, world, host):
        _, leg = taken(world)
        user = User()
        leg.line.connect(Address(host, 22, "h323"), user)
        world.reactor.advance(0)
        assert user.heard == ["lost"]
        assert not world.reactor.tcpClients

    @pytest.mark.parametrize(("host", "goes"), [("198.51.100.7", False), ("198.51.100.8", True)])
    def test_what_listens_on_this_machine_is_not_reached_through_us(self, world, monkeypatch, host, goes):
        """The machine has another address than the one that the peer has called."""
        monkeypatch.setattr(control, "seen_from", lambda _host: "198.51.100.7")
        _, leg = taken(world)
        leg.line.connect(Address(host, 22, "h323"), User())
        assert bool(world.reactor.tcpClients) is goes
        assert world.gate.counts["strange_control"] == (not goes)

    def test_all_ends_with_the_leg(self, world):
        _, leg = taken(world)
        waiting, open_ = User(), User()
        leg.line.connect(Address(PEER, 5555, "h323"), open_)
        socket = world.made(0)
        leg.line.listen(waiting)
        leg.line.close()
        assert socket.closed
        assert world.connects(to=1) is None
        world.reactor.advance(60)
        assert waiting.heard == []
        assert open_.heard == ["connected"]


def test_a_call_that_its_peer_sends_elsewhere_has_another_leg_there(world):
    """Under the same number; the former one is heard no more, and the new one knows where the call was."""
    first = placed(world)
    world.talk()
    target = Address("192.0.2.77", 1820, "h323")
    first.moved, first.tried = Placement("1", "43", "45", target, None), frozenset({"before"})
    first.listener.heard(first, Redirected(target, "45", "h323:45@192.0.2.77:1820"))
    said = world.talk()
    assert [type(message[2]) for message in said if message[0] == "say"] == [Redirected]
    second = world.legs[-1]
    assert (second is not first, second.line.remote) == (True, target)
    assert second.tried == {"before", "first"}
    first.listener.heard(first, Release(NORMAL))
    assert not [message for message in world.talk() if message[0] == "say"]
    world.hears("say", 2, Release(NORMAL))
    assert (first.sent, second.sent) == ([], [Release(NORMAL)])
