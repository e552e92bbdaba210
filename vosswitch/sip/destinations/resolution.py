"""RFC 3263: from the host of a URI or of a gateway to addresses, ports and transports; without a name server.

`locate` is a generator: it yields the questions to ask, is sent their answers, and returns a `Plan`.  What a name
server says is bounded here: how many records count, which ports and addresses can be used at all.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, NamedTuple

from vosswitch.model.places import PORTS, is_literal
from vosswitch.model.values import Address

if TYPE_CHECKING:
    import random
    from collections.abc import Generator, Iterable, Sequence

    Steps = Generator[tuple["Question", ...], Sequence["Answer"], "Plan"]

MOST_TARGETS = 8
"""Addresses that one attempt may try."""
MOST_RECORDS = 16
"""Records of one answer that count."""

_SERVICES = {"sip+d2u": "udp", "sip+d2t": "tcp", "sips+d2t": "tls"}
_LABELS = {"udp": "_sip._udp", "tcp": "_sip._tcp", "tls": "_sips._tcp"}
_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?)*")


class Question(NamedTuple):
    """What a name server is asked: ``NAPTR``, ``SRV``, ``A`` or ``AAAA`` of a name."""

    kind: str
    name: str


class Naptr(NamedTuple):
    """A NAPTR record (RFC 3403), texts in lower case."""

    order: int
    preference: int
    flags: str
    service: str
    replacement: str


class Srv(NamedTuple):
    """An SRV record (RFC 2782); *target* "" = the service is decidedly not there."""

    priority: int
    weight: int
    port: int
    target: str


class Answer(NamedTuple):
    """What became of a question.

    :ivar ttl: seconds that it holds.
    :ivar sure: False when the name service failed; there may be records all the same.
    """

    records: tuple[Any, ...] = ()
    ttl: float = 60.0
    sure: bool = True


class Abilities(NamedTuple):
    """What we have listeners for: transports, and address families as ``A`` and ``AAAA``, the preferred first."""

    transports: tuple[str, ...] = ("udp", "tcp")
    families: tuple[str, ...] = ("A",)


class Choice(NamedTuple):
    """The addresses of one SRV target, or of the host itself."""

    priority: int
    weight: int
    addresses: tuple[Address, ...]


class Plan(NamedTuple):
    """Where requests to a host may go.

    :ivar ttl: seconds that it holds.
    :ivar sure: every question was answered.
    """

    choices: tuple[Choice, ...]
    ttl: float
    sure: bool

    def order(self, source: random.Random) -> tuple[Address, ...]:
        """The addresses in the order of one attempt: by priority, by weighted chance among equals (RFC 2782)."""
        if len(self.choices) == 1:
            return _flat(self.choices)
        return _flat(_drawn(self.choices, source))

    def steady(self) -> tuple[Address, ...]:
        """The same without chance, for requests within a dialog: the heaviest first among equals."""
        return _flat(sorted(self.choices, key=lambda choice: (choice.priority, -choice.weight)))


def _flat(choices: Iterable[Choice]) -> tuple[Address, ...]:
    found = dict.fromkeys(address for choice in choices for address in choice.addresses)
    return tuple(found)[:MOST_TARGETS]


def _drawn(choices: Sequence[Choice], source: random.Random) -> list[Choice]:
    left = sorted(choices, key=lambda choice: (choice.priority, choice.weight))
    drawn = []
    while left:
        group = [choice for choice in left if choice.priority == left[0].priority]
        chance = source.randint(0, sum(choice.weight for choice in group))
        for choice in group:
            chance -= choice.weight
            if chance <= 0:
                break
        left.remove(choice)
        drawn.append(choice)
    return drawn


@lru_cache(maxsize=4096)
def normal_name(host: str) -> str:
    """A name as it is asked for, lower case without the last dot; "" for what cannot be one, or never is (RFC 6761)."""
    name = host.lower().removesuffix(".")
    if _NAME.fullmatch(name) is None or name.rpartition(".")[2] == "invalid":
        return ""
    return name


def locate(target: Address, able: Abilities) -> Steps:
    """Find the addresses of a name (RFC 3263 section 4): NAPTR only for transport ``auto``, SRV only for port 0.

    :param target: host a name, port 0 = by the name service, transport ``auto`` = by the name service.
    """
    heard: list[Answer] = []
    name, port, transport = target
    services: list[tuple[str, Srv]] | None = None
    if not port and transport == "auto":
        services = yield from _by_naptr(name, able, heard)
    elif not port and transport in _LABELS:
        services = yield from _by_srv([(transport, f"{_LABELS[transport]}.{name}")], heard)
    if services is None:
        if transport == "auto":
            transport = "udp" if "udp" in able.transports else able.transports[0]
        services = [(transport, Srv(0, 1, port or PORTS[transport], name))]
    choices = yield from _addresses(services, able, heard)
    ttl = min([answer.ttl for answer in heard], default=60.0)
    return Plan(tuple(choices), ttl, all(answer.sure for answer in heard))


def _by_naptr(name: str, able: Abilities, heard: list[Answer]) -> Generator[Any, Any, list[tuple[str, Srv]] | None]:
    """The SRV records that NAPTR names, else those of every transport that we speak."""
    (answer,) = yield (Question("NAPTR", name),)
    heard.append(answer)
    usable = [
        (record.order, record.preference, _SERVICES[record.service], normal_name(record.replacement))
        for record in answer.records[:MOST_RECORDS]
        if record.flags == "s" and _SERVICES.get(record.service) in able.transports and normal_name(record.replacement)
    ]
    usable = sorted(row for row in usable if row[0] == min(usable)[0])
    asked = [(transport, replacement) for _, _, transport, replacement in usable]
    found = yield from _by_srv(asked or [(t, f"{_LABELS[t]}.{name}") for t in able.transports if t in _LABELS], heard)
    return found


def _by_srv(asked: list[tuple[str, str]], heard: list[Answer]) -> Generator[Any, Any, list[tuple[str, Srv]] | None]:
    """The records of some services, those of the first one before all others; None when there is none at all."""
    answers = yield tuple(Question("SRV", name) for _, name in asked)
    heard.extend(answers)
    found: list[tuple[str, Srv]] = []
    for tier, ((transport, _), answer) in enumerate(zip(asked, answers, strict=True)):
        records = sorted(answer.records)[:MOST_RECORDS]
        found += [(transport, record._replace(priority=record.priority + (tier << 16))) for record in records]
    return found or None


def _addresses(
    services: list[tuple[str, Srv]], able: Abilities, heard: list[Answer]
) -> Generator[Any, Any, list[Choice]]:
    usable = [(t, record) for t, record in services if 0 < record.port < 65536 and (record.target)][:MOST_RECORDS]
    literal = {record.target for _, record in usable if is_literal(record.target)}
    names = [name for name in dict.fromkeys(record.target for _, record in usable) if name not in literal]
    questions = tuple(Question(kind, name) for name in names for kind in able.families)
    answers = yield questions
    heard.extend(answers)
    known: dict[str, list[str]] = {name: [name] for name in literal}
    for (_, name), answer in zip(questions, answers, strict=True):
        known.setdefault(name, []).extend(host for host in answer.records[:MOST_RECORDS] if _usable(host))
    return [
        Choice(record.priority, record.weight, tuple(Address(host, record.port, t) for host in known[record.target]))
        for t, record in usable
        if known.get(record.target)
    ]


@lru_cache(maxsize=4096)
def _usable(host: str) -> bool:
    ip = ip_address(host)
    return not (ip.is_unspecified or ip.is_multicast or getattr(ip, "ipv4_mapped", None))
