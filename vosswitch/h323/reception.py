"""Calls that come in to the H.323 process: who is let through to the switch, and what it is asked of each."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from vosswitch.h323.h225 import BadMessage, Setup, read
from vosswitch.h323.legs.numbers import alias_number
from vosswitch.h323.questions import Caller
from vosswitch.h323.settings import EMERGENCIES, UNDECIDED
from vosswitch.h323.urgent import RESOURCES, TEMPORARY_FAILURE, EmergencyNumbers, refuse, release
from vosswitch.model.h323 import SIGNALLING_PORT, TRANSPORT
from vosswitch.model.source import plain_host
from vosswitch.model.values import Address

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vosswitch.h323.transport.incoming import IncomingLine
    from vosswitch.h323.transport.world import World
    from vosswitch.h323.zone import Zone
    from vosswitch.model.causes import Cause
    from vosswitch.model.peer import PeerProfile
    from vosswitch.model.signals import Try


class House(Protocol):
    """The process's worker, as the reception sees it.

    :ivar stopping: no more calls are taken; *is_full* nor while the switch does not keep up.
    """

    world: World
    zone: Zone
    legs: Any
    settings: Mapping[str, Any]
    stopping: bool

    @property
    def is_full(self) -> bool: ...  # noqa: D102

    def ask(self, name: str, values: tuple[Any, ...], answer: Callable[[Any], None]) -> None:
        """Ask the switch."""

    def log(self, level: str, text: str, **fields: str) -> None:
        """A line in the switch's log."""

    def take(self, leg: Any, line: IncomingLine, offered: Try) -> None:
        """Tell the switch of a new call."""


class Reception:
    """Calls from their first message to their leg.

    :ivar undecided: how many wait for the switch's word.
    """

    __slots__ = ("_emergencies", "_house", "_offers", "undecided")

    def __init__(self, house: House) -> None:
        self._house = house
        self._offers: tuple[IncomingLine, Address, str | None, str]
        self.undecided = 0
        self.configured(house.settings)

    def configured(self, settings: Mapping[str, Any]) -> None:
        """The parameters have changed."""
        self._emergencies = EmergencyNumbers(settings[EMERGENCIES])

    def called(self, line: IncomingLine, data: bytes) -> None:
        """The first message of a call or connection; what is no Setup closes it."""
        world = self._house.world
        if line.crowded:
            refuse(line, data, RESOURCES, "newConnectionNeeded")
            return
        if self._turns_away(line, data):
            refuse(line, data)
            return
        try:
            setup = read(data)
        except BadMessage as bad:
            world.gate.counts["bad_messages"] += 1
            self._note_bad(line, str(bad))
            line.abort()
            return
        if not isinstance(setup, Setup):
            world.gate.counts["strange_messages"] += 1
            line.close()
            return
        world.counts["setups"] += 1
        line.keep(setup.maintain_connection)
        line.tell(self._house.zone.whose, line.remote, setup, partial(self._identified, line, setup))

    def _identified(
        self, line: IncomingLine, setup: Setup, endpoint: str | None, sure: bool, refusal: Cause | None
    ) -> None:
        """Registrations have said whose it is, as far as they know."""
        if line.over:
            return
        if refusal is not None:
            release(line, setup, refusal.q850)
            return
        source = _source_of(setup, line.remote)
        numbers = _numbers_of(setup)
        question = Caller(source, numbers["called_party"], numbers, _aliases_of(setup), endpoint or "", sure)
        self.undecided += 1
        self._house.ask("caller", tuple(question), lambda answer: self._admitted(line, setup, source, answer))

    def _turns_away(self, line: IncomingLine, data: bytes) -> bool:
        """Whether a new call is refused before anything of it is decoded: too many wait, or too many came.

        Emergency calls pass, so many a second of each source, as with SIP.
        """
        gate, now = self._house.world.gate, self._house.world.now()
        if self._house.stopping:
            return True
        if self._house.is_full or self.undecided >= UNDECIDED:
            why = "shed"
        elif not gate.may_call(line.source, now):
            why = "capped"
        else:
            return False
        if self._emergencies.called_by(data) and gate.is_urgent(line.source, now):
            return False
        gate.counts[why] += 1
        return True

    def _note_bad(self, line: IncomingLine, reason: str) -> None:
        count = self._house.world.gate.counts["bad_messages"]
        if count <= 20 or count % 1000 == 0:
            self._house.log("warn", "bad H.323 message from {source}: {reason}", source=str(line.remote), reason=reason)

    def _admitted(self, line: IncomingLine, setup: Setup, source: Address, answer: tuple[Any, ...] | None) -> None:
        """The switch has said how the caller is spoken with, and by which name it is registered; None = it cannot."""
        self.undecided -= 1
        if line.over:
            return
        if answer is None:
            release(line, setup, TEMPORARY_FAILURE)
            return
        profile, user = answer
        place = profile.h323.callee_source if profile.h323 is not None else "called_party"
        self._offers = (line, source, user, place)
        line.tell(self._begin, line, setup, profile, user or "")

    def _begin(self, line: IncomingLine, setup: Setup, profile: PeerProfile, user: str) -> None:
        line.user = leg = self._house.legs.incoming(line, setup, profile, user)
        leg.start()
        line.serve(leg)

    def incoming(self, leg: Any, offered: Try) -> None:
        """The legs' own word for a new call."""
        line, offered.source, offered.user, offered.callee_source = self._offers
        self._house.take(leg, line, offered)


def _source_of(setup: Setup, remote: Address) -> Address:
    """Where a call comes from: the peer's IP, with the port of the call signalling address that it names."""
    named = setup.source_address
    port = named.port if named is not None and named.port and _same(named, remote) else SIGNALLING_PORT
    return Address(remote.host, port, TRANSPORT)


def _same(named: Address, remote: Address) -> bool:
    return plain_host(named.host) == plain_host(remote.host)


def _numbers_of(setup: Setup) -> dict[str, str]:
    """The called number by where it stands."""
    element, alias = setup.callee.number, alias_number(setup.destination_aliases)
    return {"called_party": element or alias, "destination": alias or element}


def _aliases_of(setup: Setup) -> tuple[str, ...]:
    """The names by which the caller calls itself."""
    return tuple(text for _, text in setup.source_aliases[:8])
