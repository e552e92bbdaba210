"""What a value of the configuration file may be: each check gives it back, or raises ``TypeError`` with the words."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class BadSetting(ValueError):
    """A setting that cannot be used; its text is one line for the operator."""


def text(value: Any) -> str:
    """Check for a text."""
    if not isinstance(value, str):
        raise TypeError("a text in quotes")
    return value


def whole(low: int, high: int) -> Callable[[Any], int]:
    """Check for a whole number from *low* to *high*."""

    def check(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise TypeError(f"a whole number from {low} to {high}")
        return value

    return check


def texts(value: Any) -> tuple[str, ...]:
    """Check for a list of texts."""
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise TypeError("a list of texts")
    return tuple(value)


def ip(value: Any) -> str:
    """Check for an IP address, as Python writes it."""
    try:
        return str(ipaddress.ip_address(text(value)))
    except ValueError:
        raise TypeError("an IP address") from None


def ip_or_none(value: Any) -> str:
    """Check for an IP address, or an empty text."""
    return "" if value == "" else ip(value)


def flag(value: Any) -> bool:
    """Check for true or false."""
    if not isinstance(value, bool):
        raise TypeError("true or false")
    return value
