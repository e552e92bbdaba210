"""The Reason header (RFC 3326) both ways, in requests and, after RFC 6432, in responses.

What a peer says becomes a `Cause`; what it is called there goes into the record, never to the other side: that is
told the numbers, with the words of our own table.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from vosswitch.model.causes import END_REASONS, Cause, from_q850
from vosswitch.sip.grammar.headers import parse_params, split_list
from vosswitch.sip.grammar.message import BadMessage, reason_phrase

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST = 8
"""Reason values of one message that are read."""
ELSEWHERE = "Call completed elsewhere"


class Reasons(NamedTuple):
    """What a message gives as its reasons; 0 and "" where it gives none.

    :ivar q850: Q.850 cause, 1-127.
    :ivar sip: SIP status, 200-699.
    :ivar text: the peer's words, cut.
    """

    q850: int = 0
    sip: int = 0
    text: str = ""


NONE = Reasons()


def read(values: Sequence[str] | None) -> Reasons:
    """The reasons of the Reason lines of a message; a value that cannot be read is passed over."""
    if not values:
        return NONE
    q850 = sip = 0
    text = ""
    for item in _items(values):
        protocol, _, rest = item.partition(";")
        try:
            params = parse_params(f";{rest}") if rest else {}
        except BadMessage:
            params = {}
        number = _number(params.get("cause"))
        kind = protocol.strip().upper()
        if kind == "Q.850" and not q850 and 0 < number < 128:
            q850 = number
        elif kind == "SIP" and not sip and 200 <= number < 700:
            sip = number
        text = text or (params.get("text") or "")[:120]
    return Reasons(q850, sip, text)


def _items(values: Sequence[str]) -> list[str]:
    found: list[str] = []
    for value in values[:_MOST]:
        try:
            found += split_list(value)
        except BadMessage:
            continue
    return [item.strip() for item in found[:_MOST]]


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 4 else 0


def released(values: Sequence[str] | None) -> Cause:
    """The cause of a BYE: its Q.850 cause as received, a normal release where it names none."""
    reasons = read(values)
    return from_q850(reasons.q850, reasons.text)._replace(sip=reasons.sip)


def refused(reached: Cause, reasons: Reasons) -> Cause:
    """The cause of a final response together with its Reason (RFC 6432): the status decides, the numbers go on."""
    if reasons is NONE:
        return reached
    told = reached.told or bool(reasons.q850)
    return reached._replace(q850=reasons.q850 or reached.q850, text=reasons.text or reached.text, told=told)


def abandoned(reached: Cause, values: Sequence[str] | None) -> Cause:
    """The cause of a CANCEL; that another device took the call goes on to the far side."""
    reasons = read(values)
    return reached if reasons is NONE else reached._replace(sip=reasons.sip, text=reasons.text or reached.text)


@lru_cache(maxsize=512)
def lines_of(reason: str, q850: int, sip: int = 0) -> tuple[str, ...]:
    """The Reason lines of an end reason; the table's words, since a peer's own could name its hosts.

    :param sip: a SIP status that goes with it, 0 = none.
    """
    text = END_REASONS[reason].text.replace('"', "'")
    line = f'Reason: Q.850;cause={q850};text="{text}"'
    if not sip:
        return (line,)
    words = ELSEWHERE if sip == 200 else reason_phrase(sip)
    return (f'Reason: SIP;cause={sip};text="{words}"', line)
