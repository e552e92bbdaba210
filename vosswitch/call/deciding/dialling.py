"""Second step: the numbers as billed, by the dial plans and number transforms of the incoming side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.accounts.periods import OUT_OF_PERIOD
from vosswitch.call.deciding.decision import Refused
from vosswitch.call.deciding.sending import changed, mobile_areas, objections, planned
from vosswitch.model.call import CallAttempt
from vosswitch.numbers.areas import area_of
from vosswitch.numbers.e164 import BadNumber, dialable, dialled
from vosswitch.numbers.numbering import PLAIN_NUMBERING

if TYPE_CHECKING:
    from vosswitch.call.deciding.decision import Decision
    from vosswitch.call.deciding.means import Ask, Means
    from vosswitch.numbers.numbering import Numbering
    from vosswitch.numbers.table import NumberTable


def numbers(ask: Ask, decision: Decision, means: Means) -> None:
    """Dial plans of the incoming side, then its number transforms."""
    subject: Any = decision.gateway or decision.phone
    try:
        decision.callee, decision.caller = dialled(decision.callee), dialled(decision.caller)
    except BadNumber as why:
        decision.note("numbers", str(why))
        raise Refused("empty_callee") from None
    if decision.gateway is None:
        decision.caller = subject.number
    if subject.callee_dial_plan:
        plan = subject.callee_dial_plan
        decision.callee = planned(decision, "callee_dial_plan", plan, decision.callee, means.source)
    if subject.caller_dial_plan:
        plan = subject.caller_dial_plan
        decision.caller = planned(decision, "caller_dial_plan", plan, decision.caller, means.source)
    if decision.gateway is not None and decision.gateway.number_transforms:
        _through_transforms(ask, decision, decision.gateway.number_transforms, means)
    _add_areas(decision, subject.numbering)
    if decision.snapshot.surroundings.areas is not None:
        _name_areas(decision, decision.snapshot.surroundings.areas)
    if not dialable(decision.callee):
        decision.note("callee", "nothing that can be dialled is left of the called number")
        raise Refused("empty_callee")


def _through_transforms(ask: Ask, decision: Decision, names: tuple[str, ...], means: Means) -> None:
    """The number transforms of a mapping gateway."""
    before = decision.caller, decision.callee
    decision.caller, decision.callee = transformed(ask, decision, means, names, *before)
    if decision.explaining:
        changed(decision, "number_transforms", before, (decision.caller, decision.callee))


def _add_areas(decision: Decision, numbering: Numbering) -> None:
    """What goes before mobile numbers of other areas."""
    if numbering is not PLAIN_NUMBERING:
        numbers = decision.caller, decision.callee
        decision.caller, decision.callee = mobile_areas(decision, _name_of(decision), numbering, *numbers)


def _name_of(decision: Decision) -> str:
    """The mapping gateway or phone that calls, as notes name it."""
    subject: Any = decision.gateway or decision.phone
    return str(subject.name) if decision.gateway is not None else f"phone:{subject.number}"


def check_numbers(decision: Decision) -> None:
    """Whether the mapping gateway may call now, and it or the phone from and to such numbers.

    Emergency calls are not asked.
    """
    gateway = decision.gateway
    if gateway is not None and gateway.periods:  # else this is the gateway as one of its periods has it
        decision.note(gateway.name, OUT_OF_PERIOD)
        raise Refused("caller_restricted")
    subject: Any = gateway or decision.phone
    if subject.numbering is not PLAIN_NUMBERING:
        objection = objections(decision, subject.numbering, decision.caller, decision.callee)
        if objection is not None:
            decision.note(_name_of(decision), objection[1])
            raise Refused(objection[0])


def _name_areas(decision: Decision, areas: NumberTable) -> None:
    caller, callee = decision.areas = area_of(areas, decision.caller), area_of(areas, decision.callee)
    if decision.explaining:
        decision.note("areas", f"caller {caller or 'not known'}, callee {callee or 'not known'}")


def transformed(
    ask: Ask, decision: Decision, means: Means, names: tuple[str, ...], caller: str, callee: str
) -> tuple[str, str]:
    """The numbers after the named transforms, in order."""
    for name in names:
        transform = means.plugins.number_transforms.get(name)
        if transform is None:
            decision.note("number transform", f"{name} is not loaded")
            continue
        attempt = call_attempt(ask, decision)._replace(caller=caller, callee=callee)
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
