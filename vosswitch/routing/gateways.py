"""Routing gateways (vendors' trunks) and the index that finds those for a number."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from vosswitch.model.peer import PLAIN, PeerProfile
from vosswitch.model.places import settled
from vosswitch.numbers.dialplan import NO_PLAN, DialPlan, parse_plan
from vosswitch.routing.eligibility import checks_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vosswitch.model.values import Address

_plan = lru_cache(maxsize=4096)(parse_plan)
"""Many gateways share few plans: each text is read once."""


@dataclass(frozen=True, slots=True)
class RoutingGateway:
    """A vendor's trunk, as calls go out to it.

    :ivar address: IP address or host name, "" = where it registers from (`PeerProfile.dynamic`).
    :ivar port: 0 = the default of the transport, or what the name service says.
    :ivar transport: ``udp``, ``tcp``, ``tls``, ``ws``, ``wss`` or ``auto`` (what the name service says, else UDP).
    :ivar account: the vendor's clearing account, None = calls cost nothing.
    :ivar local_address: the local IP to send from, with a port or not, "" = any.
    :ivar username: answers the vendor's digest challenges together with *password*, "" = none; *realm* "" = any.
    :ivar prefixes: which called numbers it takes; none = all.
    :ivar priority: small goes first; *weight* is its share among equals.
    :ivar lines: calls at the same time, None = unlimited; likewise *cps*, new calls per second.
    :ivar strip_prefix: the matched prefix is not sent.
    :ivar media_proxy: off, on, auto or must_on.
    :ivar profile: how we speak with it.
    """

    name: str
    address: str
    port: int = 0
    account: str | None = None
    transport: str = "auto"
    local_address: str = ""
    username: str = ""
    password: str = ""
    realm: str = ""
    prefixes: tuple[str, ...] = ()
    priority: int = 0
    weight: int = 1
    lines: int | None = None
    cps: int | None = None
    callee_dial_plan: DialPlan = NO_PLAN
    caller_dial_plan: DialPlan = NO_PLAN
    number_transforms: tuple[str, ...] = ()
    strip_prefix: bool = False
    media_proxy: str = "auto"
    profile: PeerProfile = PLAIN
    locked: bool = False

    @property
    def target(self) -> Address:
        """Where its requests go: an IP address with the defaults filled in, or a name as it is."""
        return settled(self.address, self.port, self.transport)

    @property
    def registers_as(self) -> str:
        """The user name of its registration, with us or of ours with it."""
        return self.username or self.name

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> RoutingGateway:
        """Read a configuration body with every key present.

        :raises ValueError: a dial plan that cannot be read (provisioning refuses those).
        """
        return cls(
            name=body["name"],
            address=body["address"],
            port=body["port"],
            account=body["account"] or None,
            transport=body["transport"],
            local_address=body["local_address"] or "",
            username=body["username"] or "",
            password=body["password"] or "",
            realm=body["realm"] or "",
            prefixes=tuple(body["prefixes"]),
            priority=body["priority"],
            weight=body["weight"],
            lines=body["lines"],
            cps=body["cps"],
            callee_dial_plan=_plan(body["callee_dial_plan"]),
            caller_dial_plan=_plan(body["caller_dial_plan"]),
            number_transforms=tuple(body["number_transforms"]),
            strip_prefix=body["strip_prefix"],
            media_proxy=body["media_proxy"],
            profile=PeerProfile.from_body(body),
            locked=body["locked"],
        )


def trunk_text(transport: str, address: str, port: int) -> str:
    """Where a routing gateway is, as people read it: ``udp:192.0.2.1:5060``; "registered" when it registers with us."""
    if not address:
        return "registered"
    host = f"[{address}]" if ":" in address else address
    port_text = f":{port}" if port else ""
    return f"{transport}:{host}{port_text}"


class GatewayIndex:
    """All routing gateways, found by the prefixes they take; immutable.

    :ivar gateways: by name.
    :ivar dynamic: those that register with us, by user name; locked ones are not among them.
    :ivar hosts: the addresses of all of them.
    :ivar checks: by name what has to be asked before a gateway is tried (`vosswitch.routing.eligibility`).
    """

    __slots__ = ("_by_host", "_by_prefix", "_lengths", "checks", "dynamic", "gateways", "hosts")

    def __init__(self, gateways: Mapping[str, RoutingGateway]) -> None:
        self.gateways = gateways
        self.checks = {name: checks_of(gateway) for name, gateway in gateways.items()}
        found: dict[str, list[RoutingGateway]] = {}
        for gateway in gateways.values():
            for prefix in dict.fromkeys(gateway.prefixes or ("",)):
                found.setdefault(prefix, []).append(gateway)
        self._by_prefix = {prefix: tuple(members) for prefix, members in found.items()}
        self._lengths = tuple(sorted({len(prefix) for prefix in found}, reverse=True))
        self.dynamic: dict[str, list[RoutingGateway]] = {}
        for gateway in gateways.values():
            if gateway.profile.dynamic and gateway.password and not gateway.locked:
                self.dynamic.setdefault(gateway.registers_as, []).append(gateway)
        special = [gateway for gateway in gateways.values() if gateway.profile is not PLAIN and gateway.address]
        self.hosts = frozenset(gateway.address for gateway in gateways.values())
        self._by_host = {gateway.address: gateway.profile for gateway in reversed(special)}

    def profile_at(self, host: str) -> PeerProfile:
        """How the gateway at an IP address is spoken with; of several the first of which something special is set."""
        return self._by_host.get(host, PLAIN)

    def matches(self, callee: str) -> dict[str, tuple[RoutingGateway, str]]:
        """Every gateway that takes *callee*, locked ones too, by name, with its longest prefix that matches."""
        found: dict[str, tuple[RoutingGateway, str]] = {}
        size = len(callee)
        for length in self._lengths:
            if length <= size:
                prefix = callee[:length]
                for gateway in self._by_prefix.get(prefix, ()):
                    if gateway.name not in found:
                        found[gateway.name] = gateway, prefix
        return found
