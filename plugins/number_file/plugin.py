"""Blacklist ``number-file``: numbers that may neither call nor be called, one per line in a file.

The file is ``numbers.txt`` in this folder: a number, or a prefix with ``*`` behind it; ``#`` begins a comment.  Without
the file the plugin stays off.  It is read at start.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from zope.interface import implementer

from vosswitch.hooks import NotConfigured, hookimpl
from vosswitch.hooks.interfaces import IBlacklist
from vosswitch.model.call import Reject

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vosswitch.hooks import PluginContext
    from vosswitch.model.call import CallAttempt


def read(text: str) -> list[str]:
    """The entries of a file."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [line for line in lines if line]


@implementer(IBlacklist)
class NumberFile:
    """The list; name it in a mapping gateway's ``blacklists``."""

    name = "number-file"

    def __init__(self, entries: Iterable[str]) -> None:
        entries = tuple(entries)
        self._exact = frozenset(entry for entry in entries if not entry.endswith("*"))
        self._prefixes = tuple(entry[:-1] for entry in entries if entry.endswith("*"))

    def screen(self, attempt: CallAttempt) -> Reject | None:
        """Refuse a listed caller or callee."""
        for number in (attempt.caller, attempt.callee):
            if number in self._exact or (number and number.startswith(self._prefixes)):
                return Reject("blacklisted", f"{number} is in numbers.txt")
        return None


class Plugin:
    """What the switch registers."""

    def __init__(self, entries: Iterable[str]) -> None:
        self._list = NumberFile(entries)

    @hookimpl
    def blacklists(self) -> list[NumberFile]:
        """The one list."""
        return [self._list]


def make_plugin(context: PluginContext) -> Plugin:
    """Called once at start."""
    path = Path(context.folder) / "numbers.txt"
    if not path.exists():
        raise NotConfigured(f"{path} does not exist")
    return Plugin(read(path.read_text(encoding="utf-8")))
