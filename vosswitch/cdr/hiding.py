"""Which calls are kept out of the day tables and the sinks; the journal knows every call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.model.values import Side

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from vosswitch.cdr.record import Cdr

NO_CDR, ILLEGAL, ZERO, SERVER = "no_cdr", "illegal", "zero_hold_time", "server_hang_up"
_ILLEGAL = ("unauthorized", "authentication_failed")


def hides(parameters: Mapping[str, Any], *, no_cdr: bool) -> list[str]:
    """What keeps calls out by the parameters of a call's configuration; mostly nothing.

    :param no_cdr: one of the call's numbers is in SERVER_BILLING_NO_CDR_E164S.
    """
    found = [NO_CDR] if no_cdr else []
    if not parameters["SERVER_BILLING_RECORD_ILLEGAL_CALL"]:
        found.append(ILLEGAL)
    if not parameters["SERVER_BILLING_RECORD_ZERO_HOLD_TIME"]:
        found.append(ZERO)
    if not parameters["SERVER_BILLING_RECORD_SERVER_HANG_UP"]:
        found.append(SERVER)
    return found


def moved_money(cdr: Cdr) -> bool:
    """Whether anybody has paid or was given anything: fee, agents, vendors' cost, attempt fees, gifts."""
    return bool(cdr.charges or cdr.fee or cdr.cost or cdr.agent_fee or cdr.package_fee or cdr.package_seconds)


def is_hidden(cdr: Cdr, by: Collection[str]) -> bool:
    """Whether a finished call is kept out; one that moved money never is.

    :param by: what `hides` says.
    """
    if not by or moved_money(cdr):
        return False
    if NO_CDR in by:
        return True
    if cdr.end_reason in _ILLEGAL:
        return ILLEGAL in by
    return (cdr.hold_time == 0 and ZERO in by) or (cdr.end_direction == Side.SERVER.code and SERVER in by)
