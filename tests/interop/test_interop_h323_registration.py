"""Registration by H.323: a scripted endpoint registers with a switch and calls; one switch registers at another."""

from __future__ import annotations

import json
import os
import signal
import socket
from contextlib import contextmanager, suppress
from decimal import Decimal

import pytest

from tests.support.case import provisioned
from tests.support.h323 import judge
from tests.support.h323.endpoint import Endpoint
from tests.support.h323.zone import Gatekeeper, Registrant
from tests.support.peer import description
from tests.support.phone import Phone
from tests.support.processes import child
from tests.support.sipp import ANSWER, CALL, called, caller, sipp_peer
from tests.support.switch import free_port, media_port, options, until

MONEY = """
[[rate_groups]]
name = "rates"
[[rate_groups.rates]]
prefix = ""
per_minute = "0.60"
[[accounts]]
number = "C"
name = "Customer"
balance = "10"
rate_group = "rates"
anti_overdraft = true
"""
SIP_SIDE = """
[[mapping_gateways]]
name = "customer"
account = "C"
addresses = ["127.0.0.1"]
[[routing_gateways]]
name = "vendor"
address = "127.0.0.1"
port = {vendor}
prefixes = ["{prefix}"]
"""
PHONE = """
[[phones]]
number = "2001"
account = "C"
password = "one"
h323_addresses = ["127.0.0.3"]
[[phones]]
number = "2002"
account = "C"
"""
BUYER = """
[[mapping_gateways]]
name = "from zone"
account = "C"
protocol = "h323"
auth = "password"
username = "us"
dynamic = true
h323_addresses = ["127.0.0.1"]
[[routing_gateways]]
name = "zone"
protocol = "h323"
address = "127.0.0.1"
port = {ras}
username = "us"
register = true
h323_prefixes = ["33"]
prefixes = ["43"]
"""
SELLER = """
[[parameters]]
name = "SS_ENDPOINTTIMETOLIVE"
value = "20"
[[mapping_gateways]]
name = "us"
account = "C"
protocol = "h323"
auth = "password"
dynamic = true
h323_addresses = ["127.0.0.1"]
[[routing_gateways]]
name = "to us"
protocol = "h323"
username = "us"
dynamic = true
h323_addresses = ["127.0.0.1"]
prefixes = ["33"]
"""


class Node:
    """A switch with H.323 and RAS listeners, and its SIP vendor's port."""

    def __init__(self, folder, host="127.0.0.1"):
        folder.mkdir()
        self.signalling, self.ras, self.vendor = free_port(), free_port(), free_port()
        listen = tuple({"address": f"{kind}:{host}:{port}"} for kind, port in self.listeners.items())
        self.switch = provisioned(folder, listen=listen)

    @property
    def listeners(self):
        """Transport -> port."""
        return {"h323": self.signalling, "ras": self.ras}

    def start(self, text, prefix="43"):
        """Provision and start it, with calls to *prefix* for the vendor; H.323 listens when this returns."""
        self.switch.provision(MONEY + SIP_SIDE.format(vendor=self.vendor, prefix=prefix) + text)
        self.switch.start()
        until(self.hears, 60, "H.323")
        return self

    def hears(self):
        """Whether H.323 listens."""
        return len([one for one in self.shown("listen") if "h323" in one or "ras" in one]) == 2

    def gateway(self, name):
        """As `gateway list` shows it."""
        return next(row for row in self.switch.json("gateway", "list") if row["name"] == name)

    def deaths(self):
        """How often its process has died; 0 while there is none."""
        return self.switch.json("node", "statistics")[0]["h323"].get("restarts", 0)

    def shown(self, name):
        """Of the node's status."""
        return self.switch.json("node", "status")[0][name]


def sip_call(folder, switch, number, vendor):
    """A call of the SIP customer to *number*, answered at the port *vendor*."""
    answering = sipp_peer(folder, f"uas{number}", called(ANSWER), vendor, "-mp", str(media_port()))
    calling = sipp_peer(
        folder, f"uac{number}", caller(CALL), free_port(), "-s", number, remote=f"127.0.0.1:{switch.port}"
    )
    try:
        calling.succeeds()
        answering.succeeds()
    finally:
        calling.stop()
        answering.stop()


