"""How a caller is shown to the peer that we call, by the peer's profile (RFC 3323, 3325, 5806, 7044, 8496).

What others assert is told to trusted peers only.  A caller who wants not to be shown is anonymous in From and Contact
towards everybody, and to a peer that is not trusted nothing else names him either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vosswitch.sip.grammar.headers import quoted
from vosswitch.sip.grammar.wire import user_text
from vosswitch.sip.identity.carried import agent_lines, given
from vosswitch.sip.identity.identity import is_name_of_nobody
from vosswitch.sip.identity.redirections import diversion_lines, history_lines

if TYPE_CHECKING:
    from vosswitch.model.call import Placement
    from vosswitch.model.identity import Identity
    from vosswitch.model.peer import PeerProfile

ANONYMOUS = '"Anonymous" <sip:anonymous@anonymous.invalid>'
"""From of a caller who is not shown (RFC 3323 section 4.1.1.3)."""


class Shown(NamedTuple):
    """The caller as the peer sees him.

    :ivar local: From without its tag.
    :ivar user: the user part of Contact, escaped; may be empty.
    :ivar lines: the other header lines that say who and what we are, and what is passed on.
    """

    local: str
    user: str
    lines: tuple[str, ...]


def shown(placement: Placement, host: str, product: str) -> Shown:
    """What the INVITE of *placement* says of its caller.

    :param host: our own, as the peer is told.
    :param product: our User-Agent.
    """
    profile, identity = placement.profile, placement.identity
    private = is_private(placement.privacy, identity)
    host = _bracketed(profile.from_domain) or host
    user = _user(placement, private)
    lines = [
        *agent_lines(profile.user_agent, product, "User-Agent"),
        *privacy_lines(placement.privacy, identity),
        *_identity_lines(placement, private, host),
        *_diversion_lines(profile, identity, placement.callee, host),
        *profile.add_headers,
    ]
    if placement.headers and profile.headers_out:
        lines += given(placement.headers, profile.headers_out, hidden_numbers(placement))
    if private:
        return Shown(f'"Anonymous" <sip:{user}@{host}>' if user else ANONYMOUS, user, tuple(lines))
    user = user or user_text(placement.caller or "anonymous")
    display = f"{quoted(placement.display)} " if placement.display else ""
    return Shown(f"{display}<sip:{user}@{host}>", user, tuple(lines))


def hidden_numbers(placement: Placement) -> tuple[str, ...] | None:
    """What no passed header of a private caller may hold; None when he is not private."""
    if not is_private(placement.privacy, placement.identity):
        return None
    return placement.caller, placement.identity.asserted, placement.account


def is_private(policy: str, identity: Identity) -> bool:
    """Whether the caller is hidden, by the peer's privacy policy and by the caller's own wish."""
    return policy == "id" or (identity.private and policy != "none")


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _user(placement: Placement, private: bool) -> str:
    """The user part of From, escaped: "" = the caller's number, or nobody's when he is private."""
    profile = placement.profile
    if profile.from_user == "username" and placement.username:
        return user_text(placement.username)  # names the trunk, not the caller
    if private:
        return ""
    asserted = placement.identity.asserted
    if asserted and (
        (profile.from_user == "asserted" and profile.trusted)
        or (placement.privacy == "none" and is_name_of_nobody(placement.caller))
    ):
        return user_text(asserted)
    return ""


def privacy_lines(policy: str, identity: Identity) -> list[str]:
    """The Privacy header."""
    if policy == "ignore":
        return []
    if policy == "none":
        return ["Privacy: none"]
    wishes = [wish for wish in identity.privacy if wish != "none"]
    if is_private(policy, identity):
        return [f"Privacy: {';'.join(wishes if 'id' in wishes else ['id', *wishes])}"]
    return [f"Privacy: {';'.join(identity.privacy)}"] if identity.privacy else []


def _identity_lines(placement: Placement, private: bool, host: str) -> list[str]:
    """P-Asserted-Identity and the like: the asserted number for trusted peers, else the number that From bears."""
    profile, identity = placement.profile, placement.identity
    if not profile.identity_headers or (private and not profile.trusted):
        return []
    told = profile.trusted and identity.asserted
    number = identity.asserted if told else placement.caller
    if not number or is_name_of_nobody(number):
        return []
    display = identity.asserted_display if told else placement.display
    name = f"{quoted(display)} " if display else ""
    address = f"<sip:{user_text(number)}@{host}>"
    charge = (profile.trusted and identity.charge) or number
    texts = {
        "pai": f"P-Asserted-Identity: {name}{address}",
        "ppi": f"P-Preferred-Identity: {name}{address}",
        "rpid": f"Remote-Party-ID: {name}{address};party=calling;screen=yes;privacy={'full' if private else 'off'}",
        "charge": f"P-Charge-Info: <sip:{user_text(charge)}@{host}>",
    }
    return [texts[kind] for kind in profile.identity_headers]


def _diversion_lines(profile: PeerProfile, identity: Identity, callee: str, host: str) -> list[str]:
    if profile.diversion == "off" or not identity.diversions:
        return []
    lines = []
    if profile.diversion in {"diversion", "both"}:
        lines += diversion_lines(identity.diversions, host, hidden=not profile.trusted)
    if profile.diversion in {"history", "both"}:
        lines += history_lines(identity.diversions, callee, host, hidden=not profile.trusted)
    return lines


def connected_lines(identity: Identity, profile: PeerProfile, host: str) -> list[str]:
    """Who answers, for the responses to a caller: trusted ones only are told."""
    if not profile.trusted or not identity.asserted:
        return []
    name = f"{quoted(identity.asserted_display)} " if identity.asserted_display else ""
    lines = [f"P-Asserted-Identity: {name}<sip:{user_text(identity.asserted)}@{host}>"]
    return lines + (["Privacy: id"] if identity.private else [])
