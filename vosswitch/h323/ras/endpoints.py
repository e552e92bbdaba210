"""The endpoints that are registered with our gatekeeper, in memory and bounded."""

from __future__ import annotations

from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import TYPE_CHECKING

from vosswitch.h323.kept import GATEWAY, MOST, Kept

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vosswitch.model.values import Address

MOST_AT_HOST = 256
"""Endpoints of one address."""
MOST_CALLS = 4000
"""Admitted calls of one endpoint that we remember; the oldest is forgotten."""


@dataclass(slots=True)
class Admission:
    """A call that an endpoint has been admitted.

    :ivar bandwidth: granted, in units of 100 bit/s; *answer* whether it is the called side.
    """

    reference: int
    answer: bool
    bandwidth: int
    name: str = ""


@dataclass(slots=True, eq=False)
class Endpoint:
    """One registered endpoint.

    :ivar identifier: what it proves itself by; nobody can guess it.
    :ivar names: what it is registered as: phone numbers, or ``gateway:USER`` of dynamic gateways.
    :ivar aliases: as it registered, (kind, text); others than *names* are for people.
    :ivar signalling: where it takes calls; *ras* where its messages came from, on our socket *local*.
    :ivar until: monotonic seconds up to which it is registered; *full_until* up to which a keep-alive is enough.
    :ivar calls: what it has been admitted, by call identifier.
    """

    identifier: str
    names: tuple[str, ...]
    aliases: tuple[tuple[str, str], ...]
    signalling: Address
    ras: Address
    local: Address
    product: str = ""
    ttl: int = 0
    until: float = 0.0
    full_until: float = 0.0
    asking: bool = False
    calls: dict[bytes, Admission] = field(default_factory=dict)

    def is_at(self, host: str) -> bool:
        """Whether a source address is its own."""
        return host in (self.ras.host, self.signalling.host)

    def name_of(self, texts: tuple[str, ...]) -> str:
        """As which of its names it calls: the one that is among *texts* (numbers and aliases), else the first."""
        if len(self.names) > 1:
            for name in self.names:
                if name.removeprefix(GATEWAY) in texts:
                    return name
        return self.names[0]

    def admit(self, call: bytes, admission: Admission) -> None:
        """Remember a call."""
        self.calls.pop(call, None)
        while len(self.calls) >= MOST_CALLS:
            del self.calls[next(iter(self.calls))]
        self.calls[call] = admission

    def kept(self, here: str) -> Kept:
        """As the switch keeps it; *here* is our IP towards it."""
        return Kept(
            self.identifier, self.names, self.aliases, self.signalling, self.ras, self.local, here, self.product,
            self.ttl, self.until, self.full_until,
        )  # fmt: skip


class Endpoints:
    """All of them."""

    __slots__ = ("_by_host", "_by_identifier", "_by_name", "_due")

    def __init__(self) -> None:
        self._by_identifier: dict[str, Endpoint] = {}
        self._by_name: dict[str, Endpoint] = {}
        self._by_host: dict[str, dict[str, Endpoint]] = {}
        self._due: list[tuple[float, str]] = []

    def __len__(self) -> int:
        """How many there are."""
        return len(self._by_identifier)

    def __iter__(self) -> Iterator[Endpoint]:
        """All of them."""
        return iter(list(self._by_identifier.values()))

    def of(self, identifier: str) -> Endpoint | None:
        """The endpoint with that identifier."""
        return self._by_identifier.get(identifier)

    def named(self, name: str) -> Endpoint | None:
        """Who is registered under that name."""
        return self._by_name.get(name)

    def at(self, host: str) -> tuple[Endpoint, ...]:
        """The endpoints whose signalling or RAS address that is."""
        return tuple(self._by_host.get(host, {}).values())

    def full(self, host: str) -> bool:
        """Whether there is no room for one more, in all or of that address."""
        return len(self) >= MOST or len(self._by_host.get(host, ())) >= MOST_AT_HOST

    def add(self, endpoint: Endpoint) -> None:
        """Take it in; whose names it has have been removed before."""
        self._by_identifier[endpoint.identifier] = endpoint
        for name in endpoint.names:
            self._by_name[name] = endpoint
        for host in {endpoint.ras.host, endpoint.signalling.host}:
            self._by_host.setdefault(host, {})[endpoint.identifier] = endpoint
        self.lasts(endpoint)

    def lasts(self, endpoint: Endpoint) -> None:
        """Its `until` has been set."""
        heappush(self._due, (endpoint.until, endpoint.identifier))
        if len(self._due) > 4 * len(self) + 1000:  # what was refreshed long before its time has come
            self._due = sorted((one.until, one.identifier) for one in self._by_identifier.values())

    def remove(self, endpoint: Endpoint) -> None:
        """Forget it."""
        if self._by_identifier.pop(endpoint.identifier, None) is None:
            return
        for name in endpoint.names:
            if self._by_name.get(name) is endpoint:
                del self._by_name[name]
        for host in {endpoint.ras.host, endpoint.signalling.host}:
            found = self._by_host.get(host, {})
            found.pop(endpoint.identifier, None)
            if not found:
                self._by_host.pop(host, None)

    def over(self, now: float) -> Iterator[Endpoint]:
        """Those whose time has run out since they were last named here."""
        while self._due and self._due[0][0] <= now:
            _, identifier = heappop(self._due)
            found = self._by_identifier.get(identifier)
            if found is not None and found.until <= now:
                yield found
