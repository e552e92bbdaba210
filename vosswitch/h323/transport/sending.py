"""Writing to a connection without waiting for the reactor to find it writable."""

from __future__ import annotations

from typing import Any


def put(transport: Any, data: bytes) -> None:
    """Write, and have what the socket takes sent at once; the rest goes when there is room again.

    Twisted sends what is written in the next turn of the reactor, which costs as much as a message.  What goes wrong
    in sending is the reactor's to find: the connection still waits to be writable then.
    """
    transport.write(data)
    if getattr(transport, "connected", False) and hasattr(transport, "doWrite"):
        transport.doWrite()
