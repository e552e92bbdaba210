"""SIP over TLS with real sockets and real certificates: callers, vendors, names, proofs, a reload."""

from __future__ import annotations

import socket
import ssl
import subprocess
import time
from decimal import Decimal

import pytest

from tests.support.baresip import Baresip
from tests.support.case import Case, provisioned
from tests.support.certificates import Authority
from tests.support.peer import SDP, accepted
from tests.support.secure import TlsPeer, TlsVendor, client_context
from tests.support.sipp import ANSWER, CALL
from tests.support.switch import free_port, until


class House:
    """A switch with TLS listeners, and the authority that everybody believes."""

    def __init__(self, folder, **tls) -> None:
        self.authority = Authority(folder)
        self.port, self.strict, self.six, self.told = (free_port() for _ in range(4))
        first = self.authority.issue("sip.test", "127.0.0.1", "::1", file="first")
        other = self.authority.issue("*.other.test", file="other")
        own = self.authority.issue("sip:own.test", file="own")
        pair = {"certificate": first[0], "key": first[1]}
        listen = (
            {
                "address": f"tls:127.0.0.1:{self.port}", **pair, "clients": "ask", "client_ca": self.authority.path,
                "more_certificates": [{"certificate": other[0], "key": other[1]}],
            },
            {"address": f"tls:127.0.0.1:{self.strict}", **pair, "clients": "require", "client_ca": self.authority.path},
            {"address": f"tls:[::1]:{self.six}", **pair},
            {"address": f"tls:127.0.0.1:{self.told}", "advertise": "127.0.0.9", **pair},
        )  # fmt: skip
        table = {"trust": self.authority.path, "certificate": own[0], "key": own[1], **tls}
        self.switch = provisioned(folder, listen=listen, tls=table, media={"address": ["127.0.0.1", "::1"]})

    def connect(self, name="sip.test", pair=None, port=None, **how) -> TlsPeer:
        return TlsPeer(port or self.port, client_context(self.authority.path, pair), name, **how)


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    made = House(tmp_path_factory.mktemp("tls"))
    yield made
    if made.switch.process is not None:
        assert made.switch.stop() == 0
    assert "Traceback" not in made.switch.log()


@pytest.fixture
def case(tmp_path, house):
    made = Case(tmp_path, house.switch)
    yield made
    made.end()


def talk(peer, number):
    """A whole call as the caller."""
    invite = peer.request("INVITE", number, SDP)
    peer.send(invite)
    ok = peer.expect(accepted("INVITE"))
    peer.send(peer.request("ACK", number, answered=ok))
    bye = peer.request("BYE", number, answered=ok)
    peer.send(bye)
    peer.expect(accepted("BYE"))
    return ok


def test_a_call_in_over_tls_and_out_over_udp(case, house):
    case.begin()
    vendor = case.vendor("first", ANSWER)
    peer = house.connect(host=case.host)
    case.peers.append(peer)
    ok = talk(peer, case.number)
    vendor.succeeds()
    contact = ok.contacts[0].uri
    assert (contact.port, contact.params) == (house.port, {"transport": "tls"})
    assert case.cdr()["end_reason"] == "normal"
    assert case.paid() == Decimal("0.01")


def test_a_call_in_over_udp_and_out_over_tls_with_our_certificate(case, house):
    vendor = TlsVendor(house.authority.issue("sip:vendor.test"), house.authority.path)
    case.peers.append(vendor)
    case.ports["first"] = vendor.port
    case.begin(vendor='transport = "tls"\ntls_name = "vendor.test"')
    case.call(CALL).succeeds()
    case.call(CALL, name="again").succeeds()
    assert [row["end_reason"] for row in case.cdrs(2)] == ["normal", "normal"]
    assert vendor.connections == 1  # the second call takes the connection that is there
    assert vendor.names == ["vendor.test"]
    assert ("URI", "sip:own.test") in vendor.shown[0]["subjectAltName"]
    invite = vendor.requests[0]
    assert invite.get("via").startswith("SIP/2.0/TLS 127.0.0.1:")
    assert ";alias" in invite.get("via")
    assert invite.contacts[0].uri.params == {"transport": "tls"}


def test_a_listener_shows_the_address_that_it_advertises(case, house):
    vendor = TlsVendor(house.authority.issue("sip:vendor.test"), house.authority.path)
    case.peers.append(vendor)
    case.ports["first"] = vendor.port
    case.begin(vendor=f'transport = "tls"\ntls_name = "vendor.test"\nlocal_address = "127.0.0.1:{house.told}"')
    peer = house.connect(port=house.told, host=case.host)
    case.peers.append(peer)
    contact = talk(peer, case.number).contacts[0].uri
    assert (contact.host, contact.port) == ("127.0.0.9", house.told)
    invite = vendor.requests[0]
    assert (invite.via.host, invite.via.port) == ("127.0.0.9", house.told)
    assert (invite.contacts[0].uri.host, invite.contacts[0].uri.port) == ("127.0.0.9", house.told)


