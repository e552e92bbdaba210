"""Questions to name servers, by ``twisted.names``; what the answers mean is for `vosswitch.sip.destinations.names`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.defer import maybeDeferred
from twisted.names import client, dns, hosts
from twisted.names.error import DNSNameError
from twisted.python.filepath import FilePath

from vosswitch.sip.destinations.resolution import MOST_RECORDS, Answer, Naptr, Question, Srv, normal_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from twisted.python.failure import Failure

    from vosswitch.sip.transactions.timers import Timers

TIMEOUTS = (1, 2)
"""Seconds that each server is given, first and second time."""
_GIVEN_UP = 8.0
_HOSTS_TTL = 60.0
_NEGATIVE = 60.0
_TYPES = {"NAPTR": dns.NAPTR, "SRV": dns.SRV, "A": dns.A, "AAAA": dns.AAAA}
_FAMILIES = {"A": False, "AAAA": True}


class NameService:
    """The way to the name servers; nothing is opened before the first question.

    :param servers: IP and port of each, in the order of use; none = those of ``/etc/resolv.conf``.
    :param heard: takes each answer, in a later turn than its question.
    """

    def __init__(
        self,
        reactor: Any,
        servers: Sequence[tuple[str, int]],
        heard: Callable[[Question, Answer], None],
        timers: Timers,
        hosts_file: str = "/etc/hosts",
    ) -> None:
        self._reactor = reactor
        self._servers = list(servers)
        self._heard = heard
        self._timers = timers
        self._hosts = FilePath(hosts_file)
        self._resolver: Any = None

    def ask(self, question: Question) -> None:
        """Ask; the hosts file comes before the servers."""
        if question.kind in _FAMILIES:
            found = hosts.searchFileForAll(self._hosts, question.name.encode())  # type: ignore[no-untyped-call]
            if found:
                mine = tuple(host for host in found if (":" in host) == _FAMILIES[question.kind])
                self._later(question, Answer(mine, _HOSTS_TTL))
                return
        asked = maybeDeferred(self._lookup, question)  # no descriptor left, no such file: as good as no answer
        asked.addTimeout(_GIVEN_UP, self._reactor)
        asked.addCallbacks(self._answered, self._failed, callbackArgs=(question,), errbackArgs=(question,))
        asked.addErrback(lambda _: self._later(question, Answer(sure=False)))

    def _lookup(self, question: Question) -> Any:
        if self._resolver is None:
            resolv = None if self._servers else "/etc/resolv.conf"
            self._resolver = client.Resolver(  # type: ignore[no-untyped-call]
                resolv, self._servers, TIMEOUTS, self._reactor
            )
        return self._resolver._lookup(question.name, dns.IN, _TYPES[question.kind], TIMEOUTS)

    def _later(self, question: Question, answer: Answer) -> None:
        self._timers.add(0.0, self._heard, question, answer)

    def _answered(self, sections: tuple[Sequence[Any], Sequence[Any], Any], question: Question) -> None:
        answers, authority, _ = sections
        found = list(_matching(question, answers))
        if found:
            records = tuple(record for record in map(_READERS[question.kind], found) if record is not None)
            self._later(question, Answer(records, float(min(header.ttl for header in found))))
        else:
            self._later(question, Answer((), _negative(authority)))

    def _failed(self, failure: Failure, question: Question) -> None:
        if not isinstance(failure.value, DNSNameError):
            self._later(question, Answer(sure=False))
        else:
            message = next(iter(failure.value.args), None)
            self._later(question, Answer((), _negative(getattr(message, "authority", ()))))

    def stop(self) -> None:
        """Ask no more."""
        call = getattr(self._resolver, "_parseCall", None)
        if call is not None and call.active():
            call.cancel()
        for connection in list(getattr(self._resolver, "connections", ())):
            connection.transport.loseConnection()


def _matching(question: Question, answers: Iterable[Any]) -> Iterable[Any]:
    """The records of the name that was asked for, or of the one that its CNAMEs lead to."""
    names = {question.name}
    for header in list(answers)[: 4 * MOST_RECORDS]:
        owner = _text(header.name)
        if owner not in names:
            continue
        if header.type == dns.CNAME:
            names.add(_text(header.payload.name))
        elif header.type == _TYPES[question.kind]:
            yield header


def _negative(authority: Iterable[Any]) -> float:
    """How long "no" holds (RFC 2308 section 5)."""
    for header in authority:
        if header.type == dns.SOA:
            return float(min(header.ttl, header.payload.minimum))
    return _NEGATIVE


def _text(name: Any) -> str:
    return bytes(name.name).decode("ascii", "replace").lower().removesuffix(".")


def _naptr(header: Any) -> Naptr:
    record = header.payload
    flags, service = (bytes(text.string).decode("ascii", "replace").lower() for text in (record.flags, record.service))
    return Naptr(record.order, record.preference, flags, service, _text(record.replacement))


def _srv(header: Any) -> Srv:
    record = header.payload
    return Srv(record.priority, record.weight, record.port, normal_name(_text(record.target)))


_READERS: dict[str, Callable[[Any], Any]] = {
    "NAPTR": _naptr,
    "SRV": _srv,
    "A": lambda header: header.payload.dottedQuad(),
    "AAAA": lambda header: header.payload._address,
}
