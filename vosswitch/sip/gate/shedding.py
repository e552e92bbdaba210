"""Refusals written from the bytes of a request, without reading more of it than a response has to repeat.

A request that is turned away by the thousand must cost little: no message object, no transaction, no timer.  What a
response copies (RFC 3261 8.2.6.2) is found by one scan of the head, and the tag is the same for all (8.2.7: a
stateless server gives a repeated request the same one), so that the ACKs of such refusals are known by it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from vosswitch.sip.grammar.headers import parse_via
from vosswitch.sip.grammar.message import BadMessage
from vosswitch.sip.transactions.layer import via_key

if TYPE_CHECKING:
    from vosswitch.sip.grammar.headers import Via

LONGEST_HEAD = 4096
"""Bytes of a head that are looked at; what is longer gets no answer: it would be a large one."""

_NEEDED = re.compile(
    rb"\r\n(via|v|from|f|to|t|call-id|i|cseq)[ \t]*:[ \t]*([^\r\n]*(?:\r\n[ \t]+[^\r\n]*)*)", re.IGNORECASE
)
_LONG = {b"v": b"via", b"f": b"from", b"t": b"to", b"i": b"call-id"}
_FOLD = re.compile(rb"\r\n[ \t]+")
_ONCE = (b"from", b"to", b"call-id", b"cseq")


class Glimpse(NamedTuple):
    """What was seen of a request.

    :ivar via: the topmost Via; *vias* what stands behind it: the rest of its header, further headers.
    :ivar key: of its server transaction; "" for a peer of RFC 2543, whose branch says nothing.
    :ivar values: From, To, Call-ID, CSeq.
    """

    via: Via
    vias: tuple[bytes, ...]
    key: str
    values: tuple[bytes, ...]


def glimpse(data: bytes) -> Glimpse | None:
    """See what a refusal needs; None when that is not there, not once, or too long."""
    end = data.find(b"\r\n\r\n", 0, LONGEST_HEAD)
    if end < 0:
        return None
    vias: list[bytes] = []
    found: dict[bytes, bytes] = {}
    for name, value in _NEEDED.findall(data[:end]):
        key = _LONG.get(name.lower(), name.lower())
        if b"\r" in value:
            value = _FOLD.sub(b" ", value)  # noqa: PLW2901 - the same value on one line
        if key == b"via":
            vias.append(value)
        elif key in found:
            return None
        else:
            found[key] = value
    if not vias or len(found) != len(_ONCE):
        return None
    return _read(data, vias, tuple(found[name] for name in _ONCE))


def _read(data: bytes, vias: list[bytes], values: tuple[bytes, ...]) -> Glimpse | None:
    top, comma, more = vias[0].partition(b",")
    try:
        via = parse_via(top.decode("ascii").strip())
    except (BadMessage, UnicodeDecodeError):
        return None
    method = data[: data.find(b" ")].decode("latin-1")
    rest = (more.strip(), *vias[1:]) if comma else tuple(vias[1:])
    return Glimpse(via, rest, via_key(via, method) if via.is_unique else "", values)


def refusal(seen: Glimpse, host: str, port: int, tag: str, retry_after: int) -> bytes:
    """A 503 to the request; *host* and *port* are its source (18.2.1, RFC 3581).

    :param retry_after: seconds; 0 = no such header, which makes a strict peer send all its traffic elsewhere.
    """
    wait = b"Retry-After: %d\r\n" % retry_after if retry_after else b""
    vias = b"".join([b"\r\nVia: " + via for via in (str(seen.via.stamped(host, port)).encode(), *seen.vias)])
    from_, to, call_id, number = seen.values
    return (
        b"SIP/2.0 503 Service Unavailable%b\r\nFrom: %b\r\nTo: %b;tag=%b\r\nCall-ID: %b\r\nCSeq: %b\r\n"
        b"%bContent-Length: 0\r\n\r\n"
    ) % (vias, from_, to, tag.encode(), call_id, number, wait)
