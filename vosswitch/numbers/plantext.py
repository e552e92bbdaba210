"""Reads and writes the text of dial plan rules."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING

from vosswitch.numbers.rule import ANY_DIGIT, REST, SAME_DIGIT, Characters, Rule, Source, Span, Token

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vosswitch.numbers.rule import Alternative

_PLAIN = frozenset(string.digits + string.ascii_letters + "+#")
_OPERATORS = frozenset("LEG")
_ESCAPABLE = frozenset(map(chr, range(33, 127))) - {","}
_LENGTH_DIGITS = 3
_LONGEST_RULE = 256


class BadDialPlan(ValueError):
    """A dial plan that cannot be read.

    :ivar rule: number of the rule, from 1.
    :ivar position: of the character in the rule, from 1.
    :ivar expected: what should stand there.
    """

    def __init__(self, rule: int, text: str, position: int, expected: str) -> None:
        super().__init__(f"rule {rule} ({text}), position {position}: expected {expected}")
        self.rule = rule
        self.position = position
        self.expected = expected


class _Reader:
    """A position in the text of one rule."""

    __slots__ = ("at", "number", "text")

    def __init__(self, number: int, text: str) -> None:
        self.number = number
        self.text = text
        self.at = 0

    @property
    def here(self) -> str:
        """The character at the position; empty at the end."""
        return self.text[self.at : self.at + 1]

    def fail(self, expected: str, at: int | None = None) -> BadDialPlan:
        return BadDialPlan(self.number, self.text, (self.at if at is None else at) + 1, expected)

    def take(self) -> str:
        found = self.here
        self.at += 1
        return found

    def literal(self, expected: str) -> Token:
        """The literal character at the position, escaped or plain."""
        allowed: frozenset[str] = _PLAIN
        if self.here == "\\":
            self.at += 1
            allowed, expected = _ESCAPABLE, "a printable character after the backslash, no comma or blank"
        if self.here not in allowed:
            raise self.fail(expected)
        return Token(self.take())


def read_rule(number: int, text: str) -> tuple[Rule, str]:
    """The rule written as *text*, with a warning (empty: none).

    :param number: of the rule in its plan, for messages.
    :raises BadDialPlan: it cannot be read.
    """
    if len(text) > _LONGEST_RULE:
        raise BadDialPlan(number, text[:40] + "...", _LONGEST_RULE, f"at most {_LONGEST_RULE} characters in a rule")
    reader = _Reader(number, text)
    source = _read_source(reader)
    if reader.take() != ":":
        reader.at -= 1
        raise reader.fail("a colon and the target" if not reader.here else "a colon: nothing may follow the operator")
    alternatives = _read_target(reader, len(source.literal))
    warning = ""
    if not source.operator and source.literal and Characters(()) in alternatives:
        warning = "a number that is just the source becomes empty"
    texts = (_source_text(source), ";".join(map(_alternative_text, alternatives)))
    return Rule(source, alternatives, texts), warning


def _read_source(reader: _Reader) -> Source:
    literal: list[Token] = []
    while reader.here not in ("", ":"):
        if reader.here == "*":
            reader.at += 1
            return Source(tuple(literal), "*")
        if reader.here in _OPERATORS:
            return Source(tuple(literal), reader.take(), _read_length(reader))
        if reader.here == ANY_DIGIT:
            literal.append(Token(reader.take(), special=True))
        else:
            literal.append(reader.literal("a digit, letter, +, #, ?, an operator (*, L, E, G) or a colon"))
    return Source(tuple(literal))


def _read_length(reader: _Reader) -> int:
    start = reader.at
    while reader.here and reader.here in string.digits:
        reader.at += 1
    digits = reader.text[start : reader.at]
    if not 1 <= len(digits) <= _LENGTH_DIGITS:
        raise reader.fail("a number of digits from 0 to 999 (a literal L, E or G is written \\L, \\E, \\G)", start)
    return int(digits)


def _read_target(reader: _Reader, matched: int) -> list[Alternative]:
    alternatives = [_read_alternative(reader, matched)]
    while reader.here:
        reader.at += 1
        alternatives.append(_read_alternative(reader, matched))
    return alternatives


def _read_alternative(reader: _Reader, matched: int) -> Alternative:
    start = reader.at
    tokens: list[Token] = []
    while reader.here not in ("", ";"):
        if reader.here == "-":
            return _read_span(reader, start)
        if reader.here == SAME_DIGIT and len(tokens) >= matched:
            raise reader.fail(f"no $ here: only {matched} characters of the number are matched")
        if reader.here in (ANY_DIGIT, SAME_DIGIT, REST):
            tokens.append(Token(reader.take(), special=True))
        else:
            tokens.append(reader.literal("a digit, letter, +, #, ?, $, *, or ; and another alternative"))
    return Characters(tuple(tokens))


def _read_span(reader: _Reader, start: int) -> Span:
    low = reader.text[start : reader.at]
    if not _digits(low):
        raise reader.fail("digits only before the - of a range (a literal - is written \\-)")
    reader.at += 1
    begin = reader.at
    while reader.here and reader.here in string.digits:
        reader.at += 1
    high = reader.text[begin : reader.at]
    if reader.here not in ("", ";"):
        raise reader.fail("a digit, or ; after the range")
    if len(high) != len(low) or high < low:
        raise reader.fail(f"a number of {len(low)} digits that is not below {low}", begin)
    return Span(int(low), int(high), len(low))


def _digits(text: str) -> bool:
    return bool(text) and all(char in string.digits for char in text)


def _escaped(tokens: Iterable[Token], plain: frozenset[str]) -> str:
    return "".join(token.text if token.special or token.text in plain else "\\" + token.text for token in tokens)


def _source_text(source: Source) -> str:
    count = str(source.count) if source.operator in _OPERATORS else ""
    return _escaped(source.literal, _PLAIN - _OPERATORS) + source.operator + count


def _alternative_text(item: Alternative) -> str:
    if isinstance(item, Span):
        return f"{item.low:0{item.width}d}-{item.high:0{item.width}d}"
    return _escaped(item.tokens, _PLAIN)
