"""A private Redis server for tests: own free port, 127.0.0.1 only, nothing kept on disk."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.support.mariadb import binary, free_port
from tests.support.sipp import bound
from tests.support.switch import until


class Redis:
    """A Redis server; started at once, on the same port whenever it is started again."""

    def __init__(self, folder: Path, *options: str) -> None:
        self._folder = folder
        self._options = options
        self._server = binary("redis-server", package="redis-server")
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it, and wait until it listens."""
        with (self._folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._server, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
                 "--dir", str(self._folder), *self._options],
                stdout=log, stderr=log,
            )  # fmt: skip
        until(lambda: bound(self.port), what="start of Redis")

    def kill(self) -> None:
        """End it as a crash does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)

    def stop(self) -> None:
        """End it."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(10)
