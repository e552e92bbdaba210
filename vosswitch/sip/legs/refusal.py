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


_OF_THE_LEG = frozenset({401, 407, 420, 421, 422})


def of_change(status: int) -> int:
    """What a peer whose change of the session the far side has refused with *status* is told.

    Redirections, challenges and refusals of extensions were between the far side and us.
    """
    return status if 400 <= status < 700 and status not in _OF_THE_LEG else 488
