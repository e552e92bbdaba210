"""Which gateways are there: put aside when they do not answer, back when they do.

A gateway that is up and of which nothing is known has no entry at all.  Calls that end without any answer and failed
OPTIONS are counted alike; ``probe_failures`` of them in a row put a gateway aside.  It comes back by
``probe_successes`` answered OPTIONS, or by a call that it answers; where it is not probed, one call is let through
each time that its back-off has run out.  Retry-After of a 503 or 500 puts it aside for its time, and so does
throttling (`vosswitch.routing.throttling`).  An operator's word stands above all.
Times are monotonic seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from vosswitch.model.peer import PeerProfile

DOUBLINGS = 4
"""A back-off grows to 16 times the first one."""
JITTER = 0.2
"""Share by which a back-off is shorter or longer, so that nodes and gateways do not keep step."""


class State(StrEnum):
    """How a gateway stands."""

    UP = "up"
    FAILING = "failing"  # in use; it has failed, though not often enough
    AWAY = "away"  # put aside until it answers
    HELD = "held"  # put aside for a time: by its own Retry-After or want of resources, or too many of its calls failed
    DISABLED = "disabled"  # by an operator


class Input(StrEnum):
    """What can happen."""

    FAILED = "failed"  # a call or an OPTIONS without an answer
    GONE = "gone"  # so many in a row
    ANSWERED = "answered"
    BACK = "back"  # it has answered often enough
    RETRY_AFTER = "retry-after"
    REST = "rest"  # too many of its calls failed
    ELAPSED = "elapsed"  # the time for which it was held is over
    DISABLE = "disable"
    ENABLE = "enable"


class Aside(NamedTuple):
    """Why a gateway is not tried now.

    :ivar absolute: not even as the last way.
    """

    why: str
    absolute: bool


class Standing:
    """One gateway.

    :ivar since: when it got into this state, *why* in the words of the operator.
    :ivar until: AWAY: no call before; HELD: the end.
    """

    __slots__ = ("_rounds", "failures", "since", "state", "successes", "until", "why")

    def __init__(self, now: float) -> None:
        self.state = State.UP
        self.since = now
        self.why = ""
        self.failures = self.successes = self._rounds = 0
        self.until = 0.0

    def feed(self, what: Input) -> bool:
        """Apply one input; False when the state does not list it: nothing has changed then."""
        row = self.TABLE[self.state].get(what)
        if row is None:
            return False
        self.state, action = row
        action(self)
        return True

    def _count(self) -> None:
        self.failures += 1
        self.successes = 0

    def _clear(self) -> None:
        self.failures = self.successes = self._rounds = 0
        self.until = 0.0

    def _succeed(self) -> None:
        self.successes += 1

    def _nothing(self) -> None:
        pass

    def back_off(self, first: float, chance: float, now: float) -> None:
        """Wait before the next trial; each time twice as long, up to a bound."""
        seconds = first * (1 << min(self._rounds, DOUBLINGS)) * (1 + JITTER * (2 * chance - 1))
        self._rounds += 1
        self.until = now + seconds

    TABLE: ClassVar[dict[State, dict[Input, tuple[State, Callable[[Standing], None]]]]] = {
        State.UP: {
            Input.FAILED: (State.FAILING, _count),
            Input.RETRY_AFTER: (State.HELD, _nothing),
            Input.REST: (State.HELD, _nothing),
            Input.DISABLE: (State.DISABLED, _clear),
        },
        State.FAILING: {
            Input.FAILED: (State.FAILING, _count),
            Input.GONE: (State.AWAY, _nothing),
            Input.ANSWERED: (State.UP, _clear),
            Input.RETRY_AFTER: (State.HELD, _clear),
            Input.REST: (State.HELD, _clear),
            Input.DISABLE: (State.DISABLED, _clear),
            Input.ENABLE: (State.UP, _clear),
        },
        State.AWAY: {
            Input.FAILED: (State.AWAY, _count),
            Input.ANSWERED: (State.AWAY, _succeed),
            Input.BACK: (State.UP, _clear),
            Input.RETRY_AFTER: (State.HELD, _clear),
            Input.DISABLE: (State.DISABLED, _clear),
            Input.ENABLE: (State.UP, _clear),
        },
        State.HELD: {
            Input.RETRY_AFTER: (State.HELD, _nothing),
            Input.REST: (State.HELD, _nothing),
            Input.ELAPSED: (State.UP, _clear),
            Input.DISABLE: (State.DISABLED, _clear),
            Input.ENABLE: (State.UP, _clear),
        },
        State.DISABLED: {
            Input.ENABLE: (State.UP, _clear),
        },
    }


class Availability:
    """All gateways of this node; it outlives every configuration.

    :param chance: gives numbers from 0 to 1, for jitter.
    :ivar told: called with name and standing when a gateway is put aside or comes back.
    :ivar counts: how often gateways were put aside or came back, by the state's name.
    """

    __slots__ = ("_chance", "_standings", "counts", "told")

    def __init__(self, chance: Callable[[], float] = lambda: 0.5) -> None:
        self._chance = chance
        self._standings: dict[str, Standing] = {}
        self.told: Callable[[str, Standing], None] = lambda name, standing: None
        self.counts: dict[str, int] = {}

    def __len__(self) -> int:
        """Gateways of which something is known."""
        return len(self._standings)

    def get(self, name: str) -> Standing | None:
        """The standing of a gateway; None = up."""
        return self._standings.get(name)

    def names(self) -> Iterator[str]:
        """The gateways that are not simply up."""
        return iter(list(self._standings))

    # What calls ask.

    def aside(self, name: str, probed: bool, now: float) -> Aside | None:
        """Why no call goes to a gateway now; None = calls may.

        :param probed: it is asked by OPTIONS, so no call has to try it.
        """
        found = self._standings.get(name)
        if found is None or found.state in _USABLE:
            return None
        if found.state is State.DISABLED:
            return Aside(found.why, absolute=True)
        if found.state is State.AWAY and probed:
            return Aside(f"away: {found.why}", absolute=False)
        left = found.until - now
        if left <= 0:
            return None
        word = "away" if found.state is State.AWAY else "held"
        return Aside(f"{word}: {found.why}; tried again in {left:.0f} s", absolute=False)

    def tried(self, name: str, back_off: float, now: float) -> None:
        """A call goes to it: while it is away, this call is the trial and others wait for its outcome."""
        found = self._standings.get(name)
        if found is not None and found.state is State.AWAY and found.until <= now:
            found.back_off(back_off, self._chance(), now)

    # What happened.

    def answered(self, name: str, now: float) -> None:
        """A call to it got an answer."""
        found = self._standings.get(name)
        if found is None:
            return
        if found.feed(Input.ANSWERED) and found.state is State.AWAY:
            found.feed(Input.BACK)
        self._settle(name, found, now, "a call was answered")

    def probed(self, name: str, profile: PeerProfile, now: float) -> None:
        """An OPTIONS got an answer that counts."""
        found = self._standings.get(name)
        if found is None:
            return
        if found.feed(Input.ANSWERED) and found.state is State.AWAY and found.successes >= profile.probe_successes:
            found.feed(Input.BACK)
        self._settle(name, found, now, "OPTIONS was answered")

    def failed(self, name: str, profile: PeerProfile, back_off: float, now: float, why: str) -> bool:
        """A call or an OPTIONS was not answered.

        :param back_off: seconds of the first one (VS_GATEWAY_BACK_OFF).
        :returns: whether the gateway was put aside by it.
        """
        found = self._standings.get(name)
        if found is None:
            found = self._standings[name] = Standing(now)
        if not found.feed(Input.FAILED):
            return False
        if found.state is State.AWAY:
            if found.until <= now:
                found.back_off(back_off, self._chance(), now)
            return False
        if found.failures < profile.probe_failures:
            return False
        found.feed(Input.GONE)
        found.back_off(back_off, self._chance(), now)
        self._tell(name, found, now, why if found.failures == 1 else f"{why}, {found.failures} times in a row")
        return True

    def retry_after(self, name: str, seconds: float, now: float) -> None:
        """It asked for no more calls for so long."""
        self._hold(name, Input.RETRY_AFTER, seconds, now, "its Retry-After")

    def rest(self, name: str, seconds: float, now: float, why: str) -> None:
        """It gets no calls for so long; one that is away already stays that."""
        self._hold(name, Input.REST, seconds, now, why)

    def relieved(self, name: str, why: str, now: float) -> None:
        """What it was put aside for is over before its time."""
        found = self._standings.get(name)
        if found is not None and found.state is State.HELD and found.why == why:
            found.feed(Input.ELAPSED)
            self._settle(name, found, now, f"no more: {why}")

    def _hold(self, name: str, what: Input, seconds: float, now: float, why: str) -> None:
        found = self._standings.get(name)
        if found is None:
            found = self._standings[name] = Standing(now)
        before = found.state
        if found.feed(what):
            found.until = max(found.until if before is State.HELD else 0.0, now + seconds)
            if before is not State.HELD:
                self._tell(name, found, now, why)

    def sweep(self, now: float) -> None:
        """Take back those whose time is over."""
        for name, found in list(self._standings.items()):
            if found.state is State.HELD and found.until <= now:
                found.feed(Input.ELAPSED)
                self._settle(name, found, now, f"its time is over: {found.why}")

    def disable(self, name: str, now: float, who: str = "an operator") -> None:
        """No calls to it until it is enabled."""
        found = self._standings.get(name)
        if found is None:
            found = self._standings[name] = Standing(now)
        if found.feed(Input.DISABLE):
            self._tell(name, found, now, f"disabled by {who}")

    def enable(self, name: str, now: float, who: str = "an operator") -> None:
        """Calls to it again, whatever was against it."""
        found = self._standings.get(name)
        if found is not None and found.feed(Input.ENABLE):
            self._settle(name, found, now, f"enabled by {who}")

    def keep(self, names: Container[str]) -> None:
        """Forget gateways that are configured no more."""
        for name in [name for name in self._standings if name not in names]:
            del self._standings[name]

    def _settle(self, name: str, found: Standing, now: float, why: str) -> None:
        """A gateway that is up again needs no entry; it is told unless it never was aside."""
        if found.state is not State.UP:
            return
        del self._standings[name]
        if found.why:
            self._tell(name, found, now, why)

    def _tell(self, name: str, found: Standing, now: float, why: str) -> None:
        found.why, found.since = why, now
        self.counts[found.state] = self.counts.get(found.state, 0) + 1
        self.told(name, found)


_USABLE = frozenset({State.UP, State.FAILING})
