"""What ``vosswitch rerate`` tells: the difference of each account, and every changed call as CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.cli.csvfile import CsvFile, safe
from vosswitch.cli.output import moment_text, plain
from vosswitch.control.operations import Field
from vosswitch.model.values import money_text

if TYPE_CHECKING:
    from vosswitch.simulation.corrections import Corrections
    from vosswitch.simulation.rerating import Due
    from vosswitch.store.rerates import Rated, Run

BY_ACCOUNT = (
    Field("role", "text", "customer, agent or vendor"),
    Field("account", "text", "its number"),
    Field("calls", "whole", "calls that were rated again"),
    Field("changed", "whole", "calls with a difference"),
    Field("old", "money", "what was booked for them until now"),
    Field("new", "money", "what is due by these rates"),
    Field("difference", "money", "new less old: what the account pays more"),
)
LEFT_OUT = (
    Field("role", "text", "whose part of the calls"),
    Field("calls", "whole", "how many"),
    Field("why", "text", "the reason"),
)
RESULT = (
    Field("run", "whole", "number of the run, null = nothing was booked"),
    Field("calls", "whole", "answered calls that were looked at"),
    Field("changed", "whole", "differences"),
    Field("amount", "money", "by how much balances grow"),
    Field("accounts", "list", "rows by account"),
    Field("left_out", "list", "what was not rated again"),
)


def told(done: Corrections, run: Run | None) -> dict[str, Any]:
    """Everything, for programs."""
    kinds = {field.name: field.kind for field in BY_ACCOUNT}
    rows = [{name: plain(value, kinds[name]) for name, value in row.items()} for row in done.rows()]
    return {
        "run": None if run is None else run.id,
        "calls": done.calls,
        "changed": done.changed,
        "amount": done.amount,
        "accounts": rows,
        "left_out": list(done.reasons()),
    }


class ChangedFees(CsvFile):
    """A CSV file of all differences; it appears when all is done, or not at all."""

    HEADING = (
        "call_id", "start", "answer", "seconds", "caller", "callee", "role", "account", "rate_prefix", "per_minute",
        "old", "new", "difference",
    )  # fmt: skip

    def add(self, row: Rated, due: Due, old: int) -> None:
        """Write one difference."""
        from vosswitch.simulation.corrections import ROLES  # noqa: PLC0415 - SQLAlchemy takes its time

        self.write(
            [
                row.flowno, moment_text(row.start), moment_text(row.answer), f"{row.hold_ms / 1000:.3f}",
                safe(row.caller), safe(row.callee), ROLES[due.kind], safe(due.account), safe(due.prefix), due.price,
                *map(money_text, (old, due.amount, due.amount - old)),
            ]
        )  # fmt: skip
