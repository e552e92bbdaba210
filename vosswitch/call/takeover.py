"""A new leg takes the place of one of an answered call (INVITE with Replaces, RFC 3891).

Only the party of that leg may do so, or who was given its name by a transfer that we have passed on.  The call goes on
as it is: the same money, the same record, the same bounds.  Who is not that party is a guest in the call
(`Call.guests`): what it transfers is not paid by the party.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.call.joint import Joint
from vosswitch.call.media import NoCodec
from vosswitch.call.parties import far_of, party_of
from vosswitch.call.restoring import Restoring
from vosswitch.model.causes import Cause, cause, from_sip
from vosswitch.model.signals import Accept, Answer, Confirm, Offer, Refuse, Release, Transfer, Transferred
from vosswitch.sdp.direction import resumed

if TYPE_CHECKING:
    from vosswitch.call.bridge import Call
    from vosswitch.call.snapshot import Snapshot
    from vosswitch.model.signals import Signal, Try
    from vosswitch.model.values import Side


class Takeover:
    """One takeover while the side that stays is being asked for its media.

    :param leg: the new leg; *side* where it will stand in *call*; *guest*: it is not of the party there.
    :ivar _late: it has no session yet: it answers what the side that stays offers, with its ACK.
    """

    __slots__ = ("_call", "_former", "_guest", "_late", "_left", "_leg", "_over", "_side")

    def __init__(self, call: Call, side: Side, leg: Any, guest: bool) -> None:
        self._call = call
        self._side = side
        self._leg = leg
        self._guest = guest
        self._former = call.leg(side)
        self._left: Signal | None = None
        self._over = self._late = False

    def begin(self, offered: Try) -> None:
        """Offer the new leg's session to the side that stays."""
        call, side = self._call, self._side
        far = far_of(call, side.other)
        here = offered.local.host
        ours = (here, far.local_host) if side.code == 0 else (far.local_host, here)
        session = offered.session and resumed(offered.session)
        try:
            offer: Signal | None = call.media.fit(side, Offer(session))  # without one the side that stays is to offer
        except NoCodec as none:
            call.decision.note("replaces", str(none))
            offer = None
        if offer is None or len(far.calls) > 1 or not call.media.move(ours[0], ours[1], relayed=False):
            self._leg.send(Release(from_sip(488)))
            return
        self._late = session is None
        call.handover = self
        self._leg.listen(self)
        call.leg(side.other).send(call.media.forward(side, offer))

    def heard(self, _leg: Any, signal: Signal) -> None:
        """`ILegListener`: the new leg gives up."""
        if isinstance(signal, Release):
            self._over = True

    def takes(self, call: Call, side: Side, signal: Signal) -> bool:
        """Whether a word within the call is the takeover's."""
        if isinstance(signal, Transfer):
            call.leg(side).send(Transferred(491))
        elif isinstance(signal, Offer):
            call.leg(side).send(Refuse(491))
        elif side is self._side:
            if not isinstance(signal, Release):
                return False
            self._left = signal
        elif isinstance(signal, Accept):
            self._accepted(signal)
        elif isinstance(signal, Refuse):
            self._leg.send(Release(from_sip(max(signal.status, 400))))
            self._give_up()
        else:
            return False
        return True

    def _accepted(self, signal: Accept) -> None:
        call, side = self._call, self._side
        if self._over or (self._late and signal.session is None):
            if not self._over:
                self._leg.send(Release(from_sip(488)))
            self._give_up()
            self._take_back()
            return
        answer = call.media.forward(side.other, signal)
        call.handover = None
        call.media.moved(kept=True)
        call.replace(side, self._leg, self._former)
        if self._guest:
            call.guests += (side,)
        call.decision.note("replaces", f"another leg has taken the place of the {side}'s")
        self._leg.send(Answer(answer.session))  # type: ignore[union-attr]
        self._former.send(Release(cause("normal")))

    def _take_back(self) -> None:
        """The side that stays has taken a change, or offered one, that nobody wants any more."""
        call, side = self._call, self._side
        if not call.is_talking:
            return
        if self._late:
            standing = call.media.stand_in(side.other)
            call.leg(side.other).send(Confirm(standing.session if standing is not None else None))
        else:
            Restoring(call, side, asked=False).begin()

    def _give_up(self) -> None:
        call = self._call
        call.handover = None
        call.media.moved(kept=False)
        if self._left is not None:
            call.heard(self._former, self._left)

    def stopped(self, _call: Call) -> None:
        """The call has ended."""
        self._call.handover = None
        self._leg.send(Release(cause("normal")._replace(status=481)))


def taken_place(legs: Any, offered: Try, snapshot: Snapshot) -> tuple[Any, Any, Cause | None]:
    """The call and side whose leg a new one may replace; else why not.

    :param legs: the `ILegFactory` that knows the names of legs.
    """
    replaces = offered.replaces
    leg, given = legs.leg_of(replaces)
    call: Any = getattr(leg, "listener", None)
    side = call.side_of(leg) if hasattr(call, "side_of") else None
    if side is None or not call.is_talking or call.handover is not None or isinstance(call.leg(side.other), Joint):
        return None, None, from_sip(481, "no answered call of that name")
    if replaces is not None and replaces.early_only:
        return None, None, from_sip(486)
    if not (given or leg.remote.host == offered.source.host or is_party(call, side, offered, snapshot)):
        return None, None, cause("unauthorized")
    return call, side, None


def is_party(call: Call, side: Side, offered: Try, snapshot: Snapshot) -> bool:
    """Whether the party on *side* makes the new call."""
    found = snapshot.callers.identify(offered.source, offered.user, offered.callee)
    party = party_of(call, side)
    if found is None or party is None:
        return False
    who: Any = found.gateway or found.phone
    return bool(getattr(who, "name", None) == getattr(party, "name", None)) and bool(
        getattr(who, "number", None) == getattr(party, "number", None)
    )
