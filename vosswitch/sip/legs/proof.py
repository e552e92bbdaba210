"""Our answer to a peer's 401 or 407 on an outgoing leg (RFC 3261 22.2 and 22.3).

Parameters: SS_SIP_AUTHENTICATION_RETRY, SS_SIP_AUTHENTICATION_TIMEOUT.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vosswitch.sip.grammar import digest
from vosswitch.sip.grammar.message import BadMessage

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.sip.grammar.message import Response
    from vosswitch.sip.transactions.flow import Tokens

_PLACES = (("www-authenticate", "Authorization"), ("proxy-authenticate", "Proxy-Authorization"))


class Chain:
    """One request and its repetitions with credentials.

    :ivar shown: the credentials lines by header and realm; all go along again, since a proxy and the server behind it
        may both ask.
    """

    __slots__ = ("answers", "shown", "since")

    def __init__(self, since: float) -> None:
        self.since = since
        self.answers = 0
        self.shown: dict[tuple[str, str], str] = {}


class Proof:
    """The credentials of one leg.

    A challenge of a realm that has our credentials already says that they are wrong, unless it calls them stale: it
    ends the request.

    :param realm: only this realm is answered; None = any.
    :param most: answers to one request (SS_SIP_AUTHENTICATION_RETRY).
    :param patience: seconds behind the first challenge of a request in which further ones are answered
        (SS_SIP_AUTHENTICATION_TIMEOUT).
    :param now: monotonic seconds.
    """

    __slots__ = ("_chains", "_most", "_now", "_password", "_patience", "_realm", "_tokens", "_username")

    def __init__(
        self,
        username: str,
        password: str,
        realm: str | None,
        tokens: Tokens,
        most: int = 6,
        patience: float = 10.0,
        now: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._username = username
        self._password = password
        self._realm = realm
        self._tokens = tokens
        self._most = most
        self._patience = patience
        self._now = now
        self._chains: dict[str, Chain] = {}

    def answer(self, response: Response, method: str, uri: str, *, first: bool = False) -> tuple[str, ...]:
        """The header lines that answer the challenges of *response*; () when it cannot or shall not be answered.

        :param first: the challenged request bore no credentials of ours: it is not a repetition.
        """
        chain = self._chains.get(method)
        if chain is None or first:
            chain = self._chains[method] = Chain(self._now())
        if chain.answers >= self._most or self._now() - chain.since > self._patience:
            return ()
        try:
            lines = self._lines(response, method, uri, chain)
        except BadMessage:
            return ()
        if not lines:
            return ()
        chain.answers += 1
        chain.shown.update(lines)
        return tuple(chain.shown.values())

    def proven(self, method: str) -> None:
        """A request of that method was accepted: the next one may be challenged again."""
        self._chains.pop(method, None)

    def _lines(self, response: Response, method: str, uri: str, chain: Chain) -> dict[tuple[str, str], str]:
        found: dict[tuple[str, str], str] = {}
        for place, name in _PLACES:
            chosen = digest.choose(self._ours(response, place))
            if chosen is None:
                continue
            fields = digest.parse_authorization(chosen)
            key = (name, fields["realm"])
            if key in chain.shown and fields.get("stale", "").lower() != "true":
                return {}
            value = digest.answer(chosen, self._username, self._password, method, uri, self._tokens.new(), 1)
            found[key] = f"{name}: {value}"
        return found

    def _ours(self, response: Response, place: str) -> list[str]:
        values = response.headers.get(place, [])
        if self._realm is None:
            return values
        return [value for value in values if _realm_of(value) == self._realm]


def _realm_of(challenge: str) -> str | None:
    try:
        return digest.parse_authorization(challenge).get("realm")
    except BadMessage:
        return None


_OURS = frozenset(
    ("via", "max-forwards", "route", "from", "to", "call-id", "cseq", "content-type", "content-length")
) | {"authorization", "proxy-authorization"}


def is_first(data: bytes) -> bool:
    """Whether a request of ours bears no credentials."""
    return b"uthorization: Digest " not in data.partition(b"\r\n\r\n")[0]


def own_part(data: bytes) -> tuple[tuple[str, ...], bytes, str]:
    """What is particular to a request of ours within a dialog: its further header lines, its body, the body's type."""
    head, _, body = data.partition(b"\r\n\r\n")
    extra, kind = [], ""
    renews = head.startswith((b"INVITE ", b"UPDATE "))
    for line in head.decode("utf-8", "replace").split("\r\n")[1:]:
        name = line.partition(":")[0].lower()
        if name not in _OURS and (not renews or name not in {"contact", "allow"}):
            extra.append(line)
        elif name == "content-type":
            kind = line.partition(":")[2].strip()
    return tuple(extra), body, kind
