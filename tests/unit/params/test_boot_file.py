"""The configuration file: what it gives, and that every wrong one gives one clear line."""

import pytest

from vosswitch.params.boot import BadSetting, Listener, listener, read
from vosswitch.params.files import find, load

PATH = "/srv/etc/vosswitch.toml"


def test_empty_file_gives_the_defaults():
    boot = read({}, PATH)
    assert boot.listeners == (Listener("udp", "127.0.0.1", 5060), Listener("tcp", "127.0.0.1", 5060))
    assert boot.database_url == "sqlite:////srv/var/vosswitch.sqlite"
    assert boot.plugin_path == ("/srv/plugins",)
    assert (boot.run_directory, boot.spool_directory) == ("/srv/var/run", "/srv/var/spool")
    assert boot.control_socket == "/srv/var/run/control.sock"
    assert (boot.node_id, boot.timezone, boot.realm, boot.media_workers, boot.log_file) == (
        0,
        "UTC",
        "vosswitch",
        1,
        "",
    )


def test_everything_set():
    boot = read(
        {
            "node": {"id": 7, "name": "n7", "timezone": "Europe/Vienna", "realm": "example.com"},
            "listen": [{"address": "udp:[::1]:5080", "advertise": "192.0.2.1"}],
            "database": {"url": "mysql+pymysql://u:p@h/n", "key_file": "/k"},
            "redis": {"url": "redis://127.0.0.1"},
            "media": {"address": "::1", "advertise": "2001:db8::2", "workers": 2},
            "plugins": {"path": ["p", "/q"], "disabled": ["x"]},
            "run": {"directory": "r", "spool": "/s"},
            "log": {"level": "debug", "file": "l.log"},
        },
        PATH,
    )
    assert boot.listeners == (Listener("udp", "::1", 5080, "192.0.2.1"),)
    assert (boot.database_url, boot.key_file) == ("mysql+pymysql://u:p@h/n", "/k")
    assert (boot.plugin_path, boot.plugins_disabled) == (("/srv/etc/p", "/q"), ("x",))
    assert (boot.run_directory, boot.spool_directory, boot.log_file) == ("/srv/etc/r", "/s", "/srv/etc/l.log")


WRONG = [
    ({"nodes": {}}, "unknown section [nodes]"),
    ({"top": 1}, "unknown section [top]"),
    ({"node": 5}, "node: expected a [node] table"),
    ({"node": {"ident": 5}}, "[node] unknown key 'ident'; expected id, name, timezone, realm"),
    ({"node": {"id": 1024}}, "[node] id: expected a whole number from 0 to 1023, got 1024"),
    ({"node": {"id": True}}, "[node] id: expected a whole number"),
    ({"node": {"id": "1"}}, "[node] id: expected a whole number"),
    ({"node": {"name": 5}}, "[node] name: expected a text in quotes"),
    ({"node": {"timezone": "Mars/Olympus"}}, "[node] timezone: expected an IANA time zone"),
    ({"node": {"timezone": "../etc/passwd"}}, "[node] timezone: expected an IANA time zone"),
    ({"node": {"timezone": ""}}, "[node] timezone: expected an IANA time zone"),
    ({"node": {"timezone": 5}}, "[node] timezone: expected a text in quotes"),
    ({"database": {"url": "postgres://x"}}, "[database] url: expected sqlite:///PATH or mysql+pymysql://"),
    ({"database": {"url": 1}}, "[database] url: expected a text"),
    ({"media": {"address": "localhost"}}, "[media] address: expected an IP address, got 'localhost'"),
    ({"media": {"address": ""}}, "[media] address: expected an IP address"),
    ({"media": {"advertise": "x"}}, "[media] advertise: expected an IP address"),
    ({"media": {"address": []}}, "[media] address: expected at least one IP address"),
    ({"media": {"address": ["::1", "::1"]}}, "[media] address: expected at least one IP address, each once"),
    ({"media": {"address": ["::1", "127.0.0.1"], "advertise": "::2"}}, "expected as many addresses as in address"),
    ({"media": {"advertise": "::2"}}, "[media] advertise: expected one of the family of 127.0.0.1, got ::2"),
    ({"dns": {"servers": ["ns.example"]}}, '[dns] servers: expected a list of name servers such as ["192.0.2.53"'),
    ({"dns": {"prefer": "ipv5"}}, "[dns] prefer: expected ipv4 or ipv6"),
    ({"media": {"workers": 0}}, "[media] workers: expected a whole number from 1 to 64"),
    ({"plugins": {"path": "p"}}, "[plugins] path: expected a list of texts"),
    ({"plugins": {"disabled": [1]}}, "[plugins] disabled: expected a list of texts"),
    ({"log": {"level": "loud"}}, "[log] level: expected debug, info, warn or error"),
    ({"log": {"level": ["info"]}}, "[log] level: expected debug, info, warn or error"),
    ({"log": {"level": {}}}, "[log] level: expected debug, info, warn or error"),
    ({"listen": {}}, "listen: expected [[listen]] tables"),
    ({"listen": ["udp:127.0.0.1:5060"]}, "listen: expected [[listen]] tables"),
    ({"listen": []}, "listen: expected"),
    ({"listen": [{}]}, "listen entry 1: address: expected an address such as udp:127.0.0.1:5060"),
    ({"listen": [{"address": 5060}]}, "listen entry 1: address: expected a text"),
    ({"listen": [{"address": "udp:127.0.0.1:5060", "host": "x"}]}, "listen entry 1: unknown key 'host'"),
    ({"listen": [{"address": "udp:127.0.0.1:5060", "advertise": "x"}]}, "listen entry 1: advertise: expected an IP"),
    ({"listen": [{"address": "udp:127.0.0.1:5060"}, {"address": "udp:x:1"}]}, "listen entry 2: address: expected"),
    ({"listen": [{"address": "udp:127.0.0.1:5060"}, {"address": "udp:127.0.0.1:5060"}]}, "listen entry 2: address: "),
]


