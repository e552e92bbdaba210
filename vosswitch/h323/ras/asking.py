"""Our own RAS requests: sent again until they are answered (H.225.0 7.19 says how long), each answer heard once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from vosswitch.h323.per import BadPdu
from vosswitch.h323.ras.messages import ANSWERS, Kind, Message, Numbers, write

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.h323.legs.line import Timer
    from vosswitch.model.values import Address

MOST = 5000
"""Requests that may wait for their answers at once."""
_LONGEST_DELAY = 20.0
"""Seconds that a RequestInProgress may add."""
_MOST_DELAYS = 5

_ANSWERS = {**ANSWERS, Kind.IRQ: (Kind.IRR,), Kind.RAI: (Kind.RAC,), Kind.IRR: (Kind.IACK, Kind.INAK)}


class Patience(NamedTuple):
    """How long one waits for an answer, and how often the request is sent in all."""

    seconds: float = 3.0
    tries: int = 3


USUAL = Patience()


class Wire(Protocol):
    """What sends datagrams and keeps time."""

    def send(self, data: bytes, to: Address, local: Address) -> None:
        """Send a datagram from our socket *local*; raises nothing."""

    def later(self, seconds: float, function: Callable[[], None]) -> Timer:
        """Call *function* after so long."""


class Ask:
    """One request that waits for its answer."""

    __slots__ = (
        "_data",
        "_delays",
        "_done",
        "_left",
        "_local",
        "_owner",
        "_patience",
        "_timer",
        "kind",
        "number",
        "to",
    )

    def __init__(
        self,
        owner: Asker,
        message: Message,
        to: Address,
        local: Address,
        patience: Patience,
        done: Callable[[Message | None], None],
    ) -> None:
        self._owner = owner
        self._data = write(message)
        self._local, self._patience = local, patience
        self._done: Callable[[Message | None], None] | None = done
        self._left, self._delays = patience.tries, _MOST_DELAYS
        self._timer: Timer | None = None
        self.kind, self.number, self.to = message.kind, message.number, to

    def send(self) -> None:
        """Send it once more, or give it up."""
        self._timer = None
        if not self._left:
            self.end(None)
            return
        self._left -= 1
        self._timer = self._owner.wire.later(self._patience.seconds, self.send)
        self._owner.wire.send(self._data, self.to, self._local)

    def delayed(self, message: Message) -> None:
        """The peer works on it (7.17)."""
        if self._delays and self._timer is not None:
            self._delays -= 1
            self._timer.cancel()
            seconds = min(max(message.body.get("delay", 0) / 1000, self._patience.seconds), _LONGEST_DELAY)
            self._timer = self._owner.wire.later(seconds, self.send)

    def end(self, answer: Message | None) -> None:
        """Tell who asked; None = there was no answer."""
        done = self.forget()
        if done is not None:
            done(answer)

    def forget(self) -> Callable[[Message | None], None] | None:
        """Nobody waits for it any more."""
        done, self._done = self._done, None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._owner.asks.pop(self.number, None)
        return done


class Asker:
    """All requests of ours that are on the way.

    :param first: where the numbers of requests begin.
    :ivar asks: by ``requestSeqNum``.
    """

    __slots__ = ("_numbers", "asks", "wire")

    def __init__(self, wire: Wire, first: int) -> None:
        self.wire = wire
        self._numbers = Numbers(first)
        self.asks: dict[int, Ask] = {}

    def ask(
        self,
        kind: str,
        body: dict[str, Any],
        to: Address,
        local: Address,
        done: Callable[[Message | None], None],
        patience: Patience = USUAL,
    ) -> Ask | None:
        """Send a request; *done* is told the answer, never before this returns.

        :returns: None when it could not be sent: *done* is told None soon.
        """
        number = self._numbers.next()
        while number in self.asks and len(self.asks) < MOST:
            number = self._numbers.next()
        try:
            if len(self.asks) >= MOST:
                raise BadPdu("too many requests are waiting")
            found = Ask(self, Message(kind, number, body), to, local, patience, done)
        except BadPdu:
            self.wire.later(0.0, lambda: done(None))
            return None
        self.asks[number] = found
        found.send()
        return found

    def tell(self, kind: str, body: dict[str, Any], to: Address, local: Address) -> None:
        """Send a request whose answer nobody waits for."""
        try:
            self.wire.send(write(Message(kind, self._numbers.next(), body)), to, local)
        except BadPdu:
            return

    def heard(self, message: Message, source: Address) -> bool:
        """Whether a message is the answer to one of our requests; then it has been given to who asked."""
        found = self.asks.get(message.number)
        if found is None or found.to.host != source.host:
            return False
        if message.kind == Kind.RIP:
            found.delayed(message)
        elif message.kind in _ANSWERS.get(found.kind, ()) or message.kind == Kind.XRS:
            found.end(message)
        else:
            return False
        return True

    def stop(self) -> None:
        """Ask no more; nobody is told."""
        for found in list(self.asks.values()):
            found.forget()
