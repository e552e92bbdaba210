"""The provisioned fields that say how the calls of a routing gateway are judged (`vosswitch.routing.conduct`)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from vosswitch.model.causes import END_REASONS
from vosswitch.store import fields
from vosswitch.store.fields import Expected
from vosswitch.store.table import Field

if TYPE_CHECKING:
    from vosswitch.store.fields import Deployment

_RANGE = re.compile(r"([3-6][0-9]{2})(?:-([3-6][0-9]{2}))?", re.ASCII)
_REASONS = frozenset(row.name for row in END_REASONS.values() if row.switch is not None)
"""What an attempt can end with."""
_WORDS = f'SIP statuses 300-699, ranges such as "500-599" and end reasons of attempts ({", ".join(sorted(_REASONS))})'


def outcomes(value: Any, _deployment: Deployment) -> list[int | str]:
    """Outcomes of attempts, each once, in order."""
    if not isinstance(value, list):
        raise Expected(f"a list of {_WORDS}")
    return list(dict.fromkeys(map(_outcome, value)))


def _outcome(item: Any) -> int | str:
    if isinstance(item, str) and item in _REASONS:
        return item
    found = _RANGE.fullmatch(str(item)) if isinstance(item, str | int) and not isinstance(item, bool) else None
    if found is None or (found[2] and int(found[2]) < int(found[1])):
        raise Expected(f"a list of {_WORDS}")
    return str(item) if found[2] else int(found[1])


_SWITCH = fields.choice("system", "on", "off")
_PERCENT = fields.optional(fields.whole(1, 100))

OF_ROUTING_GATEWAYS = (
    Field("asr_calculate", _SWITCH, "system", help="Whether its ASR is kept; system = SS_GATEWAY_ASR_CALCULATE"),
    Field("acd_calculate", _SWITCH, "system", help="Whether its ACD is kept; system = SS_GATEWAY_ACD_CALCULATE"),
    Field("least_asr", _PERCENT, help="Least ASR, percent; left out = any"),
    Field("least_ner", _PERCENT, help="Least NER, percent; left out = any"),
    Field("least_acd", fields.optional(fields.whole(1, 86_400)), help="Least ACD, seconds; left out = any"),
    Field("most_pdd", fields.optional(fields.whole(1, 600_000)), help="Most mean PDD, milliseconds; left out = any"),
    Field("quality_attempts", fields.whole(1, 1_000_000), 50, help="Attempts in the window before it is judged"),
    Field("quality_action", fields.choice("demote", "exclude"), "demote", help="What becomes of it when it misses one"),
    Field("quality_scope", fields.choice("gateway", "prefix"), "gateway", help="All its calls, or those of the prefix"),
    Field("quality_probe", fields.whole(0, 100), 5, help="Percent of calls sent as if it were good"),
    Field("throttle_codes", outcomes, (), help="Outcomes that count as failures; none = it never rests"),
    Field("throttle_window", fields.whole(10, 86_400), 60, help="Seconds in which they are counted"),
    Field("throttle_share", fields.whole(1, 100), 50, help="Percent of failures at which it rests"),
    Field("throttle_attempts", fields.whole(1, 1_000_000), 20, help="Attempts in the window before it may rest"),
    Field("throttle_pause", fields.whole(1, 86_400), 60, help="Seconds that it rests"),
    Field("stop_codes", outcomes, (), help="Outcomes after which no other gateway is tried"),
    Field("continue_codes", outcomes, (), help="Outcomes after which the next gateway is tried"),
)

OF_MAPPING_GATEWAYS = (
    Field("routing_time", fields.optional(fields.whole(1, 3600)), help="Instead of VS_ROUTING_TIME, seconds"),
)


def check_outcomes(values: dict[str, Any]) -> None:
    """See that no outcome of a routing gateway is in both lists.

    :raises ValueError: one is; the text names it.
    """
    spread = [set(_spread(values[name])) for name in ("stop_codes", "continue_codes")]
    both = sorted(map(str, spread[0] & spread[1]))
    if both:
        raise ValueError(f"continue_codes: expected others than stop_codes, {both[0]} is in both")


def _spread(items: list[int | str]) -> list[int | str]:
    found: list[int | str] = []
    for item in items:
        ranged = _RANGE.fullmatch(item) if isinstance(item, str) else None
        found += range(int(ranged[1]), int(ranged[2]) + 1) if ranged else [item]
    return found
