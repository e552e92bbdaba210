"""All our registrations at foreign gatekeepers, and the calls that we make and take through them (7.11-7.15)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Protocol

from vosswitch.h323.addresses import read_address, write_address
from vosswitch.h323.per import BadPdu
from vosswitch.h323.ras.asking import Asker, Patience, Wire
from vosswitch.h323.ras.calls import Call, information, request
from vosswitch.h323.ras.client import Client
from vosswitch.h323.ras.messages import Kind, Message, call_identifier, confirm, identifier, reason_of, reject, write
from vosswitch.h323.ras.registration import Input
from vosswitch.h323.versions import H225_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from vosswitch.h323.ras.calls import Admission
    from vosswitch.model.trunk import TrunkWish
    from vosswitch.model.values import Address

ADMISSION = Patience(2.0, 3)
"""For admissions: a caller waits."""
MOST_CALLS = 20_000
_MOST_TOLD = 16
"""Calls that one answer to an InfoRequest names."""
SHORTEST_REPORT = 5
"""Seconds between two reports of a call at the least, whatever its gatekeeper wants."""
_PAUSE = 0.02
"""Seconds between the first registrations of two gateways."""
_LOST = frozenset({"callerNotRegistered", "invalidEndpointIdentifier", "notRegistered"})
"""Reasons by which a gatekeeper shows that it does not know us any more."""


class Desk(Wire, Protocol):
    """What the registrations have of the world."""

    def now(self) -> float:
        """Monotonic seconds."""

    def chance(self) -> float:
        """From 0 to 1."""

    def retry_delay(self) -> float:
        """Seconds between attempts (SS_SIP_USER_AGENT_RETRY_DELAY)."""

    def find(self, target: Address, local: str | None, done: Callable[[Address | None, Address | None], None]) -> None:
        """Look up a gatekeeper's address and our socket towards it; *done* is told later, or at once."""

    def near(self, one: Address, other: Address) -> bool:
        """Whether a gatekeeper at *other* may send us to *one*."""

    def calls_at(self, target: Address | None, local: Address | None) -> Address | None:
        """Where calls come to us, as *target* sees it; None = we take none."""

    def ras_at(self, target: Address, local: Address) -> Address:
        """Our RAS socket as *target* sees it."""

    def trunk(self, client: Client) -> None:
        """A registration's state has changed."""

    def tell(self, event: str, gateway: str, up: bool, reason: str) -> None:
        """For the log."""

    def drop(self, call: bytes) -> None:
        """A gatekeeper ends a call."""


