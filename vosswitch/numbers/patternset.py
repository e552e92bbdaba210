"""Many number patterns asked at once, in time that depends on the number's length alone.

The patterns are those of `vosswitch.numbers.pattern`.  All of a set run side by side as the bits of one whole number
(extended shift-and; Navarro and Raffinot, Flexible Pattern Matching in Strings, chapter 4): each alternative of a
pattern has one bit more than it has characters, and bit *n* stands for "its first *n* characters are matched".  There
is nothing to go back to, whatever is written or dialled.  States that were met are remembered (a lazy automaton of
bounded size), so a number like the ones before it costs a look-up for each of its characters.
"""

from __future__ import annotations

import re
import string
from typing import TYPE_CHECKING, NamedTuple

from vosswitch.numbers.pattern import read_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_ALTERNATIVES = 50
"""Ways to read one pattern side by side; a pattern with more is asked by itself."""

MOST_STATES, MOST_BYTES = 4096, 4_000_000
"""What one set remembers of states, in number and roughly in bytes; then it begins anew."""

MOST_FOLLOWING = 32
"""Characters whose next state a state remembers: more than telephones have."""

_DIGITS = frozenset(string.digits)
_PIECE = re.compile(r"\\.|\[[^]]*\]|[^\\]")
_TIMES = re.compile(r"[?*+]|\{([0-9]*)(,?)([0-9]*)\}", re.ASCII)


class Token(NamedTuple):
    """One character of an alternative.

    :ivar fits: the characters that fit there, or with *other* those that do not.
    :ivar skipped: it may be missing; *again*: it may stand there more than once.
    """

    fits: frozenset[str]
    other: bool = False
    skipped: bool = False
    again: bool = False


class _Bits:
    """Bits on their way to a whole number; setting one costs the same however many there are."""

    __slots__ = ("_bytes",)

    def __init__(self) -> None:
        self._bytes = bytearray()

    def set(self, bit: int) -> None:
        place = bit >> 3
        if place >= len(self._bytes):
            self._bytes.extend(bytes(place + 1 - len(self._bytes)))
        self._bytes[place] |= 1 << (bit & 7)

    @property
    def number(self) -> int:
        return int.from_bytes(self._bytes, "little")


class _State:
    """What may be matched so far.

    :ivar text: the first pattern that is matched now; None = there is none.
    :ivar after: the states after one more character, as far as they were met; None = nothing can be matched any more.
    """

    __slots__ = ("after", "bits", "text")

    def __init__(self, bits: int, text: str | None) -> None:
        self.bits = bits
        self.text = text
        self.after: dict[str, _State | None] = {}


