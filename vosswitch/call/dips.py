"""Questions about numbers that calls wait for: bounded in number and time, with answers that are kept.

The reply comes exactly once, whatever a number query does: its answer, its failure, or at the deadline that there is
none.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from vosswitch.call.deciding.porting import Reply
from vosswitch.model.call import NumberQuestion

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vosswitch.accounts.portability import Portability
    from vosswitch.call.deciding.porting import Pending

    Done = Callable[[Reply], None]

_LONGEST = 64


class _Cache:
    """The answers of one kind of question, the oldest go first."""

    __slots__ = ("_answers", "settings")

    def __init__(self, settings: Portability) -> None:
        self.settings = settings
        self._answers: OrderedDict[str, tuple[float, str]] = OrderedDict()

    def key(self, pending: Pending) -> str:
        """What an answer is kept for: one that may depend on the caller is for that caller alone."""
        return f"{pending.number} {pending.attempt.caller}" if self.settings.by_caller else pending.number

    def get(self, key: str, now: float) -> str | None:
        until, lrn = self._answers.get(key, (0.0, ""))
        return lrn if until > now else None

    def put(self, key: str, lrn: str, now: float) -> None:
        settings = self.settings
        if not settings.cache or not settings.cache_seconds:
            return
        self._answers[key] = now + settings.cache_seconds, lrn
        self._answers.move_to_end(key)
        if len(self._answers) > settings.cache:
            self._answers.popitem(last=False)


class Dips:
    """Every question of this node.

    :ivar waiting: questions under way.
    :param clock: an `IReactorTime`.
    :param queries: the `INumberQuery` by source.
    :param failed: told (source, exception) where a query raised.
    """

    def __init__(
        self, clock: Any, queries: Mapping[str, Any], failed: Callable[[str, Exception], object] = lambda *_: None
    ) -> None:
        self.clock = clock
        self.queries = queries
        self.failed = failed
        self.waiting = 0
        self._under_way: dict[str, int] = {}
        self._caches: dict[str, _Cache] = {}

    def ask(self, pending: Pending, done: Done) -> _Dip | None:
        """Put a question; *done* is called once, perhaps at once.

        :returns: the question, None when it is answered already.
        """
        settings = pending.settings
        cache = self._caches.get(settings.name)
        if cache is None or cache.settings is not settings:
            cache = self._caches[settings.name] = _Cache(settings)
        known = cache.get(cache.key(pending), self.clock.seconds())
        if known is not None:
            done(Reply(known, 0))
            return None
        query = self.queries.get(settings.source)
        if query is None:
            done(Reply(None, 0, f"number query {settings.source} is not loaded"))
            return None
        if self._under_way.get(settings.name, 0) >= settings.most:
            done(Reply(None, 0, f"{settings.most} questions are under way"))
            return None
        dip = _Dip(self, cache, pending, done)
        dip.begin(query)
        return None if dip.over else dip

    def count(self, name: str, step: int) -> None:
        """A question begins or ends."""
        self.waiting += step
        now = self._under_way.get(name, 0) + step
        if now:
            self._under_way[name] = now
        else:
            self._under_way.pop(name, None)


class _Dip:
    """One question.

    :ivar over: its reply was given, or is not wanted any more.
    """

    __slots__ = ("_asked", "_cache", "_dips", "_done", "_pending", "_since", "_timer", "over")

    def __init__(self, dips: Dips, cache: _Cache, pending: Pending, done: Done) -> None:
        self._dips, self._cache, self._pending, self._done = dips, cache, pending, done
        self._since = dips.clock.seconds()
        self._timer: Any = None
        self._asked: Any = None
        self.over = False

    def begin(self, query: Any) -> None:
        """Ask."""
        pending = self._pending
        settings = pending.settings
        self._dips.count(settings.name, 1)
        question = NumberQuestion(pending.number, pending.attempt.caller, pending.attempt.call_id, settings)
        try:
            asked = query.ask(question)
        except Exception as error:  # noqa: BLE001 - a plugin may raise anything and must not end the call
            self._fail(error)
            return
        if not hasattr(asked, "addCallbacks"):
            self._answered(asked)
            return
        self._asked = asked
        self._timer = self._dips.clock.callLater(settings.deadline, self._late)
        asked.addCallbacks(self._answered, self._failed)

    def drop(self) -> None:
        """Nobody waits any more."""
        if not self.over:
            self._end()

    def _late(self) -> None:
        self._timer = None
        self._reply(None, "no answer in time")

    def _answered(self, lrn: Any) -> None:
        if self.over:
            return
        if not isinstance(lrn, str) or len(lrn) > _LONGEST:
            self._fail(TypeError(f"expected a text of at most {_LONGEST} characters, got {type(lrn).__name__}"))
            return
        self._cache.put(self._cache.key(self._pending), lrn, self._dips.clock.seconds())
        self._reply(lrn, "")

    def _failed(self, failure: Any) -> None:
        if not self.over:
            self._fail(failure.value)

    def _fail(self, error: Exception) -> None:
        self._dips.failed(self._pending.settings.source, error)
        self._reply(None, f"{type(error).__name__}: {error}"[:100])

    def _reply(self, lrn: str | None, why: str) -> None:
        ms = round((self._dips.clock.seconds() - self._since) * 1000)
        self._end()
        self._done(Reply(lrn, ms, why))

    def _end(self) -> None:
        self.over = True
        self._dips.count(self._pending.settings.name, -1)
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        asked, self._asked = self._asked, None
        if asked is not None and not getattr(asked, "called", True):
            asked.cancel()
