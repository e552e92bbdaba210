"""One rule of a dial plan: what it matches, how it ranks, what it makes of a number."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

ANY_DIGIT = "?"
SAME_DIGIT = "$"
REST = "*"
FOREVER = 1 << 30
"""Longer than any number: the bound of a rule that takes any rest."""

_OPERATOR_RANK = {"E": 0, "L": 1, "G": 2, "*": 3, "": 3}


@dataclass(frozen=True, slots=True)
class Token:
    """One character of a pattern: a literal one, or with *special* one of ``? $ *`` with its meaning."""

    text: str
    special: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """The left side of a rule.

    :ivar literal: the matched part, ``?`` tokens included.
    :ivar operator: ``"E"``, ``"L"``, ``"G"``, ``"*"`` or ``""``.
    :ivar count: the number behind a length operator, 0 otherwise.
    """

    literal: tuple[Token, ...]
    operator: str = ""
    count: int = 0

    @property
    def lead(self) -> str:
        """The literal characters before the first ``?``."""
        found = []
        for token in self.literal:
            if token.special:
                break
            found.append(token.text)
        return "".join(found)

    @property
    def bounds(self) -> tuple[int, int]:
        """Least and most characters that may follow the literal part."""
        count = self.count
        return {"E": (count, count), "L": (0, count), "G": (count + 1, FOREVER)}.get(self.operator, (0, FOREVER))

    @property
    def rank(self) -> tuple[int, int, int, int]:
        """Sorts rules that match the same number, the chosen one first; the rest is decided by the written order."""
        tightest = -self.count if self.operator == "G" else self.count
        return (-len(self.literal), -len(self.lead), _OPERATOR_RANK[self.operator], tightest)

    def tail_pattern(self) -> re.Pattern[str] | None:
        """What has to follow `lead` for the literal part to match; None when the lead is all of it."""
        tail = self.literal[len(self.lead) :]
        if not tail:
            return None
        return re.compile("".join("[0-9]" if token.special else re.escape(token.text) for token in tail))


@dataclass(frozen=True, slots=True)
class Span:
    """An alternative ``a-b``: one of the numbers of *width* digits from *low* to *high*."""

    low: int
    high: int
    width: int

    holds_rest = False

    def build(self, matched: str, rest: str, random: Random) -> str:
        """One of its numbers."""
        return str(random.randint(self.low, self.high)).zfill(self.width)


@dataclass(frozen=True, slots=True)
class Characters:
    """An alternative that is written out character by character."""

    tokens: tuple[Token, ...]

    @property
    def holds_rest(self) -> bool:
        """Whether it says itself where the rest of the number goes."""
        return any(token.special and token.text == REST for token in self.tokens)

    @property
    def constant(self) -> str | None:
        """Its text when it is the same for every number, else None."""
        return None if any(token.special for token in self.tokens) else "".join(token.text for token in self.tokens)

    def build(self, matched: str, rest: str, random: Random) -> str:
        """The characters for a number whose literal part matched *matched*, followed by *rest*."""
        made = []
        for position, token in enumerate(self.tokens):
            if not token.special:
                made.append(token.text)
            elif token.text == REST:
                made.append(rest)
            elif token.text == SAME_DIGIT:
                made.append(matched[position])
            else:
                made.append(str(random.randrange(10)))
        return "".join(made)


Alternative = Span | Characters


class Rule:
    """A source with its targets, ready to be applied.

    :ivar source_text: canonical text of the left side; *target_text* of the right side.
    :ivar length: characters of the literal part; *lead* those before its first ``?``.
    :ivar least: fewest characters that may follow it; *most* the most.
    :ivar tail: what follows *lead* in the literal part, None = nothing.
    """

    __slots__ = (
        "_alternatives", "_constant", "_drops_rest",
        "lead", "least", "length", "most", "rank", "source_text", "tail", "target_text",
    )  # fmt: skip

    def __init__(self, source: Source, alternatives: Sequence[Alternative], texts: tuple[str, str]) -> None:
        self.source_text, self.target_text = texts
        self.length = len(source.literal)
        self.lead = source.lead
        self.rank = source.rank
        self.least, self.most = source.bounds
        self.tail = source.tail_pattern()
        self._drops_rest = source.operator == "*"
        self._alternatives = tuple((item, not (item.holds_rest or self._drops_rest)) for item in alternatives)
        only = alternatives[0] if len(alternatives) == 1 else None
        self._constant = only.constant if isinstance(only, Characters) else None

    def __str__(self) -> str:
        return f"{self.source_text}:{self.target_text}"

    def apply(self, number: str, random: Random) -> str:
        """The transformed *number*, which this rule matches."""
        if self._constant is not None:
            return self._constant if self._drops_rest else self._constant + number[self.length :]
        matched, rest = number[: self.length], number[self.length :]
        choice = random.randrange(len(self._alternatives)) if len(self._alternatives) > 1 else 0
        item, appends = self._alternatives[choice]
        made = item.build(matched, rest, random)
        return made + rest if appends else made
