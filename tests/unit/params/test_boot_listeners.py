"""The ``[[listen]]`` and ``[tls]`` tables: what they give, and that every wrong one gives one clear line."""

from __future__ import annotations

import pytest

from vosswitch.params.boot import BadSetting, read
from vosswitch.params.listeners import (
    NO_TLS,
    ClientTls,
    KeyPair,
    Listener,
    ServerTls,
    listener,
    listeners_of,
    of_h323,
    of_sip,
)

PATH = "/srv/etc/vosswitch.toml"
TLS = {"address": "tls:192.0.2.1:5061", "certificate": "a.pem", "key": "/k/a.key"}


def test_everything_set():
    row = {
        **TLS,
        "advertise": "203.0.113.1",
        "more_certificates": [{"certificate": "b.pem", "key": "b.key"}],
        "clients": "require",
        "client_ca": "ca.pem",
    }
    web = {**TLS, "address": "wss:[::1]:8443", "origins": ["https://phone.test"]}
    boot = read({"listen": [row, web], "tls": {"trust": "t.pem", "certificate": "c.pem", "key": "c.key"}}, PATH)
    first = KeyPair("/srv/etc/a.pem", "/k/a.key")
    server = ServerTls((first, KeyPair("/srv/etc/b.pem", "/srv/etc/b.key")), "require", "/srv/etc/ca.pem")
    assert boot.listeners == (
        Listener("tls", "192.0.2.1", 5061, "203.0.113.1", server),
        Listener("wss", "::1", 8443, tls=ServerTls((first,)), origins=("https://phone.test",)),
    )
    assert boot.tls == ClientTls("/srv/etc/t.pem", KeyPair("/srv/etc/c.pem", "/srv/etc/c.key"))
    assert read({}, PATH).tls == NO_TLS


WRONG = [
    ({"address": "tls:192.0.2.1:5061"}, "certificate: expected the PEM files certificate and key for tls"),
    ({**TLS, "key": ""}, "key: expected a PEM file, since certificate and key belong together"),
    ({**TLS, "certificate": ""}, "certificate: expected a PEM file"),
    ({**TLS, "address": "tcp:192.0.2.1:5060"}, "certificate: expected only with tls and wss, not with tcp"),
    ({"address": "ws:192.0.2.1:80", "clients": "ask"}, "clients: expected only with tls and wss, not with ws"),
    ({**TLS, "clients": "maybe"}, "clients: expected off, ask or require, got 'maybe'"),
    ({**TLS, "clients": "ask"}, "client_ca: expected together with clients"),
    ({**TLS, "client_ca": "ca.pem"}, "client_ca: expected together with clients"),
    ({**TLS, "origins": ["https://x"]}, "origins: expected only with ws and wss, not with tls"),
    ({**TLS, "more_certificates": ["b.pem"]}, "more_certificates: expected a list of tables such as"),
    ({**TLS, "more_certificates": [{"certificate": "b.pem"}]}, "more_certificates: expected a list of tables"),
    ({**TLS, "more_certificates": [{"certificate": "b.pem", "key": ""}]}, "more_certificates: expected a list of"),
    ({**TLS, "cert": "x"}, "unknown key 'cert'; expected address, advertise, certificate, key"),
]


@pytest.mark.parametrize(("row", "line"), WRONG)
def test_every_wrong_listener_gives_one_line(row, line):
    with pytest.raises(BadSetting) as caught:
        read({"listen": [row]}, PATH)
    text = str(caught.value)
    assert text.startswith(f"{PATH}: listen entry 1: ")
    assert line in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("table", "line"),
    [
        ({"verify": "no"}, "[tls] verify: expected true or false, got 'no'"),
        ({"minimum": "1.1"}, '[tls] minimum: expected "1.2" or "1.3", got'),
        ({"key": "x"}, "[tls]: certificate: expected a PEM file"),
        ({"ca": "x"}, "[tls] unknown key 'ca'"),
    ],
)
def test_every_wrong_tls_table_gives_one_line(table, line):
    with pytest.raises(BadSetting) as caught:
        read({"tls": table}, PATH)
    assert line in str(caught.value)


def test_two_streams_do_not_share_a_port():
    rows = [{"address": "tcp:192.0.2.1:5060"}, {"address": "ws:192.0.2.1:5060"}]
    with pytest.raises(BadSetting, match=r"listen entry 2: address: ws:192\.0\.2\.1:5060 is there already"):
        read({"listen": rows}, PATH)
    rows[1]["address"] = "udp:192.0.2.1:5060"
    assert len(read({"listen": rows}, PATH).listeners) == 2


@pytest.mark.parametrize(("address", "datagram"), [("h323:0.0.0.0:1720", False), ("ras:[::]:1719", True)])
def test_h323_is_listened_for_apart_from_sip(address, datagram):
    found = (listener("udp:127.0.0.1:5060"), listener(address))
    assert found[1].is_datagram is datagram
    assert of_sip(found) == found[:1]
    assert of_h323(found) == found[1:]


def test_call_signalling_and_sip_cannot_share_a_port_of_tcp():
    with pytest.raises(BadSetting, match="there already"):
        listeners_of([{"address": "tcp:127.0.0.1:1720"}, {"address": "h323:127.0.0.1:1720"}], "/x")
    assert len(listeners_of([{"address": "udp:127.0.0.1:1720"}, {"address": "h323:127.0.0.1:1720"}], "/x")) == 2
