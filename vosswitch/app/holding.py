"""Whom the node holds off: kept over a restart, told in the log, shown to operators and changed by them."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

from vosswitch.call.fraud.blocks import OPERATOR
from vosswitch.call.fraud.counters import bound_of
from vosswitch.control.protocol import ControlError
from vosswitch.numbers.e164 import LONGEST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from vosswitch.app.node import Switch
    from vosswitch.call.fraud.blocks import Block
    from vosswitch.call.fraud.counters import Counter, FraudEvent
    from vosswitch.call.fraud.files import BlockFile
    from vosswitch.call.fraud.guard import Guard

Arguments = dict[str, Any]

BEHIND = 0.25
"""Seconds that a change waits for its companions."""
PAUSE = 30.0
"""Seconds after a write that failed."""
MOST_LINES = 50_000
"""Lines after which the file is written anew."""
LINES_A_SECOND = 20
_LONGEST_MINUTES = 366 * 1440


class Holding:
    """The blocks of a node on disk, and its fraud events in the log.

    :param in_thread: calls a function in a thread; returns a Deferred.
    :param trouble: told one line when blocks cannot be written, "" when they can again.
    """

    __slots__ = (
        "_changes",
        "_clock",
        "_file",
        "_guard",
        "_in_thread",
        "_lines",
        "_log",
        "_said",
        "_second",
        "_timer",
        "_trouble",
        "_writing",
        "unsaid",
    )  # fmt: skip

    def __init__(
        self,
        clock: Any,
        guard: Guard,
        file: BlockFile,
        in_thread: Callable[..., Any],
        trouble: Callable[[str], None],
        log: Any,
    ) -> None:
        self._clock = clock
        self._guard = guard
        self._file = file
        self._in_thread = in_thread
        self._trouble = trouble
        self._log = log
        self._changes: list[dict[str, Any]] = []
        self._timer: Any = None
        self._writing = False
        self._lines = self._second = self._said = self.unsaid = 0
        guard.told = self.tell

    def start(self) -> str:
        """Take over the blocks of the last run; one line about damage, "" = none."""
        rows, problem = self._file.load()
        now = self._clock.seconds()
        for row in rows:
            self._guard.blocks.restore(row, now)
        self._guard.blocks.changed = self._changed
        if rows:
            self._lines = MOST_LINES
            self._wait(BEHIND)
        return problem

    def stop(self) -> None:
        """Write what is left, here and now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._guard.blocks.changed = lambda row: None
        if self._changes:
            try:
                self._file.append(self._changes)
            except OSError as error:
                self._trouble(f"blocks are not kept: {error.strerror}")

    # Writing behind.

    def _changed(self, row: dict[str, Any]) -> None:
        self._changes.append(row)
        self._wait(BEHIND)

    def _wait(self, seconds: float) -> None:
        if self._timer is None and not self._writing:
            self._timer = self._clock.callLater(seconds, self._write)

    def _write(self) -> None:
        self._timer, self._writing = None, True
        changes, self._changes = self._changes, []
        self._lines += len(changes)
        if self._lines >= MOST_LINES:
            blocks = self._guard.blocks.all()  # they hold the changes already
            self._lines = len(blocks)
            done = self._in_thread(self._file.replace, blocks)
        else:
            done = self._in_thread(self._file.append, changes)
        done.addCallbacks(lambda _: self._written(), self._broken)

    def _written(self) -> None:
        self._writing = False
        self._trouble("")
        if self._changes:
            self._wait(BEHIND)

    def _broken(self, failure: Any) -> None:
        self._writing = False
        self._trouble(f"blocks are not kept: {failure.value}")
        self._lines = MOST_LINES  # whatever is missing then, all is written
        self._wait(PAUSE)

    # The log.

    def tell(self, event: FraudEvent) -> None:
        """A level of a fraud rule is passed: one line for people and machines, so many a second at most."""
        second = int(self._clock.seconds())
        if second != self._second:
            self._second, self._said = second, 0
        if self._said >= LINES_A_SECOND:
            self.unsaid += 1
            return
        self._said += 1
        unsaid, self.unsaid = self.unsaid, 0
        self._log.warn(
            "fraud rule {rule}: {passed}: account {account}, destination {destination}: {what}",
            event=f"fraud_{event.level}",
            passed=event.level,
            rule=event.rule,
            account=event.account,
            destination=event.destination or "all",
            measure=event.measure,
            value=event.value,
            bound=event.bound,
            what=event.text,
            unsaid=unsaid,
        )


# What operators ask.


