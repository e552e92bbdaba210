"""The types of system parameters: how each is read from text, checked and written back.

A kind reads a stripped text into a typed value or raises `ValueError`; what was expected is the kind's own
`expected` text, so that every message reads alike.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from vosswitch.model.cards import EXPECTED, Access, read_access
from vosswitch.model.margins import LEAST_EXPECTED, MOST_EXPECTED, Least, Most, read_least, read_most
from vosswitch.model.numberlist import NumberList
from vosswitch.model.values import Address

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_V = TypeVar("_V")

NO_LIMIT = 2_147_483_647
"""The largest whole number taken where a parameter names no upper bound."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of parameter.

    :ivar type: its name as listings show it.
    :ivar expected: what a text has to be, to follow the word "expected".
    :ivar read: text to typed value; raises `ValueError`.
    :ivar write: typed value to canonical text; ``read(write(v)) == v``.
    :ivar low: smallest number, *high* the largest, where there are any.
    :ivar choices: the canonical texts, where they can be listed.
    :ivar optional: whether ``None`` (no limit) is a value.
    """

    type: str
    expected: str
    read: Callable[[str], Any]
    write: Callable[[Any], str] = str
    low: Decimal | None = None
    high: Decimal | None = None
    choices: tuple[str, ...] = ()
    optional: bool = False

    @property
    def range_text(self) -> str:
        """The range or the choices, for listings; empty when neither is declared."""
        if self.choices:
            return "/".join(self.choices)
        if self.low is None:
            return ""
        return f">={_plain(self.low)}" if self.high is None else f"{_plain(self.low)}-{_plain(self.high)}"


_INTEGER = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_DECIMAL = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?", re.ASCII)
_SWITCH = {"on": True, "1": True, "true": True, "yes": True, "off": False, "0": False, "false": False, "no": False}


def _plainly(number: float | Decimal) -> str:
    return f"{Decimal(str(number)):f}"


def _span(low: float | Decimal, high: float | Decimal | None) -> str:
    return f"from {_plainly(low)} to {_plainly(high)}" if high is not None else f"not below {_plainly(low)}"


def _bounded(value: Any, low: Any, high: Any) -> Any:
    if (low is not None and value < low) or (high is not None and value > high):
        raise ValueError(value)
    return value


def _matched(pattern: re.Pattern[str], text: str) -> str:
    if not pattern.fullmatch(text):
        raise ValueError(text)
    return text


def _plain(value: Decimal | float) -> str:
    text = f"{Decimal(str(value)):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def switch(extra: Mapping[str, bool] | None = None) -> Kind:
    """On or Off, also 1/0, true/false, yes/no; *extra* lower-case words are accepted on input."""
    words = {**_SWITCH, **(extra or {})}

    def read(text: str) -> bool:
        try:
            return words[text.lower()]
        except KeyError:
            raise ValueError(text) from None

    expected = "On or Off" + "".join(f" or {word.upper()}" for word in extra or ())
    return Kind("switch", expected, read, lambda value: "On" if value else "Off", choices=("On", "Off"))


def whole(low: int = 0, high: int | None = None) -> Kind:
    """A whole number from *low* to *high* (None: no declared bound)."""
    top = NO_LIMIT if high is None else high

    def read(text: str) -> int:
        return int(_bounded(int(_matched(_INTEGER, text)), low, top))

    return Kind("whole", f"a whole number {_span(low, high)}", read, low=Decimal(low), high=_bound(high))


def exact(low: str = "0", high: str | None = None) -> Kind:
    """A plain decimal number, kept exactly as `Decimal`."""
    bottom, top = Decimal(low), _bound(high)

    def read(text: str) -> Decimal:
        return Decimal(_bounded(Decimal(_matched(_DECIMAL, text)), bottom, top))

    return Kind("decimal", f"a decimal number {_span(bottom, top)}", read, _plain, low=bottom, high=top)


def _bound(value: str | int | None) -> Decimal | None:
    return None if value is None else Decimal(value)


def seconds(low: float = 0.001, high: float = 86400.0) -> Kind:
    """A duration in seconds, fractions allowed, as float."""

    def read(text: str) -> float:
        return float(_bounded(float(_matched(_DECIMAL, text)), low, high))

    return Kind("seconds", f"seconds {_span(low, high)}", read, _plain, low=Decimal(str(low)), high=Decimal(str(high)))


def intervals() -> Kind:
    """A comma separated list of durations above zero, in seconds, as a tuple of floats; at least one."""
    one = seconds()

    def read(text: str) -> tuple[float, ...]:
        return tuple(one.read(item.strip()) for item in text.split(","))

    return Kind("intervals", "seconds separated by commas, such as 0.5,1,2", read, lambda v: ",".join(map(_plain, v)))


def choice(*choices: str) -> Kind:
    """One of some texts in any case (and with ``_`` for a blank); its value is the text as declared."""
    known = {_folded(item): item for item in choices}

    def read(text: str) -> str:
        return _found(known, text)

    return Kind("choice", _or(choices), read, choices=choices)


def coded(choices: Mapping[str, int]) -> Kind:
    """One of some texts that stand for numbers; text, number or bare word are accepted, its value is the number."""
    known = {_folded(item): code for item, code in choices.items()}
    known |= {item.partition("(")[0].strip().lower(): code for item, code in choices.items()}
    known |= {str(code): code for code in choices.values()}
    names = {code: item for item, code in choices.items()}

    def read(text: str) -> int:
        return _found(known, text)

    return Kind("choice", _or(tuple(choices)), read, names.__getitem__, choices=tuple(choices))


def _folded(text: str) -> str:
    return " ".join(text.lower().replace("_", " ").split())


def _found(known: Mapping[str, _V], text: str) -> _V:
    try:
        return known[_folded(text)]
    except KeyError:
        raise ValueError(text) from None


def _or(choices: tuple[str, ...]) -> str:
    return f"{', '.join(choices[:-1])} or {choices[-1]}"


def optional(kind: Kind, none: str = "None") -> Kind:
    """The same *kind*, or *none* (also empty or ``None`` on input), whose value is None."""
    words = {"", "none", none.lower()}

    def read(text: str) -> Any:
        return None if text.lower() in words else kind.read(text)

    def write(value: Any) -> str:
        return none if value is None else kind.write(value)

    return Kind(kind.type, f"{kind.expected}, or {none}", read, write, kind.low, kind.high, kind.choices, optional=True)


def text(length: int = 255) -> Kind:
    """One line of printable text of at most *length* characters; may be empty."""

    def read(given: str) -> str:
        if len(given) > length or (given and not given.isprintable()):
            raise ValueError(given)
        return given

    return Kind("text", f"one line of at most {length} characters", read)


def card_accesses() -> Kind:
    """Ways to dial phone cards, separated by commas; may be empty."""

    def read(given: str) -> tuple[Access, ...]:
        return tuple(read_access(item.strip()) for item in given.split(",") if item.strip())

    return Kind("list", f"{EXPECTED}; several separated by commas", read, lambda value: ",".join(map(str, value)))


def currency() -> Kind:
    """The code of a currency; may be empty."""
    pattern = re.compile(r"([A-Z][A-Z0-9]{1,7})?", re.ASCII)
    return Kind("text", "a currency of 2-8 capital letters and digits such as EUR", partial(_matched, pattern))


def items() -> Kind:
    """A comma separated list of words, as a tuple; may be empty."""
    return Kind("list", "words separated by commas", _split(re.compile(r"[^\s,]+")), ",".join)


def numbers() -> Kind:
    """A comma separated list of numbers, ``*`` at the end of one for all that begin so; a `NumberList`."""
    pattern = re.compile(r"[0-9A-Za-z+#]{1,64}\*?|\*", re.ASCII)
    split = _split(pattern)

    def read(given: str) -> NumberList:
        return NumberList(split(given))

    return Kind("numbers", "numbers separated by commas, each may end in *", read, lambda v: ",".join(v.entries))


def _split(pattern: re.Pattern[str]) -> Callable[[str], tuple[str, ...]]:
    def read(given: str) -> tuple[str, ...]:
        found = (item.strip() for item in given.split(","))
        return tuple(_matched(pattern, item) for item in found if item)

    return read


def code_pairs(left: Kind, right: Kind) -> Kind:
    """Codes that stand for others, ``17=486,19=480``, as a tuple of pairs of numbers; may be empty."""

    def read(given: str) -> tuple[tuple[int, int], ...]:
        found = {}
        for item in filter(None, map(str.strip, given.split(","))):
            one, _, other = item.partition("=")
            found[left.read(one.strip())] = right.read(other.strip())
        return tuple(found.items())

    expected = f"pairs such as 17=486,19=480: {left.expected} = {right.expected}"
    return Kind("pairs", expected, read, lambda value: ",".join(f"{one}={other}" for one, other in value))


def port_range() -> Kind:
    """Two ports, ``10000,39999`` (also with ``-``), as a pair; the first is not above the second."""
    port = whole(1, 65535)

    def read(given: str) -> tuple[int, int]:
        low, _, high = given.replace("-", ",").partition(",")
        pair = port.read(low.strip()), port.read(high.strip())
        return (pair[0], _bounded(pair[1], pair[0], None))

    return Kind("ports", "two ports such as 10000,39999, the smaller first", read, lambda v: f"{v[0]},{v[1]}")


def ip() -> Kind:
    """An IP address in its normal form, or empty."""

    def read(given: str) -> str:
        return str(ipaddress.ip_address(given.strip("[]"))) if given else ""

    return Kind("address", "an IP address, or nothing", read)


def endpoint(transport: str) -> Kind:
    """``IP:port`` or ``[IPv6]:port`` as an `Address` of *transport*, or nothing: None."""
    port = whole(1, 65535)

    def read(given: str) -> Address | None:
        if not given:
            return None
        host, _, number = given.rpartition(":")
        found = ipaddress.ip_address(host[1:-1] if host.startswith("[") and host.endswith("]") else host)
        if (found.version == 6) != host.startswith("["):
            raise ValueError(given)
        return Address(str(found), port.read(number), transport)

    def write(value: Address | None) -> str:
        return "" if value is None else str(value).partition(":")[2]

    return Kind("address", "an address such as 192.0.2.1:9000, or nothing", read, write)


def mailbox() -> Kind:
    """Mail addresses separated by commas, as a tuple; may be empty."""
    pattern = re.compile(r"[^\s@,]+@[^\s@,]+")
    return Kind("mail", "mail addresses separated by commas, or nothing", _split(pattern), ",".join)


def least_profit() -> Kind:
    """A percentage of the cost or an amount per minute, as `Least`; ``none`` is None."""

    def write(value: Least | None) -> str:
        return "none" if value is None else value.text

    return Kind("profit", LEAST_EXPECTED, lambda given: read_least(given.lower()), write)


def most_rate() -> Kind:
    """A price per minute, as `Most`; ``none`` is None."""

    def write(value: Most | None) -> str:
        return "none" if value is None else value.text

    return Kind("rate", MOST_EXPECTED, lambda given: read_most(given.lower()), write)


def octet() -> Kind:
    """One byte, ``0xa0`` or decimal, as int; written as hex."""

    pattern = re.compile(r"0[xX][0-9a-fA-F]{1,2}|[0-9]{1,3}", re.ASCII)

    def read(given: str) -> int:
        base = 16 if given[1:2] in ("x", "X") else 10
        return int(_bounded(int(_matched(pattern, given), base), 0, 255))

    return Kind("byte", "a byte such as 0xa0", read, lambda value: f"{value:#04x}")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One system parameter, as declared.

    :ivar group: its place in listings, such as ``ss.sip.timeout``.
    :ivar default: canonical text.
    :ivar unit: of its value, for people; may be empty.
    :ivar aliases: other names accepted on input.
    :ivar wired: whether anything obeys it yet.
    """

    group: str
    name: str
    default: str
    kind: Kind
    unit: str
    help: str
    aliases: tuple[str, ...] = ()
    wired: bool = False

    @property
    def scope(self) -> str:
        """What it governs: ``server`` (billing, records, web), ``ss`` (the switch), ``ivr`` or ``vs`` (ours)."""
        return self.group.partition(".")[0]
