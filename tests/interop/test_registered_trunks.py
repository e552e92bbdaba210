"""Registrations between nodes, at a registrar of sipp, and over restarts."""

from __future__ import annotations

import shutil
import signal
import subprocess

import pytest

from tests.support.case import provisioned
from tests.support.peer import SDP, Peer
from tests.support.sipp import ANSWER, CALL, called
from tests.support.switch import until

BRANCH = """
[[rate_groups]]
name = "sell"
[[rate_groups.rates]]
prefix = "49"
per_minute = "0.60"
[[accounts]]
number = "B"
name = "Branch"
balance = "10"
rate_group = "sell"
[[mapping_gateways]]
name = "local"
account = "B"
auth = "ip"
addresses = ["{host}"]
[[routing_gateways]]
name = "carrier"
address = "127.0.0.1"
port = {port}
register = true
username = "trunk{n}"
password = "word"
"""
DYNAMIC = 'auth = "password"\nusername = "trunk{n}"\npassword = "word"\ndynamic = true\n'


def trunk(switch):
    """How the only registration of a switch stands."""
    (row,) = switch.json("trunks")
    return row


def up(switch):
    """Wait until it is granted."""
    return until(lambda: (row := trunk(switch))["state"] == "up" and row, what="registration with the carrier")


def listed(case):
    """What is registered as the case's trunk."""
    return [row for row in case.switch.json("registrations") if row["number"] == f"gateway:trunk{case.n}"]


def on_disk(case):
    """Wait until a registration is written."""
    path = case.folder / "spool" / "registrations.log"
    until(lambda: path.exists() and path.stat().st_size, what="the registration on disk")


@pytest.fixture
def branch(alone, tmp_path):
    """A second node, which registers with the case's one as its customer."""
    alone.begin(access=DYNAMIC.replace("{n}", str(alone.n)))
    folder = tmp_path / "branch"
    folder.mkdir()
    switch = provisioned(folder)
    switch.provision(BRANCH.format(host=alone.host, port=alone.switch.port, n=alone.n), "branch.toml")
    yield switch.start()
    assert switch.process.poll() is not None or switch.stop() == 0, switch.log()[-4000:]


def test_a_node_registers_with_another_and_calls_over_that(alone, branch):
    row = up(branch)
    assert (row["name"], row["username"], row["status"]) == ("carrier", f"trunk{alone.n}", 200)
    assert 3000 < row["expires_in"] <= 3600
    (binding,) = listed(alone)
    assert binding["address"] == f"udp:127.0.0.1:{branch.port}"
    (gateway,) = [one for one in alone.switch.json("gateway", "list") if one["name"] == f"customer{alone.n}"]
    assert gateway["address"] == binding["address"]
    vendor = alone.vendor("first", ANSWER)
    alone.call(CALL, port=branch.port).succeeds()
    vendor.succeeds()
    cdr = alone.cdr()
    assert (cdr["end_reason"], cdr["mapping_gateway"]) == ("normal", f"customer{alone.n}")
    assert branch.stop() == 0
    assert listed(alone) == []  # it has unregistered


def test_what_is_registered_survives_a_crash_of_the_registrar(alone, branch):
    up(branch)
    on_disk(alone)
    alone.switch.stop(signal.SIGKILL)
    alone.switch.start()
    assert len(listed(alone)) == 1
    vendor = alone.vendor("first", ANSWER)
    alone.call(CALL, port=branch.port).succeeds()
    vendor.succeeds()
    assert alone.cdr()["end_reason"] == "normal"


def test_calls_to_a_gateway_that_registers(alone, branch):
    """The called number stands in the Request-URI; the registering node asks its carrier for the password."""
    up(branch)
    back = f'[[routing_gateways]]\nname = "back"\ndynamic = true\nusername = "trunk{alone.n}"\npassword = "word"\n'
    local = f'[[mapping_gateways]]\nname = "near"\naccount = "C{alone.n}"\nauth = "ip"\naddresses = ["127.3.0.1"]\n'
    alone.switch.provision(f'{back}prefixes = ["33"]\n{local}', "back.toml")
    vendor = alone.peer("desk", called(ANSWER), "-m", "1", port=alone.ports["second"])
    branch.provision(
        '[[mapping_gateways]]\nname = "carrier"\naccount = "B"\nauth = "password"\npassword = "word"\n'
        f'username = "trunk{alone.n}"\n[[routing_gateways]]\nname = "desk"\naddress = "127.0.0.1"\n'
        f'port = {alone.ports["second"]}\nprefixes = ["33"]\n[[rate_groups]]\nname = "sell"\n[[rate_groups.rates]]\n'
        'prefix = "33"\nper_minute = "0.1"\n',
        "desk.toml",
    )
    number = f"33{alone.n:03}5"
    alone.host = "127.3.0.1"
    alone.call(CALL, to=number).succeeds()
    vendor.succeeds()
    assert vendor.heard("INVITE")[0].target.user == number
    (row,) = branch.cdrs(1)
    assert (row["mapping_gateway"], row["end_reason"]) == ("carrier", "normal")
    branch.stop()
    alone.call(["invite", "expect? 100", "expect 503", "failack"], to=number, name="late").succeeds()
    assert "it is not registered" in alone.switch.cli("route", "--mapping-gateway", "near", "1", number).stdout


