"""Our registrations with vendors, as the rooms tell each other of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from vosswitch.model.values import Address


@dataclass(frozen=True, slots=True)
class TrunkWish:
    """A routing gateway that wants us to register with it.

    :ivar name: of the routing gateway.
    :ivar target: where the REGISTER goes; *domain* stands in its Request-URI, From and To.
    :ivar realm: only this realm's challenges are answered; None = any.
    :ivar tls_name: whom the vendor's certificate has to prove, "" = the target's host.
    :ivar prefixes: of a gatekeeper: prefixes of numbers that are sent to us; its identifier is *domain*, "" = any.
    """

    name: str
    target: Address
    domain: str
    username: str
    password: str = field(repr=False)
    realm: str | None = None
    local_address: str | None = None
    tls_name: str = ""
    prefixes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Trunk:
    """What a call over a registered gateway needs to know.

    :ivar up: the vendor has granted it and the time has not run out.
    :ivar route: Route values of requests to the vendor (Service-Route, RFC 3608).
    """

    up: bool
    route: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TrunkState:
    """A registration with a vendor, as it is shown.

    :ivar state: of `vosswitch.sip.registrations.registration.State`, or `vosswitch.h323.ras.registration.State`.
    :ivar expires_in: seconds that it is still granted; 0 = it is not.
    :ivar status: of the last response, 0 = none came; of a gatekeeper 200 or 403; *reason* its words.
    :ivar state_for: seconds that the state has lasted.
    :ivar next_in: seconds until the next REGISTER; None = one is on the way, or none follows.
    """

    name: str
    registrar: str
    username: str
    state: str
    expires_in: int
    status: int
    reason: str
    state_for: int
    next_in: int | None
