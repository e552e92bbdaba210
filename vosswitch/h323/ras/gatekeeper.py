"""Our gatekeeper (H.225.0 7.8-7.20): endpoints discover it, register, and are admitted their calls.

What proves an endpoint is its address (H.235 is not spoken) and, once it is registered, the identifier that it was
given: nothing is done for or to an endpoint whose message does not come from its address with its identifier.  All
calls are routed through us.  Who may register is asked of the switch, at each registration and keep-alive, so that a
changed configuration is in force within a time to live.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from vosswitch.h323.addresses import read_aliases, write_address, write_aliases
from vosswitch.h323.kept import GATEWAY
from vosswitch.h323.per import BadPdu
from vosswitch.h323.ras import admissions, information
from vosswitch.h323.ras.asking import Asker
from vosswitch.h323.ras.desk import Registering, Settings
from vosswitch.h323.ras.endpoints import Endpoint, Endpoints
from vosswitch.h323.ras.messages import Kind, Message, addresses, confirm, identifier, product, text, write
from vosswitch.h323.ras.request import Request
from vosswitch.h323.versions import H225_VERSION
from vosswitch.model.h323 import RAS

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.h323.kept import Kept
    from vosswitch.h323.ras.desk import Desk
    from vosswitch.model.values import Address

MOST_KEPT = 10_000
"""Answers that are kept for repeated requests."""
KEPT = 20.0
"""Seconds that they are kept."""
SHORTEST_TTL = 20
"""Seconds: with less an endpoint would do nothing but register."""
MOST_ASKED = 200
"""Endpoints that are asked in one sweep whether they are still there; the others wait for the next one."""
WORKING = 2000
"""Milliseconds that a RequestInProgress asks for."""

_ANY_VERSION = H225_VERSION[:5]


class Gatekeeper:
    """The gatekeeper of one node.

    :param settings: gives those in force.
    :ivar endpoints: the `Endpoints`.
    :ivar refused: registrations refused.
    :ivar pending: the requests that wait for the switch's answer.
    """

    def __init__(self, desk: Desk, settings: Callable[[], Settings], first: int) -> None:
        self.desk = desk
        self.settings = settings
        self.asker = Asker(desk, first)
        self.endpoints = Endpoints()
        self.refused = 0
        self.pending: dict[tuple[Address, int, str], None] = {}
        self._kept: OrderedDict[tuple[Address, int, str], tuple[float, int, bytes]] = OrderedDict()

    # -- what comes in

    def received(self, message: Message, data: bytes, source: Address, local: Address) -> None:
        """Take a request, or an answer to one of ours.

        :param data: the datagram, of which repeated ones are recognised; *local* our socket.
        """
        if message.kind != Kind.IRR and self.asker.heard(message, source):
            return
        key = (source, message.number, message.kind)
        if key in self.pending:
            self._send(Message(Kind.RIP, message.number, {"delay": WORKING}), source, local)
            return
        kept = self._kept.get(key)
        if kept is not None and kept[0] > self.desk.now() and kept[1] == hash(data):
            self.desk.send(kept[2], source, local)
            return
        request = Request(self, message, data, source, local)
        action = _REQUESTS.get(message.kind)
        if action is not None:
            action(self, request)
        elif message.kind not in _SILENT:
            self._unknown(request)

    def _unknown(self, request: Request) -> None:
        """Only an endpoint of ours is told: an answer to an answer would go on for ever."""
        if self.endpoints.at(request.source.host):
            request.answer(Message(Kind.XRS, request.message.number, {"messageNotUnderstood": b""}))

    def _send(self, message: Message, to: Address, local: Address) -> bytes:
        try:
            data = write(message)
        except BadPdu:
            return b""
        self.desk.send(data, to, local)
        return data

    # -- discovery

    def _discover(self, request: Request) -> None:
        body = request.message.body
        wanted = text(body.get("gatekeeperIdentifier"))
        if wanted and wanted != self.settings().identifier:
            request.refuse("terminalExcluded")
            return
        if body["protocolIdentifier"][:5] != _ANY_VERSION:
            request.refuse("invalidRevision")
            return
        aliases = tuple([alias for _, alias in read_aliases(body.get("endpointAlias"))])
        if not aliases:  # it need not say who it is yet (7.8.1): its registration will
            self._told_where(request, proven=False)
            return
        question = Registering((request.source.host,), aliases)
        request.ask(self.desk.may_register, question, partial(self._discovered, request))

    def _discovered(self, request: Request, names: tuple[str, ...]) -> None:
        if names:
            self._told_where(request, proven=True)
        else:
            request.refuse("terminalExcluded")

    def _told_where(self, request: Request, proven: bool) -> None:
        at = self.desk.ras_at(request.source, request.local)
        request.answer(
            confirm(
                request.message,
                protocolIdentifier=H225_VERSION,
                gatekeeperIdentifier=self.settings().identifier,
                rasAddress=write_address(at),
            ),
            to=request.back("rasAddress"),
            proven=proven,
        )

    # -- registration

    def _register(self, request: Request) -> None:
        body = request.message.body
        if body.get("keepAlive"):
            self._keep_alive(request)
            return
        problem, signalling = self._readable(body)
        if problem or signalling is None:
            request.refuse(problem or "invalidCallSignalAddress")
            return
        aliases = read_aliases(body.get("terminalAlias"))
        question = Registering((request.source.host, signalling.host), tuple([alias for _, alias in aliases]))
        request.ask(self.desk.may_register, question, partial(self._allowed, request, signalling, aliases))

    def _readable(self, body: dict[str, Any]) -> tuple[str, Address | None]:
        """Why a registration cannot be had whoever asks, and where the endpoint takes calls."""
        if body["protocolIdentifier"][:5] != _ANY_VERSION:
            return "invalidRevision", None
        wanted = text(body.get("gatekeeperIdentifier"))
        if wanted and wanted != self.settings().identifier:
            return "discoveryRequired", None
        if not addresses(body["rasAddress"], RAS):
            return "invalidRASAddress", None
        if "additiveRegistration" in body:
            return "additiveRegistrationNotSupported", None
        if not read_aliases(body.get("terminalAlias")):
            return "invalidAlias", None
        found = addresses(body["callSignalAddress"])
        return ("", found[0]) if found else ("invalidCallSignalAddress", None)

    def _allowed(
        self, request: Request, signalling: Address, aliases: tuple[tuple[str, str], ...], names: tuple[str, ...]
    ) -> None:
        if not names:
            self._forbidden(request, aliases)
            return
        before = self._before(request, signalling, names)
        others = {one for name in names if (one := self.endpoints.named(name)) is not None and one is not before}
        if others and not self.settings().replace:
            taken = {name.removeprefix(GATEWAY) for other in others for name in other.names}
            request.refuse("duplicateAlias", write_aliases(one for one in aliases if one[1] in taken))
            return
        if before is None and self.endpoints.full(request.source.host) and not others:
            request.refuse("resourceUnavailable")
            return
        for other in others:
            if other.ras == request.source:  # it has begun anew: told that it is out, it would take that for itself
                self._forget(other)
            else:
                self.end(other, "reregistrationRequired")
        self._take(request, before, signalling, aliases, names)

    def _forbidden(self, request: Request, aliases: tuple[tuple[str, str], ...]) -> None:
        self.refused += 1
        user = aliases[0][1] if aliases else ""
        self.desk.tell("auth_refused", request.source, "RRQ", "unknown_source", user)
        request.refuse("securityDenial")

    def _before(self, request: Request, signalling: Address, names: tuple[str, ...]) -> Endpoint | None:
        """The registration that this one renews: by its identifier, or it is of the same names at the same place."""
        found = self.endpoints.of(identifier(request.message))
        if found is not None and found.is_at(request.source.host):
            return found
        for name in names:
            found = self.endpoints.named(name)
            if found is not None and found.signalling == signalling and found.ras.host == request.source.host:
                return found
        return None

    def _take(
        self,
        request: Request,
        before: Endpoint | None,
        signalling: Address,
        aliases: tuple[tuple[str, str], ...],
        names: tuple[str, ...],
    ) -> None:
        settings, now = self.settings(), self.desk.now()
        key = before.identifier if before is not None else self.desk.token()
        endpoint = Endpoint(
            key, names, aliases, signalling, request.source, request.local, product(request.message.body)
        )
        if before is not None:
            endpoint.calls = before.calls
            self.endpoints.remove(before)
        else:
            self.desk.tell("registered", request.source, "RRQ", "registered", ",".join(names))
        endpoint.full_until = now + settings.expire
        endpoint.ttl = self._ttl(request)
        endpoint.until = now + endpoint.ttl
        self.endpoints.add(endpoint)
        self._granted(request, endpoint, full=True)
        if before is None:
            self.desk.resources(endpoint, scarce=False)

    def _ttl(self, request: Request) -> int:
        most = max(self.settings().ttl, SHORTEST_TTL)
        return max(min(int(request.message.body.get("timeToLive", most)), most), SHORTEST_TTL)

    def _keep_alive(self, request: Request) -> None:
        """A lightweight registration (7.9.1): it renews a registration that we know and nothing else."""
        endpoint = self.endpoints.of(identifier(request.message))
        now = self.desk.now()
        if endpoint is None or request.source.host != endpoint.ras.host or now >= endpoint.full_until:
            request.refuse("fullRegistrationRequired")
            return
        question = Registering(
            (request.source.host, endpoint.signalling.host), tuple([alias for _, alias in endpoint.aliases])
        )
        request.ask(self.desk.may_register, question, partial(self._kept_alive, request, endpoint))

    def _kept_alive(self, request: Request, endpoint: Endpoint, names: tuple[str, ...]) -> None:
        if self.endpoints.of(endpoint.identifier) is not endpoint:
            request.refuse("fullRegistrationRequired")
        elif not names:
            self._forget(endpoint)
            self._forbidden(request, endpoint.aliases)
        elif set(names) != set(endpoint.names):
            request.refuse("fullRegistrationRequired")
        else:
            endpoint.ras, endpoint.local = request.source, request.local  # its port may have changed
            endpoint.until = min(self.desk.now() + self._ttl(request), endpoint.full_until + endpoint.ttl)
            self.endpoints.lasts(endpoint)
            self._granted(request, endpoint, full=False)

    def _granted(self, request: Request, endpoint: Endpoint, full: bool) -> None:
        self.desk.registered(endpoint)
        at = self.desk.calls_at(request.source, request.local)
        body: dict[str, Any] = {
            "protocolIdentifier": H225_VERSION,
            "callSignalAddress": [write_address(at)] if at is not None else [],
            "endpointIdentifier": endpoint.identifier,
            "gatekeeperIdentifier": self.settings().identifier,
            "timeToLive": endpoint.ttl,
            "willRespondToIRR": False,
            "maintainConnection": False,
        }
        if full:
            body["terminalAlias"] = write_aliases(endpoint.aliases)
        request.answer(confirm(request.message, **body), keep=True, proven=True)

    def _unregister(self, request: Request) -> None:
        endpoint = request.endpoint()
        if endpoint is None:
            request.refuse("notCurrentlyRegistered")
            return
        self._forget(endpoint)
        self.desk.tell("unregistered", request.source, "URQ", "unregistered", ",".join(endpoint.names))
        request.answer(confirm(request.message), keep=True)

    def _forget(self, endpoint: Endpoint) -> None:
        self.endpoints.remove(endpoint)
        self.desk.forgotten(endpoint)

    # -- from our side

    def restore(self, kept: Kept) -> None:
        """Take over an endpoint of a former life of ours, unless its place has been taken meanwhile."""
        endpoint = Endpoint(
            kept.identifier, kept.names, kept.aliases, kept.signalling, kept.ras, kept.local, kept.product
        )
        endpoint.ttl, endpoint.until, endpoint.full_until = kept.ttl, kept.until, kept.full_until
        if self.endpoints.of(kept.identifier) is not None:
            return
        if self.endpoints.full(kept.ras.host) or any(self.endpoints.named(name) for name in kept.names):
            self.desk.forgotten(endpoint)
            return
        self.endpoints.add(endpoint)

    def end(self, endpoint: Endpoint, reason: str) -> None:
        """Unregister an endpoint; it is told why (a name of ``UnregRequestReason``)."""
        self._forget(endpoint)
        self.desk.tell("unregistered", endpoint.ras, "URQ", reason, ",".join(endpoint.names))
        body = {
            "callSignalAddress": [write_address(endpoint.signalling)],
            "endpointIdentifier": endpoint.identifier,
            "gatekeeperIdentifier": self.settings().identifier,
            "reason": (reason, 0),
        }
        self.asker.ask(Kind.URQ, body, endpoint.ras, endpoint.local, lambda _: None)

    def sweep(self) -> None:
        """Ask those whose time has run out whether they are still there (7.15); who does not answer is forgotten."""
        for endpoint in islice(self.endpoints.over(self.desk.now()), MOST_ASKED):
            if not endpoint.asking:
                endpoint.asking = True
                body = {"callReferenceValue": 0}
                self.asker.ask(Kind.IRQ, body, endpoint.ras, endpoint.local, partial(self._looked, endpoint))
        while self._kept and next(iter(self._kept.values()))[0] <= self.desk.now():
            self._kept.popitem(last=False)

    def _looked(self, endpoint: Endpoint, answer: Message | None) -> None:
        endpoint.asking = False
        if self.endpoints.of(endpoint.identifier) is not endpoint or endpoint.until > self.desk.now():
            return
        alive = answer is not None and answer.kind == Kind.IRR and identifier(answer) == endpoint.identifier
        if not alive or self.desk.now() >= endpoint.full_until:
            self.end(endpoint, "ttlExpired")
            return
        endpoint.until = self.desk.now() + endpoint.ttl
        self.endpoints.lasts(endpoint)
        self.desk.registered(endpoint)

    def stop(self) -> None:
        """Ask nothing more."""
        self.asker.stop()

    # -- calls

    def caller(self, host: str, call: bytes, texts: tuple[str, ...], identifier: str = "") -> tuple[str | None, bool]:
        """As which name a Setup comes in from *host* (None = no endpoint calls from there), and whether that is sure.

        :param call: its callIdentifier, which an admission may have named before.
        :param identifier: the endpointIdentifier of the Setup, "" = none.
        :param texts: its calling number and source aliases: they tell several names of one address apart.
        :returns: not sure: it is the only name of that address, and says nothing of itself.
        """
        found = self.endpoints.at(host)
        for endpoint in found:
            admission = endpoint.calls.get(call)
            if admission is not None and not admission.answer:
                return admission.name, True
            if endpoint.identifier == text(identifier):
                return endpoint.name_of(texts), True
        names = {name: endpoint for endpoint in found for name in endpoint.names}
        for name in names:
            if admissions.plain(name) in texts:
                return name, True
        return (next(iter(names)) if len(names) == 1 else None), False

    def keep(self, request: Request, data: bytes) -> None:
        """Keep an answer for the request's repetitions."""
        while len(self._kept) >= MOST_KEPT:
            self._kept.popitem(last=False)
        self._kept[request.key] = (self.desk.now() + KEPT, hash(request.data), data)
        self._kept.move_to_end(request.key)


_SILENT = frozenset(
    {Kind.GCF, Kind.GRJ, Kind.RCF, Kind.RRJ, Kind.UCF, Kind.URJ, Kind.ACF, Kind.ARJ, Kind.BCF, Kind.BRJ, Kind.DCF}
    | {Kind.DRJ, Kind.LCF, Kind.LRJ, Kind.IACK, Kind.INAK, Kind.RIP, Kind.RAC, Kind.SCR, Kind.XRS}
)
"""Answers: one that we did not ask for is ignored."""

_REQUESTS: dict[str, Callable[[Gatekeeper, Request], None]] = {
    Kind.GRQ: Gatekeeper._discover,
    Kind.RRQ: Gatekeeper._register,
    Kind.URQ: Gatekeeper._unregister,
    Kind.ARQ: admissions.admit,
    Kind.BRQ: admissions.bandwidth,
    Kind.DRQ: admissions.disengage,
    Kind.IRR: information.informed,
    Kind.RAI: information.resources,
    Kind.LRQ: information.locate,
}
