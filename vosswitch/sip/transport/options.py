"""Options of sockets: type of service, receive buffer, and what the system has dropped."""

from __future__ import annotations

import socket
import struct
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

RECEIVE_BUFFER = 4 * 1024 * 1024
UNHEARD = 30_000
"""Milliseconds that the peer's system may leave our bytes unacknowledged, until the connection counts as lost."""
_SO_MEMINFO = 55
_IP_PKTINFO = 8
_MEMINFO = struct.Struct("9I")


def handle_of(transport: Any) -> socket.socket | None:
    """The real socket beneath a Twisted transport or port, TLS or not; None when there is none (tests)."""
    for _ in range(3):
        found = getattr(transport, "socket", None)
        if isinstance(found, socket.socket):
            return found
        transport = getattr(transport, "transport", None)
    return None


def mark(handle: socket.socket, tos: int) -> None:
    """Set the type of service (SS_QOS_SIGNAL)."""
    with suppress(OSError):
        if handle.family == socket.AF_INET6:
            handle.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, tos)
        else:
            handle.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, tos)


@lru_cache(maxsize=256)
def source_of(host: str) -> tuple[int, int, bytes]:
    """What has a datagram leave from this address of ours (IP_PKTINFO, IPV6_PKTINFO)."""
    if ":" in host:
        return socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, socket.inet_pton(socket.AF_INET6, host) + bytes(4)
    return socket.IPPROTO_IP, _IP_PKTINFO, bytes(4) + socket.inet_aton(host) + bytes(4)


def one_family(handle: socket.socket) -> None:
    """Keep an IPv6 socket from taking IPv4 too: ``[::]`` and ``0.0.0.0`` are two listeners."""
    if handle.family == socket.AF_INET6:
        handle.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)


def notice_loss(handle: socket.socket) -> None:
    """Have the system give up a peer that is gone, instead of trying for a quarter of an hour."""
    with suppress(OSError):
        handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNHEARD)


def ask_buffer(port: Any) -> int:
    """Ask for `RECEIVE_BUFFER` on a UDP port and return what the system gives, bytes."""
    handle = port.socket
    handle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    return int(handle.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)) // 2  # Linux counts its own overhead in


def drops(handle: socket.socket) -> int | None:
    """How many datagrams the system has dropped at a UDP socket since it was opened; None when it does not tell."""
    try:
        return int(_MEMINFO.unpack(handle.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size))[8])
    except (OSError, struct.error):
        return _drops_listed(handle)


def _drops_listed(handle: socket.socket) -> int | None:
    inode = str(_inode(handle))
    name = "udp6" if handle.family == socket.AF_INET6 else "udp"
    try:
        with Path("/proc/net", name).open(encoding="ascii") as table:
            return drops_in(table, inode)
    except OSError:
        return None


def drops_in(table: Iterable[str], inode: str) -> int | None:
    """The last column of a socket's row in ``/proc/net/udp``."""
    for row in table:
        columns = row.split()
        if len(columns) > 12 and columns[9] == inode:
            return int(columns[-1])
    return None


def _inode(handle: socket.socket) -> int:
    return Path(f"/proc/self/fd/{handle.fileno()}").stat().st_ino
