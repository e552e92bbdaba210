"""A leg of a former life of this switch, made from `Leg.resume_data`, which is only told BYE."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.model.peer import PLAIN, PeerProfile
from vosswitch.model.places import local_text
from vosswitch.model.values import Address
from vosswitch.sip.legs.dialog import Dialog
from vosswitch.sip.legs.leg import Leg
from vosswitch.sip.legs.states import State

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vosswitch.sip.legs.stack import Stack

_AHEAD = 100
"""Requests of ours that may have been sent after the data were written."""


class Orphan(Leg):
    """The leg.

    :ivar settled: called once, when the peer has answered or is given up.
    """

    __slots__ = ("settled",)

    settled: Callable[[], None] | None

    def forget(self) -> None:
        """The dialog is no more."""
        super().forget()
        settled, self.settled = self.settled, None
        if settled is not None:
            settled()


def orphan(stack: Stack, data: Mapping[str, Any], settled: Callable[[], None]) -> Orphan:
    """The leg that *data* describe.

    :raises ValueError: they are damaged, or no listener of ours reaches the peer; the text says which.
    """
    try:
        dialog = Dialog.from_data(data["dialog"])
        host, port = data["address"]
        local, own = data["local_address"]
        target = Address(host, port, data["transport"])
        name = data.get("tls_name")
    except (KeyError, TypeError, ValueError, IndexError):
        raise ValueError("its data are damaged") from None
    way = stack.way
    flow = way(target, local_text(local, own), name) or way(target, local, name) or way(target, None, name)
    if flow is None:
        raise ValueError(f"no listener reaches {target}")
    dialog.local_seq += _AHEAD
    leg = Orphan(stack, flow, State.OVER, target, _profile(data.get("request_address")))
    leg.dialog, leg.settled = dialog, settled
    return leg


def _profile(request_address: object) -> PeerProfile:
    """Of the peer's profile, where its requests go."""
    if request_address in {"socket", "contact_port"}:
        return PeerProfile(request_address=str(request_address))
    return PLAIN
