"""What the call waits for while channels open, and by which signal it is told."""

from __future__ import annotations

from enum import StrEnum

from vosswitch.model.signals import Accept, Confirm, Located


class Want(StrEnum):
    """What the call is told when channels are open."""

    NOTHING = "nothing"  # it has been told all: only the relay learns of another address
    ANSWER = "answer"  # outgoing: the answer to the offer that the call was placed with
    CONFIRM = "confirm"  # incoming: the answer to the far side's offer of a late offer
    ACCEPT = "accept"  # the answer to a change of the call


SAYS: dict[Want, type[Located | Confirm | Accept]] = {
    Want.NOTHING: Located,
    Want.CONFIRM: Confirm,
    Want.ACCEPT: Accept,
}
