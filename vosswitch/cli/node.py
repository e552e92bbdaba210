"""``vosswitch version``, ``node ...`` and ``drain``: the node as a whole, and what others left behind."""

from __future__ import annotations

import click

import vosswitch
from vosswitch.cli.output import show, show_one
from vosswitch.cli.state import Failed, State, common, note, who
from vosswitch.control.operations import DRAIN, RELOAD_CERTIFICATES, STATISTICS, STATUS, Field
from vosswitch.model.values import money_text

_VERSION = (Field("version", "text", "of this command"), Field("python", "text", "that it runs on"))


@click.command()
@common
@click.pass_obj
def version(state: State) -> None:
    """The version of this command (the running switch's is in node status)."""
    import platform  # noqa: PLC0415 - only this command needs it

    if state.format == "json":
        show_one(state, {"version": vosswitch.__version__, "python": platform.python_version()}, _VERSION)
    else:
        click.echo(f"vosswitch {vosswitch.__version__} (Python {platform.python_version()})")


@click.group()
def node() -> None:
    """This node as a whole."""


@node.command()
@common
@click.pass_obj
def status(state: State) -> None:
    """What the running switch is and how it is doing."""
    show_one(state, state.client().call(STATUS.name), STATUS.result)


@node.command()
@common
@click.pass_obj
def statistics(state: State) -> None:
    """What its SIP side has counted since the start."""
    show_one(state, state.client().call(STATISTICS.name), STATISTICS.result)


@node.command("reload-certificates")
@common
@click.pass_obj
def reload_certificates(state: State) -> None:
    """Read certificates and keys again, without a restart."""
    show_one(state, state.client().call(RELOAD_CERTIFICATES.name), RELOAD_CERTIFICATES.result)


@click.command()
@click.option("--off", is_flag=True, help="Take calls again.")
@common
@click.pass_obj
def drain(state: State, *, off: bool) -> None:
    """Take no new calls, let the present ones finish."""
    show_one(state, state.client().call(DRAIN.name, off=off), DRAIN.result)


_NODES = (
    Field("id", "whole", "its number"),
    Field("name", "text", "its name"),
    Field("state", "text", "alive, stopped or dead"),
    Field("seen", "time", "when it was last alive, null = it has ended in good order"),
    Field("granted", "money", "what it holds of accounts; of a dead node nobody can use that"),
    Field("accounts", "whole", "of how many accounts"),
)


@node.command("list")
@common
@click.pass_obj
def list_(state: State) -> None:
    """The nodes that share the database, and the money that they hold."""
    import time  # noqa: PLC0415 - only here

    from vosswitch.store import nodes  # noqa: PLC0415 - SQLAlchemy takes its time

    with state.database.read() as connection:
        found = nodes.list_nodes(connection, time.time_ns() // 1_000_000)
    rows = [{**row._asdict(), "seen": row.seen or None, "state": row.state} for row in found]
    show(state, rows, _NODES, (), "the database knows no nodes")


@node.command()
@click.argument("number", type=click.IntRange(0, 1023))
@click.option("--spool", required=True, type=click.Path(exists=True, file_okay=False), help="Where its spool is now.")
@common
@click.pass_obj
def recover(state: State, number: int, spool: str) -> None:
    """Bring the spool of the dead node NUMBER into the database: its calls are billed, its money is free again.

    The folder must be the node's own, writable here, and no switch may work on it.
    """
    from vosswitch.cdr.files import SpoolBusy  # noqa: PLC0415 - only here
    from vosswitch.recorder.recovering import recover as replay  # noqa: PLC0415
    from vosswitch.store.nodes import BadNode  # noqa: PLC0415

    try:
        done = replay(state.boot, state.database, number, spool, state.plugins.billing_modes, note)
    except (BadNode, SpoolBusy) as error:
        raise Failed(str(error)) from None
    click.echo(
        f"node {number}: {done.ended} calls ended as switch_restart, {done.written} batches of records written, "
        f"{money_text(done.granted)} given back"
    )


@node.command("write-off")
@click.argument("number", type=click.IntRange(0, 1023))
@click.option("--yes", is_flag=True, help="Its spool is lost: what its last calls cost will never be billed.")
@common
@click.pass_obj
def write_off(state: State, number: int, *, yes: bool) -> None:
    """Free the money of the dead node NUMBER whose spool is lost."""
    import time  # noqa: PLC0415 - only here

    from vosswitch.store import nodes  # noqa: PLC0415 - SQLAlchemy takes its time

    now = time.time_ns() // 1_000_000
    try:
        with state.database.write() as connection:
            found = nodes.write_off(connection, number, who(), now) if yes else nodes.gone(connection, number, now)
    except nodes.BadNode as error:
        raise Failed(str(error)) from None
    amount = f"{money_text(found.granted)} of {found.accounts} accounts"
    if not yes:
        raise Failed(f"node {number}: it holds {amount}; with --yes its last calls are never billed")
    click.echo(f"node {number}: {amount} given back, its spool is written off")
