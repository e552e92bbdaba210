"""A gateway that is a name, and requests too long for a datagram: one attempt, several addresses."""

from dataclasses import replace

import pytest

from tests.unit.sip.sip_world import ANSWER, OFFER, UAS, World, reply
from vosswitch import sdp
from vosswitch.model.call import LegTimers
from vosswitch.model.causes import cause
from vosswitch.model.peer import PLAIN
from vosswitch.model.signals import Answer as Answered
from vosswitch.model.signals import Offer, Proceed, Release
from vosswitch.model.values import Address
from vosswitch.sip.destinations.resolution import Answer, Question
from vosswitch.sip.grammar.parse import parse

NAMED = Address("vendor.example", 5080, "udp")
HOSTS = ("192.0.2.21", "192.0.2.22", "192.0.2.23")
LONG = OFFER + b"".join(b"a=x-filler-%d:%s\r\n" % (n, b"z" * 60) for n in range(20))


class Named(World):
    """A world with a name server of its own."""

    def __init__(self, *hosts):
        super().__init__()
        self.asked = []
        self.service.names._ask = self.asked.append
        self.hosts = hosts

    def know(self, sure=True):
        """Answer what was asked."""
        asked, self.asked[:] = list(self.asked), []
        for question in asked:
            self.service.names.heard(question, Answer(self.hosts if question.kind == "A" else (), 600.0, sure))

    def warm(self):
        self.service.keep_names([NAMED])
        self.know()
        return self

    def end(self):
        self.service.keep_names([])
        self.close()

    def tries(self):
        """Where INVITEs went since the last look, without retransmissions."""
        found = []
        for data, to in self.udp.written:
            if data.startswith(b"INVITE") and (to[0], data) not in found:
                found.append((to[0], data))
        self.udp.written = []
        return [host for host, _ in found]


def reasons(world, leg):
    return [signal.cause.reason for signal in world.calls.of(leg) if isinstance(signal, Release)]


def test_a_known_name_is_called_in_the_same_turn():
    world = Named(*HOSTS[:1]).warm()
    leg = world.place(target=NAMED)
    invite = world.one((HOSTS[0], 5080))
    assert (invite.target.host, invite.target.port) == ("vendor.example", 5080)
    assert leg.remote == Address(HOSTS[0], 5080, "udp")
    world.put(reply(invite, 486), (HOSTS[0], 5080))
    assert reasons(world, leg) == ["busy"]
    world.take()
    world.end()


def test_an_unknown_name_is_waited_for():
    world = Named(*HOSTS[:1])
    leg = world.place(target=NAMED)
    assert world.take() == []
    world.clock.advance(1.0)
    world.know()
    world.put(reply(world.one(), 200, ANSWER), (HOSTS[0], 5080))
    assert [type(signal) for signal in world.calls.of(leg)] == [Answered]
    leg.send(Release(leg_cause()))
    world.take()
    world.end()


def leg_cause():
    return cause("normal")


def test_a_name_service_that_does_not_answer_is_given_up():
    world = Named()
    leg = world.place(target=NAMED)
    world.clock.advance(2.9)
    assert world.calls.of(leg) == []
    world.clock.advance(0.2)
    assert reasons(world, leg) == ["connection_timeout"]
    world.hosts = HOSTS
    world.know()
    assert world.take() == []
    world.end()


def test_a_name_that_leads_nowhere_is_no_connection_but_in_a_later_turn():
    world = Named().warm()
    leg = world.place(target=NAMED)
    assert world.calls.of(leg) == []
    world.clock.advance(0.1)
    assert reasons(world, leg) == ["connection_timeout"]
    world.end()


def test_silent_addresses_share_the_time_of_the_attempt():
    world = Named(*HOSTS).warm()
    leg = world.place(target=NAMED, timers=LegTimers(invite=9.0))
    where = {}
    for _ in range(95):
        for host in world.tries():
            where.setdefault(host, round(world.clock.seconds()))
        world.clock.advance(0.1)
    assert where == dict(zip(HOSTS, (0, 3, 6), strict=True))
    assert reasons(world, leg) == ["connection_timeout"]
    world.end()


def test_each_try_is_a_request_of_its_own():
    world = Named(*HOSTS[:2]).warm()
    world.place(target=NAMED, timers=LegTimers(invite=4.0))
    first = world.take()[0]
    world.clock.pump([0.1] * 21)
    second = world.take((HOSTS[1], 5080))[0]
    assert first.call_id == second.call_id
    assert second.cseq.number == first.cseq.number + 1
    assert second.via.branch != first.via.branch
    world.put(reply(second, 486), (HOSTS[1], 5080))
    world.take()
    world.end()


