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

from vosswitch.model.tiers import curve, read_sections
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


class _Tier(NamedTuple):
    """From how many billed seconds on which lines hold."""

    begin: int
    gross: _Line
    net: _Line


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
    :ivar attempt_fee: of every call that is placed, answered or not, on top of everything else.
    :ivar minimum: the least that a call costs of which a second is charged, its attempt fee not counted.
    :ivar sections: tiers by charged length, see `vosswitch.model.tiers.read_sections`.
    :ivar exchange: what one of the rate's currency is in that of the account, a decimal or a fraction such as 25/27;
        everything is multiplied by it before the one rounding.
    :ivar step: units that a fee is rounded to.
    :ivar least: units that a call costs whatever becomes of it: the attempt fee with its tax.
    :raises ValueError: an amount that is no decimal or negative, an increment below one second, a fee unit that is not
        a multiple of 10^-precision, sections that are none, an exchange rate that is not above zero.
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
    attempt_fee: str = "0"
    minimum: str = "0"
    sections: str = ""
    exchange: str = "1"
    step: int = field(init=False, repr=False, compare=False)
    least: int = field(init=False, repr=False, compare=False)
    _net: _Line = field(init=False, repr=False, compare=False)
    _gross: _Line = field(init=False, repr=False, compare=False)
    _tiers: tuple[_Tier, ...] | None = field(init=False, repr=False, compare=False)
    _uncharged: Fee = field(init=False, repr=False, compare=False)
    _flat: Fee = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.first < 0 or self.next < 1:
            raise ValueError(f"increments: expected first >= 0 and next >= 1, got {self.first}/{self.next}")
        step = _step(self.fee_unit, self.fee_precision)
        factor = _factor(self.exchange) * UNITS / step
        attempt = _exact("attempt_fee", self.attempt_fee) * factor
        connect = _exact("connect_fee", self.connect_fee) * factor
        second = _exact("per_minute", self.per_minute) * factor / 60
        minimum = _exact("minimum", self.minimum) * factor
        with_tax = 1 + _exact("tax", self.tax) / 100
        put = object.__setattr__
        put(self, "step", step)
        put(self, "_net", _line(connect + attempt, second))
        put(self, "_gross", _line((connect + attempt) * with_tax, second * with_tax))
        put(self, "_tiers", self._all_tiers(connect, second, minimum, attempt, factor, with_tax))
        put(self, "_uncharged", _once(attempt, with_tax, step))
        put(self, "_flat", _once(max(connect, minimum) + attempt, with_tax, step))
        put(self, "least", self._uncharged.fee)

    def _all_tiers(
        self,
        connect: Fraction,
        second: Fraction,
        minimum: Fraction,
        attempt: Fraction,
        factor: Fraction,
        with_tax: Fraction,
    ) -> tuple[_Tier, ...] | None:
        """The lines by billed seconds; None = there is one only."""
        if not minimum and not self.sections:
            return None
        sections = [(begin, _exact("sections", price) * factor / 60) for begin, price in read_sections(self.sections)]
        return tuple(
            [
                _Tier(begin, _line((start + attempt) * with_tax, slope * with_tax), _line(start + attempt, slope))
                for begin, start, slope in curve(connect, second, sections, minimum)
            ]
        )

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Terms:
        """The terms that `to_data` wrote."""
        return cls(**data)

    def to_data(self) -> dict[str, Any]:
        """A JSON-able dict; what few rates have is in it only where it is set."""
        data = {name: getattr(self, name) for name in _FIELDS}
        for name, usual in _FURTHER:
            value = getattr(self, name)
            if value != usual:
                data[name] = value
        return data

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

        Only the attempt fee when no second is billed; a positive fee is at least one rounding step.
        """
        if billed_seconds <= 0:
            return self._uncharged
        if self._tiers is None:
            a, b, c = self._gross
            x, y, z = self._net
        else:
            (a, b, c), (x, y, z) = self._lines_at(self._tiers, billed_seconds)
        fee = _rounded(a + b * billed_seconds, c) * self.step
        net = _rounded(x + y * billed_seconds, z) * self.step
        return Fee(fee, fee - net, billed_seconds, net)

    @staticmethod
    def _lines_at(tiers: tuple[_Tier, ...], billed_seconds: int) -> tuple[_Line, _Line]:
        found = next(tier for tier in reversed(tiers) if tier.begin <= billed_seconds)
        return found.gross, found.net

    def flat_fee(self, billed_seconds: int) -> Fee:
        """The connection fee (or the minimum) with its tax alone, whatever the length, and the attempt fee.

        Only the attempt fee when no second is billed.
        """
        return self._uncharged if billed_seconds <= 0 else self._flat._replace(billed_seconds=billed_seconds)

    def affordable(self, money: int) -> int | None:
        """The most billed seconds whose `fee` does not exceed *money* units; None = any number.

        0 as well when not even `least` is covered.
        """
        if self._tiers is not None:
            return self._affordable_tier(self._tiers, money // self.step)
        a, b, c = self._gross
        steps = money // self.step
        if b == 0:
            return None if _rounded(a, c) <= steps else 0
        if steps <= 0:
            return 0
        return max((c * (2 * steps + 1) - 2 * a - 1) // (2 * b), 0)

    @staticmethod
    def _affordable_tier(tiers: tuple[_Tier, ...], steps: int) -> int | None:
        end: int | None = None
        for begin, (a, b, c), _ in reversed(tiers):
            if _rounded(a + b * begin, c) > steps:
                end = begin - 1
                continue
            if b == 0:
                return end
            # without a step only what costs nothing: the first second of a tier beyond one that is free
            most = (c * (2 * steps + 1) - 2 * a - 1) // (2 * b) if steps else begin
            return most if end is None else min(most, end)
        return 0


_FIELDS = (
    "per_minute", "first", "next", "connect_fee", "tax", "free_time", "hold_precision", "fee_precision", "fee_unit",
)  # fmt: skip

_FURTHER = (("attempt_fee", "0"), ("minimum", "0"), ("sections", ""), ("exchange", "1"))


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


@lru_cache(maxsize=1024)
def _factor(text: str) -> Fraction:
    try:
        value = Fraction(text)
    except (ValueError, ZeroDivisionError):
        value = Fraction(0)
    if value <= 0:
        raise ValueError(f"exchange: expected a decimal or a fraction above 0, got {text!r}")
    return value


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


def _once(amount: Fraction, with_tax: Fraction, step: int) -> Fee:
    """An amount of steps that is charged by itself."""
    if not amount:
        return NOTHING
    gross = amount * with_tax
    fee = _rounded(gross.numerator, gross.denominator) * step
    net = _rounded(amount.numerator, amount.denominator) * step
    return Fee(fee, fee - net, 0, net)


def _rounded(numerator: int, denominator: int) -> int:
    """Half up; anything above zero is at least one."""
    return (2 * numerator + denominator) // (2 * denominator) or (numerator > 0)
