"""Readers of provisioned values: what is written in a file, made canonical.

A reader takes the value as the TOML parser gave it and a `Deployment`, and raises `Expected` with the words that
follow "expected".  Canonical values are JSON-able; moments are epoch milliseconds (0 or None = none), money is units.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, tzinfo
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from vosswitch.model.places import local_parts, local_text
from vosswitch.model.values import money, money_text
from vosswitch.numbers.dialplan import BadDialPlan, parse_plan
from vosswitch.params.system import DECLARED, BadParameter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vosswitch.params.system import Registry
    from vosswitch.store.secrets import Secrets

MONEY_LIMIT = 10**18
"""The largest amount, units: 10^11 of currency, far inside 64 bits and DECIMAL(20,7)."""

RATE_LIMIT = 1_000_000
"""The largest price of a minute or a call, and the largest percentage."""
_SHORT = 6
"""A text of so few characters is below that."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Expected(ValueError):
    """A value that does not fit; its text follows the word "expected"."""


class Refused(Expected):
    """A value that does not fit; its text says all, the word "expected" included."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """What reading and writing provisioning depends on beside the document.

    :ivar realm: of inbound digest, part of every HA1.
    :ivar zone: of dates and times written without a zone.
    :ivar plugins: registered names by field (``billing_mode``, ``routing_strategies``, ``blacklists``,
        ``number_transforms``); a field that is missing here takes any name.
    """

    realm: str
    secrets: Secrets
    zone: tzinfo = UTC
    parameters: Registry = DECLARED
    plugins: Mapping[str, frozenset[str]] = field(default_factory=dict)


Reader = Callable[[Any, Deployment], Any]

_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,64}")
_NUMBER = re.compile(r"[0-9A-Za-z+#*._-]{1,64}", re.ASCII)
_PREFIX = re.compile(r"[0-9A-Za-z+#*]{0,32}", re.ASCII)
_HEX = re.compile(r"[0-9a-f]+", re.ASCII)
_RATE = re.compile(r"[0-9]{1,12}(\.[0-9]{1,18})?", re.ASCII)


def name(value: Any, _deployment: Deployment) -> str:
    """A name: printable, no blank at either end (databases differ in how they compare those)."""
    if not isinstance(value, str) or not _NAME.fullmatch(value) or value != value.strip():
        raise Expected("a name of 1-64 printable characters")
    return value


def free_text(value: Any, _deployment: Deployment) -> str:
    """A remark or a person's name; may be empty."""
    if not isinstance(value, str) or len(value) > 64 or (value and not _NAME.fullmatch(value)):
        raise Expected("a text of at most 64 printable characters")
    return value.strip()


def password(value: Any, _deployment: Deployment) -> str:
    """A password; empty = none."""
    if not isinstance(value, str) or len(value) > 128 or (value and not value.isprintable()):
        raise Expected("a text of at most 128 printable characters")
    return value