def test_registers_at_sipp_and_unregisters_at_the_end(alone):
    steps = ["receive REGISTER", "send 401 challenge", "receive REGISTER", "send 200", "receive REGISTER", "send 200"]
    alone.vendor_host = "127.0.0.1"
    registrar = alone.peer("first", called(steps), "-m", "1", port=alone.ports["first"])
    alone.begin(vendor='register = true\nusername = "me"\npassword = "word"\n')
    up(alone.switch)
    assert alone.switch.stop() == 0
    registrar.succeeds()
    first, proven, last = registrar.heard("REGISTER")
    assert (first.expires, proven.expires, last.expires) == (3600, 3600, 0)
    assert proven.get("authorization").startswith('Digest username="me"')
    assert first.headers["contact"][0].split(">")[0] == last.headers["contact"][0].split(">")[0]


class Vendor(Peer):
    """A vendor with a registrar."""

    def __init__(self, port):
        super().__init__(port)
        self.contact = None

    def registered(self, *statuses, expires=3600):
        """Answer REGISTERs with these statuses; gives the last one."""
        for status in statuses:
            request = self.expect("REGISTER")
            self.contact = request.contacts[0].uri
            response = request.reply(status, "", self.tag)
            response.add("expires", str(expires))
            response.add("min-expires", "7200")
            self.send(response)
        return request


def test_a_vendor_calls_the_contact_that_it_was_given(alone):
    alone.switch.start()
    vendor = Vendor(alone.switch.port)
    alone.peers.append(vendor)
    alone.ports["first"] = vendor.port
    password = 'auth = "password"\nusername = "me"\npassword = "other"\n'
    alone.begin(access=password, vendor='register = true\nusername = "me"\npassword = "word"\n')
    assert vendor.registered(423, 200).expires == 7200
    up(alone.switch)
    desk = alone.vendor("second", ANSWER)
    alone.switch.provision(
        f'[[routing_gateways]]\nname = "second{alone.n}"\naccount = "V{alone.n}"\naddress = "127.0.0.1"\n'
        f'port = {alone.ports["second"]}\nprefixes = ["{alone.prefix}"]\n'
        f'[[routing_gateways]]\nname = "first{alone.n}"\naddress = "127.0.0.1"\nport = {vendor.port}\n'
        'prefixes = ["1"]\nregister = true\nusername = "me"\npassword = "word"\n'
    )
    invite = vendor.request("INVITE", alone.number, SDP)
    invite.uri = vendor.contact.text
    vendor.send(invite)
    answered = vendor.expect(200)
    vendor.send(vendor.request("ACK", "", answered=answered))
    vendor.send(vendor.request("BYE", "", answered=answered))
    vendor.expect(lambda message: getattr(message, "status", 0) == 200 and message.cseq.method == "BYE")
    desk.succeeds()
    cdr = alone.cdr()
    assert (cdr["mapping_gateway"], cdr["callee"]) == (f"customer{alone.n}", alone.number)
    alone.switch.process.send_signal(signal.SIGTERM)
    assert vendor.registered(200).expires == 0
    assert alone.switch.process.wait(20) == 0


PHONE = '[[phones]]\nnumber = "{n:03}77"\naccount = "C{n}"\npassword = "secret"\n'


@pytest.mark.skipif(shutil.which("sipsak") is None, reason="sipsak is not installed (Debian package sipsak)")
def test_sipsak_registers_and_is_there_after_a_crash(alone):
    alone.begin(more=PHONE.replace("{n:03}", f"{alone.n:03}"))
    number, peer = f"{alone.n:03}77", Peer(alone.switch.port)
    alone.peers.append(peer)
    contact = f"sip:{number}@127.0.0.1:{peer.port}"
    words = f"-U -v -C {contact} -u {number} -a secret -x 600 -s sip:{number}@127.0.0.1:{alone.switch.port}".split()
    done = subprocess.run(
        ["sipsak", *words],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [row for row in alone.switch.json("registrations") if row["number"] == number]
    assert [row["contact"] for row in rows] == [contact]
    on_disk(alone)
    alone.switch.stop(signal.SIGKILL)
    alone.switch.start()
    (row,) = [row for row in alone.switch.json("registrations") if row["number"] == number]
    assert 500 < row["expires_in"] <= 600
    assert row["address"] == rows[0]["address"]


def test_keep_alives_reach_who_registered(alone):
    alone.begin(more=PHONE.replace("{n:03}", f"{alone.n:03}"), SS_SIP_NAT_KEEP_ALIVE_MESSAGE="PING")
    number = f"{alone.n:03}77"
    peer = Peer(alone.switch.port, number=number)
    alone.peers.append(peer)
    request = peer.request("REGISTER", number)
    peer.send(request)
    proven = peer.prove(request, peer.expect(401), number, "secret", "SHA-256")
    proven.copy_from(request, ("contact",))
    peer.send(proven)
    peer.expect(200)
    peer.socket.settimeout(12)
    data, source = peer.socket.recvfrom(4096)
    assert (data, source[1]) == (b"PING", alone.switch.port)
