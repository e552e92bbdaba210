"""What a leg says beside the life of its call: where its attempt went, where its media is, digits of H.323."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vosswitch.call.machine import State
from vosswitch.model.signals import Digit, Located, Redirected

if TYPE_CHECKING:
    from vosswitch.call.bridge import Call
    from vosswitch.model.signals import Signal
    from vosswitch.model.values import Side

ASIDE = frozenset({Redirected, Located, Digit})
_UP = (State.EARLY, State.TALKING)


def taken(call: Call, side: Side, signal: Signal) -> bool:
    """Do what one of `ASIDE` asks for; False where the call goes on with it as with others."""
    if isinstance(signal, Redirected):
        call.attempts.redirected(signal)
        call.media.redirected()
        return True
    if isinstance(signal, Located):
        call.media.located(side, signal.session)
        if call.answered is not None:
            call.media.note_codecs(call.cdr)
        return True
    digits = call.media.digits
    return digits is not None and isinstance(signal, Digit) and not digits.signalled(side, signal)


def tell_digit(call: Call, side: Side, digit: Digit) -> None:
    """A digit was taken out of the media of *side*: the other one is told by signals."""
    digits = call.media.digits
    if digits is not None and call.machine.state in _UP and digits.heard(side, digit):
        leg = call.leg(side.other)
        if leg is not None:
            leg.send(digit)
