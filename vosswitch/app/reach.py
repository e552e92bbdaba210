"""Which routing gateways no listener reaches: told in the log whenever the configuration of gateways changes."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

from vosswitch.model.h323 import TRANSPORT
from vosswitch.model.places import is_literal, local_parts, reaches
from vosswitch.model.values import Address

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vosswitch.call.snapshot import Snapshot
    from vosswitch.params.boot import Listener


def unreachable(snapshot: Snapshot, listeners: Sequence[Listener]) -> Iterator[str]:
    """Which routing gateways no listener reaches, a line each."""
    for gateway in snapshot.gateways.gateways.values():
        if gateway.profile.h323 is not None:
            continue  # calls to it leave by connections of their own
        local = gateway.local_address or None
        host, port = ("", 0) if local is None else local_parts(local)
        family = [one for one in listeners if one.host in (host, "::" if ":" in host else "0.0.0.0")]  # noqa: S104
        if local is not None and not any(port in (0, one.port) or not one.port for one in family):
            yield f'routing gateway "{gateway.name}": no listener has its local_address {local}'
        elif gateway.address and not any(_leads(one, gateway.target, local) for one in listeners):
            wanted = _wanted(gateway.target, local)
            yield f'routing gateway "{gateway.name}": no listener for {wanted}: calls to it fail'


def unheard(snapshot: Snapshot, listeners: Sequence[Listener]) -> Iterator[str]:
    """Mapping gateways that speak H.323, while nobody listens for it."""
    if snapshot.callers.h323 is not None and not any(one.transport == TRANSPORT for one in listeners):
        yield "mapping gateways speak H.323, but no [[listen]] has an address of it, such as h323:0.0.0.0:1720"


def _leads(listener: Listener, target: Address, local: str | None) -> bool:
    """Whether calls may leave by a listener; where a name leads to is not known here."""
    if not is_literal(target.host):
        return target.transport in ("auto", listener.transport)
    own: Listener | Address = listener
    if local is not None and not listener.port:
        own = Address(listener.host, local_parts(local)[1], listener.transport)
    return reaches(own, target, local)


def _wanted(target: Address, local: str | None) -> str:
    if not is_literal(target.host):
        return target.transport
    family = "IPv6" if ":" in target.host else "IPv4"
    place = " on loopback" if ip_address(target.host).is_loopback else ""
    return f"{target.transport} ({family}{place}){'' if local is None else ' from its local_address'}"
