"""Phone cards: where they are dialled (an access number, the PIN, the number to call), and what stands for a PIN."""

from __future__ import annotations

import hmac
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

SHORTEST, LONGEST = 4, 32
"""Digits of a PIN."""

PIN = re.compile(rf"[0-9]{{{SHORTEST},{LONGEST}}}", re.ASCII)
EXPECTED = f"an access number and the length of the PIN ({SHORTEST}-{LONGEST}), such as 0900123:10, or :10 without one"

_ACCESS = re.compile(r"([0-9A-Za-z+#*]{0,32}):([0-9]{1,2})", re.ASCII)
_SEPARATORS = ("*", "#")


class Access(NamedTuple):
    """One way in.

    :ivar number: what its called numbers begin with, "" = the PIN comes first.
    :ivar length: digits of the PIN behind it.
    """

    number: str
    length: int

    def __str__(self) -> str:
        return f"{self.number}:{self.length}"


class Dialled(NamedTuple):
    """A called number that was taken apart.

    :ivar pin: as dialled, "" once it was looked up: it goes no further.
    :ivar callee: the number to call, may be empty.
    :ivar wrong: no card has this PIN.
    """

    access: str
    pin: str
    callee: str
    wrong: bool = False

    @property
    def masked(self) -> str:
        """The called number as it may be shown."""
        return f"{self.access}{'*' * len(self.pin)}{self.callee}"


def read_access(text: str) -> Access:
    """``NUMBER:LENGTH``.

    :raises ValueError: it is not that.
    """
    found = _ACCESS.fullmatch(text)
    if found is None or not SHORTEST <= int(found[2]) <= LONGEST:
        raise ValueError(text)
    return Access(found[1], int(found[2]))


def take_apart(accesses: Iterable[Access], callee: str) -> Dialled | None:
    """The parts of a called number; the longest access number counts.  None: it begins with none of them.

    One ``*`` or ``#`` between PIN and number is dropped.
    """
    fitting = [access for access in accesses if callee.startswith(access.number)]
    if not fitting:
        return None
    number, length = max(fitting, key=lambda access: len(access.number))
    rest = callee[len(number) :]
    pin, called = rest[:length], rest[length:]
    return Dialled(number, pin, called[1:] if called.startswith(_SEPARATORS) else called)


def pin_key(secret: bytes) -> bytes:
    """The key of PINs, out of what the deployment's key file holds."""
    return hmac.digest(secret, b"vosswitch phone card PINs", "sha256")


def keyed(key: bytes, pin: str) -> str:
    """What stands for a PIN: the same text for the same PIN and key, and no way back without the key."""
    return f"keyed:{hmac.digest(key, pin.encode(), 'sha256').hex()}"
