"""What an operator wants to be left of a call, and the most that it may cost: the margin rule, as values.

A least profit is a percentage of the cost (``5%``) or an amount of currency per minute (``0.002``); both may be
negative, and ``none`` asks for nothing.  All comparisons are exact: integers on both sides, no binary float.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from vosswitch.model.values import UNITS

NONE = "none"
_LEAST = re.compile(r"[+-]?[0-9]{1,12}(\.[0-9]{1,18})?%?", re.ASCII)
_RATE = re.compile(r"[0-9]{1,12}(\.[0-9]{1,18})?", re.ASCII)
_MOST_PERCENT = 10_000
LEAST_EXPECTED = f'a percentage from -{_MOST_PERCENT}% to {_MOST_PERCENT}%, an amount per minute, or "{NONE}"'
MOST_EXPECTED = f'a price per minute such as 0.0125, or "{NONE}"'


class Least(NamedTuple):
    """A least profit: ``profit * denominator >= basis * numerator``.

    :ivar of_cost: the basis is the cost, units of 10^-7; otherwise the length of the call, ms.
    :ivar falls: what is left over what is wanted falls as the cost rises.
    :ivar text: as operators write it.
    """

    of_cost: bool
    numerator: int
    denominator: int
    falls: bool
    text: str

    def met(self, income: int, cost: int, ms: int) -> bool:
        """Whether a call of *ms* that brings *income* and costs *cost* units leaves enough."""
        return (income - cost) * self.denominator >= (cost if self.of_cost else ms) * self.numerator


class Most(NamedTuple):
    """The most that a vendor may ask per minute.

    :ivar rate: currency, exact; *units* of 10^-7, rounded down.
    """

    rate: Fraction
    units: int
    text: str


@dataclass(frozen=True, slots=True)
class Margins:
    """What one gateway or account has set; `UNSET` where it has nothing of its own.

    :ivar least: None = not set, or set to nothing at all when *asks_nothing*; likewise *most* with *any_rate*.
    """

    least: Least | None = None
    most: Most | None = None
    asks_nothing: bool = False
    any_rate: bool = False

    @classmethod
    def of(cls, least: str, most: str) -> Margins:
        """Of both texts, ``""`` where it has none of its own.

        :raises ValueError: a text that cannot be read (provisioning refuses those).
        """
        if not least and not most:
            return UNSET
        return cls(read_least(least) if least else None, read_most(most) if most else None, least == NONE, most == NONE)


UNSET = Margins()


@lru_cache(maxsize=4096)
def read_least(text: str) -> Least | None:
    """A least profit; None = none is asked for.

    :raises ValueError: neither a percentage nor an amount.
    """
    if text == NONE:
        return None
    if not _LEAST.fullmatch(text):
        raise ValueError(text)
    if text.endswith("%"):
        share = Fraction(Decimal(text[:-1])) / 100
        if abs(share) * 100 > _MOST_PERCENT:
            raise ValueError(text)
    else:
        share = Fraction(Decimal(text)) * UNITS / 60_000
    of_cost = text.endswith("%")
    return Least(of_cost, share.numerator, share.denominator, not of_cost or share >= -1, text)


@lru_cache(maxsize=4096)
def read_most(text: str) -> Most | None:
    """A highest rate; None = any.

    :raises ValueError: no decimal.
    """
    if text == NONE:
        return None
    if not _RATE.fullmatch(text):
        raise ValueError(text)
    rate = Fraction(Decimal(text))
    return Most(rate, int(rate * UNITS), text)
