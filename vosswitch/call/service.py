"""The room's shell: takes new calls in, keeps the running ones, writes the finished ones down."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from zope.interface import implementer

from vosswitch.accounts.payers import NOBODY_ELSE
from vosswitch.call.bridge import Call
from vosswitch.call.deciding.decision import Decision
from vosswitch.call.deciding.keeping import kept
from vosswitch.call.deciding.means import Ask
from vosswitch.call.degraded import held_back
from vosswitch.call.dips import Dips
from vosswitch.call.emergencies import Emergencies
from vosswitch.call.fraud.patrol import Patrol
from vosswitch.call.illegal import MINUTE, IllegalCalls
from vosswitch.call.records import close_record, start_record
from vosswitch.call.shortage import Shortages
from vosswitch.call.switchboard import Switchboard
from vosswitch.call.takeover import Takeover, is_party, taken_place
from vosswitch.call.waiting import Waiting
from vosswitch.cdr.hiding import hides, is_hidden
from vosswitch.cdr.record import Cdr
from vosswitch.model.causes import Cause, cause
from vosswitch.model.interfaces import IIncomingCalls
from vosswitch.model.signals import Release, Try
from vosswitch.model.source import source_key
from vosswitch.model.values import CallIds, Side

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vosswitch.call.deciding.decide import Decider
    from vosswitch.call.deciding.porting import Reply
    from vosswitch.call.records import Days
    from vosswitch.call.snapshot import Snapshot


@implementer(IIncomingCalls)
class CallService(Service):
    """Every call of this node.

    :ivar calls: running calls by flowno.
    :ivar waiting: new ones that wait for an answer, of `dips` or of `shortages`.
    :ivar illegal: calls of strangers and their records.
    :ivar emergencies: calls to emergency numbers.
    :ivar patrol: looks at the calls that fraud rules watch.
    :param wall_ms: wall clock, epoch milliseconds.
    :param on_end: told every finished `Cdr` (the frozen ``call_ended`` hook).
    """

    name = "calls"

    def __init__(
        self,
        board: Switchboard,
        decider: Decider | None,
        snapshot: Callable[[], Snapshot],
        ids: CallIds,
        days: Days,
        wall_ms: Callable[[], int],
        on_end: Callable[[Any], None],
    ) -> None:
        self._board = board
        self.decider = decider
        self._snapshot = snapshot
        self._ids = ids
        self._days = days
        self._wall_ms = wall_ms
        self._on_end = on_end
        self._idle: list[Deferred[None]] = []
        self.calls: dict[int, Call] = {}
        self.waiting: dict[int, Waiting] = {}
        self.dips = Dips(board.clock, {})
        self.shortages = Shortages(board.balances, board.clock)
        self.illegal: IllegalCalls[tuple[Try, str]] = IllegalCalls()
        self._illegal_timer: Any = None
        self.log = Logger()
        self.emergencies = Emergencies(self.log)
        self.patrol = Patrol(board.clock, board.guard, self.calls)
        board.ended = self._ended
        board.broken = self._broken
        board.originate = self._take
        board.snapshot = snapshot

    def connect(self, legs: Any, decider: Decider) -> None:
        """Name the way out (an `ILegFactory`) and who decides: both need the SIP room, which needs this service."""
        self._board.legs = legs
        self.decider = decider

    def degrade(self, policy: str) -> None:
        """Have new calls meet VS_CDR_PENDING_POLICY from now on; "" ends that."""
        self._board.degraded = policy

    # New calls.

    def incoming(self, leg: Any, offered: Try) -> None:
        """`IIncomingCalls`: decide, then place or refuse; or let it take the place of a leg that is there."""
        if offered.replaces is None:
            self._take(leg, offered)
        else:
            self._take_over(leg, offered)

    def _take_over(self, leg: Any, offered: Try) -> None:
        snapshot = self._snapshot()
        call, side, refusal = taken_place(self._board.legs, offered, snapshot)
        if refusal is None:
            Takeover(call, side, leg, not is_party(call, side, offered, snapshot)).begin(offered)
            return
        leg.send(Release(refusal))
        now = self._wall_ms()
        cdr = self._new_cdr(self._ids.next(now), self._days.of(now), now, offered)
        cdr.sip_status = leg.status
        cdr.decision = {"refused": "replaces", "notes": [("replaces", refusal.text)]}
        close_record(cdr, refusal, Side.SERVER)
        self._write(cdr, self._snapshot(), no_cdr=False)

    def _take(
        self,
        leg: Any,
        offered: Try,
        subject: Any = None,
        transfer: dict[str, Any] | None = None,
        relay: bool = False,
    ) -> None:
        now = self._wall_ms()
        flowno = self._ids.next(now)
        today = self._days.of(now)
        self._board.tallies.day(today)
        card = transfer.get("card", "") if transfer is not None else ""
        decision = self._decide(Ask(str(flowno), offered, now, subject, card=card))
        if decision.watched is not None:
            self._board.guard.offered(decision.watched)
        if transfer is not None:
            decision.transfer, decision.relay = transfer, relay
        cdr = self._new_cdr(flowno, today, now, decision.offered)
        decision.describe(cdr)
        if transfer is not None:
            cdr.decision = {"transfer": transfer}  # for the record of a call that a crash ends
        if decision.pending is None:
            self._place(leg, cdr, decision)
            return
        refusal = self._looped(decision) or self._hold(decision)  # who may not call has nothing asked
        if refusal is not None:
            self._refuse(leg, cdr, decision, refusal)
            return
        self._wait(Waiting(leg, cdr, decision, "portability", self._resume, self._given_up), self._ask_about_number)

    def _place(self, leg: Any, cdr: Cdr, decision: Decision) -> None:
        """The decision is complete: place the call, or refuse it, or let it wait for money."""
        refusal = decision.cause or self._looped(decision) or self._hold(decision)
        if refusal is None and (decision.funding is None or not decision.funding.open()):
            if self._can_wait_for_money(decision):
                self._wait(Waiting(leg, cdr, decision, "money", self._funded, self._given_up), self._ask_for_money)
                return
            refusal = self._too_poor(decision)
        self._go_on(leg, cdr, decision, refusal)

    def _go_on(self, leg: Any, cdr: Cdr, decision: Decision, refusal: Cause | None) -> None:
        """Everything is decided, and what the call needs is taken when there is no *refusal*."""
        if decision.emergency is not None:
            self.emergencies.called(cdr, decision, refusal)
        if refusal is not None:
            self._refuse(leg, cdr, decision, refusal)
            return
        assert decision.funding is not None
        if self._board.balances.short:
            self._board.want(decision.funding)
        call = Call(self._board, decision, leg, cdr, decision.funding)
        self.calls[cdr.flowno] = call
        self._watch(decision)
        if decision.watched is not None and decision.watched.talking:
            self.patrol.began(cdr.flowno)
        call.begin()

    def _watch(self, decision: Decision) -> None:
        """It counts among the calls at once from now on; a call that waited does already."""
        watched = decision.watched
        if watched is not None and not watched.up:
            self._board.guard.began(watched)

    # Calls that wait for an answer.

    def _wait(self, waiting: Waiting, ask: Callable[[Decision, Callable[[Any], None]], Any]) -> None:
        """Write the call down and let it wait."""
        cdr, decision = waiting.cdr, waiting.decision
        if not decision.written and not self._board.journal.start(start_record(cdr, 0, decision.hides)):
            self._refuse(waiting.leg, cdr, decision, cause("degraded"))
            return
        decision.written = True
        self._watch(decision)
        self.waiting[cdr.flowno] = waiting
        waiting.begin(partial(ask, decision))

    def _ask_about_number(self, decision: Decision, done: Callable[[Reply], None]) -> Any:
        assert decision.pending is not None
        return self.dips.ask(decision.pending, done)

    def _can_wait_for_money(self, decision: Decision) -> bool:
        """Ask for money that is short, for the next call or for this one."""
        if decision.funding is None:
            return False
        self._board.want(decision.funding)
        return self.shortages.may_help(decision.funding)

    @staticmethod
    def _too_poor(decision: Decision) -> Cause:
        if decision.funding is not None:
            decision.note("money", decision.funding.lacking())
        return cause("insufficient_balance")

    def _ask_for_money(self, decision: Decision, done: Callable[[bool], None]) -> Any:
        assert decision.funding is not None
        return self.shortages.ask(decision.funding, done)

    def _funded(self, waiting: Waiting, opened: bool) -> None:
        """There is money for the call now, or there will be none."""
        del self.waiting[waiting.cdr.flowno]
        refusal = None if opened else self._too_poor(waiting.decision)
        self._go_on(waiting.leg, waiting.cdr, waiting.decision, refusal)
        self._rest()

    def _resume(self, waiting: Waiting, reply: Reply) -> None:
        """The answer is there, or there is none."""
        assert self.decider is not None
        cdr, decision = waiting.cdr, waiting.decision
        del self.waiting[cdr.flowno]
        try:
            self.decider.resume(decision, reply)
        except Exception:  # noqa: BLE001 - as in `_decide`
            self.log.failure("call {call_id}: no decision", call_id=str(cdr.flowno))
            decision.cause = cause("degraded")
        decision.describe(cdr)
        self._place(waiting.leg, cdr, decision)
        self._rest()

    def _given_up(self, waiting: Waiting, reached: Cause) -> None:
        """The caller is gone before the answer."""
        del self.waiting[waiting.cdr.flowno]
        self._let_go(waiting.cdr, waiting.decision)
        waiting.decision.note(waiting.what, "the caller gave up while the question was under way")
        self._close_refused(waiting.leg, waiting.cdr, waiting.decision, reached, Side.CALLER)
        self._write(waiting.cdr, waiting.decision.snapshot, no_cdr=waiting.decision.no_cdr)
        self._rest()

    def _stop_waiting(self, waiting: Waiting, reached: Cause) -> None:
        del self.waiting[waiting.cdr.flowno]
        waiting.stop()
        self._refuse(waiting.leg, waiting.cdr, waiting.decision, reached)
        self._rest()

    def _decide(self, ask: Ask) -> Decision:
        """The decision; where that breaks, a refusal, so that there is a record of it."""
        assert self.decider is not None
        snapshot = self._snapshot()
        try:
            return self.decider.decide(ask, snapshot)
        except Exception:  # noqa: BLE001 - a plugin, a price list file or we ourselves: the call is refused
            self.log.failure("call {call_id}: no decision", call_id=ask.call_id)
            failed = Decision(self._without_pin(ask.offered, snapshot), snapshot, {}, ask.wall_ms)
            failed.cause = cause("degraded")
            failed.note("refused", "the decision failed, see the log")
            return failed

    @staticmethod
    def _without_pin(offered: Try, snapshot: Snapshot) -> Try:
        """The call of a decision that broke: nobody knows whether a PIN stands in its number."""
        return offered if snapshot.payers is NOBODY_ELSE else replace(offered, callee=offered.callee[:3])

    # Illegal calls.

    def refused(self, offered: Try, reason: str) -> None:
        """`IIncomingCalls`: a protocol refused a call; only its record is written, at most one a minute per source."""
        count = self._illegal(offered, reason, offered.peer_call_id)
        if count:
            self._write_illegal(offered, reason, count)

    def _illegal(self, offered: Try, reason: str, call_id: str = "") -> int:
        """Of how many illegal calls a record is due now; never from the part of the disk that calls need."""
        board = self._board
        if not self._snapshot().parameters["SERVER_BILLING_RECORD_ILLEGAL_CALL"]:
            return 0
        if not board.journal.admits_strangers():
            self.illegal.left_out += 1
            return 0
        source = source_key(offered.source.host)
        count = self.illegal.heard(source, call_id, (offered, reason), board.clock.seconds())
        if not count:
            self._await_illegal()
        return count

    def _await_illegal(self) -> None:
        if self._illegal_timer is None and self.illegal.waiting:
            self._illegal_timer = self._board.clock.callLater(MINUTE, self._write_due)

    def _write_due(self, everything: bool = False) -> None:
        """Write the records of those whose minute is over."""
        if self._illegal_timer is not None and self._illegal_timer.active():
            self._illegal_timer.cancel()
        self._illegal_timer = None
        for (offered, reason), count in self.illegal.due(self._board.clock.seconds(), everything):
            self._write_illegal(offered, reason, count)
        self._await_illegal()

    def _write_illegal(self, offered: Try, reason: str, count: int) -> None:
        now = self._wall_ms()
        cdr = self._new_cdr(self._ids.next(now), self._days.of(now), now, offered)
        reached = cause(reason)
        cdr.sip_status = reached.status
        cdr.decision = {"refused": reason, "count": count}
        close_record(cdr, reached, Side.SERVER)
        self._write(cdr, self._snapshot(), no_cdr=False)

    def _new_cdr(self, flowno: int, today: str, now: int, offered: Try) -> Cdr:
        return Cdr(
            flowno=flowno,
            day=today,
            start=now,
            stop=now,
            caller=offered.caller,
            callee=offered.callee,
            caller_in=offered.caller,
            callee_in=offered.callee,
            caller_sip_call_id=offered.peer_call_id,
            caller_ip=offered.source.host,
            caller_user_agent=offered.user_agent,
        )

    def _looped(self, decision: Decision) -> Cause | None:
        offered = decision.offered
        if not self._board.loops.came_back(offered.source, offered.caller, offered.callee):
            return None
        decision.note("loop", f"{offered.source} sends a call back that waits for its answer there")
        return cause("loop_detected")

    def _hold(self, decision: Decision) -> Cause | None:
        """Room in the journal, lines and calls per second: all or nothing; a call that waited has its lines already."""
        board = self._board
        if not board.journal.admits():
            decision.note("journal", "there is no room for another call")
            return cause("degraded")
        if board.degraded and held_back(board.degraded, decision):
            return cause("degraded")
        if decision.held:
            return None
        full = board.limits.take(decision.limits, board.clock.seconds())
        if full is not None:
            decision.note("limits", full)
            return cause("cps_limit" if full.startswith("cps") else "line_limit")
        decision.held = True
        return None

    def _let_go(self, cdr: Cdr, decision: Decision) -> None:
        """Give back what a call has that is not placed."""
        if decision.watched is not None:
            self._board.guard.ended(decision.watched, cdr)
        if decision.held:
            decision.held = False
            self._board.limits.free(decision.limit_keys)

    def _refuse(self, leg: Any, cdr: Cdr, decision: Decision, reached: Cause) -> None:
        self._let_go(cdr, decision)
        if decision.card is not None and decision.card.wrong:
            self._board.pins.wrong(decision)
        try:
            leg.send(Release(reached))
        except Exception:  # noqa: BLE001 - whatever a leg raises, the record and the other calls come first
            self.log.failure("call {call_id}: a step failed", call_id=str(cdr.flowno))
        self._close_refused(leg, cdr, decision, reached, Side.SERVER)
        if reached.reason == "unauthorized":  # the address is known, but no gateway there makes such calls
            count = self._illegal(decision.offered, reached.reason)
            if not count:
                return
            cdr.decision = {**(cdr.decision or {}), "count": count}
        self._write(cdr, decision.snapshot, no_cdr=decision.no_cdr)

    def _close_refused(self, leg: Any, cdr: Cdr, decision: Decision, reached: Cause, side: Side) -> None:
        cdr.sip_status = leg.status
        cdr.stop = max(cdr.start, self._wall_ms())
        close_record(cdr, reached, side)
        cdr.decision = kept(decision, failed=True)

    # Finished calls.

    def _broken(self, call: Call) -> None:
        self.log.failure("call {call_id}: a step failed", call_id=str(call.cdr.flowno))

    def _ended(self, call: Call) -> None:
        if self.calls.pop(call.cdr.flowno, None) is None:  # its media reported twice: one record is enough
            return
        watched = call.decision.watched
        if watched is not None:
            self._board.guard.ended(watched, call.cdr)
        call.cdr.decision = kept(call.decision, failed=call.cdr.answer is None)
        self._write(call.cdr, call.decision.snapshot, no_cdr=call.decision.no_cdr)
        if not self.calls:
            self.patrol.idle()
        self._rest()

    def _rest(self) -> None:
        """Tell those who wait for it that no call is left."""
        if not self.calls and not self.waiting:
            idle, self._idle = self._idle, []
            for done in idle:
                done.callback(None)

    def _write(self, cdr: Cdr, snapshot: Snapshot, *, no_cdr: bool) -> None:
        cdr.hidden = is_hidden(cdr, hides(snapshot.parameters, no_cdr=no_cdr))
        self._board.journal.end(cdr)
        self._on_end(cdr)

    # What operators and the composition root ask.

    def release(self, flowno: int, reason: str = "operator_release") -> bool:
        """End one call; False when there is none of that id."""
        call, waiting = self.calls.get(flowno), self.waiting.get(flowno)
        if call is not None:
            call.stop(cause(reason))
        elif waiting is not None:
            self._stop_waiting(waiting, cause(reason))
        return call is not None or waiting is not None

    def stop_all(self, reason: str = "switch_restart") -> Deferred[None]:
        """End every call; fires when their records are written, those of illegal calls too."""
        self._write_due(everything=True)
        for waiting in list(self.waiting.values()):
            self._stop_waiting(waiting, cause(reason))
        for call in list(self.calls.values()):
            call.stop(cause(reason))
        return self.when_idle()

    def when_idle(self) -> Deferred[None]:
        """Fires when no call is running."""
        done: Deferred[None] = Deferred()
        if self.calls or self.waiting:
            self._idle.append(done)
        else:
            done.callback(None)
        return done

    def view(self) -> Iterator[dict[str, Any]]:
        """The running calls, oldest first, one dict each; those that wait before they are placed come last."""
        for call in list(self.calls.values()):
            yield call.view()
        for waiting in list(self.waiting.values()):
            yield waiting.view()
