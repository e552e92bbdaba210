"""Our registrations with vendors: follows the configuration, sends the REGISTERs and keeps their times.

SS_SIP_USER_AGENT_EXPIRE, SS_SIP_USER_AGENT_RETRY_DELAY, SS_SIP_USER_AGENT_SEND_UNREGISTER.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any

from vosswitch.model.trunk import Trunk, TrunkState
from vosswitch.sip.grammar.uri import host_text
from vosswitch.sip.grammar.wire import lines, seal, user_text
from vosswitch.sip.legs.proof import Proof
from vosswitch.sip.registrations.registration import (
    AUTO,
    Effect,
    Input,
    Registration,
    State,
    granted,
    longer,
    refresh_after,
    retry_after,
    service_route,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from vosswitch.model.trunk import TrunkWish
    from vosswitch.sip.grammar.message import Request, Response
    from vosswitch.sip.legs.stack import Stack
    from vosswitch.sip.transactions.flow import Flow
    from vosswitch.sip.transactions.layer import ClientTransaction
    from vosswitch.sip.transactions.timers import Timer

_PAUSE = 0.02
"""Seconds between the first REGISTERs of two trunks."""
_MOST_TRIES = 4
"""Times that one REGISTER is sent again for challenges and 423."""


def contact_user(wish: TrunkWish) -> str:
    """The user part of our Contact: nobody but us and the vendor can tell it, and a restart does not change it."""
    text = f"contact\0{wish.name}\0{wish.username}\0{wish.domain}"
    return "t" + hmac.digest(wish.password.encode(), text.encode(), "sha256").hex()[:24]


_OUTCOMES = {State.UP: True, State.WAITING: False, State.FADING: False}


class _Outgoing:
    """The registration with one vendor.

    :ivar user: of our Contact.
    """

    __slots__ = (
        "_asked",
        "_call_id",
        "_expires",
        "_failure",
        "_flow",
        "_least",
        "_machine",
        "_next",
        "_owner",
        "_proof",
        "_reason",
        "_route",
        "_seq",
        "_since",
        "_status",
        "_tag",
        "_timer",
        "_told",
        "_transaction",
        "_tries",
        "user",
        "wish",
    )

    def __init__(self, owner: Trunks, wish: TrunkWish) -> None:
        tokens = owner.stack.tokens
        self._owner = owner
        self.wish = wish
        self.user = contact_user(wish)
        self._machine = Registration()
        self._call_id, self._tag = tokens.new() + tokens.new(), tokens.new()
        self._proof = Proof(wish.username, wish.password, wish.realm, tokens)
        self._flow: Flow | None = None
        self._transaction: ClientTransaction | None = None
        self._timer: Timer | None = None
        self._failure: Response | None = None
        self._seq = self._status = self._tries = self._asked = self._least = 0
        self._expires = self._next = 0.0
        self._since = owner.stack.timers.now()
        self._reason = ""
        self._told: bool | None = None
        self._route: tuple[str, ...] = ()

    # What is shown.

    @property
    def over(self) -> bool:
        """Whether nothing follows any more."""
        return self._machine.state is State.GONE

    @property
    def host(self) -> str:
        """The registrar's address; "" before it was spoken with."""
        return "" if self._flow is None else self._flow.remote.host

    def trunk(self) -> Trunk:
        """What a call needs to know."""
        return Trunk(self._owner.stack.timers.now() < self._expires, self._route)

    def shown(self) -> TrunkState:
        """For the operator."""
        now, wish = self._owner.stack.timers.now(), self.wish
        return TrunkState(
            wish.name,
            str(wish.target),
            wish.username,
            self._machine.state.value,
            max(0, round(self._expires - now)),
            self._status,
            self._reason,
            round(now - self._since),
            max(0, round(self._next - now)) if self._timer is not None else None,
        )

    # The machine's inputs and effects.

    def feed(self, what: Input) -> None:
        """Apply an input and perform what follows."""
        before = self._machine.state
        effect = self._machine.feed(what)
        if self._machine.state is not before:
            self._since = self._owner.stack.timers.now()
        if effect is not None:
            self._stop_timer()
            self._perform(effect)
        self._tell()

    def _tell(self) -> None:
        """Have the operator told when it comes up and when it fails, once each."""
        up = _OUTCOMES.get(self._machine.state)
        if up is None or up is self._told:
            return
        self._told = up
        if up:
            seconds = round(self._expires - self._owner.stack.timers.now())
            self._owner.tell(self.wish.name, up, f"granted for {seconds} s")
        else:
            self._owner.tell(self.wish.name, up, f"answered {self._status}" if self._status >= 300 else self._reason)

    def _perform(self, effect: Effect) -> None:
        chance = self._owner.chance()
        if effect is Effect.ASK or effect is Effect.LEAVE:
            self._send(())
        elif effect is Effect.REFRESH_LATER:
            self._wait(refresh_after(round(self._expires - self._owner.stack.timers.now()), chance))
        elif effect is Effect.RETRY_LATER:
            delay = self._owner.parameters()["SS_SIP_USER_AGENT_RETRY_DELAY"]
            self._wait(retry_after(self._failure, delay, chance))
        else:
            self._forget()
            self._owner.ended(self)

    def start(self, delay: float) -> None:
        """Begin after a pause."""
        self._next = self._owner.stack.timers.now() + delay
        self._timer = self._owner.stack.timers.add(delay, self.feed, Input.START)

    def _wait(self, seconds: float) -> None:
        self._tries = 0
        self._proof.proven("REGISTER")  # the next one may be challenged anew
        self._next = self._owner.stack.timers.now() + seconds
        self._timer = self._owner.stack.timers.add(seconds, self.feed, Input.DUE)

    def _stop_timer(self) -> None:
        self._owner.stack.timers.cancel(self._timer)
        self._timer = None

    def _forget(self) -> None:
        if self._transaction is not None:
            self._transaction.forget()
            self._transaction = None
        self._expires = 0.0

    # REGISTER.

    def _seconds(self) -> int:
        if self._machine.state is State.LEAVING:
            return 0
        wanted = self._owner.parameters()["SS_SIP_USER_AGENT_EXPIRE"]
        return max(AUTO if wanted is None else int(wanted), self._least)

    def _send(self, proof: tuple[str, ...]) -> None:
        stack, wish = self._owner.stack, self.wish
        if self._transaction is not None:
            self._transaction.forget()
            self._transaction = None
        if stack.unknown(wish.target) and stack.names.wait(wish.target, lambda _: self._found(proof)):
            return
        self._flow = stack.known_way(wish.target, wish.local_address, wish.tls_name)
        if self._flow is None:
            self._lost("no way to it")
            return
        self._asked, self._seq, branch = self._seconds(), self._seq + 1, stack.branch()
        data = seal(self._head(self._flow, branch, proof), b"")
        self._transaction = stack.layer.send(self, "REGISTER", branch, data, self._flow)

    def _found(self, proof: tuple[str, ...]) -> None:
        """The registrar's name is known, or given up."""
        if self._machine.state in {State.ASKING, State.REFRESHING, State.LEAVING} and self._transaction is None:
            self._send(proof)

    def _head(self, flow: Flow, branch: str, proof: tuple[str, ...]) -> str:
        wish, user = self.wish, user_text(self.wish.username)
        transport = "" if flow.local.transport == "udp" else f";transport={flow.local.transport}"
        domain = host_text(wish.domain)
        return lines(
            (
                f"REGISTER sip:{domain} SIP/2.0",
                f"Via: {flow.via};branch={branch};rport",
                "Max-Forwards: 70",
                f"From: <sip:{user}@{domain}>;tag={self._tag}",
                f"To: <sip:{user}@{domain}>",
                f"Call-ID: {self._call_id}",
                f"CSeq: {self._seq} REGISTER",
                f"Contact: <sip:{self.user}@{flow.hostport}{transport}>;expires={self._asked}",
                f"Expires: {self._asked}",
                f"User-Agent: {self._owner.stack.product}",
                *proof,
            )
        )

    def answered(self, transaction: ClientTransaction, response: Response) -> None:
        """A response came."""
        if transaction is not self._transaction or response.status < 200:
            return
        self._transaction = None
        self._status, self._reason = response.status, response.reason[:120]
        if response.status < 300:
            self._accepted(response)
        elif not self._answer(response):
            self._failure = response
            self.feed(Input.FAILED)

    def failed(self, transaction: ClientTransaction) -> None:
        """No final response came in time, or the transport failed."""
        if transaction is self._transaction:
            self._transaction = None
            self._lost("no answer")

    def _lost(self, why: str) -> None:
        self._status, self._reason, self._failure = 0, why, None
        self._owner.stack.timers.add(0.0, self.feed, Input.FAILED)

    def _accepted(self, response: Response) -> None:
        seconds = 0 if self._machine.state is State.LEAVING else granted(response, self.user, self._asked)
        self._failure = None
        if not seconds and self._machine.state is not State.LEAVING:
            self._expires, self._reason = 0.0, "granted for no time"
            self.feed(Input.FAILED)
            return
        self._expires = self._owner.stack.timers.now() + seconds
        self._route = service_route(response)
        self._least = 0
        self.feed(Input.GRANTED)

    def _answer(self, response: Response) -> bool:
        """Send the REGISTER once more if that may help."""
        self._tries += 1
        if self._tries > _MOST_TRIES:
            return False
        if response.status == 423:
            wanted = longer(response, self._asked)
            if wanted is not None and self._asked:
                self._least = wanted
                self.feed(Input.AGAIN)
                return True
        elif response.status in {401, 407}:
            proof = self._proof.answer(response, "REGISTER", f"sip:{host_text(self.wish.domain)}")
            if proof:
                self._send(proof)
                return True
        return False


