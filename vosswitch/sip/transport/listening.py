"""What all sockets of the room share: whom they give messages to, which address peers are told, what they reach."""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

from vosswitch.model.places import WILDCARDS, local_parts, reaches
from vosswitch.model.values import Address
from vosswitch.sip.grammar.uri import host_text

if TYPE_CHECKING:
    from vosswitch.params.boot import Listener
    from vosswitch.sip.grammar.parse import BadMessage
    from vosswitch.sip.transactions.flow import Flow

Watcher = Callable[[bool, "Flow", bytes], None]
"""Is told every message on the wire: whether we sent it, its flow, its bytes."""


class Room(Protocol):
    """Who takes in what the sockets receive.

    :ivar watcher: sees what is sent, for ladders and traces; None = nobody watches.
    """

    watcher: Watcher | None

    def receive(self, flow: Flow, data: bytes) -> None:
        """One datagram, or one message cut from a stream; raises nothing."""

    @property
    def take(self) -> Callable[[Flow, bytes, float], None]:
        """The same with the time, but it is only queued: `serve_taken` follows when the socket is empty."""

    @property
    def serve_taken(self) -> Callable[[], None]:
        """Serves what was taken; raises nothing."""

    def unusable(self, flow: Flow, bad: BadMessage) -> None:
        """A stream cannot be used any more; it is closed behind this call."""

    def lost(self, flow: Flow) -> None:
        """A connection is gone: what waits for a response over it has failed."""

    def warn(self, text: str, kind: str, **fields: Any) -> None:
        """One line in the log, seldom enough for each kind."""

    def setting(self, name: str) -> Any:
        """The effective value of a system parameter."""


@lru_cache(maxsize=1024)
def seen_from(host: str) -> str:
    """The local address from which *host* is reached (no packet is sent)."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((host, 9))
        except OSError:
            return "::1" if ":" in host else "127.0.0.1"
        return str(probe.getsockname()[0])


def shown(listener: Listener, remote: str, source: str = "") -> str:
    """The host that a peer is told.

    :param source: our address in use, where the listener has all; "" = as the system chooses.
    """
    if listener.advertise:
        return host_text(listener.advertise)
    return host_text((source or seen_from(remote)) if listener.host in WILDCARDS else listener.host)


class Listening:
    """What both kinds share.

    :ivar address: where we listen, with the real port.
    """

    def __init__(self, listener: Listener, room: Room) -> None:
        self.listener = listener
        self.room = room
        self.address = Address(listener.host, listener.port, listener.transport)
        self.port: Any = None

    def listening(self, port: Any) -> None:
        """Note the listening port and its number."""
        self.port = port
        self.address = self.address._replace(port=port.getHost().port)

    def fits(self, target: Address, local: str | None) -> bool:
        """Whether *target* can be reached from here, and from the IP (with a port or not) *local* if one is given."""
        return reaches(self.address, target, local)

    def is_at(self, local: Address) -> bool:
        """Whether that address of ours is this listener's."""
        own = self.address
        if own.host not in WILDCARDS or (":" in own.host) != (":" in local.host):
            return own == local
        return own._replace(host=local.host) == local

    def source(self, local: str | None) -> str:
        """The address to send from that a listener on all addresses has to be told; "" = none."""
        return local_parts(local)[0] if local is not None and self.address.host in WILDCARDS else ""

    def local_to(self, remote: str) -> str:
        """The local IP that packets to *remote* leave from."""
        return seen_from(remote) if self.address.host in WILDCARDS else self.address.host