def implementations(node: Switch) -> Mapping[str, Callable[[Arguments], Any]]:
    """The operations of `vosswitch.control.screening_operations`."""
    return {
        "blacklist": lambda args: _blacklist(node, args["number"]),
        "block": lambda args: _block(node, args),
        "unblock": lambda args: _unblock(node, args["number"]),
        "fraud": lambda args: _fraud(node, args["account"], args["rule"]),
        "fraud_release": lambda args: _fraud_release(node, args["account"], args["rule"]),
    }


def _row(block: Block) -> dict[str, Any]:
    return {
        "number": block.key[0],
        "of": block.of,
        "kind": block.kind,
        "why": block.why,
        "since": block.since,
        "until": block.until_ms,
        "hits": block.hits,
    }


def _blacklist(node: Switch, number: str | None) -> Iterator[dict[str, Any]]:
    for of in ("caller", "callee"):
        for block in node.guard.blocks.of(of, node.reactor.seconds()):
            if number in (None, block.key[0]):
                yield _row(block)


def _block(node: Switch, args: Arguments) -> dict[str, Any]:
    number, of, minutes, why = args["number"], args["of"], args["minutes"], args["why"]
    if not number or len(number) > LONGEST or not number.isprintable() or " " in number:
        raise ControlError("bad_arguments", f"block: number {number[:40]!a}", "expected a number")
    if of not in ("caller", "callee"):
        raise ControlError("bad_arguments", "block: of", "expected caller or callee")
    if not 1 <= minutes <= _LONGEST_MINUTES:
        raise ControlError("bad_arguments", "block: minutes", f"expected 1-{_LONGEST_MINUTES}")
    if len(why) > 64 or any(unicodedata.category(letter).startswith("C") for letter in why):
        raise ControlError("bad_arguments", "block: why", "expected at most 64 printable characters")
    now = node.reactor.seconds()
    block = node.guard.blocks.hold(of, (number,), OPERATOR, why or "by an operator", minutes * 60, now)
    assert block is not None
    return _row(block)


def _unblock(node: Switch, number: str) -> dict[str, Any]:
    released = [block for of in ("caller", "callee") if (block := node.guard.release(of, (number,))) is not None]
    if not released:
        raise ControlError("not_found", f"unblock: number {number[:40]!a}", "expected a number that is blocked")
    return {"number": number, "released": len(released)}


def _fraud(node: Switch, account: str | None, rule: str | None) -> Iterator[dict[str, Any]]:
    now, guard = node.reactor.seconds(), node.guard
    for block in guard.blocks.of("account", now):
        if account in (None, block.key[0]) and rule in (None, block.rule):
            yield _blocked(block, block.rule, block.key[0], "")
    known = set()
    for counter in guard.counters.all():
        known.add(counter.key)
        if account in (None, counter.account) and rule in (None, counter.rule.name):
            yield from _measures(counter, guard.blocks.held("destination", counter.key, now), now)
    for block in guard.blocks.of("destination", now):
        name, number, destination = block.key
        if block.key not in known and account in (None, number) and rule in (None, name):
            yield _blocked(block, name, number, destination)


def _blocked(block: Block, rule: str, account: str, destination: str) -> dict[str, Any]:
    return {
        "rule": rule,
        "account": account,
        "destination": destination or None,
        **dict.fromkeys(("measure", "value", "warn", "block")),
        "state": "blocked",
        "blocked_until": block.until_ms,
        "hits": block.hits,
    }


def _measures(counter: Counter, block: Block | None, now: float) -> Iterator[dict[str, Any]]:
    for measure, _ in counter.rule.bounds:
        bound, value = bound_of(counter.rule, measure), counter.value(measure, now)
        assert bound is not None
        warned = bound.warn is not None and value > bound.warn
        yield {
            "rule": counter.rule.name,
            "account": counter.account,
            "destination": counter.destination or None,
            "measure": measure,
            "value": counter.text(measure, value),
            "warn": counter.text(measure, bound.warn),
            "block": counter.text(measure, bound.block),
            "state": "blocked" if block is not None else "warned" if warned else "fine",
            "blocked_until": block.until_ms if block is not None else None,
            "hits": block.hits if block is not None else 0,
        }


def _fraud_release(node: Switch, account: str, rule: str | None) -> dict[str, Any]:
    if account not in node.snapshot.accounts:
        raise ControlError("not_found", f"fraud_release: account {account[:40]!a}", "expected an account")
    if rule is not None and rule not in node.snapshot.fraud_rules:
        raise ControlError("not_found", f"fraud_release: rule {rule[:64]!a}", "expected a fraud rule")
    return {"account": account, "released": len(node.guard.release_fraud(rule, account))}
