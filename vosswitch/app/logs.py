"""How the node speaks: one JSON line per event for machines, a few plain lines at start for people."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from twisted.logger import FilteringLogObserver, ILogObserver, LogLevel, LogLevelFilterPredicate, formatEvent
from zope.interface import implementer

from vosswitch.model.values import Address
from vosswitch.params.listeners import of_h323

if TYPE_CHECKING:
    from vosswitch.app.node import Switch
    from vosswitch.params.boot import Boot

_LEVELS = {"debug": LogLevel.debug, "info": LogLevel.info, "warn": LogLevel.warn, "error": LogLevel.error}
_FIELDS = (
    "call_id",
    "event",
    "source",
    "port",
    "transport",
    "verified",
    "method",
    "reason",
    "count",
    "seconds",
    "gateway",
    "peer",
    "user",
    "account",
)
"""What a line says in keys of its own, in this order; those of security events are what `etc/fail2ban` reads."""


@implementer(ILogObserver)
class JsonLines:
    """Writes events as JSON, one line each; what a peer sent is escaped by JSON itself.

    :param node: the node's id, in every line.
    """

    def __init__(self, out: IO[str], node: int) -> None:
        self._out = out
        self._node = node

    def __call__(self, event: dict[str, Any]) -> None:
        """Write one event; an event that cannot be written is dropped, never raised."""
        try:
            self._out.write(json.dumps(self._line(event), default=str) + "\n")
            self._out.flush()
        except Exception:  # noqa: BLE001 - values may raise anything when shown, and there is no other place to log it
            return

    def _line(self, event: dict[str, Any]) -> dict[str, Any]:
        line = {
            "at": round(event.get("log_time", 0.0), 3),
            "node": self._node,
            "level": getattr(event.get("log_level"), "name", "info"),
            "room": event.get("log_namespace", ""),
            "text": formatEvent(event),
        }
        for name in _FIELDS:
            if name in event:
                value = event[name]
                line[name] = value if isinstance(value, int) and name != "call_id" else str(value)
        if "log_failure" in event:
            line["traceback"] = event["log_failure"].getTraceback()
        return line


def observer(level: str, path: str, node: int) -> ILogObserver:
    """The observer for the configured level and file ("" = standard output)."""
    out = open(path, "a", encoding="utf-8") if path else sys.__stdout__  # noqa: SIM115, PTH123 - open as long as we live
    assert out is not None
    predicate = LogLevelFilterPredicate(defaultLogLevel=_LEVELS[level])
    predicate.setLogLevelForNamespace("log_legacy", LogLevel.warn)  # Twisted's own "starting on", "Starting protocol"
    return FilteringLogObserver(JsonLines(out, node), (predicate,))


_TRIES = (
    ("testcall", "a call through this switch, billed and explained"),
    ("calls", "what is running now"),
    ("cdr list", "what was recorded"),
)


def _tries(command: str) -> list[str]:
    width = len(command) + 14
    return [f"    {f'{command} {what}':<{width}}{why}" for what, why in _TRIES]


def _command(config: str) -> str:
    """What brings up the command line for this node in the present folder, as short as it can be."""
    own = os.path.join(os.path.dirname(sys.executable), "vosswitch")
    found = shutil.which("vosswitch")
    known = found is not None and os.path.realpath(found) == os.path.realpath(own)
    name = "vosswitch" if known or not Path(own).exists() else os.path.relpath(own)
    usual = os.path.abspath(os.environ.get("VOSSWITCH_CONFIG") or "etc/vosswitch.toml")
    return name if config == usual else f"{name} --config {os.path.relpath(config)}"


def _h323(boot: Boot) -> list[str]:
    listens = [str(Address(one.host, one.port, one.transport)) for one in of_h323(boot.listeners)]
    return [f"  H.323          {', '.join(listens)}, while a gateway or phone speaks it"] if listens else []


def banner(switch: Switch) -> None:
    """Say where the node listens, and what a newcomer can try next."""
    out = sys.__stdout__
    if out is None:
        return
    boot = switch.boot
    listens = ", ".join(str(address) for address in switch.sip.addresses)
    media = ", ".join(host for host, _ in boot.media_addresses)
    lines = [
        "",
        f"vosswitch node {boot.node_id} ({boot.node_name}) listens for SIP on {listens}",
        *_h323(boot),
        f"  configuration  {boot.path}",
        f"  media          {media}, relayed by {boot.media_workers} worker(s)",
        "  try next, in a second terminal:",
        *_tries(_command(boot.path)),
        "    or register a softphone as 1001 or 1002 (passwords: etc/demo.toml)",
        "",
    ]
    out.write("\n".join(lines) + "\n")
    out.flush()
