"""The recorder's end of the socket to the switch."""

from __future__ import annotations

import select
import time
from typing import TYPE_CHECKING, Any

from vosswitch.recorder.wire import Lines, pack

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

SWITCH_FD = 3
"""The descriptor that a recorder is started with."""


class SwitchGone(Exception):
    """The socket to the switch is closed."""


class Channel:
    """The socket to the switch."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._lines = Lines()
        self.gone = False

    def send(self, message: Mapping[str, Any]) -> None:
        """Send one message; nothing happens when the switch is gone."""
        if self.gone:
            return
        try:
            self._socket.sendall(pack(message))
        except OSError:
            self.gone = True

    def trouble(self, text: str) -> None:
        """Tell the operator one line."""
        self.send({"op": "trouble", "text": text})

    def note(self, text: str) -> None:
        """Have one line logged: something happened, and is over."""
        self.send({"op": "note", "text": text})

    def aside(self, text: str) -> None:
        """Tell the operator what lies in the spool for people; "" = nothing."""
        self.send({"op": "aside", "text": text})

    def sinks(self, text: str) -> None:
        """Tell the operator how the CDR sinks are; "" = well."""
        self.send({"op": "sinks", "text": text})

    def receive(self, seconds: float) -> list[dict[str, Any]]:
        """What came, waiting at most *seconds* for the first of it."""
        if self.gone:
            time.sleep(max(0.0, seconds))
            return []
        ready, _, _ = select.select([self._socket], [], [], max(0.0, seconds))
        if not ready:
            return []
        try:
            data = self._socket.recv(1 << 16)
        except OSError:
            data = b""
        if not data:
            self.gone = True
            return []
        return self._lines.feed(data)
