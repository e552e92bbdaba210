"""Second step: the numbers as billed, by the dial plans and number transforms of the incoming side."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from vosswitch.call.deciding.decision import Refused
from vosswitch.model.call import CallAttempt
from vosswitch.numbers.e164 import BadNumber, dialable, dialled

if TYPE_CHECKING:
    from vosswitch.call.deciding.decision import Decision
    from vosswitch.call.deciding.means import Ask, Means


def numbers(ask: Ask, decision: Decision, means: Means) -> None:
    """Dial plans of the incoming side, then its number transforms."""
    subject: Any = decision.gateway or decision.phone
    try:
        decision.callee, decision.caller = dialled(decision.callee), dialled(decision.caller)
    except BadNumber as why:
        decision.note("numbers", str(why))
        raise Refused("empty_callee") from None
    if subject.callee_dial_plan:
        decision.callee = subject.callee_dial_plan.apply(decision.callee, means.source)
    if decision.gateway is not None:
        if decision.gateway.caller_dial_plan:
            decision.caller = decision.gateway.caller_dial_plan.apply(decision.caller, means.source)
        names = decision.gateway.number_transforms
        if names:
            pair = decision.caller, decision.callee
            decision.caller, decision.callee = transformed(ask, decision, means, names, *pair)
    else:
        decision.caller = subject.number
    if not dialable(decision.callee):
        decision.note("callee", "nothing that can be dialled is left of the called number")
        raise Refused("empty_callee")


def transformed(
    ask: Ask, decision: Decision, means: Means, names: tuple[str, ...], caller: str, callee: str
) -> tuple[str, str]:
    """The numbers after the named transforms, in order."""
    for name in names:
        transform = means.plugins.number_transforms.get(name)
        if transform is None:
            decision.note("number transform", f"{name} is not loaded")
            continue
        attempt = dataclasses.replace(call_attempt(ask, decision), caller=caller, callee=callee)
        caller, callee = transform.transform(caller, callee, attempt)
    return caller, callee


def call_attempt(ask: Ask, decision: Decision) -> CallAttempt:
    """The call as hooks, lists and strategies see it."""
    assert decision.account is not None
    gateway, phone = decision.gateway, decision.phone
    subject = f"mapping_gateway:{gateway.name}" if gateway is not None else f"phone:{phone.number}"  # type: ignore[union-attr]
    offered = decision.offered
    return CallAttempt(
        ask.call_id,
        decision.caller,
        decision.callee,
        offered.caller,
        offered.callee,
        decision.account.number,
        subject,
        offered.source,
        ask.wall_ms,
    )
