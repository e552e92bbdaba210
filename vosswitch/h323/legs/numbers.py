"""Who calls whom: from a Setup into a `Try`, and from a `Placement` into a Setup, by the peer's profile.

Carriers read the numbers of the Q.931 elements, some the aliases: both are written, and each is read where the other
one is missing.  A caller who wants not to be shown is told to trusted peers only, with his wish.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from vosswitch.h323.h225 import NO_PARTY, Party
from vosswitch.model.h323 import TRANSPORT, USUAL
from vosswitch.model.identity import NOBODY, Diversion, Identity
from vosswitch.model.signals import Try

if TYPE_CHECKING:
    from vosswitch.h323.h225 import Aliases, Setup
    from vosswitch.h323.legs.line import Line
    from vosswitch.model.call import Placement
    from vosswitch.model.h323 import H323Profile
    from vosswitch.model.peer import PeerProfile
    from vosswitch.model.session import SessionDescription

_NUMBERED = ("dialledDigits", "partyNumber")
_NAMED = ("h323-ID", "url-ID", "email-ID")
_HIDDEN = ("restricted", "unavailable")
_VOUCHED = ("user_passed", "network")
"""Screening indicators by which a network stands for the number (Q.931 table 4-11)."""
_DIGITS = frozenset("0123456789*#")
_LONGEST = 128
"""Characters of a number or name that is taken."""


def settings_of(profile: PeerProfile) -> H323Profile:
    """The H.323 part of a peer's profile; the usual one where it has none."""
    return profile.h323 or USUAL


def identifier_text(identifier: bytes | None) -> str:
    """A callIdentifier as people write it, "" = none."""
    return str(UUID(bytes=identifier)) if identifier is not None and len(identifier) == 16 else ""


def alias_number(aliases: Aliases) -> str:
    """The number among aliases, else the user part of a name; "" = there is none."""
    for kinds in (_NUMBERED, _NAMED):
        for kind, text in aliases:
            if kind in kinds and text:
                return text.removeprefix("h323:").partition("@")[0][:_LONGEST]
    return ""


def alias_name(aliases: Aliases) -> str:
    """The name among aliases."""
    return next((text[:_LONGEST] for kind, text in aliases if kind == "h323-ID"), "")


# -- a call comes in


def offered(setup: Setup, line: Line, profile: PeerProfile, session: SessionDescription | None, early: bool) -> Try:
    """The call that a Setup asks for.

    :param session: the offer of its fast start; None = slow start, and *early* as `Try.early`.
    """
    settings = settings_of(profile)
    return Try(
        caller=caller_of(setup, settings),
        callee=callee_of(setup, settings),
        source=_at(line.remote),
        local=_at(line.local),
        peer_call_id=identifier_text(setup.call_identifier),
        display=_display(setup),
        user_agent=setup.vendor,
        session=session,
        identity=identity_of(setup, profile),
        early=early,
    )


def _at(address: Any) -> Any:
    return address._replace(transport=TRANSPORT)


def caller_of(setup: Setup, settings: H323Profile) -> str:
    """The calling number, from where the peer's profile says, else from where there is one."""
    found = {
        "calling_party": setup.caller.number,
        "source": alias_number(setup.source_aliases),
        "display": setup.display[:_LONGEST],
    }
    first = found.pop(settings.caller_source, "")
    return first or found.get("calling_party", "") or found.get("source", "")


def callee_of(setup: Setup, settings: H323Profile) -> str:
    """The called number, likewise."""
    element, alias = setup.callee.number, alias_number(setup.destination_aliases)
    return (alias or element) if settings.callee_source == "destination" else (element or alias)


def _display(setup: Setup) -> str:
    return setup.display[:_LONGEST] or alias_name(setup.source_aliases)


