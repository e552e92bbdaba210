"""The index that finds the routing gateways for a number.

Immutable; `changed` makes the next one and shares with it all shards (by the leading characters of the prefixes) in
which nothing changes, so that one changed gateway of many costs little.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

from vosswitch.model.peer import PLAIN
from vosswitch.routing.bounds import Bound
from vosswitch.routing.eligibility import checks_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from vosswitch.model.peer import PeerProfile
    from vosswitch.routing.eligibility import Check
    from vosswitch.routing.gateways import RoutingGateway

_EMPTY: _Shard = {}
_SHARD = 3
"""Leading characters that choose a shard; shorter prefixes have one of their own."""


class Entry(NamedTuple):
    """A gateway at its prefixes; all plain prefixes of a gateway share one.

    :ivar checks: what has to be asked before it is tried (`vosswitch.routing.eligibility`).
    :ivar plain: there is nothing to ask and nothing to heed: it may be tried, and means nothing for others.
    :ivar bounds: the entries of one prefix of which something is set, None = it is a plain text.
    :ivar priority: of the gateway, likewise *weight*, *lines* and the *key* of its counter: what every call looks at.
    """

    name: str
    gateway: RoutingGateway
    checks: tuple[Check, ...]
    plain: bool
    bounds: tuple[Bound, ...] | None
    priority: int
    weight: int
    lines: int | None
    key: str


Match = tuple[Entry, str, int]
"""A gateway that takes the number: its place, its longest prefix that matches and is in force, and its priority."""


_Shard = dict[str, tuple[Entry, ...]]


class GatewayIndex:
    """All routing gateways, found by the prefixes they take; immutable.

    :ivar gateways: by name.
    :ivar dynamic: those that register with us, by user name; locked ones are not among them; *h323_dynamic* likewise
        those that speak H.323.
    :ivar hosts: the addresses of all that speak SIP.
    :ivar speaks_h323: whether one of them speaks H.323.
    """

    __slots__ = (
        "_by_host",
        "_counts",
        "_lengths",
        "_shards",
        "dynamic",
        "gateways",
        "h323_dynamic",
        "hosts",
        "speaks_h323",
    )

    def __init__(self, gateways: Mapping[str, RoutingGateway]) -> None:
        self._take(gateways, {}, {}, set(), gateways)

    def changed(self, changes: Mapping[str, RoutingGateway | None]) -> GatewayIndex:
        """The index after some gateways are new or different, None = gone; the others' places are shared."""
        gateways = dict(self.gateways)
        for name, gateway in changes.items():
            if gateway is None:
                gateways.pop(name, None)
            else:
                gateways[name] = gateway
        found = GatewayIndex.__new__(GatewayIndex)
        found._take(gateways, self._shards, self._counts, set(changes) & set(self.gateways), changes, self.gateways)
        return found

    def _take(
        self,
        gateways: Mapping[str, RoutingGateway],
        shards: Mapping[str, _Shard],
        counts: Mapping[int, int],
        gone: set[str],
        come: Mapping[str, RoutingGateway | None],
        before: Mapping[str, RoutingGateway] | None = None,
    ) -> None:
        """Take over *shards* of the former index without the gateways *gone*, with those that *come*."""
        added: dict[str, tuple[Entry, ...]] = {}
        for gateway in come.values():
            if gateway is not None:
                for prefix, entry in _entries(gateway):
                    added[prefix] = (*added[prefix], entry) if prefix in added else (entry,)
        touched = dict.fromkeys(added)
        for name in gone:
            assert before is not None
            touched.update(dict.fromkeys(_texts(before[name])))
        self.gateways = gateways
        self._shards, self._counts = _merged(shards, counts, gone, touched, added)
        self._lengths = tuple(sorted((length for length, count in self._counts.items() if count), reverse=True))
        self._take_places(gateways)

    def _take_places(self, gateways: Mapping[str, RoutingGateway]) -> None:
        """Who registers, and who is where."""
        self.dynamic: dict[str, list[RoutingGateway]] = {}
        self.h323_dynamic: dict[str, list[RoutingGateway]] = {}
        special: dict[str, PeerProfile] = {}
        hosts = set()
        for gateway in gateways.values():
            profile = gateway.profile
            if profile.h323 is not None:
                if profile.dynamic and not gateway.locked:
                    self.h323_dynamic.setdefault(gateway.registers_as, []).append(gateway)
                continue
            hosts.add(gateway.address)
            if profile is not PLAIN:
                if profile.dynamic and gateway.password and not gateway.locked:
                    self.dynamic.setdefault(gateway.registers_as, []).append(gateway)
                if gateway.address:
                    special.setdefault(gateway.address, profile)
        self.speaks_h323 = any(gateway.profile.h323 is not None for gateway in gateways.values())
        self.hosts = frozenset(hosts)
        self._by_host = special

    def parts(self) -> list[object]:
        """What it consists of, so that a large one can be let go of piece by piece."""
        return list(self._shards.values())

    def longest_prefix(self, callee: str) -> str:
        """The longest prefix of any gateway that *callee* begins with, whatever the time."""
        return max((prefix for _, prefix, _ in self.matches(callee).values()), key=len, default="")

    def profile_at(self, host: str) -> PeerProfile:
        """How the gateway at an IP address is spoken with; of several the first of which something special is set."""
        return self._by_host.get(host, PLAIN)

    def matches(
        self, callee: str, at_ms: int | None = None, snapshot: Any = None, billed: str = ""
    ) -> dict[str, Match]:
        """Every gateway that takes *callee*, locked ones too, by name, the longest prefixes first.

        :param at_ms: when, epoch milliseconds; None = whatever the time, prefixes that are not in force included.
        :param snapshot: the configuration, for calendars; *billed*: the number whose area's time is meant, "" = callee.
        """
        found: dict[str, Match] = {}
        size = len(callee)
        shards = self._shards
        short, shard = shards.get("", _EMPTY), shards.get(callee[:_SHARD], _EMPTY) if size >= _SHARD else _EMPTY
        for length in self._lengths:
            if length <= size:
                prefix = callee[:length]
                entries = (shard if length >= _SHARD else short).get(prefix)
                if entries is not None:
                    for entry in entries:
                        name = entry[0]
                        if name in found:
                            continue
                        if entry[4] is None:
                            found[name] = entry, prefix, 0
                        elif (bound := _in_force(entry[4], at_ms, snapshot, billed or callee)) is not None:
                            found[name] = entry, prefix, bound.priority
        return found


