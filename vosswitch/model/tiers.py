"""What a call costs by its charged length where that is no single straight line: sections of a rate, a minimum.

A *curve* is a list of straight lines (from, start, slope), exact: from so many charged seconds on, n of them cost
start + slope * n. Neighbours meet where one gives way to the next, so that a longer call never costs less.
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil

Curve = list[tuple[int, Fraction, Fraction]]

MOST_SECTIONS = 16
LONGEST = 10_000_000
"""Seconds from which on a section may begin at most."""


def read_sections(text: str) -> tuple[tuple[int, str], ...]:
    """Sections as text: ``60:0.5,300:0.3`` = beyond 60 charged seconds 0.5 a minute, beyond 300 seconds 0.3.

    :returns: charged seconds and minute price of each.
    :raises ValueError: says what was expected.
    """
    found: list[tuple[int, str]] = []
    for part in text.split(",") if text.strip() else ():
        begin, colon, price = (piece.strip() for piece in part.partition(":"))
        if not (colon and begin.isascii() and begin.isdigit() and 0 < int(begin[:9]) <= LONGEST and len(begin) < 9):
            raise ValueError(f"sections: expected SECONDS:PRICE such as 60:0.5, got {part.strip()!r}")
        if found and int(begin) <= found[-1][0]:
            raise ValueError(f"sections: expected more seconds than {found[-1][0]}, got {part.strip()!r}")
        found.append((int(begin), price))
    if len(found) > MOST_SECTIONS:
        raise ValueError(f"sections: expected at most {MOST_SECTIONS}, got {len(found)}")
    return tuple(found)


def curve(connect: Fraction, second: Fraction, sections: list[tuple[int, Fraction]], minimum: Fraction) -> Curve:
    """What charged seconds cost, from the first one on.

    :param second: the price of a second; *sections* those of the seconds beyond some.
    :param minimum: the least that they cost together.
    """
    lines: Curve = [(1, connect, second)]
    for begin, price in sections:
        _, start, slope = lines[-1]
        lines.append((begin, start + (slope - price) * begin, price))
    return _at_least(lines, minimum)


def _at_least(lines: Curve, minimum: Fraction) -> Curve:
    """The lines from where they have reached *minimum*, and before that the minimum itself."""
    for place, (begin, start, slope) in enumerate(lines):
        reached = _reached(begin, start, slope, minimum)
        if reached is None or (place + 1 < len(lines) and reached >= lines[place + 1][0]):
            continue
        kept: Curve = [(reached, start, slope), *lines[place + 1 :]]
        return kept if reached <= 1 else [(1, minimum, Fraction(0)), *kept]
    return [(1, minimum, Fraction(0))]


def _reached(begin: int, start: Fraction, slope: Fraction, minimum: Fraction) -> int | None:
    """From how many charged seconds on a line is not below *minimum*; None = never."""
    if start + slope * begin >= minimum:
        return begin
    return ceil((minimum - start) / slope) if slope else None
