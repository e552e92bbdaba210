"""The numbers as a routing gateway is sent them, and those of the incoming side, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vosswitch.call.deciding.pooled import Full, from_pool
from vosswitch.numbers.e164 import BadNumber, dialled
from vosswitch.numbers.numbering import PLAIN_NUMBERING

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from vosswitch.accounts.limits import Limit
    from vosswitch.call.deciding.decision import Decision
    from vosswitch.numbers.checks import NumberCheck
    from vosswitch.numbers.dialplan import DialPlan
    from vosswitch.numbers.numbering import Numbering
    from vosswitch.numbers.pools import Turns
    from vosswitch.routing.gateways import RoutingGateway

    Transform = Callable[[tuple[str, ...], str, str], tuple[str, str]]


class Sending(NamedTuple):
    """What the numbers are made with.

    :ivar source: of random digits and choices.
    :ivar transform: applies the number transforms that a gateway names: (names, caller, callee) to (caller, callee).
    :ivar turns: of the number pools.
    :ivar in_use: calls that a counter has now.
    """

    source: random.Random
    transform: Transform
    turns: Turns
    in_use: Callable[[str], int]


class Sent(NamedTuple):
    """Both numbers, and the counters that the attempt takes for them."""

    caller: str
    callee: str
    limits: tuple[Limit, ...] = ()


def planned(decision: Decision, whose: str, plan: DialPlan, number: str, source: random.Random) -> str:
    """A number after a dial plan."""
    after = plan.apply(number, source)
    if decision.explaining and after != number:
        rule = plan.rule_for(number)
        decision.note(whose, f"{number or '-'} -> {after or '-'} (rule {rule})")
    return after


def changed(decision: Decision, whose: str, before: tuple[str, str], after: tuple[str, str]) -> None:
    """Tell a question what a step made of calling and called number."""
    for old, new in zip(before, after, strict=True):
        if old != new:
            decision.note(whose, f"{old or '-'} -> {new or '-'}")


def numbers_sent(decision: Decision, gateway: RoutingGateway, prefix: str, sending: Sending) -> Sent | None:
    """The numbers for a gateway; None, with a note, when it cannot be used with them.

    :param prefix: of the gateway, that matched.
    """
    name, source = gateway.name, sending.source
    caller, callee = decision.caller, decision.sent_callee
    if gateway.strip_prefix:
        callee = callee.removeprefix(prefix)
    if gateway.callee_dial_plan:
        callee = planned(decision, f"{name}: callee_dial_plan", gateway.callee_dial_plan, callee, source)
    if gateway.caller_dial_plan:
        caller = planned(decision, f"{name}: caller_dial_plan", gateway.caller_dial_plan, caller, source)
    if gateway.number_transforms:
        before = caller, callee
        caller, callee = sending.transform(gateway.number_transforms, caller, callee)
        if decision.explaining:
            changed(decision, f"{name}: number_transforms", before, (caller, callee))
    if not callee:
        decision.note(name, "its dial plan leaves nothing of the called number")
        decision.unusable = "empty_callee"
        _pass_over(decision, name)
        return None
    if gateway.numbering is PLAIN_NUMBERING:
        return Sent(caller, callee)
    return _numbered(decision, gateway, caller, callee, sending)


def _pass_over(decision: Decision, gateway: str) -> None:
    """The last note says why a candidate cannot be used now that its turn has come; the plan's record does, too."""
    decision.plan.pass_over(gateway, decision.notes[-1][1])


def _numbered(decision: Decision, gateway: RoutingGateway, caller: str, callee: str, sending: Sending) -> Sent | None:
    numbering = gateway.numbering
    caller, callee = mobile_areas(decision, gateway.name, numbering, caller, callee)
    if decision.emergency is not None:  # nothing keeps it back, and it shows its own number
        return Sent(caller, callee)
    objection = objections(decision, numbering, caller, callee)
    if objection is not None:
        decision.note(gateway.name, objection[1])
        _pass_over(decision, gateway.name)
        return None
    return _from_pool(decision, gateway, caller, callee, sending) if numbering.caller_pool else Sent(caller, callee)


def mobile_areas(decision: Decision, whose: str, numbering: Numbering, caller: str, callee: str) -> tuple[str, str]:
    """Both numbers, with what goes before mobile numbers of other areas."""
    mobile, mobiles = numbering.mobile_area, decision.snapshot.mobiles
    if mobile is None:
        return caller, callee
    after = (
        mobile.apply(caller, mobiles) if mobile.caller else caller,
        mobile.apply(callee, mobiles) if mobile.callee else callee,
    )
    if decision.explaining:
        changed(decision, f"{whose}: mobile_area", (caller, callee), after)
    return after


def objections(decision: Decision, numbering: Numbering, caller: str, callee: str) -> tuple[str, str] | None:
    """The end reason and the words of the first check that a number does not pass; None when all do."""
    around = decision.snapshot.surroundings
    if numbering.caller_check is not None:
        why = numbering.caller_check.objection(caller, callee, around)
        if why:
            return "caller_restricted", f"caller_check: {caller or '-'}: {why}"
    if numbering.callee_check is not None:
        why = numbering.callee_check.objection(callee, caller, around)
        if why:
            return "callee_restricted", f"callee_check: {callee}: {why}"
    if numbering.forward_check is not None:
        why = _redirections(decision, numbering.forward_check, callee)
        if why:
            return "caller_restricted", f"forward_check: {why}"
    return None


def _redirections(decision: Decision, check: NumberCheck, callee: str) -> str:
    """Why a number of a redirection, as received, does not pass; "" when all do."""
    for item in decision.offered.identity.diversions:
        try:
            number = dialled(item.number)
        except BadNumber as why:
            return str(why)
        objection = check.objection(number, callee, decision.snapshot.surroundings)
        if objection:
            return f"{number or '-'}: {objection}"
    return ""


def _from_pool(decision: Decision, gateway: RoutingGateway, caller: str, callee: str, sending: Sending) -> Sent | None:
    """With a calling number out of the gateway's pool."""
    name = gateway.numbering.caller_pool
    try:
        number, limits = from_pool(decision, gateway.name, name, caller, sending.turns, sending.in_use, sending.source)
    except Full:
        decision.unusable = "all_gateways_busy"
        _pass_over(decision, gateway.name)
        return None
    return Sent(number, callee, limits)
