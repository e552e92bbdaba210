"""``twistd vosswitch``: whatever is wrong ends in one line; what is right becomes a node on the monotonic clock."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest
from twisted.plugin import IPlugin
from twisted.python import usage

import twisted
import vosswitch
from tests.unit.app.app_world import Reactor
from vosswitch import tap
from vosswitch.app.node import Switch
from vosswitch.store.migrations import migrate

ROOT = Path(vosswitch.__file__).parents[1]


@pytest.fixture
def reactor(monkeypatch):
    made = Reactor()
    monkeypatch.setattr("twisted.internet.reactor", made, raising=False)
    return made


BASE = {
    "database": {"url": "sqlite:///db.sqlite", "key_file": "key"},
    "run": {"directory": "run", "spool": "spool"},
    "plugins": {"path": []},
    "listen": ["udp:127.0.0.1:0"],
}


@pytest.fixture(scope="module")
def migrated(tmp_path_factory):
    path = tmp_path_factory.mktemp("database") / "db.sqlite"
    migrate(f"sqlite:///{path}")
    return path.read_bytes()


class Folder:
    """A folder with a configuration file."""

    def __init__(self, path, database):
        self.path = path
        (path / "db.sqlite").write_bytes(database)

    def options(self, *arguments, text=None, **sections):
        settings = {name: {**value} for name, value in BASE.items() if name != "listen"}
        for name, values in sections.items():
            if name != "listen":
                settings[name] = {**settings.get(name, {}), **values}
        lines = []
        for name, values in settings.items():
            lines.append(f"[{name}]")
            lines += [f"{key} = {toml(value)}" for key, value in values.items()]
        for address in sections.get("listen", BASE["listen"]):
            lines += ["[[listen]]", f"address = {toml(address)}"]
        config = self.path / "v.toml"
        config.write_text("\n".join(lines) if text is None else text)
        options = tap.Options()
        options.parseOptions(["--config", str(config), *arguments])
        return options


def toml(value):
    if isinstance(value, str):
        return f'"{value}"'
    return str(value).lower() if isinstance(value, bool) else str(value)


@pytest.fixture
def folder(tmp_path, migrated):
    return Folder(tmp_path, migrated)


def refused(options):
    with pytest.raises(SystemExit) as stopped:
        tap.makeService(options)
    line = str(stopped.value)
    assert line.startswith("vosswitch: ")
    assert "\n" not in line
    return line


WRONG = [
    ({"text": "[node"}, "v.toml: not valid TOML"),
    ({"text": "\udcff".encode("utf-8", "surrogateescape").decode("latin-1") + "x"}, "v.toml: not valid TOML"),
    ({"nodes": {"id": 1}}, "unknown section [nodes]"),
    ({"node": {"idd": 1}}, "[node] unknown key 'idd'"),
    ({"node": {"id": 1024}}, "[node] id: expected a whole number from 0 to 1023"),
    ({"node": {"id": "7"}}, "[node] id: expected"),
    ({"node": {"id": True}}, "[node] id: expected"),
    ({"node": {"timezone": "Mars/Olympus"}}, "[node] timezone: expected an IANA time zone"),
    ({"media": {"address": "localhost"}}, "[media] address: expected an IP address"),
    ({"media": {"address": "203.0.113.77"}}, "media address 203.0.113.77: "),
    ({"media": {"workers": 0}}, "[media] workers: expected"),
    ({"log": {"level": "loud"}}, "[log] level: expected debug, info, warn or error"),
    ({"log": {"file": "missing/x.log"}}, "[log] file: cannot write "),
    ({"listen": ["udp:127.0.0.1"]}, "listen entry 1: address: expected an address such as"),
    ({"listen": ["sctp:127.0.0.1:5061"]}, "listen entry 1: address: expected"),
    ({"listen": ["udp:127.0.0.1:5999", "udp:127.0.0.1:5999"]}, "listen entry 2: address: "),
    ({"listen": ["udp:203.0.113.77:5060"]}, "cannot listen on udp:203.0.113.77:5060: "),
    ({"database": {"url": "postgresql://x/y"}}, "[database] url: expected sqlite:///PATH"),
    ({"database": {"url": "sqlite:///missing/db.sqlite"}}, "database: "),
    ({"database": {"url": "sqlite:///empty.sqlite"}}, 'database: has no tables yet: run "vosswitch migrate"'),
    ({"run": {"directory": "x" * 120}}, "a control socket's path has at most 107 bytes"),
    ({"run": {"spool": "v.toml"}}, "v.toml"),
    ({"run": {"directory": "v.toml"}}, "v.toml"),
    ({"plugins": {"path": ["bad"]}}, "plugin"),
]


@pytest.mark.parametrize(("settings", "line"), WRONG)
def test_every_wrong_setting_is_named_in_one_line(folder, reactor, settings, line):
    bad = folder.path / "bad" / "broken"
    bad.mkdir(parents=True)
    (bad / "plugin.py").write_text("def make_plugin(context):\n    raise RuntimeError('two\\nlines')\n")
    assert line in refused(folder.options(**settings))
    assert not reactor.getDelayedCalls()


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--listen", "nonsense"], "tcp:[::1]:5060 (udp, tcp, tls, ws, wss, h323 or ras), got 'nonsense'"),
        (
            ["--listen", "tls:127.0.0.1:5999"],
            "--listen: tls:127.0.0.1:5999 needs a certificate: expected in a [[listen]]",
        ),
        (["--listen", "udp:127.0.0.1:5999", "-l", "udp:127.0.0.1:5999"], "--listen: udp:127.0.0.1:5999 is there"),
        (["--media-address", "nonsense"], "--media-address: expected an IP address, got 'nonsense'"),
        (["--media-address", "203.0.113.77"], "media address 203.0.113.77: "),
    ],
)
def test_every_wrong_option_is_named_in_one_line(folder, reactor, arguments, line):
    assert line in refused(folder.options(*arguments))


def test_a_configuration_file_that_is_not_there(folder):
    options = folder.options()
    (folder.path / "v.toml").unlink()
    assert "v.toml: cannot read the configuration: No such file" in refused(options)


def test_an_unknown_option_is_a_usage_error():
    with pytest.raises(usage.UsageError):
        tap.Options().parseOptions(["--nonsense"])


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_port_in_use(folder, reactor, transport):
    kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        if transport == "tcp":
            taken.listen()
        where = f"{transport}:127.0.0.1:{taken.getsockname()[1]}"
        assert f"cannot listen on {where}: Address already in use" in refused(folder.options(listen=[where]))


def test_a_second_switch_on_the_same_spool(folder, reactor):
    first = tap.makeService(folder.options())
    assert "the spool is in use by another running switch" in refused(folder.options())
    close(first)


def close(switch):
    switch.journal._writer.close()


def test_a_node_is_made_and_its_timers_follow_the_monotonic_clock(folder, reactor):
    switch = tap.makeService(folder.options("--listen", "udp:127.0.0.1:0", "--media-address", "127.0.0.2"))
    assert isinstance(switch, Switch)
    assert reactor.seconds is time.monotonic
    assert switch.boot.media_addresses == (("127.0.0.2", ""),)
    assert [str(one.host) for one in switch.boot.listeners] == ["127.0.0.1"]
    close(switch)


def test_a_step_of_the_wall_clock_fires_no_timer(folder, reactor, monkeypatch):
    moment = [1000.0]
    monkeypatch.setattr(tap.time, "monotonic", lambda: moment[0])
    switch = tap.makeService(folder.options())
    fired = []
    reactor.callLater(60, fired.append, True)
    monkeypatch.setattr("vosswitch.app.build.time.time_ns", lambda: 10**30)
    reactor.advance(0)
    assert not fired
    close(switch)


def test_the_command_is_found():
    """An ``__init__.py`` there hides Twisted itself, or our command."""
    for place in (ROOT / "twisted", ROOT / "twisted" / "plugins"):
        assert not (place / "__init__.py").exists()
    assert Path(twisted.__file__).parent != ROOT / "twisted"
    from twisted.plugins import vosswitch_plugin  # noqa: PLC0415 - what twistd does

    maker = vosswitch_plugin.vosswitch
    assert IPlugin.providedBy(maker)
    assert (maker.tapname, maker.module) == ("vosswitch", "vosswitch.tap")
    assert maker.options is tap.Options
    assert maker.makeService is tap.makeService
