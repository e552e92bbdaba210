"""Who is calling: from the source address, or from the name that was proved by digest, to gateway or phone.

Source addresses: the most specific network first; in it, of the gateways whose tech prefix the called number begins
with, the longest tech prefix; then ``ip_port`` before ``ip``; then the first by name.  A gateway whose tech prefix
does not fit is not the caller, and the next wider network is asked.  The called number is read where the gateway says
that it stands (`PeerProfile.callee_source`), so gateways of one address may differ in that too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from vosswitch.accounts.sources import SIP_PORT, source_ip
from vosswitch.model.h323 import SIGNALLING_PORT, TRANSPORT
from vosswitch.model.peer import PLAIN
from vosswitch.numbers.prefixes import PrefixIndex

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

    from vosswitch.accounts.values import MappingGateway, Phone
    from vosswitch.model.call import Credential
    from vosswitch.model.peer import PeerProfile
    from vosswitch.model.values import Address


Read = Callable[[str], str | None]
"""Gives the called number that a place holds (``request_uri``, ``to``, ``diversion``; of H.323 ``called_party``,
``destination``); None = not to be read."""
_PLACES = frozenset({"request_uri", "called_party"})
"""Where the called number is as a rule."""


_WITH_PORT = frozenset({"udp", TRANSPORT})
"""Transports whose source port tells gateways apart; that of H.323 is the one that its Setup names."""


class Identified(NamedTuple):
    """The caller: exactly one of *gateway* and *phone*, and the called number without the tech prefix."""

    gateway: MappingGateway | None
    phone: Phone | None
    callee: str


class _Entry(NamedTuple):
    """A gateway at one place; *port* None = any port."""

    gateway: MappingGateway
    port: int | None

    @property
    def order(self) -> tuple[int, str, bool, int, str]:
        prefix = self.gateway.tech_prefix
        return (-len(prefix), prefix, self.port is None, self.port or 0, self.gateway.name)

    @property
    def callee_source(self) -> str:
        profile = self.gateway.profile
        return profile.callee_source if profile.h323 is None else profile.h323.callee_source

    def fits(self, source: Address) -> bool:
        return self.port is None or (self.port == source.port and source.transport in _WITH_PORT)


class _Place:
    """The gateways of one address, one network or one user name."""

    __slots__ = ("_by_prefix", "entries", "other_sources")

    def __init__(self, entries: Iterable[_Entry]) -> None:
        self.entries = tuple(sorted(entries, key=lambda entry: entry.order))
        self.other_sources = any(entry.callee_source not in _PLACES for entry in self.entries)
        self._by_prefix: PrefixIndex[tuple[_Entry, ...]] | None = None
        if len(self.entries) > 1:
            groups: dict[str, list[_Entry]] = {}
            for entry in self.entries:
                groups.setdefault(entry.gateway.tech_prefix, []).append(entry)
            self._by_prefix = PrefixIndex({prefix: tuple(found) for prefix, found in groups.items()})

    def trusts(self, source: Address) -> bool:
        return any(entry.fits(source) for entry in self.entries)

    def find(self, source: Address, callee: str, read: Read | None) -> tuple[MappingGateway, str] | None:
        if not self.other_sources:
            found = self._find(source, callee)
            return None if found is None else (found, callee)
        for entry in self.entries:
            place = entry.callee_source
            number = callee if read is None else read(place)
            if number is not None and number.startswith(entry.gateway.tech_prefix) and entry.fits(source):
                return entry.gateway, number
        return None

    def _find(self, source: Address, callee: str) -> MappingGateway | None:
        if self._by_prefix is None:
            entry = self.entries[0]
            return entry.gateway if callee.startswith(entry.gateway.tech_prefix) and entry.fits(source) else None
        for _, entries in self._by_prefix.matches(callee):
            for entry in entries:
                if entry.fits(source):
                    return entry.gateway
        return None

    def conflicts(self, where: str) -> Iterator[str]:
        """One line for every gateway that another one of the same place, port and tech prefix hides."""
        used = self.entries[0]
        for entry in self.entries[1:]:
            if (entry.gateway.tech_prefix, entry.port) == (used.gateway.tech_prefix, used.port):
                yield (
                    f"mapping gateways {used.gateway.name} and {entry.gateway.name} share {where}"
                    f" and tech prefix {entry.gateway.tech_prefix!r}: {used.gateway.name} is used"
                )
            else:
                used = entry


_Places = dict["IPv4Network | IPv6Network", _Place]
_Levels = dict[int, dict[int, dict[int, _Place]]]
"""Of networks, per IP version: by bits to shift the address by, the places by what is left."""


class Callers:
    """An immutable index of everyone who may call.

    :param mapping_gateways: by name; *phones* by number.
    :param port: of addresses that are written without.
    :ivar h323: the index of those that speak H.323; None = there are none, or this is it.
    :ivar warnings: one line for every gateway or phone that is hidden by another one.
    """

    __slots__ = (
        "_exact",
        "_hidden",
        "_levels",
        "_phones",
        "_places",
        "_plain",
        "_port",
        "_sources",
        "_users",
        "h323",
        "warnings",
    )

    def __init__(
        self, mapping_gateways: Mapping[str, MappingGateway], phones: Mapping[str, Phone], port: int = SIP_PORT
    ) -> None:
        self._port = port
        self.h323: Callers | None = None
        self.warnings: tuple[str, ...] = ()
        self._places: _Places = {}
        self._exact: dict[str, _Place] = {}
        self._levels: _Levels = {}
        self._users: dict[str, _Place] = {}
        self._hidden: dict[Any, tuple[str, ...]] = {}
        self._take({}, mapping_gateways, phones)

    def changed(self, mapping_gateways: Mapping[str, MappingGateway], phones: Mapping[str, Phone]) -> Callers:
        """The index of others; the places at which nobody has changed are shared."""
        found = Callers.__new__(Callers)
        found._places = dict(self._places)
        found._exact = dict(self._exact)
        found._levels = {
            version: {shift: dict(places) for shift, places in levels.items()}
            for version, levels in self._levels.items()
        }
        found._users = dict(self._users)
        found._hidden = dict(self._hidden)
        found._port, found.h323 = self._port, self.h323
        found._take(self._sources[0], mapping_gateways, phones)
        return found

    def _take(
        self, before: Mapping[str, MappingGateway], mapping: Mapping[str, MappingGateway], phones: Mapping[str, Phone]
    ) -> None:
        """Take over what has changed since the gateways were those *before*."""
        self._sources = mapping, phones
        self._phones = phones
        if self._port == SIP_PORT:
            before, mapping = _spoken(before), self._without_h323(mapping, phones)
        gone = [gateway for name, gateway in before.items() if mapping.get(name) is not gateway]
        come = [gateway for name, gateway in mapping.items() if before.get(name) is not gateway]
        if gone or come:
            come.sort(key=_name_of)
            self._take_places(gone, come)
            self._take_users({gateway.username for gateway in (*gone, *come) if gateway.auth == "password"}, mapping)
        self._plain = all(gateway.profile is PLAIN for gateway in mapping.values())
        hidden = [line for lines in self._hidden.values() for line in lines]
        hidden += [f"phone {name} is hidden by a mapping gateway's user name" for name in self._users if name in phones]
        self.warnings = (*hidden, *(self.h323.warnings if self.h323 is not None else ()))

    def _without_h323(
        self, mapping: Mapping[str, MappingGateway], phones: Mapping[str, Phone]
    ) -> Mapping[str, MappingGateway]:
        """Those that speak SIP; the others get their own index."""
        others = {name: gateway for name, gateway in mapping.items() if gateway.profile.h323 is not None}
        known = self.h323
        if not others:
            self.h323 = None
            return mapping
        if known is None or known._sources[0] != others or known._phones is not phones:
            make = Callers(others, phones, SIGNALLING_PORT) if known is None else known.changed(others, phones)
            self.h323 = make
        return _spoken(mapping)

    def _take_places(self, gone: Iterable[MappingGateway], come: Iterable[MappingGateway]) -> None:
        added: dict[IPv4Network | IPv6Network, dict[tuple[str, int | None], _Entry]] = {}
        names = set()
        for gateway in gone:
            names.add(gateway.name)
            for match in gateway.addresses if gateway.auth != "password" else ():
                added.setdefault(match.network, {})
        for gateway in come:
            for match in gateway.addresses if gateway.auth != "password" else ():
                port = (match.port or self._port) if gateway.auth == "ip_port" else None
                added.setdefault(match.network, {})[gateway.name, port] = _Entry(gateway, port)
        for network, entries in added.items():
            old = self._places.get(network)
            stay = [entry for entry in old.entries if entry.gateway.name not in names] if old is not None else []
            self._put(network, _Place((*stay, *entries.values())) if stay or entries else None)

    def _put(self, network: IPv4Network | IPv6Network, place: _Place | None) -> None:
        shift = network.max_prefixlen - network.prefixlen
        if shift:
            _set(self._levels.setdefault(network.version, {}).setdefault(shift, {}), _key(network, shift), place)
        else:
            _set(self._exact, str(network.network_address), place)
        _set(self._places, network, place)
        _set(self._hidden, network, tuple(place.conflicts(str(network))) if place is not None else ())

    def _take_users(self, names: set[str], mapping: Mapping[str, MappingGateway]) -> None:
        """Password gateways of some user names, anew."""
        if not names:
            return
        bearers: dict[str, list[MappingGateway]] = {name: [] for name in sorted(names)}
        for gateway in mapping.values():
            if gateway.auth == "password" and gateway.username in bearers:
                bearers[gateway.username].append(gateway)
        for name, gateways in bearers.items():
            place, hidden = _user(sorted(gateways, key=_name_of))
            _set(self._users, name, place)
            conflicts = place.conflicts(f"user name {name}") if place is not None else ()
            _set(self._hidden, name, (*hidden, *conflicts))

    def made_of(self, mapping_gateways: Mapping[str, MappingGateway], phones: Mapping[str, Phone]) -> bool:
        """Whether it is the index of just these values, so that it need not be made again."""
        return self._sources[0] is mapping_gateways and self._sources[1] is phones

    def trusts(self, source: Address) -> bool:
        """Whether the address proves its sender by itself: a gateway with auth ``ip`` or ``ip_port`` is there."""
        if source.transport == TRANSPORT and self._port == SIP_PORT:
            return self.h323 is not None and self.h323.trusts(source)
        return any(place.trusts(source) for place in self._at(source.host))

    def identify(self, source: Address, user: str | None, callee: str, read: Read | None = None) -> Identified | None:
        """Who calls *callee* from *source*; None = nobody that we know.

        :param user: the name that digest has proved; None = the address has to prove the caller.
        :param callee: the called number as received, in the Request-URI.
        :param read: gives what stands in each place; None = *callee* is what every gateway reads.
        """
        if source.transport == TRANSPORT and self._port == SIP_PORT:
            return self._of_h323(source, user, callee, read)
        if user is not None:
            return self._named(source, user, callee, read)
        exact = self._exact.get(source.host)
        if exact is not None and (at_once := exact.find(source, callee, read)) is not None:
            return _identified(*at_once)
        for place in self._at(source.host):
            found = place.find(source, callee, read)
            if found is not None:
                return _identified(*found)
        return None

    def _of_h323(self, source: Address, user: str | None, callee: str, read: Read | None) -> Identified | None:
        if self.h323 is not None:
            return self.h323.identify(source, user, callee, read)
        phone = self._phones.get(user) if user is not None else None
        return None if phone is None else Identified(None, phone, callee)

    def known(self, host: str) -> bool:
        """Whether a gateway's addresses name that host, whatever its port."""
        return next(self._at(host), None) is not None

    def profile_at(self, source: Address) -> PeerProfile:
        """How the gateway at an address is spoken with, before its call is known; of several the first that fits."""
        if self._plain:
            return PLAIN
        for place in self._at(source.host):
            for entry in place.entries:
                if entry.fits(source):
                    return entry.gateway.profile
        return PLAIN

    def _named(self, source: Address, user: str, callee: str, read: Read | None) -> Identified | None:
        place = self._users.get(user)
        if place is None:
            phone = self._phones.get(user)
            return None if phone is None else Identified(None, phone, callee)
        found = place.find(source, callee, read)
        return None if found is None or not _inside(found[0], source) else _identified(*found)

    def credentials(self, username: str) -> tuple[Credential, ...]:
        """What proves *username*; empty when there is no such name, or all that bear it are locked."""
        place = self._users.get(username)
        if place is not None:
            return next((e.gateway.credentials for e in place.entries if not e.gateway.locked), ())
        phone = self._phones.get(username)
        return () if phone is None or phone.locked else phone.credentials

    def challenges(self) -> bool:
        """Whether an unknown source may be a gateway or a phone that proves itself by password.

        Then every unknown source is challenged, whatever number it calls from: who is told 401 for some numbers and
        403 for others has learnt which phones there are.
        """
        return bool(self._users or self._phones)

    def asked(self, source: Address) -> bool:
        """Whether a gateway that proves itself by password may call from *source*."""
        return any(_inside(entry.gateway, source) for place in self._users.values() for entry in place.entries)

    def together(self, one: str, other: str) -> bool:
        """Whether two source hosts belong to one and the same gateway."""
        names = {entry.gateway.name for place in self._at(one) for entry in place.entries}
        return bool(names) and any(entry.gateway.name in names for place in self._at(other) for entry in place.entries)

    def phone(self, username: str) -> str | None:
        """The number that *username* may register; None when it is no phone, or a locked one."""
        phone = self._phones.get(username)
        return None if phone is None or phone.locked or username in self._users else phone.number

    def dynamic(self, username: str) -> bool:
        """Whether a mapping gateway of this user name registers with us."""
        place = self._users.get(username)
        return place is not None and any(e.gateway.profile.dynamic and not e.gateway.locked for e in place.entries)

    def registrants(self, username: str) -> tuple[MappingGateway, ...]:
        """The gateways of this user name that speak H.323 and register with us; locked ones are not among them."""
        place = self.h323._users.get(username) if self.h323 is not None else None
        entries = place.entries if place is not None else ()
        return tuple([one.gateway for one in entries if one.gateway.profile.dynamic and not one.gateway.locked])

    def _at(self, host: str) -> Iterator[_Place]:
        """The places that a source address belongs to, the most specific first."""
        place = self._exact.get(host)
        if place is not None:
            yield place
        if not self._levels and "." in host and ":" not in host:
            return
        address = source_ip(host)
        if address is not None:
            yield from self._around(address, host)

    def _around(self, address: IPv4Address | IPv6Address, host: str) -> Iterator[_Place]:
        text = str(address)
        if text != host and text in self._exact:
            yield self._exact[text]
        number = int(address)
        levels = self._levels.get(address.version, {})
        for shift in sorted(levels):  # the longest network first
            place = levels[shift].get(number >> shift)
            if place is not None:
                yield place


