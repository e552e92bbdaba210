"""What switch and recorder say to each other: one JSON object per line, in both directions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SLICE = 2000
"""Items in one message at most, so that the switch never works on one for long."""


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


_KINDS = ("accounts", "mapping_gateways", "routing_gateways", "phones", "parameters", "rate_groups")


def config_slices(message: Mapping[str, Any], size: int = SLICE) -> Iterator[dict[str, Any]]:
    """A ``config`` message in parts: the first one keeps ``full``, the others add to it, all but the last say ``more``.

    Parameters and rate groups go first, because everything else refers to them.
    """
    head = {key: value for key, value in message.items() if key not in _KINDS}
    parts = [{kind: message[kind] for kind in ("parameters", "rate_groups")}]
    for kind in ("accounts", "mapping_gateways", "routing_gateways", "phones"):
        if message[kind]:
            parts += [{kind: part} for part in sliced(message[kind], size)]
    for number, part in enumerate(parts):
        more = number < len(parts) - 1
        yield head | {kind: {} for kind in _KINDS} | part | {"full": head["full"] and not number, "more": more}
