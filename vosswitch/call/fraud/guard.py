"""What a node watches its calls for: dynamic blacklists and fraud rules.

`look` is asked by the decision and changes nothing that matters; the call room then says what became of the call:
`offered` for every one, `began` and `ended` for those that are set up, `post` while they are up.  A call keeps what it
counts in, so that each count is given back, whatever is configured meanwhile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vosswitch.call.fraud.blocks import Blocks
from vosswitch.call.fraud.counters import Counter, Counters, FraudEvent
from vosswitch.call.fraud.dynamic import DynamicLists, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vosswitch.call.deciding.decision import Decision
    from vosswitch.call.fraud.blocks import Block
    from vosswitch.cdr.record import Cdr

FRAUD = "fraud"


class Watched:
    """What is watched of one call.

    :ivar dynamic: the dynamic lists apply.
    :ivar verdict: of the dynamic lists, once they were asked; *fraud* = why the fraud rules refuse it.
    :ivar counters: of the rules that watch it; it counts in these to its end.
    :ivar talking: one of them goes by minutes or money.
    """

    __slots__ = (
        "_guard", "_now", "account", "callee", "caller", "counters", "dynamic", "fraud", "ms", "refused_by",
        "talking", "units", "up", "verdict",
    )  # fmt: skip

    def __init__(self, guard: Guard, decision: Decision, counters: tuple[Counter, ...], *, dynamic: bool) -> None:
        assert decision.account is not None
        self._guard = guard
        self._now = guard.seconds()
        self.caller = decision.caller
        self.callee = decision.callee
        self.account = decision.account.number
        self.counters = counters
        self.dynamic = dynamic
        self.talking = any(counter.rule.talk for counter in counters)
        self.verdict: Verdict | None = None
        self.fraud = ""
        self.refused_by: Block | tuple[Counter, tuple[str, int, int]] | None = None
        self.up = False
        self.ms = self.units = 0

    def listed(self) -> str | None:
        """Why the dynamic lists are against the call; None = they are not."""
        if not self.dynamic:
            return None
        self.verdict = self._guard.lists.verdict(self.caller, self.callee, self._now)
        if self.verdict is None:
            return None
        left = f", {self.verdict.block.until - self._now:.0f} s left" if self.verdict.block is not None else ""
        return f"{self.verdict.kind}: {self.verdict.why}{left}"

    def suspected(self) -> str | None:
        """Why a fraud rule is against the call; None = none is."""
        blocks, now = self._guard.blocks, self._now
        block = blocks.held("account", (self.account,), now)
        if block is not None:
            return self._suspect(block, f"account {self.account}", block)
        for counter in self.counters:
            block = blocks.held("destination", counter.key, now)
            if block is not None:
                return self._suspect(block, counter.whose, block)
            passed = counter.too_much(self.callee, now)
            if passed is not None:
                measure, value, bound = passed
                words = counter.words(measure, value, bound, self.callee)
                self.refused_by = counter, passed
                self.fraud = f"rule {counter.rule.name}: {counter.whose}: {words}"
                return self.fraud
        return None

    def told(self) -> Iterator[str]:
        """What each measure with a level would be with this call, for people."""
        for counter in self.counters:
            for measure, bound in counter.rule.bounds:
                value = counter.with_call(measure, self.callee, self._now)
                level = bound.warn if bound.block is None else bound.block
                yield f"rule {counter.rule.name}: {counter.whose}: {counter.words(measure, value, level, self.callee)}"

    def _suspect(self, block: Block, whose: str, refused_by: Block) -> str:
        self.refused_by = refused_by
        rule = f"rule {block.rule}: " if block.rule else ""
        self.fraud = f"{rule}{whose} is blocked: {block.why}, {block.until - self._now:.0f} s left"
        return self.fraud


class Guard:
    """Dynamic lists, fraud counters and blocks of one node.

    :param seconds: the monotonic clock; *wall_ms* epoch milliseconds.
    :ivar told: told every `FraudEvent`.
    :ivar warned: warnings since the start; *blocked* = blocks of fraud rules.
    :ivar cut: asked to release running calls: of an account, or of a `Counter`.
    :ivar lock: asked to lock an account.
    """

    __slots__ = ("blocked", "blocks", "counters", "cut", "lists", "lock", "seconds", "told", "warned")

    def __init__(self, seconds: Callable[[], float] = float, wall_ms: Callable[[], int] = int) -> None:
        self.seconds = seconds
        self.blocks = Blocks(wall_ms)
        self.lists = DynamicLists(self.blocks)
        self.counters = Counters()
        self.warned = self.blocked = 0
        self.told: Callable[[FraudEvent], object] = lambda event: None
        self.cut: Callable[[str | Counter], object] = lambda what: None
        self.lock: Callable[[str], object] = lambda account: None

    # Asked by the decision.

    def look(self, decision: Decision) -> Watched | None:
        """What is watched of a call; None = nothing."""
        snapshot, lists = decision.snapshot, self.lists
        lists.follow(snapshot.parameters)
        rules = snapshot.fraud
        if not (lists.on or rules or self.blocks):
            return None
        account, gateway = decision.account, decision.gateway
        assert account is not None
        dynamic = gateway is None or gateway.screening.dynamic_lists
        counters: tuple[Counter, ...] = ()
        if rules:
            counters = self._counters(decision, account.number)
        return Watched(self, decision, counters, dynamic=dynamic)

    def _counters(self, decision: Decision, account: str) -> tuple[Counter, ...]:
        snapshot, found = decision.snapshot, []
        for rule in snapshot.fraud.of(account):
            destination = rule.destination(decision.callee, decision.wall_ms, snapshot)
            if destination is not None:
                found.append(self.counters.of(rule, account, destination, self.seconds()))
        return tuple(found)

    # What becomes of it.

    def offered(self, watched: Watched) -> None:
        """A call came in; it is counted, unless the lists or rules refused it."""
        now = self.seconds()
        if watched.dynamic:
            self.lists.offered(watched.caller, watched.verdict, now)
        if watched.verdict is not None:
            return
        if watched.fraud:
            self._refused(watched, now)
            return
        for counter in watched.counters:
            counter.offered(watched.callee, now)
            for event in counter.passed(now, talk=False):
                self._tell(event)

    def _refused(self, watched: Watched, now: float) -> None:
        refused_by = watched.refused_by
        if isinstance(refused_by, tuple):
            counter, (measure, value, bound) = refused_by
            self._block(counter, counter.event("block", measure, value, bound, watched.callee), now)
        elif refused_by is not None:
            refused_by.hits += 1

    def began(self, watched: Watched) -> None:
        """It is being set up."""
        watched.up = True
        if watched.dynamic:
            self.lists.began(watched.caller)
        now = self.seconds()
        for counter in watched.counters:
            counter.running += 1
            for event in counter.passed(now, talk=False):
                self._tell(event)

    def ended(self, watched: Watched, cdr: Cdr) -> None:
        """It is over; its last seconds and the fee as billed count."""
        if not watched.up:
            return
        watched.up = False
        for counter in watched.counters:
            counter.running -= 1
        if watched.talking:
            self.post(watched, cdr.hold_time_ms if cdr.answer is not None else 0, cdr.fee)
        if watched.dynamic:
            self.lists.over(watched.caller)
            if cdr.attempts:
                self.lists.ended(
                    watched.callee,
                    answered=cdr.answer is not None,
                    reason=cdr.end_reason,
                    code=cdr.code,
                    rang=cdr.pdd_ms is not None,
                    now=self.seconds(),
                )

    def post(self, watched: Watched, ms: int, units: int) -> None:
        """A call has talked for *ms* and costs *units* so far."""
        now = self.seconds()
        more = ms - watched.ms, units - watched.units
        watched.ms, watched.units = ms, units
        for counter in watched.counters:
            counter.spoken(now, *more)
            if counter.rule.talk:
                for event in counter.passed(now, talk=True):
                    if event.level == "block":
                        self._block(counter, event, now)
                    else:
                        self._tell(event)

    def _tell(self, event: FraudEvent) -> None:
        if event.level == "warn":
            self.warned += 1
        else:
            self.blocked += 1
        self.told(event)

    def _block(self, counter: Counter, event: FraudEvent, now: float) -> None:
        """A block level is passed: what the rule says is done, once for as long as it lasts."""
        rule = counter.rule
        of, key = ("account", (counter.account,)) if rule.block_what == "account" else ("destination", counter.key)
        if self.blocks.held(of, key, now) is not None:
            return
        if rule.block_what != "call":
            self.blocks.hold(of, key, FRAUD, event.text, rule.block_for, now, rule.name)
        if rule.cut:
            self.cut(counter.account if rule.block_what == "account" else counter)
        if rule.block_what != "call" or counter.may_tell("block", event.measure, now):
            if rule.lock:
                self.lock(counter.account)
            self._tell(event)

    # Operators.

    def release(self, of: str, key: tuple[str, ...]) -> Block | None:
        """Let somebody go, with a past that is forgotten; what held them off."""
        block = self.blocks.release(of, key)
        if of in ("caller", "callee"):
            self.lists.released(of, key[0])
        return block

    def release_fraud(self, rule: str | None, account: str) -> list[Block]:
        """Let an account go, from one rule or all; what held it off.  Its windows begin anew."""
        now, found = self.seconds(), []
        for of in ("account", "destination"):
            for block in self.blocks.of(of, now):
                whose = block.key[0] if of == "account" else block.key[1]
                if whose == account and rule in (None, block.rule):
                    self.blocks.release(of, block.key)
                    found.append(block)
        for counter in self.counters.all():
            if counter.account == account and rule in (None, counter.rule.name):
                counter.clear()
        return found