class PatternSet:
    """Patterns that `read_pattern` has passed, immutable; finds one that a number matches, the first one usually.

    Only patterns with very many alternatives are asked one by one, after the others.
    """

    __slots__ = (
        "_block",
        "_block_ends",
        "_block_starts",
        "_end",
        "_ends",
        "_first",
        "_loops",
        "_most",
        "_single",
        "_states",
        "_steps",
    )

    def __init__(self, patterns: Iterable[str]) -> None:
        rows: list[tuple[str, tuple[Token, ...]]] = []
        single = []
        for text in patterns:
            ways = alternatives(text)
            if ways is None:
                single.append((text, read_pattern(text)))
            else:
                rows.extend((text, way) for way in ways)
        self._single = tuple(single)
        self._lay_out(rows)

    def _lay_out(self, rows: list[tuple[str, tuple[Token, ...]]]) -> None:
        start, end = _Bits(), _Bits()
        self._ends: dict[int, str] = {}
        places: dict[Token, list[int]] = {}
        bit = 0
        for text, tokens in rows:
            start.set(bit)
            for token in tokens:
                bit += 1
                places.setdefault(token, []).append(bit)
            end.set(bit)
            self._ends[bit] = text
            bit += 1
        self._end = end.number
        self._lay_steps(places)
        self._lay_blocks([bit for token, bits in places.items() if token.skipped for bit in bits])
        self._first = self._state(self._skip(start.number))
        self._states: dict[int, _State] = {}
        self._most = max(64, min(MOST_STATES, MOST_BYTES // (bit // 8 + 500)))

    def _lay_steps(self, places: dict[Token, list[int]]) -> None:
        """Per character the bits that it leads to, and those that it stays at; "" = every other character."""
        alphabet = {"", *(character for token in places for character in token.fits)}
        steps = {character: (_Bits(), _Bits()) for character in alphabet}
        for token, bits in places.items():
            for character in alphabet - token.fits if token.other else token.fits:
                forward, stay = steps[character]
                for bit in bits:
                    forward.set(bit)
                    if token.again:
                        stay.set(bit)
        self._steps = {character: (forward.number, stay.number) for character, (forward, stay) in steps.items()}
        self._loops = self._steps.pop("")

    def _lay_blocks(self, skipped: list[int]) -> None:
        """Runs of characters that may be missing: where one begins, all of it, and where it ends."""
        block, starts, ends = _Bits(), _Bits(), _Bits()
        known = set(skipped)
        for bit in skipped:
            block.set(bit)
            if bit - 1 not in known:
                starts.set(bit - 1)
            if bit + 1 not in known:
                ends.set(bit)
        self._block, self._block_starts, self._block_ends = block.number, starts.number, ends.number

    def _skip(self, now: int) -> int:
        """What is reached besides over characters that may be missing: in each run all above the lowest bit."""
        reached = now | self._block_ends
        return now | (self._block & (~(reached - self._block_starts) ^ reached))

    def __bool__(self) -> bool:
        return bool(self._ends or self._single)

    def match(self, number: str) -> str | None:
        """A pattern that all of *number* matches; None = there is none."""
        state: _State | None = self._first
        for character in number:
            following = state.after  # type: ignore[union-attr]
            state = following[character] if character in following else self._go(state, character)  # type: ignore[arg-type]
            if state is None:
                break
        if state is not None and state.text is not None:
            return state.text
        return next((text for text, pattern in self._single if pattern.fullmatch(number)), None)

    def _go(self, state: _State, character: str) -> _State | None:
        """The state after one more character, worked out and remembered."""
        forward, stay = self._steps.get(character, self._loops)
        bits = (state.bits << 1 & forward) | (state.bits & stay)
        if bits and self._block:
            bits = self._skip(bits)
        if len(self._states) >= self._most:
            self._states.clear()
            self._first.after.clear()
        found = None
        if bits:
            found = self._states.get(bits) or self._states.setdefault(bits, self._state(bits))
        if len(state.after) < MOST_FOLLOWING:
            state.after[character] = found
        return found

    def _state(self, bits: int) -> _State:
        hit = bits & self._end
        return _State(bits, self._ends[(hit & -hit).bit_length() - 1] if hit else None)


def alternatives(text: str) -> list[tuple[Token, ...]] | None:
    """The ways to read a pattern that `read_pattern` takes, each without alternatives; None = too many of them."""
    reading = _Reading(text.removeprefix("^").removesuffix("$"))
    try:
        return reading.choice()
    except OverflowError:
        return None


class _Reading:
    """Takes a pattern apart that has been checked before."""

    __slots__ = ("at", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def choice(self) -> list[tuple[Token, ...]]:
        found = self.row()
        while self.text[self.at : self.at + 1] == "|":
            self.at += 1
            found += self.row()
        if len(found) > MOST_ALTERNATIVES:
            raise OverflowError
        return found

    def row(self) -> list[tuple[Token, ...]]:
        ways: list[tuple[Token, ...]] = [()]
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            more = self.piece()
            if len(ways) * len(more) > MOST_ALTERNATIVES:
                raise OverflowError
            ways = [way + rest for way in ways for rest in more]
        return ways

    def piece(self) -> list[tuple[Token, ...]]:
        if self.text[self.at] == "(":
            self.at += 1
            found = self.choice()
            self.at += 1
            return found
        piece = _PIECE.match(self.text, self.at)
        assert piece is not None
        self.at = piece.end()
        times = _TIMES.match(self.text, self.at)
        if times is None:
            return [(_token(piece[0]),)]
        self.at = times.end()
        return [_repeated(_token(piece[0]), times)]


def _repeated(token: Token, times: re.Match[str]) -> tuple[Token, ...]:
    low, comma, high = times.groups()
    if low is None:
        return (token._replace(skipped=times[0] in "?*", again=times[0] in "*+"),)
    least = int(low or 0)
    if not comma:
        return (token,) * least
    if high:
        return (token,) * least + (token._replace(skipped=True),) * (int(high) - least)
    return (token,) * least + (token._replace(skipped=True, again=True),)


def _token(piece: str) -> Token:
    if piece == ".":
        return Token(frozenset(), other=True)
    if piece == "\\d":
        return Token(_DIGITS)
    if piece[0] == "\\":
        return Token(frozenset(piece[1]))
    if piece[0] != "[":
        return Token(frozenset(piece))
    other = piece[1] == "^"
    return Token(_class(piece[2:-1] if other else piece[1:-1]), other)


def _class(text: str) -> frozenset[str]:
    """The characters between brackets; a ``-`` at either end is one of them."""
    found: set[str] = set()
    at = 0
    while at < len(text):
        last = at + 2 if text[at + 1 : at + 2] == "-" and at + 2 < len(text) else at
        found.update(map(chr, range(ord(text[at]), ord(text[last]) + 1)))
        at = last + 1
    return frozenset(found)
