"""What all connections of the H.323 process share."""

from __future__ import annotations

import socket
from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

from vosswitch.model.places import WILDCARDS, local_parts
from vosswitch.model.values import Address

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from vosswitch.h323.gate import Gate
    from vosswitch.h323.q931 import Message
    from vosswitch.h323.transport.incoming import Connection, IncomingLine
    from vosswitch.params.listeners import Listener


class Office(Protocol):
    """The process's worker, as connections see it."""

    def ask(self, name: str, values: tuple[Any, ...], answer: Callable[[Any], None]) -> None:
        """Ask the switch."""

    def called(self, line: IncomingLine, data: bytes) -> None:
        """The first message of a call, or of a connection that a peer has made."""

    def refuse(self, connection: Connection, message: Message) -> None:
        """Answer a message of a call that there is not."""

    def short(self, text: str) -> None:
        """There is too little of something that an operator can give us more of: in the log, seldom enough."""

    def failed(self, text: str) -> None:
        """Something that should not: in the log, with its traceback."""


class World:
    """The shared parts.

    :ivar settings: the parameters in force (`vosswitch.h323.settings.TOLD`).
    :ivar listeners: of the configuration.
    :ivar bound: where we listen for calls, with the real ports.
    :ivar counts: messages and connections.
    :ivar waited_on: ports of H.245 connections that peers have not made yet.
    """

    __slots__ = ("_next_port", "bound", "counts", "gate", "listeners", "office", "reactor", "settings", "waited_on")

    def __init__(
        self, reactor: Any, settings: Mapping[str, Any], gate: Gate, office: Office, listeners: Sequence[Listener]
    ) -> None:
        self.reactor = reactor
        self.settings = settings
        self.gate = gate
        self.office = office
        self.listeners = listeners
        self.bound: list[Address] = []
        self.counts: Counter[str] = Counter()
        self.waited_on: set[int] = set()
        self._next_port = 0

    def now(self) -> float:
        """Monotonic seconds."""
        return float(self.reactor.seconds())

    def shown(self, host: str) -> str:
        """What a peer that we speak with from the local address *host* is told instead of it."""
        for one in self.listeners:
            if one.advertise and _is_at(one.host, host) and (":" in one.advertise) == (":" in host):
                return one.advertise
        return host

    def called_at(self, host: str) -> Address:
        """Where a peer that we speak with from *host* may call us."""
        for one in self.bound:
            if one.transport == "h323" and _is_at(one.host, host):
                return Address(self.shown(host), one.port, "h323")
        return Address(self.shown(host), 0, "h323")

    def is_ours(self, address: Address) -> bool:
        """Whether a listener of ours is there."""
        here = [one.host for one in self.bound if one.port == address.port]
        return address.host in here or any(
            host in WILDCARDS and seen_from(address.host) == address.host for host in here
        )

    def port(self) -> int | None:
        """The next port of SS_H245_PORT_RANGE on which we do not wait already, in turn; None when there is none."""
        low, high = self.settings["SS_H245_PORT_RANGE"]
        size = high - low + 1
        if not low <= self._next_port <= high:
            self._next_port = low + int(self.now() * 1000) % size
        for _ in range(size):
            port = self._next_port
            self._next_port = port + 1 if port < high else low
            if port not in self.waited_on:
                return port
        return None


def _is_at(listener: str, host: str) -> bool:
    return listener == host or (listener in WILDCARDS and (":" in listener) == (":" in host))


def source_of(local_address: str | None) -> tuple[str, int] | None:
    """Where a connection of ours shall leave from: the IP of a gateway's ``local_address``, any port."""
    return None if local_address is None else (local_parts(local_address)[0], 0)


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
