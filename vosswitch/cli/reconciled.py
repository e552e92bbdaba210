"""What ``vosswitch reconcile`` tells: totals, and every difference as CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.cdr.matching import KINDS, MATCHED
from vosswitch.cli.csvfile import CsvFile, safe
from vosswitch.cli.output import moment_text, plain
from vosswitch.control.operations import Field
from vosswitch.model.values import money_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vosswitch.cdr.matching import Call, Found

SUMS = (
    Field("what", "text", "matched, length_differs, fee_differs, missing_ours, missing_theirs, duplicate_*, total"),
    Field("ours", "whole", "our calls"),
    Field("theirs", "whole", "the partner's"),
    Field("our_seconds", "number", "their length"),
    Field("their_seconds", "number", "likewise"),
    Field("our_fee", "money", "what we say they cost"),
    Field("their_fee", "money", "what the partner says"),
    Field("difference", "money", "his less ours"),
)
RESULT = (
    Field("rows", "whole", "calls in the file"),
    Field("bad", "whole", "rows that are no calls"),
    Field("since", "time", "the period that was compared"),
    Field("until", "time", "its end"),
    Field("columns", "text", "which columns were read"),
    Field("sums", "list", "rows by what came of them"),
)
_ROWS = (MATCHED, "length_differs", "fee_differs", *KINDS[2:], "total")


class Totals:
    """Adds up what was found; a pair that differs in both length and fee counts in both rows, and once in the total."""

    def __init__(self) -> None:
        self._sums = {name: [0] * 6 for name in _ROWS}

    def add(self, found: Found) -> None:
        """Count one."""
        names = ["total"]
        if found.length or found.fee:
            names += ["length_differs"] if found.length else []
            names += ["fee_differs"] if found.fee else []
        else:
            names.append(found.kind)
        for name in names:
            sums = self._sums[name]
            for at, call in enumerate((found.ours, found.theirs)):
                if call is not None:
                    sums[at] += 1
                    sums[at + 2] += call.ms
                    sums[at + 4] += call.fee or 0

    def rows(self) -> Iterator[dict[str, Any]]:
        """One row each, the total last."""
        for name, (ours, theirs, our_ms, their_ms, our_fee, their_fee) in self._sums.items():
            yield {
                "what": name, "ours": ours, "theirs": theirs, "our_seconds": our_ms / 1000,
                "their_seconds": their_ms / 1000, "our_fee": our_fee, "their_fee": their_fee,
                "difference": their_fee - our_fee,
            }  # fmt: skip


def told(totals: Totals, theirs: Any, period: tuple[int, int]) -> dict[str, Any]:
    """Everything, for programs."""
    kinds = {field.name: field.kind for field in SUMS}
    rows = [{name: plain(value, kinds[name]) for name, value in row.items()} for row in totals.rows()]
    return {
        "rows": theirs.rows, "bad": theirs.bad, "since": period[0], "until": period[1], "columns": theirs.guessed,
        "sums": rows,
    }  # fmt: skip


class Differences(CsvFile):
    """A CSV file of everything but what matches; it appears when all is done, or not at all."""

    HEADING = (
        "what", "call_id", "our_start", "our_caller", "our_callee", "our_seconds", "our_fee",
        "line", "their_start", "their_caller", "their_callee", "their_seconds", "their_fee",
        "seconds_difference", "fee_difference",
    )  # fmt: skip

    def add(self, found: Found) -> None:
        """Write one, unless both sides agree."""
        if found.kind == MATCHED:
            return
        differences = (f"{found.length / 1000:g}", money_text(found.fee)) if found.ours and found.theirs else ("", "")
        self.write([found.kind, *_cells(found.ours), *_cells(found.theirs), *differences])


def _cells(call: Call | None) -> list[str]:
    if call is None:
        return [""] * 6
    fee = "" if call.fee is None else money_text(call.fee)
    start = moment_text(call.at)
    return [str(call.ref), start, safe(call.caller), safe(call.callee), f"{call.ms / 1000:.3f}", fee]
