"""A candidate as the record of a decision tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vosswitch.routing.decision import LINES_FULL, Look

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from vosswitch.model.call import Candidate


def look_of(
    candidate: Candidate,
    *,
    full: bool = False,
    last: str | None = None,
    behind: str | None = None,
    taken: str | None = None,
) -> Look:
    """Why it is tried, or cannot be now.

    :param full: it has no line free; *taken* what is full where that is not its own lines.
    :param last: why it is put aside, where it is tried all the same.
    :param behind: why it stands behind the others.
    """
    if full:
        why = taken or f"{LINES_FULL}: {candidate.lines} of {candidate.line_limit}"
    elif last is not None:
        why = f"the last way, though {last}"
    elif behind is not None:
        why = behind
    else:
        why = f"prefix {candidate.prefix} matches" if candidate.prefix else "takes every number"
    return Look(
        candidate.gateway,
        candidate.prefix,
        kept=not full,
        why=why,
        priority=candidate.priority,
        weight=candidate.weight,
        price=candidate.price,
    )


def over(looks: Iterable[Look], passed: Mapping[str, str]) -> list[Look]:
    """The looks of candidates, those that were passed over when their turn came with the reason for it."""
    return [
        look if look.gateway not in passed else look._replace(kept=False, why=passed[look.gateway]) for look in looks
    ]
