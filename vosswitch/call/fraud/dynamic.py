"""Dynamic blacklists: numbers that are held off for a while for what they did (SS_BLACK_LIST_*).

* malicious caller: a calling number with LIMIT calls within CHECK_INTERVAL; its call that reaches the limit is the
  first one that is refused.
* concurrent caller: a calling number with LIMIT calls at once; likewise.
* unanswered callee: a called number that LIMIT calls reached within CHECK_INTERVAL and did not answer; the next call
  is refused.  An answered call begins the count anew.

A caller who shows no number (``anonymous``, or none at all) is many callers: it is not counted, and only an operator
can hold it off.  A limit of 0 switches a list off.  Calls that a list refuses count for nothing: they prolong no block.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from vosswitch.call.fraud.rolling import Recent

if TYPE_CHECKING:
    from vosswitch.call.fraud.blocks import Block, Blocks

MALICIOUS, CONCURRENT, UNANSWERED = "malicious_caller", "concurrent_caller", "unanswered_callee"
_CALLEES_FAULT = frozenset({"no_answer", "busy"})
_NAMELESS = frozenset({"", "anonymous", "unknown", "unavailable", "restricted", "private"})
_CALLEES_CODES = frozenset({480, 486, 600, 603})


class Verdict(NamedTuple):
    """Why a call is refused.

    :ivar block: what stands already; None = this call is the one too many, and *kind* is the list that it gets on.
    """

    kind: str
    why: str
    block: Block | None = None


def nameless(caller: str) -> bool:
    """Whether a calling number is none, so that very different callers share it."""
    return caller.lower() in _NAMELESS


class DynamicLists:
    """The counts behind the lists; times are monotonic seconds.

    :ivar blocks: where they are kept.
    """

    __slots__ = (
        "_callees", "_callers", "_concurrent", "_concurrent_expire", "_malicious", "_malicious_expire", "_parameters",
        "_running", "_unanswered", "_unanswered_expire", "blocks", "on",
    )  # fmt: skip

    def __init__(self, blocks: Blocks) -> None:
        self.blocks = blocks
        self.on = False
        self._parameters: Any = None
        self._malicious = self._concurrent = self._unanswered = 0
        self._malicious_expire = self._concurrent_expire = self._unanswered_expire = 0
        self._callers = Recent(60)
        self._callees = Recent(600)
        self._running: dict[str, int] = {}

    def follow(self, parameters: Any) -> None:
        """Take the parameters in force; costs nothing while they are the same."""
        if parameters is self._parameters:
            return
        self._parameters = parameters
        cycle = parameters["SS_BLACK_LIST_CALLER_MALICIOUS_CALL_CHECK_INTERVAL"]
        window = parameters["SS_BLACK_LIST_NO_ANSWER_CHECK_INTERVAL"]
        self._malicious = parameters["SS_BLACK_LIST_CALLER_MALICIOUS_CALL_LIMIT"] if cycle else 0
        self._concurrent = parameters["SS_BLACK_LIST_CALLER_CONCURRENT_LIMIT"]
        self._unanswered = parameters["SS_BLACK_LIST_NO_ANSWER_LIMIT"] if window else 0
        self._malicious_expire = parameters["SS_BLACK_LIST_CALLER_MALICIOUS_CALL_EXPIRE"]
        self._concurrent_expire = parameters["SS_BLACK_LIST_CALLER_CONCURRENT_EXPIRE"]
        self._unanswered_expire = parameters["SS_BLACK_LIST_NO_ANSWER_EXPIRE"]
        if not self._malicious or cycle != self._callers.seconds:
            self._callers = Recent(cycle or 60)
        if not self._unanswered or window != self._callees.seconds:
            self._callees = Recent(window or 600)
        self.on = bool(self._malicious or self._concurrent or self._unanswered)

    # Asked about a call; nothing changes.

    def verdict(self, caller: str, callee: str, now: float) -> Verdict | None:
        """Why a call would be refused."""
        for of, number in (("caller", caller), ("callee", callee)):
            block = self.blocks.held(of, (number,), now)
            if block is not None:
                return Verdict(block.kind, f"{of} {number} is on the list: {block.why}", block)
        if nameless(caller):
            return None
        limit = self._malicious
        if limit and self._callers.count(caller, now) + 1 >= limit:
            return Verdict(MALICIOUS, f"caller {caller}: {limit} calls within {self._callers.seconds:g} s")
        limit = self._concurrent
        if limit and self._running.get(caller, 0) + 1 >= limit:
            return Verdict(CONCURRENT, f"caller {caller}: {limit} calls at once")
        return None

    # What happens.

    def offered(self, caller: str, verdict: Verdict | None, now: float) -> None:
        """A call came in.

        :param verdict: of the lists; None = they have nothing against it, or were not asked.
        """
        if verdict is not None and verdict.block is not None:
            verdict.block.hits += 1
        elif nameless(caller):
            return
        elif verdict is not None and verdict.kind == CONCURRENT:
            self._hold("caller", caller, CONCURRENT, verdict.why, self._concurrent_expire, now)
        elif self._malicious and self._callers.add(caller, now) >= self._malicious:
            why = f"{self._malicious} calls within {self._callers.seconds:g} s"
            self._hold("caller", caller, MALICIOUS, why, self._malicious_expire, now)
            self._callers.forget(caller)

    def began(self, caller: str) -> None:
        """A call is up or being set up; `over` has to follow."""
        self._running[caller] = self._running.get(caller, 0) + 1

    def over(self, caller: str) -> None:
        """It is no more."""
        left = self._running[caller] - 1
        if left:
            self._running[caller] = left
        else:
            del self._running[caller]

    def ended(self, callee: str, *, answered: bool, reason: str, code: int, rang: bool, now: float) -> None:
        """How a call to *callee* ended.

        :param rang: the callee's side rang or progressed.
        """
        if not self._unanswered:
            return
        if answered:
            self._callees.forget(callee)
            return
        reached = reason in _CALLEES_FAULT or code in _CALLEES_CODES or (reason == "caller_abandoned" and rang)
        if reached and self._callees.add(callee, now) >= self._unanswered:
            why = f"{self._unanswered} calls without an answer within {self._callees.seconds:g} s"
            self._hold("callee", callee, UNANSWERED, why, self._unanswered_expire, now)
            self._callees.forget(callee)

    def _hold(self, of: str, number: str, kind: str, why: str, seconds: float, now: float) -> None:
        self.blocks.hold(of, (number,), kind, why.removeprefix(f"caller {number}: "), seconds, now)

    def released(self, of: str, number: str) -> None:
        """An operator let a number go: its past is forgotten."""
        (self._callers if of == "caller" else self._callees).forget(number)

    @property
    def running(self) -> dict[str, int]:
        """Calling numbers and their calls; for tests."""
        return dict(self._running)
