"""The registrar: where the devices are (RFC 3261 section 10, RFC 3327, RFC 5626), in memory.

A *name* is what is registered: a phone's number, or ``gateway:USER`` for the dynamic gateways of a user name.
Bindings stand in a tuple per name, the oldest first; nothing of a binding has a timer, `sweep` forgets what is over.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from vosswitch.sip.grammar.headers import delta_seconds
from vosswitch.sip.registrations.location import Binding, identity, locate, path_of
from vosswitch.sip.registrations.registering import (
    Outcome,
    date_line,
    first_hop_lacks,
    listing,
    outbound_lines,
    supports,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from vosswitch.model.call import Contact
    from vosswitch.model.values import Address
    from vosswitch.sip.grammar.headers import NameAddr
    from vosswitch.sip.grammar.message import Request
    from vosswitch.sip.transactions.flow import Flow

SHORTEST = 60
"""Seconds: less is refused with 423, unless SS_ENDPOINT_EXPIRE is less itself."""
MOST = 10
"""Contacts one phone may have."""
LONGEST = 512
"""Characters of a contact's URI, and of the Call-ID."""
MOST_IN_ALL = 500_000
"""Names that may be registered at once; further ones get 503."""
GATEWAY = "gateway:"
"""What the names of dynamic gateways begin with; no phone number does."""

__all__ = ["GATEWAY", "MOST", "SHORTEST", "Binding", "Outcome", "Registrar"]


