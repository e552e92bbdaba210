"""SIP over WebSocket (RFC 7118) with JsSIP: it registers, calls and is called, over ws and wss."""

from __future__ import annotations

import base64
import os
import socket
from decimal import Decimal

import pytest

from tests.support import jssip
from tests.support.case import Case, provisioned
from tests.support.certificates import Authority
from tests.support.peer import SDP, Peer
from tests.support.sipp import ANSWER, CALL
from tests.support.switch import free_port, media_port, until

PHONES = """
[[rate_groups]]
name = "sell{n}"
[[rate_groups.rates]]
prefix = "{prefix}"
per_minute = "0.60"
[[rate_groups.rates]]
prefix = "6{n:03}"
per_minute = "0.06"
[[phones]]
number = "6{n:03}1"
account = "C{n}"
password = "one"
"""


@pytest.fixture(scope="session")
def modules(tmp_path_factory):
    folder = tmp_path_factory.mktemp("node")
    missing = jssip.install(folder)
    if missing:
        pytest.skip(missing)
    return folder


class House:
    def __init__(self, folder) -> None:
        self.authority = Authority(folder)
        pair = self.authority.issue("localhost", "127.0.0.1", file="web")
        self.ports = {"ws": free_port(), "wss": free_port(), "ws6": free_port()}
        origins = ["https://phone.test"]
        listen = (
            {"address": f"ws:127.0.0.1:{self.ports['ws']}", "origins": origins},
            {"address": f"ws:[::1]:{self.ports['ws6']}", "origins": origins},
            {
                "address": f"wss:127.0.0.1:{self.ports['wss']}", "origins": origins,
                "certificate": pair[0], "key": pair[1],
            },
        )  # fmt: skip
        self.switch = provisioned(folder, listen=listen, media={"address": ["127.0.0.1", "::1"]})


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    made = House(tmp_path_factory.mktemp("web"))
    yield made
    if made.switch.process is not None:
        assert made.switch.stop() == 0
    assert "Traceback" not in made.switch.log()


@pytest.fixture
def case(tmp_path, house):
    made = Case(tmp_path, house.switch)
    made.begin()
    made.switch.provision(PHONES.format(n=made.n, prefix=made.prefix), "phones.toml")
    made.phone = f"6{made.n:03}1"
    yield made
    made.end()


def registered(case, house, modules, scheme, origin="https://phone.test"):
    """A JsSIP that has registered."""
    host = "[::1]" if scheme == "ws6" else "127.0.0.1"
    url = f"{scheme.rstrip('6')}://{host}:{house.ports[scheme]}"
    uri = f"sip:{case.phone}@127.0.0.1"
    phone = jssip.Phone(modules, url, uri, "one", media_port(), house.authority.path, origin)
    case.peers.append(phone)
    phone.expect("registered")
    return phone


@pytest.mark.parametrize("scheme", ["ws", "wss", "ws6"])
def test_a_browser_phone_registers_calls_and_is_called(case, house, modules, scheme):
    phone = registered(case, house, modules, scheme)
    (row,) = case.switch.json("registrations", "--number", case.phone)
    host = "[::1]" if scheme == "ws6" else "127.0.0.1"
    wire = scheme.rstrip("6")
    assert row["address"].startswith(f"{wire}:{host}:")
    assert ".invalid" in row["contact"]

    vendor = case.vendor("first", ANSWER)
    phone.tell(f"call sip:{case.number}@127.0.0.1")
    phone.expect("confirmed")
    until(lambda: vendor.heard("ACK"), 5, "the ACK")
    phone.tell("hangup")
    assert phone.expect("ended")["originator"] == "local"
    vendor.succeeds()
    (invite,) = vendor.heard("INVITE")
    assert invite.via.transport == "udp"
    assert "invalid" not in invite.get("contact")
    first = case.cdr()
    assert (first["end_reason"], first["phone"]) == ("normal", case.phone)

    call = case.call([*CALL[:6], "pause 300", *CALL[-2:]], to=case.phone)
    session = phone.expect("session")
    assert session["direction"] == "incoming"
    assert session["via"].startswith(f"SIP/2.0/{wire.upper()} {host}:{house.ports[scheme]}")
    assert ";transport=ws>" in session["contact"]
    assert "m=audio" in phone.expect("sdp")["sdp"]
    phone.expect("confirmed")
    phone.expect("ended")
    call.succeeds()
    newest, _ = case.cdrs(2)
    assert (newest["end_reason"], newest["callee_phone"]) == ("normal", case.phone)
    assert case.paid() >= Decimal("0.01")


def test_a_phone_whose_connection_is_gone_is_offline(case, house, modules):
    phone = registered(case, house, modules, "ws")
    phone.stop()
    until(lambda: not case.switch.json("registrations", "--number", case.phone), 5, "the end of the registration")
    caller = Peer(case.switch.port, host=case.host)
    case.peers.append(caller)
    invite = caller.request("INVITE", case.phone, SDP)
    caller.send(invite)
    caller.send(caller.follow("ACK", invite, caller.expect(480)))
    assert case.cdr()["end_reason"] == "callee_offline"


def upgrade(port, *lines):
    """The answer to a request for the upgrade."""
    key = base64.b64encode(os.urandom(16)).decode()
    head = ["GET / HTTP/1.1", f"Host: 127.0.0.1:{port}", "Upgrade: websocket", "Connection: Upgrade"]
    head += ["Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}", *lines]
    with socket.create_connection(("127.0.0.1", port), 5) as wire:
        wire.sendall("\r\n".join(head).encode() + b"\r\n\r\n")
        return wire.recv(4096).split(b"\r\n")[0]


def test_who_is_let_in(case, house):
    port = house.ports["ws"]
    sip = "Sec-WebSocket-Protocol: sip"
    assert b" 101 " in upgrade(port, sip)
    assert b" 101 " in upgrade(port, "Sec-WebSocket-Protocol: msrp, sip", "Origin: https://phone.test")
    assert b" 403 " in upgrade(port, sip, "Origin: https://evil.test")
    assert b" 400 " in upgrade(port)
    assert b" 400 " in upgrade(port, "Sec-WebSocket-Protocol: chat")
    assert "is not among the listener" in case.log()
    assert case.switch.alive()
