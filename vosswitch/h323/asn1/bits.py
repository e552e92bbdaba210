"""Bits of a message in aligned PER (X.691 clause 11): read from octets, and put together to octets."""

from __future__ import annotations

LONG_FORM = 16_384
"""From here on a length is in fragments (X.691 11.9.3.8), which no message that we take is long enough for."""


class TooMuch(Exception):
    """The message has too many parts."""


class Reader:
    """The bits of *data*, from the first on.

    :ivar at: the next one.
    :ivar end: how many there are.
    :ivar budget: one number, shared with the readers of what is inside: parts that the message may still have.
    """

    __slots__ = ("at", "budget", "data", "end")

    def __init__(self, data: bytes, budget: list[int]) -> None:
        self.data = data
        self.at = 0
        self.end = len(data) * 8
        self.budget = budget

    def bit(self) -> int:
        """The next one."""
        at = self.at
        if at >= self.end:
            raise _too_short()
        self.at = at + 1
        return self.data[at >> 3] >> (~at & 7) & 1

    def bits(self, count: int) -> int:
        """The next so many as a number."""
        begin = self.at
        self.at = end = begin + count
        if end > self.end:
            raise _too_short()
        return int.from_bytes(self.data[begin >> 3 : end + 7 >> 3]) >> (-end & 7) & (1 << count) - 1

    def align(self) -> None:
        """Pass over the rest of an octet."""
        self.at = self.at + 7 & ~7

    def octets(self, count: int) -> bytes:
        """So many, from the next whole one on."""
        begin = self.at + 7 >> 3
        end = begin + count
        self.at = end << 3
        if self.at > self.end:
            raise _too_short()
        return self.data[begin:end]

    def length(self) -> int:
        """A length without bounds (X.691 11.9.3.5-11.9.3.8)."""
        self.align()
        first = self.bits(8)
        if first < 0x80:
            return first
        if first & 0x40:
            raise ValueError(f"expected a length below {LONG_FORM}")
        return (first & 0x3F) << 8 | self.bits(8)

    def small(self) -> int:
        """A number that is small as a rule (X.691 11.6)."""
        if not self.bit():
            return self.bits(6)
        return int.from_bytes(self.octets(self.length()))

    def content(self) -> bytes:
        """What an open type holds (X.691 11.2)."""
        return self.octets(self.length())

    def spend(self, parts: int) -> None:
        """So many parts more.

        :raises TooMuch: the message has too many.
        """
        self.budget[0] -= parts
        if self.budget[0] < 0:
            raise TooMuch("the message has too many parts")


def _too_short() -> ValueError:
    return ValueError("it ends too early")


class Writer:
    """Puts bits together."""

    __slots__ = ("_count", "_octets", "_value")

    def __init__(self) -> None:
        self._octets = bytearray()
        self._value = self._count = 0  # what does not fill whole octets yet, or does not have to

    def bits(self, value: int, count: int) -> None:
        """Put a number in so many."""
        self._value = self._value << count | value
        self._count += count

    def align(self) -> None:
        """Fill the octet up."""
        count = self._count
        if count:
            size = count + 7 >> 3
            self._octets += (self._value << (-count & 7)).to_bytes(size)
            self._value = self._count = 0

    def octets(self, data: bytes) -> None:
        """Put octets, from the next whole one on."""
        if self._count:
            self.align()
        self._octets += data

    def length(self, count: int) -> None:
        """Put a length without bounds.

        :raises ValueError: it needs fragments.
        """
        if count < 0x80:
            self.octets(bytes((count,)))
        elif count < LONG_FORM:
            self.octets((0x8000 | count).to_bytes(2))
        else:
            raise ValueError(f"expected a length below {LONG_FORM}, got {count}")

    def small(self, value: int) -> None:
        """Put a number that is small as a rule."""
        if value < 64:
            self.bits(value, 7)
        else:
            self.bits(1, 1)
            self.content(value.to_bytes((value.bit_length() + 7) // 8))

    def content(self, data: bytes) -> None:
        """Put what an open type holds."""
        self.length(len(data))
        self._octets += data

    def done(self) -> bytes:
        """All of it: one octet at least (X.691 11.1.3)."""
        self.align()
        return bytes(self._octets) or b"\0"
