"""``vosswitch testcall``: a real call through the running switch, between two ends that this command plays."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from vosswitch.cli.output import show_one
from vosswitch.cli.state import Failed, State, common, note

if TYPE_CHECKING:
    from collections.abc import Sequence

CALLEE = "4312345678"
CALLER = "4319876543"


@click.command()
@click.option("--callee", metavar="NUMBER", default=CALLEE, show_default=True, help="Whom to call.")
@click.option("--caller", metavar="NUMBER", default=CALLER, show_default=True, help="Who seems to call.")
@click.option(
    "--seconds", type=click.FloatRange(0.1, 3600), default=3.0, show_default=True, help="From answer to hang-up."
)
@click.option("--gateway", "-g", metavar="NAME", help="The mapping gateway to play; the first on a 127.x address.")
@click.option(
    "--vendor/--no-vendor", default=None, help="Play the vendor too, or not; without either: when nobody is there."
)
@common
@click.pass_obj
def testcall(
    state: State, callee: str, caller: str, seconds: float, gateway: str | None, *, vendor: bool | None
) -> None:
    """Place a call through the running switch and show what became of it.

    Plays a customer, and the vendor that the call is routed to unless somebody listens there already.  Both send
    a tone for as long as the call is up.  Then come the SIP messages of both sides, the media, the record, the
    decision and the change of the balances.  Only loopback addresses are played.
    """
    from vosswitch.cli import callreport, calltables, testends, useragent  # noqa: PLC0415 - the whole SIP stack

    setting = testends.find(state, caller, callee, seconds, gateway, vendor)
    before = _accounts(state, setting.accounts, agents=True)
    played = f"; {setting.vendor} is played too" if setting.vendor else ""
    note(f"calling {callee} as {setting.gateway} through {setting.plan.switch} for {seconds:g} s{played} ...")
    begun = time.time_ns() // 1_000_000
    outcome = useragent.place(setting.plan)
    cdr = _record(state, outcome.sip_call_id, begun, callreport.RECORD_WITHIN)
    reason = callreport.why_failed(outcome, cdr)
    report = callreport.Report(setting, outcome, cdr, before, _accounts(state, tuple(before)), reason)
    if state.format == "json":
        show_one(state, callreport.as_json(report), callreport.RESULT)
    else:
        calltables.tell(state, report)
    if reason:
        raise Failed(f"the test call failed: {reason}")


def _accounts(state: State, numbers: Sequence[str], *, agents: bool = False) -> dict[str, Any]:
    """The accounts of these numbers.

    :param agents: those above the first one, too.
    """
    from vosswitch.store import accounts  # noqa: PLC0415 - SQLAlchemy takes its time

    with state.database.read() as connection:
        found = {number: accounts.show(connection, number) for number in numbers}
        above = found[numbers[0]].agent if agents and numbers else None
        while above and above not in found:
            found[above] = accounts.show(connection, above)
            above = found[above].agent
        return found


def _record(state: State, sip_call_id: str, begun: int, seconds: float) -> dict[str, Any] | None:
    """The call's record, as soon as it is visible; None when it does not come in time."""
    from vosswitch.store.cdrs import list_cdrs  # noqa: PLC0415 - SQLAlchemy takes its time

    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        with state.database.read() as connection:
            rows = list_cdrs(connection, 1, since=begun - 60_000, call_id=sip_call_id)
        if rows:
            return rows[0]
        time.sleep(0.1)
    return None
