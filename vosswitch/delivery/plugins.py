"""Plugins as the processes see them that only want their sinks."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from vosswitch.hooks.context import PluginContext
from vosswitch.hooks.manager import Loaded, load

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vosswitch.params.boot import Boot

_log = logging.getLogger(__name__)


def load_plugins(boot: Boot, parameter: Callable[[str], Any], builtins: Mapping[str, object]) -> Loaded:
    """The plugins that the configuration names, for this process.

    :param parameter: the effective value of a system parameter.
    :param builtins: our own.
    :raises vosswitch.hooks.manager.PluginError: a plugin cannot be used.
    """
    context = PluginContext(
        parameter=parameter,
        wall=time.time,
        monotonic=time.monotonic,
        log=_Log(),
        http_client=_no_client,
    )
    return load(boot.plugin_path, boot.plugins_disabled, builtins, context)


def _no_client() -> Any:
    raise RuntimeError("there is no HTTP client in the recorder and its sinks: they have no reactor")


class _Log:
    """The plugins' logger of this process: lines on standard error, which the switch takes into its log."""

    def debug(self, format: str | None = None, **fields: object) -> None:  # noqa: A002 - as Twisted's
        _log.debug("%s", (format or "").format(**fields))

    def info(self, format: str | None = None, **fields: object) -> None:  # noqa: A002
        _log.info("%s", (format or "").format(**fields))

    def warn(self, format: str | None = None, **fields: object) -> None:  # noqa: A002
        _log.warning("%s", (format or "").format(**fields))

    def error(self, format: str | None = None, **fields: object) -> None:  # noqa: A002
        _log.error("%s", (format or "").format(**fields))
