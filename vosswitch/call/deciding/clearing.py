"""Vendors that have too little left on their accounts, asked again when a gateway's turn comes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vosswitch.call.deciding.decision import Decision
    from vosswitch.call.deciding.view import NodeView
    from vosswitch.model.call import Candidate


def still_funded(decision: Decision, candidates: Iterable[Candidate], view: NodeView) -> Iterator[Candidate]:
    """The candidates whose vendors have enough left when their turn comes; seconds may have gone by since the plan."""
    gateways = decision.snapshot.gateways.gateways
    for candidate in candidates:
        why = view.short(gateways[candidate.gateway])
        if not why:
            yield candidate
            continue
        decision.note(candidate.gateway, why)
        decision.plan.pass_over(candidate.gateway, why)