@pytest.mark.parametrize("names", [("sip:other.test",), ("*.test",), ("sip:other.test", "vendor.test")])
def test_a_vendor_that_does_not_prove_its_name_gets_nothing(case, house, names):
    vendor = TlsVendor(house.authority.issue(*names))
    case.peers.append(vendor)
    case.ports["first"] = vendor.port
    case.begin(vendor='transport = "tls"\ntls_name = "vendor.test"')
    second = case.vendor("second", ANSWER)
    case.call(CALL).succeeds()
    second.succeeds()
    assert vendor.requests == []
    first, _ = case.cdr()["attempts"]
    assert first["reason"] == "connection_timeout"
    assert "expected vendor.test" in case.log()


def test_a_vendor_of_another_authority_gets_nothing(case, house, tmp_path):
    vendor = TlsVendor(Authority(tmp_path, "stranger").issue("sip:vendor.test"))
    case.peers.append(vendor)
    case.ports["first"] = vendor.port
    case.begin(vendor='transport = "tls"\ntls_name = "vendor.test"')
    second = case.vendor("second", ANSWER)
    case.call(CALL).succeeds()
    second.succeeds()
    assert (vendor.requests, vendor.failures) == ([], 1)
    assert "its certificate is refused" in case.log()


def test_a_vendor_is_known_by_its_address_when_no_name_is_set(case, house):
    vendor = TlsVendor(house.authority.issue("127.0.0.1"))
    case.peers.append(vendor)
    case.ports["first"] = vendor.port
    case.begin(vendor='transport = "tls"')
    case.call(CALL).succeeds()
    assert len(vendor.requests) == 3


def test_a_lost_connection_fails_over_at_once(case, house):
    vendor = TlsVendor(house.authority.issue("sip:vendor.test"))
    vendor.silent = True
    case.peers.append(vendor)
    case.ports["first"] = vendor.port
    case.begin(vendor='transport = "tls"\ntls_name = "vendor.test"')
    second = case.vendor("second", ANSWER)
    call = case.call(CALL)
    until(lambda: vendor.requests, 5, "the INVITE")
    vendor.hang_up()
    call.succeeds()
    second.succeeds()
    first, _ = case.cdr()["attempts"]
    assert first["reason"] == "connection_timeout"
    assert first["duration_ms"] < 3000


@pytest.mark.parametrize("proved", [True, False])
def test_a_response_finds_the_client_again_when_its_connection_is_lost(case, house, proved):
    """It goes to the port of the Via at the client's address, to nobody but whom the Via names."""
    client = TlsVendor(house.authority.issue(case.host if proved else "127.0.0.99"), host=case.host)
    case.peers.append(client)
    case.begin()
    vendor = case.vendor("first", ["receive INVITE", "send 100", "pause 700", "send 486", "receive ACK"])
    peer = house.connect(host=case.host)
    invite = peer.request("INVITE", case.number, SDP)
    invite.set("via", f"SIP/2.0/TLS {case.host}:{client.port};branch=z9hG4bK{case.n}x")
    peer.send(invite)
    peer.expect(100)
    peer.close()
    vendor.succeeds()
    assert case.cdr()["end_reason"] == "busy"
    if proved:
        until(lambda: [one.status for one in client.responses] == [486], 5, "the response")
    else:
        until(lambda: f"expected {case.host}" in case.log(), 5, "the refusal of its certificate")
        assert client.responses == []


def test_the_certificate_is_that_of_the_name_asked_for(case, house):
    case.begin()

    def shown(name):
        peer = house.connect(name)
        names = [value for kind, value in peer.socket.getpeercert()["subjectAltName"] if kind == "DNS"]
        peer.close()
        return names

    assert shown("sip.test") == ["sip.test"]
    assert shown("a.other.test") == ["*.other.test"]


def test_clients_prove_themselves_where_they_have_to(case, house, tmp_path):
    case.begin()

    def answered(**how):
        peer = house.connect(**how)
        try:
            peer.send(peer.request("OPTIONS", "x"))
            return peer.expect(200).status
        except (ConnectionError, ssl.SSLError):
            return None
        finally:
            peer.close()

    good = house.authority.issue("sip:customer.test")
    bad = Authority(tmp_path, "stranger").issue("sip:customer.test")
    assert answered(port=house.strict, pair=good) == 200
    assert answered(port=house.strict) is None
    assert answered(port=house.strict, pair=bad) is None
    assert answered(pair=good) == 200
    assert answered() == 200
    assert answered(pair=bad) is None


