"""JsSIP as a phone over WebSocket; node's packages are fetched once, pinned, into a folder of the test run."""

from __future__ import annotations

import json
import os
import queue
import re
import shutil
import subprocess
import threading
import time
from pathlib import Path

PACKAGES = ("jssip@3.10.1", "ws@8.18.0")
OUT_OF_REACH = "npm's registry is out of reach"
_PATIENCE = ("--fetch-retries", "1", "--fetch-retry-mintimeout", "1000", "--fetch-timeout", "30000")
_OURS = ("E404", "ETARGET", "EINTEGRITY", "ERESOLVE", "EINVALIDTAGNAME", "EJSONPARSE")
SCRIPT = Path(__file__).with_name("jssip_phone.js")


def install(folder: Path) -> str:
    """Fetch the packages; gives why that cannot be, "" when they are there.

    :raises AssertionError: the registry has answered, and what it gives is not what we ask for.
    """
    if shutil.which("node") is None or shutil.which("npm") is None:
        return "node and npm are not installed (Debian packages nodejs, npm)"
    command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", *_PATIENCE, "--prefix", str(folder)]
    try:
        done = subprocess.run([*command, *PACKAGES], capture_output=True, text=True, timeout=120, check=False)
    except subprocess.TimeoutExpired:
        return f"{OUT_OF_REACH}: no answer"
    if done.returncode == 0:
        return ""
    code = next(iter(re.findall(r"^npm (?:error|ERR!) code (\S+)", done.stderr, re.MULTILINE)), "no code")
    assert code not in _OURS, done.stderr[-2000:]
    return f"{OUT_OF_REACH}: {code}"


class Phone:
    """One running JsSIP.

    :param modules: where `install` has put the packages.
    :param authority: PEM file that it believes, for ``wss``.
    """

    def __init__(
        self,
        modules: Path,
        url: str,
        uri: str,
        password: str,
        port: int,
        authority: Path | None = None,
        origin: str = "",
    ) -> None:
        environment = {**os.environ, "NODE_PATH": str(modules / "node_modules")}
        if authority is not None:
            environment["NODE_EXTRA_CA_CERTS"] = str(authority)
        if origin:
            environment["ORIGIN"] = origin
        self.process = subprocess.Popen(
            ["node", str(SCRIPT), url, uri, password, str(port)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment,
        )  # fmt: skip
        self.seen: list[str] = []
        self._events: queue.Queue[dict] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stdout:
            self.seen.append(line.rstrip())
            if line.startswith("{"):
                self._events.put(json.loads(line))

    def tell(self, command: str) -> None:
        """Give a command: ``call URI``, ``hangup``, ``stop``."""
        self.process.stdin.write(f"{command}\n")
        self.process.stdin.flush()

    def expect(self, event: str, seconds: float = 10.0) -> dict:
        """The next event of that name; others are passed over."""
        limit = time.monotonic() + seconds
        while True:
            try:
                found = self._events.get(timeout=max(0.01, limit - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no {event}: {self.seen[-20:]}") from None
            if found["event"] == event:
                return found

    def stop(self) -> None:
        """End it."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join(5)
        self.process.stdin.close()
        self.process.stdout.close()