def test_503_goes_on_to_the_next_address_and_another_refusal_does_not():
    world = Named(*HOSTS).warm()
    leg = world.place(target=NAMED)
    world.put(reply(world.one((HOSTS[0], 5080)), 503), (HOSTS[0], 5080))
    invite = next(found for found in world.take((HOSTS[1], 5080)))
    world.put(reply(invite, 100), (HOSTS[1], 5080))
    assert [type(signal) for signal in world.calls.of(leg)] == [Proceed]
    world.put(reply(invite, 500), (HOSTS[1], 5080))
    assert len(reasons(world, leg)) == 1
    assert not world.take((HOSTS[2], 5080))
    world.take()
    world.end()


def test_503_after_ringing_ends_the_attempt():
    world = Named(*HOSTS).warm()
    leg = world.place(target=NAMED)
    invite = world.one((HOSTS[0], 5080))
    world.put(reply(invite, 180), (HOSTS[0], 5080))
    world.put(reply(invite, 503), (HOSTS[0], 5080))
    assert len(reasons(world, leg)) == 1
    assert not world.take((HOSTS[1], 5080))
    world.take()
    world.end()


def test_who_answers_too_late_is_cancelled_or_hung_up():
    world = Named(*HOSTS[:2]).warm()
    leg = world.place(target=NAMED, timers=LegTimers(invite=4.0))
    late = world.take()[0]
    world.clock.pump([0.1] * 21)
    second = world.take((HOSTS[1], 5080))[0]
    world.take()
    world.put(reply(late, 180), (HOSTS[0], 5080))
    world.put(reply(late, 180), (HOSTS[0], 5080))
    assert [found.method for found in world.take((HOSTS[0], 5080))] == ["CANCEL"]
    world.put(reply(late, 200, ANSWER, tag="late", contact=f"<sip:{HOSTS[0]}:5080>"), (HOSTS[0], 5080))
    ack, bye = world.take((HOSTS[0], 5080))
    assert (ack.method, bye.method) == ("ACK", "BYE")
    assert ack.cseq.number == late.cseq.number
    assert (bye.cseq.number, bye.to.tag) == (late.cseq.number + 1, "late")
    world.put(reply(bye, 200), (HOSTS[0], 5080))
    world.put(reply(second, 200, ANSWER), (HOSTS[1], 5080))
    assert [type(signal) for signal in world.calls.of(leg)] == [Answered]
    leg.send(Release(leg_cause()))
    world.take()
    world.end()


def test_a_withdrawn_call_tries_no_other_address():
    world = Named(*HOSTS).warm()
    leg = world.place(target=NAMED, timers=LegTimers(invite=9.0))
    leg.send(Release(leg_cause()))
    world.take()
    world.clock.pump([0.5] * 20)
    assert world.tries() == []
    world.end()


def test_a_call_withdrawn_while_its_name_is_unknown_is_never_sent():
    world = Named(*HOSTS)
    leg = world.place(target=NAMED)
    leg.send(Release(leg_cause()))
    world.know()
    assert world.take() == []
    world.end()


def test_the_way_is_of_the_family_that_the_offer_names():
    world = Named(*HOSTS[:1]).warm()
    leg = world.place(target=NAMED, session=sdp.parse(OFFER.replace(b"IP4 192.0.2.10", b"IP6 2001:db8::10")))
    world.clock.advance(0.1)
    assert reasons(world, leg) == ["connection_timeout"]
    assert world.take() == []
    world.end()


# Requests within a dialog whose next hop is a name.


def answered(world, contact):
    leg = world.place()
    world.put(reply(world.one(), 200, ANSWER, contact=contact), UAS)
    return leg


def test_a_contact_that_is_a_name_is_reached_where_the_name_leads():
    world = Named(HOSTS[0])
    leg = answered(world, "<sip:bob@inner.example:5090>")
    assert world.take() == []  # the ACK waits for the name
    assert world.asked == [Question("A", "inner.example")]
    world.know()
    assert world.one((HOSTS[0], 5090)).method == "ACK"
    leg.send(Release(leg_cause()))
    bye = world.one((HOSTS[0], 5090))
    assert str(bye.uri) == "sip:bob@inner.example:5090"
    world.put(reply(bye, 200), (HOSTS[0], 5090))
    world.end()


