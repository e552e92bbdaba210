"""The example of the operator's guide, over the demo data: each of its four peers has a call."""

from __future__ import annotations

import re
import socket
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.case import provisioned
from tests.support.h323.endpoint import Endpoint
from tests.support.h323.zone import Gatekeeper, Registrant
from tests.support.peer import SDP, Peer, accepted
from tests.support.sipp import ANSWER, called, sipp_peer
from tests.support.switch import free_port, media_port, until

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "operators.md").read_text(encoding="utf-8")
NUMBER = "4312345"


def example():
    """The tables of the section on H.323, with addresses of this machine."""
    section = GUIDE.partition("\n## H.323\n")[2]
    found = next(text for text in re.findall(r"```toml\n(.*?)```", section, re.DOTALL) if "[[phones]]" in text)
    return found.replace("192.0.2.", "127.0.0.")


@pytest.fixture
def switch(tmp_path):
    ports = {kind: free_port(socket.SOCK_STREAM) for kind in ("h323", "ras")}
    made = provisioned(tmp_path, listen=tuple({"address": f"{kind}:127.0.0.1:{at}"} for kind, at in ports.items()))
    made.h323_port, made.ras_port = ports["h323"], ports["ras"]
    yield made
    assert made.stop() == 0
    assert "Traceback" not in made.log()


def by_sip(switch, to):
    """The demo customer calls."""
    caller = Peer(switch.port, host="127.0.0.2", number=NUMBER)
    caller.send(caller.request("INVITE", to, SDP))
    answered = caller.expect(accepted("INVITE"), 15)
    caller.send(caller.request("ACK", "", answered=answered))
    caller.send(caller.request("BYE", "", answered=answered))
    caller.expect(accepted("BYE"))
    caller.close()


def by_h323(switch, host, number, to):
    calling = Endpoint("fast", "caller", host, remote=("127.0.0.1", switch.h323_port), number=number, called=to)
    calling.start()
    calling.finish()


@contextmanager
def answers(endpoint):
    """It takes one call."""
    endpoint.start()
    yield
    endpoint.finish()


def endpoint(host, port=0):
    """One that listens."""
    return Endpoint("fast", "called", host, port, patient=True)


def test_the_example(switch, tmp_path):
    """As it stands there, but for addresses and ports."""
    vendor, carrier = endpoint("127.0.0.30"), endpoint("127.0.0.50")
    gatekeeper = Gatekeeper(carrier.address, "127.0.0.50")
    gatekeeper.start()
    text = example()
    for host, port in (("127.0.0.30", vendor.address[1]), ("127.0.0.50", gatekeeper.address[1])):
        text = text.replace(f'address = "{host}"', f'address = "{host}"\nport = {port}')
    switch.cli("load", str(ROOT / "etc" / "demo.toml"))
    sip_vendor = free_port()
    switch.provision(text, "h323.toml")
    own = f'account = "9001"\naddress = "127.0.0.1"\nport = {sip_vendor}\npriority = 1\n'
    switch.provision(f'[[routing_gateways]]\nname = "demo-vendor-a"\n{own}', "port.toml")
    switch.start()
    until(lambda: len([one for one in switch.json("node", "status")[0]["listen"] if "h323" in one]) >= 1, 60, "H.323")
    until(lambda: [row for row in switch.json("trunks") if row["state"] == "up"], 15, "our registration")
    terminal_port = free_port(socket.SOCK_STREAM)
    phone = Registrant(("127.0.0.1", switch.ras_port), ("127.0.0.40", terminal_port), {"dialledDigits": "1003"})
    answer = phone.register()
    assert answer[0] == "registrationConfirm", answer
    assert [row["number"] for row in until(lambda: switch.json("registrations"), what="it")] == ["1003"]
    # The vendor, the carrier, the terminal.
    for device, number in (
        (vendor, "4930123456"),
        (carrier, "442079460000"),
        (endpoint("127.0.0.40", terminal_port), "1003"),
    ):
        with answers(device):
            by_sip(switch, number)
    assert gatekeeper.heard("admissionRequest")
    # The customer, and the terminal again.
    for host, number in (("127.0.0.20", NUMBER), ("127.0.0.40", "1003")):
        uas = sipp_peer(tmp_path, f"uas{number}", called(ANSWER), sip_vendor, "-mp", str(media_port()))
        by_h323(switch, host, number, "4311111111")
        uas.succeeds()
        uas.stop()
    rows = switch.cdrs(5)
    assert {row["end_reason"] for row in rows} == {"normal"}
    assert [row["routing_gateway"] or row["callee_phone"] for row in rows][::-1] == [
        "h323-vendor",
        "h323-trunk",
        "1003",
        "demo-vendor-a",
        "demo-vendor-a",
    ]
    assert [row["mapping_gateway"] or row["phone"] for row in rows][::-1][3:] == ["h323-customer", "1003"]
    gatekeeper.stop()
    phone.stop()
