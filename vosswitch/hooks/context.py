"""What a plugin is given at start: the one argument of its ``make_plugin``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class NotConfigured(Exception):
    """Raised by ``make_plugin``: this plugin has nothing to do here and stays off; its text says why."""


class Log(Protocol):
    """The part of Twisted's ``Logger`` that plugins may use: a format with ``{fields}``, and the fields."""

    def debug(self, format: str | None = None, **fields: object) -> None:  # noqa: A002 - Twisted's own name
        """Something for a developer."""

    def info(self, format: str | None = None, **fields: object) -> None:  # noqa: A002 - Twisted's own name
        """Something worth knowing."""

    def warn(self, format: str | None = None, **fields: object) -> None:  # noqa: A002 - Twisted's own name
        """Something an operator should look at."""

    def error(self, format: str | None = None, **fields: object) -> None:  # noqa: A002 - Twisted's own name
        """Something that went wrong."""


@dataclass(frozen=True, slots=True)
class PluginContext:
    """The services that a plugin may use; each plugin gets its own copy.

    :ivar parameter: the effective value of a system parameter by name, already of its declared type.  Ask when the
        value is needed, not in ``make_plugin``: parameters change while the switch runs.  Unknown name: `KeyError`.
    :ivar wall: the wall clock, epoch seconds: for stamps.
    :ivar monotonic: the monotonic clock, seconds: for durations.
    :ivar log: a logger.
    :ivar http_client: makes the HTTP client (offers treq's ``get``, ``post``, ``request``) when first asked.
    :ivar name: the plugin's name.
    :ivar folder: the plugin's folder for its own files; "" for one installed as a distribution.
    """

    parameter: Callable[[str], Any]
    wall: Callable[[], float]
    monotonic: Callable[[], float]
    log: Log
    http_client: Callable[[], Any]
    name: str = ""
    folder: str = ""

    @property
    def http(self) -> Any:
        """The HTTP client; its answers are Deferreds, so it has no place in a per-call hook."""
        return self.http_client()

    def named(self, name: str, folder: str) -> PluginContext:
        """The copy for one plugin."""
        return replace(self, name=name, folder=folder)
