"""Price terms of one call and the exact arithmetic on them, for billing modes of the switch and of plugins.

All money is an integer in units of 10^-7 (`vosswitch.model.values.UNITS`), all steps between are exact integers; no
binary float touches it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from functools import lru_cache
from math import lcm
from typing import TYPE_CHECKING, Any, NamedTuple

from vosswitch.model.values import UNITS

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_MS = 366 * 86_400_000
"""No call is longer: the bound of searches."""


class Fee(NamedTuple):
    """What a call of some length costs, units of 10^-7.

    :ivar fee: what the account pays, *tax* contained.
    :ivar billed_seconds: the charged seconds (``feetime``).
    :ivar net: the fee without its tax.
    """

    fee: int
    tax: int
    billed_seconds: int
    net: int


NOTHING = Fee(0, 0, 0, 0)
"""The fee of a call that was never answered."""


def at_most(fee: Fee, most: int) -> Fee:
    """*fee*, but never above *most* units: what was set aside is all that there is, whatever a billing mode says."""
    if fee.fee <= most:
        return fee
    tax = fee.tax * most // fee.fee
    return Fee(most, tax, fee.billed_seconds, most - tax)


_Line = tuple[int, int, int]
"""(a, b, c): n billed seconds are exactly (a + b * n) / c rounding steps."""


def hold_seconds(ms: int, precision: int) -> int:
    """Whole seconds of a call of *ms* raw milliseconds.

    :param precision: SERVER_BILLING_HOLD_TIME_PRECISION: from that many ms on a fraction counts as a second; 0 = every
        fraction above zero does.
    """
    seconds, fraction = divmod(ms, 1000)
    return seconds + 1 if fraction >= (precision or 1) else seconds


@dataclass(frozen=True, slots=True)
class Terms:
    """A rate with the billing parameters in force: all that a fee depends on besides the length of the call.

    :ivar per_minute: plain decimal of currency, exact; likewise *connect_fee*; *tax* in percent on top.
    :ivar first: seconds of the first increment; *next* of each further one.
    :ivar free_time: seconds, SERVER_BILLING_FREE_TIME.
    :ivar hold_precision: ms, SERVER_BILLING_HOLD_TIME_PRECISION.
    :ivar fee_precision: decimals, SERVER_BILLING_FEE_PRECISTION; *fee_unit* is SERVER_BILLING_FEE_UNIT.
    :ivar step: units that a fee is rounded to.
    :raises ValueError: an amount that is no decimal or negative, an increment below one second, a fee unit that is not
        a multiple of 10^-precision.
    """

    per_minute: str
    first: int = 1
    next: int = 1
    connect_fee: str = "0"
    tax: str = "0"
    free_time: int = 0
    hold_precision: int = 50
    fee_precision: int = 4
    fee_unit: str = "0.0001"
    step: int = field(init=False, repr=False, compare=False)
    _net: _Line = field(init=False, repr=False, compare=False)
    _gross: _Line = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.first < 0 or self.next < 1:
            raise ValueError(f"increments: expected first >= 0 and next >= 1, got {self.first}/{self.next}")
        step = _step(self.fee_unit, self.fee_precision)
        connect = _exact("connect_fee", self.connect_fee) * UNITS / step
        second = _exact("per_minute", self.per_minute) * UNITS / (60 * step)
        net = _line(connect, second)
        tax = _exact("tax", self.tax)
        with_tax = 1 + tax / 100
        object.__setattr__(self, "step", step)
        object.__setattr__(self, "_net", net)
        object.__setattr__(self, "_gross", _line(connect * with_tax, second * with_tax) if tax else net)

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Terms:
        """The terms that `to_data` wrote."""
        return cls(**data)

    def to_data(self) -> dict[str, Any]:
        """A JSON-able dict."""
        return {name: getattr(self, name) for name in _FIELDS}

    def chargeable(self, ms: int) -> int:
        """Whole seconds of talk beyond the free time, of *ms* raw milliseconds."""
        seconds, fraction = divmod(ms, 1000)
        if fraction >= (self.hold_precision or 1):
            seconds += 1
        return max(seconds - self.free_time, 0)

    def longest(self, chargeable: int) -> int:
        """The largest raw ms whose `chargeable` seconds do not exceed *chargeable*."""
        return (chargeable + self.free_time) * 1000 + max(self.hold_precision - 1, 0)

    def fee(self, billed_seconds: int) -> Fee:
        """The price of *billed_seconds* by the minute rate, with connection fee and tax, rounded once (half up).

        Nothing when no second is billed; a positive fee is at least one rounding step.
        """
        if billed_seconds <= 0:
            return NOTHING
        a, b, c = self._gross
        fee = _rounded(a + b * billed_seconds, c) * self.step
        a, b, c = self._net
        net = _rounded(a + b * billed_seconds, c) * self.step
        return Fee(fee, fee - net, billed_seconds, net)

    def flat_fee(self, billed_seconds: int) -> Fee:
        """The connection fee with its tax alone, whatever the length; nothing when no second is billed."""
        if billed_seconds <= 0:
            return NOTHING
        fee = _rounded(self._gross[0], self._gross[2]) * self.step
        net = _rounded(self._net[0], self._net[2]) * self.step
        return Fee(fee, fee - net, billed_seconds, net)

    def affordable(self, money: int) -> int | None:
        """The most billed seconds whose `fee` does not exceed *money* units; None = any number."""
        a, b, c = self._gross
        steps = money // self.step
        if b == 0:
            return None if _rounded(a, c) <= steps else 0
        if steps <= 0:
            return 0
        return max((c * (2 * steps + 1) - 2 * a - 1) // (2 * b), 0)


_FIELDS = (
    "per_minute", "first", "next", "connect_fee", "tax", "free_time", "hold_precision", "fee_precision", "fee_unit",
)  # fmt: skip


def longest_funded(fee: Callable[[int], int], money: int) -> int | None:
    """The largest ms with ``fee(ms) <= money``, by search: for billing modes without a closed form.

    :param fee: monotone, ms to units.
    :returns: -1 when ``fee(0)`` is above *money* already; None when not even `LONGEST_MS` exceeds it.
    """
    if fee(LONGEST_MS) <= money:
        return None
    low, high = -1, 1
    while fee(high) <= money:
        low, high = high, high * 4
    while high - low > 1:
        middle = (low + high) // 2
        if fee(middle) <= money:
            low = middle
        else:
            high = middle
    return low


@lru_cache(maxsize=4096)
def _exact(name: str, text: str) -> Fraction:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{name}: expected a decimal such as 0.015, got {text!r}") from None
    if not value.is_finite() or value < 0:
        raise ValueError(f"{name}: expected a decimal not below 0, got {text!r}")
    return Fraction(value)


@lru_cache(maxsize=64)
def _step(unit: str, precision: int) -> int:
    smallest = Fraction(1, 10**precision)
    wanted = _exact("fee_unit", unit)
    if precision > 7 or (wanted / smallest).denominator != 1:
        raise ValueError(f"fee_unit: expected a multiple of 10^-{precision}, got {unit!r}")
    return int(max(wanted, smallest) * UNITS)


def _line(start: Fraction, slope: Fraction) -> _Line:
    c = lcm(start.denominator, slope.denominator)
    return int(start * c), int(slope * c), c


def _rounded(numerator: int, denominator: int) -> int:
    """Half up; anything above zero is at least one."""
    return (2 * numerator + denominator) // (2 * denominator) or (numerator > 0)
