"""Reading who calls whom from an INVITE by the rules of the peer's gateway, and who answers from its responses.

From, P-Asserted-Identity and P-Preferred-Identity (RFC 3325), Remote-Party-ID, Privacy (RFC 3323), P-Charge-Info
(RFC 8496); redirections are read by `vosswitch.sip.identity.redirections`.  Whatever a peer writes, nothing here
raises: what cannot be read is not there.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from vosswitch.model.identity import NOBODY, Identity
from vosswitch.model.peer import PLAIN
from vosswitch.sip.grammar.headers import parse_name_addr
from vosswitch.sip.grammar.message import BadMessage
from vosswitch.sip.identity.carried import taken
from vosswitch.sip.identity.redirections import read_redirections, top_diversion

if TYPE_CHECKING:
    from vosswitch.model.peer import PeerProfile
    from vosswitch.model.signals import Headers
    from vosswitch.sip.grammar.headers import NameAddr
    from vosswitch.sip.grammar.message import Message, Request, Response
    from vosswitch.sip.grammar.uri import Uri

LONGEST = 64
"""Characters of the longest number that is taken from a header."""
MOST_VALUES = 8
"""Values of one header that are looked at."""

_ANONYMOUS = frozenset({"anonymous", "restricted", "unavailable", "unknown", "private"})
_NOWHERE = "anonymous.invalid"
_PRIVACY = frozenset({"critical", "header", "history", "id", "none", "session", "user"})
_WISHES = frozenset({"id", "user", "header"})
_VISUAL = re.compile(r"\+?[0-9*#().-]+", re.ASCII)
_SEPARATORS = str.maketrans("", "", "-.()")
_NOTHING: tuple[Identity, Headers] = (NOBODY, ())
_PRIVATE = Identity(private=True)
_HEADERS = {"pai": "p-asserted-identity", "ppi": "p-preferred-identity", "rpid": "remote-party-id"}


def number_of(uri: Uri) -> str:
    """The number (or name) that a URI names: no parameters, no visual separators; "" = none."""
    number = uri.user.partition(";")[0]
    if _VISUAL.fullmatch(number):
        number = number.translate(_SEPARATORS)
    if len(number) > LONGEST or " " in number or not number.isprintable() or number.lower() in _ANONYMOUS:
        return ""
    return number


def is_name_of_nobody(number: str) -> bool:
    """Whether a calling number is one of the words that stand for no number."""
    return number.lower() in _ANONYMOUS


def is_anonymous(uri: Uri) -> bool:
    """Whether a From hides its caller: ``anonymous.invalid`` or one of the usual names."""
    return uri.user.lower() in _ANONYMOUS or uri.host.lower() == _NOWHERE


@lru_cache(maxsize=1024)
def _value(text: str) -> NameAddr | None:
    try:
        found = parse_name_addr(text)
        found.uri  # noqa: B018 - read now: it may be none
    except BadMessage:
        return None
    return found


def addresses(message: Message, name: str) -> list[NameAddr]:
    """The readable values of a header, the first few of them."""
    try:
        texts = message.all(name)
    except BadMessage:
        return []
    return [found for text in texts[:MOST_VALUES] if (found := _value(text)) is not None]


def _numbered(message: Message, name: str) -> NameAddr | None:
    """The first value that names a number."""
    found = addresses(message, name)
    if name == "remote-party-id":
        found = [item for item in found if (item.params.get("party") or "calling").lower() == "calling"]
    return next((item for item in found if number_of(item.uri)), None)


def caller_of(request: Request, profile: PeerProfile) -> str:
    """The caller's number: of the first of the gateway's sources that names one.

    When none does: what a trusted peer asserts of a caller that its From hides, else From as it stands.
    """
    from_ = request.from_.uri
    if profile is PLAIN:
        return from_.user
    for source in profile.caller_sources:
        number = _from_source(request, source)
        if number:
            return number
    if profile.trusted and is_anonymous(from_):
        found = _numbered(request, "p-asserted-identity") or _numbered(request, "remote-party-id")
        if found is not None:
            return number_of(found.uri)
    return from_.user


def _from_source(request: Request, source: str) -> str:
    if source == "from":
        return "" if is_anonymous(request.from_.uri) else request.from_.uri.user
    if source == "display":
        display = request.from_.display
        number = display.translate(_SEPARATORS) if _VISUAL.fullmatch(display.replace(" ", "")) else ""
        return number.replace(" ", "")[:LONGEST]
    found = _numbered(request, _HEADERS[source])
    return "" if found is None else number_of(found.uri)


def called_of(request: Request, source: str) -> str:
    """The called number by *source* (`PeerProfile.callee_source`); the Request-URI's when that names none."""
    number = ""
    if source == "to":
        number = "" if number_of(request.to.uri) == "" else request.to.uri.user
    elif source == "diversion":
        number = top_diversion(request)
    return number or request.target.user


