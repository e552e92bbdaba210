"""What a gateway has to say about numbers besides its dial plans."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from vosswitch.numbers.checks import MobileArea, NumberCheck
from vosswitch.numbers.dialplan import NO_PLAN, DialPlan, parse_plan

if TYPE_CHECKING:
    from collections.abc import Mapping

_plan = lru_cache(maxsize=4096)(parse_plan)


@dataclass(frozen=True, slots=True)
class Numbering:
    """Checks, redirections, mobile areas and the caller pool of a gateway.

    :ivar caller_check: what the calling number has to be like, None = anything; likewise the other checks.
    :ivar forward_check: of every number in Diversion and History-Info.
    :ivar forward_dial_plan: for those numbers; empty = the caller's dial plan.
    :ivar caller_pool: name of a number pool that the calling number is taken from, "" = none.
    """

    caller_check: NumberCheck | None = None
    callee_check: NumberCheck | None = None
    forward_check: NumberCheck | None = None
    forward_dial_plan: DialPlan = NO_PLAN
    mobile_area: MobileArea | None = None
    caller_pool: str = ""

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Numbering:
        """Read a gateway's configuration body; a key that it does not have is off.

        :raises ValueError: a dial plan that cannot be read (provisioning refuses those).
        """
        mobile = body.get("mobile_area")
        found = cls(
            _check(body.get("caller_check")),
            _check(body.get("callee_check")),
            _check(body.get("forward_check")),
            _plan(body.get("forward_dial_plan") or ""),
            MobileArea.from_body(mobile) if mobile else None,
            body.get("caller_pool") or "",
        )
        return PLAIN_NUMBERING if found == PLAIN_NUMBERING else found


def _check(body: Mapping[str, Any] | None) -> NumberCheck | None:
    return NumberCheck.from_body(body) if body else None


PLAIN_NUMBERING = Numbering()
"""Nothing is set."""