class Clients:
    """All of them.

    :ivar calls: those that are admitted, by callIdentifier.
    :ivar scarce: we take no more calls.
    """

    __slots__ = ("_clients", "_leaving", "_started", "_wishes", "asker", "calls", "desk", "scarce")

    def __init__(self, desk: Desk, first: int) -> None:
        self.desk = desk
        self.asker = Asker(desk, first)
        self._clients: dict[str, Client] = {}
        self._leaving: set[Client] = set()
        self._wishes: dict[str, TrunkWish] = {}
        self._started = self.scarce = False
        self.calls: dict[bytes, Call] = {}

    # -- which there are

    def start(self) -> None:
        """Register."""
        self._started = True
        self._align()

    def follow(self, wishes: Iterable[TrunkWish]) -> None:
        """Register what is new or changed, unregister what is gone."""
        self._wishes = {wish.name: wish for wish in wishes}
        if self._started:
            self._align()

    def stop(self) -> None:
        """Unregister everywhere; `leaving` tells when that is done."""
        self._started = False
        self._wishes = {}
        self._align()

    def resources(self, scarce: bool) -> None:
        """We are almost out of resources, or are not (7.18): each gatekeeper is told, later ones when they know us."""
        if scarce is self.scarce:
            return
        self.scarce = scarce
        for client in self._clients.values():
            if client.up:
                self.indicate(client)

    def indicate(self, client: Client) -> None:
        """Tell one gatekeeper how we stand (RAI)."""
        if client.target is None or client.local is None:
            return
        body = {
            "protocolIdentifier": H225_VERSION,
            "endpointIdentifier": client.key,
            "protocols": [("voice", {"supportedPrefixes": client.supported_prefixes})],
            "almostOutOfResources": self.scarce,
        }
        self.asker.ask(Kind.RAI, body, client.target, client.local, lambda _: None)

    @property
    def leaving(self) -> bool:
        """Whether a gatekeeper has not confirmed yet that we are gone."""
        return bool(self._leaving)

    def _align(self) -> None:
        for name, client in list(self._clients.items()):
            if self._wishes.get(name) != client.wish:
                del self._clients[name]
                self._leaving.add(client)
                client.feed(Input.STOP)
        for place, wish in enumerate([wish for name, wish in self._wishes.items() if name not in self._clients]):
            client = self._clients[wish.name] = Client(self, wish)
            client.start(place * _PAUSE)

    def ended(self, client: Client) -> None:
        """A registration has been taken back."""
        self._leaving.discard(client)

    def changed(self, client: Client) -> None:
        """A registration's state may have changed."""
        if self._clients.get(client.wish.name) is client:
            self.desk.trunk(client)

    def tell(self, name: str, up: bool, why: str) -> None:
        """Have a change written to the log."""
        self.desk.tell("trunk_up" if up else "trunk_down", name, up, why)

    def states(self) -> Iterator[Client]:
        """All of them by name."""
        for name in sorted(self._clients):
            yield self._clients[name]

    def of(self, target: Address, username: str) -> Client | None:
        """The registration that calls to a gatekeeper's address go over."""
        for client in self._clients.values():
            if client.wish.target == target and username in ("", client.wish.username):
                return client
        return None

    def at(self, host: str) -> Client | None:
        """The registration with the gatekeeper of that address, which may send us calls."""
        for client in self._clients.values():
            if client.target is not None and client.target.host == host and client.up:
                return client
        return None

    def asks(self, host: str) -> bool:
        """Whether we speak with a gatekeeper of that address."""
        return any(client.target is not None and client.target.host == host for client in self._clients.values())

    # -- what comes in

    def received(self, message: Message, source: Address, local: Address) -> bool:
        """Take a message of a gatekeeper of ours; False = it is none."""
        if self.asker.heard(message, source):
            return True
        action = _REQUESTS.get(message.kind)
        if action is None:
            return False
        for client in (*self._clients.values(), *self._leaving):
            if client.target == source and identifier(message) in ("", client.key):
                action(self, client, message, source, local)
                return True
        return False

    def _send(self, message: Message, to: Address, local: Address) -> None:
        try:
            self.desk.send(write(message), to, local)
        except BadPdu:
            return

    def _unregistered(self, client: Client, message: Message, source: Address, local: Address) -> None:
        self._send(confirm(message), source, local)
        client.taken_back()

    def _bandwidth(self, client: Client, message: Message, source: Address, local: Address) -> None:
        call = self._call(client, message)
        if call is None:
            self._send(reject(message, "invalidConferenceID", allowedBandWidth=0), source, local)
            return
        call.bandwidth = message.body["bandWidth"]
        self._send(confirm(message, bandWidth=call.bandwidth), source, local)

    def _dropped(self, client: Client, message: Message, source: Address, local: Address) -> None:
        """The gatekeeper ends a call (7.14)."""
        key = call_identifier(message)
        if self._call(client, message) is None:
            self._send(confirm(message), source, local)
            return
        self._forget(key)
        self._send(confirm(message), source, local)
        self.desk.drop(key)

    def _call(self, client: Client, message: Message) -> Call | None:
        call = self.calls.get(call_identifier(message))
        return call if call is not None and call.client is client else None

    def _asked(self, client: Client, message: Message, source: Address, local: Address) -> None:
        """The gatekeeper asks for one call, or for all of them (call reference 0)."""
        reference = message.body["callReferenceValue"]
        key = call_identifier(message)
        found = [
            (one, call)
            for one, call in self.calls.items()
            if call.client is client and (not reference or call.reference == reference) and key in (b"", one)
        ]
        body = information(client, source, local, found[:_MOST_TOLD])
        self._send(Message(Kind.IRR, message.number, body), source, local)

    def _report(self, key: bytes, every: int) -> None:
        """Tell of a call that goes on, as often as its gatekeeper wants to hear of it (irrFrequency)."""
        call = self.calls.get(key)
        if call is None:
            return
        client = call.client
        if client.target is not None and client.local is not None and client.key:
            body = information(client, client.target, client.local, [(key, call)], unsolicited=True)
            self.asker.tell(Kind.IRR, body, client.target, client.local)
        call.timer = self.desk.later(every, partial(self._report, key, every))

    # -- calls

    def admit(self, client: Client, admission: Admission, done: Callable[[Address | None, str], None]) -> None:
        """Ask the gatekeeper for a call.

        :param done: told where the Setup goes (None of an incoming call), and "" or why it may not be made:
            a reason of admissionReject, ``noAnswer`` or ``notRegistered``.
        """
        if not client.up or client.target is None or client.local is None:
            done(None, "notRegistered")
            return
        if client.granted_all is not None and not admission.answer:
            done(client.granted_all, "")
            return
        if client.granted_answers and admission.answer:
            done(None, "")
            return
        body = request(client, admission)
        if admission.answer:
            at = self.desk.calls_at(client.target, client.local)
            if at is not None:
                body["destCallSignalAddress"] = write_address(at)
        then = partial(self._admitted, client, admission, done)
        self.asker.ask(Kind.ARQ, body, client.target, client.local, then, ADMISSION)

    def _admitted(
        self,
        client: Client,
        admission: Admission,
        done: Callable[[Address | None, str], None],
        answer: Message | None,
    ) -> None:
        if answer is None:
            done(None, "noAnswer")
            return
        if answer.kind != Kind.ACF:
            reason = reason_of(answer) or "undefinedReason"
            if reason in _LOST:
                client.taken_back()
            done(None, reason)
            return
        target = read_address(answer.body["destCallSignalAddress"])
        if not admission.answer and (target is None or not target.port):
            done(None, "undefinedReason")
            return
        while len(self.calls) >= MOST_CALLS:
            self._forget(next(iter(self.calls)))
        granted = answer.body["bandWidth"]
        conference = admission.conference or admission.call
        call = Call(client, admission.reference, conference, admission.answer, granted)
        self._forget(admission.call)
        self.calls[admission.call] = call
        every = answer.body.get("irrFrequency", 0)
        if every:
            every = max(every, SHORTEST_REPORT)
            call.timer = self.desk.later(every, partial(self._report, admission.call, every))
        done(target, "")

    def _forget(self, key: bytes) -> Call | None:
        """A call is nobody's any more."""
        call = self.calls.pop(key, None)
        if call is not None and call.timer is not None:
            call.timer.cancel()
            call.timer = None
        return call

    def over(self, key: bytes) -> None:
        """A call has ended: its gatekeeper is told (DRQ)."""
        call = self._forget(key)
        if call is None or call.client.target is None or call.client.local is None or not call.client.key:
            return
        body = {
            "endpointIdentifier": call.client.key,
            "conferenceID": call.conference,
            "callReferenceValue": call.reference,
            "disengageReason": ("normalDrop", 0),
            "callIdentifier": {"guid": key},
            "answeredCall": call.answer,
        }
        self.asker.ask(Kind.DRQ, body, call.client.target, call.client.local, lambda _: None)


_REQUESTS: dict[str, Callable[[Clients, Client, Message, Address, Address], None]] = {
    Kind.URQ: Clients._unregistered,
    Kind.BRQ: Clients._bandwidth,
    Kind.DRQ: Clients._dropped,
    Kind.IRQ: Clients._asked,
}
