"""One running call: performs what `vosswitch.call.machine` decides, on its two legs, its money and its record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zope.interface import implementer

from vosswitch.call.aside import ASIDE, taken, tell_digit
from vosswitch.call.attempts import Attempts
from vosswitch.call.digits import digits_of
from vosswitch.call.funding import Funding
from vosswitch.call.handover import Handover
from vosswitch.call.machine import CallMachine, Connect, Finish, HandOver, Input, Relay, State, TryNext, input_of
from vosswitch.call.media import CallMedia, NoCodec, NoPort, needs_relay
from vosswitch.call.records import close_record, media_record, start_record
from vosswitch.call.vendor import VendorShort, join_cost, reserve_cost
from vosswitch.model.causes import Cause, cause
from vosswitch.model.interfaces import ILegListener, IMediaListener
from vosswitch.model.signals import Accept, Answer, Offer, Progress, Refuse, Release, Ring
from vosswitch.model.values import Side

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.call.deciding.decision import Decision, Price
    from vosswitch.call.machine import Effect
    from vosswitch.call.restoring import Restoring
    from vosswitch.call.switchboard import Switchboard
    from vosswitch.call.takeover import Takeover
    from vosswitch.cdr.record import Cdr
    from vosswitch.model.signals import Digit, Headers, Signal


_EXTEND_AHEAD_MS = 3_000
WITHHELD_MS = 2_000
"""Answered time that costs nothing where the caller has kept its leg from the 200: without a PRACK none may go out."""


@implementer(ILegListener, IMediaListener)
class Call:
    """A B2BUA call.

    :ivar cdr: its record, filled in as it goes.
    :ivar answered: monotonic seconds of the answer, None before.
    :ivar guests: the sides where somebody else stands than the party that the call was decided for.
    """

    __slots__ = (
        "_cost",
        "_passed",
        "_started",
        "_timer",
        "answered",
        "attempts",
        "board",
        "caller",
        "cdr",
        "decision",
        "funding",
        "guests",
        "handover",
        "machine",
        "media",
    )

    def __init__(self, board: Switchboard, decision: Decision, caller: Any, cdr: Cdr, funding: Funding) -> None:
        self.board = board
        self._started = board.clock.seconds()
        self._timer: Any = None
        self._cost: Price | None = None
        self._passed = False
        self.caller = caller
        self.decision = decision
        self.cdr = cdr
        self.funding = funding
        self.machine = CallMachine()
        self.media = CallMedia(
            board.media,
            str(cdr.flowno),
            decision.offered.session,
            self,
            decision.parameters["SS_MEDIA_PROXY_MODE"].lower().replace(" ", "_"),
            decision.gateway.profile.codecs if decision.gateway is not None else (),
            decision.offered.identity.private,
        )
        self.attempts = Attempts(board, decision, cdr)
        self.answered: float | None = None
        self.handover: Handover | Takeover | Restoring | None = None
        self.guests: tuple[Side, ...] = ()

    def begin(self) -> None:
        """Write the call down and place the first attempt."""
        self.caller.listen(self)
        self._guard(self._begin)

    def _begin(self) -> None:
        if self.decision.written or self.board.journal.start(
            start_record(self.cdr, self.funding.reserved, self.decision.hides)
        ):
            seconds = self.decision.routing_time
            if seconds is not None:
                self._timer = self.board.clock.callLater(seconds, self._guard, self._out_of_time, seconds)
            self._place_next(cause("no_route"))
        else:
            self.stop(cause("degraded"))

    def _out_of_time(self, seconds: float) -> None:
        self._timer = None
        reached = self.attempts.out_of_time(seconds)
        if reached is not None:
            self.stop(reached)

    def _guard(self, step: Callable[..., None], *arguments: Any) -> None:
        """Do *step*; a call in which something breaks is ended, with everything that it holds given back."""
        try:
            step(*arguments)
        except Exception:  # noqa: BLE001 - whatever a leg, an engine or a plugin raises, money and record come first
            self.board.broken(self)
            self.stop(cause("degraded"))

    def _try(self, step: Callable[..., None], *arguments: Any) -> bool:
        """Do one step of several that all have to be done; False when it failed."""
        try:
            step(*arguments)
        except Exception:  # noqa: BLE001 - the others have to be done all the same
            self.board.broken(self)
            return False
        return True

    # What the legs and the media say.

    def heard(self, leg: Any, signal: Signal) -> None:
        """`ILegListener`: a leg's peer said *signal*; a leg of a failed attempt is not listened to any more."""
        if leg is self.caller:
            side = Side.CALLER
        elif leg is self.attempts.leg:
            side = Side.CALLEE
        else:
            return
        self._guard(self._hear, leg, side, signal)

    def _hear(self, leg: Any, side: Side, signal: Signal) -> None:
        if type(signal) in ASIDE and taken(self, side, signal):
            return
        try:
            signal = self.media.fit(side, signal)
        except NoCodec as none:
            self.decision.note(self._name_of(side), str(none))
            reached = self._mismatch(leg, signal)
            if reached is None:
                return
            signal = reached
        if self.handover is not None and self.handover.takes(self, side, signal):
            return
        what = input_of(side, signal, self.machine.state)
        if what is not None:
            self._perform(self.machine.feed(what, side, signal))

    def _name_of(self, side: Side) -> str:
        """The gateway of *side* in the decision record."""
        if side is Side.CALLER:
            return self.cdr.mapping_gateway or self.cdr.phone
        return self.attempts.route.name if self.attempts.route is not None else ""

    @staticmethod
    def _mismatch(leg: Any, signal: Signal) -> Signal | None:
        """What a word without a usable codec comes to: a change is refused, else the leg of who said it ends."""
        if isinstance(signal, Accept):
            return Refuse(488)
        if isinstance(signal, Offer):
            leg.send(Refuse(488))
            return None
        leg.send(Release(cause("codec_mismatch")))
        return Release(cause("codec_mismatch"))

    def media_started(self, side: Side) -> None:
        """`IMediaListener`: the first packet of *side* came."""
        if side is Side.CALLEE:
            self.attempts.media_started = True

    def media_digit(self, side: Side, digit: Digit) -> None:
        """`IMediaListener`: a digit was taken out of the media of *side*, for the other one is told by signals."""
        self._guard(tell_digit, self, side, digit)

    def media_timeout(self, _side: Side) -> None:
        """`IMediaListener`: a side that should send is silent."""
        # before the answer the callee's own timers decide, and who is transferred waits in silence
        if self.machine.state is State.TALKING and self.handover is None:
            self.stop(cause("rtp_timeout"))

    def stop(self, reached: Cause) -> None:
        """End the call from our side, whatever its state."""
        self._perform(self.machine.feed(Input.STOP, Side.SERVER, Release(reached)))

    def view(self) -> dict[str, Any]:
        """The call as operators see it (control operation ``calls``)."""
        cdr, route = self.cdr, self.attempts.route
        return {
            "call_id": str(cdr.flowno),
            "state": self.machine.state.value,
            "caller": cdr.caller,
            "callee": cdr.callee,
            "caller_in": cdr.caller_in,
            "callee_in": cdr.callee_in,
            "mapping_gateway": cdr.mapping_gateway or None,
            "phone": cdr.phone or None,
            "routing_gateway": route.name if route is not None else None,
            "account": cdr.account,
            "start": cdr.start,
            "answer": cdr.answer,
            "media_proxied": self.media.proxied,
        }

    # What the machine decides.

    def _perform(self, effects: tuple[Effect, ...]) -> None:
        for effect in effects:
            kind = type(effect)
            if kind is Relay:
                self._relay(effect)  # type: ignore[arg-type]
            elif kind is TryNext:
                self._place_next(effect.cause, effect.headers)  # type: ignore[union-attr]
            elif kind is Connect:
                self._connect(effect.signal)  # type: ignore[union-attr, arg-type]
            elif kind is HandOver:
                Handover(self.board, self, effect.by).begin(effect.signal)  # type: ignore[union-attr, arg-type]
            else:
                self._finish(effect)  # type: ignore[arg-type]

    def _relay(self, effect: Relay) -> None:
        signal = self.media.forward(effect.to.other, effect.signal)
        if type(signal) is Refuse and signal.status == 504 and self.machine.state is not State.TALKING:
            signal = self.media.stand_in(effect.to) or signal
        if effect.to is Side.CALLER:
            if isinstance(signal, (Ring, Progress)):
                self.attempts.heard(effect.signal)
                if self.cdr.pdd_ms is None:
                    self.cdr.pdd_ms = self._elapsed_ms()
            self.caller.send(signal)
        elif self.attempts.leg is not None:
            self.attempts.leg.send(signal)

    def _elapsed_ms(self) -> int:
        return int((self.board.clock.seconds() - self._started) * 1000)

    def _place_next(self, last: Cause, headers: Headers = ()) -> None:
        """Go on with the next gateway, or end with the cause of the last one."""
        if self.attempts.failed(last):
            while (route := self.attempts.next()) is not None:
                try:
                    self.attempts.vendor = reserve_cost(self.decision, self.board.balances, route)
                    self.media.digits = digits_of(self.decision, route, self.board.clock.seconds)
                    offer = self.media.offer_to(
                        route.media_proxy,
                        self.decision.media_proxy,
                        self.decision.offered.local.host,
                        self.board.legs.local(route.target, route.local_address),
                        route.profile.codecs,
                        needs_relay(self.decision.offered.source, route.target),
                    )
                except NoPort as none:
                    self.attempts.skipped(route, str(none))
                    last = cause("overload")
                    continue
                except NoCodec as none:
                    self.attempts.skipped(route, str(none))
                    last = cause("codec_mismatch")
                    continue
                except VendorShort as short:
                    self.board.want(Funding((short.share,)))
                    self.attempts.skipped(route, str(short))
                    last = cause("clearing_restricted")
                    continue
                self.attempts.place(route, offer, self)
                return
        reached = self.attempts.final(last)
        by = Side.CALLEE if reached.code > 0 else Side.SERVER
        self._perform(self.machine.feed(Input.STOP, by, Release(reached, headers if reached is last else ())))

    def _connect(self, signal: Answer) -> None:
        """The callee answered: the rate in force now, the answer record, then the caller's 200."""
        self.answered = self.board.clock.seconds()
        self._cancel_timer()
        self.cdr.answer = self.cdr.start + self._elapsed_ms()
        if self.cdr.pdd_ms is None:
            self.cdr.pdd_ms = self._elapsed_ms()
        self.attempts.heard(signal)
        meters = self.decision.meters_at(self.cdr.answer)  # None: no rate has changed since the call began
        cost = self.decision.cost_at(self.attempts.route, self.cdr.answer)
        if meters is not None and not self.funding.reprice(meters):
            self.stop(cause("insufficient_balance"))
            return
        vendor, self.attempts.vendor = self.attempts.vendor, None
        if not join_cost(self.funding, vendor, self.decision, self.board.balances, self.attempts.route, cost):
            self.stop(cause("clearing_restricted"))
            return
        self._cost = cost
        self.attempts.answered()
        answer = self.media.forward(Side.CALLEE, signal)
        self.media.note_codecs(self.cdr)
        self.decision.describe_answer(self.cdr, self._cost)
        self.funding.extend(0)
        if not self.board.journal.answer(self._answer_record()):
            self.stop(cause("degraded"))
        elif self.decision.parameters["VS_JOURNAL_SYNC_ANSWER"]:
            self.board.journal.synced(lambda: self._guard(self._pass_answer, answer))
        else:
            self._pass_answer(answer)

    def _pass_answer(self, answer: Signal) -> None:
        if self.machine.state is State.TALKING:
            self._passed = True
            self._set_timer()  # first: the caller may be gone while it is told
            self.caller.send(answer)

    def _answer_record(self) -> dict[str, Any]:
        funded = self.funding.funded_ms
        answer = self.cdr.answer or 0
        return {
            "flowno": self.cdr.flowno,
            "answer": answer,
            "up": int(self.board.clock.seconds() * 1000),
            "reserved": self.funding.held(),
            "funded_until_ms": None if funded is None else answer + funded,
            "charges_terms": self.decision.charges_terms(self._cost),
            "legs": [self.caller.resume_data(), self.attempts.leg.resume_data()],
            "cdr": self.cdr,
        }

    # Other partners.

    @property
    def is_talking(self) -> bool:
        """Whether the call is answered and up, and its caller knows."""
        return self.machine.state is State.TALKING and self._is_told()

    def leg(self, side: Side) -> Any:
        """The leg on *side*; None between attempts."""
        return self.caller if side is Side.CALLER else self.attempts.leg

    def side_of(self, leg: Any) -> Side | None:
        """On which side *leg* stands; None for one that is not of this call."""
        if leg is self.caller:
            return Side.CALLER
        return Side.CALLEE if leg is not None and leg is self.attempts.leg else None

    def put(self, side: Side | None, leg: Any) -> None:
        """Let *leg* stand on *side*."""
        if side is Side.CALLER:
            self.caller = leg
        else:
            self.attempts.leg = leg

    def replace(self, side: Side | None, leg: Any, former: Any) -> None:
        """*leg* takes the place of *former*, which is to go, on *side* for good; that is written down.

        The vendor of a called leg that is gone is paid until now.
        """
        if side is Side.CALLEE and self.decision.cost_ms is None:
            self.attempts.name_callee()
            self.decision.cost_ms = self._hold_ms()
        gone = self._resume_data(former)
        self.put(side, leg)
        leg.listen(self)
        written = self._extension(self.funding.funded_ms)
        written["legs"] += gone  # it has not been told yet
        self.board.journal.extend(written)

    @staticmethod
    def _resume_data(leg: Any) -> list[dict[str, Any]]:
        """What ends the leg after a restart; nothing for half a joint."""
        data = leg.resume_data() if leg is not None else {}
        return [data] if data else []

    # The end of the funded time and of the longest call.

    def _set_timer(self) -> None:
        funded, longest = self.funding.next_ms, self.decision.longest
        if longest is None and funded is None:
            return
        spoken = self._hold_ms()
        if longest is not None and (funded is None or longest[0] <= funded):
            left, ahead = longest[0] - spoken, 0
        else:
            assert funded is not None
            left = funded - spoken
            ahead = _EXTEND_AHEAD_MS if left > 2 * _EXTEND_AHEAD_MS else 0
        self._timer = self.board.clock.callLater(max(left - ahead, 0) / 1000, self._guard, self._due)

    def _due(self) -> None:
        """Extend the funding or cut the call: it ran to a bound, or will soon."""
        self._timer = None
        spoken = self._hold_ms()
        longest = self.decision.longest
        if longest is not None and spoken >= longest[0]:
            self.stop(cause(longest[1]))
            return
        before = self.funding.next_ms
        after = self.funding.extend(spoken)
        if self.board.balances.short:
            self.board.want(self.funding)
        if self.funding.next_ms != before:
            self.board.journal.extend(self._extension(after))
        elif after is not None:
            self.board.want(self.funding)
            if spoken >= after and not self._goes_on():
                self.stop(cause("balance_exhausted"))
                return
        self._set_timer()

    def _goes_on(self) -> bool:
        """Whether the call goes on without money, by the accounts' own wish; that is written down."""
        if not self.funding.go_on():
            return False
        self.decision.note("money", "it has ended: the call goes on, new ones are refused")
        self.board.journal.extend(self._extension(self.funding.funded_ms))
        return True

    def _extension(self, funded: int | None) -> dict[str, Any]:
        return {
            "flowno": self.cdr.flowno,
            "funded_until_ms": None if funded is None else (self.cdr.answer or 0) + funded,
            "reserved": self.funding.held(),
            "cost_ms": self.decision.cost_ms,
            "legs": self._resume_data(self.caller) + self._resume_data(self.attempts.leg),
        }

    def _hold_ms(self) -> int:
        """Raw call length in ms; never beyond what is funded or allowed: a late cut moves no stop time."""
        if self.answered is None:
            return 0
        spoken = int((self.board.clock.seconds() - self.answered) * 1000)
        funded, longest = self.funding.funded_ms, self.decision.longest
        if longest is not None and spoken > longest[0]:
            spoken = longest[0]
        return spoken if funded is None else min(spoken, funded)

    def spent(self) -> tuple[int, int]:
        """How long it is up, raw ms, and what it costs its caller so far, units of 10^-7; both 0 before the answer."""
        if self.answered is None:
            return 0, 0
        spoken = self._hold_ms()
        return spoken, self.funding.spent(spoken)

    # The end.

    def _finish(self, effect: Finish) -> None:
        self._cancel_timer()
        if not (self._passed and (self._is_told() or self._hold_ms() > WITHHELD_MS)):
            self.answered = self.cdr.answer = None  # an answer that the caller never heard is none
        self._try(self._settle, effect)
        if self.handover is not None:
            self._try(self.handover.stopped, self)
        if Side.CALLEE in effect.release and self.attempts.leg is not None:
            self._try(self.attempts.leg.send, Release(effect.cause, effect.headers))
        if Side.CALLER in effect.release:
            self._try(self.caller.send, Release(effect.cause, effect.headers))
        self._try(self.attempts.close, effect.cause)
        self.cdr.sip_status = self.caller.status
        self._try(self.board.limits.free, self.decision.limit_keys)
        if not self._try(self.media.close, self._written):
            self._written(None)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _is_told(self) -> bool:
        return bool(200 <= self.caller.status < 300)

    def _settle(self, effect: Finish) -> None:
        cdr = self.cdr
        held = self._hold_ms() if self.answered is not None else None
        if held is None:
            cdr.stop = cdr.start + self._elapsed_ms()
        else:
            cdr.stop = (cdr.answer or cdr.start) + held
            cdr.hold_time_ms = held
        close_record(cdr, effect.cause, effect.by)
        self.attempts.owe()
        self.attempts.let_vendors_go()
        self.decision.charge(cdr, self._cost, self.board.balances)

    def _written(self, report: Any) -> None:
        """The media's last figures are in: the record is complete."""
        if report is not None:
            media_record(self.cdr, report)
        self.board.ended(self)
        self.media.forget()  # so that an ended call goes without the garbage collector
        self.decision.stop_routing()
