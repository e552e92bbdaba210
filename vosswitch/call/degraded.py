"""New calls while too many records wait for the database (SERVER_MAX_CDR_PENDING_LIST_LENGTH).

What becomes of them is VS_CDR_PENDING_POLICY: ``go on``, ``prepaid`` (only calls that are paid out of reservations:
whatever the database does not know yet, their accounts cannot be overdrawn) or ``refuse``.  No record is dropped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vosswitch.call.deciding.decision import Decision


def held_back(policy: str, decision: Decision) -> bool:
    """Whether a new call is refused by the policy in force; emergency calls pass."""
    if policy == "go on" or decision.emergency is not None:
        return False
    if policy == "prepaid" and (decision.pending is not None or _is_covered(decision)):
        return False
    decision.note("degraded", f"too many records wait for the database, VS_CDR_PENDING_POLICY is {policy}")
    return True


def _is_covered(decision: Decision) -> bool:
    """Whether the caller's account pays out of a reservation, or nothing at all."""
    return decision.funding is None or decision.free or decision.funding.own.bounded
