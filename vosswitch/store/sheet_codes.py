"""Codes as vendors write them: several in one cell, ranges, a country code in a column of its own."""

from __future__ import annotations

import re

MOST_CODES = 10_000
"""Of one cell."""

_BETWEEN = re.compile(r"[,;/|\n\r]+")
_BLANKS = re.compile(r"[\s\u00a0()]+")
_RANGE = re.compile(r"([0-9]+)(?:-|\u2013|\.\.)([0-9]+)", re.ASCII)

_ROUNDED = re.compile(r"[0-9]E\+[0-9]", re.ASCII | re.IGNORECASE)
"""A spreadsheet has taken a long code for a number: 4,366E+11, whose other digits are lost."""


class BadCodes(ValueError):
    """A cell that holds no codes; its text says what was expected."""


def codes_of(text: str, country: str = "") -> list[str]:
    """The codes of a cell, in its order.

    ``43660, 43664-43666`` are four codes; with a country code 43 so are ``660, 664-666``.

    :param country: stands before each of them; alone when the cell is empty.
    :raises BadCodes: a range that cannot be counted, or more codes than a cell may have.
    """
    before = _BLANKS.sub("", country)
    if text.isdecimal():
        return [before + text]
    if _ROUNDED.search(text):
        raise BadCodes(
            f'expected codes, got "{text.strip()[:60]}": a spreadsheet made a number of it; format it as text'
        )
    found: list[str] = []
    for part in _BETWEEN.split(text):
        code = _BLANKS.sub("", part)
        if code:
            found += [before + one for one in _range(code)]
        if len(found) > MOST_CODES:
            raise BadCodes(f"expected at most {MOST_CODES} codes in a cell")
    return found or [before]


def _range(code: str) -> list[str]:
    match = _RANGE.fullmatch(code)
    if match is None:
        return [code]
    first, last = match[1], match[2]
    if len(first) != len(last) or first > last or len(first) > 32:
        raise BadCodes(f'expected codes of one length such as 43664-43666, got "{code[:60]}"')
    count = int(last) - int(first) + 1
    if count > MOST_CODES:
        raise BadCodes(f'expected at most {MOST_CODES} codes, got "{code[:60]}"')
    return [f"{number:0{len(first)}d}" for number in range(int(first), int(last) + 1)]