def test_a_proven_connection_of_a_vendor_is_used_for_calls_to_it_and_no_other(case, house):
    port = free_port()  # where nobody listens: only the vendor's own connection leads to it
    case.ports["first"] = port
    case.begin(vendor='transport = "tls"\ntls_name = "vendor.test"')

    def register_alias(pair):
        peer = house.connect(pair=pair)
        options = peer.request("OPTIONS", "x")
        options.set("via", f"SIP/2.0/TLS 127.0.0.1:{port};branch=z9hG4bKa{peer.port};alias")
        peer.send(options)
        peer.expect(200)
        return peer

    stranger = register_alias(house.authority.issue("sip:stranger.test"))
    nobody = register_alias(None)
    second = case.vendor("second", ANSWER)
    case.call(CALL).succeeds()
    second.succeeds()
    assert stranger.silent(0.2)
    assert nobody.silent(0.2)
    vendor = register_alias(house.authority.issue("sip:vendor.test"))
    call = case.call(CALL, name="again")
    invite = vendor.expect("INVITE")
    vendor.source = None
    vendor.reply(invite, 200, SDP)
    vendor.reply(vendor.expect("BYE"), 200)
    call.succeeds()
    for peer in (stranger, nobody, vendor):
        peer.close()


def serial(house):
    """Which certificate is shown now."""
    peer = house.connect()
    try:
        return peer.socket.getpeercert()["serialNumber"]
    finally:
        peer.close()


def test_a_reload_shows_the_new_certificate_and_leaves_calls_alone(case, house):
    case.begin()
    old = house.connect(host=case.host)
    case.peers.append(old)
    before = old.socket.getpeercert()["serialNumber"]
    house.authority.issue("sip.test", "127.0.0.1", "::1", file="first")
    key = house.authority.folder / "other.key"
    kept = key.read_bytes()
    key.write_bytes(b"broken")
    refused = case.switch.cli("node", "reload-certificates", check=False)
    assert refused.returncode == 1
    assert f"{key}: expected a private key in PEM form" in refused.stderr
    assert serial(house) == before
    key.write_bytes(kept)
    found = case.switch.json("node", "reload-certificates")[0]["certificates"]
    assert {row["file"].rpartition("/")[2] for row in found} == {"first.pem", "other.pem", "own.pem"}
    assert serial(house) != before
    vendor = case.vendor("first", ANSWER)
    talk(old, case.number)
    vendor.succeeds()


def test_six_and_four(case, house):
    """In over TLS and IPv6, out over TLS and IPv4."""
    vendor = TlsVendor(house.authority.issue("127.0.0.1"))
    case.peers.append(vendor)
    case.ports["first"] = vendor.port
    case.begin(access='auth = "ip"\naddresses = ["::1"]', vendor='transport = "tls"')
    peer = house.connect(port=house.six, host="::1", target="::1")
    case.peers.append(peer)
    invite = peer.request("INVITE", case.number, SDP)
    peer.send(invite)
    ok = peer.expect(accepted("INVITE"))
    assert ok.contacts[0].uri.host == "::1"
    assert b"IN IP6 ::1" in ok.body
    assert b"IN IP4 127.0.0.1" in vendor.requests[0].body
    assert vendor.requests[0].via.host == "127.0.0.1"


def test_what_is_not_tls_or_too_old_is_closed(case, house):
    case.begin()
    with socket.create_connection(("127.0.0.1", house.port), 5) as plain:
        plain.sendall(b"OPTIONS sip:x SIP/2.0\r\n\r\n")
        plain.settimeout(5)
        while plain.recv(4096):
            pass
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{house.port}", "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"],
        input=b"", capture_output=True, timeout=20, check=False,
    )  # fmt: skip
    assert b"Cipher is (NONE)" in done.stdout
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{house.port}", "-CAfile", str(house.authority.path)],
        input=b"", capture_output=True, timeout=20, check=False,
    )  # fmt: skip
    assert b"Verify return code: 0 (ok)" in done.stdout
    assert case.switch.alive()


def test_a_softphone_registers_and_calls_over_tls(case, house):
    """baresip, which brings its own TLS."""
    n = case.n
    case.begin(
        access='auth = "password"\nusername = "unused{n}"\npassword = "x"',
        more=f'[[phones]]\nnumber = "5{n:03}"\naccount = "C{{n}}"\npassword = "secret"\n',
    )
    vendor = case.vendor("first", ANSWER)
    account = f"<sip:5{n:03}@127.0.0.1:{house.port};transport=tls>;auth_pass=secret;regint=60"
    phone = Baresip(case.folder / "phone", account, 400, f"sip_cafile {house.authority.path}\nsip_verify_server yes\n")
    case.peers.append(phone)
    row = until(lambda: case.switch.json("registrations", "--number", f"5{n:03}"), 10, "the registration")[0]
    assert row["address"].startswith("tls:127.0.0.1:")
    phone.command("dial", f"sip:{case.number}@127.0.0.1:{house.port};transport=tls")
    until(lambda: vendor.heard("ACK"), 10, "the call")
    time.sleep(0.2)
    phone.command("hangup")
    vendor.succeeds()
    assert case.cdr()["end_reason"] == "normal"
