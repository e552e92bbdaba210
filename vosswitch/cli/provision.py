"""``vosswitch migrate``, ``load`` and ``dump``: the schema and what is provisioned."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vosswitch.cli.granted import tell_granted
from vosswitch.cli.moments import HELP, moment
from vosswitch.cli.output import show, show_one
from vosswitch.cli.state import Failed, State, common, note, who
from vosswitch.control.operations import Field

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vosswitch.store.provision import Plan

_REVISION = (Field("database", "text", "URL without password"), Field("revision", "text", "of its schema"))
_DIFFERENCE = (
    Field("table", "text", "kind of entry"),
    Field("key", "text", "name or number"),
    Field("before", "object", "fields that differ, null = new"),
    Field("after", "object", "likewise, null = deleted"),
)


@click.command()
@common
@click.pass_obj
def migrate(state: State) -> None:
    """Create the database, or bring its schema to this version."""
    from sqlalchemy.engine import make_url  # noqa: PLC0415 - SQLAlchemy takes its time

    from vosswitch.store.migrations import current, migrate  # noqa: PLC0415
    from vosswitch.store.secrets import Secrets  # noqa: PLC0415

    url = state.boot.database_url
    shown = make_url(url).render_as_string(hide_password=True)
    before = current(url)
    revision = migrate(url)
    Secrets(state.boot.key_file).create()
    if state.format == "json":
        show_one(state, {"database": shown, "revision": revision}, _REVISION)
    elif before == revision:
        click.echo(f"{shown}: up to date, schema {revision}")
    else:
        click.echo(f"{shown}: {'created' if before is None else f'upgraded from {before}'}, schema {revision}")


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
@click.option("--dry-run", is_flag=True, help="Show what would change, change nothing.")
@common
@click.pass_obj
def load(state: State, file: str, *, dry_run: bool) -> None:
    """Apply the provisioning document FILE (TOML; - = standard input), all of it or nothing."""
    from vosswitch.store.document import parse_toml  # noqa: PLC0415 - SQLAlchemy takes its time
    from vosswitch.store.provision import apply_load, plan_load  # noqa: PLC0415

    source = "standard input" if file == "-" else file
    raw = parse_toml(_text(file), source)
    plan: Plan
    seq = None
    if dry_run:
        with state.database.read() as connection:
            plan = plan_load(connection, raw, state.deployment, source)
    else:
        with state.database.write() as connection:
            plan = done = apply_load(connection, raw, state.deployment, source, who())
        seq = done.seq
    _report(state, plan, dry_run=dry_run)
    state.make_live(seq)
    touched = {item.key for item in plan.differences if item.table == "accounts"}
    if touched and not dry_run:
        tell_granted(state, touched)


def _text(file: str) -> str:
    data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise Failed(f"{file}: expected UTF-8 text, byte {error.start} is none") from None


def _report(state: State, plan: Plan, *, dry_run: bool) -> None:
    for warning in plan.warnings:
        note(f"warning: {warning}")
    if state.format == "json":
        rows = ({name: getattr(item, name) for name in item.__slots__} for item in plan.differences)
        show(state, rows, _DIFFERENCE)
        return
    if dry_run:
        for item in plan.differences:
            click.echo(str(item))
    count = len(plan.differences)
    what = "change" if count == 1 else "changes"
    if count == 0:
        click.echo("nothing to change")
    else:
        click.echo(f"{count} {what} would be made" if dry_run else f"{count} {what} made")


@click.command()
@click.option("--with-secrets", is_flag=True, help="Show passwords and their hashes instead of a mask.")
@click.option("--output", "-o", type=click.Path(dir_okay=False), help="Write this file (mode 0600), not stdout.")
@click.option("--at", metavar="TIME", help=f"What was provisioned then, without balances: {HELP}.")
@common
@click.pass_obj
def dump(state: State, output: str | None, at: str | None, *, with_secrets: bool) -> None:
    """Write what is provisioned as a document that load takes."""
    from vosswitch.store.dump import dump_lines, dump_lines_at  # noqa: PLC0415 - SQLAlchemy takes its time

    if at is not None and with_secrets:
        raise click.UsageError("expected --at or --with-secrets, not both: the past has no secrets")
    with state.database.read() as connection:
        if at is None:
            lines = dump_lines(connection, state.deployment, with_secrets=with_secrets)
        else:
            lines = dump_lines_at(connection, state.deployment, moment("--at", at, state.zone))
        if output is None:
            for line in lines:
                click.echo(line)
            return
        _write_private(Path(output), lines)


def _write_private(path: Path, lines: Iterable[str]) -> None:
    """Write a file of mode 0600, whole or not at all."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
