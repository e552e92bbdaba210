"""The attempts of one call: one gateway after the other, each with its lines, its record and its cause."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.call import outcome
from vosswitch.call.deciding.routes import placement
from vosswitch.cdr.record import Attempt
from vosswitch.model.causes import Cause, cause
from vosswitch.model.h323 import protocol
from vosswitch.model.signals import Progress, Ring
from vosswitch.routing.conduct import USUAL
from vosswitch.routing.failover import next_allowed

if TYPE_CHECKING:
    from vosswitch.call.deciding.decision import Decision
    from vosswitch.call.deciding.pricing import Price
    from vosswitch.call.deciding.routes import Route
    from vosswitch.call.loops import Key
    from vosswitch.call.switchboard import Switchboard
    from vosswitch.call.vendor import CostShare
    from vosswitch.cdr.record import Cdr
    from vosswitch.model.session import SessionDescription
    from vosswitch.model.signals import Redirected, Signal

LONGEST_URI = 255
"""Characters that a record keeps of where a peer has redirected a call."""


class Attempts:
    """What was tried so far and what runs now.

    :ivar leg: the running attempt's leg, None between attempts.
    :ivar route: the running (or answered) attempt's route.
    :ivar media_started: media came from the callee's side.
    :ivar vendor: what is held of the vendor of the running attempt; None = nothing has to be.
    """

    __slots__ = (
        "_began",
        "_board",
        "_cdr",
        "_decision",
        "_early",
        "_full",
        "_late",
        "_loop",
        "_placed",
        "_price",
        "_ringing",
        "_row",
        "_since",
        "_taken",
        "_vendors",
        "leg",
        "media_started",
        "route",
        "vendor",
    )

    def __init__(self, board: Switchboard, decision: Decision, cdr: Cdr) -> None:
        self._board = board
        self._decision = decision
        self._cdr = cdr
        self._placed = 0
        self._began = board.clock.seconds()
        self._since = 0.0
        self._ringing = self._early = self._full = self._late = False
        self._row: Attempt | None = None
        self._price: Price | None = None
        self._taken: Route | None = None
        self._loop: Key | None = None
        self.leg: Any = None
        self.route: Route | None = None
        self.media_started = False
        self.vendor: CostShare | None = None
        self._vendors: tuple[CostShare, ...] = ()

    def next(self) -> Route | None:
        """The next route that has lines and calls per second left; its place is taken."""
        if self._late:
            return None
        if self._placed:  # rates may be others by now
            elapsed = self._board.clock.seconds() - self._began
            self._decision.now_ms = self._decision.wall_ms + int(elapsed * 1000)
        for route in self._decision.routes:
            full = self._board.limits.take(route.limits, self._board.clock.seconds())
            if full is None:
                self._taken = route
                return route
            self._full = True
            self._decision.note(route.name, f"full: {full}")
        return None

    def skipped(self, route: Route, why: str) -> None:
        """A route that was taken cannot be used after all."""
        self._release_route()
        if self.vendor is not None:
            self.vendor.give_back()
            self.vendor = None
        self._decision.note(route.name, why)

    def place(self, route: Route, offer: SessionDescription | None, listener: Any) -> None:
        """Start the attempt."""
        self._placed += 1
        self._since = self._board.clock.seconds()
        self._ringing = self._early = self.media_started = False
        self._row = self._new_row(route)
        self._describe(route)
        self.route = route
        self._board.tallies.attempted(route.name)
        outcome.tried(self._board.availability, self._decision, route, self._since)
        self.leg = self._board.legs.place(placement(self._decision, str(self._cdr.flowno), route, offer), listener)
        self._loop = self._board.loops.began(self.leg.remote, route.caller_out, route.callee_out)

    def _new_row(self, route: Route) -> Attempt:
        decision = self._decision
        decision.tried(route)
        asked, price = decision.asked  # when it was seen whether the call pays
        if asked != route.name:
            price = decision.vendor_price(route, decision.now_ms)
        self._price = price
        row = Attempt(route.name, route.caller_out, route.callee_out, prefix=route.prefix)
        row.protocol = protocol(route.target)
        if price is not None:
            row.cost_prefix, row.price = price.rate.prefix, price.rate.per_minute
        return row

    def _describe(self, route: Route) -> None:
        """The record names the last gateway tried, and the numbers as it got them."""
        cdr = self._cdr
        assert self._row is not None
        cdr.attempts.append(self._row)
        cdr.caller_out, cdr.callee_out = route.caller_out, route.callee_out
        if route.phone:
            cdr.routing_gateway, cdr.callee_phone = "", route.phone
        else:
            cdr.routing_gateway, cdr.callee_phone = route.name, ""

    def redirected(self, signal: Redirected) -> None:
        """The attempt goes on elsewhere; a call that comes back from there is known, too."""
        if self._row is not None and self.route is not None:
            self._row.redirects.append(signal.uri[:LONGEST_URI])
            self._decision.note(self.route.name, f"redirected to {signal.uri[:LONGEST_URI]}")
            if self._loop is not None:
                self._board.loops.over(self._loop)
                self._loop = self._board.loops.began(signal.target, self.route.caller_out, signal.number)

    def heard(self, signal: Signal) -> None:
        """The callee's side reported progress or its answer."""
        if self._board.availability and self.route is not None:
            self._board.availability.answered(self.route.name, self._board.clock.seconds())
        if self._row is not None and self._row.pdd_ms is None:
            self._row.pdd_ms = self._elapsed_ms()
        self._ringing = self._ringing or isinstance(signal, Ring)
        self._early = self._early or (isinstance(signal, (Ring, Progress)) and signal.session is not None)

    def failed(self, reached: Cause) -> bool:
        """The running attempt ended with *reached*; whether the next gateway may be tried (True before the first)."""
        if self.leg is None:
            return True
        self.owe()
        self._close_row(reached.reason, reached)
        board = self._board
        outcome.ended(board.availability, self._decision, self.route, reached, self.leg, board.clock.seconds())
        self._release_route()
        return next_allowed(
            reached,
            self._placed,
            ringing=self._ringing,
            early_media=self._early,
            rtp_started=self.media_started,
            registered=self.route is not None and self.route.profile.register,
            h323=self.route is not None and self.route.profile.h323 is not None,
            conduct=self.route.conduct if self.route is not None else USUAL,
            parameters=self._decision.parameters,
        )

    def owe(self) -> None:
        """The running attempt is not answered: its vendor's attempt fee is owed if its gateway has said anything."""
        price, self._price = self._price, None
        owed = price is not None and self.leg is not None and self.leg.status
        if owed:
            self._decision.owe_attempt(price)
        share, self.vendor = self.vendor, None
        if share is not None:
            share.keep(share.meter.nothing().fee if owed else 0)
            self._vendors += (share,)

    def let_vendors_go(self) -> None:
        """The call is over: what is held for attempts goes back, right before their fees are charged."""
        for share in self._vendors:
            share.give_back()
        self._vendors = ()

    def out_of_time(self, seconds: float) -> Cause | None:
        """No further attempt begins; the cause by which to end the running one, None = it has rung and goes on."""
        self._late = True
        self._decision.note("routing_time", f"{seconds:g} s are over")
        if self.leg is None or self._row is None or self._row.pdd_ms is not None:
            return None
        return cause("response_timeout" if self.leg.status else "connection_timeout")

    def final(self, last: Cause) -> Cause:
        """What the caller is told when nothing is left: *last*, or why none was even tried."""
        if self._placed == 0 and last.reason == "no_route" and self._decision.had_candidates:
            return cause("all_gateways_busy" if self._full else self._decision.unusable)
        return last

    def answered(self) -> None:
        """The running attempt is the one."""
        self._price = None  # its fee is that of the answer
        self._close_row("answered", None)
        assert self.route is not None
        self._decision.answered_by(self.route)
        self._decision.stop_routing()
        self.name_callee()
        self._waits_no_more()

    def close(self, reached: Cause) -> None:
        """The call is over; an attempt still running ends with it."""
        if self._row is not None and not self._row.reason:
            self._close_row(reached.reason, reached)
        elif self.leg is not None and self.route is not None and self._cdr.answer is not None:
            spoken, cost = self._cdr.hold_time_ms, self._decision.cost_ms
            outcome.spoken(self._board, self._decision, self.route, spoken if cost is None else min(spoken, cost))
        self._release_route()

    def _release_route(self) -> None:
        """Give the lines of the route back, whether or not a leg came of it."""
        self._waits_no_more()
        taken, self._taken = self._taken, None
        if taken is not None:
            self._board.limits.free(taken.limit_keys)
        if self.leg is not None:
            self.name_callee()
            self.leg = None

    def _waits_no_more(self) -> None:
        if self._loop is not None:
            self._board.loops.over(self._loop)
            self._loop = None

    def name_callee(self) -> None:
        """Write down who the callee's peer is."""
        self._cdr.callee_sip_call_id = self.leg.peer_call_id
        self._cdr.callee_user_agent = self.leg.user_agent
        self._cdr.callee_ip = self.leg.remote.host

    def _close_row(self, reason: str, reached: Cause | None) -> None:
        if self._row is not None:
            status = self.leg.status if self.leg is not None else 0
            self._row.status = status if status >= 200 else 0  # a provisional one is no outcome
            self._row.reason = reason
            self._row.duration_ms = self._elapsed_ms()
            if self.route is not None:
                outcome.counted(self._board, self._decision, self.route, reached, self._row.pdd_ms)

    def _elapsed_ms(self) -> int:
        return int((self._board.clock.seconds() - self._since) * 1000)
