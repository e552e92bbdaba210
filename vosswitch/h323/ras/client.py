"""One registration of ours at a foreign gatekeeper: what is asked, when, and what follows from the answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.h323.addresses import read_address, write_address, write_aliases
from vosswitch.h323.ras.asking import Ask, Patience
from vosswitch.h323.ras.messages import Kind, Message, addresses, identifier, reason_of, text
from vosswitch.h323.ras.registration import (
    ASKED,
    LONGEST,
    SHORTEST,
    Effect,
    Input,
    Registration,
    State,
    refresh_after,
    retry_after,
)
from vosswitch.h323.versions import H225_VERSION, endpoint, vendor
from vosswitch.model.h323 import RAS
from vosswitch.model.trunk import Trunk, TrunkState

if TYPE_CHECKING:
    from vosswitch.h323.legs.line import Timer
    from vosswitch.h323.ras.clients import Clients, Desk
    from vosswitch.model.trunk import TrunkWish
    from vosswitch.model.values import Address

MOST_ALTERNATES = 8
_PARTING = Patience(1.0, 2)
_SOON = 5.0
"""Seconds after a grant in which a gatekeeper that takes it back is given time."""

_OUTCOMES = {State.UP: True, State.WAITING: False, State.FADING: False}


class Client:
    """The registration with one gatekeeper.

    :ivar wish: what the configuration wants.
    :ivar target: the gatekeeper's RAS address that is used now; None = not known yet.
    :ivar local: our socket towards it.
    :ivar key: the endpointIdentifier that it gave us, "" = none.
    :ivar granted_all: calls need no admission (preGrantedARQ): where their Setups go; None = they do.
    :ivar granted_answers: those that come from the gatekeeper need none either.
    """

    __slots__ = (
        "_alternates",
        "_ask",
        "_discovered",
        "_expires",
        "_failures",
        "_identifier",
        "_machine",
        "_must_discover",
        "_next",
        "_owner",
        "_reason",
        "_since",
        "_status",
        "_timer",
        "_told",
        "granted_all",
        "granted_answers",
        "key",
        "local",
        "target",
        "wish",
    )

    def __init__(self, owner: Clients, wish: TrunkWish) -> None:
        self._owner = owner
        self.wish = wish
        self._machine = Registration()
        self._alternates: list[tuple[Address, str]] = []
        self._ask: Ask | None = None
        self._timer: Timer | None = None
        self._identifier = wish.domain
        self._discovered = self._must_discover = False
        self._expires = self._next = 0.0
        self._failures = self._status = 0
        self._reason = ""
        self._since = owner.desk.now()
        self._told: bool | None = None
        self.target: Address | None = None
        self.local: Address | None = None
        self.key = ""
        self.granted_all: Address | None = None
        self.granted_answers = False

    # -- what is shown

    @property
    def desk(self) -> Desk:
        """What it has of the world."""
        return self._owner.desk

    @property
    def up(self) -> bool:
        """Whether the gatekeeper has granted it and the time has not run out."""
        return bool(self.key) and self._owner.desk.now() < self._expires

    def trunk(self) -> Trunk:
        """What a call needs to know."""
        return Trunk(self.up)

    def shown(self) -> TrunkState:
        """For the operator."""
        now, wish = self._owner.desk.now(), self.wish
        return TrunkState(
            wish.name,
            str(self.target or wish.target),
            wish.username,
            self._machine.state.value,
            max(0, round(self._expires - now)),
            self._status,
            self._reason,
            round(now - self._since),
            max(0, round(self._next - now)) if self._timer is not None else None,
        )

    # -- the machine

    def feed(self, what: Input) -> None:
        """Apply an input and perform what follows."""
        before = self._machine.state
        effect = self._machine.feed(what)
        if self._machine.state is not before:
            self._since = self._owner.desk.now()
        if effect is not None:
            self._quiet()
            self._perform(effect)
        self._tell()
        self._owner.changed(self)

    def start(self, delay: float) -> None:
        """Begin after a pause."""
        self._wait(delay, Input.START)

    def _tell(self) -> None:
        up = _OUTCOMES.get(self._machine.state)
        if up is not None and up is not self._told:
            self._told = up
            seconds = round(self._expires - self._owner.desk.now())
            self._owner.tell(self.wish.name, up, f"granted for {seconds} s" if up else self._reason)

    def _perform(self, effect: Effect) -> None:
        desk = self._owner.desk
        if effect is Effect.REFRESH_LATER:
            self._failures = 0
            self._wait(refresh_after(round(self._expires - desk.now()), desk.chance()), Input.DUE)
        elif effect is Effect.RETRY_LATER:
            self._failures += 1
            self._wait(retry_after(desk.retry_delay(), self._failures, desk.chance()), Input.DUE)
        elif effect is Effect.END:
            self._expires = 0.0
            self._owner.ended(self)
        elif self.target is None:
            desk.find(self.wish.target, self.wish.local_address, self._found_address)
        else:
            self._ask_for(effect)

    def _found_address(self, target: Address | None, local: Address | None) -> None:
        """The gatekeeper's name has been looked up, and our way to it."""
        if self._machine.state is not State.ASKING:
            return
        if target is None or local is None:
            self._fail("no way to it")
            return
        self.target, self.local = target, local
        self._ask_for(Effect.REGISTER)

    def _ask_for(self, effect: Effect) -> None:
        if effect is Effect.REGISTER and self._must_discover and not self._discovered:
            self.feed(Input.DISCOVER)
            return
        if effect is Effect.LEAVE:
            self._send(Kind.URQ, self._parting(), _PARTING)
        elif effect is Effect.FIND:
            self._send(Kind.GRQ, self._discovery())
        else:
            self._send(Kind.RRQ, self._body(full=effect is Effect.REGISTER))

    def _send(self, kind: Kind, body: dict[str, Any], patience: Patience | None = None) -> None:
        if self.target is None or self.local is None:
            self._fail("no way to it")
            return
        mine: list[Ask | None] = []

        def done(answer: Message | None) -> None:
            if not mine or mine[0] is self._ask:
                self._ask = None
                self._answered(kind, answer)

        self._ask = self._owner.asker.ask(kind, body, self.target, self.local, done, patience or Patience())
        mine.append(self._ask)

    def _quiet(self) -> None:
        """What was waited for counts no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._ask is not None:
            self._ask.forget()
            self._ask = None

    def _wait(self, seconds: float, what: Input) -> None:
        self._next = self._owner.desk.now() + seconds

        def due() -> None:
            self._timer = None
            self.feed(what)

        self._timer = self._owner.desk.later(seconds, due)

    # -- what is asked

    def _discovery(self) -> dict[str, Any]:
        body = {
            "protocolIdentifier": H225_VERSION,
            "rasAddress": self._ras(),
            "endpointType": self._type(),
            "endpointAlias": self._aliases(),
            "supportsAltGK": 0,
        }
        return body | self.named()

    def _body(self, full: bool) -> dict[str, Any]:
        at = self._owner.desk.calls_at(self.target, self.local)
        body: dict[str, Any] = {
            "protocolIdentifier": H225_VERSION,
            "discoveryComplete": self._discovered,
            "callSignalAddress": [write_address(at)] if at is not None else [],
            "rasAddress": [self._ras()],
            "terminalType": self._type(),
            "endpointVendor": vendor(),
            "timeToLive": ASKED,
            "keepAlive": not full,
            "willSupplyUUIEs": False,
            "maintainConnection": False,
        }
        if full:
            body |= {"terminalAlias": self._aliases(), "supportsAltGK": 0}
        if self.key:
            body["endpointIdentifier"] = self.key
        return body | self.named()

    def _parting(self) -> dict[str, Any]:
        at = self._owner.desk.calls_at(self.target, self.local)
        body: dict[str, Any] = {"callSignalAddress": [write_address(at)] if at is not None else []}
        if self.key:
            body["endpointIdentifier"] = self.key
        return body | self.named()

    def named(self) -> dict[str, Any]:
        """The gatekeeper's identifier, where we know it."""
        return {"gatekeeperIdentifier": self._identifier} if self._identifier else {}

    def _ras(self) -> tuple[str, Any]:
        assert self.target is not None
        assert self.local is not None
        return write_address(self._owner.desk.ras_at(self.target, self.local))

    def _type(self) -> dict[str, Any]:
        found = endpoint()
        if self.wish.prefixes:
            found["gateway"] = {"protocol": [("voice", {"supportedPrefixes": self.supported_prefixes})]}
        return found

    @property
    def supported_prefixes(self) -> list[dict[str, Any]]:
        """The numbers that are ours, by their prefixes."""
        return [{"prefix": alias} for alias in write_aliases(("dialledDigits", one) for one in self.wish.prefixes)]

    def _aliases(self) -> list[tuple[str, Any]]:
        return write_aliases(self.aliases)

    @property
    def aliases(self) -> tuple[tuple[str, str], ...]:
        """As whom we register: the user name, and as a number too where it is one."""
        name = self.wish.username
        number = (("dialledDigits", name),) if name and set(name) <= set("0123456789*#,") else ()
        return (("h323-ID", name), *number)

    # -- what is answered

    def _answered(self, kind: Kind, answer: Message | None) -> None:
        if answer is None:
            self._status = 0
            self._other()
            self._fail("no answer")
        elif kind is Kind.URQ:
            self.feed(Input.GRANTED)
        elif answer.kind == Kind.GCF:
            self._discovery_confirmed(answer)
        elif answer.kind == Kind.RCF:
            self._confirmed(answer)
        else:
            self._rejected(answer)

    def _discovery_confirmed(self, answer: Message) -> None:
        self._take_alternates(answer.body.get("alternateGatekeeper"))
        found = addresses([answer.body["rasAddress"]], RAS)
        if found and self.target is not None and self._owner.desk.near(found[0], self.target):
            self.target = found[0]
        self._identifier = text(answer.body.get("gatekeeperIdentifier")) or self._identifier
        self._discovered = True
        self.feed(Input.FOUND)

    def _confirmed(self, answer: Message) -> None:
        body = answer.body
        self.key = identifier(answer)
        self._identifier = text(body.get("gatekeeperIdentifier")) or self._identifier
        seconds = min(max(body.get("timeToLive", ASKED), SHORTEST), LONGEST)
        self._expires = self._owner.desk.now() + seconds
        self._status, self._reason = 200, ""
        self._take_alternates(body.get("alternateGatekeeper"))
        granted = body.get("preGrantedARQ") or {}
        routed = granted.get("makeCall") and granted.get("useGKCallSignalAddressToMakeCall")
        self.granted_all = next(iter(addresses(body["callSignalAddress"])), None) if routed else None
        self.granted_answers = bool(granted.get("answerCall"))
        is_new = self._machine.state is State.ASKING
        self.feed(Input.GRANTED)
        if is_new and self._owner.scarce:
            self._owner.indicate(self)

    def _rejected(self, answer: Message) -> None:
        self._status, self._reason = 403, reason_of(answer) or str(answer.kind)
        information = answer.body.get("altGKInfo")
        if information:
            self._take_alternates(information.get("alternateGatekeeper"))
            self._other()
        if self._reason == "fullRegistrationRequired" and self._machine.state is State.REFRESHING:
            self.key = ""
            self.feed(Input.FULL)
        elif self._reason == "discoveryRequired" and not self._discovered:
            self._must_discover = True
            self.feed(Input.FULL if self._machine.state is State.REFRESHING else Input.DISCOVER)
        else:
            self._fail(self._reason)

    def _fail(self, why: str) -> None:
        self._reason = why
        if self._machine.state is State.ASKING:
            self._expires, self.key = 0.0, ""
        self._discovered = False
        self.feed(Input.FAILED)

    def _take_alternates(self, values: Any) -> None:
        """Other gatekeepers of the zone (7.6), the first to be asked first."""
        found = []
        for value in sorted(list(values or ())[:MOST_ALTERNATES], key=lambda one: int(one["priority"])):
            address = read_address(value["rasAddress"], RAS)
            if address is not None and address.port and address != self.target:
                found.append((address, text(value.get("gatekeeperIdentifier"))))
        if found:
            self._alternates = found

    def _other(self) -> None:
        """Ask the next gatekeeper of the zone, and when all were asked the configured one again."""
        if self._alternates:
            self.target, self._identifier = self._alternates.pop(0)
            self.key = ""
        elif self._machine.state is not State.REFRESHING:
            self.target, self._identifier = None, self.wish.domain
        self._discovered = False

    def taken_back(self) -> None:
        """The gatekeeper has unregistered us (URQ): begin again, after a while when it does that at once."""
        soon = self._machine.state is State.UP and self._owner.desk.now() - self._since < _SOON
        self._expires, self.key, self._reason = 0.0, "", "unregistered by the gatekeeper"
        self.feed(Input.FAILED if soon else Input.FULL)
