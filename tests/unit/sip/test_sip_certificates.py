"""Names in certificates, and the files that hold them: what is used, what is refused and how that is said."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from twisted.internet.task import Clock
from twisted.logger import Logger

from tests.support.certificates import Authority
from vosswitch.params.listeners import NO_TLS, ClientTls, KeyPair, Listener, ServerTls
from vosswitch.sip.transactions.timers import Timers
from vosswitch.sip.transport import Sockets
from vosswitch.sip.transport.certificates import names_of, server_names, wildcard_of
from vosswitch.sip.transport.tls import BadCertificate, Certificates


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


def load(pair):
    return x509.load_pem_x509_certificate(pair[0].read_bytes())


def test_sip_uris_stand_over_dns_names(authority):
    names = names_of(load(authority.issue("sip:Vendor.example", "sip:bob@other.example", "www.example", "192.0.2.1")))
    assert names.bear("vendor.example")
    assert names.bear("VENDOR.example.")
    assert not names.bear("other.example")  # a user's URI proves no domain
    assert not names.bear("www.example")
    assert names.bear("192.0.2.1")
    assert not names.bear("192.0.2.2")


def test_dns_names_count_without_sip_uris_and_wildcards_prove_only_themselves(authority):
    names = names_of(load(authority.issue("sip.vendor.example", "*.vendor.example", "2001:db8::1")))
    assert names.bear("sip.vendor.example")
    assert not names.bear("a.vendor.example")
    assert names.bear("*.vendor.example")
    assert names.bear("2001:db8::1")
    assert "sip.vendor.example" in str(names)


def test_a_certificate_without_names_proves_nobody(authority):
    names = names_of(load(authority.issue()))
    assert not names.bear("nobody")
    assert str(names) == "no name"


def test_names_to_be_asked_for(authority):
    assert server_names(load(authority.issue("A.example", "*.b.example"))) == {"a.example", "*.b.example"}
    assert wildcard_of("x.b.example") == "*.b.example"


def listener(pair, clients="off", client_ca=""):
    return Listener("tls", "127.0.0.1", 0, tls=ServerTls((KeyPair(str(pair[0]), str(pair[1])),), clients, client_ca))


def refusal(*listeners, client=NO_TLS):
    with pytest.raises(BadCertificate) as caught:
        Certificates(listeners, client)
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_wrong_files_are_named_in_one_line(authority, tmp_path):
    good, other = authority.issue("a.example"), authority.issue("b.example")
    assert "cannot read it: No such file" in refusal(listener((tmp_path / "none.pem", good[1])))
    assert "expected certificates in PEM form" in refusal(listener((good[1], good[1])))
    empty = tmp_path / "empty.key"
    empty.write_text("")
    empty.chmod(0o600)
    assert "expected a private key in PEM form" in refusal(listener((other[0], empty)))
    assert "expected the private key of" in refusal(listener((other[0], good[1])))


def test_a_key_that_others_can_read_is_refused(authority):
    certificate, key = authority.issue("a.example")
    key.chmod(0o644)
    assert f"{key}: the private key is open to others: chmod o-rwx" in refusal(listener((certificate, key)))
    key.chmod(0o640)
    Certificates((listener((certificate, key)),), NO_TLS)


def test_a_key_with_a_passphrase_is_refused(authority):
    certificate, key = authority.issue("a.example")
    loaded = serialization.load_pem_private_key(key.read_bytes(), None)
    key.write_bytes(
        loaded.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"x")
        )
    )
    assert "has a passphrase" in refusal(listener((certificate, key)))


def test_a_bad_authority_is_named(authority, tmp_path):
    bad = tmp_path / "bad.pem"
    bad.write_text("nothing")
    pair = authority.issue("a.example")
    assert str(bad) in refusal(listener(pair, "require", str(bad)))
    assert str(bad) in refusal(client=ClientTls(trust=str(bad)))


def test_a_reload_takes_the_new_ones_or_none(authority):
    certificate, key = authority.issue("old.example", file="x")
    other = authority.issue("other.example", file="y")
    made = Certificates((listener((certificate, key)), listener(other)), NO_TLS)
    assert [one.names for one in made.loaded] == [{"old.example"}, {"other.example"}]
    authority.issue("new.example", file="x")
    before = other[0].read_bytes()
    other[0].write_text("broken")
    with pytest.raises(BadCertificate, match=r"y\.pem"):
        made.load()
    assert [one.names for one in made.loaded] == [{"old.example"}, {"other.example"}]
    Path(other[0]).write_bytes(before)
    made.load()
    assert [one.names for one in made.loaded] == [{"new.example"}, {"other.example"}]


def test_nothing_is_read_where_no_tls_is_spoken():
    assert Certificates((Listener("udp", "127.0.0.1", 0),), NO_TLS).loaded == []


class Room:
    """Whom the sockets serve."""

    watcher = None

    def setting(self, name):
        return {"VS_CONNECTIONS_PER_SOURCE": 500, "SS_QOS_SIGNAL": 0}[name]


class Port:
    def __init__(self):
        self.port = 5061

    def getHost(self):
        return self

    def stopListening(self):
        return None


@pytest.mark.parametrize(("days", "said"), [(365, []), (20.5, ["expires in 20 days"]), (-1, ["has expired"])])
def test_certificates_near_their_end_are_warned_of_once_a_day(authority, days, said):
    clock, logged = Clock(), []
    clock.listenTCP = lambda *_: Port()
    pair = authority.issue("a.example", days=days)
    log = Logger("test", observer=logged.append)
    sockets = Sockets((listener(pair),), NO_TLS, Room(), Timers(clock, print), clock, log)
    sockets.open()

    def lines():
        found = [event["log_format"].format(**event) for event in logged]
        logged.clear()
        return [line.rpartition("certificate ")[2] for line in found]

    assert lines() == said
    clock.advance(86401)
    assert lines() == said
    assert sockets.status() == [{"address": "tls:127.0.0.1:5061", "drops": None, "connections": 0}]
    assert [row["names"] for row in sockets.shown()] == [["a.example"]]
    sockets.close()
    assert clock.getDelayedCalls() == []


def test_a_switch_that_believes_anybody_says_so():
    clock, logged = Clock(), []
    log = Logger("test", observer=logged.append)
    sockets = Sockets((), ClientTls(verify=False), Room(), Timers(clock, print), clock, log)
    sockets.open()
    assert "anybody can pose as a vendor" in logged[0]["log_format"]
