"""What a long queue of records means for new calls: the alarm, and the policy that begins and ends with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vosswitch.app.node import Switch

_MEANS = {
    "go on": "calls go on",
    "prepaid": "only calls that are paid out of reservations are taken",
    "refuse": "new calls are refused",
}


def told(node: Switch, over: bool) -> None:
    """The queue has become as long as SERVER_MAX_CDR_PENDING_LIST_LENGTH, or short again."""
    parameters = node.snapshot.parameters
    policy = parameters["VS_CDR_PENDING_POLICY"] if over else ""
    node.calls.degrade(policy)
    most = parameters["SERVER_MAX_CDR_PENDING_LIST_LENGTH"]
    node.note_trouble("records", f"{most} wait for the database: {_MEANS[policy]}" if over else "")


def configured(node: Switch) -> None:
    """The parameters may be others; a policy in force changes with them."""
    node.recorder.longest = node.snapshot.parameters["SERVER_MAX_CDR_PENDING_LIST_LENGTH"]
    if "records" in node.trouble:
        node.calls.degrade(node.snapshot.parameters["VS_CDR_PENDING_POLICY"])
