"""What rating calls again comes to: the differences, by account, booked as corrections or only told.

Memory is bounded: accounts are few, and calls are looked at a page at a time.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from vosswitch.simulation.rerating import Due
from vosswitch.store.rerates import Correction, correct, counted_runs, paid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from vosswitch.simulation.rerating import LeftOut, Rerating
    from vosswitch.store.database import Database
    from vosswitch.store.rerates import Paid, Rated, Run

_SLICE = 250
"""Calls whose bookings are looked up at once."""
ROLES = {"call": "customer", "agent": "agent", "cost": "vendor"}
BY_HAND = "its booking was taken back by hand"


class Corrections:
    """Goes through pages of calls.

    :param on_changed: told of every difference: call, due, what was paid until now.
    :param run: books under this run; None = nothing is booked.
    :ivar calls: how many were looked at, *changed* differences, *amount* by which balances grow, units.
    :ivar left_out: by role and reason how many parts of calls.
    :ivar seq: the last change of the database.
    """

    def __init__(
        self,
        database: Database,
        rating: Rerating,
        on_changed: Callable[[Rated, Due, int], object] | None = None,
        run: Run | None = None,
        why: str = "",
    ) -> None:
        self._database = database
        self._rating = rating
        self._on_changed = on_changed
        self._run = run
        self._why = why
        self.calls = self.changed = self.amount = 0
        self.left_out: Counter[tuple[str, str]] = Counter()
        self.seq: int | None = None
        self._sums: dict[tuple[str, str], list[int]] = {}
        with database.read() as connection:
            self._runs = counted_runs(connection) if run is None else run.what["after"]

    def page(self, rows: Sequence[Rated]) -> None:
        """Rate some calls again, and book what is different."""
        for at in range(0, len(rows), _SLICE):
            self._some(rows[at : at + _SLICE])

    def _some(self, rows: Sequence[Rated]) -> None:
        with self._database.read() as connection:
            before, by_hand = paid(connection, [row.flowno for row in rows], self._runs)
        wanted = []
        for row in rows:
            self.calls += 1
            for found in self._rating.call(row):
                if not isinstance(found, Due):
                    self._leave_out(found)
                elif (row.flowno, found.account, found.kind) in by_hand:
                    self.left_out[ROLES[found.kind], BY_HAND] += 1
                else:
                    wanted += self._difference(row, found, before)
        if self._run is not None and wanted:
            self.seq = correct(self._database, self._run, wanted, self._why) or self.seq

    def _leave_out(self, found: LeftOut) -> None:
        self.left_out[ROLES[found.kind], found.why] += 1

    def _difference(self, row: Rated, due: Due, before: Paid) -> list[Correction]:
        old = before.get((row.flowno, due.account, due.kind), 0)
        sums = self._sums.setdefault((ROLES[due.kind], due.account), [0] * 4)
        sums[0] += 1
        sums[2] += old
        sums[3] += due.amount
        if due.amount == old:
            return []
        sums[1] += 1
        self.changed += 1
        self.amount += old - due.amount
        if self._on_changed is not None:
            self._on_changed(row, due, old)
        return [Correction(row.flowno, due.account, due.kind, old - due.amount)]

    def rows(self) -> Iterator[dict[str, Any]]:
        """By account: role, calls, how many changed, what was paid and what is due; the largest difference first."""
        order = sorted(self._sums, key=lambda key: (-abs(self._sums[key][3] - self._sums[key][2]), key))
        for role, account in order:
            calls, changed, old, new = self._sums[role, account]
            yield {
                "role": role, "account": account, "calls": calls, "changed": changed, "old": old, "new": new,
                "difference": new - old,
            }  # fmt: skip

    def reasons(self) -> Iterator[dict[str, Any]]:
        """What was left out, and why."""
        for (role, why), count in self.left_out.most_common():
            yield {"role": role, "why": why, "calls": count}
