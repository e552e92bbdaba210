"""INVITE to 180 through the switch, from the kernel's own time stamps of the packets on the loopback device."""

from __future__ import annotations

import re
import socket
import struct
import threading

_SO_TIMESTAMPNS = 35
_CALL_ID = re.compile(rb"\r\nCall-ID: *([^\r]+)", re.IGNORECASE)


class Delays:
    """Watches one UDP port of 127.0.0.1 while it is open (needs root).

    :ivar milliseconds: one figure per call whose INVITE and 180 were seen.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._asked: dict[bytes, float] = {}
        self.milliseconds: list[float] = []
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
        self._socket.bind(("lo", 0))
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 20)
        self._socket.settimeout(0.2)
        self._open = True
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> list[float]:
        """Stop watching; gives the figures, sorted."""
        self._open = False
        self._thread.join()
        self._socket.close()
        return sorted(self.milliseconds)

    def _run(self) -> None:
        while self._open:
            try:
                data, ancillary, _, address = self._socket.recvmsg(4096, 64)
            except TimeoutError:
                continue
            if address[2] != socket.PACKET_OUTGOING:  # every packet is seen twice on the loopback device
                self._take(data, ancillary)

    def _take(self, data: bytes, ancillary: list) -> None:
        if len(data) < 28 or data[9] != socket.IPPROTO_UDP:
            return
        head = (data[0] & 15) * 4
        source, target = struct.unpack_from("!HH", data, head)
        if self._port not in (source, target):
            return
        text = data[head + 8 :]
        invite = target == self._port and text.startswith(b"INVITE ")
        ringing = source == self._port and text.startswith(b"SIP/2.0 180")
        if not (invite or ringing):
            return
        seconds, nanos = struct.unpack("qq", ancillary[0][2][:16])
        found = _CALL_ID.search(text)
        if found is None:
            return
        if invite:
            self._asked.setdefault(found[1], seconds + nanos / 1e9)
        elif found[1] in self._asked:
            self.milliseconds.append((seconds + nanos / 1e9 - self._asked.pop(found[1])) * 1000)


def share(figures: list[float], part: float) -> float | None:
    """The value below which *part* of the sorted *figures* lies."""
    return figures[min(int(len(figures) * part), len(figures) - 1)] if figures else None