@contextmanager
def called_by_sip(folder, node, number="2001"):
    """The SIP customer calls; a sipp that has to be waited for."""
    folder.mkdir()
    uac = sipp_peer(folder, "uac", caller(CALL), free_port(), "-s", number, remote=f"127.0.0.1:{node.switch.port}")
    try:
        yield uac
    finally:
        uac.stop()


@contextmanager
def terminal(phone):
    """The H.323 device answers a call."""
    answering = Endpoint("fast", "called", phone.signal[0], phone.signal[1], patient=True)
    answering.start()
    yield
    answering.finish()


@pytest.fixture
def node(tmp_path):
    """A switch with phones."""
    made = Node(tmp_path / "switch", "0.0.0.0")
    try:
        yield made.start(PHONE)
    finally:
        made.switch.stop()


@pytest.fixture
def phone(node):
    """A terminal at 127.0.0.3 that may register as 2001."""
    made = Registrant(("127.0.0.1", node.ras), ("127.0.0.3", free_port()), {"dialledDigits": "2001"}, host="127.0.0.3")
    yield made
    made.stop()


def test_a_phone_registers_calls_and_is_called(node, phone, tmp_path):
    """It is the phone by its address, in the records too; everything that the gatekeeper has sent is well formed."""
    assert phone.discover()[0] == "gatekeeperConfirm"
    answer = phone.register()
    assert (answer[0], phone.ttl, phone.zone) == ("registrationConfirm", 60, "vosswitch")
    (row,) = until(lambda: node.switch.json("registrations"), what="registration")
    assert (row["number"], row["address"]) == ("2001", f"h323:127.0.0.3:{phone.signal[1]}")
    assert phone.keep_alive()[0] == "registrationConfirm"
    calling = Endpoint(
        "fast", "caller", "127.0.0.3", remote=("127.0.0.1", node.signalling), number="2001", called="4366", hold=0.5
    )
    admitted = phone.admit("4366", calling.facts)
    assert admitted[0] == "admissionConfirm"
    assert admitted[1]["destCallSignalAddress"][1]["port"] == node.signalling
    vendor = sipp_peer(tmp_path, "uas", called(ANSWER), node.vendor, "-mp", str(media_port()))
    try:
        calling.start()
        calling.finish()
        vendor.succeeds()
    finally:
        vendor.stop()
    assert phone.disengage(calling.facts)[0] == "disengageConfirm"
    (cdr,) = node.switch.cdrs(1)
    assert (cdr["caller"], cdr["callee"], cdr["end_reason"], cdr["fee"]) == ("2001", "4366", "normal", "0.01")
    with terminal(phone), called_by_sip(tmp_path / "called", node) as uac:
        uac.succeeds()
    assert len(node.switch.cdrs(2)) == 2
    assert phone.unregister()[0] == "unregistrationConfirm"
    until(lambda: not node.switch.json("registrations"), what="end of the registration")
    assert not judge.malformed([("ras", data) for way, _, data in phone.said if way == "heard"])


def rings(device, status, body=b""):
    """The SIP device gets its call and answers it so."""
    invite = device.expect("INVITE")
    device.reply(invite, status, body)
    device.expect("ACK")
    return invite


def test_devices_of_both_protocols_are_one_phone(node, phone, tmp_path):
    """One after the other, the highest q first: the second one when the first one fails, and not when it answers."""
    phone.register()
    device = Phone(node.switch.port, "2001", "one")
    try:
        assert device.register().status == 200
        assert [row["address"][:4] for row in node.switch.json("registrations")] == ["udp:", "h323"]
        with terminal(phone), called_by_sip(tmp_path / "both", node) as uac:
            rings(device, 503)
            uac.succeeds()
        with called_by_sip(tmp_path / "sip", node) as uac:
            rings(device, 200, description())
            device.reply(device.expect("BYE"), 200)
            uac.succeeds()
        contact = f"<sip:2001@127.0.0.1:{device.port}>;q=0.5"
        assert device.register(contact=contact).status == 200
        with terminal(phone), called_by_sip(tmp_path / "h323", node) as uac:
            uac.succeeds()
        assert device.silent(0.2)
    finally:
        device.close()
    rows = node.switch.cdrs(3)
    assert {(cdr["end_reason"], cdr["callee_phone"], cdr["fee"]) for cdr in rows} == {("normal", "2001", "0.01")}
    assert sorted(len(cdr["attempts"]) for cdr in rows) == [1, 1, 2]


