"""What a sheet makes of a price list: the rates afterwards, and the differences, one prefix after the other.

Pure.  Rates are rows in the order of `vosswitch.store.rates.COLUMNS`.  What was in force in the past stays as it was: a
rate without a date is in force from the application on, and a code that is gone ends then.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from vosswitch.store.rate_reading import UNTIL, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

MODES = ("full", "merge", "increase-only", "decrease-only")
KINDS = ("new", "gone", "dearer", "cheaper", "changed", "unchanged", "cancelled", "skipped")
"""Cancelled: a price that was to come; skipped: not taken in this mode."""

_ONLY = {"increase-only": "dearer", "decrease-only": "cheaper"}
_EFFECTIVE, _PRICE, _CONNECT = 1, 3, 6
_DECIMALS = frozenset({3, 6, 7, 10, 11})
_BY_PREFIX = itemgetter(0)
_FACTOR = 10
_DAY_MS = 86_400_000


class Difference(NamedTuple):
    """What happens to one rate.

    :ivar kind: one of `KINDS`.
    :ivar effective: epoch ms from which on, 0 = always.
    :ivar old: the rate before it; *new* the one after it; None = there is none.
    :ivar warnings: for the operator.
    """

    kind: str
    prefix: str
    effective: int
    old: Row | None
    new: Row | None
    warnings: tuple[str, ...] = ()

    @property
    def percent(self) -> Decimal | None:
        """By how much the minute price changes; None = nothing to compare with."""
        if self.old is None or self.new is None or not _number(self.old[_PRICE]):
            return None
        before = _number(self.old[_PRICE])
        return ((_number(self.new[_PRICE]) - before) * 100 / before).quantize(Decimal("0.01"))


@dataclass(frozen=True, slots=True)
class Rules:
    """How a sheet is taken.

    :ivar mode: one of `MODES`.
    :ivar now: epoch ms.
    :ivar cut: from then on codes are gone that a full list does not have.
    :ivar notice_days: increases earlier than that are told.
    :ivar empty: the group has no rates yet.
    """

    mode: str
    now: int
    cut: int
    notice_days: int = 0
    empty: bool = False


@dataclass(slots=True)
class Totals:
    """How many differences of each kind there are, and how many rows in the end."""

    kinds: Counter[str] = field(default_factory=Counter)
    warnings: int = 0
    rows: int = 0

    @property
    def changes(self) -> int:
        """Differences that an application writes."""
        return sum(count for kind, count in self.kinds.items() if kind not in ("unchanged", "skipped"))


def merged(
    existing: Iterable[Row],
    sheet: Sequence[Row],
    closed: Sequence[tuple[str, int]],
    rules: Rules,
    totals: Totals,
    tell: Callable[[Difference], object] = lambda _difference: None,
) -> Iterator[Row]:
    """The rates afterwards, sorted.

    :param existing: by prefix and effective, as are *sheet* and *closed*.
    :param totals: is added to.
    :param tell: is given every difference, also of what does not change.
    """
    for prefix, old, new, cut in _joined(existing, sheet, closed):
        rows, differences = planned(prefix, old, new, cut, rules)
        for one in differences:
            totals.kinds[one.kind] += 1
            totals.warnings += bool(one.warnings)
            tell(one)
        totals.rows += len(rows)
        yield from rows


def _joined(
    existing: Iterable[Row], sheet: Iterable[Row], closed: Sequence[tuple[str, int]]
) -> Iterator[tuple[str, list[Row], list[Row], int | None]]:
    """By prefix: what there is, what the sheet has, and when it closes the code."""
    cuts = dict(closed)
    left, right = groupby(existing, _BY_PREFIX), groupby(sheet, _BY_PREFIX)
    none: tuple[str | None, Iterator[Row]] = (None, iter(()))
    old, new = next(left, none), next(right, none)
    while old[0] is not None or new[0] is not None:
        prefix = min(name for name in (old[0], new[0]) if name is not None)
        before = list(old[1]) if old[0] == prefix else []
        after = list(new[1]) if new[0] == prefix else []
        if before:
            old = next(left, none)
        if after:
            new = next(right, none)
        yield prefix, before, after, cuts.get(prefix)


def planned(
    prefix: str, old: list[Row], new: list[Row], cut: int | None, rules: Rules
) -> tuple[list[Row], list[Difference]]:
    """One prefix: its rates afterwards, and the differences.

    :param cut: when the sheet closes the code; None = it does not.
    """
    if not new and cut is None:
        if rules.mode != "full":
            return old, []
        return _ended(prefix, old, rules.cut)
    rows, found = (old, []) if not new else _Prefix(prefix, old, new, rules).result()
    if cut is None:
        return rows, found
    if rules.mode in _ONLY:  # a price that ends has neither risen nor fallen
        last = in_force(rows, max(cut, rules.now))
        return rows, [*found, Difference("skipped", prefix, cut, last, None)] if last else found
    rows, ends = _ended(prefix, rows, max(cut, rules.now), {row[_EFFECTIVE] for row in new})
    return rows, found + ends


def _ended(prefix: str, rows: list[Row], cut: int, again: Collection[int] = ()) -> tuple[list[Row], list[Difference]]:
    """The code is gone from *cut* on.

    :param again: when the sheet has further prices for it.
    """
    kept = [row if row[_EFFECTIVE] >= cut else _until(row, cut) for row in rows]
    kept = [row for row in kept if row[_EFFECTIVE] < cut or (row[_EFFECTIVE] > cut and row[_EFFECTIVE] in again)]
    if kept == rows:
        return rows, []
    last = in_force(rows, cut) or next((row for row in rows if row[_EFFECTIVE] >= cut), None)
    return kept, [Difference("gone", prefix, cut, last, None)]


def _until(row: Row, cut: int) -> Row:
    until = row[UNTIL]
    return row if until is not None and until <= cut else (*row[:UNTIL], cut, *row[UNTIL + 1 :])


def in_force(rows: Sequence[Row], at: int) -> Row | None:
    """The newest rate of a prefix that is in force then.

    :param rows: by effective.
    """
    for row in reversed(rows):
        if row[_EFFECTIVE] <= at and (row[UNTIL] is None or row[UNTIL] > at):
            return row
    return None


@lru_cache(maxsize=65_536)
def _number(text: str) -> Decimal:
    return Decimal(text)


def same(one: Row, other: Row) -> bool:
    """Whether two rates are the same but for when they begin."""
    if one[2:] == other[2:]:
        return True
    pairs = enumerate(zip(one, other, strict=True))
    return all(a == b or (at in _DECIMALS and _number(a) == _number(b)) for at, (a, b) in pairs if at > _EFFECTIVE)


def compared(old: Row | None, new: Row) -> str:
    """Which of `KINDS` a rate is that follows another one."""
    if old is None:
        return "new"
    if same(old, new):
        return "unchanged"
    for at in (_PRICE, _CONNECT):
        before, after = _number(old[at]), _number(new[at])
        if before != after:
            return "dearer" if after > before else "cheaper"
    return "changed"


class _Prefix:
    """The rates of one prefix that a sheet has rates for."""

    def __init__(self, prefix: str, old: list[Row], new: list[Row], rules: Rules) -> None:
        self._prefix, self._old, self._new, self._rules = prefix, old, new, rules
        self._rows = {row[_EFFECTIVE]: row for row in old}
        self._found: list[Difference] = []

    def result(self) -> tuple[list[Row], list[Difference]]:
        now = self._rules.now
        self._begun([row for row in self._new if row[_EFFECTIVE] <= now])
        if self._rules.mode == "full":
            self._cancel()
        for row in self._new:
            if row[_EFFECTIVE] > now:
                self._take(row, row, in_force(self._sorted(), row[_EFFECTIVE]))
        if self._plain():
            return self._sorted(), self._found
        if self._rules.mode == "full":
            self._only_the_sheet()
        elif self._rules.mode == "merge":
            self._merge()
        else:
            self._only(_ONLY[self._rules.mode])
        return self._sorted(), self._found

    def _plain(self) -> bool:
        """One rate without an end follows another one, as most do: what was taken is all there is to it."""
        if len(self._old) != 1 or len(self._new) != 1:
            return False
        (old,), (new,) = self._old, self._new
        return old[UNTIL] is None is new[UNTIL] and old[_EFFECTIVE] <= self._rules.now

    def _begun(self, past: list[Row]) -> None:
        """The rates of the sheet that begin by now."""
        current = in_force(past, self._rules.now)
        for row in past:
            if row is not current:
                self._former(row)
        if current is not None:
            self._current(current)

    def _sorted(self) -> list[Row]:
        return [self._rows[at] for at in sorted(self._rows)] if len(self._rows) > 1 else list(self._rows.values())

    def _former(self, row: Row) -> None:
        """A rate that a newer one of the sheet has replaced in the past."""
        before = self._rows.get(row[_EFFECTIVE])
        undated = not row[_EFFECTIVE] and not self._rules.empty  # from now on: the newer one takes its place
        if before is not None and same(before, row):
            return
        if self._over(row):
            self._tell("skipped", row, before)
        elif not undated:
            self._take(row, row, before)

    def _over(self, row: Row) -> bool:
        """Whether it says nothing of the prices from now on: it has ended, and is not the end of the present one."""
        now = self._rules.now
        if row[UNTIL] is None or row[UNTIL] > now or self._rules.mode == "full" or self._rules.empty:
            return False
        stands = in_force(self._old, now)
        return not row[_EFFECTIVE] or stands is None or stands[_EFFECTIVE] != row[_EFFECTIVE]

    def _current(self, row: Row) -> None:
        """The rate that is to be in force now."""
        before = in_force(self._old, self._rules.now)
        at = row[_EFFECTIVE]
        there = self._rows.get(at)
        if before is None and there is not None and same(there, row):  # it has ended
            before = there
        newer = any(at < one[_EFFECTIVE] <= self._rules.now for one in self._old)
        if newer or (not at and not self._rules.empty):
            at = self._rules.now
        self._take(row, (row[0], at, *row[2:]), before)

    def _take(self, row: Row, dated: Row, before: Row | None) -> None:
        """:param dated: the rate as it is written."""
        allowed = _ONLY.get(self._rules.mode)
        if allowed is not None:  # than it was: never than another line of the sheet says
            before = in_force(self._old, max(dated[_EFFECTIVE], self._rules.now))
        kind = compared(before, row)
        if kind == "unchanged" or (allowed is not None and kind != allowed):
            self._tell("unchanged" if kind == "unchanged" else "skipped", row, before)
            return
        until = dated[UNTIL]
        if until is not None and until <= dated[_EFFECTIVE]:  # it was over before it could begin
            self._tell("skipped", row, before)
            return
        if until is not None:  # what was in force before it does not come back
            for at, one in self._rows.items():
                if at < dated[_EFFECTIVE] and one not in self._new:
                    self._rows[at] = _until(one, dated[_EFFECTIVE])
        self._rows[dated[_EFFECTIVE]] = dated
        self._tell(kind, dated, before)

    def _cancel(self) -> None:
        """A full list has all prices that are to come."""
        sheet = {row[_EFFECTIVE] for row in self._new}
        begin = max(self._rules.cut, self._rules.now + 1)
        for at in [at for at in self._rows if at >= begin and at not in sheet]:
            gone = self._rows.pop(at)
            self._found.append(Difference("cancelled", self._prefix, at, gone, None))

    def _changes(self) -> set[int]:
        """Moments at which one of the rates begins or ends."""
        rows = (*self._rows.values(), *self._old, *self._new)
        return {moment for row in rows for moment in (row[_EFFECTIVE], row[UNTIL]) if moment is not None}

    def _coming(self) -> list[int]:
        now = self._rules.now
        return sorted({now, *(moment for moment in self._changes() if moment > now)})

    def _merge(self) -> None:
        """From its first rate on those of the sheet, and former ones that begin later; until then the former ones."""
        now, told = self._rules.now, {row[_EFFECTIVE] for row in self._new}
        says = [row for row in self._new if not self._over(row)]
        later = [row for row in self._old if row[_EFFECTIVE] > now and row[_EFFECTIVE] not in told]
        begins = min((max(row[_EFFECTIVE], now) for row in says), default=None)
        for at in self._coming():
            was = in_force(self._old, at)
            if begins is None or at < begins:
                continue
            wanted, stays = in_force(says, at), in_force(later, at)
            if stays is not None and (wanted is None or stays[_EFFECTIVE] > wanted[_EFFECTIVE]):
                wanted = stays
            self._stand(at, wanted, was)

    def _only(self, kind: str) -> None:
        """At every moment from now on the rate of the sheet where it is *kind*, else what would be without it."""
        taken = {row[_EFFECTIVE] for row in self._new if self._rows.get(row[_EFFECTIVE]) == row}
        for at in self._coming():
            was, says = in_force(self._old, at), in_force(self._new, at)
            wanted = was
            if says is not None and (compared(was, says) == kind or (was is None and says[_EFFECTIVE] in taken)):
                wanted = says
                taken.add(says[_EFFECTIVE])
            self._stand(at, wanted, was)

    def _stand(self, at: int, wanted: Row | None, was: Row | None) -> None:
        """From *at* on *wanted* is in force, until the next change.

        :param was: what would be without the sheet.
        """
        if wanted is None:
            self._end(at)
            return
        stands = in_force(self._sorted(), at)
        if stands is not None and same(stands, wanted):
            return
        self._rows[at] = dated = (wanted[0], at, *wanted[2:])
        if was is None or not same(was, wanted):
            self._tell(compared(was, wanted), dated, was)

    def _end(self, at: int) -> None:
        """From *at* on nothing is in force."""
        while (stands := in_force(self._sorted(), at)) is not None:
            del self._rows[stands[_EFFECTIVE]]
            if stands[_EFFECTIVE] < at:
                self._rows[stands[_EFFECTIVE]] = _until(stands, at)
            self._found.append(Difference("gone", self._prefix, at, stands, None))

    def _only_the_sheet(self) -> None:
        """From its first rate on the prices of a full list are in force and no others; until then the former stay."""
        begin = max(self._rules.cut, self._new[0][_EFFECTIVE])
        for at in sorted({begin, *(moment for moment in self._changes() if moment > begin)}):
            self._stand(at, in_force(self._new, at), in_force(self._old, at))

    def _tell(self, kind: str, row: Row, before: Row | None) -> None:
        new = None if kind == "skipped" else row
        warnings = tuple(self._warnings(kind, row, before)) if kind not in ("unchanged", "skipped") else ()
        self._found.append(Difference(kind, self._prefix, row[_EFFECTIVE], before, new, warnings))

    def _warnings(self, kind: str, row: Row, before: Row | None) -> Iterator[str]:
        rules, at = self._rules, row[_EFFECTIVE]
        if kind == "dearer" and max(at, rules.now) < rules.now + rules.notice_days * _DAY_MS:
            yield f"increase with less than {rules.notice_days} days notice"
        if 0 < at < rules.now - _DAY_MS and before is not None:
            yield "dated in the past"
        if kind == "new" and self._prefix.startswith(("+", "00")):
            yield "begins with + or 00: are called numbers billed so?"
        price = _number(row[_PRICE])
        if not price:
            yield "costs nothing"
        elif before is not None and (was := _number(before[_PRICE])) and not was / _FACTOR < price < was * _FACTOR:
            yield f"{_FACTOR} times the price, or a tenth of it"
