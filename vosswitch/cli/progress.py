"""A bar on a terminal's stderr, with the pace and the time left; nothing elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_WIDTH = 30
_EVERY = 0.2
"""Seconds between two drawings."""


def bar(total: int, what: str, clock: Callable[[], float] = time.monotonic) -> Callable[[int], None]:
    """A function that is told how many of *total* are done."""
    if not sys.stderr.isatty():
        return lambda done: None
    begun = clock()
    drawn = -_EVERY

    def draw(done: int) -> None:
        nonlocal drawn
        passed = clock() - begun
        if passed - drawn < _EVERY and done < total:
            return
        drawn = passed
        sys.stderr.write(f"\r{bar_text(done, total, passed, what)}\x1b[K")
        if done >= total:
            sys.stderr.write("\n")
        sys.stderr.flush()

    return draw


def bar_text(done: int, total: int, passed: float, what: str) -> str:
    """The bar: ``[####......] 400/1000 calls, 5200/s, 0:12 left``."""
    filled = _WIDTH * done // max(total, 1)
    pace = done / passed if passed > 0 else 0.0
    left = f", {clock_text((total - done) / pace)} left" if pace > 0 and done < total else ""
    return f"[{'#' * filled}{'.' * (_WIDTH - filled)}] {done}/{total} {what}, {pace:.0f}/s{left}"


def clock_text(seconds: float) -> str:
    """Hours, minutes and seconds: ``0:12``, ``1:02:03``."""
    minutes, rest = divmod(int(seconds + 0.5), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
