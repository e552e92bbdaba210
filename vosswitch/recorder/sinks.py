"""Where else finished calls go: the CDR sinks of plugins, fed after each commit."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from vosswitch.hooks.context import PluginContext
from vosswitch.hooks.manager import Loaded, load

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from vosswitch.params.boot import Boot

_log = logging.getLogger(__name__)


class Sinks:
    """The sinks by name.

    :param on_failure: told the name and the exception of a sink that failed; the others get their records all the same.
    """

    def __init__(self, sinks: Mapping[str, Any], on_failure: Callable[[str, Exception], None]) -> None:
        self._sinks = dict(sinks)
        self._on_failure = on_failure

    def write(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Give a committed batch to every sink."""
        for name, sink in self._sinks.items():
            try:
                sink.write(records)
            except Exception as error:  # noqa: BLE001 - whatever a plugin raises must not stop the recorder
                self._on_failure(name, error)


def load_plugins(boot: Boot, parameter: Callable[[str], Any]) -> Loaded:
    """The plugins that the configuration names, for this process.

    :param parameter: the effective value of a system parameter.
    :raises vosswitch.hooks.manager.PluginError: a plugin cannot be used.
    """
    context = PluginContext(
        parameter=parameter,
        wall=time.time,
        monotonic=time.monotonic,
        log=_Log(),
        http_client=_no_client,
    )
    return load(boot.plugin_path, boot.plugins_disabled, {}, context)


def report(name: str, error: Exception) -> None:
    """Log that a sink failed."""
    _log.error("CDR sink %s: %s: %s", name, type(error).__name__, error)


def _no_client() -> Any:
    raise RuntimeError("there is no HTTP client in the recorder process: it has no reactor")


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
