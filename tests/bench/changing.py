"""How long a running switch with 500 gateways is held up by changes of its configuration.

A client of its own asks with OPTIONS every few milliseconds; the longest wait for an answer is the longest turn of the
switch's loop, and whatever else the machine does.  So it is measured at rest, too.
"""

from __future__ import annotations

import os
import socket
import tempfile
import threading
import time
from pathlib import Path

from tests.bench import rates
from tests.support.switch import Switch, until

_EVERY = 0.004


class Watch:
    """Asks all the time, in a thread; *waits* are milliseconds."""

    def __init__(self, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(5)
        self._target = "127.0.0.1", port
        self._open = True
        self.waits: list[float] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        own = self._socket.getsockname()[1]
        while self._open:
            tag = os.urandom(6).hex()
            text = (
                f"OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{own};branch=z9hG4bK{tag};rport\r\n"
                f"Max-Forwards: 70\r\nFrom: <sip:bench@127.0.0.1>;tag={tag}\r\nTo: <sip:127.0.0.1>\r\n"
                f"Call-ID: {tag}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
            )
            began = time.perf_counter()
            self._socket.sendto(text.encode(), self._target)
            self._socket.recv(4096)
            self.waits.append((time.perf_counter() - began) * 1000)
            time.sleep(_EVERY)

    def longest(self, during: object) -> tuple[float, float]:
        """Seconds that a function takes, and the longest wait meanwhile."""
        self.waits.clear()
        began = time.monotonic()
        during()  # type: ignore[operator]
        took = time.monotonic() - began
        time.sleep(0.5)
        return took, max(self.waits)

    def close(self) -> None:
        """Stop asking."""
        self._open = False
        self._thread.join()
        self._socket.close()


def _document(prefixes: dict[str, list[str]]) -> str:
    lines = ['[[rate_groups]]\nname = "sell"\n[[rate_groups]]\nname = "buy"\n']
    lines += ['[[accounts]]\nnumber = "V"\nkind = "clearing"\nrate_group = "buy"\n']
    for number in range(1000):
        lines.append(
            f'[[accounts]]\nnumber = "C{number}"\nrate_group = "sell"\n'
            f'[[mapping_gateways]]\nname = "customer{number}"\naccount = "C{number}"\n'
            f'addresses = ["127.{number // 250}.{number % 250}.1"]\n'
        )
    lines += [_gateway(name, own) for name, own in prefixes.items()]
    return "".join(lines)


def _gateway(name: str, prefixes: list[str], priority: int = 0) -> str:
    own = ", ".join(f'"{one}"' for one in prefixes)
    return (
        f'[[routing_gateways]]\nname = "{name}"\naccount = "V"\naddress = "192.0.2.1"\npriority = {priority}\n'
        f"prefixes = [{own}]\n"
    )


def measure(prefixes: dict[str, list[str]], imported: int) -> dict[str, object]:
    """Seconds until a change is in force, and milliseconds that a request waits meanwhile at most."""
    with tempfile.TemporaryDirectory(prefix="vosswitch-bench-") as folder:
        made = Switch(Path(folder))
        made.cli("migrate")
        made.provision(_document(prefixes), "all.toml")
        made.start(wait=False)
        until(made.alive, 120, "start")
        watch = Watch(made.port)
        name, own = next(iter(prefixes.items()))
        sheet = Path(folder) / "sheet.csv"
        rates.sheet(sheet, imported)
        steps = {
            "rest": lambda: time.sleep(3),
            "command_only": lambda: made.cli("gateway", "list"),
            "gateway": lambda: made.provision(_gateway(name, own, 5)),
            "customer": lambda: made.provision('[[mapping_gateways]]\nname = "customer7"\naccount = "C7"\n'
                                               'addresses = ["127.0.7.1"]\nlines = 5\n'),
            "import": lambda: made.cli("rates", "import", "sell", str(sheet)),
            "all_anew": lambda: made.provision(_document({one: two[1:] for one, two in prefixes.items()}), "all.toml"),
        }  # fmt: skip
        found: dict[str, object] = {}
        try:
            for what, step in steps.items():
                took, longest = watch.longest(step)
                found[f"{what}_s"], found[f"{what}_wait_ms"] = took, longest
        finally:
            watch.close()
            made.stop()
        return found
