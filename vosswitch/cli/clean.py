"""``vosswitch clean``: removes what is kept for so many days and no longer."""

from __future__ import annotations

from collections import Counter

import click

from vosswitch.cli.output import show
from vosswitch.cli.state import State, common
from vosswitch.control.operations import Field
from vosswitch.params.system import DECLARED, Parameters

FIELDS = (
    Field("kind", "text", "records, decisions, changes or text files"),
    Field("what", "text", "the day, the day before which changes are, or the file"),
    Field("rows", "whole", "how many it is about"),
)


@click.command()
@click.option("--dry-run", is_flag=True, help="Only show what would go.")
@common
@click.pass_obj
def clean(state: State, dry_run: bool) -> None:
    """Remove now what is older than the VS_CLEAN_* parameters say; the running switch does it by itself."""
    from vosswitch.recorder.cleaning import doomed, removing  # noqa: PLC0415 - SQLAlchemy takes its time
    from vosswitch.store.changes import now_ms  # noqa: PLC0415
    from vosswitch.store.entities import read_all  # noqa: PLC0415
    from vosswitch.store.provision_schema import PARAMETERS  # noqa: PLC0415

    with state.database.read() as connection:
        values = {key: stored.values["value"] for key, stored in read_all(connection, PARAMETERS)}
    parameters = Parameters({key: text for key, text in values.items() if key in DECLARED})
    found = doomed(state.boot, state.database, parameters, now_ms(), state.zone)
    rows = [{"kind": item.kind, "what": item.what, "rows": item.rows} for item in found]
    if not dry_run:
        steps = removing(state.boot, state.database, parameters, now_ms(), state.zone, everywhere=True)
        done = Counter((item.kind, item.what) for item in steps)
        rows = [row for row in rows if (row["kind"], row["what"]) in done]
    show(state, rows, FIELDS, ("kind", "what", "rows"), "nothing is too old")
