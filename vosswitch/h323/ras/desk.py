"""What our gatekeeper has of the world: datagrams, timers, and the switch, which is asked who may do what."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from vosswitch.h323.ras.asking import Wire

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.h323.ras.endpoints import Endpoint
    from vosswitch.model.values import Address


class Settings(NamedTuple):
    """What an operator sets.

    :ivar identifier: our gatekeeperIdentifier.
    :ivar ttl: seconds that a registration lasts without a keep-alive (SS_ENDPOINTTIMETOLIVE).
    :ivar expire: seconds after which a full registration is wanted again (SS_ENDPOINT_EXPIRE).
    :ivar replace: a new registration takes the place of another endpoint's (SS_ENDPOINT_REGISTER_REPLACE); else it is
        refused as long as that one lives.
    :ivar bandwidth: most that a call is granted, units of 100 bit/s (VS_H323_BANDWIDTH).
    """

    identifier: str = "vosswitch"
    ttl: int = 60
    expire: int = 3600
    replace: bool = True
    bandwidth: int = 100_000


class Registering(NamedTuple):
    """Whether an endpoint may register.

    :ivar hosts: where its messages come from and where it takes calls: all have to be its own.
    :ivar aliases: texts by which it wants to be known.
    """

    hosts: tuple[str, ...]
    aliases: tuple[str, ...]


class Calling(NamedTuple):
    """Whether an endpoint may call.

    :ivar name: as which it is registered.
    :ivar caller: texts of the calling side; *callee* of the called one.
    """

    name: str
    host: str
    caller: tuple[str, ...]
    callee: tuple[str, ...]


class Locating(NamedTuple):
    """Whether another gatekeeper may send us its calls to a number."""

    host: str
    callee: tuple[str, ...]


class Desk(Wire, Protocol):
    """Provided by the process's shell; tests fake it."""

    def now(self) -> float:
        """Monotonic seconds."""

    def token(self) -> str:
        """Thirty-two hex digits that nobody can guess."""

    def calls_at(self, source: Address, local: Address) -> Address | None:
        """Where an endpoint at *source* sends its calls to us; None = we take none."""

    def ras_at(self, source: Address, local: Address) -> Address:
        """Our RAS address as *source* sees it."""

    def may_register(self, question: Registering, answer: Callable[[tuple[str, ...]], None]) -> None:
        """Ask which names it may have: phone numbers and ``gateway:USER``; none = it may not register."""

    def may_call(self, question: Calling, answer: Callable[[str], None]) -> None:
        """Ask for the reason of an admissionReject, "" = it may call."""

    def may_locate(self, question: Locating, answer: Callable[[str], None]) -> None:
        """Ask for the reason of a locationReject, "" = the calls may come."""

    def placed(self, call: bytes) -> bool:
        """Whether a call with that identifier is one that we have set up."""

    def registered(self, endpoint: Endpoint) -> None:
        """It is registered under its names, up to its `until`; what was told of its identifier before is over."""

    def forgotten(self, endpoint: Endpoint) -> None:
        """It is registered no more."""

    def resources(self, endpoint: Endpoint, scarce: bool) -> None:
        """It is almost out of resources, or is not."""

    def tell(self, event: str, source: Address, method: str, reason: str, user: str) -> None:
        """Have it written to the log: ``auth_refused``, ``registered``, ``unregistered``."""
