"""``vosswitch version``, ``node status`` and ``drain``: the node as a whole."""

from __future__ import annotations

import click

import vosswitch
from vosswitch.cli.output import show_one
from vosswitch.cli.state import State, common
from vosswitch.control.operations import DRAIN, RELOAD_CERTIFICATES, STATISTICS, STATUS, Field

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
