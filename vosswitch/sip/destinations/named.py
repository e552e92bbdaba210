"""Requests within a dialog that need another way: their next hop is a name, or they are too long for a datagram.

RFC 3261 8.1.2 and 18.1.1, RFC 3263.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.model.peer import PeerProfile
    from vosswitch.model.values import Address
    from vosswitch.sip.legs.stack import Stack
    from vosswitch.sip.transactions.flow import Flow

LARGE = 1300
"""Bytes above which a request is too long for a datagram while the path's MTU is not known (RFC 3261 18.1.1)."""
_MOST_WAITING = 16


def named_way(stack: Stack, flow: Flow, target: Address) -> Flow:
    """The way to a name on the transport of *flow*, which serves where the name leads nowhere else."""
    found = stack.names.steady(target)
    if found is not None:
        return _chosen(stack, flow, found)
    waiting = NamedFlow(stack, flow)
    return waiting if stack.names.wait(target, waiting.found) else flow


def _chosen(stack: Stack, flow: Flow, found: tuple[Address, ...]) -> Flow:
    remote = flow.remote
    if not found or (not flow.closed and any(_same(remote, address, flow.reliable) for address in found)):
        return flow
    host, port, _ = found[0]
    if (":" in host) == (":" in remote.host):
        return flow.toward(host, port)
    return stack.way(found[0], None, flow.name or None) or flow


def _same(remote: Address, address: Address, reliable: bool) -> bool:
    return remote.host == address.host and (reliable or remote.port == address.port)


def streamed(stack: Stack, profile: PeerProfile, flow: Flow, data: bytes) -> tuple[Flow, bytes]:
    """The way for a request within a dialog that is too long for the datagram *flow*: a TCP connection that lives.

    None is made for it: a peer that refuses TCP would cost a call that is up.
    """
    stream = stack.live(flow.remote._replace(transport="tcp")) if profile.large == "tcp" else None
    if stream is None:
        return flow, data
    return stream, data.replace(flow.via.encode(), stream.via.encode(), 1)


class NamedFlow:
    """A way to a name that is being asked for (a `vosswitch.sip.transactions.flow.Flow`): what is sent waits.

    :param base: where the peer is seen; tells our address, and is used when there is no answer.
    """

    __slots__ = ("_base", "_stack", "_to", "_waiting")

    def __init__(self, stack: Stack, base: Flow) -> None:
        self._stack = stack
        self._base = base
        self._to: Flow | None = None
        self._waiting: list[tuple[bytes, Callable[[], None] | None]] = []

    def found(self, addresses: tuple[Address, ...]) -> None:
        """The name service has answered, or was given up."""
        family = ":" in self._base.remote.host  # our Via is of this family already
        self._to = to = _chosen(self._stack, self._base, tuple(a for a in addresses if (":" in a.host) == family))
        waiting, self._waiting = self._waiting, []
        for data, failed in waiting:
            to.send(data, failed)

    def send(self, data: bytes, failed: Callable[[], None] | None = None) -> None:
        """Send one message, once it is known where to."""
        if self._to is not None:
            self._to.send(data, failed)
        elif len(self._waiting) < _MOST_WAITING:
            self._waiting.append((data, failed))

    def toward(self, host: str, port: int) -> Flow:
        """The way to another address."""
        return (self._to or self._base).toward(host, port)

    def again(self) -> Flow | None:
        """The way to the same peer, by another connection."""
        return (self._to or self._base).again()

    @property
    def reliable(self) -> bool:
        """As where the peer is seen."""
        return self._base.reliable

    @property
    def closed(self) -> bool:
        """Whether nothing can be sent any more."""
        return (self._to or self._base).closed

    @property
    def remote(self) -> Address:
        """Where it leads to, as far as that is known."""
        return (self._to or self._base).remote

    @property
    def local(self) -> Address:
        """Our address."""
        return self._base.local

    @property
    def host(self) -> str:
        """What peers are told."""
        return self._base.host

    @property
    def via(self) -> str:
        """Our Via."""
        return self._base.via

    @property
    def bound(self) -> bool:
        """Never: a client of that kind is not looked up."""
        return False

    @property
    def name(self) -> str:
        """Whom the peer had to prove."""
        return self._base.name

    @property
    def hostport(self) -> str:
        """Our Contact."""
        return self._base.hostport
