"""DTMF of a leg: which way a digit goes to its peer, and that one which came twice counts once.

A digit can be signalled in H.245 (``alphanumeric``, ``signal``) or as a keypad element of an Information message; in
the media (RFC 2833) it is the relay's.  After fast start there may be no H.245 at all: then keypad is what works.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vosswitch.h323.h225 import Information
from vosswitch.model.h323 import DTMF_METHODS
from vosswitch.model.signals import Digit

if TYPE_CHECKING:
    from vosswitch.h323.legs.leg import Leg

KEYS = frozenset("0123456789*#ABCD!")
"""What a digit may be; ``!`` is hook flash."""
_TWICE = 0.4
"""Seconds within which the same digit from another way is the same key."""
_MOST = 32
"""Digits of one keypad element that are heard."""


def method_of(leg: Leg) -> str:
    """How digits go to the peer of *leg*."""
    return leg.settings.dtmf or DTMF_METHODS.get(str(leg.stack.parameters["SS_H323_DTMF_METHOD"]), "alphanumeric")


class Digits:
    """The digits of one leg, both ways.

    :ivar _heard: (digit, way) of what was heard of late and has no twin yet.
    :ivar _waiting: digits for a peer that may speak H.245, or may not.
    """

    __slots__ = ("_heard", "_leg", "_waiting")

    def __init__(self, leg: Leg) -> None:
        self._leg = leg
        self._heard: list[tuple[str, str]] = []
        self._waiting: list[Digit] = []

    def tell(self, digit: Digit) -> None:
        """A digit goes to the peer."""
        method = method_of(self._leg)
        if digit.digit not in KEYS or method in ("off", "rfc2833"):
            return
        is_told = method != "keypad" and self._by_h245(digit, method)
        if is_told is None:
            self._waiting = [*self._waiting, digit][:_MOST]
        elif not is_told:
            self._leg.say(Information(**self._leg.marks(), keypad=digit.digit))

    def _by_h245(self, digit: Digit, method: str) -> bool | None:
        """Whether it went by H.245; None: it may, once the peer has said a word there."""
        media = self._leg.media
        if media.deaf:
            return False
        if media.channel.is_there and method in ("alphanumeric", "signal"):
            media.begin()
        if media.session is None or media.deaf is False:
            return media.session is not None and media.session.digit(digit)
        return None

    def go_on(self) -> None:
        """It is known whether the peer speaks H.245."""
        waiting, self._waiting = self._waiting, []
        for digit in waiting:
            self.tell(digit)

    def heard_keypad(self, keypad: str) -> None:
        """The peer sent digits in an Information message."""
        for key in keypad[:_MOST]:
            self.heard(Digit(key.upper()), "keypad")

    def heard(self, digit: Digit, way: str) -> None:
        """A digit of the peer came by *way*; its twin by another way is passed over."""
        key = digit.digit
        if key not in KEYS:
            return
        twin = next((item for item in self._heard if item[0] == key and item[1] != way), None)
        if twin is not None:
            self._heard.remove(twin)
            return
        if len(self._heard) < _MOST:
            self._heard.append((key, way))
            self._leg.later(_TWICE, lambda: self._forget(key, way))
        self._leg.report(digit)

    def _forget(self, key: str, way: str) -> None:
        if (key, way) in self._heard:
            self._heard.remove((key, way))
