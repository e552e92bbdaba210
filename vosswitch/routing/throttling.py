"""Gateways whose calls fail too often rest for a while (`vosswitch.routing.conduct.Throttle`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vosswitch.routing.quality import Window

if TYPE_CHECKING:
    from collections.abc import Container

    from vosswitch.routing.conduct import Throttle

_SEGMENTS = 10


class Throttling:
    """The failures of this node's gateways that have a `Throttle`; times are monotonic seconds."""

    __slots__ = ("_windows",)

    def __init__(self) -> None:
        self._windows: dict[str, Window] = {}

    def attempt(self, gateway: str, throttle: Throttle, failed: bool, now: float) -> str:
        """Count an attempt; why the gateway has to rest now, in the words of the operator, "" = it goes on."""
        window = self._windows.get(gateway)
        if window is None:
            window = self._windows[gateway] = Window(throttle.window, _SEGMENTS)
        window.fit(throttle.window, _SEGMENTS)
        window.add(now, failed, 1)
        if not failed:
            return ""
        rows = window.segments(now)
        failures, attempts = sum([row[0] for row in rows]), sum([row[1] for row in rows])
        if attempts < throttle.attempts or 100 * failures < throttle.share * attempts:
            return ""
        del self._windows[gateway]  # afterwards it begins anew
        return f"throttled: {failures} of {attempts} attempts failed within {throttle.window} s"

    def failures(self, gateway: str, now: float) -> tuple[int, int]:
        """Failed and all attempts of the window."""
        window = self._windows.get(gateway)
        rows = window.segments(now) if window is not None else []
        return sum([row[0] for row in rows]), sum([row[1] for row in rows])

    def keep(self, names: Container[str]) -> None:
        """Forget gateways that are configured no more."""
        for name in [name for name in self._windows if name not in names]:
            del self._windows[name]
