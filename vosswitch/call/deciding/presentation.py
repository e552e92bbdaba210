"""What the called side is told of the caller: display name, privacy, numbers by the dial plans of both sides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.model.identity import NOBODY, Diversion, Identity
from vosswitch.numbers.e164 import BadNumber, dialled

if TYPE_CHECKING:
    import random

    from vosswitch.call.deciding.decision import Decision
    from vosswitch.model.peer import PeerProfile
    from vosswitch.numbers.dialplan import DialPlan
    from vosswitch.params.system import Parameters
    from vosswitch.routing.gateways import RoutingGateway

_PRIVACY = {"Ignore": "pass", "Id": "id", "None": "none"}


def display_name(profile: PeerProfile, decision: Decision, caller: str) -> str:
    """From's display name: by the gateway's ``from_display``, else by SS_SIP_E164_DISPLAY_FROM.

    :param caller: the calling number as sent.
    """
    rule = profile.from_display
    if rule == "system":
        rule = decision.snapshot.parameters["SS_SIP_E164_DISPLAY_FROM"].lower()
        rule = "pass" if rule == "ignore" else rule
    if rule == "pass":
        return decision.offered.display
    if rule == "caller":
        return caller
    return decision.account.number if rule == "account" and decision.account is not None else ""


def privacy(profile: PeerProfile, parameters: Parameters) -> str:
    """The privacy policy: SS_SIP_USER_AGENT_PRIVACY where we register and the gateway has none of its own."""
    if profile.register and profile.privacy == "pass":
        return _PRIVACY[parameters["SS_SIP_USER_AGENT_PRIVACY"]]
    return profile.privacy


def outgoing_identity(decision: Decision, gateway: RoutingGateway, caller: str, source: random.Random) -> Identity:
    """The identity as the gateway shall see it: its numbers went through the dial plans that From goes through.

    The numbers of redirections go through the ``forward_dial_plan`` of each side instead, where there is one.

    :param caller: the calling number as sent.
    """
    offered = decision.offered
    identity = offered.identity
    if identity is NOBODY or not (identity.asserted or identity.charge or identity.diversions):
        return identity
    calls: Any = decision.gateway or decision.phone
    incoming = calls.caller_dial_plan
    forwards = calls.numbering.forward_dial_plan or incoming
    plan = gateway.caller_dial_plan

    def sent(number: str) -> str:
        if not number or number == offered.caller:
            return caller if number else ""
        return _through(number, incoming, plan, source)

    def forwarded(number: str) -> str:
        own = gateway.numbering.forward_dial_plan
        if own or forwards is not incoming:
            return _through(number, forwards, own or plan, source)
        return sent(number)

    diverted = identity.diversions if gateway.profile.diversion != "off" else ()
    steps = [(item, forwarded(item.number)) for item in diverted]
    return Identity(
        asserted=sent(identity.asserted),
        asserted_display=identity.asserted_display,
        private=identity.private,
        privacy=identity.privacy,
        charge=sent(identity.charge),
        diversions=tuple([_with_number(item, number) for item, number in steps if number]),
    )


def _through(number: str, first: DialPlan, second: DialPlan, source: random.Random) -> str:
    """A number after the plans of both sides; "" when it is none."""
    if not number:
        return ""
    try:
        number = dialled(number)
    except BadNumber:
        return ""
    return second.apply(first.apply(number, source), source)


def _with_number(item: Diversion, number: str) -> Diversion:
    return Diversion(number, item.reason, item.counter, item.host, item.display, item.private)
