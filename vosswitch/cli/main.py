"""The command's root: finds a command's module when it is used, and turns errors into one line and an exit code.

Exit codes: 0 done, 1 error, 2 wrong usage, 3 the switch is not running and only it could have answered.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click

from vosswitch.cli.state import Failed, State, common
from vosswitch.control.client import NotRunning

COMMANDS = {
    "account": "accounts:account",
    "blacklist": "holding:blacklist",
    "calls": "calls:calls",
    "cards": "cards:cards",
    "cdr": "cdrs:cdr",
    "drain": "node:drain",
    "clean": "clean:clean",
    "dump": "provision:dump",
    "fraud": "holding:fraud",
    "gateway": "gateways:gateway",
    "geofence": "lists:geofence",
    "ledger": "ledger:ledger",
    "limits": "limits:limits",
    "list": "lists:list_",
    "load": "provision:load",
    "migrate": "provision:migrate",
    "node": "node:node",
    "packages": "packages:packages",
    "params": "params:params",
    "plugins": "plugins:plugins",
    "rates": "rates:rates",
    "reconcile": "reconcile:reconcile",
    "registrations": "calls:registrations",
    "rerate": "rerate:rerate",
    "trunks": "calls:trunks",
    "release": "calls:release",
    "route": "route:route",
    "sinks": "sinks:sinks",
    "simulate": "simulate:simulate",
    "table": "tables:table",
    "testcall": "testcall:testcall",
    "version": "node:version",
}
"""Command name to ``module:function`` below `vosswitch.cli`."""


class Stopped(Failed):
    """The switch is not running."""

    exit_code = 3


class Commands(click.Group):
    """The root group; imports a command's module when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, sorted."""
        return sorted({*COMMANDS, *super().list_commands(ctx)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(f"vosswitch.cli.{module}"), attribute)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an expected error becomes one line."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except NotRunning as error:
            raise Stopped(str(error)) from error
        except Exception as error:
            text = _expected(error)
            if text is None:
                raise
            raise Failed(text) from error


def _expected(error: Exception) -> str | None:
    """The operator's line about an error of ours, the system's or the database's; None for a bug."""
    if type(error).__module__.startswith("vosswitch."):
        return str(error)
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error)
    if isinstance(error, UnicodeEncodeError):
        return f"cannot be written as {error.encoding}: {error.object[:60]!a}"
    sql = sys.modules.get("sqlalchemy.exc")
    if sql is not None and isinstance(error, sql.SQLAlchemyError):
        origin = getattr(error, "orig", None) or error
        lines = str(origin).splitlines() or [type(origin).__name__]
        return f"database: {lines[0]}"
    return None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@common
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Operate a vosswitch node.

    The configuration is --config, else VOSSWITCH_CONFIG, else etc/vosswitch.toml.  Exit codes: 0 done, 1 error,
    2 usage, 3 switch not running.
    """
    ctx.ensure_object(State)


def main(arguments: list[str] | None = None) -> None:
    """The console script; ends the process."""
    cli.main(arguments, prog_name="vosswitch")
