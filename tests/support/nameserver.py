"""A name server of our own on 127.0.0.1: ``twistd dns`` with a zone that a test writes."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.support.sipp import bound
from tests.support.switch import BIN, free_port, until

_SOA = (
    'SOA("vendor.test", mname="ns.vendor.test", rname="root.vendor.test", '
    "serial=1, refresh=5, retry=5, expire=5, minimum=5)"
)


class NameServer:
    """Answers for ``vendor.test``.

    :ivar port: where it listens.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *records: str) -> NameServer:
        """Answer with these, written as in Python: ``'A("a.vendor.test", "127.0.0.1", ttl=1)'``."""
        zone = self.folder / "zone.py"
        zone.write_text(f"zone = [\n    {_SOA},\n" + "".join(f"    {record},\n" for record in records) + "]\n")
        with (self.folder / "nameserver.log").open("ab") as log:
            self.process = subprocess.Popen(
                [BIN / "twistd", "-n", "--pidfile=", "dns", "--pyzone", zone, "-i", "127.0.0.1", "-p", str(self.port)],
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
            )
        until(lambda: bound(self.port), what=f"start of the name server, see {self.folder}/nameserver.log")
        return self

    def stop(self) -> None:
        """End it, if it runs."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)
            self.process = None
