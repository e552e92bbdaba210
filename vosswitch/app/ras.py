"""The switch's side of registration by H.323: who may register and call, what is registered, our own registrations."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

from vosswitch.accounts.sources import source_ip
from vosswitch.app.admission import refusal
from vosswitch.h323.kept import GATEWAY
from vosswitch.h323.questions import Caller
from vosswitch.h323.registered import Registered, wish_row
from vosswitch.model.h323 import RAS
from vosswitch.model.source import plain_host
from vosswitch.model.trunk import TrunkWish

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from vosswitch.app.node import Switch
    from vosswitch.call.snapshot import Snapshot
    from vosswitch.h323.kept import Kept
    from vosswitch.model.call import Contact
    from vosswitch.model.peer import PeerProfile
    from vosswitch.model.trunk import Trunk
    from vosswitch.model.values import Address

EVERY, MOST = 10.0, 100
"""Seconds in which so many lines about refused registrations are written: their sources may be forged."""
SCARCE, SCARCITY = 3600.0, "it is almost out of resources"
"""Seconds that a gateway is put aside when it says so and nothing more, and the reason that operators see."""

_network = lru_cache(maxsize=4096)(ip_network)


class Ras:
    """What the H.323 process asks and tells of registrations.

    :param log: a Twisted ``Logger``.
    :ivar registered: what is registered.
    """

    def __init__(self, node: Switch, credentials: Any, log: Any) -> None:
        self._node = node
        self._credentials = credentials
        self._log = log
        self._lines: dict[str, tuple[float, int]] = {}
        self._on = False
        self.registered = Registered(node.reactor.seconds)
        h323 = node.h323
        h323.questions |= {
            "known": self._known,
            "caller": self._caller,
            "ras_register": self._register,
            "ras_call": self._call,
            "ras_locate": self._locate,
        }
        h323.hears |= {
            "ras_endpoint": self.registered.endpoint,
            "ras_gone": self.registered.endpoints.drop,
            "ras_resources": self._resources,
            "ras_trunk": self.registered.trunk_told,
            "ras_event": self._event,
            "ras_trunk_event": self._trunk_event,
        }
        h323.begun, h323.gone = self._begun, self.registered.lost

    # -- our own registrations

    def start(self) -> None:
        """Register from now on."""
        self._on = True
        self._tell_wishes()

    def stop(self) -> None:
        """Unregister."""
        self._on = False
        self._tell_wishes()

    def drained(self, draining: bool) -> None:
        """No new calls are taken, or again: gatekeepers that we are registered at are told (RAI)."""
        self._node.h323.tell("ras_resources", draining)

    def follow(self) -> None:
        """The configuration has changed."""
        self._tell_wishes()

    def _begun(self) -> None:
        """There is a process, maybe a new one."""
        self._tell_wishes()
        if self._node.draining:
            self.drained(True)

    def _tell_wishes(self) -> None:
        found = wishes(self._node.snapshot) if self._on else []
        self.registered.wanted(found)
        self._node.h323.tell("ras_wishes", [wish_row(wish) for wish in found])

    # -- who calls

    def _known(self, source: Address) -> bool:
        """Whether a gateway, a registered endpoint or a gatekeeper of ours may call from there."""
        return bool(self._credentials.known(source)) or self.registered.knows(plain_host(source.host))

    def _caller(self, *values: Any) -> tuple[PeerProfile, str | None]:
        """How a caller is spoken with, and as whom it is registered."""
        question = Caller(*values)
        user = question.endpoint or None
        if user is not None and not self._is_one(user):
            user = None
        if user is not None and not question.sure and self._credentials.known(question.source):
            user = None  # there is a gateway, too, that is known by that address
        return self._credentials.profile(question.source, user, question.callee, question.numbers.get), user

    def _is_one(self, user: str) -> bool:
        """Whether a name is still a phone's, or that of a mapping gateway that registers."""
        callers = self._node.snapshot.callers
        return bool(callers.phone(user) or callers.registrants(user))

    # -- who may do what

    def _register(self, hosts: Sequence[str], aliases: Sequence[str]) -> tuple[str, ...]:
        """The names that an endpoint may have."""
        snapshot, found = self._node.snapshot, []
        for alias in dict.fromkeys(aliases):
            number = snapshot.callers.phone(alias)
            if number is not None and _all_in(hosts, snapshot.phones[number].h323_addresses):
                found.append(number)
            elif self._gateways_allow(snapshot, alias, hosts):
                found.append(GATEWAY + alias)
        return tuple(found)

    def may_stay(self, kept: Kept) -> bool:
        """Whether an endpoint may be registered as it is, by the configuration in force."""
        return set(self._register(tuple(kept.hosts), [alias for _, alias in kept.aliases])) == set(kept.names)

    def _gateways_allow(self, snapshot: Snapshot, username: str, hosts: Sequence[str]) -> bool:
        """Gateways of both kinds that share a user name have to allow it all."""
        gateways = (*snapshot.callers.registrants(username), *snapshot.gateways.h323_dynamic.get(username, ()))
        networks = [gateway.profile.h323.addresses for gateway in gateways if gateway.profile.h323 is not None]
        return bool(networks) and all(_all_in(hosts, one) for one in networks)

    def _call(self, name: str, host: str, _caller: Sequence[str], callee: Sequence[str]) -> str:
        """Why a registered endpoint is not admitted a call; such a call leaves no record, but a line in the log."""
        urgent = any(self._credentials.emergency(one) for one in callee)
        reason = refusal(self._node, name, callee, urgent=urgent)
        if reason and self._due("admission_refused"):
            self._log.info(
                "{event}: {reason}", event="admission_refused", source=host, transport=RAS, method="ARQ",
                reason=reason, user=name[:64],
            )  # fmt: skip
        return reason

    def _resources(self, names: Sequence[str], scarce: bool) -> None:
        """An endpoint is almost out of resources (RAI), or has some again."""
        node, now = self._node, self._node.reactor.seconds()
        for name in names:
            if not name.startswith(GATEWAY):
                continue
            for gateway in node.snapshot.gateways.h323_dynamic.get(name.removeprefix(GATEWAY), ()):
                if scarce:
                    node.availability.rest(gateway.name, SCARCE, now, SCARCITY)
                else:
                    node.availability.relieved(gateway.name, SCARCITY, now)

    def _locate(self, host: str, _callee: Sequence[str]) -> str:
        """Why another gatekeeper is not told where its calls go."""
        h323 = self._node.snapshot.callers.h323
        return "" if h323 is not None and h323.known(host) else "securityDenial"

    # -- the log

    def _event(self, event: str, source: Address, method: str, reason: str, user: str) -> None:
        if event == "auth_refused" and not self._due(event):
            return
        say = self._log.warn if event == "auth_refused" else self._log.info
        say(
            "{event}: {reason}", event=event, source=source.host, port=source.port, transport=source.transport,
            verified=False, method=method, reason=reason, count=1, user=user[:64],
        )  # fmt: skip

    def _due(self, event: str) -> bool:
        """Whether one more line about refusals fits."""
        since, count = self._lines.get(event, (0.0, 0))
        now = self._node.reactor.seconds()
        if now - since > EVERY:
            since, count = now, 0
        self._lines[event] = since, count + 1
        return count < MOST

    def _trunk_event(self, event: str, gateway: str, up: bool, reason: str) -> None:
        say, state = (self._log.info, "up") if up else (self._log.warn, "down")
        say(
            "registration with {gateway} is {state}: {reason}", event=event, gateway=gateway, state=state, reason=reason
        )


