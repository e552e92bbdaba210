"""A refusal on its way to the peer."""

from __future__ import annotations


class Refused(Exception):
    """A request gets this final response.

    :ivar lines: header lines, each ended by CRLF.
    """

    def __init__(self, status: int, lines: str = "", reason: str = "") -> None:
        super().__init__(status)
        self.status = status
        self.lines = lines
        self.reason = reason
