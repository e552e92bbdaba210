"""What the attempts of a call say of the gateways: who did not answer, who did, and who asked to be left alone; and
how good they are: each attempt counts once, for its gateway.

VS_GATEWAY_BACK_OFF is the first time that a gateway is put aside for; 0 = calls put no gateway aside.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.routing.gauges import counts

if TYPE_CHECKING:
    from vosswitch.call.deciding.decision import Decision
    from vosswitch.call.deciding.routes import Route
    from vosswitch.call.switchboard import Switchboard
    from vosswitch.model.causes import Cause
    from vosswitch.routing.availability import Availability

_SILENCE = {
    "connection_timeout": "no answer to a call",
    "response_timeout": "nothing after the first response to a call",
}
_OF_THE_GATEWAY = (500, 503)
"""Refusals whose Retry-After is about the gateway; that of others is about the callee."""


def tried(availability: Availability, decision: Decision, route: Route, now: float) -> None:
    """An attempt goes out."""
    if availability and not route.phone:
        availability.tried(route.name, decision.parameters["VS_GATEWAY_BACK_OFF"], now)


def ended(
    availability: Availability, decision: Decision, route: Route | None, reached: Cause, leg: Any, now: float
) -> None:
    """An attempt ended before the callee answered.

    :param leg: its leg, which may know a ``retry_after``.
    """
    if route is None or route.phone:
        return
    silence = _SILENCE.get(reached.reason)
    if silence is not None:
        back_off = decision.parameters["VS_GATEWAY_BACK_OFF"]
        if back_off and availability.failed(route.name, route.profile, back_off, now, silence):
            decision.note(route.name, f"put aside: {silence}")
        return
    wait = min(getattr(leg, "retry_after", 0), route.profile.retry_after) if reached.code in _OF_THE_GATEWAY else 0
    if wait:
        availability.retry_after(route.name, wait, now)
        decision.note(route.name, f"put aside for {wait} s: its Retry-After")
    elif availability and reached.code != 503:
        availability.answered(route.name, now)


def counted(board: Switchboard, decision: Decision, route: Route, reached: Cause | None, pdd_ms: int | None) -> None:
    """An attempt has its outcome: it counts for the quality of its gateway, which may have to rest.

    :param reached: None = the callee answered.
    """
    if route.phone or (reached is not None and not counts(reached)):
        return
    gauges, conduct, now = board.gauges, route.conduct, board.clock.seconds()
    gauges.follow(board.snapshot().parameters)
    gauges.attempt(route.name, conduct, gauges.destination(route.prefix, decision.callee), now, reached, pdd_ms)
    throttle = conduct.throttle
    if throttle is None:
        return
    failed = reached is not None and reached in throttle.codes
    why = board.throttling.attempt(route.name, throttle, failed, now)
    if why:
        board.availability.rest(route.name, throttle.pause, now, why)
        decision.note(route.name, f"rests for {throttle.pause} s: {why}")


def spoken(board: Switchboard, decision: Decision, route: Route, talk_ms: int) -> None:
    """An answered call is over: it counts for the ACD of its gateway."""
    if not route.phone:
        gauges = board.gauges
        gauges.follow(board.snapshot().parameters)
        destination = gauges.destination(route.prefix, decision.callee)
        gauges.call(route.name, route.conduct, destination, board.clock.seconds(), talk_ms)
