"""Routing gateways (vendors' trunks)."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from vosswitch.accounts.limits import NO_LIMIT, Limit
from vosswitch.accounts.periods import Period, with_periods
from vosswitch.accounts.portability import NO_JURISDICTION, Jurisdiction
from vosswitch.accounts.privileges import ORDINARY, Privileges
from vosswitch.model.h323 import RAS, RAS_PORT, SIGNALLING_PORT, TRANSPORT
from vosswitch.model.peer import PLAIN, PeerProfile
from vosswitch.model.places import settled
from vosswitch.model.values import Address
from vosswitch.numbers.dialplan import NO_PLAN, DialPlan, parse_plan
from vosswitch.numbers.numbering import PLAIN_NUMBERING, Numbering
from vosswitch.routing.bounds import Bound, read_prefix
from vosswitch.routing.conduct import USUAL, Conduct

if TYPE_CHECKING:
    from collections.abc import Mapping

_plan = lru_cache(maxsize=4096)(parse_plan)
"""Many gateways share few plans: each text is read once."""


@dataclass(frozen=True, slots=True)
class RoutingGateway:
    """A vendor's trunk, as calls go out to it.

    :ivar address: IP address or host name, "" = where it registers from (`PeerProfile.dynamic`).
    :ivar port: 0 = the default of the transport, or what the name service says.
    :ivar transport: ``udp``, ``tcp``, ``tls``, ``ws``, ``wss`` or ``auto`` (what the name service says, else UDP; with
        `PeerProfile.h323` call signalling).
    :ivar account: the vendor's clearing account, None = calls cost nothing.
    :ivar local_address: the local IP to send from, with a port or not, "" = any.
    :ivar username: answers the vendor's digest challenges together with *password*, "" = none; *realm* "" = any.
    :ivar prefixes: which called numbers it takes; none = all.
    :ivar terminal: no gateway with a shorter prefix is tried where this one takes the number (``prefix_mode``).
    :ivar priority: small goes first; *weight* is its share among equals.
    :ivar lines: calls at the same time, None = unlimited; likewise *cps*, new calls per second.
    :ivar strip_prefix: the matched prefix is not sent.
    :ivar media_proxy: off, on, auto or must_on.
    :ivar profile: how we speak with it.
    :ivar numbering: what it has to say about numbers besides its dial plans.
    :ivar periods: when it may be used, and what it is like then; none = always, as it is.
    :ivar conduct: how its calls are judged.
    :ivar protect: it is tried only when all others have failed or are full.
    :ivar lists: names of lists, and of plugins' blacklists, whose calls it is not given.
    :ivar privileges: whose calls it takes, and what it has of its own.
    :ivar limit: what each attempt on it takes.
    :ivar target: where its requests go: an IP address with the defaults filled in, or a name as it is.
    :ivar as_is: it is sent the numbers of the call as they are.
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
    prefixes: tuple[str | Bound, ...] = ()
    terminal: bool = False
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
    periods: tuple[Period, ...] = ()
    numbering: Numbering = PLAIN_NUMBERING
    jurisdiction: Jurisdiction = NO_JURISDICTION
    conduct: Conduct = USUAL
    lists: tuple[str, ...] = ()
    locked: bool = False
    protect: bool = False
    privileges: Privileges = ORDINARY
    limit: Limit = field(init=False, repr=False, compare=False, default=NO_LIMIT)
    target: Address = field(init=False, repr=False, compare=False)
    as_is: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        set_, changes = object.__setattr__, self.callee_dial_plan or self.caller_dial_plan or self.number_transforms
        set_(self, "limit", Limit(f"routing:{self.name}", self.lines, self.cps))
        set_(self, "target", self._target())
        set_(self, "as_is", not changes and not self.strip_prefix and self.numbering is PLAIN_NUMBERING)

    def _target(self) -> Address:
        if self.profile.h323 is None:
            return settled(self.address, self.port, self.transport)
        if self.profile.register:  # its gatekeeper says where each call goes
            return Address(self.address, self.port or RAS_PORT, RAS)
        return Address(self.address, self.port or SIGNALLING_PORT, TRANSPORT)

    @property
    def registers_as(self) -> str:
        """The user name of its registration, with us or of ours with it."""
        return self.username or self.name

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> RoutingGateway:
        """Read a configuration body with every key present.

        :raises ValueError: a dial plan that cannot be read (provisioning refuses those).
        """
        plain = cls(
            name=body["name"],
            address=body["address"],
            port=body["port"],
            account=body["account"] or None,
            transport=body["transport"],
            local_address=body["local_address"] or "",
            username=body["username"] or "",
            password=body["password"] or "",
            realm=body["realm"] or "",
            prefixes=tuple(map(read_prefix, body["prefixes"])),
            terminal=body.get("prefix_mode") == "terminal",
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
            conduct=Conduct.from_body(body),
            lists=tuple(body.get("lists") or ()),
            locked=body["locked"],
            numbering=Numbering.from_body(body),
            jurisdiction=Jurisdiction.from_body(body),
            protect=body.get("protect", False),
            privileges=Privileges.from_body(body, "mapping"),
        )
        return with_periods(plain, body.get("periods") or ())  # type: ignore[no-any-return]


def trunk_text(transport: str, address: str, port: int) -> str:
    """Where a routing gateway is, as people read it: ``udp:192.0.2.1:5060``; "registered" when it registers with us."""
    if not address:
        return "registered"
    host = f"[{address}]" if ":" in address else address
    port_text = f":{port}" if port else ""
    return f"{transport}:{host}{port_text}"
