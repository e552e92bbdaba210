"""Texts by IP network: the whole world's areas, half a million networks, compiled and searched in place.

Nested networks are laid flat when the table is compiled: what is left are addresses from which on another text holds.
Sections of the file, integers in the byte order of the machine that wrote them:

* ``four``: unsigned 64 bits: IPv4 addresses, ascending; ``four_texts``: unsigned 32 bits: where in ``texts`` what holds
  from there on stands, or `NONE`.
* ``high`` and ``low``: both halves of IPv6 addresses, ascending; ``six_texts`` likewise.
* ``texts``: each a length byte and UTF-8.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from socket import AF_INET, AF_INET6, inet_pton
from typing import TYPE_CHECKING, Any

from vosswitch.numbers.sections import BadFile, Layout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Address = tuple[int, int]
    """IP version and number."""

KIND = "networks"
NONE = 0xFFFFFFFF
_LOW = (1 << 64) - 1
_WIDTHS = {4: 32, 6: 128}
_ROWS_BETWEEN = 20_000


class BadNetworkFile(BadFile):
    """A compiled table of networks that cannot be used; the text says why in one line."""


LAYOUT = Layout(
    b"vosnetwk", 1, ("four", "four_texts", "high", "low", "six_texts", "texts"), "table of networks", BadNetworkFile
)


def normal(text: str) -> str:
    """A network in CIDR or an address in normal form; a single address without its length.

    :raises ValueError: it is none, or has bits beyond its length.
    """
    network = ip_network(text.strip())
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)


def span(text: str) -> tuple[int, int, int]:
    """IP version, first and last address of a network in normal form; a tenth of the time that `ipaddress` takes."""
    host, _, bits = text.partition("/")
    version, family, width = (6, AF_INET6, 128) if ":" in host else (4, AF_INET, 32)
    number = int.from_bytes(inet_pton(family, host), "big")
    rest = (1 << width - int(bits or width)) - 1
    return version, number & ~rest, number | rest


def around(address: Address) -> list[str]:
    """Every network in normal form that an address lies in, the smallest first."""
    version, number = address
    width = _WIDTHS[version]
    of: Any = IPv4Network if version == 4 else IPv6Network
    networks = (of((number >> rest << rest, width - rest)) for rest in range(width + 1))
    return [str(one.network_address) if one.prefixlen == width else str(one) for one in networks]


class NetworkTable:
    """Texts by network; the smallest network around an address counts.  Immutable.

    :param parts: the sections, as `compiled` makes them or as they are mapped.
    :param count: networks that it was made of.
    """

    __slots__ = ("_count", "_four", "_four_texts", "_high", "_low", "_six_texts", "_texts")

    kind = KIND

    def __init__(self, parts: Any, count: int) -> None:
        self._four, self._high, self._low = (memoryview(parts[name]).cast("Q") for name in ("four", "high", "low"))
        self._four_texts, self._six_texts = (memoryview(parts[name]).cast("I") for name in ("four_texts", "six_texts"))
        self._texts = memoryview(parts["texts"])
        self._count = count

    @classmethod
    def of(cls, rows: Iterable[tuple[str, str]]) -> NetworkTable:
        """A table in memory."""
        found = list(rows)
        return cls(compiled(found), len(found))

    def __len__(self) -> int:
        return self._count

    def __contains__(self, text: str) -> bool:
        return self.get(text) is not None

    def value_of(self, address: Address) -> str | None:
        """The text of the smallest network around an address; None = it is in none."""
        version, number = address
        if version == 4:
            at, texts = bisect_right(self._four, number) - 1, self._four_texts
        else:
            at, texts = self._place_of(number), self._six_texts
        if at < 0:
            return None
        place = texts[at]
        return None if place == NONE else bytes(self._texts[place + 1 : place + 1 + self._texts[place]]).decode()

    def _place_of(self, number: int) -> int:
        high, low, highs, lows = number >> 64, number & _LOW, self._high, self._low
        last = bisect_right(highs, high) - 1
        if last < 0 or highs[last] != high or lows[last] <= low:
            return last
        return bisect_right(lows, low, bisect_left(highs, high, 0, last), last) - 1

    def get(self, text: str) -> str | None:
        """The same of an address as text; None for what is no address."""
        try:
            address = ip_address(text)
        except ValueError:
            return None
        return self.value_of((address.version, int(address)))

    def longest(self, text: str) -> tuple[str, str] | None:
        """An address and its text, as if it were a number."""
        found = self.get(text)
        return None if found is None else (text, found)


def compiled(rows: Iterable[tuple[str, str]], between: Callable[[], object] = lambda: None) -> dict[str, bytes]:
    """The sections of a table of networks in normal form, each with its text, in any order.

    :param between: called now and then.
    :raises ValueError: what is none.
    """
    texts, places = bytearray(), dict[str, int]()
    found: dict[int, list[tuple[int, int, int]]] = {4: [], 6: []}
    for count, (network, value) in enumerate(rows):
        if value not in places:
            places[value] = len(texts)
            text = value.encode()[:255]
            texts += bytes((len(text),)) + text
        try:
            version, begin, end = span(network)
        except OSError:
            raise ValueError(f"{network!r} is no network") from None
        found[version].append((begin, -end, places[value]))
        if count % _ROWS_BETWEEN == 0:
            between()
    four, four_texts = array("Q"), array("I")
    high, low, six_texts = array("Q"), array("Q"), array("I")
    for begin, place in _flat(found[4], 32):
        four.append(begin)
        four_texts.append(place)
    between()
    for begin, place in _flat(found[6], 128):
        high.append(begin >> 64)
        low.append(begin & _LOW)
        six_texts.append(place)
    parts = {"four": four, "four_texts": four_texts, "high": high, "low": low, "six_texts": six_texts}
    return {name: part.tobytes() for name, part in parts.items()} | {"texts": bytes(texts)}


def _flat(networks: list[tuple[int, int, int]], width: int) -> Iterator[tuple[int, int]]:
    """From which address on which text holds; networks hold each other whole, or lie apart.

    :param networks: begin, end below zero, text; two of the same begin come the larger first.
    """
    last, held = (-1, NONE), NONE
    for step in _steps(networks):
        if step[0] != last[0] and last[0] >= 0 and last[1] != held:
            yield last
            held = last[1]
        last = step
    if last[0] >= 0 and last[1] != held and last[0] < 1 << width:
        yield last


def _steps(networks: list[tuple[int, int, int]]) -> Iterator[tuple[int, int]]:
    """Each change of text, in order; of several at one address the last counts."""
    open_: list[tuple[int, int]] = []
    for begin, less_end, place in sorted(networks):
        while open_ and open_[-1][0] < begin:
            end, _ = open_.pop()
            yield end + 1, open_[-1][1] if open_ else NONE
        yield begin, place
        open_.append((-less_end, place))
    while open_:
        end, _ = open_.pop()
        yield end + 1, open_[-1][1] if open_ else NONE