def dies(node):
    """The H.323 process dies; a new one listens when this returns."""
    deaths = node.deaths()
    os.kill(child(node.switch.process.pid, "vosswitch.h323"), signal.SIGKILL)
    until(lambda: node.deaths() > deaths and node.hears(), 60, "a new process")


def restarted(node):
    """The H.323 process begins anew; then the whole node."""
    dies(node)
    yield
    node.switch.stop(signal.SIGKILL)
    node.switch.start()
    until(node.hears, 60, "H.323")
    yield


def test_a_registration_outlives_process_and_node(node, phone, tmp_path):
    """Nobody has to register again, and who may not any more is out."""
    assert phone.register()[0] == "registrationConfirm"
    until(lambda: node.switch.json("registrations"), what="the switch knows it")
    key = phone.identifier
    for round_, _ in enumerate(restarted(node)):
        (row,) = node.switch.json("registrations")
        assert row["address"] == f"h323:127.0.0.3:{phone.signal[1]}"
        with terminal(phone), called_by_sip(tmp_path / f"round{round_}", node) as uac:
            uac.succeeds()
        assert phone.keep_alive()[0] == "registrationConfirm"
        assert phone.identifier == key
    node.switch.stop()
    node.switch.provision('[[phones]]\nnumber = "2001"\naccount = "C"\nh323_addresses = ["127.0.0.4"]\n')
    node.switch.start()
    until(node.hears, 60, "H.323")
    assert node.switch.json("registrations") == []
    assert phone.keep_alive()[1]["rejectReason"][0] == "fullRegistrationRequired"


def test_who_may_not(node, phone):
    """Refusals by reason; a call from an address that is registered no more is closed."""
    assert phone.admit("4366", endpointIdentifier="nobody")[1]["rejectReason"][0] == "callerNotRegistered"
    assert phone.keep_alive(endpointIdentifier="nobody")[1]["rejectReason"][0] == "fullRegistrationRequired"
    phone.aliases = [("dialledDigits", "2002")]
    assert phone.register()[1]["rejectReason"][0] == "securityDenial"
    phone.aliases = [("dialledDigits", "2001")]
    phone.register()
    node.switch.provision(MONEY + "lines = 0\n")
    assert phone.admit("4366")[1]["rejectReason"][0] == "resourceUnavailable"
    node.switch.provision(MONEY + "locked = true\n")
    assert phone.admit("4366")[1]["rejectReason"][0] == "invalidPermission"
    node.switch.provision(MONEY)
    assert phone.admit("2002")[1]["rejectReason"][0] == "calledPartyNotRegistered"
    node.switch.provision('[[phones]]\nnumber = "2001"\naccount = "C"\nh323_addresses = ["127.0.0.3"]\nlocked = true\n')
    until(lambda: not node.switch.json("registrations"), what="end of the registration")
    assert phone.keep_alive()[1]["rejectReason"][0] == "fullRegistrationRequired"
    assert "unregistrationRequest" in [name for way, name, _ in phone.said if way == "heard"]
    assert phone.register()[1]["rejectReason"][0] == "securityDenial"

    def refused():
        return [line for line in node.switch.log().splitlines() if '"auth_refused"' in line]

    until(lambda: len(refused()) >= 2, 5, "its lines in the log")
    assert all(json.loads(line)["verified"] is False for line in refused())


