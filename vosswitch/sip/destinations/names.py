"""What names resolve to now: kept for its time to live, asked for ahead of need, used beyond it when no server answers.

No I/O: questions go out through a function, answers come back through `heard`.  Known names are answered without
waiting.  A name of the configuration is kept warm (`keep`); another one is asked for when somebody needs it.
RFC 2308 (negative answers), RFC 8767 (stale ones).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.model.places import is_literal
from vosswitch.sip.destinations.resolution import Plan, locate, normal_name

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from vosswitch.model.values import Address
    from vosswitch.sip.destinations.resolution import Abilities, Answer, Question, Steps

    Ready = Callable[[tuple[Address, ...]], None]

SHORTEST, LONGEST = 5.0, 3600.0
"""Bounds of the time to live, seconds."""
NEGATIVE = 300.0
"""Longest time that "there is no such name" is believed, seconds."""
STALE = 86_400.0
"""How long an answer is used beyond its time while no server answers, seconds."""
RETRY = 5.0
"""Seconds until a failed question about an unknown name is asked again; of a known one `STALE_RETRY`."""
STALE_RETRY = 30.0
ASIDE = 30.0
"""Seconds that an address which did not answer is tried last."""
MOST_NAMES = 4096
MOST_RUNNING = 256
_MOST_ASIDE = 1024
_NOTHING = Plan((), RETRY, False)


class _Known:
    """One name with port and transport.

    :ivar again: when it is to be asked for anew; *expires* when the plan's time is over.
    :ivar failing: the name service did not answer last time.
    :ivar waiting: who wants to be told.
    """

    __slots__ = ("again", "expires", "failing", "kept", "plan", "run", "waiting")

    def __init__(self) -> None:
        self.plan: Plan | None = None
        self.again = self.expires = 0.0
        self.failing = self.kept = False
        self.run: _Run | None = None
        self.waiting: list[Ready] = []


class _Run:
    """One walk through `locate`."""

    __slots__ = ("answers", "questions", "steps", "target")

    def __init__(self, target: Address, steps: Steps) -> None:
        self.target = target
        self.steps = steps
        self.questions: tuple[Question, ...] = ()
        self.answers: dict[Question, Answer] = {}


class Names:
    """The names that are known.

    :param ask: asks a name server; the answer comes through `heard`, never from within the call.
    :param now: monotonic seconds.
    :param source: of chance among SRV records of one priority.
    """

    __slots__ = ("_aside", "_ask", "_asked", "_known", "_now", "_running", "_source", "able")

    def __init__(
        self, able: Abilities, ask: Callable[[Question], None], now: Callable[[], float], source: random.Random
    ) -> None:
        self.able = able
        self._ask = ask
        self._now = now
        self._source = source
        self._known: dict[Address, _Known] = {}
        self._asked: dict[Question, list[_Run]] = {}
        self._running = 0
        self._aside: dict[Address, float] = {}

    # -- questions of the room

    def find(self, target: Address) -> tuple[Address, ...] | None:
        """Where requests to a name go now, in the order of one attempt; None when that is not known yet."""
        plan = self._plan(target)
        return None if plan is None else self._sorted(plan.order(self._source))

    def steady(self, target: Address) -> tuple[Address, ...] | None:
        """`find` without chance."""
        plan = self._plan(target)
        return None if plan is None else self._sorted(plan.steady())

    def wait(self, target: Address, ready: Ready) -> bool:
        """Have *ready* called once, in a later turn, with what `find` gives then; False when nothing is awaited."""
        known = self._known.get(target)
        if known is None or known.run is None:
            return False
        known.waiting.append(ready)
        return True

    def _plan(self, target: Address) -> Plan | None:
        known, now = self._known.get(target), self._now()
        if known is None or (now >= known.again and known.run is None):
            self._begin(target)
            known = self._known[target]
        plan = known.plan
        if plan is None or now >= known.expires + (STALE if known.failing or known.kept else 0.0):
            return None
        return plan

    def _sorted(self, addresses: tuple[Address, ...]) -> tuple[Address, ...]:
        """Those that did not answer lately come last."""
        if not self._aside or len(addresses) < 2:
            return addresses
        now = self._now()
        return tuple(sorted(addresses, key=lambda address: self._aside.get(address, 0.0) > now))

    def put_aside(self, address: Address, seconds: float = ASIDE) -> None:
        """An address did not answer: for some time it is tried last."""
        if len(self._aside) >= _MOST_ASIDE:
            self._aside.clear()
        self._aside[address] = self._now() + seconds

    def is_aside(self, address: Address) -> bool:
        """Whether it did not answer lately."""
        return bool(self._aside) and self._aside.get(address, 0.0) > self._now()

    # -- names of the configuration

    def keep(self, targets: Iterable[Address]) -> None:
        """Keep just these warm; they are asked for now when they are not known."""
        wanted = {target for target in targets if target.host and not is_literal(target.host)}
        for target, known in self._known.items():
            known.kept = target in wanted
        for target in wanted:
            if target not in self._known:
                self._begin(target)
            if target in self._known:
                self._known[target].kept = True

    def tick(self) -> bool:
        """Ask anew for the kept names whose time is nearly over; whether there are any at all."""
        now, kept = self._now(), False
        for target, known in list(self._known.items()):
            if known.kept:
                kept = True
                if now >= known.again and known.run is None:
                    self._begin(target)
        return kept

    def listing(self) -> Iterator[dict[str, Any]]:
        """What is known, for operators: one row per name."""
        now = self._now()
        for target, known in sorted(self._known.items()):
            yield {
                "name": target.host,
                "port": target.port,
                "transport": target.transport,
                "targets": [str(address) for address in (known.plan.steady() if known.plan is not None else ())],
                "state": _state(known, now),
                "expires_in": max(int(known.expires - now), 0),
                "kept": known.kept,
            }

    # -- questions to the name service

    def _begin(self, target: Address) -> None:
        known = self._known.get(target)
        if known is None:
            self._make_room()
            known = self._known[target] = _Known()
        name = normal_name(target.host)
        if not name or self._running >= MOST_RUNNING:
            self._settle(target, known, Plan((), NEGATIVE, bool(not name)))
            return
        self._running += 1
        known.run = run = _Run(target, locate(target._replace(host=name), self.able))
        self._go_on(run, None)

    def _make_room(self) -> None:
        if len(self._known) >= MOST_NAMES:
            spare = [target for target, known in self._known.items() if not known.kept and known.run is None]
            for target in spare[: max(len(spare) // 4, 1)]:
                del self._known[target]

    def _go_on(self, run: _Run, answers: Sequence[Answer] | None) -> None:
        try:
            while not (questions := run.steps.send(answers)):  # type: ignore[arg-type]
                answers = ()
        except StopIteration as done:
            self._running -= 1
            known = self._known[run.target]
            known.run = None
            self._settle(run.target, known, done.value)
            return
        run.questions, run.answers = questions, {}
        for question in questions:
            waiting = self._asked.get(question)
            if waiting is None:
                self._asked[question] = [run]
                self._ask(question)
            elif run not in waiting:
                waiting.append(run)

    def heard(self, question: Question, answer: Answer) -> None:
        """A question was answered, or given up (`Answer.sure` False)."""
        for run in self._asked.pop(question, ()):
            run.answers[question] = answer
            if all(asked in run.answers for asked in run.questions):
                self._go_on(run, [run.answers[asked] for asked in run.questions])

    def _settle(self, target: Address, known: _Known, plan: Plan) -> None:
        now = self._now()
        old = known.plan
        usable = old is not None and old.choices and now < known.expires + STALE
        known.failing = not plan.sure
        if not plan.sure and usable:
            known.again = now + STALE_RETRY
        else:
            ttl = _bounded(plan)
            known.plan, known.expires = plan, now + ttl
            known.again = now + ttl * 0.9
        waiting, known.waiting = known.waiting, []
        for ready in waiting:
            ready(self._sorted((known.plan or _NOTHING).order(self._source)))


def _bounded(plan: Plan) -> float:
    if not plan.sure:
        return STALE_RETRY if plan.choices else RETRY
    return min(max(plan.ttl, SHORTEST), LONGEST if plan.choices else NEGATIVE)


def _state(known: _Known, now: float) -> str:
    if known.plan is None:
        return "asking"
    if known.failing:
        return "stale" if known.plan.choices else "no answer"
    if not known.plan.choices:
        return "nothing"
    return "fresh" if now < known.expires else "old"
