"""RAS in the H.323 process: our gatekeeper and our registrations, with what they have of the world.

What the switch has to decide or to know is asked and told over `vosswitch.h323.wire`; its side is
`vosswitch.h323.registered`.
"""

from __future__ import annotations

import secrets
from collections import Counter, OrderedDict
from typing import TYPE_CHECKING, Any, Protocol

from vosswitch.h323.gate import Bucket
from vosswitch.h323.kept import of_row
from vosswitch.h323.legs.numbers import shown_caller
from vosswitch.h323.per import BadPdu
from vosswitch.h323.ras.calls import Admission
from vosswitch.h323.ras.clients import Clients
from vosswitch.h323.ras.desk import Settings
from vosswitch.h323.ras.gatekeeper import Gatekeeper
from vosswitch.h323.ras.messages import read
from vosswitch.h323.ras.reasons import cause_of
from vosswitch.h323.registered import trunk_row, wish_of
from vosswitch.model.causes import cause
from vosswitch.model.h323 import RAS
from vosswitch.model.source import plain_host, source_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vosswitch.h323.h225 import Setup
    from vosswitch.h323.legs.line import Timer
    from vosswitch.h323.ras.client import Client
    from vosswitch.h323.ras.desk import Calling, Locating, Registering
    from vosswitch.h323.ras.endpoints import Endpoint
    from vosswitch.model.call import Placement
    from vosswitch.model.causes import Cause
    from vosswitch.model.values import Address

LONGEST = 4096
"""Bytes of one datagram that we read; real ones have less than 1,000."""
SOURCE_RATE, SOURCE_BURST = 50.0, 200.0
"""Messages a second of one source that are read, and at once."""
KNOWN_RATE, KNOWN_BURST = 500.0, 2000.0
"""Likewise of an endpoint or a gatekeeper of ours: each call of a gateway is four messages."""
MOST_SOURCES = 10_000
_SWEEP = 1.0


class Sockets(Protocol):
    """The UDP sockets (`vosswitch.h323.transport.ras`)."""

    def send(self, data: bytes, to: Address, local: Address) -> None:
        """Send a datagram; raises nothing."""

    def shown(self, local: Address, remote: str) -> Address:
        """One of our sockets as a peer sees it."""

    def here(self, local: Address, remote: str) -> str:
        """The local IP of one of our sockets towards a peer."""

    def find(self, target: Address, local: str | None, done: Callable[[Address | None, Address | None], None]) -> None:
        """Look up a host and open a socket towards it."""