@pytest.mark.parametrize(("document", "words"), WRONG, ids=[words for _, words in WRONG])
def test_wrong_file_is_one_line_that_names_the_key(document, words):
    with pytest.raises(BadSetting) as caught:
        read(document, PATH)
    line = str(caught.value)
    assert line.startswith(f"{PATH}: ")
    assert words in line
    assert "\n" not in line


@pytest.mark.parametrize(
    "text",
    ["", "127.0.0.1:5060", "sctp:127.0.0.1:5061", "udp:localhost:5060", "udp:127.0.0.1", "udp:127.0.0.1:70000",
     "udp:::1:5060", "udp:[127.0.0.1]:5060", "udp:127.0.0.1:-1", "udp:127.0.0.1:5_0", "udp:127.0.0.1: 5060"],
)  # fmt: skip
def test_wrong_listener(text):
    with pytest.raises(BadSetting, match="expected an address such as"):
        listener(text)


def test_find_prefers_the_option_then_the_environment(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VOSSWITCH_CONFIG", raising=False)
    assert find(None) == str(tmp_path / "etc" / "vosswitch.toml")
    monkeypatch.setenv("VOSSWITCH_CONFIG", "other.toml")
    assert find(None) == str(tmp_path / "other.toml")
    assert find("mine.toml") == str(tmp_path / "mine.toml")


def test_load(tmp_path):
    path = tmp_path / "v.toml"
    path.write_text('[node]\nname = "here"\n')
    assert load(str(path)).node_name == "here"
    assert load(str(path)).run_directory == str(tmp_path.parent / "var" / "run")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"[node\n", "not valid TOML"),
        (b"\xff\xfe", "not valid TOML"),
        (b"a = 1\na = 2\n", "not valid TOML"),
        (None, "cannot read the configuration"),
    ],
)
def test_unreadable_file_is_one_line(tmp_path, content, words):
    path = tmp_path / "v.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadSetting) as caught:
        load(str(path))
    assert str(caught.value).startswith(f"{path}: {words}")
    assert "\n" not in str(caught.value)


def test_folder_is_no_configuration(tmp_path):
    with pytest.raises(BadSetting, match="cannot read the configuration"):
        load(str(tmp_path))


def test_media_has_an_address_for_each_family():
    media = {"address": ["192.0.2.1", "2001:db8::1"], "advertise": ["198.51.100.1", ""]}
    assert read({"media": media}, PATH).media_addresses == (("192.0.2.1", "198.51.100.1"), ("2001:db8::1", ""))
    assert read({"media": {"address": ["0.0.0.0", "::"]}}, PATH).media_addresses == (("0.0.0.0", ""), ("::", ""))


def test_name_servers_have_port_53_unless_they_name_another():
    servers = ["192.0.2.53", "192.0.2.54:5353", "2001:db8::53", "[2001:db8::54]:5353"]
    assert read({"dns": {"servers": servers}}, PATH).name_servers == (
        ("192.0.2.53", 53),
        ("192.0.2.54", 5353),
        ("2001:db8::53", 53),
        ("2001:db8::54", 5353),
    )
