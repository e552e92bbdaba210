"""Lists of outcomes of an attempt: SIP statuses, ranges of them, names of end reasons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vosswitch.model.causes import Cause


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Some outcomes.

    :ivar codes: final SIP statuses; *reasons* are names of end reasons.
    """

    codes: frozenset[int] = frozenset()
    reasons: frozenset[str] = frozenset()

    @classmethod
    def of(cls, items: Iterable[int | str]) -> Outcomes:
        """Read ``503``, ``"500-599"`` and ``"connection_timeout"``."""
        codes: set[int] = set()
        reasons: set[str] = set()
        for item in items:
            if isinstance(item, int):
                codes.add(item)
            elif item[:1].isdigit():
                low, _, high = item.partition("-")
                codes.update(range(int(low), int(high or low) + 1))
            else:
                reasons.add(item)
        return cls(frozenset(codes), frozenset(reasons)) if codes or reasons else NONE

    def __contains__(self, reached: Cause) -> bool:
        return reached.code in self.codes or reached.reason in self.reasons


NONE = Outcomes()
"""None at all."""