class Registrations:
    """`IRegistrations` over SIP and H.323: the devices of a phone are tried like several devices.

    :param sip: the SIP room's service; *registered* what is registered by H.323.
    """

    __slots__ = ("_registered", "_sip")

    def __init__(self, sip: Any, registered: Registered) -> None:
        self._sip = sip
        self._registered = registered

    def contacts(self, number: str) -> tuple[Contact, ...]:
        """The live contacts of a phone: the highest q first (an H.323 device has 1), of the same q those of SIP."""
        return _in_order(self._sip.contacts(number), self._registered.contacts(number))

    def gateway(self, username: str) -> tuple[Contact, ...]:
        """The live contacts of the dynamic gateways of a user name, likewise."""
        return _in_order(self._sip.gateway(username), self._registered.gateway(username))

    def trunk(self, name: str) -> Trunk | None:
        """Our registration with a routing gateway."""
        found: Trunk | None = self._sip.trunk(name)
        return found or self._registered.trunk(name)


def _in_order(by_sip: tuple[Contact, ...], by_h323: tuple[Contact, ...]) -> tuple[Contact, ...]:
    if not by_sip or not by_h323:
        return by_sip or by_h323
    return tuple(sorted((*by_sip, *by_h323), key=lambda contact: -contact.q))


def wishes(snapshot: Snapshot) -> list[TrunkWish]:
    """The registrations at gatekeepers that routing gateways ask for; a locked gateway asks for none."""
    return [
        TrunkWish(
            name=gateway.name,
            target=gateway.target,
            domain=gateway.profile.from_domain,
            username=gateway.registers_as,
            password="",
            local_address=gateway.local_address or None,
            prefixes=gateway.profile.h323.prefixes,
        )
        for gateway in snapshot.gateways.gateways.values()
        if gateway.profile.register and gateway.profile.h323 is not None and not gateway.locked
    ]


def rows(registered: Registered, names: Iterable[str], now: float) -> Iterator[dict[str, Any]]:
    """What is registered by H.323, as operation ``registrations`` lists it."""
    for name in names:
        for contact in registered.contacts(name):
            yield {
                "number": name,
                "contact": contact.uri,
                "address": str(contact.target),
                "natted": False,
                "expires_in": max(int(contact.expires - now), 0),
                "user_agent": contact.user_agent,
            }


def _all_in(hosts: Iterable[str], networks: Sequence[str]) -> bool:
    """Whether all hosts are in one of the networks each."""
    found = [source_ip(host) for host in hosts]
    return all(address is not None and any(address in _network(one) for one in networks) for address in found)
