"""Third step: whether anything forbids the call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.accounts.screening import UNSCREENED
from vosswitch.call.deciding.decision import Refused
from vosswitch.call.screens import Settings
from vosswitch.numbers.lists import Known, ask

if TYPE_CHECKING:
    from vosswitch.accounts.values import Phone
    from vosswitch.call.deciding.decision import Decision
    from vosswitch.call.deciding.means import Means
    from vosswitch.model.call import CallAttempt


def screen(decision: Decision, attempt: CallAttempt, means: Means) -> None:
    """What is set for the call, blacklists that the gateway names, the screening hooks, credit and fraud rules."""
    plugins = means.plugins
    if means.guard is not None:
        decision.watched = means.guard.look(decision)
    _standing(decision, attempt, means)
    lists = decision.gateway.blacklists if decision.gateway is not None else ()
    for name in lists:
        blacklist = plugins.blacklists.get(name)
        if blacklist is None:
            decision.note("blacklist", f"{name} is not loaded")
            continue
        _heed(decision, name, blacklist.screen(attempt))
    _heed(decision, "screen_call", plugins.screen_call(attempt))
    _heed(decision, "approve_call", plugins.approve_call(attempt))


def own_caller(decision: Decision) -> None:
    """An account's default number takes the place of a calling number that is not in the account's sections."""
    assert decision.account is not None
    screening = decision.account.screening
    if screening.default_caller and screening.sections is not None and decision.caller not in screening.sections:
        shown = f"{screening.default_caller} is shown"
        decision.note("caller", f"{decision.caller} is not in the sections of {decision.account.number}: {shown}")
        decision.caller = screening.default_caller


def screen_called(decision: Decision, called: Phone, attempt: CallAttempt, means: Means) -> None:
    """The lists of a called phone, which look at who calls it."""
    if called.screening is not UNSCREENED:
        known = _known(decision, means)
        answer = ask(f"phone {called.number}", called.screening.lists, attempt, known, ("caller",))
        _heed(decision, f"phone:{called.number}", answer)


def _known(decision: Decision, means: Means) -> Known:
    """What lists lead to; steps are told to an explanation only, a list that is missing to each call's record."""
    told = decision.note if decision.explaining else None
    return Known.of(decision.snapshot, means.plugins.blacklists, told, decision.note)


def _standing(decision: Decision, attempt: CallAttempt, means: Means) -> None:
    """The blacklists that nobody has to name, when anything is set for the system, the account or the caller."""
    snapshot = decision.snapshot
    account: Any = decision.account
    subject: Any = decision.gateway or decision.phone
    watched = decision.watched
    plain = account.screening is UNSCREENED and subject.screening is UNSCREENED
    if plain and watched is None and not snapshot.system_lists:
        return
    known = _known(decision, means)
    settings = Settings(snapshot, account.screening, subject.screening, decision.phone is not None, known, watched)
    for blacklist in means.plugins.standing:
        _heed(decision, blacklist.name, blacklist.examine(attempt, settings))


def _heed(decision: Decision, who: str, answer: Any) -> None:
    if answer is not None:
        decision.note(who, f"{answer.reason}: {answer.detail}")
        raise Refused(answer.reason)
