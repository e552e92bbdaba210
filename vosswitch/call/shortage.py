"""Money that this node lacks: asked of the recorder, and through it of the other nodes.

A node holds as much of an account as it charges in `BURN_SECONDS`, or some slices of a call, whatever is more, and asks
for more when half of that is left.  A new call that is short, while the database or other nodes have some of the
account, waits once, for `DEADLINE` at most.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from vosswitch.billing.balances import Balances, Purse
    from vosswitch.call.funding import Funding

DEADLINE = 0.2
BURN_SECONDS = 60.0
VAIN_SECONDS = 1.0
"""How long nobody waits any more after a question in vain."""
_PAUSE = 0.5
"""Seconds between two questions about an account that still has enough for a call."""


class Wanting:
    """Asks for more money of the accounts of a call.

    :ivar several: other nodes are alive: what is asked for is a measured part of an account, not all of it.
    :param clock: monotonic ``seconds()``.
    :param want: ``want(account, units)`` asks the recorder.
    """

    __slots__ = ("_asked", "_balances", "_clock", "_marks", "_slices", "_want", "several")

    def __init__(self, balances: Balances, clock: Any, want: Callable[[str, int], object]) -> None:
        self._balances = balances
        self._clock = clock
        self._want = want
        self._marks: dict[str, tuple[float, int]] = {}
        self._asked: dict[str, float] = {}
        self._slices: dict[str, int] = {}
        self.several = False

    def __call__(self, funding: Funding) -> None:
        """Ask for what the shares of a call need next."""
        now = self._clock.seconds()
        short = self._balances.short
        for account, slices, least in funding.wants():
            short.discard(account)
            self._slices[account] = slices
            self._ask(account, slices, least, now)
        while short:
            account = short.pop()
            self._ask(account, self._slices.get(account, 0), 0, now)

    def _ask(self, account: str, slices: int, least: int, now: float) -> None:
        purse = self._balances.purse(account)
        if purse is None:
            self._want(account, slices)
            return
        if purse.free >= least and now - self._asked.get(account, -_PAUSE) < _PAUSE:
            return
        self._asked[account] = now
        target = max(slices, self._burn(account, purse, now))
        purse.low = target // 2 if self.several else 0
        self._want(account, max(target - max(purse.free, 0), least))

    def _burn(self, account: str, purse: Purse, now: float) -> int:
        """What the account's calls here use in a minute, by what was reserved and charged since a while ago."""
        used = purse.reserved + purse.spent
        since, before = self._marks.get(account, (now, used))
        seconds = now - since
        if account not in self._marks or seconds > 2 * BURN_SECONDS:
            self._marks[account] = now, used
        return max(int((used - before) * BURN_SECONDS / seconds), 0) if seconds >= 1 else 0


class Question:
    """A new call that waits for money; `Shortages` answers it once."""

    __slots__ = ("_shortages", "done", "funding", "timer")

    def __init__(self, shortages: Shortages, funding: Funding, done: Callable[[bool], None]) -> None:
        self._shortages = shortages
        self.funding = funding
        self.done = done
        self.timer: Any = None

    def drop(self) -> None:
        """Nobody waits any more."""
        self._shortages.forget(self)


class Shortages:
    """The calls that wait for money.

    :param clock: an `IReactorTime`.
    """

    __slots__ = ("_balances", "_clock", "_vain", "_waiting")

    def __init__(self, balances: Balances, clock: Any) -> None:
        self._balances = balances
        self._clock = clock
        self._vain: dict[str, float] = {}
        self._waiting: dict[Question, None] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def may_help(self, funding: Funding) -> bool:
        """Whether there is more of every account that is short, as far as this node knows."""
        now = self._clock.seconds()
        short = list(self._short(funding))
        return bool(short) and all(
            purse.elsewhere > 0 and now >= self._vain.get(account, now) for account, purse in short
        )

    def ask(self, funding: Funding, done: Callable[[bool], None]) -> Question:
        """Wait for the money of a call, which has been asked for.

        :param done: told once whether the funding is open now.
        """
        question = Question(self, funding, done)
        question.timer = self._clock.callLater(DEADLINE, self._late, question)
        self._waiting[question] = None
        return question

    def heard(self, accounts: Iterable[str]) -> None:
        """There is news of some accounts."""
        if not self._waiting:
            return
        known = set(accounts)
        for question in list(self._waiting):
            if question in self._waiting and any(share.account in known for share in question.funding.shares):
                self._try(question)

    def forget(self, question: Question) -> None:
        """It is not waited for any more."""
        if question in self._waiting:
            del self._waiting[question]
            if question.timer.active():
                question.timer.cancel()

    def _try(self, question: Question) -> None:
        if question.funding.open():
            self._answer(question, opened=True)
        elif any(purse.elsewhere <= 0 for _, purse in self._short(question.funding)):
            self._answer(question, opened=False)

    def _late(self, question: Question) -> None:
        until = self._clock.seconds() + VAIN_SECONDS
        if len(self._vain) > 1000:
            self._vain = {account: at for account, at in self._vain.items() if at > until - VAIN_SECONDS}
        for account, _ in self._short(question.funding):
            self._vain[account] = until
        self._answer(question, opened=False)

    def _answer(self, question: Question, *, opened: bool) -> None:
        self.forget(question)
        question.done(opened)

    def _short(self, funding: Funding) -> Iterable[tuple[str, Purse]]:
        """The accounts with too little for the call."""
        for share in funding.shares:
            if share.bounded and not share.affordable():
                yield share.account, self._balances.state(share.account)
