"""Why a registered endpoint is not admitted a call: what is certain before there is one, as a reason of H.225.0."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.accounts.check import check_account
from vosswitch.h323.kept import GATEWAY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vosswitch.app.node import Switch


def refusal(node: Switch, name: str, callee: Sequence[str], *, urgent: bool) -> str:
    """A reason of admissionReject; "" = the call may come, and is decided as any other.

    :param name: as which the endpoint is registered.
    :param urgent: it calls an emergency number: lack of money and limits are passed, as in the call itself.
    """
    if node.draining:
        return "resourceUnavailable"
    owners = _owners(node, name)
    if not owners:
        return "callerNotRegistered"
    reasons = [_of_owner(node, owner, urgent=urgent) for owner in owners]
    if all(reasons):
        return reasons[0]
    plain = not any(owner.callee_dial_plan for owner in owners)
    return "calledPartyNotRegistered" if plain and callee and _is_away(node, callee[0]) else ""


def _owners(node: Switch, name: str) -> list[Any]:
    """The mapping gateways or the phone that call by that name."""
    snapshot = node.snapshot
    if name.startswith(GATEWAY):
        return list(snapshot.callers.registrants(name.removeprefix(GATEWAY)))
    return [snapshot.phones[name]] if snapshot.callers.phone(name) else []


def _of_owner(node: Switch, owner: Any, *, urgent: bool) -> str:
    snapshot = node.snapshot
    account = snapshot.accounts.get(owner.account)
    if account is None:
        return "invalidPermission"
    if check_account(account, node.now()) and not (urgent and account.lock_reason == "balance"):
        return "invalidPermission"
    limits = (account.limit, owner.limit, *snapshot.shared_in.get(getattr(owner, "name", ""), ()))
    return "" if urgent or not node.limits.full(limits, node.reactor.seconds()) else "resourceUnavailable"


def _is_away(node: Switch, callee: str) -> bool:
    """Whether that is a phone's number, nothing of the phone is registered, and nobody else takes its calls."""
    snapshot = node.snapshot
    phone = snapshot.phones.get(callee)
    if phone is None or phone.privileges.offline_to_gateways == "on":
        return False
    if snapshot.parameters["SS_REDIRECT_OFFLINE_PHONE_TO_GATEWAY"]:
        return False
    return not node.registrations.contacts(callee)
