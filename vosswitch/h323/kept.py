"""The endpoints of our gatekeeper as the switch keeps them: beyond the life of the H.323 process, and of its own.

Pure, and free of the H.323 library: it is used on both sides.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from vosswitch.model.call import Contact
from vosswitch.model.h323 import RAS, TRANSPORT
from vosswitch.model.values import Address

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GATEWAY = "gateway:"
"""What the names of dynamic gateways begin with, as in the SIP registrar."""
GRACE = 10.0
"""Seconds that an endpoint has at least when the process begins: its keep-alive may have come while there was none."""
_LATE = 2.0
"""Seconds by which the same time may seem to be another one on the other side."""
MOST = 20_000
"""Endpoints in all."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One registered endpoint.

    :ivar identifier: what it proves itself by; *names* as which it is registered: numbers, or ``gateway:USER``.
    :ivar aliases: as it registered, (kind, text).
    :ivar signalling: where it takes calls; *ras* where its messages come from, on our socket *local*, which is the IP
        *here* towards it.
    :ivar ttl: seconds that it was granted; *until* when that is over, *full_until* when a full registration is wanted:
        monotonic seconds, or seconds from now on the way between switch and process.
    """

    identifier: str
    names: tuple[str, ...]
    aliases: tuple[tuple[str, str], ...]
    signalling: Address
    ras: Address
    local: Address
    here: str
    product: str
    ttl: int
    until: float
    full_until: float

    @property
    def ends(self) -> float:
        """When it is over however often it is kept alive."""
        return self.full_until

    @property
    def hosts(self) -> frozenset[str]:
        """Where its calls may come from."""
        return frozenset((self.signalling.host, self.ras.host))

    def is_like(self, before: Kept) -> bool:
        """Whether it is registered as before, however long it lasts now: a keep-alive and no more."""
        late = abs(self.full_until - before.full_until)  # by the time that it has taken to be told
        return late < _LATE and replace(self, until=before.until, full_until=before.full_until) == before

    def later(self, seconds: float) -> Kept:
        """The same on a clock that shows so much more."""
        return replace(self, until=self.until + seconds, full_until=self.full_until + seconds)

    def contact(self, name: str) -> Contact:
        """Where calls to one of its names go."""
        target = self.signalling
        host = f"[{target.host}]" if ":" in target.host else target.host
        uri = f"h323:{name.removeprefix(GATEWAY)}@{host}:{target.port}"
        return Contact(uri, target, self.local._replace(host=self.here), self.until, self.product)

    def row(self, now: float) -> tuple[Any, ...]:
        """As it is told, in both directions; *now* monotonic seconds."""
        told = self.later(-now)
        return tuple([getattr(told, name) for name in _FIELDS])

    def to_data(self, left: float) -> list[Any]:
        """What `revive` needs, JSON-able; *left* is its remaining life in whatever form the reader expects."""
        places = [[*self.signalling[:2]], [*self.ras[:2]], [*self.local[:2]]]
        return [left, self.identifier, [*self.names], [[*one] for one in self.aliases], *places, self.here,
                self.product, self.ttl]  # fmt: skip


_FIELDS = tuple(one.name for one in fields(Kept))
"""`dataclasses.astuple` would take the addresses apart."""


def of_row(row: tuple[Any, ...], now: float) -> Kept:
    """What `Kept.row` has made a row of."""
    return Kept(*row).later(now)


def revive(rows: list[list[Any]], ahead: float, now: float, longest: float) -> tuple[Kept, ...]:
    """The endpoints of a record that are not over yet; one that cannot be read is left out.

    Their keep-alives were not written down: each has its time to live once more, and up to as much again, so that
    those that are gone are not all asked at once.

    :param ahead: wall clock minus monotonic clock; *now* monotonic seconds.
    :param longest: seconds that one may still last: the wall clock may have been set back.
    """
    found = []
    for row in rows:
        try:
            ends = min(float(row[0]) - ahead, now + longest)
            if ends > now:
                found.append(_of_data(row, ends, now))
        except (ValueError, TypeError, LookupError, AttributeError):
            continue
    return tuple(found)


def _of_data(data: list[Any], ends: float, now: float) -> Kept:
    _, identifier, names, aliases, signalling, ras, local, here, product, ttl = data
    seconds = int(ttl)
    return Kept(
        str(identifier),
        tuple([str(name) for name in names]),
        tuple([(str(kind), str(text)) for kind, text in aliases]),
        _place(signalling, TRANSPORT),
        _place(ras, RAS),
        _place(local, RAS),
        str(here),
        str(product),
        seconds,
        now + seconds * (1 + int(identifier[:4], 16) / 65_536),
        ends,
    )


def _place(data: list[Any], transport: str) -> Address:
    host, port = data
    return Address(str(host), int(port), transport)


class Directory:
    """All of them, by identifier.

    :param now: monotonic seconds.
    :ivar changed: told the identifier of what has to be written down anew.
    """

    __slots__ = ("_by_name", "_hosts", "_kept", "_now", "changed")

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._kept: dict[str, Kept] = {}
        self._by_name: dict[str, str] = {}
        self._hosts: dict[str, int] = {}
        self.changed: Callable[[str], object] = lambda identifier: None

    def __iter__(self) -> Iterator[Kept]:
        """All that have not been forgotten."""
        return iter(list(self._kept.values()))

    def put(self, kept: Kept) -> None:
        """It has registered, or is kept alive."""
        before = self._kept.get(kept.identifier)
        if before is None and len(self._kept) >= MOST:
            return
        for other in {self._by_name.get(name) for name in kept.names} - {None, kept.identifier}:
            self.drop(str(other))
        same = before is not None and kept.is_like(before)
        if before is not None:
            self._unlist(before)
        self._kept[kept.identifier] = kept
        self._by_name.update(dict.fromkeys(kept.names, kept.identifier))
        for host in kept.hosts:
            self._hosts[host] = self._hosts.get(host, 0) + 1
        if not same:
            self.changed(kept.identifier)

    def prolong(self, kept: Kept, until: float) -> Kept:
        """The same endpoint, which has at least so long."""
        longer = replace(kept, until=max(kept.until, until))
        self.put(longer)
        return longer

    def drop(self, identifier: str) -> None:
        """It is registered no more."""
        before = self._kept.pop(identifier, None)
        if before is not None:
            self._unlist(before)
            self.changed(identifier)

    def _unlist(self, kept: Kept) -> None:
        for name in kept.names:
            if self._by_name.get(name) == kept.identifier:
                del self._by_name[name]
        for host in kept.hosts:
            self._hosts[host] -= 1
            if not self._hosts[host]:
                del self._hosts[host]

    def knows(self, host: str) -> bool:
        """Whether one of them has that address."""
        return host in self._hosts

    def named(self, name: str) -> Kept | None:
        """Who is registered under a name, and is not over."""
        kept = self._kept.get(self._by_name.get(name, ""))
        return kept if kept is not None and kept.until > self._now() else None

    def numbers(self) -> list[str]:
        """Every name that somebody is registered under."""
        now = self._now()
        return [name for name, identifier in self._by_name.items() if self._kept[identifier].until > now]

    # What keeps them over a restart.

    def names(self) -> list[str]:
        """Every identifier."""
        return list(self._kept)

    def live(self, identifier: str) -> tuple[Kept, ...]:
        """The endpoint of that identifier."""
        kept = self._kept.get(identifier)
        return () if kept is None else (kept,)

    def restore(self, _identifier: str, found: tuple[Kept, ...]) -> None:
        """Take over one of a former life."""
        for kept in found:
            self.put(kept)
