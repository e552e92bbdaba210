"""The process of the sinks: a thread each, so that none waits for another, and nobody waits for any of them.

Started by the recorder, which says on standard input what sinks there are; the end of that input is the end of this
process, whatever a sink is doing then.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import orjson

from vosswitch.cdr.files import Lock
from vosswitch.delivery import builtins, files
from vosswitch.delivery.outlet import Outlet
from vosswitch.delivery.plugins import load_plugins
from vosswitch.params import files as boot_files
from vosswitch.params.system import DECLARED, Parameters
from vosswitch.store.database import open_database
from vosswitch.store.pastrecords import past_page

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vosswitch.params.boot import Boot

LAST_SECONDS = 2.0
"""How long sinks may go on after an orderly stop, to take what the journal has."""


class _Past:
    """The database, opened when a sink first needs it."""

    def __init__(self, boot: Boot) -> None:
        self._boot = boot
        self._database: Any = None
        self._lock = threading.Lock()

    def page(self, since: int, until: int, day: str, row: int, limit: int) -> tuple[list[dict[str, Any]], str, int]:
        """See `past_page`; one sink at a time."""
        with self._lock:
            if self._database is None:
                self._database = open_database(self._boot.database_url)
            with self._database.read() as connection:
                return past_page(connection, self._boot.node_name, since, until, day, row, limit)


def sinks_of(boot: Boot, message: Mapping[str, Any]) -> dict[str, Any]:
    """The sinks by name, those of plugins and ours.

    :param message: ``settings`` (see `builtins.settings`) and ``parameters``, as text.
    """
    zone = ZoneInfo(boot.timezone)
    own = builtins.offers(message["settings"], boot.node_name, Path(boot.cdr_directory), zone, time.time)
    parameters = Parameters()
    plugins = load_plugins(boot, lambda name: parameters[name], {builtins.PLUGIN: own})
    registry = DECLARED.with_more(plugins.parameters.values())
    known = {name: value for name, value in message["parameters"].items() if name in registry}
    parameters = Parameters(known, registry)
    return dict(plugins.cdr_sinks)


def outlets(boot: Boot, message: Mapping[str, Any]) -> list[Outlet]:
    """Every sink that has a state, on its way."""
    spool, past = Path(boot.spool_directory), _Past(boot)
    made = []
    for name, sink in sinks_of(boot, message).items():
        state = files.read_state(spool, name)
        if state is not None:
            wall_ms = partial(_wall_ms)
            made.append(Outlet(sink, state, spool, ZoneInfo(boot.timezone), past.page, wall_ms, _say))
    return made


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


def _say(text: str) -> None:
    try:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
    except OSError:  # the switch is gone, and its log with it
        pass


def _work(outlet: Outlet, stopping: threading.Event) -> None:
    while True:
        wait = outlet.step()
        if stopping.is_set() and wait:
            return
        if wait:
            stopping.wait(wait)


def main(path: str) -> int:
    """Run until the recorder says stop or is gone; the exit status."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    boot = boot_files.load(path)
    first = sys.stdin.buffer.readline()
    if not first:
        return 0
    Lock(files.folder(boot.spool_directory) / "sinks.lock", wait=True)  # a former process may be at its end
    found, stopping = outlets(boot, orjson.loads(first)), threading.Event()
    threads = [threading.Thread(target=_work, args=(outlet, stopping), daemon=True) for outlet in found]
    for thread in threads:
        thread.start()
    if sys.stdin.buffer.readline() == b"stop\n":
        stopping.set()
        until = time.monotonic() + LAST_SECONDS
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))
    sys.stdout.flush()
    os._exit(0)  # whatever a sink waits for
