"""Has the endpoints that are registered by H.323 outlive the H.323 process, and the node."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from vosswitch.h323.kept import GRACE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vosswitch.h323.kept import Directory, Kept
    from vosswitch.params.listeners import Listener
    from vosswitch.sip.registrations.safekeeping import Safekeeping

NAME = "registrations-h323.log"
"""In the spool."""
SLICE = 200
"""Endpoints that the process is told in one turn of the reactor."""


class Keeping:
    """The memory of our gatekeeper.

    :param safekeeping: writes the endpoints down.
    :param listeners: of the node: who registered on another can be asked and told nothing.
    :param allowed: whether an endpoint may be registered as it is, by the configuration in force.
    :param tell: tells the H.323 process something.
    """

    __slots__ = ("_allowed", "_directory", "_listeners", "_reactor", "_safekeeping", "_tell")

    def __init__(
        self,
        reactor: Any,
        directory: Directory,
        safekeeping: Safekeeping,
        listeners: tuple[Listener, ...],
        allowed: Callable[[Kept], bool],
        tell: Callable[[str, Any], None],
    ) -> None:
        self._reactor = reactor
        self._directory = directory
        self._safekeeping = safekeeping
        self._listeners = {(one.transport, one.host, one.port) for one in listeners}
        self._allowed = allowed
        self._tell = tell

    def start(self, longest: float) -> str:
        """Take over the endpoints of the last run, before there is a process; one line about damage, "" = none.

        :param longest: seconds that a registration may last without a full one.
        """
        return self._safekeeping.restore(self._is_heard, longest)

    def _is_heard(self, kept: Kept) -> bool:
        return (kept.local.transport, *kept.local[:2]) in self._listeners

    def begin(self) -> None:
        """A process begins: it is told who is registered."""
        self._some(iter(self._directory.names()), self._introduce)

    def review(self) -> None:
        """The configuration has changed: who may not be registered any more is unregistered."""
        self._some(iter(self._directory.names()), self._dismiss)

    def _some(self, identifiers: Iterator[str], what: Callable[[list[str]], None]) -> None:
        found = list(islice(identifiers, SLICE))
        if found:
            what(found)
            self._reactor.callLater(0, self._some, identifiers, what)

    def _introduce(self, identifiers: list[str]) -> None:
        self._tell("ras_endpoints", list(self._rows(identifiers)))

    def _dismiss(self, identifiers: list[str]) -> None:
        found = [kept for identifier in identifiers for kept in self._directory.live(identifier)]
        unwanted = [kept.identifier for kept in found if not self._allowed(kept)]
        if unwanted:
            self._tell("ras_end", unwanted)

    def _rows(self, identifiers: list[str]) -> Iterator[tuple[Any, ...]]:
        now = self._reactor.seconds()
        for identifier in identifiers:
            for kept in self._directory.live(identifier):
                if kept.full_until > now and self._allowed(kept):
                    yield self._directory.prolong(kept, now + GRACE).row(now)
                else:
                    self._directory.drop(identifier)

    def stop(self) -> None:
        """Write down what is left."""
        self._safekeeping.stop()
