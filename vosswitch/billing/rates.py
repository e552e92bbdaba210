"""Price lists: the rate of a number is that of its longest prefix with a rate in force.

A `RateTable` is immutable. It holds rows in memory (the *overlay*), and optionally a compiled file under them
(`vosswitch.billing.ratefile`). The overlay changes single rows of the file by (prefix, effective) or hides all rows of
a prefix.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from sys import intern
from typing import TYPE_CHECKING, Any, NamedTuple

from vosswitch.billing.extra import Extra
from vosswitch.model.rating import Terms
from vosswitch.model.values import UNITS, Level

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from vosswitch.billing.ratefile import RateFile


class Rate(NamedTuple):
    """One row of a price list.

    :ivar effective_ms: epoch ms from which it is in force, 0 = always.
    :ivar per_minute: plain decimal of currency; likewise *connect_fee*; *tax* in percent.
    :ivar first: seconds of the first increment, *next* of the further ones.
    :ivar level: a `vosswitch.model.values.Level` value.
    :ivar extra: what few rates have; None = nothing of it.
    """

    prefix: str
    effective_ms: int
    per_minute: str
    first: int
    next: int
    connect_fee: str
    tax: str
    level: str
    extra: Extra | None = None

    @property
    def per_minute_units(self) -> int:
        """The minute rate in units of 10^-7, rounded half up: for comparing and showing, never for charging."""
        return _units(self.per_minute)

    @property
    def level_code(self) -> int:
        """The number of column ``calllevel``."""
        return Level(self.level).code


def rate_of(row: Sequence[Any]) -> Rate:
    """A rate of its row (see `RateTable.with_changes`)."""
    rate = Rate(*row[:_PLAIN])
    return rate._replace(extra=Extra(*row[_PLAIN])) if len(row) > _PLAIN and row[_PLAIN] else rate


_PLAIN = 8
"""Fields of a row that has nothing further."""


@lru_cache(maxsize=8192)
def _units(amount: str) -> int:
    return int((Decimal(amount) * UNITS).to_integral_value(ROUND_HALF_UP))


@lru_cache(maxsize=8192)
def minute_units(per_minute: str) -> int:
    """A minute price in units of 10^-7, for comparing and showing; fees are computed from the exact text."""
    return int(Decimal(per_minute) * UNITS)


Kinds = frozenset[tuple[str, int, int]]


@lru_cache(maxsize=1024)
def _kinds(found: Kinds) -> Kinds:
    """Equal ones are one and the same object: few kinds of rates make up most lists."""
    return found


@lru_cache(maxsize=1024)
def _shared(lengths: tuple[int, ...]) -> tuple[int, ...]:
    return lengths


class _Entry(NamedTuple):
    """What the overlay says of one prefix: *rates* newest first; *hides* = the file's rows of it are gone."""

    hides: bool
    rates: tuple[Rate, ...]


_Entries = dict[str, "Rate | _Entry"]
"""By prefix; a single rate that hides nothing stands for itself."""
_NEW = _Entry(hides=False, rates=())
_GONE = _Entry(hides=True, rates=())


class RateTable:
    """An immutable price list; `with_changes` makes the next one.

    A look-up touches as few objects as can be: the vendors of a call are as many lists, none of them in the cache of
    the processor.  Therefore lists share the texts of prefixes and their lengths.

    :ivar lengths: of the prefixes in the overlay, longest first; equal ones are one and the same object.
    :ivar plain: there is no file under it, no rate has anything further, and it is in the deployment's currency: its
        prices are those that it says.
    :ivar currency: of its prices, "" = the deployment's.
    :ivar kinds: connection fees with first and further increments of rates in the overlay, of former ones too.
    """

    __slots__ = ("_base", "_entries", "_units", "currency", "kinds", "lengths", "plain")

    def __init__(
        self, entries: _Entries, base: RateFile | None, currency: str = "", kinds: Kinds = frozenset()
    ) -> None:
        self.kinds = kinds
        self._entries = entries
        self.lengths = _shared(tuple(sorted(set(map(len, entries)), reverse=True)))
        self._base = base
        self.currency = currency
        self.plain = base is None and not currency and not any(map(_further, entries.values()))
        self._units = _all_units(entries) if self.plain else {}

    @classmethod
    def build(cls, rows: Iterable[Sequence[Any]] = (), base: RateFile | None = None) -> RateTable:
        """A table of overlay *rows* (see `with_changes`) over a compiled file."""
        table = cls({}, base)
        if base is not None and base.odd_rows:
            table = table.with_changes(base.odd_rows)
        return table.with_changes(rows)

    def with_changes(self, rows: Iterable[Sequence[Any]]) -> RateTable:
        """The table after further rows, taken in order.

        :param rows: ``[prefix, effective_ms, per_minute, first, next, connect_fee, tax, level]`` replaces or adds by
            (prefix, effective), with a list of the fields of `Extra` behind them where there is something of it;
            ``[prefix, None]`` takes away everything of that prefix.
        """
        entries, kinds = dict(self._entries), set(self.kinds)
        touched = False
        for row in rows:
            touched = True
            prefix = intern(row[0])
            if row[1] is None:
                entries[prefix] = _GONE
                continue
            rate = rate_of(row)
            kinds.add((rate.connect_fee, rate.first, rate.next))
            old = entries.get(prefix)
            entries[prefix] = rate if old is None else _with_rate(old, rate)
        return RateTable(entries, self._base, self.currency, _kinds(frozenset(kinds))) if touched else self

    def in_currency(self, currency: str) -> RateTable:
        """The same prices in another currency."""
        return self if currency == self.currency else RateTable(self._entries, self._base, currency, self.kinds)

    def lookup(self, number: str, at_ms: int) -> Rate | None:
        """The rate of *number*: the newest in force at *at_ms* of the longest prefix that has one in force."""
        if self._base is not None:
            return self._with_file(self._base, number, at_ms)
        entries, size = self._entries, len(number)
        for length in self.lengths:
            if length <= size and (entry := entries.get(number[:length])) is not None:
                for rate in (entry,) if type(entry) is Rate else entry.rates:  # type: ignore[union-attr]
                    if rate.effective_ms <= at_ms and (rate.extra is None or rate.extra.holds(at_ms)):
                        return rate
        return None

    def heads(self, number: str) -> list[str]:
        """What `price` asks of a number: its leading characters that may be prefixes of the list, longest first.

        *plain* lists of the same *lengths* have the same.
        """
        size = len(number)
        return [number] if not self.plain else [number[:length] for length in self.lengths if length <= size]

    def price(self, heads: Sequence[str], at_ms: int) -> int | None:
        """The minute price of `lookup` in units of 10^-7, as the list says it; None when there is no rate.

        :param heads: of the number.
        """
        if not self.plain:
            rate = self.lookup(heads[0], at_ms)
            return None if rate is None else minute_units(rate.per_minute)
        units = self._units
        for head in heads:
            if head in units:
                found = units[head]
                if type(found) is int:
                    return found
                for effective, price in found:  # type: ignore[union-attr]
                    if effective <= at_ms:
                        return price
        return None

    def _with_file(self, base: RateFile, number: str, at_ms: int) -> Rate | None:
        hits = self._hits(number) if self.lengths else None
        if not hits:
            return base.lookup(number, at_ms)
        return _merged(hits, base.groups(number), at_ms)

    def _hits(self, number: str) -> list[tuple[str, _Entry]]:
        """What the overlay says of the number's prefixes, longest first."""
        entries, size = self._entries, len(number)
        heads = [number[:length] for length in self.lengths if length <= size]
        return [(head, _as_entry(entries[head])) for head in heads if head in entries]

    def __len__(self) -> int:
        """How many rows the overlay and the file hold (hidden ones of the file included)."""
        mine = sum(len(_as_entry(entry).rates) for entry in self._entries.values())
        return mine + (self._base.count if self._base is not None else 0)


