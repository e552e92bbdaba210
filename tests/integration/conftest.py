"""Real databases for the tests: a SQLite file and a private MariaDB server on a free port."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pymysql
import pytest

from vosswitch.store.database import Database, open_database
from vosswitch.store.migrations import migrate

if TYPE_CHECKING:
    from collections.abc import Iterator

_START_SECONDS = 60


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _binary(*names: str) -> str:
    for name in names:
        found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/bin")
        if found:
            return found
    pytest.skip(f"needs {names[0]} (Debian package mariadb-server)")


class MariaDb:
    """A MariaDB server of the test run's own: own data folder, own socket, 127.0.0.1 only."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = _free_port()
        self._count = 0
        server, install = _binary("mariadbd", "mysqld"), _binary("mariadb-install-db", "mysql_install_db")
        data = folder / "data"
        user = ["--user=root"] if os.geteuid() == 0 else []
        subprocess.run(
            [install, "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal",
             "--skip-test-db", *user],
            check=True, capture_output=True,
        )  # fmt: skip
        self._log = (folder / "server.log").open("wb")
        self._process = subprocess.Popen(
            [server, "--no-defaults", f"--datadir={data}", f"--socket={folder}/s", f"--pid-file={folder}/pid",
             "--bind-address=127.0.0.1", f"--port={self._port}", "--innodb-buffer-pool-size=64M",
             "--innodb-log-file-size=48M", "--innodb-flush-log-at-trx-commit=2", "--skip-log-bin", *user],
            stdout=self._log, stderr=self._log,
        )  # fmt: skip
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                pymysql.connect(host="127.0.0.1", port=self._port, user="root").close()
                return
            except pymysql.err.OperationalError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    self.stop()
                    text = (self._folder / "server.log").read_text(errors="replace")
                    raise RuntimeError(f"MariaDB does not start: {text[-2000:]}") from None
                time.sleep(0.1)

    def new_url(self) -> str:
        """A fresh, empty database."""
        self._count += 1
        name = f"test{self._count}"
        connection = pymysql.connect(host="127.0.0.1", port=self._port, user="root")
        try:
            connection.cursor().execute(f"CREATE DATABASE {name}")
        finally:
            connection.close()
        return f"mysql+pymysql://root@127.0.0.1:{self._port}/{name}"

    def stop(self) -> None:
        """End the server that this object started."""
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait(30)
        self._log.close()


@pytest.fixture(scope="session")
def mariadb_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDb]:
    """The run's MariaDB server; started when the first test asks for it."""
    server = MariaDb(tmp_path_factory.mktemp("mariadb"))
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", pytest.param("mariadb", marks=pytest.mark.mariadb)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without tables; every test that takes it runs on both databases."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/test.sqlite"
    server: MariaDb = request.getfixturevalue("mariadb_server")
    return server.new_url()


@pytest.fixture
def database_url(empty_url: str) -> str:
    """The URL of a migrated database."""
    migrate(empty_url)
    return empty_url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A migrated, open database."""
    opened = open_database(database_url)
    yield opened
    opened.close()
