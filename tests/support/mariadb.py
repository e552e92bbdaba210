"""A private MariaDB server for tests: own data folder, own free port, 127.0.0.1 only; it may be stopped and started."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pymysql
import pytest

_START_SECONDS = 60


def free_port() -> int:
    """A TCP port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def binary(*names: str, package: str = "mariadb-server") -> str:
    """Where one of these programs is; the test is skipped when none is installed."""
    for name in names:
        found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/bin")
        if found:
            return found
    pytest.skip(f"needs {names[0]} (Debian package {package})")


class MariaDb:
    """A MariaDB server of the test run's own; started at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self._count = 0
        self._server, install = binary("mariadbd", "mysqld"), binary("mariadb-install-db", "mysql_install_db")
        self._data = folder / "data"
        self._user = ["--user=root"] if os.geteuid() == 0 else []
        subprocess.run(
            [install, "--no-defaults", f"--datadir={self._data}", "--auth-root-authentication-method=normal",
             "--skip-test-db", *self._user],
            check=True, capture_output=True,
        )  # fmt: skip
        self._log = (folder / "server.log").open("wb")
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._process = subprocess.Popen(
            [self._server, "--no-defaults", f"--datadir={self._data}", f"--socket={self._folder}/s",
             f"--pid-file={self._folder}/pid", "--bind-address=127.0.0.1", f"--port={self._port}",
             "--innodb-buffer-pool-size=64M", "--innodb-log-file-size=48M", "--innodb-flush-log-at-trx-commit=2",
             "--skip-log-bin", *self._user],
            stdout=self._log, stderr=self._log,
        )  # fmt: skip
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                self.connect().close()
                return
            except pymysql.err.OperationalError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    self.stop()
                    text = (self._folder / "server.log").read_text(errors="replace")
                    raise RuntimeError(f"MariaDB does not start: {text[-2000:]}") from None
                time.sleep(0.1)

    def connect(self, database: str | None = None) -> pymysql.Connection:
        """A connection of the test's own."""
        return pymysql.connect(host="127.0.0.1", port=self._port, user="root", database=database)

    def new_url(self) -> str:
        """A fresh, empty database."""
        self._count += 1
        name = f"test{self._count}"
        connection = self.connect()
        try:
            connection.cursor().execute(f"CREATE DATABASE {name}")
        finally:
            connection.close()
        return f"mysql+pymysql://root@127.0.0.1:{self._port}/{name}"

    def cpu_seconds(self) -> float:
        """What its process has used so far."""
        assert self._process is not None
        used = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return sum(map(int, used)) / os.sysconf("SC_CLK_TCK")

    def kill(self) -> None:
        """End it as a crash does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(30)

    def freeze(self) -> None:
        """It keeps its connections, and says nothing any more."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        threads = Path(f"/proc/{self._process.pid}/task")
        while any(b") T" not in (one / "stat").read_bytes() for one in threads.iterdir()):
            time.sleep(0.01)  # each thread stops when it gets its turn

    def thaw(self) -> None:
        """It goes on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it; it is not started again."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)
            self._process.terminate()
            self._process.wait(30)
        self._log.close()