@pytest.mark.parametrize("sure", [True, False])
def test_a_contact_that_leads_nowhere_is_reached_where_the_peer_is_seen(sure):
    world = Named()
    leg = answered(world, "<sip:bob@inner.example>")
    while world.asked:
        world.know(sure)
    assert world.one(UAS).method == "ACK"
    leg.send(Release(leg_cause()))
    world.put(reply(world.one(UAS), 200), UAS)
    world.end()


def test_a_name_that_is_the_peer_s_own_changes_nothing():
    world = Named(UAS[0], HOSTS[0])
    leg = answered(world, f"<sip:bob@inner.example:{UAS[1]}>")
    world.know()
    assert world.one(UAS).method == "ACK"
    leg.send(Release(leg_cause()))
    world.put(reply(world.one(UAS), 200), UAS)
    world.end()


def test_invalid_hosts_are_never_asked_for():
    world = Named(HOSTS[0])
    leg = answered(world, "<sip:bob@df7jal23ls0d.invalid;transport=ws>")
    assert world.asked == []
    assert world.one(UAS).method == "ACK"
    leg.send(Release(leg_cause()))
    world.put(reply(world.one(UAS), 200), UAS)
    world.end()


# Requests too long for a datagram (RFC 3261 18.1.1).


def test_a_long_invite_goes_by_tcp_and_says_so():
    world = World()
    leg = world.place(session=sdp.parse(LONG))
    assert world.take() == []
    assert [(host, port) for host, port, _ in world.clock.connecting] == [UAS]
    assert leg.flow.via.startswith("SIP/2.0/TCP ")
    assert ";transport=tcp>" in leg._contact
    refused(world)
    world.put(reply(world.one(), 486), UAS)
    world.take()
    world.close()


def refused(world):
    """The peer refuses the connection."""
    world.clock.connecting.pop()[2].clientConnectionFailed(None, None)


def test_a_refused_connection_sends_the_datagram_after_all_and_remembers():
    world = World()
    leg = world.place(session=sdp.parse(LONG))
    refused(world)
    invite = world.one(UAS)
    assert len(world.udp.written) == 0
    assert invite.via.transport.upper() == "UDP"
    assert "transport=tcp" not in invite.headers["contact"][0]
    world.put(reply(invite, 486), UAS)
    assert reasons(world, leg) == ["busy"]
    world.take()
    world.place(session=sdp.parse(LONG))
    world.put(reply(world.one(UAS), 486), UAS)  # at once: it has no TCP
    assert world.clock.connecting == []
    world.take()
    world.close()


def test_a_silent_connection_leaves_time_for_the_datagram():
    world = World()
    leg = world.place(session=sdp.parse(LONG), timers=LegTimers(invite=8.0))
    world.clock.pump([0.1] * 39)
    assert world.take() == []
    world.clock.pump([0.1] * 2)
    invite = world.one(UAS)
    world.put(reply(invite, 200, ANSWER), UAS)
    assert [type(signal) for signal in world.calls.of(leg)] == [Answered]
    leg.send(Release(leg_cause()))
    world.take()
    world.clock.connecting.pop()[2].clientConnectionFailed(None, None)
    world.close()


def test_the_gateway_s_setting_keeps_the_datagram():
    world = World()
    world.place(session=sdp.parse(LONG), profile=replace(PLAIN, large="udp"))
    world.put(reply(world.one(UAS), 486), UAS)
    assert world.clock.connecting == []
    world.take()
    world.close()


def test_a_short_invite_is_a_datagram():
    world = World()
    world.place()
    world.put(reply(world.one(UAS), 486), UAS)
    assert world.clock.connecting == []
    world.take()
    world.close()


# Long requests within a dialog.


def test_a_long_request_within_a_dialog_takes_a_connection_that_lives():
    world = World()
    leg = world.place()
    world.put(reply(world.one(), 200, ANSWER), UAS)
    world.take()
    leg.send(Offer(sdp.parse(LONG)))
    assert world.one(UAS).method == "INVITE"  # no connection is made for it
    assert world.clock.connecting == []
    world.put(reply(sent(world), 200, ANSWER), UAS)
    world.take()
    _, stream = world.connect(UAS)
    leg.send(Offer(sdp.parse(LONG)))
    request = parse(stream.value())
    assert (request.method, request.via.transport) == ("INVITE", "tcp")
    assert world.take() == []
    world.service._sockets[1].flow(*UAS).lost()
    world.take()
    world.close()


def sent(world):
    """The last client transaction's request."""
    return parse(list(world.service._layer.clients.values())[-1].data)
