"""What the commands of one invocation share: the options, the configuration, the database, the running switch."""

from __future__ import annotations

import getpass
import os
from typing import IO, TYPE_CHECKING, Any, TypeVar

import click

from vosswitch.control.client import ControlClient, NotRunning
from vosswitch.control.protocol import ControlError

if TYPE_CHECKING:
    from collections.abc import Callable
    from zoneinfo import ZoneInfo

    from vosswitch.hooks.manager import Loaded
    from vosswitch.params.boot import Boot
    from vosswitch.store.database import Database
    from vosswitch.store.fields import Deployment

LIVE_WITHIN = 10.0
"""Seconds that a changing command waits for the running switch."""

_Command = TypeVar("_Command", bound="Callable[..., Any] | click.Command")


class Failed(click.ClickException):
    """The command could not do what was asked; exit code 1."""

    def show(self, file: IO[str] | None = None) -> None:
        """The message on stderr."""
        click.echo(f"vosswitch: {self.format_message()}", file=file, err=file is None)


class State:
    """One invocation of the command.

    :ivar config: the option's text, None when it was not given.
    :ivar format: ``table`` or ``json``.
    :param connect: makes the control client of a socket path and a timeout.
    """

    __slots__ = ("_boot", "_connect", "_database", "_plugins", "config", "format")

    def __init__(self, connect: Callable[[str, float], ControlClient] = ControlClient) -> None:
        self.config: str | None = None
        self.format = "table"
        self._connect = connect
        self._boot: Boot | None = None
        self._database: Database | None = None
        self._plugins: Loaded | None = None

    @property
    def boot(self) -> Boot:
        """The configuration file.

        :raises vosswitch.params.boot.BadSetting: it cannot be used.
        """
        if self._boot is None:
            from vosswitch.params.files import load  # noqa: PLC0415 - only what a command needs is imported

            self._boot = load(self.config)
        return self._boot

    @property
    def zone(self) -> ZoneInfo:
        """The deployment's time zone."""
        from zoneinfo import ZoneInfo  # noqa: PLC0415 - only what a command needs is imported

        return ZoneInfo(self.boot.timezone)

    @property
    def database(self) -> Database:
        """The database, with its schema checked.

        :raises Failed: it cannot be opened, or its schema does not fit this version.
        """
        if self._database is None:
            from vosswitch.store.database import open_database  # noqa: PLC0415 - SQLAlchemy takes its time
            from vosswitch.store.revision import check  # noqa: PLC0415

            trouble = check(self.boot.database_url)
            if trouble is not None:
                raise Failed(trouble)
            self._database = open_database(self.boot.database_url)
            click.get_current_context().find_root().call_on_close(self._database.close)
        return self._database

    @property
    def plugins(self) -> Loaded:
        """The plugins, loaded into this process.

        :raises vosswitch.hooks.manager.PluginError: one of them cannot be used.
        """
        if self._plugins is None:
            from vosswitch.cli.plugins import loaded  # noqa: PLC0415 - only what a command needs is imported

            self._plugins = loaded(self.boot)
        return self._plugins

    @property
    def deployment(self) -> Deployment:
        """What reading provisioning depends on."""
        from vosswitch.params.system import DECLARED  # noqa: PLC0415 - only what a command needs is imported
        from vosswitch.store.fields import Deployment  # noqa: PLC0415
        from vosswitch.store.secrets import Secrets  # noqa: PLC0415

        plugins = self.plugins
        names = {
            "billing_mode": frozenset(plugins.billing_modes),
            "routing_strategies": frozenset(plugins.routing_strategies),
            "blacklists": frozenset(plugins.blacklists),
            "number_transforms": frozenset(plugins.number_transforms),
            "number_queries": frozenset(plugins.number_queries),
        }
        registry = DECLARED.with_more(plugins.parameters.values())
        return Deployment(self.boot.realm, Secrets(self.boot.key_file), self.zone, registry, names)

    def client(self, timeout: float = 15.0) -> ControlClient:
        """A client of the node's control socket; it is closed when the command ends."""
        client = self._connect(self.boot.control_socket, timeout)
        click.get_current_context().find_root().call_on_close(client.close)
        return client

    def make_live(self, seq: int | None) -> None:
        """Have the running switch apply a change that has been committed; says so on stderr when it is not live.

        :param seq: the change's number; None = nothing changed.
        """
        if seq is None:
            return
        try:
            applied = self.client(LIVE_WITHIN).call("apply", seq=seq)["seq"]
        except NotRunning:
            note("switch not running: takes effect at its start")
        except ControlError as error:
            note("stored, not yet live" if error.code == "timeout" else f"stored, not yet live: {error}")
        else:
            if applied < seq:
                note("stored, not yet live")


def note(text: str) -> None:
    """A message for people, on stderr."""
    click.echo(text, err=True)


def who() -> str:
    """The person at the keyboard, for the change log."""
    if os.environ.get("SUDO_USER"):
        return os.environ["SUDO_USER"]
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _keep(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    if value is not None and param.name is not None:
        setattr(ctx.ensure_object(State), param.name, value)


def common(command: _Command) -> _Command:
    """The options that every command takes, before or after its name."""
    command = click.option(
        "--format",
        type=click.Choice(["table", "json"]),
        callback=_keep,
        expose_value=False,
        help="table for people, json for programs (one array).",
    )(command)
    return click.option("--config", metavar="FILE", callback=_keep, expose_value=False, help="The configuration file.")(
        command
    )
