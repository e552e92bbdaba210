"""New calls that are turned away from their head alone, and those to emergency numbers, which are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vosswitch.h323 import q931
from vosswitch.h323.elements import read_party
from vosswitch.h323.h225 import ReleaseComplete, write

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vosswitch.h323.messages import Setup
    from vosswitch.h323.transport.incoming import IncomingLine

TEMPORARY_FAILURE, CONGESTION, RESOURCES, NO_SUCH_CALL = 41, 42, 47, 81
"""Q.850 causes of refusals."""


class EmergencyNumbers:
    """The numbers of number groups that are marked so, as far as the process knows them.

    :param entries: whole numbers, and ranges such as ``110-119``, of numbers that are equally long.
    """

    __slots__ = ("_ranges", "_whole")

    def __init__(self, entries: Sequence[str] = ()) -> None:
        self._whole = frozenset(one for one in entries if "-" not in one)
        self._ranges = [(low, high) for low, _, high in (one.partition("-") for one in entries) if high]

    def called_by(self, data: bytes) -> bool:
        """Whether the Called Party Number of a Setup is one; nothing of ASN.1 is read."""
        if not self._whole and not self._ranges:
            return False
        try:
            message = q931.decode(data)
        except q931.BadMessage:
            return False
        number = read_party(message.element(q931.CALLED)).number
        return message.kind == q931.SETUP and bool(number) and self._has(number)

    def _has(self, number: str) -> bool:
        if number in self._whole:
            return True
        return any(len(number) == len(low) and low <= number <= high for low, high in self._ranges)


def refuse(line: IncomingLine, data: bytes, q850: int = CONGESTION, reason: str = "") -> None:
    """Turn a Setup away from its head alone: nothing of ASN.1 is read, and little written."""
    try:
        head = q931.decode(data)
    except q931.BadMessage:
        line.abort()
        return
    if head.kind == q931.SETUP:
        release(line, head, q850, reason)
    line.close()


def release(line: IncomingLine, setup: Setup | q931.Message, q850: int, reason: str = "") -> None:
    """Turn a call away before there is a leg."""
    line.send(write(ReleaseComplete(reference=setup.reference, cause=q850, reason=reason), from_destination=True))
    line.close()
