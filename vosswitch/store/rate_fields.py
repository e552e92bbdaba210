"""Readers of what rates have beside a price, and of currencies."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from vosswitch.billing.extra import read_periods
from vosswitch.model.tiers import read_sections
from vosswitch.store import fields
from vosswitch.store.fields import Expected, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vosswitch.store.fields import Deployment

_CURRENCY = re.compile(r"[A-Z][A-Z0-9]{1,7}", re.ASCII)
LONGEST = 255
"""Characters of sections and of periods, as wide as their columns."""


def amount(value: Any, deployment: Deployment) -> str:
    """A price that few rates have; nothing is always written the same way."""
    found: str = fields.rate(value, deployment)
    return found if Decimal(found) else "0"


def currency(value: Any, _deployment: Deployment) -> str:
    """The code of a currency."""
    if not isinstance(value, str) or not _CURRENCY.fullmatch(value):
        raise Expected("a currency of 2-8 capital letters and digits such as EUR")
    return value


def sections(value: Any, deployment: Deployment) -> str:
    """Tiers by charged length."""
    try:
        found = read_sections(_text(value, "60:0.5,300:0.3"))
    except Expected:
        raise
    except ValueError as error:
        raise Refused(str(error).removeprefix("sections: ")) from None
    return _short(",".join(f"{begin}:{_price(price, deployment)}" for begin, price in found))


def periods(value: Any, deployment: Deployment) -> str:
    """Prices of certain times."""
    try:
        found = read_periods(_text(value, "night:0.2"))
    except Expected:
        raise
    except ValueError as error:
        raise Refused(str(error).removeprefix("periods: ")) from None
    parts = []
    for calendar, per_minute, connect_fee in found:
        fields.name(calendar, deployment)
        prices = [_price(price, deployment) for price in (per_minute, connect_fee) if price]
        parts.append(":".join((calendar, *prices)))
    return _short(",".join(parts))


def _text(value: Any, example: str) -> str:
    if not isinstance(value, str):
        raise Expected(f'a text such as "{example}"')
    return value


def _price(text: str, deployment: Deployment) -> str:
    try:
        return fields.rate(text, deployment)
    except Expected as error:
        raise Refused(f"expected {error}, got {text!r}") from None


def _short(text: str) -> str:
    if len(text) > LONGEST:
        raise Refused(f"expected at most {LONGEST} characters, got {len(text)}")
    return text


def check_rate(values: Mapping[str, Any]) -> None:
    """Whether what a rate says fits together.

    :raises ValueError: it does not.
    """
    if values["until"] is not None and values["until"] <= values["effective"]:
        raise ValueError("until: expected a moment after effective")


def calendars_of(periods_: str) -> Iterator[str]:
    """The calendars that a rate's periods name."""
    return (period.calendar for period in read_periods(periods_))
