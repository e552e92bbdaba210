"""Where responses and requests go, by a peer's profile (``reply_address``, ``request_address``).

``auto`` is RFC 3261 18.2.2 with RFC 3581.  The other choices are for peers that get that wrong: behind a NAT that
rewrites too little, or with a port in Via or Contact that is not the one they send from.  An address that a message
names is only used when a packet of ours may go there; else the one that the socket saw is.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from vosswitch.model.peer import PeerProfile
    from vosswitch.sip.grammar.headers import Via
    from vosswitch.sip.legs.dialog import Dialog
    from vosswitch.sip.transactions.flow import Flow, Statistics


class Replies:
    """Where responses go.

    :ivar own: where we listen: no response may go there.
    """

    __slots__ = ("_statistics", "own")

    def __init__(self, statistics: Statistics) -> None:
        self._statistics = statistics
        self.own: frozenset[tuple[str, int]] = frozenset()

    def way(self, via: Via, flow: Flow, profile: PeerProfile) -> Flow:
        """The way back for a request that came on *flow*; on a stream the port is for when the connection is lost."""
        port = via.port or 5060
        if flow.reliable:
            flow.reply_port, flow.reply_name = port, via.host  # type: ignore[attr-defined]
            if "alias" in via.params:
                flow.alias(port)  # type: ignore[attr-defined]
            return flow
        policy = profile.reply_address
        if policy != "auto":
            found = reply_flow(policy, via, flow, self.own)
            if found is None:
                self._statistics.misaddressed += 1
            return found or flow
        if "rport" in via.params or port == flow.remote.port:
            return flow
        return flow.toward(flow.remote.host, port)


def reply_flow(policy: str, via: Via, flow: Flow, own: Collection[tuple[str, int]]) -> Flow | None:
    """Where the responses to a request over UDP go; None when what its Via names cannot be used.

    :param policy: ``socket``, ``via_port`` or ``via``.
    :param own: where we listen.
    """
    if policy == "socket":
        return flow
    port = 5060 if via.port is None else via.port
    host = via.host if policy == "via" else flow.remote.host
    if (host, port) == (flow.remote.host, flow.remote.port):
        return flow
    if not usable(host, port, flow.remote.host) or (host, port) in own or _is_ours(host, port, flow):
        return None
    return flow.toward(host, port)


def _is_ours(host: str, port: int, flow: Flow) -> bool:
    """Whether it is the address that the request came to, as we know it or as we tell it."""
    return port == flow.local.port and host in {flow.local.host, flow.host.strip("[]")}


@lru_cache(maxsize=4096)
def usable(host: str, port: int, source: str) -> bool:
    """Whether a peer at *source* may have its packets sent to another address: a unicast one of its own kind."""
    return (":" in host) == (":" in source) and unicast(host, port, source)


@lru_cache(maxsize=4096)
def unicast(host: str, port: int, source: str) -> bool:
    """`usable`, but either family will do."""
    try:
        told, seen = ip_address(host), ip_address(source)
    except ValueError:
        return False
    if not 0 < port < 65536 or getattr(told, "ipv4_mapped", None) is not None:
        return False
    if told.is_loopback or told.is_link_local:
        return told.is_loopback == seen.is_loopback and told.is_link_local == seen.is_link_local
    return not (told.is_multicast or told.is_unspecified or (told.is_reserved and told.version == 4))


def request_flow(policy: str, dialog: Dialog, flow: Flow) -> Flow | None:
    """Where requests of a dialog go: where the peer is seen (``socket``), or there at its Contact's port.

    None when the rule for all others stands: ``contact``, or a connection that is gone.
    """
    if policy == "contact" or flow.closed:
        return None
    if policy == "socket" or flow.reliable:
        return flow
    port = dialog.hop().port
    return flow.toward(flow.remote.host, port) if 0 < port < 65536 else flow