def _in_force(bounds: tuple[Bound, ...], at_ms: int | None, snapshot: Any, callee: str) -> Bound | None:
    """The first entry in force."""
    for bound in bounds:
        if at_ms is None or bound.in_force(at_ms, snapshot, callee):
            return bound
    return None


def _texts(gateway: RoutingGateway) -> Iterable[str]:
    """The prefixes of a gateway."""
    return [item if isinstance(item, str) else item.prefix for item in gateway.prefixes] or ("",)


def _entries(gateway: RoutingGateway) -> Iterable[tuple[str, Entry]]:
    """The places of a gateway in the index: each prefix once."""
    checks = checks_of(gateway)
    special = checks or gateway.locked or gateway.terminal or gateway.protect
    seen = gateway.priority, gateway.weight, gateway.lines, gateway.limit.key
    plain = Entry(gateway.name, gateway, checks, not special, None, *seen)
    if not gateway.prefixes:
        return [("", plain)]
    if set(map(type, gateway.prefixes)) == {str}:  # as mostly, and there may be ten thousand of them
        return dict.fromkeys(cast("tuple[str, ...]", gateway.prefixes), plain).items()
    found: dict[str, Entry] = {}
    bound: dict[str, list[Bound]] = {}
    for item in gateway.prefixes:
        if isinstance(item, str):
            if item not in bound:
                found[item] = plain
            bound.get(item, []).append(Bound(item))
        else:
            earlier = [Bound(item.prefix)] if item.prefix in found and item.prefix not in bound else []
            bound.setdefault(item.prefix, earlier).append(item)
    for prefix, bounds in bound.items():
        found[prefix] = plain._replace(bounds=tuple(bounds))
    return found.items()


def _merged(
    shards: Mapping[str, _Shard],
    counts: Mapping[int, int],
    gone: set[str],
    touched: Iterable[str],
    added: Mapping[str, tuple[Entry, ...]],
) -> tuple[dict[str, _Shard], dict[int, int]]:
    """The shards with the touched prefixes anew, and how many prefixes there are of each length."""
    new, sizes = dict(shards), dict(counts)
    own: dict[str, _Shard] = {}
    for prefix in touched:
        length = len(prefix)
        key = prefix[:_SHARD] if length >= _SHARD else ""
        shard = own.get(key)
        if shard is None:
            shard = own[key] = new[key] = dict(new.get(key, ()))
        old, come = shard.get(prefix), added.get(prefix, ())
        if old is None:
            if come:
                shard[prefix] = come
                sizes[length] = sizes.get(length, 0) + 1
            continue
        members = (*[entry for entry in old if entry[0] not in gone], *come)
        if members:
            shard[prefix] = members
        else:
            del shard[prefix]
            sizes[length] -= 1
    return new, sizes
