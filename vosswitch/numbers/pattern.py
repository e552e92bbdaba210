"""Patterns of numbers: a small part of the language of regular expressions, whose time to match is bounded.

A pattern describes the whole number: characters, ``.``, ``\\d``, ``[...]``, each with ``?``, ``*``, ``+``, ``{m}`` or
``{m,n}`` behind it, and groups of alternatives ``(43|49)``, which take no repetition.  At most three places may have
more than one way to match, so that no number makes the look-up long.
"""

from __future__ import annotations

import re

LONGEST_PATTERN = 128
MOST_WAYS = 3
_MOST_TIMES = 64

_CHARACTER = re.compile(r"[0-9A-Za-z+#_\-.]|\\[d+*#.?()\[\]{}|\\]|\[\^?[0-9A-Za-z+#*\-]+\]", re.ASCII)
_TIMES = re.compile(r"[?*+]|\{([0-9]{1,2})(?:(,)([0-9]{0,2}))?\}", re.ASCII)


class BadPattern(ValueError):
    """A pattern that cannot be read; its text follows the word "expected"."""


def read_pattern(text: str) -> re.Pattern[str]:
    """Compile a pattern; ``^`` before it and ``$`` behind it mean nothing more.

    :raises BadPattern: it cannot be read, or could take long.
    """
    body = text.removeprefix("^").removesuffix("$")
    if not body or len(body) > LONGEST_PATTERN:
        raise BadPattern(f"a pattern of 1-{LONGEST_PATTERN} characters")
    _Check(body).run()
    try:
        return re.compile(body, re.ASCII)
    except re.error as error:
        raise BadPattern(f"a pattern: {error}") from None


class _Check:
    """Walks through a pattern once."""

    __slots__ = ("at", "depth", "text", "ways")

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = self.depth = self.ways = 0

    def run(self) -> None:
        while self.at < len(self.text):
            self._step(self.text[self.at])
        if self.depth:
            raise BadPattern("a ) for every (")
        if self.ways > MOST_WAYS:
            raise BadPattern(f"at most {MOST_WAYS} places with more than one way to match (?, *, +, {{m,n}}, (a|b))")

    def _step(self, here: str) -> None:
        if here == "(":
            if self.text.startswith("(?", self.at):
                raise BadPattern("no (? in a pattern")
            self.depth += 1
            self.ways += 1
            self.at += 1
        elif here == ")":
            self.depth -= 1
            self.at += 1
            if self.depth < 0 or _TIMES.match(self.text, self.at):
                raise BadPattern("a ( for every ), and no repetition of a group")
        elif here == "|":
            self.at += 1
        else:
            self._character()

    def _character(self) -> None:
        found = _CHARACTER.match(self.text, self.at)
        if found is None:
            raise BadPattern(
                f"another character at position {self.at + 1}: digits, ., \\d, [...], ?, *, +, {{m,n}}, (|)"
            )
        self.at = found.end()
        times = _TIMES.match(self.text, self.at)
        if times is None:
            return
        self.at = times.end()
        low, comma, high = times.groups()
        if low is None or comma:
            self.ways += 1
        if low is not None and max(int(low), int(high or 0)) > _MOST_TIMES:
            raise BadPattern(f"at most {_MOST_TIMES} repetitions")
        if _TIMES.match(self.text, self.at):
            raise BadPattern("one repetition after a character")
