"""The dialog of a 2xx of ours that nobody waits for: acknowledged and ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vosswitch.sip.legs.leg import Leg
from vosswitch.sip.legs.states import State

if TYPE_CHECKING:
    from vosswitch.sip.grammar.message import Response
    from vosswitch.sip.legs.calling import CallingLeg
    from vosswitch.sip.legs.stack import Stack


class Fork(Leg):
    """The dialog of a second 2xx to our INVITE, from another branch of a forking proxy: ended at once (13.2.2.4)."""

    __slots__ = ("invited",)

    def __init__(self, stack: Stack, leg: CallingLeg, response: Response) -> None:
        super().__init__(stack, leg.flow, State.OVER, leg.remote)
        self._proof = leg._proof
        self.dialog = leg.dialog_of(response)
        self.invited = self.dialog.local_seq
        if leg._branches is not None:
            leg._branches.take_over(self.dialog)

    def forget(self) -> None:
        """Nothing to forget: our tag is the leg's, whose dialog goes on."""
