"""The registrar: where the phones are (RFC 3261 section 10), in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zope.interface import implementer

from vosswitch.model.call import Contact
from vosswitch.model.interfaces import IRegistrations
from vosswitch.sip.headers import delta_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vosswitch.model.values import Address
    from vosswitch.sip.flow import Flow
    from vosswitch.sip.headers import NameAddr
    from vosswitch.sip.message import Request

SHORTEST = 60
"""Seconds: less is refused with 423."""
MOST = 10
"""Contacts one phone may have."""


@dataclass(frozen=True, slots=True)
class Binding:
    """One registered contact with what orders its requests."""

    contact: Contact
    call_id: str
    cseq: int
    flow: Flow


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer to a REGISTER: status and header lines, each ended by CRLF."""

    status: int
    lines: str = ""


@implementer(IRegistrations)
class Registrar:
    """The bindings of all phones.

    :param parameters: SS_ENDPOINT_EXPIRE is default and maximum of the expiry, SS_ENDPOINT_REGISTER_REPLACE lets a
        registration of another device replace the old ones.
    :param now: monotonic seconds.
    """

    __slots__ = ("_bindings", "_now", "_parameters")

    def __init__(self, parameters: Callable[[], Mapping[str, Any]], now: Callable[[], float]) -> None:
        self._parameters = parameters
        self._now = now
        self._bindings: dict[str, dict[str, Binding]] = {}

    def contacts(self, number: str) -> tuple[Contact, ...]:
        """The live contacts of a phone, newest first."""
        return tuple(binding.contact for binding in reversed(list(self._live(number).values())))

    def flow_to(self, target: Address) -> Flow | None:
        """The flow that a device at *target* registered over, for requests that must go back along it (TCP)."""
        for bindings in self._bindings.values():
            for binding in bindings.values():
                if binding.contact.target == target and not binding.flow.closed:
                    return binding.flow
        return None

    def registered(self) -> dict[str, tuple[Contact, ...]]:
        """Every phone that is online."""
        return {number: found for number in list(self._bindings) if (found := self.contacts(number))}

    def register(self, number: str, request: Request, flow: Flow) -> Outcome:
        """Apply a REGISTER whose sender may register *number*.

        :raises BadMessage: a Contact cannot be read.
        """
        contacts = request.contacts
        live = self._live(number)
        if not contacts:
            return self._listing(number)
        if any(contact.is_wildcard for contact in contacts):
            if len(contacts) > 1 or request.expires != 0:
                return Outcome(400)
            return self._clear(number, request)
        if any(contact.uri.scheme not in {"sip", "sips"} or contact.uri.headers for contact in contacts):
            return Outcome(400)  # it would become a Request-URI (19.1.5)
        wanted = [(contact, self._expiry(contact, request)) for contact in contacts]
        if any(0 < seconds < SHORTEST for _, seconds in wanted):
            return Outcome(423, f"Min-Expires: {SHORTEST}\r\n")
        if any(_stale(live.get(contact.uri.text), request) for contact, _ in wanted):
            return Outcome(500)
        self._apply(live, wanted, request, flow)
        self._keep(number, live)
        return self._listing(number)

    def _live(self, number: str) -> dict[str, Binding]:
        bindings = self._bindings.get(number)
        if bindings is None:
            return {}
        now = self._now()
        for uri in [uri for uri, binding in bindings.items() if binding.contact.expires <= now]:
            del bindings[uri]
        self._keep(number, bindings)
        return bindings

    def _keep(self, number: str, bindings: dict[str, Binding]) -> None:
        if bindings:
            self._bindings[number] = bindings
        else:
            self._bindings.pop(number, None)

    def _expiry(self, contact: NameAddr, request: Request) -> int:
        most = int(self._parameters()["SS_ENDPOINT_EXPIRE"])
        asked = delta_seconds(contact.params.get("expires"))
        if asked is None:
            asked = request.expires
        return most if asked is None else min(asked, most)

    def _clear(self, number: str, request: Request) -> Outcome:
        if any(_stale(binding, request) for binding in self._live(number).values()):
            return Outcome(500)
        self._bindings.pop(number, None)
        return Outcome(200)

    def _apply(
        self, live: dict[str, Binding], wanted: list[tuple[NameAddr, int]], request: Request, flow: Flow
    ) -> None:
        if self._parameters()["SS_ENDPOINT_REGISTER_REPLACE"] and any(seconds for _, seconds in wanted):
            for uri in [uri for uri, binding in live.items() if binding.call_id != request.call_id]:
                del live[uri]
        now, agent = self._now(), request.get("user-agent") or ""
        for contact, seconds in wanted:
            uri = contact.uri.text
            live.pop(uri, None)
            if seconds:
                kept = Contact(uri, flow.remote, flow.local, now + seconds, agent)
                live[uri] = Binding(kept, request.call_id, request.cseq.number, flow)
        while len(live) > MOST:
            del live[next(iter(live))]

    def _listing(self, number: str) -> Outcome:
        now = self._now()
        lines = [
            f"Contact: <{contact.uri}>;expires={max(1, round(contact.expires - now))}\r\n"
            for contact in self.contacts(number)
        ]
        return Outcome(200, "".join(lines))


def _stale(binding: Binding | None, request: Request) -> bool:
    """Whether the request is older than what it would change (10.3 step 7)."""
    return binding is not None and binding.call_id == request.call_id and request.cseq.number <= binding.cseq
