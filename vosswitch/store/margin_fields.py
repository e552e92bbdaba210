"""The provisioned fields of the margin rule: what has to be left of a call, and what a vendor may ask."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from vosswitch.model.margins import LEAST_EXPECTED, MOST_EXPECTED, read_least, read_most
from vosswitch.store.fields import Expected
from vosswitch.store.table import Field

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.store.fields import Deployment, Reader


def _margin(read: Callable[[str], object], expected: str) -> Reader:
    """A text of the margin rule, "" = not set; TOML numbers are taken as they are written."""

    def canonical(value: Any, _deployment: Deployment) -> str:
        text = f"{value:f}" if isinstance(value, Decimal) else str(value).replace(" ", "")
        try:
            if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
                raise TypeError
            if text:
                read(text)
        except (TypeError, ValueError):
            raise Expected(expected) from None
        return text

    return canonical


def _of(least: str, most: str) -> tuple[Field, ...]:
    return (
        Field(
            "least_profit",
            _margin(read_least, LEAST_EXPECTED),
            "",
            help=f'What is left of a call at least: "5%" of its cost or "0.002" a minute; left out = {least}',
        ),
        Field(
            "most_rate",
            _margin(read_most, MOST_EXPECTED),
            "",
            help=f"Vendors whose price of a minute is above it are not used; left out = {most}",
        ),
    )


OF_ACCOUNTS = _of("VS_LEAST_PROFIT", "VS_MOST_RATE")
OF_MAPPING_GATEWAYS = _of("the account's", "the account's")
