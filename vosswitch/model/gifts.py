"""What seconds and money that a customer was given pay of a call, as exact arithmetic.

Of the charged seconds the first ones are given seconds, as far as there are any; what they are worth is what a call of
so many seconds would have cost.  Given money pays of the rest, the account what is left then.  Within an increment of
which a part is given, that part pays in proportion; a fee for the attempt is no second's and never given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vosswitch.model.rating import LONGEST_MS, Fee

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    Priced = Callable[[int], Fee]
    """The price of a call by its raw ms, monotone in fee and billed seconds."""


class Split(NamedTuple):
    """One call, by who pays it.

    :ivar seconds: out of each purse of seconds; *money* out of each purse of money, units of 10^-7.
    :ivar own: what the account pays; its billed seconds are those of the whole call.
    :ivar worth: of all that was given, units of 10^-7; with *own* it makes the price of the call.
    """

    seconds: tuple[int, ...]
    money: tuple[int, ...]
    own: Fee
    worth: int


def split(priced: Priced, ms: int, seconds: Sequence[int], money: Sequence[int], step: int = 1) -> Split:
    """Who pays what of a call of *ms*.

    :param seconds: what each purse may give, in the order in which they are used; *money* likewise, units of 10^-7.
    :param step: units that fees are rounded to.
    """
    whole = priced(ms)
    given = _taken(whole.billed_seconds, seconds)
    worth, worth_tax = _worth(priced, sum(given), whole, step)
    rest, tax = whole.fee - worth, whole.tax - worth_tax
    paid = _taken(rest, money)
    own = rest - sum(paid)
    if own != rest:
        tax = tax * own // rest
    return Split(given, paid, Fee(own, tax, whole.billed_seconds, own - tax), whole.fee - own)


def worth(priced: Priced, seconds: int, step: int = 1) -> int | None:
    """What so many given seconds pay of a call that is charged more, units of 10^-7; None = no call is."""
    if seconds <= 0:
        return 0
    longest = longest_billed(priced, seconds)
    return None if longest is None else _begun(priced, longest, seconds, step)[0]


def longest_billed(priced: Priced, seconds: int) -> int | None:
    """The largest raw ms that is charged at most *seconds*; None = every length is."""
    if priced(LONGEST_MS).billed_seconds <= seconds:
        return None
    low, high = 0, min(1000 * (seconds + 1), LONGEST_MS)
    while priced(high).billed_seconds <= seconds:
        low, high = high, min(2 * high, LONGEST_MS)
    while high - low > 1:
        middle = (low + high) // 2
        if priced(middle).billed_seconds <= seconds:
            low = middle
        else:
            high = middle
    return low


def _taken(wanted: int, held: Iterable[int]) -> tuple[int, ...]:
    """*wanted* out of what is held, the first before the second."""
    found = []
    for most in held:
        part = min(wanted, most)
        found.append(part)
        wanted -= part
    return tuple(found)


def _worth(priced: Priced, given: int, whole: Fee, step: int) -> tuple[int, int]:
    """Fee and tax of the first *given* charged seconds of a call."""
    if given <= 0:
        return 0, 0
    if given >= whole.billed_seconds:
        nothing = priced(0)
        return whole.fee - nothing.fee, whole.tax - nothing.tax
    longest = longest_billed(priced, given)
    assert longest is not None
    return _begun(priced, longest, given, step)


def _begun(priced: Priced, longest: int, given: int, step: int) -> tuple[int, int]:
    """Fee and tax up to *given* charged seconds, where *longest* ms is charged at most so many and 1 ms more is not."""
    nothing, below = priced(0), priced(longest)
    fee, tax = below.fee - nothing.fee, below.tax - nothing.tax
    missing = given - below.billed_seconds
    if missing:
        above = priced(longest + 1)
        span = above.billed_seconds - below.billed_seconds
        part = (above.fee - below.fee) * missing // span
        part -= part % step
        fee += part
        tax += (above.tax - below.tax) * missing // span
    return fee, min(tax, fee)
