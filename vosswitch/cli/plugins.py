"""``vosswitch plugins``, and the plugins as commands see them."""

from __future__ import annotations

import logging
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from vosswitch.cli.output import show
from vosswitch.cli.state import State, common, note
from vosswitch.control.client import NotRunning
from vosswitch.control.operations import PLUGINS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vosswitch.hooks.manager import Loaded
    from vosswitch.params.boot import Boot


class _Log:
    """Twisted's way of logging onto the standard library's: a command starts no Twisted."""

    def __init__(self) -> None:
        self._logger = logging.getLogger("vosswitch.plugins")

    def _at(self, level: int, text: str | None, fields: dict[str, object]) -> None:
        self._logger.log(level, "%s", (text or "").format_map(fields))

    def debug(self, format: str | None = None, **fields: object) -> None:  # noqa: A002 - Twisted's own name
        self._at(logging.DEBUG, format, fields)

    def info(self, format: str | None = None, **fields: object) -> None:  # noqa: A002 - Twisted's own name
        self._at(logging.INFO, format, fields)

    def warn(self, format: str | None = None, **fields: object) -> None:  # noqa: A002 - Twisted's own name
        self._at(logging.WARNING, format, fields)

    def error(self, format: str | None = None, **fields: object) -> None:  # noqa: A002 - Twisted's own name
        self._at(logging.ERROR, format, fields)


def loaded(boot: Boot) -> Loaded:
    """The plugins of a configuration, loaded into this process; parameters have their defaults in it.

    :raises vosswitch.hooks.manager.PluginError: one of them cannot be used.
    """
    from vosswitch.call.builtins import builtins  # noqa: PLC0415 - only what a command needs is imported
    from vosswitch.hooks.context import PluginContext  # noqa: PLC0415
    from vosswitch.hooks.manager import load  # noqa: PLC0415
    from vosswitch.params.system import Parameters  # noqa: PLC0415

    context = PluginContext(Parameters().__getitem__, time.time, time.monotonic, _Log(), _no_http)
    return load(boot.plugin_path, boot.plugins_disabled, builtins(), context)


def _no_http() -> Any:
    raise RuntimeError("there is no HTTP client in a command")


@click.group()
def plugins() -> None:
    """What plugins add to the switch."""


@plugins.command("list")
@common
@click.pass_obj
def list_(state: State) -> None:
    """The plugins and what they provide."""
    rows: Iterable[dict[str, Any]]
    try:
        rows = state.client().call(PLUGINS.name)
    except NotRunning:
        note("switch not running: these are what it would load")
        rows = [{**asdict(row), "reason": row.reason or None} for row in state.plugins.listing()]
    show(state, rows, PLUGINS.result, ("plugin", "state", "reason", "provides", "source", "failures"), "no plugins")