class Trunks:
    """All our registrations.

    :param chance: gives numbers from 0 to 1, for jitter.
    :ivar users: the registrations by the user part of our Contact.
    """

    __slots__ = ("_leaving", "_log", "_started", "_trunks", "_wishes", "chance", "parameters", "stack", "users")

    def __init__(
        self, stack: Stack, parameters: Callable[[], Mapping[str, Any]], chance: Callable[[], float], log: Any
    ) -> None:
        self.stack = stack
        self.parameters = parameters
        self.chance = chance
        self._log = log
        self._trunks: dict[str, _Outgoing] = {}
        self._leaving: set[_Outgoing] = set()
        self._wishes: dict[str, TrunkWish] = {}
        self._started = False
        self.users: dict[str, _Outgoing] = {}

    def start(self) -> None:
        """Register."""
        self._started = True
        self._align()

    def follow(self, wishes: Iterable[TrunkWish]) -> None:
        """Register what is new or changed, unregister what is gone."""
        wanted = {wish.name: wish for wish in wishes}
        if wanted == self._wishes:
            return
        self._wishes = wanted
        if self._started:
            self._align()

    def stop(self) -> None:
        """Unregister everywhere, as SS_SIP_USER_AGENT_SEND_UNREGISTER says."""
        self._started = False
        self._wishes = {}
        self._align()

    def _align(self) -> None:
        for name, trunk in list(self._trunks.items()):
            if self._wishes.get(name) != trunk.wish:
                self._end(name, trunk)
        for place, wish in enumerate(wish for name, wish in self._wishes.items() if name not in self._trunks):
            trunk = self._trunks[wish.name] = _Outgoing(self, wish)
            self.users[trunk.user] = trunk
            trunk.start(place * _PAUSE)

    def _end(self, name: str, trunk: _Outgoing) -> None:
        del self._trunks[name]
        self.users.pop(trunk.user, None)
        self._leaving.add(trunk)
        trunk.feed(Input.STOP if self.parameters()["SS_SIP_USER_AGENT_SEND_UNREGISTER"] else Input.DROP)

    def tell(self, name: str, up: bool, why: str) -> None:
        """Write a change to the log."""
        say = self._log.info if up else self._log.warn
        event, state = ("trunk_up", "up") if up else ("trunk_down", "down")
        say("registration with {gateway} is {state}: {reason}", event=event, gateway=name, state=state, reason=why)

    def ended(self, trunk: _Outgoing) -> None:
        """A registration that was given up has been taken back."""
        self._leaving.discard(trunk)

    def trunk(self, name: str) -> Trunk | None:
        """Our registration with a routing gateway; None = there is none."""
        found = self._trunks.get(name)
        return None if found is None else found.trunk()

    def states(self) -> Iterator[TrunkState]:
        """All of them for the operator, by name."""
        for name in sorted(self._trunks):
            found = self._trunks.get(name)
            if found is not None:
                yield found.shown()

    def called(self, request: Request, host: str) -> str | None:
        """Whose vendor calls us: the user name of the registration whose Contact an INVITE is to, None = no one's.

        :param host: the source, which has to be the registrar that was told the Contact.
        """
        found = self.users.get(request.target.user)
        return None if found is None or host != found.host else found.wish.username

    def number(self, request: Request) -> None:
        """Have an INVITE to a Contact of ours say who is called: the user of To; the Contact says nothing of that.

        :raises BadMessage: it cannot be read.
        """
        called = request.to.uri.user
        if called and request.target.user in self.users:
            request.uri = request.target.replace(user=called).text