def _spoken(mapping: Mapping[str, MappingGateway]) -> Mapping[str, MappingGateway]:
    """Those that speak SIP."""
    return {name: gateway for name, gateway in mapping.items() if gateway.profile.h323 is None}


def _identified(gateway: MappingGateway, callee: str) -> Identified:
    prefix = gateway.tech_prefix
    return Identified(gateway, None, callee[len(prefix) :] if prefix else callee)


def _inside(gateway: MappingGateway, source: Address) -> bool:
    """Whether a password gateway that names addresses is called from one of them."""
    if not gateway.addresses:
        return True
    address = source_ip(source.host)
    return address is not None and any(address in match.network for match in gateway.addresses)


def _key(network: IPv4Network | IPv6Network, shift: int) -> int:
    return int(network.network_address) >> shift


def _name_of(gateway: MappingGateway) -> str:
    return gateway.name


def _set(table: dict[Any, Any], key: Any, value: Any) -> None:
    """Put it there; what is empty is taken away."""
    if value:
        table[key] = value
    else:
        table.pop(key, None)


def _user(gateways: Sequence[MappingGateway]) -> tuple[_Place | None, list[str]]:
    """The gateways of one user name, and who is hidden: several share it only when they share its password too."""
    if not gateways:
        return None, []
    first = gateways[0]
    entries = [_Entry(one, None) for one in gateways if one.credentials == first.credentials]
    hidden = [
        f"mapping gateway {one.name} has the user name of {first.name} with another password: it is not used"
        for one in gateways
        if one.credentials != first.credentials
    ]
    return _Place(entries), hidden
