"""Headers that are passed from one side to the other by both gateways' lists, and what our own name is towards a peer.

A header passes when the sender's gateway lists it (``headers_in``) and the receiver's does too (``headers_out``).  What
belongs to the protocol or says who calls never passes as it is: it is our own towards every peer.  ``*`` means all
others but those of security and charging, which have to be named.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from vosswitch.sip.grammar.headers import field_start

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vosswitch.model.signals import Headers
    from vosswitch.sip.grammar.message import Message

MOST = 32
"""Header lines of one message that are passed on."""
LONGEST = 1024
"""Characters of one value; a longer one does not pass."""
MOST_CHARACTERS = 8192
"""Characters of all of them."""

_PROTOCOL = """
via from to call-id cseq contact max-forwards route record-route path service-route content-type content-length
content-encoding content-disposition content-language mime-version require proxy-require supported unsupported allow
allow-events accept accept-encoding accept-language expires min-expires session-expires min-se rack rseq refer-to
refer-sub info-package recv-info replaces join target-dialog event subscription-state sip-etag sip-if-match timestamp
retry-after reason
authorization proxy-authorization www-authenticate proxy-authenticate authentication-info proxy-authentication-info
security-client security-server security-verify user-agent server hide encryption response-key flow-timer
"""
_IDENTITY = """
p-asserted-identity p-preferred-identity remote-party-id privacy diversion history-info p-charge-info rpid-privacy
cc-diversion cc-redirect p-called-party-id p-associated-uri referred-by reply-to
"""
_SECURITY = """
identity identity-info date p-charging-vector p-charging-function-addresses p-access-network-info
p-visited-network-id p-profile-key p-user-database p-served-user p-media-authorization p-dcs-billing-info p-dcs-laes
p-dcs-redirect p-dcs-osps p-dcs-trace-party-id geolocation geolocation-routing geolocation-error
"""
NEVER = frozenset([*_PROTOCOL.split(), *_IDENTITY.split()])
"""Names that no list can pass on."""
NAMED = frozenset(_SECURITY.split())
"""Names that ``*`` does not mean."""
_PERSONAL = frozenset(
    ["subject", "organization", "call-info", "in-reply-to", "alert-info", "warning", "user-to-user", "error-info"]
)
"""What tells of a caller who wants to be nobody (RFC 3323 section 4.1)."""


def taken(message: Message, names: tuple[str, ...]) -> Headers:
    """The headers of *message* that *names* (``headers_in``) lets through, bounded in number and size."""
    found: list[tuple[str, str]] = []
    left = MOST_CHARACTERS
    for name, values in message.headers.items():
        if not passes(name, names):
            continue
        for value in values:
            left -= len(value)
            if len(found) >= MOST or left < 0:
                return tuple(found)
            if len(value) <= LONGEST and value.isprintable():
                found.append((name, value))
    return tuple(found)


@lru_cache(maxsize=4096)
def passes(name: str, names: tuple[str, ...]) -> bool:
    """Whether a list lets a header through."""
    if name in NEVER:
        return False
    return name in names or ("*" in names and name not in NAMED)


def given(headers: Headers, names: tuple[str, ...], hidden: Sequence[str] | None = None) -> list[str]:
    """The header lines that *names* (``headers_out``) lets out.

    :param hidden: the caller's numbers, when he is not to be shown: what is personal, or holds one, stays here.
    """
    kept = [(name, value) for name, value in headers if passes(name, names)]
    if hidden is not None:
        numbers = [number.lstrip("+0") for number in hidden if len(number.lstrip("+0")) >= _TELLING]
        kept = [item for item in kept if item[0] not in _PERSONAL and not _tells(item[1], numbers)]
    return [field_start(name) + value for name, value in kept]


_TELLING = 4
"""Digits from which on a number in a header names somebody."""


def _tells(value: str, numbers: list[str]) -> bool:
    return any(number in value for number in numbers)


def server_line(setting: str) -> str:
    """The Server line of every response to a peer that has a name of ours set; the others get one in answers only."""
    return "" if setting in {"", "-"} else f"Server: {setting}\r\n"


@lru_cache(maxsize=256)
def agent_lines(setting: str, product: str, name: str) -> tuple[str, ...]:
    """Our User-Agent or Server line towards a peer (``user_agent``): *product*, none for ``-``, else its own text."""
    if setting == "-":
        return ()
    return (f"{name}: {setting or product}",)
