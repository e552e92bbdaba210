"""Price lists: the rate of a number is that of its longest prefix with a rate in force.

A `RateTable` is immutable. It holds rows in memory (the *overlay*), sharded by leading digits, and optionally a
compiled file under them (`vosswitch.billing.ratefile`). The overlay changes single rows of the file by (prefix,
effective) or hides all rows of a prefix.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

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
    """

    prefix: str
    effective_ms: int
    per_minute: str
    first: int
    next: int
    connect_fee: str
    tax: str
    level: str

    @property
    def per_minute_units(self) -> int:
        """The minute rate in units of 10^-7, rounded half up: for comparing and showing, never for charging."""
        return _units(self.per_minute)

    @property
    def level_code(self) -> int:
        """The number of column ``calllevel``."""
        return Level(self.level).code


@lru_cache(maxsize=8192)
def _units(amount: str) -> int:
    return int((Decimal(amount) * UNITS).to_integral_value(ROUND_HALF_UP))


class _Entry(NamedTuple):
    """What the overlay says of one prefix: *rates* newest first; *hides* = the file's rows of it are gone."""

    hides: bool
    rates: tuple[Rate, ...]


_SHARD = 3
"""Leading characters that choose a shard."""

_Shards = dict[str, dict[str, _Entry]]
_NEW = _Entry(hides=False, rates=())
_GONE = _Entry(hides=True, rates=())


class RateTable:
    """An immutable price list; `with_changes` makes the next one and shares what it does not touch."""

    __slots__ = ("_base", "_lengths", "_shards")

    def __init__(self, shards: _Shards, lengths: tuple[int, ...], base: RateFile | None) -> None:
        self._shards = shards
        self._lengths = lengths
        self._base = base

    @classmethod
    def build(cls, rows: Iterable[Sequence[Any]] = (), base: RateFile | None = None) -> RateTable:
        """A table of overlay *rows* (see `with_changes`) over a compiled file."""
        table = cls({}, (), base)
        if base is not None and base.odd_rows:
            table = table.with_changes(base.odd_rows)
        return table.with_changes(rows)

    def with_changes(self, rows: Iterable[Sequence[Any]]) -> RateTable:
        """The table after further rows, taken in order.

        :param rows: ``[prefix, effective_ms, per_minute, first, next, connect_fee, tax, level]`` replaces or adds by
            (prefix, effective); ``[prefix, None]`` takes away everything of that prefix.
        """
        shards = dict(self._shards)
        own: set[str] = set()
        lengths = set(self._lengths)
        for row in rows:
            prefix = row[0]
            key = prefix[:_SHARD]
            if key not in own:
                own.add(key)
                shards[key] = dict(shards.get(key, {}))
            shard = shards[key]
            shard[prefix] = _GONE if row[1] is None else _with_rate(shard.get(prefix, _NEW), Rate(*row))
            lengths.add(len(prefix))
        return RateTable(shards, tuple(sorted(lengths, reverse=True)), self._base) if own else self

    def lookup(self, number: str, at_ms: int) -> Rate | None:
        """The rate of *number*: the newest in force at *at_ms* of the longest prefix that has one in force."""
        if self._base is not None:
            return self._with_file(self._base, number, at_ms)
        shards = self._shards
        size = len(number)
        shard = shards.get(number[:_SHARD]) if size >= _SHARD else None
        for length in self._lengths:
            if length > size:
                continue
            here = shard if length >= _SHARD else shards.get(number[:length])
            if here is None:
                continue
            entry = here.get(number[:length])
            if entry is not None:
                for rate in entry.rates:
                    if rate.effective_ms <= at_ms:
                        return rate
        return None

    def _with_file(self, base: RateFile, number: str, at_ms: int) -> Rate | None:
        hits = self._hits(number) if self._lengths else None
        if not hits:
            return base.lookup(number, at_ms)
        return _merged(hits, base.groups(number), at_ms)

    def _hits(self, number: str) -> list[tuple[str, _Entry]]:
        """What the overlay says of the number's prefixes, longest first."""
        shards = self._shards
        size = len(number)
        found = []
        for length in self._lengths:
            if length <= size:
                prefix = number[:length]
                shard = shards.get(prefix[:_SHARD])
                if shard is not None and prefix in shard:
                    found.append((prefix, shard[prefix]))
        return found

    def __len__(self) -> int:
        """How many rows the overlay and the file hold (hidden ones of the file included)."""
        mine = sum(len(entry.rates) for shard in self._shards.values() for entry in shard.values())
        return mine + (self._base.count if self._base is not None else 0)


def _with_rate(entry: _Entry, rate: Rate) -> _Entry:
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
        usable = [rate for rate in rates if rate.effective_ms <= at_ms]
        if usable:
            return max(usable, key=_effective)
    return None


def terms(rate: Rate, parameters: Mapping[str, Any] | Any) -> Terms:
    """The `Terms` of *rate* under the billing parameters of a `vosswitch.params.system.Parameters` snapshot.

    :raises ValueError: the rate holds a text that is no decimal (checked when rates are stored).
    """
    return _terms(
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


_terms = lru_cache(maxsize=8192)(Terms)
"""Scaling a rate to integers takes some 30 us; few rates carry most calls."""