_Units = dict[str, "int | tuple[tuple[int, int], ...]"]


def _all_units(entries: _Entries) -> _Units:
    """By prefix the minute price that is always in force, or the moments and prices, newest first."""
    found: _Units = {}
    for prefix, entry in entries.items():
        if type(entry) is Rate and entry.effective_ms <= 0:
            found[prefix] = minute_units(entry.per_minute)
        elif rates := _as_entry(entry).rates:
            found[prefix] = tuple([(rate.effective_ms, minute_units(rate.per_minute)) for rate in rates])
    return found


def _as_entry(entry: Rate | _Entry) -> _Entry:
    return _Entry(hides=False, rates=(entry,)) if isinstance(entry, Rate) else entry


def _further(entry: Rate | _Entry) -> bool:
    """Whether a rate has more than a price."""
    if isinstance(entry, Rate):
        return entry.extra is not None
    return any(rate.extra is not None for rate in entry.rates)


def _with_rate(old: Rate | _Entry, rate: Rate) -> _Entry:
    entry = _as_entry(old)
    others = [one for one in entry.rates if one.effective_ms != rate.effective_ms]
    return _Entry(entry.hides, tuple(sorted((*others, rate), key=_effective, reverse=True)))


def _effective(rate: Rate) -> int:
    return rate.effective_ms


def _merged(hits: list[tuple[str, _Entry]], below: Mapping[str, list[Rate]], at_ms: int) -> Rate | None:
    """Like `_in_force` with the file's rates (*below*, newest first) wherever the overlay lets them through."""
    above = dict(hits)
    for prefix in sorted(above.keys() | below.keys(), key=len, reverse=True):
        entry = above.get(prefix, _NEW)
        rates = list(entry.rates)
        if not entry.hides:
            taken = {rate.effective_ms for rate in rates}
            rates += [rate for rate in below.get(prefix, ()) if rate.effective_ms not in taken]
        usable = [one for one in rates if one.effective_ms <= at_ms and (one.extra is None or one.extra.holds(at_ms))]
        if usable:
            return max(usable, key=_effective)
    return None


def terms(rate: Rate, parameters: Mapping[str, Any] | Any, exchange: str = "1") -> Terms:
    """The `Terms` of *rate* under the billing parameters of a `vosswitch.params.system.Parameters` snapshot.

    :param exchange: what one of the list's currency is in that of the account (`Terms.exchange`).
    :raises ValueError: the rate holds a text that is no decimal (checked when rates are stored).
    """
    common = (
        rate.per_minute,
        rate.first,
        rate.next,
        rate.connect_fee,
        rate.tax,
        parameters["SERVER_BILLING_FREE_TIME"],
        parameters["SERVER_BILLING_HOLD_TIME_PRECISION"],
        parameters["SERVER_BILLING_FEE_PRECISTION"],
        str(parameters["SERVER_BILLING_FEE_UNIT"]),
    )
    extra = rate.extra
    if extra is None and exchange == "1":
        return _terms(*common)
    further = (extra.attempt_fee, extra.minimum, extra.sections) if extra is not None else ("0", "0", "")
    return _terms(*common, *further, exchange)


_terms = lru_cache(maxsize=8192)(Terms)
"""Scaling a rate to integers takes some 30 us; few rates carry most calls."""