def number(value: Any, _deployment: Deployment) -> str:
    """An account or phone number; whole numbers are taken as text."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not _NUMBER.fullmatch(text):
        raise Expected("a number of 1-64 digits or letters")
    return text


def optional(reader: Reader, none: Any = None) -> Reader:
    """*reader*, or nothing: an empty text."""

    def read(value: Any, deployment: Deployment) -> Any:
        return none if value == "" else reader(value, deployment)

    return read


def prefix(value: Any, _deployment: Deployment) -> str:
    """The beginning of a number; empty = every number."""
    if not isinstance(value, str) or not _PREFIX.fullmatch(value):
        raise Expected("a prefix of at most 32 digits")
    return value


def prefixes(value: Any, deployment: Deployment) -> list[str]:
    """A list of prefixes, each once, in order."""
    if not isinstance(value, list):
        raise Expected("a list of prefixes")
    return list(dict.fromkeys(prefix(item, deployment) for item in value))


def flag(value: Any, _deployment: Deployment) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise Expected("true or false")
    return value


def whole(low: int, high: int) -> Reader:
    """A whole number from *low* to *high*; digits in quotes are accepted."""

    def read(value: Any, _deployment: Deployment) -> int:
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 12:
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise Expected(f"a whole number {low}-{high}")
        return value

    return read


def limit(value: Any, deployment: Deployment) -> int | None:
    """Lines or calls per second; "unlimited" = None."""
    if value in ("unlimited", ""):
        return None
    try:
        return int(whole(0, 1_000_000)(value, deployment))
    except Expected:
        raise Expected('a whole number 0-1000000 or "unlimited"') from None


def choice(*choices: str) -> Reader:
    """One of some words."""

    def read(value: Any, _deployment: Deployment) -> str:
        if value not in choices:
            raise Expected(f"{', '.join(choices[:-1])} or {choices[-1]}")
        return str(value)

    return read


def amount(value: Any, _deployment: Deployment) -> int:
    """Money into units: a decimal text, or a TOML number read as a decimal."""
    try:
        if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
            raise TypeError
        units = money(value)
    except (TypeError, ValueError):
        raise Expected('an amount such as "12.50" with at most 7 decimals') from None
    if abs(units) > MONEY_LIMIT:
        raise Expected("an amount not beyond 100000000000")
    return units


def overdraft(value: Any, deployment: Deployment) -> int | None:
    """Money not below zero, or "unlimited" = None."""
    if value == "unlimited":
        return None
    units = amount(value, deployment)
    if units < 0:
        raise Expected('an amount not below zero or "unlimited"')
    return units


def overdraft_text(units: int | None) -> str:
    """What `overdraft` reads."""
    return "unlimited" if units is None else money_text(units)


def rate(value: Any, _deployment: Deployment) -> str:
    """A price or percentage as its exact decimal text; bounded, so that no call can cost what no balance can hold."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal) or not _RATE.fullmatch(_plain(value)):
        raise Expected('a decimal not below zero such as "0.0125"')
    text = _plain(value)
    if len(text) > _SHORT and Decimal(text) > RATE_LIMIT:
        raise Expected(f"a decimal not beyond {RATE_LIMIT}")
    return text


def _plain(value: str | int | Decimal) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def moment(value: Any, deployment: Deployment) -> int:
    """A date, or date and time, into epoch milliseconds; without a zone it is in the deployment's."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        found = None
    if isinstance(found, date) and not isinstance(found, datetime):
        found = datetime.combine(found, time())
    if not isinstance(found, datetime):
        raise Expected("a date or date and time such as 2026-01-31T00:00:00Z")
    if found.tzinfo is None:
        found = found.replace(tzinfo=deployment.zone)
    span = found - _EPOCH
    milliseconds = (span.days * 86_400 + span.seconds) * 1000 + span.microseconds // 1000
    if milliseconds <= 0:
        raise Expected("a date after 1970")
    return milliseconds


def moment_text(milliseconds: int | None) -> datetime | None:
    """What `moment` reads, in UTC."""
    if not milliseconds:
        return None
    seconds, rest = divmod(milliseconds, 1000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest * 1000)


def named(family: str) -> Reader:
    """The name of a plugin's strategy, mode, list or transform."""

    def read(value: Any, deployment: Deployment) -> str:
        found = name(value, deployment)
        known = deployment.plugins.get(family)
        if known is not None and found not in known:
            raise Expected(f"one of {', '.join(sorted(known)) or '(none is installed)'}")
        return found

    return read


def names(family: str) -> Reader:
    """A list of such names, each once, in order."""
    one = named(family)

    def read(value: Any, deployment: Deployment) -> list[str]:
        if not isinstance(value, list):
            raise Expected("a list of names")
        return list(dict.fromkeys(one(item, deployment) for item in value))

    return read