class Process(Protocol):
    """The process, as its RAS side sees it."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """The parameters in force."""

    def ask(self, name: str, values: tuple[Any, ...], answer: Callable[[Any], None]) -> None:
        """Ask the switch."""

    def tell(self, name: str, *values: Any) -> None:
        """Tell the switch."""

    def now(self) -> float:
        """Monotonic seconds."""

    def later(self, seconds: float, function: Callable[[], None]) -> Timer:
        """Call *function* after so long."""

    def called_at(self, local: str) -> Address | None:
        """Where a peer that reaches us at the local IP *local* may call us; None = nowhere."""

    def end(self, leg: Any, why: Cause) -> None:
        """End a call from our side."""


class _Desk:
    """What both have of the world."""

    def __init__(self, zone: Zone, process: Process, sockets: Sockets) -> None:
        self._zone = zone
        self._process = process
        self._sockets = sockets
        self.now = process.now
        self.later = process.later
        self.send = sockets.send

    def calls_at(self, remote: Address | None, local: Address | None) -> Address | None:
        """Where *remote* calls us."""
        if remote is None or local is None:
            return None
        return self._process.called_at(self._sockets.here(local, remote.host))

    def ras_at(self, remote: Address, local: Address) -> Address:
        """Our socket as *remote* sees it."""
        return self._sockets.shown(local, remote.host)


class _GatekeeperDesk(_Desk):
    def token(self) -> str:
        """Nobody can guess it."""
        return secrets.token_hex(16)

    def may_register(self, question: Registering, answer: Callable[[tuple[str, ...]], None]) -> None:
        """Ask the switch."""
        self._process.ask("ras_register", tuple(question), answer)

    def may_call(self, question: Calling, answer: Callable[[str], None]) -> None:
        """Ask the switch."""
        self._process.ask("ras_call", tuple(question), answer)

    def may_locate(self, question: Locating, answer: Callable[[str], None]) -> None:
        """Ask the switch."""
        self._process.ask("ras_locate", tuple(question), answer)

    def placed(self, call: bytes) -> bool:
        """Whether we have set it up."""
        return call in self._zone.legs

    def registered(self, endpoint: Endpoint) -> None:
        """The switch keeps what is registered."""
        here = self._sockets.here(endpoint.local, endpoint.signalling.host)  # a listener may be on all addresses
        self._process.tell("ras_endpoint", *endpoint.kept(here).row(self.now()))

    def forgotten(self, endpoint: Endpoint) -> None:
        """And forgets it."""
        self._process.tell("ras_gone", endpoint.identifier)

    def resources(self, endpoint: Endpoint, scarce: bool) -> None:
        """The switch spares it, if it is a gateway."""
        self._process.tell("ras_resources", endpoint.names, scarce)

    def tell(self, event: str, source: Address, method: str, reason: str, user: str) -> None:
        """The switch writes the log."""
        self._process.tell("ras_event", event, source, method, reason, user)


class _ClientsDesk(_Desk):
    def chance(self) -> float:
        """From 0 to 1."""
        return secrets.randbelow(1000) / 1000

    def retry_delay(self) -> float:
        """As for registrations by SIP."""
        return float(self._process.settings["SS_SIP_USER_AGENT_RETRY_DELAY"])

    def find(self, target: Address, local: str | None, done: Callable[[Address | None, Address | None], None]) -> None:
        """Look it up."""
        self._sockets.find(target, local, done)

    def near(self, one: Address, other: Address) -> bool:
        """A gatekeeper may have us use another port of its own."""
        return plain_host(one.host) == plain_host(other.host)

    def trunk(self, client: Client) -> None:
        """The switch shows it."""
        self._process.tell("ras_trunk", *trunk_row(client.shown(), client.up, client.target))

    def tell(self, event: str, gateway: str, up: bool, reason: str) -> None:
        """The switch writes the log."""
        self._process.tell("ras_trunk_event", event, gateway, up, reason)

    def drop(self, call: bytes) -> None:
        """Its gatekeeper has ended the call."""
        leg = self._zone.legs.get(call)
        if leg is not None:
            self._process.end(leg, cause("normal")._replace(text="ended by the gatekeeper"))


class Zone:
    """The RAS side of the process.

    :ivar legs: those that there are, by callIdentifier.
    :ivar counts: datagrams, and what was not read of them.
    """

    def __init__(self, process: Process, sockets: Sockets) -> None:
        self._process = process
        first = secrets.randbelow(60_000)
        self.legs: dict[bytes, Any] = {}
        self.counts: Counter[str] = Counter()
        self._strangers = Bucket(float(process.settings["VS_H323_RAS_RATE"]), process.now())
        self._rates: OrderedDict[tuple[str, bool], Bucket] = OrderedDict()
        self.gatekeeper = Gatekeeper(_GatekeeperDesk(self, process, sockets), self._settings, first)
        self.clients = Clients(_ClientsDesk(self, process, sockets), first)
        process.later(_SWEEP, self._sweep)

    def _settings(self) -> Settings:
        given = self._process.settings
        return Settings(
            given["VS_H323_GATEKEEPER"],
            given["SS_ENDPOINTTIMETOLIVE"],
            given["SS_ENDPOINT_EXPIRE"],
            given["SS_ENDPOINT_REGISTER_REPLACE"],
            given["VS_H323_BANDWIDTH"],
        )

    def _sweep(self) -> None:
        self._process.later(_SWEEP, self._sweep)
        self.gatekeeper.sweep()

    # -- registrations of ours

    def follow(self, rows: tuple[tuple[Any, ...], ...]) -> None:
        """Register as the configuration wants it now."""
        self.clients.follow([wish_of(row) for row in rows])
        self.clients.start()

    def resources(self, scarce: bool) -> None:
        """We take no more calls, or again: the gatekeepers are told."""
        self.clients.resources(scarce)

    def restore(self, rows: tuple[tuple[Any, ...], ...]) -> None:
        """Take over what was registered before this process began."""
        now = self._process.now()
        for row in rows:
            self.gatekeeper.restore(of_row(row, now))

    def end(self, identifiers: tuple[str, ...]) -> None:
        """Unregister endpoints that may not be registered any more."""
        for identifier in identifiers:
            endpoint = self.gatekeeper.endpoints.of(identifier)
            if endpoint is not None:
                self.gatekeeper.end(endpoint, "securityDenial")

    def stop(self) -> None:
        """Unregister; nothing more is asked."""
        self.clients.stop()
        self.gatekeeper.stop()

    # -- datagrams

    def heard(self, data: bytes, source: Address, local: Address) -> None:
        """One datagram; what is too much, too long or unreadable is counted and nothing else."""
        self.counts["ras_received"] += 1
        if not 2 < len(data) <= LONGEST or not source.port:
            self.counts["ras_bad"] += 1
            return
        if not self._fits(source.host):
            self.counts["ras_capped"] += 1
            return
        try:
            message = read(data)
        except BadPdu:
            self.counts["ras_bad"] += 1
            return
        if not self.clients.received(message, source, local):
            self.gatekeeper.received(message, data, source, local)

    def _fits(self, host: str) -> bool:
        """Whether one more message of a source is read; strangers share what is read of them all."""
        now, known = self._process.now(), self.knows(host)
        key = source_key(host), known
        usual, most = (KNOWN_RATE, KNOWN_BURST) if known else (SOURCE_RATE, SOURCE_BURST)
        bucket = self._rates.pop(key, None) or Bucket(most, now)
        self._rates[key] = bucket
        while len(self._rates) > MOST_SOURCES:
            self._rates.popitem(last=False)
        if not bucket.take(usual, most, now):
            return False
        if known:
            return True
        rate = float(self._process.settings["VS_H323_RAS_RATE"])
        return self._strangers.take(rate, rate, now)

    def knows(self, host: str) -> bool:
        """Whether an endpoint or a gatekeeper of ours has that address."""
        return bool(self.gatekeeper.endpoints.at(host)) or self.clients.asks(host)

    # -- calls

    def holds(self, leg: Any) -> None:
        """A leg is there."""
        if leg.call_identifier:
            self.legs[leg.call_identifier] = leg

    def over(self, leg: Any) -> None:
        """A leg is gone: a gatekeeper that has admitted its call is told."""
        key = leg.call_identifier
        if key and self.legs.get(key) is leg:
            del self.legs[key]
            self.clients.over(key)

    def opens(self, placement: Placement, leg: Any, line: Any) -> None:
        """Open the line of a call of ours: at once, or where the gatekeeper that it goes to has said."""
        if placement.target.transport != RAS:
            line.open(leg)
            return
        client = self.clients.of(placement.target, placement.username or "")
        if client is None:
            self._process.end(leg, cause_of("notRegistered"))
            return
        leg.endpoint_identifier = client.key
        admission = Admission(leg.call_identifier, leg.reference, shown_caller(placement), placement.callee)
        self.clients.admit(client, admission, lambda target, why: self._admitted(placement, leg, line, target, why))

    def _admitted(self, placement: Placement, leg: Any, line: Any, target: Address | None, why: str) -> None:
        goes_on = self.legs.get(leg.call_identifier) is leg
        if not goes_on:
            self.clients.over(leg.call_identifier)
        elif why or target is None:
            self._process.end(leg, cause_of(why))
        else:
            placement.target = leg.remote = line.remote = target
            line.open(leg)

    def whose(self, source: Address, setup: Setup, done: Callable[[str | None, bool, Cause | None], None]) -> None:
        """Whom a call that comes in belongs to by registration, and whether its gatekeeper lets us take it.

        :param done: told the phone's number or the gateway's user name (None = no registration has to do with it),
            whether that is sure, and why it is refused (None = it is not).
        """
        source = source._replace(host=plain_host(source.host))
        client = self.clients.at(source.host)
        texts = (setup.caller.number, *[text for _, text in setup.source_aliases])
        key = setup.call_identifier or b""
        name, sure = self.gatekeeper.caller(source.host, key, texts, setup.endpoint_identifier)
        if sure or client is None:
            done(None if name is None else name.removeprefix("gateway:"), sure, None)
            return
        user = client.wish.username
        if not key:  # of a peer of version 1: there is nothing to admit it by
            done(user, True, None)
            return
        admission = Admission(
            key,
            setup.reference,
            setup.caller.number,
            setup.callee.number,
            True,
            setup.conference_id,
            source,
        )
        self.clients.admit(client, admission, lambda _, why: done(user, True, cause_of(why) if why else None))
