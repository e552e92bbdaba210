"""Who is held off, why and until when: numbers on dynamic blacklists, accounts and destinations that a rule blocks."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

MOST = 10_000
"""Blocks of one kind of subject; beyond that the oldest one goes, those of operators last."""
LONGEST_MS = 366 * 86_400_000
SUBJECTS = ("caller", "callee", "account", "destination")
OPERATOR = "operator"

Key = tuple[str, ...]


class Block:
    """Somebody is held off.

    :ivar of: ``caller``, ``callee``, ``account`` or ``destination``.
    :ivar key: the number; of a destination the rule's name, the account and the destination.
    :ivar kind: ``malicious_caller``, ``concurrent_caller``, ``unanswered_callee``, ``operator`` or ``fraud``.
    :ivar rule: the fraud rule's name, "" = none.
    :ivar since: epoch ms, *until_ms* likewise; *until* is the end in monotonic seconds, which counts.
    :ivar hits: calls refused for it.
    """

    __slots__ = ("hits", "key", "kind", "of", "rule", "since", "until", "until_ms", "why")

    def __init__(
        self, of: str, key: Key, kind: str, why: str, since: int, until_ms: int, until: float, rule: str = ""
    ) -> None:
        self.of = of
        self.key = key
        self.kind = kind
        self.why = why
        self.rule = rule
        self.since = since
        self.until_ms = until_ms
        self.until = until
        self.hits = 0

    def to_row(self) -> dict[str, Any]:
        """What is kept of it over a restart."""
        return {
            "of": self.of,
            "key": list(self.key),
            "kind": self.kind,
            "why": self.why,
            "rule": self.rule,
            "since": self.since,
            "until": self.until_ms,
        }


class Blocks:
    """Those of one node.

    :param wall_ms: epoch milliseconds, for what people are shown.
    :ivar changed: told each row that has to be kept; one whose ``until`` is 0 is released.
    """

    __slots__ = ("_held", "_wall_ms", "changed")

    def __init__(self, wall_ms: Callable[[], int]) -> None:
        self._wall_ms = wall_ms
        self._held: dict[str, OrderedDict[Key, Block]] = {of: OrderedDict() for of in SUBJECTS}
        self.changed: Callable[[dict[str, Any]], object] = lambda row: None

    def __len__(self) -> int:
        return sum(map(len, self._held.values()))

    def __bool__(self) -> bool:
        return any(self._held.values())

    def held(self, of: str, key: Key, now: float) -> Block | None:
        """Whether somebody is held off at *now*, monotonic seconds."""
        rows = self._held[of]
        if not rows:
            return None
        block = rows.get(key)
        if block is None or block.until > now:
            return block
        del rows[key]
        return None

    def hold(self, of: str, key: Key, kind: str, why: str, seconds: float, now: float, rule: str = "") -> Block | None:
        """Hold somebody off for some seconds from *now*; one that is held off already is not held any longer for that.

        An operator's word goes before what stands.  0 seconds = not at all.
        """
        found = self.held(of, key, now)
        if seconds <= 0 or (found is not None and kind != OPERATOR):
            return found
        since = self._wall_ms()
        block = Block(of, key, kind, why, since, since + int(seconds * 1000), now + seconds, rule)
        self._keep(block, now)
        self.changed(block.to_row())
        return block

    def _keep(self, block: Block, now: float) -> None:
        rows = self._held[block.of]
        if len(rows) >= MOST and block.key not in rows:
            for _ in range(8):
                key, oldest = rows.popitem(last=False)
                if oldest.until <= now or oldest.kind != OPERATOR:
                    break
                rows[key] = oldest
            else:
                rows.popitem(last=False)
        rows[block.key] = block

    def release(self, of: str, key: Key) -> Block | None:
        """Let somebody go; what held them off."""
        block = self._held[of].pop(key, None)
        if block is not None:
            self.changed(block.to_row() | {"until": 0})
        return block

    def of(self, of: str, now: float) -> Iterator[Block]:
        """The blocks of one kind of subject that are in force, the oldest first."""
        for block in list(self._held[of].values()):
            if block.until > now:
                yield block

    def all(self) -> list[Block]:
        """Every block, over or not."""
        return [block for rows in self._held.values() for block in list(rows.values())]

    def restore(self, row: Mapping[str, Any], now: float) -> None:
        """Take over a row that was kept; what is over by the wall clock is not taken, what cannot be read neither."""
        of, key, until = row.get("of"), row.get("key"), row.get("until")
        texts = [row.get(name) for name in ("kind", "why", "rule")]
        if of not in SUBJECTS or type(until) is not int or type(row.get("since")) is not int:
            return
        sound = isinstance(key, list) and len(key) == (3 if of == "destination" else 1)
        if not sound or not all(isinstance(text, str) for text in (*key, *texts)):  # type: ignore[misc]
            return
        left = min(until - self._wall_ms(), LONGEST_MS)
        found = tuple(key)  # type: ignore[arg-type]
        self._held[of].pop(found, None)
        if left > 0:
            kind, why, rule = texts
            self._keep(Block(of, found, kind, why, row["since"], until, now + left / 1000, rule), now)  # type: ignore[arg-type]
