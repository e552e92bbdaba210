"""Numbers as peers dial them: the user part of a URI made plain."""

from __future__ import annotations

import re

LONGEST = 64
"""Characters of the longest number that the switch takes."""

_VISUAL = re.compile(r"\+?[0-9*#().-]+", re.ASCII)
_STRIPPED = str.maketrans("", "", "-.()")


class BadNumber(ValueError):
    """A user part that cannot be a number or a name; its text says why, without repeating it."""


def dialled(user: str) -> str:
    """The number or name in an unescaped user part.

    Parameters of a telephone-subscriber (``;phone-context=...``, RFC 3261 section 19.1.6) are cut off, and visual
    separators are dropped from what is a telephone number (RFC 3966 section 5); names such as ``alice.smith`` stay.

    :raises BadNumber: longer than 64 characters, or with control characters or blanks.
    """
    if user.isdigit() and user.isascii() and len(user) <= LONGEST:
        return user
    number = user.partition(";")[0]
    if _VISUAL.fullmatch(number):
        number = number.translate(_STRIPPED)
    if len(number) > LONGEST:
        raise BadNumber(f"a number has at most {LONGEST} characters")
    if number and not plain(number):
        raise BadNumber("a number has no control characters and no blanks")
    return number


def plain(number: str) -> bool:
    """Whether every character can be shown and none is a blank."""
    return number.isprintable() and " " not in number


def dialable(number: str) -> bool:
    """Whether a number can be called after its transformations: not empty, not too long, plain."""
    return 0 < len(number) <= LONGEST and plain(number)
