"""Which of our listeners a request leaves from: by transport, address family and the local address asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vosswitch.model.places import is_literal
from vosswitch.sip.destinations.resolution import Abilities

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vosswitch.model.values import Address
    from vosswitch.params.boot import Listener
    from vosswitch.sip.transactions.flow import Flow
    from vosswitch.sip.transport import StreamSocket, UdpSocket

_MOST_LOCALS = 4096
_TRANSPORTS = ("udp", "tcp", "tls", "ws", "wss")


def abilities(listeners: Sequence[Listener], prefer: str = "ipv4") -> Abilities:
    """What names may lead to, given where we listen.

    :param prefer: ``ipv4`` or ``ipv6``: which addresses of a name are tried first.
    """
    there = {listener.transport for listener in listeners}
    families = {"AAAA" if ":" in listener.host else "A" for listener in listeners}
    order = ("A", "AAAA") if prefer == "ipv4" else ("AAAA", "A")
    return Abilities(
        tuple(transport for transport in _TRANSPORTS if transport in there) or ("udp",),
        tuple(family for family in order if family in families) or ("A",),
    )


class Ways:
    """The listeners, as ways out.

    :ivar sockets: in the order of the configuration.
    """

    __slots__ = ("_locals", "sockets")

    def __init__(self, sockets: Sequence[UdpSocket | StreamSocket]) -> None:
        self.sockets = sockets
        self._locals: dict[tuple[str, str, str | None], str | None] = {}

    def owner(self, target: Address, local: str | None) -> UdpSocket | StreamSocket | None:
        """The listener that reaches *target* from the local address *local* (None: the one that fits)."""
        if not is_literal(target.host):
            return None
        for owner in self.sockets:
            if owner.fits(target, local):
                return owner
        for owner in self.sockets if local is None else ():
            if owner.fits(target, owner.address.host):
                return owner
        return None

    def way(self, target: Address, local: str | None, name: str | None = None) -> Flow | None:
        """The flow to an IP address; None for a name, and where no listener reaches.

        :param name: whom a TLS server has to prove; None = only a connection that is there already will do.
        """
        if name is None and target.transport not in {"udp", "tcp"}:
            there = self._connection(target)
            if there is not None:
                return there
        owner = self.owner(target, local)
        return None if owner is None else owner.flow(target.host, target.port, name, owner.source(local))

    def _connection(self, target: Address) -> Flow | None:
        """The connection that a client with this very address has made, whichever listener it came to."""
        for owner in self.sockets:
            if owner.address.transport == target.transport:
                there = owner.known(target.host, target.port)
                if there is not None:
                    return there
        return None

    def live(self, target: Address) -> Flow | None:
        """The connection to exactly this address that is there, whoever has made it."""
        found = self._connection(target)
        return found if getattr(found, "connection", None) is not None else None

    def local(self, target: Address, local: str | None) -> str | None:
        """The local IP that *target* is reached from; None when it is not reached."""
        key = target.host, target.transport, local
        try:
            return self._locals[key]
        except KeyError:
            pass
        owner = self.owner(target, local)
        found = None if owner is None else owner.source(local) or owner.local_to(target.host)
        if len(self._locals) >= _MOST_LOCALS:
            self._locals.clear()
        self._locals[key] = found
        return found
