"""User input (H.245 7.13 and B.13): digits, as strings of them and as signals with a duration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.model.signals import Digit

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.h323.h245.desk import Message
    from vosswitch.h323.legs.line import Timer

DIGITS = frozenset("0123456789*#ABCD!")
"""Signals that there are; ``!`` is hook flash."""
MOST_DIGITS = 32
"""Digits of one message that are heard."""
WINDOW = 0.5
"""Seconds within which the same digit in another way is the same key: stacks that tell it twice do so at once."""
_LONGEST = 10_000
_USUAL = Digit("0")


def read(body: tuple[str, Any]) -> tuple[Digit, ...]:
    """The digits of a ``UserInputIndication``, () = it has none.

    signalUpdate only says how long a key that was told already is held: nothing waits for it.
    """
    kind, value = body
    if kind == "alphanumeric":
        return _digits(value)
    if kind == "extendedAlphanumeric":
        return _digits(value.get("alphanumeric", ""))
    if kind == "signal":
        lasts = value.get("duration", 0)
        return tuple(
            [Digit(digit.digit, min(lasts, _LONGEST) or digit.duration) for digit in _digits(value["signalType"])]
        )
    return ()


def _digits(text: str) -> tuple[Digit, ...]:
    signs = text[:MOST_DIGITS].upper()
    return tuple([Digit(sign) for sign in signs if sign in DIGITS])


def write(digit: Digit, *, signal: bool) -> Message | None:
    """A digit as a message; None when it is none that H.245 knows."""
    sign = digit.digit.upper()
    if sign not in DIGITS:
        return None
    if not signal:
        return "indication", ("userInput", ("alphanumeric", sign))
    lasts = min(max(digit.duration, 1), 65535)
    return "indication", ("userInput", ("signal", {"signalType": sign, "duration": lasts}))


class Doubles:
    """Digits that come in two ways and count once.

    :param later: calls a function after so many seconds.
    :ivar _open: way and digit that were heard and have no double yet, in order.
    """

    __slots__ = ("_later", "_open", "_timer")

    def __init__(self, later: Callable[[float, Callable[[], None]], Timer]) -> None:
        self._later = later
        self._open: list[tuple[str, str]] = []
        self._timer: Timer | None = None

    def fresh(self, way: str, digit: str) -> bool:
        """Whether *digit*, heard in *way*, has not been heard in another way just now."""
        for place, (other, sign) in enumerate(self._open):
            if other != way and sign == digit:
                del self._open[place]
                return False
        self._open.append((way, digit))
        del self._open[:-MOST_DIGITS]
        self.stop()
        self._timer = self._later(WINDOW, self._forget)
        return True

    def _forget(self) -> None:
        self._timer = None
        self._open.clear()

    def stop(self) -> None:
        """No timer any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
