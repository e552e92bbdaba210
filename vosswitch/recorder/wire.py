"""What switch and recorder say to each other: one JSON object per line, in both directions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SLICE = 2000
"""Items in one message at most, so that the switch never works on one for long."""
PART = 1200
"""How much a part of a configuration weighs at most."""


def pack(message: Mapping[str, Any]) -> bytes:
    """One message as it goes over the socket."""
    return orjson.dumps(message, option=orjson.OPT_APPEND_NEWLINE)


class Lines:
    """Cuts what comes from a stream into messages."""

    __slots__ = ("_parts",)

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """The messages that *data* completes.

        :raises ValueError: a line that is no JSON object.
        """
        if b"\n" not in data:
            self._parts.append(data)
            return []
        *lines, rest = b"".join([*self._parts, data]).split(b"\n")
        self._parts = [rest] if rest else []
        return [_unpack(line) for line in lines]


def _unpack(line: bytes) -> dict[str, Any]:
    message = orjson.loads(line)
    if not isinstance(message, dict):
        raise ValueError(f"expected a JSON object, got {line[:80]!r}")
    return message


def sliced(accounts: Mapping[str, Any], size: int = SLICE) -> Iterator[dict[str, Any]]:
    """*accounts* in parts of at most *size*; one empty part when there are none."""
    items = list(accounts.items())
    for at in range(0, max(1, len(items)), size):
        yield dict(items[at : at + size])


_FIRST = ("parameters", "rate_groups")
"""Everything else refers to them."""
_WEIGHTS = {"accounts": 2, "mapping_gateways": 20, "routing_gateways": 20, "phones": 8}
"""What one entry costs the switch, in about 4 us, besides what its lists hold."""


def config_slices(message: Mapping[str, Any], size: int = PART) -> Iterator[dict[str, Any]]:
    """A ``config`` message in parts: the first one keeps ``full``, the others add to it, all but the last say ``more``.

    Parameters and rate groups go first, because everything else refers to them; then definitions and whatever else has
    entries by name.

    :param size: how much a part may weigh, so that none holds the switch up; one entry is never divided.
    """
    kinds = [kind for kind, value in message.items() if isinstance(value, dict)]
    kinds.sort(key=lambda kind: (kind not in _FIRST, kind in _WEIGHTS))
    head = {key: value for key, value in message.items() if key not in kinds}
    empty: dict[str, Any] = {kind: {} for kind in kinds}
    first, part, weight = True, dict(empty), 0
    for kind in kinds:
        for name, body in message[kind].items():
            own = _weight(kind, body)
            if weight and weight + own > size:
                yield head | part | {"full": head["full"] and first, "more": True}
                first, part, weight = False, dict(empty), 0
            if not part[kind]:
                part[kind] = {}
            part[kind][name] = body
            weight += own
    yield head | part | {"full": head["full"] and first, "more": False}


def _weight(kind: str, body: Any) -> int:
    lists = sum(len(value) for value in body.values() if isinstance(value, list)) if isinstance(body, dict) else 0
    return _WEIGHTS.get(kind, 1) + lists