def identity_of(setup: Setup, profile: PeerProfile) -> Identity:
    """What is known of the caller: his wish from everybody, the rest from a trusted peer."""
    private = setup.caller.presentation in _HIDDEN
    privacy = ("id",) if private else ()
    if not profile.trusted:
        return Identity(private=True, privacy=privacy) if private else NOBODY
    asserted = setup.caller.number if setup.caller.screening in _VOUCHED else ""
    diversions = _diversions(setup.redirecting)
    if not (private or asserted or diversions):
        return NOBODY
    return Identity(asserted, _display(setup) if asserted else "", private, privacy, "", diversions)


def _diversions(redirecting: Party | None) -> tuple[Diversion, ...]:
    if redirecting is None or not redirecting.number:
        return ()
    private = redirecting.presentation in _HIDDEN
    return (Diversion(redirecting.number, redirecting.reason or "unknown", private=private),)


def connected(party: Party, profile: PeerProfile) -> Identity:
    """Who is called, as a trusted peer asserts it in Alerting or Connect."""
    if not profile.trusted or not party.number:
        return NOBODY
    private = party.presentation in _HIDDEN
    return Identity(party.number, private=private, privacy=("id",) if private else ())


# -- a call goes out


def told(placement: Placement) -> dict[str, Any]:
    """The fields of a Setup that say who calls whom."""
    settings = settings_of(placement.profile)
    hidden = is_hidden(placement)
    shown = shown_caller(placement)
    caller = party_of(shown, settings.caller_type, settings.caller_plan)._replace(
        presentation="restricted" if hidden else "allowed", screening=_screening(settings, placement, shown)
    )
    display = "" if hidden else placement.display
    names = (("h323-ID", display or shown),) if display or shown else ()
    return {
        "caller": caller,
        "callee": party_of(placement.callee, settings.callee_type, settings.callee_plan),
        "source_aliases": tuple(dict.fromkeys((*alias_of(shown), *names))),
        "destination_aliases": alias_of(placement.callee),
        "display": display,
        "redirecting": _redirecting(placement),
    }


def party_of(number: str, kind: str, plan: str) -> Party:
    """A number as element: without its ``+``, which the type says instead; what is none is left to the aliases."""
    plain = number.removeprefix("+")
    if not plain or not _DIGITS.issuperset(plain):
        return Party("", kind, plan)
    return Party(plain, "international" if plain != number and kind == "unknown" else kind, plan)


def alias_of(number: str) -> Aliases:
    """A number, or the name that stands in its place, as alias."""
    plain = number.removeprefix("+")
    if not plain:
        return ()
    return (("dialledDigits", plain),) if _DIGITS.issuperset(plain) else (("h323-ID", number),)


def is_hidden(placement: Placement) -> bool:
    """Whether the caller is hidden: the peer's own setting, else its privacy policy and the caller's wish."""
    presentation = settings_of(placement.profile).presentation
    if presentation != "pass":
        return presentation == "restricted"
    return placement.privacy == "id" or (placement.identity.private and placement.privacy != "none")


def shown_caller(placement: Placement) -> str:
    """The calling number that the peer is told, wherever it is told of one; "" = it is withheld."""
    return "" if is_hidden(placement) and not placement.profile.trusted else placement.caller


def _screening(settings: H323Profile, placement: Placement, shown: str) -> str:
    if settings.screening != "pass":
        return settings.screening
    asserted = placement.profile.trusted and shown and placement.identity.asserted == shown
    return "network" if asserted else "user"


def _redirecting(placement: Placement) -> Party | None:
    """The latest diversion, for a peer that is told of them."""
    diversions = placement.identity.diversions
    if not diversions or placement.profile.diversion == "off":
        return None
    latest = diversions[0]
    hidden = latest.private
    number = "" if hidden and not placement.profile.trusted else latest.number
    return Party(number, presentation="restricted" if hidden else "allowed", reason=latest.reason)


def answering(identity: Identity, profile: PeerProfile) -> Party:
    """Who is called, for a peer that is told what others assert."""
    if not profile.trusted or not identity.asserted:
        return NO_PARTY
    return Party(identity.asserted, presentation="restricted" if identity.private else "allowed", screening="network")
