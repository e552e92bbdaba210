"""Whether the called number is ported, and whether the call stays within a state: between screening and rating.

A number table answers at once.  Anything else is a question that the call waits for: the decision stops there, and
goes on with the answer or, at the deadline, without one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from vosswitch.accounts.portability import Ported, jurisdiction_of, state_of
from vosswitch.call.deciding.decision import Refused
from vosswitch.call.deciding.lines import incoming

if TYPE_CHECKING:
    from random import Random

    from vosswitch.accounts.portability import Jurisdiction, Portability
    from vosswitch.call.deciding.decision import Decision
    from vosswitch.call.deciding.means import Ask, Means
    from vosswitch.model.call import CallAttempt
    from vosswitch.numbers.table import NumberTable

_LRN = re.compile(r"(?=.*[0-9])[0-9A-Fa-f+#*]{1,32}", re.ASCII)
FAILED = "lrn_failed"
"""The end reason of a call whose ported number could not be found out."""


class Pending(NamedTuple):
    """What a decision waits for.

    :ivar number: what is asked.
    """

    ask: Ask
    attempt: CallAttempt
    settings: Portability
    number: str


class Reply(NamedTuple):
    """What came of a question.

    :ivar lrn: the routing number, "" = not ported, None = no answer: *why*.
    """

    lrn: str | None
    ms: int
    why: str = ""


def wait(ask: Ask, decision: Decision, attempt: CallAttempt, means: Means, own: Jurisdiction) -> bool:
    """Find out about the number; True = the decision has to wait for `Decision.pending`."""
    settings = decision.snapshot.portability.get(own.portability) if own.portability else None
    if settings is None or not decision.callee.startswith(settings.prefixes or ""):
        return False
    number = settings.dial_plan.apply(decision.callee, means.source)
    if ask.lrn is not None:
        _settle(decision, settings, Reply(ask.lrn, 0), "record", means.source)
    elif settings.source == "table":
        table = decision.snapshot.number_tables.get(settings.table)
        found = None if table is None else table.get(number) or ""
        _settle(decision, settings, Reply(found, 0, f"there is no table {settings.table}"), "table", means.source)
    elif means.asks:
        decision.pending = Pending(ask, attempt, settings, number)
        decision.limits = incoming(decision)  # it waits on its lines
        return True
    else:
        decision.note("portability", f"{settings.name}: {settings.source} was not asked: the switch is not running")
    return False


def settle(decision: Decision, pending: Pending, reply: Reply, means: Means) -> None:
    """Take the answer in, or that there is none.

    :raises Refused: there is none, and the call may not go on without.
    """
    _settle(decision, pending.settings, reply, pending.settings.source, means.source)


def _settle(decision: Decision, settings: Portability, reply: Reply, source: str, chance: Random) -> None:
    lrn, why = reply.lrn, reply.why
    if lrn and source != "record":
        lrn = settings.lrn_dial_plan.apply(lrn, chance)
    if lrn and not _LRN.fullmatch(lrn):
        lrn, why = None, "the answer is no number"
    if lrn is not None:
        take(decision, settings, Ported(lrn, source, reply.ms))
        return
    decision.note("portability", f"{settings.name}: {why}, {reply.ms} ms")
    if settings.refuse:
        raise Refused(FAILED)


def take(decision: Decision, settings: Portability, ported: Ported) -> None:
    """Go on with what was found out about the called number."""
    lrn = ported.lrn
    decision.ported = ported
    if lrn and settings.result == "prefix":
        decision.routed = lrn + decision.callee
        decision.ported = ported._replace(sent=decision.routed)
    elif settings.result == "number":
        decision.routed = lrn
    if settings.rate_by_lrn:
        decision.rated = lrn


def judge(decision: Decision, own: Jurisdiction) -> None:
    """Name the call's jurisdiction, by the routing number where there is one."""
    if decision.explaining and decision.ported is not None:
        lrn, source, ms, _ = decision.ported
        decision.note("portability", f"routing number {lrn or 'none: not ported'} ({source}, {ms} ms)")
    table = decision.snapshot.number_tables.get(own.table) if own.table else None
    if table is None:
        return
    called = decision.ported.lrn if decision.ported is not None and decision.ported.lrn else decision.callee
    decision.jurisdiction = jurisdiction_of(table, decision.caller, called)
    if decision.explaining:
        decision.note("jurisdiction", _told(decision, table, called))


def _told(decision: Decision, table: NumberTable, called: str) -> str:
    if not decision.jurisdiction:
        return "none: not of the North American numbering plan"
    here, there = state_of(table, decision.caller), state_of(table, called)
    return f"{decision.jurisdiction} (caller: {here or 'no state known'}, {called}: {there or 'no state known'})"


def routed_attempt(decision: Decision, attempt: CallAttempt) -> CallAttempt:
    """The call as gateways are found for it."""
    return attempt._replace(callee=decision.routed) if decision.routed else attempt


def number_parameters(decision: Decision) -> tuple[tuple[str, str], ...]:
    """Parameters of the called number: the caller's, and what we found out (RFC 4694).

    To an emergency number goes none: a caller's own ``rn`` would lead a call that nothing stops, or that is free,
    somewhere else.
    """
    if decision.emergency is not None:
        return ()
    given = decision.offered.number_parameters
    ported = decision.ported
    if ported is None:
        return given
    own = (("npdi", ""), ("rn", ported.lrn)) if ported.lrn else (("npdi", ""),)
    return tuple([pair for pair in given if pair[0] not in ("npdi", "rn")]) + own
