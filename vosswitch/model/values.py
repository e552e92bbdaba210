"""Small values used everywhere: money, addresses, call levels, call ids."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

UNITS = 10_000_000
"""Money is an integer in units of 10^-7 of the account's currency."""

_DECIMALS = 7
_WHOLE_DIGITS = 12  # below: its units fit into 63 bits and into Decimal's 28 digits


def money(text: str | int | Decimal) -> int:
    """Read an amount of currency into units of 10^-7.

    :param text: a plain decimal such as ``"12.5"``; binary floats are refused by type.
    :raises ValueError: not a finite decimal, 10^12 or more, or more than seven decimals.
    """
    try:
        amount = Decimal(text)
        scaled = amount * UNITS if amount.adjusted() < _WHOLE_DIGITS else Decimal("NaN")
        units = int(scaled)
    except (ArithmeticError, ValueError):
        raise ValueError(f"expected an amount such as 12.50, got {text!r}") from None
    if units != scaled:
        raise ValueError(f"expected at most {_DECIMALS} decimals, got {text!r}")
    return units


def counted(count: int, what: str) -> str:
    """So many of something, for people: ``1 call``, ``2 calls``."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def money_text(units: int) -> str:
    """Write units of 10^-7 as the shortest plain decimal: ``12_500_000`` -> ``"1.25"``."""
    sign = "-" if units < 0 else ""
    whole, part = divmod(abs(units), UNITS)
    fraction = f"{part:07d}".rstrip("0")
    return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"


class Address(NamedTuple):
    """A transport address; *host* is an IP literal without brackets, or a name still to be resolved."""

    host: str
    port: int
    transport: str = "udp"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.transport}:{host}:{self.port}"


class Level(StrEnum):
    """What kind of call a rate is for, and which calls a phone may make (each includes those before it)."""

    NET = "net"
    LOCAL = "local"
    DOMESTIC = "domestic"
    INTERNATIONAL = "international"

    @property
    def rank(self) -> int:
        """Place in the order of privileges, 0 = net."""
        return _RANKS[self]

    @property
    def code(self) -> int:
        """The number of column ``calllevel``: 1 net, 2 local, 4 domestic, 5 international."""
        return _CODES[self]


_RANKS = {Level.NET: 0, Level.LOCAL: 1, Level.DOMESTIC: 2, Level.INTERNATIONAL: 3}
_CODES = {Level.NET: 1, Level.LOCAL: 2, Level.DOMESTIC: 4, Level.INTERNATIONAL: 5}


class Side(StrEnum):
    """One side of a call, as column ``enddirection`` and the media reports name it."""

    CALLER = "caller"
    CALLEE = "callee"
    SERVER = "server"

    @property
    def code(self) -> int:
        """The number of column ``enddirection``: 0 caller, 1 callee, 2 server."""
        return _SIDES[self]

    @property
    def other(self) -> Side:
        """The opposite side; the server is its own."""
        return _OTHERS[self]


_SIDES = {Side.CALLER: 0, Side.CALLEE: 1, Side.SERVER: 2}
_OTHERS = {Side.CALLER: Side.CALLEE, Side.CALLEE: Side.CALLER, Side.SERVER: Side.SERVER}


class CallIds:
    """Makes call ids (``flowno``): 63 bits of wall milliseconds, serial and node, unique without coordination.

    :param node: 0-1023, from the configuration.
    :param after: an id of a former run; all new ones are higher, even when the wall clock was set back since.
    """

    __slots__ = ("_last", "_node")

    def __init__(self, node: int, after: int = 0) -> None:
        if not 0 <= node <= 1023:
            raise ValueError(f"node id: expected 0-1023, got {node}")
        self._node = node
        self._last = after >> 10

    def next(self, now_ms: int) -> int:
        """A fresh id: rises always, even when the wall clock steps back while the switch runs."""
        self._last = max(self._last + 1, now_ms << 11)
        return (self._last & ((1 << 53) - 1)) << 10 | self._node
