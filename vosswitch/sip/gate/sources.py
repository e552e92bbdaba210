"""How many new requests each source may send: a bucket of tokens per address, per /64 network of IPv6."""

from __future__ import annotations

from vosswitch.model.source import source_key

MOST_SOURCES = 50_000
"""Sources that are remembered; beyond, the one that has been silent for longest is forgotten, with a full bucket."""


class SourceRates:
    """The buckets."""

    __slots__ = ("_buckets",)

    def __init__(self) -> None:
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, host: str, rate: int, now: float) -> bool:
        """Whether one more request of *host* fits *rate* per second; a second's worth may come at once."""
        source = source_key(host)
        tokens, since = self._buckets.pop(source, (float(rate), now))
        tokens = min(float(rate), tokens + (now - since) * rate)
        fits = tokens >= 1.0
        self._buckets[source] = (tokens - 1.0 if fits else tokens, now)
        if len(self._buckets) > MOST_SOURCES:
            del self._buckets[next(iter(self._buckets))]
        return fits
