"""Redirections that a call has gone through: Diversion (RFC 5806) and History-Info (RFC 7044), each as the other.

A History-Info entry names the one it was redirected to; the ``cause`` of its URI says why (RFC 4458).  The one that
redirected is the entry before it (RFC 7544, which also has the table of reasons).  380, the translation of a service
number (RFC 8119), is no redirection by a person and is left out.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from vosswitch.model.identity import Diversion
from vosswitch.sip.grammar.headers import parse_name_addr, quoted
from vosswitch.sip.grammar.message import BadMessage
from vosswitch.sip.grammar.wire import user_text

if TYPE_CHECKING:
    from vosswitch.sip.grammar.headers import NameAddr
    from vosswitch.sip.grammar.message import Message
    from vosswitch.sip.grammar.uri import Uri

MOST = 10
"""Redirections that are kept of one call, the latest."""
_LONGEST = 64
_MOST_COUNT = 999

_REASONS = {
    302: "unconditional",
    404: "unknown",
    408: "no-answer",
    480: "deflection",
    486: "user-busy",
    487: "deflection",
    503: "unavailable",
}
_CAUSES = {reason: status for status, reason in reversed(_REASONS.items())}
_SERVICE_NUMBER = 380
_TOKENS = frozenset("abcdefghijklmnopqrstuvwxyz-")


def read_redirections(message: Message) -> tuple[Diversion, ...]:
    """The redirections, the latest first: of Diversion, else of History-Info."""
    if "diversion" in message.headers:
        read = [_diversion(found) for found in _readable(message, "diversion")]
        return tuple([found for found in read[:MOST] if found is not None])
    if "history-info" in message.headers:
        return _history(_readable(message, "history-info"), "history" in (message.get("privacy") or "").lower())
    return ()


def top_diversion(message: Message) -> str:
    """The number that redirected the call last, "" when there is none."""
    found = read_redirections(message)
    return found[0].number if found else ""


def _readable(message: Message, name: str) -> list[NameAddr]:
    try:
        texts = message.all(name)
    except BadMessage:
        return []
    found = []
    for text in texts[: 4 * MOST]:
        try:
            value = parse_name_addr(text)
            value.uri  # noqa: B018 - read now: it may be none
        except BadMessage:
            continue
        found.append(value)
    return found


def _user(uri: Uri) -> str:
    user = uri.user.partition(";")[0]
    return user if 0 < len(user) <= _LONGEST and user.isprintable() and " " not in user else ""


def _diversion(value: NameAddr) -> Diversion | None:
    number = _user(value.uri)
    if not number:
        return None
    reason = (value.params.get("reason") or "unknown").lower()
    if len(reason) > 32 or not _TOKENS.issuperset(reason):
        reason = "unknown"
    count = value.params.get("counter") or "1"
    counter = int(count) if count.isascii() and count.isdigit() and len(count) <= 3 else 1
    private = (value.params.get("privacy") or "off").lower() != "off"
    return Diversion(number, reason, max(counter, 1), value.uri.host, value.display[:_LONGEST], private)


def _history(entries: list[NameAddr], private: bool) -> tuple[Diversion, ...]:
    found = []
    for before, entry in pairwise(entries):
        cause = entry.uri.params.get("cause") or _reason_cause(before.uri)
        if not (cause and cause.isascii() and cause.isdigit() and len(cause) == 3) or int(cause) == _SERVICE_NUMBER:
            continue
        number = _user(before.uri)
        if number:
            asked = private or "history" in before.uri.headers.get("Privacy", "").lower()
            reason = _REASONS.get(int(cause), "unknown")
            found.append(Diversion(number, reason, 1, before.uri.host, before.display[:_LONGEST], asked))
    return tuple(reversed(found[-MOST:]))


def _reason_cause(uri: Uri) -> str:
    """The status in the Reason that an entry's URI carries (``?Reason=SIP%3Bcause%3D302``)."""
    text = uri.headers.get("Reason", "").replace(" ", "").lower()
    protocol, _, rest = text.partition(";cause=")
    return rest.partition(";")[0] if protocol == "sip" else ""


def diversion_lines(diversions: tuple[Diversion, ...], host: str, hidden: bool) -> list[str]:
    """The Diversion headers, the latest first.

    :param host: our own, put in place of those that the diverting side named.
    :param hidden: those who asked not to be shown are left out, since the receiver is not trusted.
    """
    lines = []
    for item in diversions:
        if item.private and hidden:
            continue
        display = f"{quoted(item.display)} " if item.display else ""
        shown = "full" if item.private else "off"
        count = f";counter={min(item.counter, _MOST_COUNT)}" if item.counter > 1 else ""
        address = f"{display}<sip:{user_text(item.number)}@{host}>"
        lines.append(f"Diversion: {address};reason={item.reason};privacy={shown}{count}")
    return lines


def history_lines(diversions: tuple[Diversion, ...], target: str, host: str, hidden: bool) -> list[str]:
    """The History-Info headers: the diverting parties in order of time, then *target* (the number that is called)."""
    lines = []
    index, cause = "1", ""
    for item in reversed(diversions):
        if not (item.private and hidden):
            wish = "?Privacy=history" if item.private else ""
            lines.append(f"History-Info: <sip:{user_text(item.number)}@{host}{cause}{wish}>;index={index}")
            index += ".1"
        cause = f";cause={_CAUSES.get(item.reason, 404)}"
    if lines:
        lines.append(f"History-Info: <sip:{user_text(target)}@{host}{cause}>;index={index}")
    return lines
