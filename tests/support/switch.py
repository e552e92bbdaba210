"""A real switch for tests: own folder, own ports, started as people start it, asked through the command line."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from click.testing import CliRunner

from vosswitch.cli.main import cli

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent


def free_port(kind: int = socket.SOCK_DGRAM, host: str = "127.0.0.1") -> int:
    """A port that nobody uses now, outside the ranges that the kernel and media workers hand out meanwhile.

    Processes that run tests beside each other have a share of the ports each.
    """
    for _ in range(1000):
        if len(_GIVEN) > 4_000 // _TESTERS:
            _GIVEN.clear()
        port = 61_000 + int.from_bytes(os.urandom(2)) % (4_500 // _TESTERS) * _TESTERS + _TESTER
        if port in _GIVEN:
            continue
        try:
            for each in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, each) as probe:
                    probe.bind((host, port))
        except OSError:
            continue
        _GIVEN.add(port)
        return port
    raise RuntimeError("no free port")


def own_address() -> str:
    """A loopback address whose ports are this test process's alone."""
    number = os.getpid()
    return f"127.{64 + (number >> 16 & 63)}.{number >> 8 & 255}.{number & 255}"


def media_port(host: str = "127.0.0.1") -> int:
    """An even port with free ones behind it, for a peer that takes RTP and RTCP of audio and video from there on."""
    for _ in range(1000):
        port = 40_000 + (int.from_bytes(os.urandom(2)) % (2_500 // _TESTERS) * _TESTERS + _TESTER) * 4
        try:
            for each in range(port, port + 4):
                with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as probe:
                    probe.bind((host, each))
        except OSError:
            continue
        return port
    raise RuntimeError("no free media ports")


_TESTERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
_TESTER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))

_GIVEN: set[int] = set()
"""Ports handed out in this process: their users may not have bound them yet."""


def until(condition, seconds: float = 15.0, what: str = "condition"):
    """Wait for *condition* to give something true, and give it back."""
    limit = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > limit:
            raise AssertionError(f"{what}: not within {seconds} s (last: {value!r})")
        time.sleep(0.02)


def toml(value: object) -> str:
    """A text, a list or an inline table."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(str(value) if isinstance(value, Path) else value)


class Switch:
    """One switch in *folder*.

    :param listen: more ``[[listen]]`` tables.

    :ivar port: where it speaks SIP on 127.0.0.1 (UDP and TCP).
    :ivar environment: variables that its processes have beside ours.
    :ivar quick: run the commands in this process, which saves half a second each.
    """

    quick = False

    def __init__(
        self,
        folder: Path,
        database: str = "",
        hosts: tuple[str, ...] = ("127.0.0.1",),
        listen: tuple[dict[str, object], ...] = (),
        **sections: dict[str, object],
    ) -> None:
        self.folder = folder
        self.port = free_port()
        self.environment: dict[str, str] | None = None
        self.process: subprocess.Popen[bytes] | None = None
        self.config = folder / "vosswitch.toml"
        plan = {
            "database": {"url": database or "sqlite:///vosswitch.sqlite", "key_file": "secret.key"},
            "run": {"directory": "run", "spool": "spool", "cdr": "cdr"},
            "plugins": {"path": [str(ROOT / "plugins")]},
        }
        for name, values in sections.items():
            plan.setdefault(name, {}).update(values)
        lines = []
        for host in hosts:
            for transport in ("udp", "tcp"):
                lines += ["[[listen]]", f'address = "{transport}:{host}:{self.port}"']
        for table in listen:
            lines += ["[[listen]]", *(f"{key} = {toml(value)}" for key, value in table.items())]
        for name, values in plan.items():
            lines += [f"[{name}]", *(f"{key} = {toml(value)}" for key, value in values.items())]
        self.config.write_text("\n".join(lines) + "\n")

    def cli(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the ``vosswitch`` command on this switch."""
        arguments = ("--config", str(self.config), *arguments)
        if self.quick:
            result = CliRunner().invoke(cli, arguments)
            if result.exception is not None and not isinstance(result.exception, SystemExit):
                raise result.exception
            done = subprocess.CompletedProcess(arguments, result.exit_code, result.stdout, result.stderr)
        else:
            done = subprocess.run(
                [BIN / "vosswitch", *arguments], capture_output=True, text=True, timeout=120, check=False
            )
        if check and done.returncode:
            raise AssertionError(f"vosswitch {' '.join(arguments)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def json(self, *arguments: str):
        """What the command prints as JSON."""
        return json.loads(self.cli("--format", "json", *arguments).stdout)

    def provision(self, text: str, name: str = "provision.toml") -> None:
        """Load a provisioning document."""
        path = self.folder / name
        path.write_text(text)
        self.cli("load", str(path))

    def start(self, wait: bool = True) -> Switch:
        """Start ``twistd -n vosswitch`` and wait until it answers."""
        with (self.folder / "switch.log").open("ab") as log:
            self.process = subprocess.Popen(
                [BIN / "twistd", "-n", "--pidfile=", "vosswitch", "--config", str(self.config)],
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env=None if self.environment is None else os.environ | self.environment,
            )
        if wait:
            try:
                until(self.alive, 120, what=f"start of the switch, see {self.folder}/switch.log")
            except AssertionError:
                self.stop()  # whoever asked for it never gets it, and could not end it
                raise
        return self

    def alive(self) -> bool:
        """Whether it answers an OPTIONS."""
        if self.process is not None and self.process.poll() is not None:
            raise AssertionError(f"the switch ended with {self.process.returncode}:\n{self.log()}")
        return options(self.port)

    def stop(self, how: int = signal.SIGTERM) -> int:
        """End it; gives its exit code."""
        if self.process is None:
            return 0
        self.process.send_signal(how)
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the switch did not stop:\n{self.log()[-4000:]}") from None

    def log(self) -> str:
        """All it has printed."""
        path = self.folder / "switch.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def cdrs(self, count: int, *arguments: str, seconds: float = 10.0):
        """The CDRs, once there are *count*."""
        return until(
            lambda: (rows := self.json("cdr", "list", *arguments)) and len(rows) >= count and rows,
            seconds,
            f"{count} CDRs",
        )

    def balance(self, account: str) -> str:
        """The balance of an account as the command line shows it."""
        return self.json("account", "show", account)[0]["balance"]


def options(port: int, host: str = "127.0.0.1", timeout: float = 0.5) -> bool:
    """Whether an OPTIONS over UDP is answered."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind((host, 0))
        peer.settimeout(timeout)
        own = peer.getsockname()[1]
        tag = os.urandom(6).hex()
        text = (
            f"OPTIONS sip:{host}:{port} SIP/2.0\r\nVia: SIP/2.0/UDP {host}:{own};branch=z9hG4bK{tag};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:probe@{host}>;tag={tag}\r\nTo: <sip:{host}:{port}>\r\n"
            f"Call-ID: {tag}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        )
        peer.sendto(text.encode(), (host, port))
        try:
            return peer.recv(4096).startswith(b"SIP/2.0 ")
        except (TimeoutError, ConnectionError):
            return False
