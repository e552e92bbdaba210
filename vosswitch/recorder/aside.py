"""What lies in the spool for people to look at: told until somebody has taken it away."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

REFUSED = "refused.jsonl"
"""Calls that the database refuses for good, a line of JSON each."""


class Aside:
    """Looks now and then.

    :param say: told one line when it is another than before, "" when nothing is there.
    """

    def __init__(self, spool: Path, say: Callable[[str], None]) -> None:
        self._spool = spool
        self._say = say
        self._size = self._count = 0
        self._told: str | None = None

    def look(self) -> None:
        """See what is there; a folder that cannot be read says nothing new."""
        try:
            text = "; ".join(filter(None, (self._refused(), self._damaged())))
        except OSError:
            return
        if text != self._told:
            self._told = text
            self._say(text)

    def _refused(self) -> str:
        path = self._spool / REFUSED
        if not path.exists():
            return ""
        size = path.stat().st_size
        if size != self._size:
            with path.open("rb") as file:
                self._size, self._count = size, sum(1 for _ in file)
        return f"{self._count} calls that the database refuses are kept in {path}"

    def _damaged(self) -> str:
        found = sum(1 for _ in self._spool.glob("*.damaged"))
        return f"{found} unreadable parts of the journal are kept in {self._spool}/*.damaged" if found else ""
