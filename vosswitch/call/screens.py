"""The switch's own blacklists: number lists, areas and sections, each going by what is set for the call; dynamic lists
and fraud rules, which go by what the node has seen (`vosswitch.call.fraud`).

They come in through the same hook as everybody's (`vosswitch.call.builtins`) and are asked about a call only when
something is set for it (`vosswitch.call.deciding.screening`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from zope.interface import implementer

from vosswitch.accounts.areas import address_of
from vosswitch.hooks.interfaces import IStandingBlacklist
from vosswitch.model.call import Reject
from vosswitch.numbers.lists import Known, ask

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vosswitch.accounts.screening import Screening
    from vosswitch.call.fraud.guard import Watched
    from vosswitch.call.snapshot import Snapshot
    from vosswitch.model.call import CallAttempt


NOWHERE = "0.0.0.0"  # noqa: S104 - compared, never bound
"""The source of a question that names none."""


class Settings(NamedTuple):
    """What is set for one call.

    :ivar account: what is set for the account that pays; *subject* for the mapping gateway or phone that calls.
    :ivar phone: whether a phone calls.
    :ivar known: what the names of lists lead to, and who wants to be told about each step.
    :ivar watched: what the node has seen of such calls lately; None = nothing is watched.
    """

    snapshot: Snapshot
    account: Screening
    subject: Screening
    phone: bool
    known: Known
    watched: Watched | None = None


class _Standing:
    """What they have in common: they go by the settings alone."""

    name = ""
    fails = "closed"

    def screen(self, attempt: CallAttempt) -> Reject | None:
        """Nothing: `examine` is asked."""


@implementer(IStandingBlacklist)
class NumberLists(_Standing):
    """The lists of the system, then the account's, then the gateway's or phone's (a phone's look at the far side)."""

    name = "lists"
    fails = "open"

    def examine(self, attempt: CallAttempt, settings: Settings) -> Reject | None:
        """The first level that has something against the call."""
        known = settings.known
        names = settings.snapshot.system_lists
        refusal = ask("the system", names, attempt, known) if names else None
        if refusal is None and settings.account.lists:
            refusal = ask(f"account {attempt.account}", settings.account.lists, attempt, known)
        if refusal is None and settings.subject.lists:
            level, sides = attempt.subject.replace("_", " ").replace(":", " "), ("caller", "callee")
            refusal = ask(level, settings.subject.lists, attempt, known, sides[1:] if settings.phone else sides)
        return refusal


@implementer(IStandingBlacklist)
class Areas(_Standing):
    """Where the account's calls may come from: ``areas_forbidden``, then ``areas_allowed``."""

    name = "areas"

    def examine(self, attempt: CallAttempt, settings: Settings) -> Reject | None:
        """The source has to be in none of the forbidden areas, and in one of the allowed ones."""
        forbidden, allowed = settings.account.areas_forbidden, settings.account.areas_allowed
        if not forbidden and not allowed:
            return None
        host = attempt.source.host
        if host == NOWHERE:
            if settings.known.told is not None:
                settings.known.told("areas", "not asked: the question names no source")
            return None
        found = _area(host, forbidden, settings.snapshot)
        if found is not None:
            return Reject(
                "caller_restricted", f"{host} is in area {found}, which account {attempt.account} may not use"
            )
        if not allowed:
            return None
        found = _area(host, allowed, settings.snapshot)
        if found is None:
            return Reject("caller_restricted", f"{host} is not in {', '.join(allowed)} of account {attempt.account}")
        if settings.known.told is not None:
            settings.known.told("areas", f"{host} is in area {found}")
        return None


def _area(host: str, names: Iterable[str], snapshot: Snapshot) -> str | None:
    """The first of some areas that an address is in."""
    address = address_of(host)
    if address is not None:
        for name in names:
            area = snapshot.geofences.get(name)
            if area is not None and address in area:
                return name
    return None


@implementer(IStandingBlacklist)
class Sections(_Standing):
    """The calling number has to be one of the account's; where another is put in its place, it is by now."""

    name = "sections"

    def examine(self, attempt: CallAttempt, settings: Settings) -> Reject | None:
        """The calling number as billed."""
        sections = settings.account.sections
        if sections is None or settings.account.default_caller or attempt.caller in sections:
            return None
        return Reject("caller_restricted", f"caller {attempt.caller} is not in the sections of {attempt.account}")


@implementer(IStandingBlacklist)
class DynamicBlacklists(_Standing):
    """Numbers that are held off for a while for what they did, or because an operator said so."""

    name = "dynamic"
    fails = "open"

    def examine(self, attempt: CallAttempt, settings: Settings) -> Reject | None:
        """Both numbers as billed."""
        why = settings.watched.listed() if settings.watched is not None else None
        return None if why is None else Reject("blacklisted", why)


@implementer(IStandingBlacklist)
class FraudRules(_Standing):
    """What the account does at the called destination, against the levels of the fraud rules."""

    name = "fraud"

    def examine(self, attempt: CallAttempt, settings: Settings) -> Reject | None:
        """The first rule that has something against the call."""
        watched = settings.watched
        if watched is None:
            return None
        why = watched.suspected()
        if settings.known.told is not None:
            for line in watched.told():
                settings.known.told("fraud", line)
        return None if why is None else Reject("fraud_blocked", why)


BUILT_IN: tuple[Any, ...] = (NumberLists(), Areas(), Sections(), DynamicBlacklists(), FraudRules())
