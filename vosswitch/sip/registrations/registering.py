"""What stands in the answer to a REGISTER (RFC 3261 section 10.3, RFC 3327, RFC 5626)."""

from __future__ import annotations

from email.utils import formatdate
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from vosswitch.sip.registrations.location import identity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vosswitch.sip.grammar.headers import NameAddr
    from vosswitch.sip.grammar.message import Request
    from vosswitch.sip.registrations.location import Binding
    from vosswitch.sip.transactions.flow import Flow

FLOW_TIMER = 120
"""Seconds after which a connection without a keep-alive may be given up (RFC 5626 section 4.4)."""
REQUIRABLE = frozenset({"path", "outbound"})
"""Extensions that a REGISTER may require."""


class Outcome(NamedTuple):
    """The answer to a REGISTER: status and header lines, each ended by CRLF."""

    status: int
    lines: str = ""


def listing(bindings: Iterable[Binding], now: float) -> str:
    """The Contact lines, the newest first."""
    found = []
    for binding in reversed(tuple(bindings)):
        contact = binding.contact
        q = "" if contact.q == 1.0 else f";q={contact.q:g}"
        left = max(1, round(contact.expires - now))
        found.append(f"Contact: <{contact.uri}>;expires={left}{q}{binding.params}\r\n")
    return "".join(found)


def date_line(wall: float) -> str:
    """The Date line, by which devices without a clock set theirs."""
    return _date(int(wall)) if wall else ""


@lru_cache(maxsize=4)
def _date(second: int) -> str:
    return f"Date: {formatdate(second, usegmt=True)}\r\n"


def supports(request: Request, option: str) -> bool:
    """Whether the sender supports an extension."""
    if "supported" not in request.headers:
        return False
    return option in [one.lower() for one in request.all("supported")]


def _flows(contacts: Iterable[NameAddr], request: Request) -> bool:
    """Whether the device asks for RFC 5626: it numbers its flows and says that it supports it."""
    return any("reg-id" in one.params and identity(one)[1] for one in contacts) and supports(request, "outbound")


def first_hop_lacks(contacts: list[NameAddr], request: Request, path: tuple[str, ...]) -> Outcome | None:
    """The refusal of a flow that a proxy on the way cannot keep (439), or of several contacts on one (400)."""
    if not _flows(contacts, request):
        return None
    if len(contacts) > 1:
        return Outcome(400)
    if len(request.all("via")) > 1 and not (path and ";ob" in path[0].lower()):
        return Outcome(439)
    return None


def outbound_lines(contacts: list[NameAddr], request: Request, flow: Flow) -> str:
    """What tells a device that its flow is kept: over connections only, for datagrams would need STUN (RFC 5389)."""
    if not flow.reliable or not _flows(contacts, request):
        return ""
    return f"Require: outbound\r\nFlow-Timer: {FLOW_TIMER}\r\n"
