"""A transfer carried out inside the switch: performs what `vosswitch.call.transfer` decides.

The party that transfers pays for the new call, which is decided, limited, reserved, recorded and billed as if it had
called the number itself; its old call goes on being billed to its own account until its legs end.  The two calls
are joined by `vosswitch.call.joint`.  In an attended transfer both calls are there already.  The media of the joined
calls runs through the new (or the other) call; the old one gives its ports back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.accounts.payers import CARD
from vosswitch.call.joint import Joint
from vosswitch.call.media import NoCodec
from vosswitch.call.parties import Far, far_of, same_party, try_of
from vosswitch.call.restoring import PAUSE, TRIES, Restoring
from vosswitch.call.transfer import Input, State, TransferMachine
from vosswitch.model.causes import Cause, cause
from vosswitch.model.signals import (
    Accept,
    Answer,
    Carried,
    Carry,
    Offer,
    Progress,
    Refuse,
    Release,
    Ring,
    Transfer,
    Transferred,
)
from vosswitch.model.values import Side
from vosswitch.sdp.codecs import first_audio
from vosswitch.sdp.direction import resumed

if TYPE_CHECKING:
    from vosswitch.call.bridge import Call
    from vosswitch.call.switchboard import Switchboard
    from vosswitch.model.session import SessionDescription
    from vosswitch.model.signals import Signal

DEPTH = 5
"""Calls that may follow from one another by transfer."""


class Refused(Exception):
    """The transfer cannot be: a SIP status and why, for the decision record."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class Handover:
    """One transfer of one call.

    :param call: the call, *side* the transferring party's in it.
    :ivar partner: the new (or the other) call, None as long as it is not there.
    :ivar _asking: the stayer has not answered the change yet; *_turned*: it has taken it; *_turning*: the partner has
        not answered its own.
    """

    __slots__ = (
        "_asking",
        "_board",
        "_call",
        "_far",
        "_joint",
        "_left",
        "_leg",
        "_machine",
        "_other_left",
        "_other_leg",
        "_partner_side",
        "_session",
        "_side",
        "_status",
        "_timer",
        "_told",
        "_tries",
        "_turned",
        "_turning",
        "partner",
    )

    def __init__(self, board: Switchboard, call: Call, side: Side) -> None:
        self._board = board
        self._call = call
        self._side = side
        self._leg = call.leg(side)
        self._far: Far = far_of(call, side.other)
        self._machine = TransferMachine(State.SEEKING)
        self._left: Signal | None = None
        self._other_leg: Any = None
        self._other_left: Signal | None = None
        self._partner_side: Side | None = None
        self._joint: Joint | None = None
        self._session: SessionDescription | None = None
        self._told: SessionDescription | None = None
        self._status = 503
        self._timer: Any = None
        self._tries = 0
        self._asking = self._turned = self._turning = False
        self.partner: Call | None = None

    # -- the beginning

    def begin(self, wanted: Transfer) -> None:
        """Do as the transferring party wishes, or tell it why not."""
        self._call.handover = self
        try:
            if not self._call.is_talking:
                raise Refused(491, "the caller has not been told of the answer yet")
            if wanted.replaces is not None:
                self._begin_attended(wanted)
            else:
                self._begin_blind(wanted)
        except Refused as refused:
            self._call.decision.note("transfer", str(refused))
            self._status = refused.status
            self._machine.state = State.OVER
            self._fail()

    def _begin_blind(self, wanted: Transfer) -> None:
        call, side = self._call, self._side
        depth = (call.decision.transfer or {}).get("depth", 0) + 1
        if depth > DEPTH or call.decision.offered.max_forwards < 2:
            raise Refused(482, "transferred too often")
        if self._far.session is None:
            raise Refused(488, "the side that stays has not told its media")
        self._told = resumed(self._far.session)
        offered, subject = try_of(call, side, wanted.number, self._told, self._far.local)
        if offered is None:
            raise Refused(403, "who transfers may not call any more")
        call.decision.note("transfer", f"the {side} transfers the call to {wanted.number}")
        origin = {"from": str(call.cdr.flowno), "by": str(side), "depth": depth}
        if side is Side.CALLER and subject is not None and call.decision.billed_as == CARD:
            origin["card"] = call.cdr.account
        self._joint = Joint(self._leg, 0, self.said)
        self._board.originate(self._joint, offered, subject, origin, self._far.relayed)

    def _begin_attended(self, wanted: Transfer) -> None:
        leg, given = self._board.legs.leg_of(wanted.replaces)
        other: Any = getattr(leg, "listener", None)
        sides = other.side_of(leg) if hasattr(other, "side_of") else None
        if sides is None or other is self._call or not other.is_talking or other.handover is not None:
            raise Refused(481, "no answered call of that name")
        if not (given or same_party(self._call, self._side, other, sides)):
            raise Refused(403, "the other call is not of the party that transfers")
        far = far_of(other, sides.other)
        if far.session is None or self._far.session is None:
            raise Refused(488, "a side has not told its media")
        if not other.media.move(*self._locals(far, sides), self._far.relayed):
            raise Refused(503, "no media port is free")
        self._take_over(other, sides, leg)
        self._session = other.media.forward(sides.other, Offer(resumed(far.session))).session
        self._machine.state = State.JOINING
        self._offer()

    def _locals(self, far: Far, side: Side) -> tuple[str | None, str | None]:
        """Our addresses towards the caller and the callee of the other call, where the stayer takes *side*."""
        here, there = self._far.local_host, far.local_host
        return (here, there) if side.code == 0 else (there, here)

    def _take_over(self, other: Call, side: Side, leg: Any) -> None:
        """Stand between the other call and the transferring party's leg in it."""
        call = self._call
        call.decision.note("transfer", f"the {self._side} joins the call with {other.cdr.flowno}")
        other.decision.note("transfer", f"the {side} joins the call with {call.cdr.flowno}")
        self.partner, self._partner_side, self._other_leg = other, side, leg
        other.handover = self
        self._joint = Joint(leg, leg.status, self.said)
        other.put(side, self._joint)
        self._joint.listen(other)
        leg.listen(self)

    # -- what the sides say

    def heard(self, leg: Any, signal: Signal) -> None:
        """`ILegListener`: the transferring party's leg in the other call."""
        if isinstance(signal, Release):
            self._other_left = signal
        elif isinstance(signal, Offer):
            leg.send(Refuse(491))
        elif isinstance(signal, Transfer):
            leg.send(Transferred(491))
        elif isinstance(signal, Carry):
            leg.send(Carried(signal.number, 480))

    def takes(self, call: Call, side: Side, signal: Signal) -> bool:
        """Whether a word within one of the two calls is the transfer's."""
        if isinstance(signal, Transfer):
            call.leg(side).send(Transferred(491))
            return True
        if call is not self._call:
            return False
        if side is self._side:
            return self._takes_of_leaver(signal)
        return self._takes_of_stayer(signal)

    def _takes_of_leaver(self, signal: Signal) -> bool:
        if isinstance(signal, Release):
            self._left = signal
            self._feed(Input.LEFT)
        elif isinstance(signal, Offer):
            self._leg.send(Refuse(491))
        else:
            return False
        return True

    def _takes_of_stayer(self, signal: Signal) -> bool:
        if isinstance(signal, Offer) and (self._left is not None or self._machine.state is not State.SEEKING):
            self._call.leg(self._side.other).send(Refuse(491))
            return True
        if self._machine.state is not State.JOINING:
            return False
        if isinstance(signal, Accept):
            self._accepted(signal)
        elif isinstance(signal, Refuse):
            self._refused(signal)
        else:
            return False
        return True

    def _accepted(self, signal: Accept) -> None:
        self._asking, self._turned, self._tries = False, True, 0
        self._call.media.heard(self._side.other, signal.session)
        self._session = signal.session
        self._feed(Input.TAKEN)

    def _refused(self, signal: Refuse) -> None:
        self._asking = False
        self._status = signal.status
        busy = signal.status == 491 and self._tries < TRIES
        self._feed(Input.BUSY if busy else Input.REFUSED)

    def said(self, signal: Signal) -> None:
        """The new or other call says something to the transferring party's place in it."""
        kind = type(signal)
        if kind is Ring or kind is Progress:
            self._session = signal.session or self._session  # type: ignore[union-attr]
            self._status = 180 if kind is Ring else 183
            self._feed(Input.PROGRESS)
        elif kind is Answer:
            self._connected(signal)  # type: ignore[arg-type]
        elif kind is Release:
            reached: Cause = signal.cause  # type: ignore[union-attr]
            self._status = reached.answerable
            self._feed(Input.FAILED)
        elif kind is Accept and self._machine.state is State.TURNING:
            self._turning = False
            self._feed(Input.TAKEN)
        elif kind is Refuse and self._machine.state is State.TURNING:
            self._turning = False
            self._refused(signal)  # type: ignore[arg-type]
        elif kind is Offer and self._joint is not None:
            self._joint.report(Refuse(491))
        elif isinstance(signal, Carry) and self._joint is not None:
            self._joint.report(Carried(signal.number, 480))

    def _connected(self, signal: Answer) -> None:
        assert self._joint is not None
        self.partner = self._joint.listener
        assert self.partner is not None
        self._partner_side = self.partner.side_of(self._joint)
        self.partner.handover = self
        self._session = signal.session or self._session
        self._feed(Input.ANSWERED)

    def stopped(self, call: Call) -> None:
        """One of the two calls has ended."""
        if call is self._call:
            self._feed(Input.STOPPED)

    # -- what follows

    def _feed(self, what: Input) -> None:
        effect = self._machine.feed(what)
        if effect is not None:
            getattr(self, f"_{effect}")()

    def _tell(self) -> None:
        self._leg.send(Transferred(self._status))

    def _note(self) -> None:
        """The transferring party has hung up; its call stays up for the one who waits."""

    def _offer(self) -> None:
        if self._session is None:
            self._machine.state = State.OVER
            self._status = 488
            self._fail()
            return
        self._tries += 1
        self._timer = None
        try:
            offer = self._call.media.fit(self._side, Offer(resumed(self._session)))
        except NoCodec as none:
            self._call.decision.note("transfer", str(none))
            self._refused(Refuse(488))
            return
        self._asking = True
        self._call.leg(self._side.other).send(offer)

    def _pause(self) -> None:
        self._timer = self._board.clock.callLater(PAUSE, self._feed, Input.AGAIN)

    def _rest(self) -> None:
        self._timer = self._board.clock.callLater(PAUSE, self._call._guard, self._turn)

    def _turn(self) -> None:
        """Tell the partner the stayer's session, where that is not what it knows already."""
        self._timer = None
        self._tries += 1
        assert self.partner is not None
        assert self._joint is not None
        assert self._partner_side is not None
        if self._session is None:
            self._feed(Input.REFUSED)
        elif self._other_leg is not None or self._differs():
            self._turning = True
            self._joint.report(Offer(self._session))
        else:
            self.partner.media.forward(self._partner_side, Accept(self._session))
            self._feed(Input.TAKEN)

    def _differs(self) -> bool:
        """Whether the stayer's media is not where the partner was told; behind our relay it always is."""
        assert self.partner is not None
        return not self.partner.media.proxied and _place(self._session) != _place(self._told)

    def _join(self) -> None:
        call, partner, joint = self._call, self.partner, self._joint
        assert partner is not None
        assert joint is not None
        call.handover = partner.handover = None
        here = Joint(self._leg, self._leg.status)
        here.join(joint)
        self._far.leave_media()
        call.replace(self._side, here, self._leg)
        call.decision.transfer = (call.decision.transfer or {}) | {"to": str(partner.cdr.flowno), "by": str(self._side)}
        leave = Release(cause("normal"))
        if self._other_leg is not None:
            partner.media.moved(kept=True)
            partner.replace(self._partner_side, joint, self._other_leg)
            partner.decision.transfer = (partner.decision.transfer or {}) | {"with": str(call.cdr.flowno)}
            self._other_leg.send(leave)
        self._leg.send(Transferred(200))
        self._leg.send(leave)

    # -- where it does not come about

    def _fail(self) -> None:
        """The old call goes on, or ends when the transferring party has hung up meanwhile."""
        call = self._call
        self._end()
        self._leg.send(Transferred(max(self._status, 400)))
        if self._left is not None:
            call.heard(self._leg, self._left)
        elif (self._asking or self._turned) and call.is_talking:
            Restoring(call, self._side, asked=self._asking).begin()

    def _drop(self) -> None:
        self._end()
        self._leg.send(Transferred(487))

    def _end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._call.handover = None
        if self.partner is not None:
            self.partner.handover = None
        joint = self._joint
        if self._other_leg is not None:
            self._give_back()
        elif joint is not None:
            joint.report(Release(cause("caller_abandoned" if joint.status < 200 else "normal")))

    def _give_back(self) -> None:
        """The other call is as it was before: the transferring party's leg stands in it again."""
        other, leg = self.partner, self._other_leg
        assert other is not None
        if not other.is_talking:
            if self._other_left is None:
                leg.send(Release(cause("normal")))
            return
        other.media.moved(kept=False)
        other.put(self._partner_side, leg)
        leg.listen(other)
        if self._other_left is not None:
            other.heard(leg, self._other_left)
        elif self._turning and self._partner_side is not None:
            Restoring(other, self._partner_side, asked=True).begin()


def _place(session: SessionDescription | None) -> Any:
    """Where a description wants its audio and in which directions."""
    media = None if session is None else first_audio(session)
    if session is None or media is None:
        return None
    return media.host or session.host, media.port, [line for line in media.lines if line in _DIRECTIONS]


_DIRECTIONS = {"a=sendonly", "a=recvonly", "a=inactive"}