def display_of(request: Request, profile: PeerProfile, identity: Identity) -> str:
    """The caller's display name: From's, or that of the asserted identity when From hides it."""
    if profile is PLAIN or not is_anonymous(request.from_.uri):
        return request.from_.display
    return identity.asserted_display


def identity_of(request: Request, profile: PeerProfile) -> Identity:
    """What else is known of the caller.  The wish for privacy counts whoever utters it, the rest if he is trusted."""
    headers = request.headers
    if not profile.trusted:
        hidden = is_anonymous(request.from_.uri)
        if not hidden and "privacy" not in headers and "remote-party-id" not in headers:
            return NOBODY
        privacy = _privacy(request)
        if hidden or _WISHES.intersection(privacy) or _rpid_private(request):
            return Identity(private=True, privacy=privacy) if privacy else _PRIVATE
        return NOBODY
    return _asserted(request)


def _asserted(request: Request) -> Identity:
    privacy = _privacy(request)
    found = _numbered(request, "p-asserted-identity") or _numbered(request, "remote-party-id")
    charge = _numbered(request, "p-charge-info")
    wished = bool(_WISHES.intersection(privacy)) or _rpid_private(request)
    read = Identity(
        asserted="" if found is None else number_of(found.uri),
        asserted_display="" if found is None else found.display[:LONGEST],
        private=is_anonymous(request.from_.uri) or (wished and "none" not in privacy),
        privacy=privacy,
        charge="" if charge is None else number_of(charge.uri),
        diversions=read_redirections(request),
    )
    return NOBODY if read == NOBODY else read


def _privacy(message: Message) -> tuple[str, ...]:
    """The values of Privacy, which semicolons part (some peers use commas)."""
    texts = message.headers.get("privacy")
    if not texts:
        return ()
    words = {word.strip() for word in ";".join(texts[:MOST_VALUES]).replace(",", ";").lower().split(";")}
    return tuple(sorted(words & _PRIVACY))


def _rpid_private(message: Message) -> bool:
    for found in addresses(message, "remote-party-id") if "remote-party-id" in message.headers else ():
        if (found.params.get("party") or "calling").lower() == "calling":
            return (found.params.get("privacy") or "off").lower() in {"full", "uri", "name"}
    return False


def connected_of(message: Message, profile: PeerProfile) -> Identity:
    """Who answers, from a response of a trusted peer: P-Asserted-Identity, else Remote-Party-ID of the called party."""
    if not profile.trusted:
        return NOBODY
    found = _numbered(message, "p-asserted-identity")
    if found is None and "remote-party-id" in message.headers:
        rpids = addresses(message, "remote-party-id")
        found = next((item for item in rpids if item.params.get("party") == "called" and number_of(item.uri)), None)
    if found is None:
        return NOBODY
    privacy = _privacy(message)
    return Identity(number_of(found.uri), found.display[:LONGEST], bool(_WISHES.intersection(privacy)), privacy)


def besides(response: Response, profile: PeerProfile) -> tuple[Identity, Headers]:
    """What a response says besides its status and session: who is called, and what its gateway passes on."""
    if profile is PLAIN:
        return _NOTHING
    headers = taken(response, profile.headers_in) if profile.headers_in else ()
    return connected_of(response, profile), headers