def test_one_switch_registers_at_another(tmp_path):
    """Calls both ways, billed on both sides; a process that dies is registered with anew; the end is told."""
    buyer, seller = Node(tmp_path / "buyer"), Node(tmp_path / "seller")
    try:
        seller.start(SELLER)
        buyer.start(BUYER.format(ras=seller.ras), "33")
        until(lambda: [row["state"] for row in buyer.switch.json("trunks")] == ["up"], what="registration")
        (row,) = seller.switch.json("registrations")
        assert (row["number"], row["address"]) == ("gateway:us", f"h323:127.0.0.1:{buyer.signalling}")
        sip_call(tmp_path, buyer.switch, "4366", seller.vendor)
        sip_call(tmp_path, seller.switch, "3377", buyer.vendor)
        for one in (buyer, seller):
            rows = one.switch.cdrs(2)
            assert {(cdr["callee"], cdr["end_reason"], cdr["fee"]) for cdr in rows} == {
                ("4366", "normal", "0.01"),
                ("3377", "normal", "0.01"),
            }
            assert Decimal(one.switch.balance("C")) == Decimal("9.98")
        dies(buyer)
        until(lambda: [row["state"] for row in buyer.switch.json("trunks")] == ["up"], what="registration anew")
        sip_call(tmp_path, seller.switch, "3378", buyer.vendor)
        for command, state in ((("drain",), "held"), (("drain", "--off"), "up")):
            buyer.switch.cli(*command)
            until(lambda state=state: seller.gateway("to us")["state"] == state, what=f"gateway {state}")
        buyer.switch.stop()
        until(lambda: not seller.switch.json("registrations"), what="end of the registration")
    finally:
        buyer.switch.stop()
        seller.switch.stop()


def test_a_foreign_gatekeeper_refuses_a_call(tmp_path):
    """An admission that is rejected ends the attempt by its reason; the recorded gatekeeper's words."""
    zone = Gatekeeper(("127.0.0.1", free_port()), refuse={"admissionRequest": "calledPartyNotRegistered"})
    zone.start()
    buyer = Node(tmp_path / "buyer")
    try:
        buyer.start(BUYER.format(ras=zone.address[1]), "33")
        until(lambda: [row["state"] for row in buyer.switch.json("trunks")] == ["up"], what="registration")
        refused = ["invite", "expect? 100", "expect 480", "failack"]
        remote = f"127.0.0.1:{buyer.switch.port}"
        uac = sipp_peer(tmp_path, "uac", caller(refused), free_port(), "-s", "4366", remote=remote)
        try:
            uac.succeeds()
        finally:
            uac.stop()
        (cdr,) = buyer.switch.cdrs(1)
        assert cdr["end_reason"] == "client_error"
        (asked,) = zone.heard("admissionRequest")
        assert asked["destinationInfo"] == [("dialledDigits", "4366")]
        assert zone.heard("registrationRequest")[0]["terminalAlias"] == [("h323-ID", "us")]
        assert not judge.malformed([("ras", data) for data in zone.raw])
    finally:
        buyer.switch.stop()
        zone.stop()


def patiently(ask, *arguments):
    """Ask as endpoints do: three times."""
    for _ in range(2):
        with suppress(TimeoutError):
            return ask(*arguments)
    return ask(*arguments)


def test_a_flood_of_strangers(node, phone):
    """Thousands of registrations in forged names and of mangled messages: phones still register, SIP is answered."""
    flood = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    flood.bind(("127.0.0.66", 0))
    phone.register()
    request = next(data for way, name, data in phone.said if (way, name) == ("sent", "registrationRequest"))
    mangled = bytearray(request)
    try:
        for number in range(20_000):
            mangled[number % len(mangled)] ^= 1 << number % 8
            flood.sendto(request if number % 2 else bytes(mangled), ("127.0.0.1", node.ras))
            if number % 4000 == 0:
                assert options(node.switch.port)
                assert patiently(phone.keep_alive)[0] == "registrationConfirm"
    finally:
        flood.close()
    assert patiently(phone.admit, "4366")[0] == "admissionConfirm"
    (row,) = node.switch.json("registrations")
    assert row["address"] == f"h323:127.0.0.3:{phone.signal[1]}"
    until(lambda: node.switch.json("node", "statistics")[0]["h323"].get("ras_capped", 0) > 10_000, what="counts")
    assert len(node.switch.log()) < 1_000_000