class Registrar:
    """The bindings of all phones and dynamic gateways.

    :param parameters: SS_ENDPOINT_EXPIRE is default and maximum of the expiry, SS_ENDPOINT_REGISTER_REPLACE lets a
        registration of another device replace the old ones.
    :param now: monotonic seconds; *wall* epoch seconds, for the Date header.
    :ivar changed: is told every name whose bindings have changed.
    :ivar proof: gives what proves a name now; a binding made by another proof (an old password) ends.
    """

    __slots__ = ("_bindings", "_now", "_parameters", "_sources", "_wall", "changed", "proof")

    def __init__(
        self,
        parameters: Callable[[], Mapping[str, Any]],
        now: Callable[[], float],
        wall: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._parameters = parameters
        self._now = now
        self._wall = wall
        self._bindings: dict[str, tuple[Binding, ...]] = {}
        self._sources: dict[Address, str] = {}
        self.changed: Callable[[str], object] = lambda name: None
        self.proof: Callable[[str], object] = lambda name: None

    # -- who asks

    def __len__(self) -> int:
        """How many names have a binding; one that is over counts until the next sweep."""
        return len(self._bindings)

    def contacts(self, number: str) -> tuple[Contact, ...]:
        """The live contacts of a phone that can be reached: the highest q first, then the newest."""
        found = [kept for binding in reversed(self.live(number)) if (kept := binding.reachable) is not None]
        if len(found) > 1:
            found.sort(key=lambda contact: -contact.q)
        return tuple(found)

    def gateway(self, username: str) -> tuple[Contact, ...]:
        """The live contacts of the dynamic gateways of a user name, in the same order."""
        return self.contacts(GATEWAY + username)

    def live(self, name: str) -> tuple[Binding, ...]:
        """The bindings of a name that are not over, the oldest first."""
        bindings = self._bindings.get(name, ())
        now = self._now()
        for binding in bindings:
            if binding.contact.expires <= now:
                return tuple([one for one in bindings if one.contact.expires > now])
        return bindings

    def names(self) -> list[str]:
        """Every name that has a binding."""
        return list(self._bindings)

    def registered(self) -> dict[str, tuple[Contact, ...]]:
        """Everything that is online."""
        return {name: found for name in list(self._bindings) if (found := self.contacts(name))}

    def registered_from(self, host: str, username: str) -> bool:
        """Whether *username* (a phone's number or a gateway's user name) has a live registration from that IP."""
        return any(
            binding.contact.target.host == host
            for name in (username, GATEWAY + username)
            if name in self._bindings
            for binding in self.live(name)
        )

    def username_at(self, source: Address) -> str | None:
        """The user name of the dynamic gateway that is registered from exactly this address and port."""
        name = self._sources.get(source)
        if name is None:
            return None
        if any(binding.contact.target == source and binding.reachable for binding in self.live(name)):
            return name.removeprefix(GATEWAY)
        return None

    # -- registering

    def register(self, number: str, request: Request, flow: Flow) -> Outcome:
        """Apply a REGISTER whose sender may register *number* (a name).

        :raises BadMessage: a Contact or a Path cannot be read.
        """
        contacts = request.contacts
        if not contacts:
            return self._answer(number, request)
        if any(contact.is_wildcard for contact in contacts):
            if len(contacts) > 1 or request.expires != 0:
                return Outcome(400)
            return self._clear(number, request)
        live = self.live(number)
        wanted = [(contact, self._expiry(contact, request)) for contact in contacts]
        path = path_of(request)
        refusal = self._refusal(number, live, wanted, request) or first_hop_lacks(contacts, request, path)
        if refusal is not None:
            return refusal
        self._apply(number, live, wanted, request, flow, path)
        outcome = self._answer(number, request, path)
        return outcome._replace(lines=outcome.lines + outbound_lines(contacts, request, flow))

    def _refusal(
        self, number: str, live: tuple[Binding, ...], wanted: list[tuple[NameAddr, int]], request: Request
    ) -> Outcome | None:
        if any(contact.uri.scheme not in {"sip", "sips"} or contact.uri.headers for contact, _ in wanted):
            return Outcome(400)  # it would become a Request-URI (19.1.5)
        if len(request.call_id) > LONGEST or any(len(contact.uri.text) > LONGEST for contact, _ in wanted):
            return Outcome(400)
        shortest = min(SHORTEST, int(self._parameters()["SS_ENDPOINT_EXPIRE"]))
        if any(0 < seconds < shortest for _, seconds in wanted):
            return Outcome(423, f"Min-Expires: {shortest}\r\n")
        if any(_stale(one, request) for one in live for contact, _ in wanted if _same(one, contact)):
            return Outcome(500)
        if number not in self._bindings and len(self._bindings) >= MOST_IN_ALL:
            return Outcome(503, "Retry-After: 300\r\n")
        return None

    def _expiry(self, contact: NameAddr, request: Request) -> int:
        most = int(self._parameters()["SS_ENDPOINT_EXPIRE"])
        asked = delta_seconds(contact.params.get("expires"))
        if asked is None:
            asked = request.expires
        return most if asked is None else min(asked, most)

    def _clear(self, name: str, request: Request) -> Outcome:
        if any(_stale(binding, request) for binding in self.live(name)):
            return Outcome(500)
        self._keep(name, ())
        return Outcome(200, date_line(self._wall()))

    def _apply(
        self,
        name: str,
        live: tuple[Binding, ...],
        wanted: list[tuple[NameAddr, int]],
        request: Request,
        flow: Flow,
        path: tuple[str, ...],
    ) -> None:
        now = self._now()
        kept = [one for one in live if not any(_same(one, contact) for contact, _ in wanted)]
        if self._parameters()["SS_ENDPOINT_REGISTER_REPLACE"] and any(seconds for _, seconds in wanted):
            flows = {found for contact, _ in wanted if (found := identity(contact)[0])} if kept else ()
            kept = [one for one in kept if one.call_id == request.call_id or (one.reg_id and one.instance in flows)]
        proof = self.proof(name)
        kept += [locate(contact, request, flow, path, now + seconds, proof) for contact, seconds in wanted if seconds]
        self._keep(name, tuple(kept[-MOST:]))

    def _keep(self, name: str, bindings: tuple[Binding, ...]) -> None:
        for gone in self._bindings.get(name, ()):
            self._unlist(name, gone)
        if bindings:
            self._bindings[name] = bindings
            for one in bindings:
                self._list(name, one)
        else:
            self._bindings.pop(name, None)
        self.changed(name)

    def _list(self, name: str, binding: Binding) -> None:
        target = binding.contact.target
        if name.startswith(GATEWAY):
            self._sources[target] = name

    def _unlist(self, name: str, binding: Binding) -> None:
        target = binding.contact.target
        if self._sources.get(target) == name:
            del self._sources[target]

    def _answer(self, name: str, request: Request, path: tuple[str, ...] = ()) -> Outcome:
        lines = listing(self.live(name), self._now())
        if path and supports(request, "path"):
            lines += f"Path: {', '.join(path)}\r\n"
        return Outcome(200, lines + date_line(self._wall()))

    # -- keeping

    def sweep(self, names: Iterable[str], allowed: Callable[[str], bool]) -> None:
        """Forget what is over, what cannot be reached any more, and what is registered no longer by right.

        :param allowed: whether that name may be registered by the configuration in force.
        """
        for name in names:
            bindings = self._bindings.get(name, ())
            left = tuple([one for one in self.live(name) if one.reachable is not None])
            if left:
                proof = self.proof(name)
                left = tuple([one for one in left if one.proof == proof]) if allowed(name) else ()
            if len(left) != len(bindings):
                self._keep(name, left)

    def restore(self, name: str, bindings: tuple[Binding, ...]) -> None:
        """Take over the bindings of a former life, as proved by what proves the name now."""
        if bindings and len(self._bindings) < MOST_IN_ALL:
            proof = self.proof(name)
            self._keep(name, tuple([replace(one, proof=proof) for one in bindings[-MOST:]]))


def _same(binding: Binding, contact: NameAddr) -> bool:
    """Whether a Contact is about the binding: the same URI, or the same device and flow (RFC 5626 section 6)."""
    if binding.contact.uri == contact.uri.text:
        return True
    if not binding.instance:
        return False
    instance, reg_id = identity(contact)
    return instance == binding.instance and reg_id == binding.reg_id


def _stale(binding: Binding, request: Request) -> bool:
    """Whether the request is older than what it would change (10.3 step 7)."""
    return binding.call_id == request.call_id and request.cseq.number <= binding.cseq


class Lap:
    """Goes through all names of a registrar again and again, some at a time.

    :param names: gives them.
    """

    __slots__ = ("_all", "_names")

    def __init__(self, names: Callable[[], Iterable[str]]) -> None:
        self._all = names
        self._names: Iterator[str] = iter(())

    def some(self, count: int) -> list[str]:
        """The next names; [] at the end of each lap."""
        found = list(islice(self._names, count))
        if not found:
            self._names = iter(self._all())
        return found
