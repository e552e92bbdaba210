"""How fast requests and responses are repeated, and when they are given up (RFC 3261 section 17)."""

from __future__ import annotations


class Pace:
    """T1, T2, T4 and the retransmission intervals (SS_SIP_RESEND_INTERVAL), seconds.

    :param intervals: waits behind the first, second, ... transmission of a request; after the last it has failed.
    """

    __slots__ = ("accepted", "intervals", "t1", "t2", "t4", "total")

    def __init__(self, intervals: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0)) -> None:
        self.intervals = intervals or (0.5,)
        self.t1 = self.intervals[0]
        self.t2 = max(self.intervals)
        self.t4 = 5.0
        self.total = sum(self.intervals)
        self.accepted = 64 * self.t1

    def doubled(self, times: int) -> float:
        """T1 doubled *times* times, at most T2: the waits of responses."""
        return min(self.t1 * (1 << min(times, 16)), self.t2)
