"""Our answer to a peer's 401 or 407 on an outgoing leg."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vosswitch.sip import digest
from vosswitch.sip.message import BadMessage

if TYPE_CHECKING:
    from vosswitch.sip.flow import Tokens
    from vosswitch.sip.message import Response

_PLACES = (("www-authenticate", "Authorization"), ("proxy-authenticate", "Proxy-Authorization"))


class Proof:
    """The credentials of one leg; a challenge is answered once for each request, a stale one once more.

    :param realm: only this realm is answered; None = any.
    """

    __slots__ = ("_password", "_realm", "_tokens", "_tries", "_username")

    def __init__(self, username: str, password: str, realm: str | None, tokens: Tokens) -> None:
        self._username = username
        self._password = password
        self._realm = realm
        self._tokens = tokens
        self._tries: dict[str, int] = {}

    def answer(self, response: Response, method: str, uri: str) -> tuple[str, ...]:
        """The header lines that answer the challenges of *response*; () when it cannot or shall not be answered."""
        lines = []
        stale = False
        for place, name in _PLACES:
            chosen = digest.choose(self._ours(response, place))
            if chosen is not None:
                stale = stale or digest.parse_authorization(chosen).get("stale", "").lower() == "true"
                cnonce = self._tokens.new()
                try:
                    value = digest.answer(chosen, self._username, self._password, method, uri, cnonce, 1)
                except BadMessage:
                    return ()
                lines.append(f"{name}: {value}")
        tried = self._tries.get(method, 0)
        if not lines or tried > 1 or (tried == 1 and not stale):
            return ()
        self._tries[method] = tried + 1
        return tuple(lines)

    def proven(self, method: str) -> None:
        """A request of that method was accepted: the next one may be challenged again."""
        self._tries.pop(method, None)

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
