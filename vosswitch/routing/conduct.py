"""How the calls of a routing gateway are judged: quality, throttling, and what makes the next gateway come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vosswitch.routing.outcomes import NONE, Outcomes

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Throttle:
    """When a gateway rests because too many of its calls fail.

    :ivar codes: the outcomes that count as failures.
    :ivar share: percent of failures, of at least *attempts* within *window* seconds, at which it rests.
    :ivar pause: seconds.
    """

    codes: Outcomes
    window: int = 60
    share: int = 50
    attempts: int = 20
    pause: int = 60


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What is wanted of a gateway's calls; None = nothing.

    :ivar asr: least ASR, percent; *ner* likewise; *acd* least seconds; *pdd* most milliseconds.
    :ivar attempts: how many the window has to hold before it is judged; answered calls for the ACD.
    :ivar exclude: one that misses them gets no calls, else it stands behind all others.
    :ivar by_prefix: judged by its calls to the destination, else by all of them.
    :ivar probe: percent of calls that are sent as if it were good, so that it can show that it is.
    """

    asr: int | None = None
    ner: int | None = None
    acd: int | None = None
    pdd: int | None = None
    attempts: int = 50
    exclude: bool = False
    by_prefix: bool = False
    probe: int = 5


@dataclass(frozen=True, slots=True)
class Conduct:
    """All of it for one gateway.

    :ivar asr: whether attempts are counted for the order of gateways: None = SS_GATEWAY_ASR_CALCULATE; *acd*
        likewise.
    :ivar sample: so many attempts (answered calls) to a destination make the order of gateways go by its figures, else
        it goes by those of all calls; 0 = always.
    :ivar thresholds: None = none; *throttle* likewise.
    :ivar stop_codes: outcomes after which no other gateway is tried; *continue_codes* those after which one is.
    """

    asr: bool | None = None
    acd: bool | None = None
    sample: int = 0
    thresholds: Thresholds | None = None
    throttle: Throttle | None = None
    stop_codes: Outcomes = NONE
    continue_codes: Outcomes = NONE

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Conduct:
        """Read a configuration body; a field that is missing has the default."""
        get = body.get
        found = cls(
            asr=_SWITCH[get("asr_calculate", "system")],
            acd=_SWITCH[get("acd_calculate", "system")],
            sample=body["quality_attempts"] if get("quality_scope") == "prefix" else 0,
            thresholds=_thresholds(body),
            throttle=_throttle(body),
            stop_codes=Outcomes.of(get("stop_codes", ())),
            continue_codes=Outcomes.of(get("continue_codes", ())),
        )
        return USUAL if found == USUAL else found


_SWITCH = {"system": None, "on": True, "off": False}


def _thresholds(body: Mapping[str, Any]) -> Thresholds | None:
    wanted: list[int | None] = [body.get(name) for name in ("least_asr", "least_ner", "least_acd", "most_pdd")]
    if all(value is None for value in wanted):
        return None
    return Thresholds(
        asr=wanted[0],
        ner=wanted[1],
        acd=wanted[2],
        pdd=wanted[3],
        attempts=body["quality_attempts"],
        exclude=body["quality_action"] == "exclude",
        by_prefix=body["quality_scope"] == "prefix",
        probe=body["quality_probe"],
    )


def _throttle(body: Mapping[str, Any]) -> Throttle | None:
    codes = Outcomes.of(body.get("throttle_codes", ()))
    if codes is NONE:
        return None
    return Throttle(codes, *[body[f"throttle_{name}"] for name in ("window", "share", "attempts", "pause")])


USUAL = Conduct()
"""A gateway of which nothing special is set."""