def ip(value: Any, _deployment: Deployment) -> str:
    """An IP address in its normal form; an IPv6 one may be in brackets."""
    try:
        if not isinstance(value, str) or "%" in value:
            raise ValueError(value)
        return str(ipaddress.ip_address(value[1:-1] if value[:1] + value[-1:] == "[]" else value))
    except ValueError:
        raise Expected("an IP address") from None


def local_address(value: Any, _deployment: Deployment) -> str:
    """A local IP address in its normal form, with a port or not."""
    try:
        if not isinstance(value, str) or "%" in value:
            raise ValueError(value)
        return local_text(*local_parts(value))
    except ValueError:
        raise Expected("an IP address, or ip:port, or [IPv6]:port") from None


def sources(value: Any, deployment: Deployment) -> list[str]:
    """A list of addresses that a caller may come from, each once, in order."""
    if not isinstance(value, list):
        raise Expected("a list of addresses")
    return list(dict.fromkeys(source(item, deployment) for item in value))


def source(value: Any, deployment: Deployment) -> str:
    """One of: IP, network in CIDR, ``ip:port``, ``[v6]:port``; in its normal form."""
    try:
        if not isinstance(value, str):
            raise TypeError
        if "/" in value:
            return str(ipaddress.ip_network(value))
        host, colon, port = value.rpartition(":")
        if colon and (host.startswith("[") or ":" not in host) and not value.endswith("]"):
            if (
                not (port.isascii() and port.isdigit())
                or not 1 <= int(port) <= 65535
                or (":" in host) != host.startswith("[")
            ):
                raise ValueError(value)
            return f"[{ip(host, deployment)}]:{int(port)}" if ":" in host else f"{ip(host, deployment)}:{int(port)}"
        return ip(value, deployment)
    except (TypeError, ValueError):
        raise Expected("an address such as 192.0.2.1, 192.0.2.0/24, 192.0.2.1:5060 or [2001:db8::1]:5060") from None


def parameter_name(value: Any, deployment: Deployment) -> str:
    """The declared name of a parameter, which may be given by an alias."""
    try:
        return deployment.parameters.find(name(value, deployment)).name
    except BadParameter as error:
        raise Refused(str(error)) from None


def parameter_text(value: Any, _deployment: Deployment) -> str:
    """A parameter's value as text; its own type is checked when all parameters are known."""
    if isinstance(value, bool):
        return "On" if value else "Off"
    if not isinstance(value, str | int | Decimal):
        raise Expected("a text, a number or true or false")
    return _plain(value)


def hashes(value: Any, _deployment: Deployment) -> tuple[str, str]:
    """HA1s of both algorithms, MD5 first."""
    if not isinstance(value, dict) or set(value) != {"MD5", "SHA-256"} or not _texts(list(value.values())):
        raise Expected("a table with MD5 and SHA-256")
    pair = str(value["MD5"]).lower(), str(value["SHA-256"]).lower()
    if not (_HEX.fullmatch(pair[0]) and len(pair[0]) == 32 and _HEX.fullmatch(pair[1]) and len(pair[1]) == 64):
        raise Expected("32 hexadecimal digits for MD5 and 64 for SHA-256")
    return pair


def dial_plan(value: Any, _deployment: Deployment) -> str:
    """Dial plan rules as text, or as a list of source and target pairs; made canonical text."""
    if isinstance(value, list):
        if not all(isinstance(item, list) and len(item) == 2 and _texts(item) for item in value):
            raise Expected("rules as text or a list of [source, target] pairs")
    elif not isinstance(value, str):
        raise Expected("rules such as 00:,0:43")
    try:
        return parse_plan(value).text
    except BadDialPlan as error:
        raise Refused(str(error)) from None


def _texts(values: list[Any]) -> bool:
    return all(isinstance(value, str) for value in values)


def has_port(address: str) -> bool:
    """Whether a canonical source address names a port."""
    return "/" not in address and (address.startswith("[") or address.count(":") == 1)
