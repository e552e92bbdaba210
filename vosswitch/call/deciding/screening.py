"""Third step: whether anything forbids the call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.call.deciding.decision import Refused

if TYPE_CHECKING:
    from vosswitch.call.deciding.decision import Decision
    from vosswitch.call.deciding.means import Means
    from vosswitch.model.call import CallAttempt


def screen(decision: Decision, attempt: CallAttempt, means: Means) -> None:
    """Blacklists that the gateway names, then the screening hooks, then credit and fraud rules."""
    plugins = means.plugins
    lists = decision.gateway.blacklists if decision.gateway is not None else ()
    for name in lists:
        blacklist = plugins.blacklists.get(name)
        if blacklist is None:
            decision.note("blacklist", f"{name} is not loaded")
            continue
        _heed(decision, name, blacklist.screen(attempt))
    _heed(decision, "screen_call", plugins.screen_call(attempt))
    _heed(decision, "approve_call", plugins.approve_call(attempt))


def _heed(decision: Decision, who: str, answer: Any) -> None:
    if answer is not None:
        decision.note(who, f"{answer.reason}: {answer.detail}")
        raise Refused(answer.reason)
