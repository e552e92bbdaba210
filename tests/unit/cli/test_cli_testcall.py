"""The test call: whom it plays, what its two ends say and hear, and what is told about it."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from twisted.internet.task import Clock

from vosswitch.cli.callreport import RESULT, Report, as_json, why_failed
from vosswitch.cli.calltables import ladder
from vosswitch.cli.main import cli
from vosswitch.cli.state import Failed, State
from vosswitch.cli.testends import Setting, find
from vosswitch.cli.useragent import Audio, Outcome, Plan, Step, TestCall
from vosswitch.control.client import NotRunning
from vosswitch.control.operations import OPERATIONS
from vosswitch.model.causes import cause
from vosswitch.model.values import Address

# A network in memory.


class FakeHandle:
    """The socket below a port."""

    def __init__(self, sendto):
        self.sendto = sendto

    def setsockopt(self, *_):
        pass

    def getsockopt(self, *_):
        return 1 << 24


class FakePort:
    """A UDP port; what it writes arrives in the next turn."""

    def __init__(self, network, host, port, protocol):
        self.socket = FakeHandle(self.write)
        self.network, self.host, self.port, self.protocol = network, host, port, protocol
        protocol.makeConnection(self)

    def getHost(self):
        return self

    def write(self, data, to):
        self.network.callLater(0, self.network.deliver, data, (self.host, self.port), to)

    def stopListening(self):
        del self.network.ports[self.host, self.port]


class Network(Clock):
    """A reactor of which the clock and UDP are there."""

    def __init__(self):
        super().__init__()
        self.ports = {}
        self.deaf = set()

    def listenUDP(self, port, protocol, interface="", maxPacketSize=8192):
        number = port or 30_000 + 2 * len(self.ports)
        made = self.ports[interface, number] = FakePort(self, interface, number, protocol)
        return made

    def deliver(self, data, source, to):
        found = self.ports.get(to)
        if found is not None and (data[:1] > b"\x7f") not in self.deaf:
            found.protocol.datagramReceived(data, source)

    def run(self, seconds):
        for _ in range(round(seconds / 0.004)):
            self.advance(0.004)


VENDOR = Address("127.0.0.1", 5090)


def call(seconds=1.0, to=VENDOR, vendor=VENDOR):
    """A call from end to end with no switch between them."""
    network = Network()
    made = TestCall(network, Plan("431", "4930123", to, Address("127.0.0.2", 0), vendor, seconds))
    made.customer.call()
    return network, made


def done(network, made):
    assert made.done.called
    assert network.ports == {}
    assert network.getDelayedCalls() == []
    return made.outcome


def test_both_ends_talk_for_as_long_as_told_and_hear_each_other():
    network, made = call(seconds=1.0)
    network.run(3)
    outcome = done(network, made)
    assert outcome.answered
    assert outcome.cause is None
    assert outcome.status == "200 OK"
    assert outcome.audio == {
        "customer": Audio("PCMA", 450, 45, 45, heard=True),
        "vendor": Audio("PCMA", 800, 45, 45, heard=True),
    }
    seen = [(step.side, step.sent, step.line.split()[0 if step.line[0] != "S" else 1]) for step in outcome.ladder]
    assert [what for side, sent, what in seen if side == "customer"] == [
        *("INVITE", "100", "180", "200", "ACK", "BYE", "200"),
    ]
    assert ("vendor", False, "BYE") in seen
    bye = next(step for step in outcome.ladder if step.line.startswith("BYE"))
    answered = next(step for step in outcome.ladder if step.side == "customer" and step.line == "SIP/2.0 200 OK")
    assert bye.at - answered.at == pytest.approx(1.0, abs=0.02)


def test_silence_is_told_apart_from_sound():
    network, made = call()
    network.deaf.add(True)
    network.run(3)
    outcome = done(network, made)
    assert outcome.audio["customer"] == Audio("PCMA", 450, 45, 0, heard=None)
    assert why_failed(outcome, {"end_reason": "normal"}) == "the customer did not hear the other side at all"


def test_nobody_there_ends_the_call():
    network, made = call(to=Address("127.0.0.1", 5099), vendor=None)
    network.run(40)
    outcome = done(network, made)
    assert not outcome.answered
    assert outcome.cause.reason == "connection_timeout"
    assert set(outcome.audio) == {"customer"}


def test_an_interrupt_hangs_up():
    network, made = call(seconds=60)
    network.run(2)
    made.interrupt()
    network.run(1)
    outcome = done(network, made)
    assert outcome.interrupted
    assert outcome.ladder[-1].line == "SIP/2.0 200 OK"
    assert why_failed(outcome, None) == "interrupted, and hung up"


def test_an_interrupt_while_it_rings_cancels():
    network, made = call(seconds=60)
    network.run(0.2)
    made.interrupt()
    network.run(1)
    outcome = done(network, made)
    assert [step.line.split()[0] for step in outcome.ladder if step.side == "customer" and step.sent] == [
        *("INVITE", "CANCEL", "ACK"),
    ]
    assert outcome.status == "487 Request Terminated"


# Whom it plays.


def mapping(name="customer", address="127.0.0.2", account="C1"):
    return {"name": name, "kind": "mapping", "address": address, "account": account}


def routing(name="first", address="udp:127.0.0.1:6531", account="V1"):
    return {"name": name, "kind": "routing", "address": address, "account": account}


class FakeSwitch:
    def __init__(self, gateways=(), kept=("first",), listen=("udp:127.0.0.1:5060", "tcp:127.0.0.1:5060")):
        self.answers = {
            "status": {"listen": list(listen)},
            "gateways": list(gateways),
            "route": {"candidates": [{"gateway": name, "kept": True} for name in kept]},
        }

    def connect(self, path, timeout):
        return self

    def call(self, op, **args):
        OPERATIONS[op].check(args)
        if not self.answers["gateways"]:
            raise NotRunning("no switch is running")
        return self.answers[op]

    def close(self):
        pass


class Asking(State):
    """A state outside of any command."""

    def __init__(self, switch):
        super().__init__()
        self.switch = switch

    def client(self, timeout=15.0):
        return self.switch


def found(switch, gateway=None, vendor=None):
    return find(Asking(switch), "431", "4930123", 3.0, gateway, vendor)


def test_the_first_local_customer_and_the_first_vendor_of_the_route_are_played():
    customers = [mapping("far", "192.0.2.7"), mapping("near", "192.0.2.8, 127.0.0.2"), mapping("other")]
    vendors = [routing(), routing("second", "udp:127.0.0.1:29533", "V2")]
    switch = FakeSwitch(customers + vendors, kept=("first", "second"))
    setting = found(switch)
    assert setting == Setting(
        Plan("431", "4930123", Address("127.0.0.1", 5060), Address("127.0.0.2", 0), Address("127.0.0.1", 6531), 3.0),
        "near",
        "first",
        ("C1", "V1", "V2"),
    )


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [
        ("127.0.0.2:5070", "127.0.0.2", 5070),
        ("127.0.0.0/8", "127.0.0.1", 0),
        ("127.0.0.16/31", "127.0.0.16", 0),
        ("192.0.2.0/24, 127.1.0.0/16", "127.1.0.1", 0),
    ],
)
def test_the_customer_calls_from_what_its_gateway_is_known_by(address, host, port):
    assert found(FakeSwitch([mapping(address=address), routing()])).plan.customer == Address(host, port)


@pytest.mark.parametrize(
    ("listen", "expected"),
    [
        (["tcp:127.0.0.1:5060"], Address("127.0.0.1", 5060, "tcp")),
        (["tcp:127.0.0.1:5060", "udp:0.0.0.0:5070"], Address("127.0.0.1", 5070)),
        (["udp:192.0.2.1:5060", "udp:127.0.0.9:5061"], Address("127.0.0.9", 5061)),
        (["tls:127.0.0.1:5061", "ws:127.0.0.1:8080", "tcp:127.0.0.1:5060"], Address("127.0.0.1", 5060, "tcp")),
    ],
)
def test_the_switch_is_called_where_it_listens_on_loopback(listen, expected):
    setting = found(FakeSwitch([mapping(), routing()], listen=listen))
    assert setting.plan.switch == expected
    assert setting.plan.customer.transport == expected.transport


@pytest.mark.parametrize("address", ["registered", "udp:127.0.0.1:5066", "udp:127.0.0.1:5066, tcp:127.0.0.1:5067"])
def test_a_customer_that_registers_is_passed_over(address):
    assert found(FakeSwitch([mapping("dynamic", address), mapping(), routing()])).gateway == "customer"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("auto:127.0.0.1", Address("127.0.0.1", 5060)),
        ("tcp:127.0.0.1", Address("127.0.0.1", 5060, "tcp")),
        ("udp:[::1]", Address("::1", 5060)),
    ],
)
def test_a_vendor_without_a_port_has_that_of_its_transport(address, expected, monkeypatch):
    monkeypatch.setattr("vosswitch.cli.testends.try_bind", lambda listeners: None)
    assert found(FakeSwitch([mapping(), routing(address=address)])).plan.vendor == expected


@pytest.mark.parametrize("address", ["tls:sip.vendor.example", "auto:vendor.example:5070", "registered"])
def test_a_vendor_that_is_no_local_address_is_not_played(address):
    switch = FakeSwitch([mapping(), routing(address=address)])
    with pytest.raises(Failed, match="outside this machine; --no-vendor"):
        found(switch)
    assert found(switch, vendor=False).vendor is None


def test_a_vendor_that_wants_tls_is_not_played():
    with pytest.raises(Failed, match="first wants tls; a test call speaks udp and tcp; --no-vendor"):
        found(FakeSwitch([mapping(), routing(address="tls:127.0.0.1:5061")]))


def test_both_ends_may_speak_ipv6():
    switch = FakeSwitch([mapping(), mapping("six", "::1"), routing()], listen=["udp:[::]:5060"])
    setting = found(switch)
    assert (setting.gateway, setting.plan.customer, setting.plan.switch) == (
        "six",
        Address("::1", 0),
        Address("::1", 5060),
    )


@pytest.mark.parametrize(
    ("switch", "options", "said"),
    [
        (FakeSwitch([mapping()], listen=["udp:192.0.2.1:5060"]), {}, "expected a loopback address"),
        (FakeSwitch([mapping(address="192.0.2.7")]), {}, "no mapping gateway has a loopback address"),
        (FakeSwitch([mapping()]), {"gateway": "none"}, 'there is no mapping gateway "none"'),
        (FakeSwitch([mapping(), routing(address="udp:192.0.2.9:5060")]), {}, "outside this machine; --no-vendor"),
        (FakeSwitch([mapping(), routing()], kept=()), {"vendor": True}, "no gateway that could be played"),
    ],
)
def test_what_cannot_be_played_is_said(switch, options, said):
    with pytest.raises(Failed, match=said):
        found(switch, **options)


@pytest.mark.parametrize("switch", [FakeSwitch([mapping(), routing()], kept=()), FakeSwitch([mapping()], ("1001",))])
def test_a_call_that_goes_to_no_gateway_is_placed_all_the_same(switch):
    assert found(switch).vendor is None


def test_a_vendor_elsewhere_is_called_when_asked_for():
    switch = FakeSwitch([mapping(), routing(address="udp:192.0.2.9:5060")])
    assert found(switch, vendor=False).vendor is None


def test_no_switch_is_exit_code_3():
    done = CliRunner().invoke(cli, ["testcall", "--config", "/dev/null"], obj=State(FakeSwitch().connect))
    assert (done.exit_code, done.stdout) == (3, "")
    assert "no switch is running" in done.stderr


# What is told.


def report(cdr=None, **changes):
    steps = [
        Step(0.0, "customer", sent=True, line="INVITE sip:4930123@127.0.0.1:5060 SIP/2.0"),
        Step(0.0021, "vendor", sent=False, line=f"INVITE sip:{'4930123' * 8}@127.0.0.1:5090 SIP/2.0"),
        Step(0.502, "vendor", sent=True, line="SIP/2.0 200 OK"),
        Step(0.503, "customer", sent=False, line="SIP/2.0 200 OK"),
    ]
    outcome = Outcome("a", answered=True, status="200 OK", ladder=steps, addresses={"customer": "udp:127.0.0.2:5070"})
    outcome.audio = {"customer": Audio("PCMA", 450, 45, 44, True), "vendor": Audio("PCMA", 800, 45, 45, True)}
    if changes.pop("both", True):
        outcome.addresses["vendor"] = "udp:127.0.0.1:5090"
    plan = Plan("431", "4930123", Address("127.0.0.1", 5060), Address("127.0.0.2", 0), VENDOR, 3.0)
    return Report(Setting(plan, "customer", "first", ("C1",)), outcome, cdr, {}, {}, changes.pop("reason", ""))


def test_the_ladder_fits_a_terminal_and_points_the_right_way():
    lines = ladder(report())
    assert max(map(len, lines)) <= 100
    assert len({len(line) for line in lines[1:]}) == 1
    assert lines[2][9:].startswith("|---- INVITE sip:4930123@127.0.0.1:5060 ---->|")
    assert lines[3].startswith("      2  |")
    assert lines[3].endswith("... -->|")
    assert lines[4].endswith("|<------------------ 200 OK -----------------|")
    assert lines[5][9:].startswith("|<------------------ 200 OK -----------------|")


def test_the_ladder_of_the_customer_alone_is_half_as_wide():
    first, second, *_ = ladder(report(both=False))
    assert len(second) == len("         ") + 46
    assert first.endswith("vosswitch")


def test_programs_get_every_key():
    told = as_json(report(reason="gone"))
    assert list(told) == [field.name for field in RESULT]
    assert (told["outcome"], told["reason"], told["cdr"], told["decision"]) == ("failed", "gone", None, None)
    assert told["ladder"][1] == {
        "at_ms": 2.1, "side": "vendor", "direction": "received", "line": report().outcome.ladder[1].line,
    }  # fmt: skip
    assert told["media"][0]["lost"] == 1
    json.dumps(told)


@pytest.mark.parametrize(
    ("changes", "end_reason", "expected"),
    [
        ({}, "normal", ""),
        ({}, "balance_exhausted", "balance_exhausted: Call cut at the end of the funded time"),
        ({"answered": False, "status": "486 Busy Here"}, "busy", "486 Busy Here (busy: User busy)"),
        ({"answered": False, "status": ""}, None, "nobody answered (no record of it within 5 s)"),
        ({}, None, "no record of it within 5 s"),
        ({"cause": cause("rtp_timeout")}, "rtp_timeout", "rtp_timeout: No media"),
        ({}, "of_a_plugin", "of_a_plugin: see its record"),
    ],
)
def test_why_a_call_failed_is_said_in_words(changes, end_reason, expected):
    outcome = report().outcome
    for name, value in changes.items():
        setattr(outcome, name, value)
    assert why_failed(outcome, end_reason and {"end_reason": end_reason}) == expected


def test_sound_of_one_end_alone_is_not_judged():
    outcome = report().outcome
    outcome.audio = {"customer": Audio("PCMA", 450, 45, 0, None)}
    assert why_failed(outcome, {"end_reason": "normal"}) == ""
