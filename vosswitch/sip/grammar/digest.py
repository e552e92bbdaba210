"""Digest authentication for SIP (RFC 3261 section 22, RFC 7616, RFC 8760): both sides, MD5 and SHA-256, qop=auth.

``auth-int`` is not offered: elements on the way change bodies.  The nonces carry their own proof, so that a challenge
costs no memory; only a nonce that someone has used is remembered.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Iterable
from typing import Literal

from vosswitch.sip.grammar.headers import quoted, unquote
from vosswitch.sip.grammar.uri import BadMessage

Verdict = Literal["ok", "stale", "replay"]
Fields = dict[str, str]

ALGORITHMS = ("SHA-256", "MD5")
"""What is offered and answered, the better one first."""

WINDOW = 32
"""Nonce counts that may still come after a higher one."""
_SEEN = (1 << WINDOW) - 1

_SCHEME = re.compile(r"\s*([A-Za-z0-9\-.!%*_+`'~]+)(?:\s+|\Z)")
_FIELD = re.compile(
    r"([A-Za-z0-9\-.!%*_+`'~]+)\s*=\s*(?:\"((?:[^\"\\]++|\\.)*+)\"|([^\s,\"]*))\s*(?:,[\s,]*|\Z)", re.ASCII | re.DOTALL
)
_NONCE_COUNT = re.compile(r"[0-9A-Fa-f]{8}\Z")
_NONCE = re.compile(r"[A-Za-z0-9_\-]{40}\Z")


def _digest(algorithm: str, text: str) -> str:
    data = text.encode("utf-8", "replace")
    if algorithm == "SHA-256":
        return hashlib.sha256(data).hexdigest()
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def ha1(user: str, realm: str, password: str, algorithm: str = "MD5") -> str:
    """Hash a credential as it is stored; *algorithm* is ``MD5`` or ``SHA-256``."""
    return _digest(algorithm, f"{user}:{realm}:{password}")


def challenge(realm: str, nonce: str, algorithm: str, stale: bool = False) -> str:
    """Write the value of a WWW-Authenticate or Proxy-Authenticate header."""
    end = ", stale=true" if stale else ""
    return f'Digest realm={quoted(realm)}, nonce={quoted(nonce)}, algorithm={algorithm}, qop="auth"{end}'


def parse_authorization(value: str) -> Fields:
    """Read a challenge or credentials of any scheme.

    :returns: the fields, names in lower case and values without quotes; ``scheme`` (lower case) beside them.
    :raises BadMessage: 400; malformed, or a field given twice.
    """
    start = _SCHEME.match(value)
    if start is None:
        raise BadMessage("Malformed credentials")
    fields = {}
    at = start.end()
    while at < len(value):
        found = _FIELD.match(value, at)
        name = found[1].lower() if found is not None else ""
        if found is None or name in fields:
            raise BadMessage("Malformed credentials")
        fields[name] = found[3] if found[2] is None else unquote(found[2])
        at = found.end()
    fields["scheme"] = start[1].lower()
    return fields


def algorithm_of(fields: Fields) -> str:
    """Name the algorithm of a challenge or credentials in upper case; ``MD5`` when none is given."""
    return fields.get("algorithm", "MD5").upper()


def scheme_of(value: str) -> str:
    """Name the scheme of a challenge or credentials in lower case, "" when there is none."""
    start = _SCHEME.match(value)
    return "" if start is None else start[1].lower()


def nonce_count(auth: Fields) -> int:
    """Read the nonce count; 1 for credentials without qop, whose nonce serves once, and 0 when malformed."""
    if "qop" not in auth:
        return 1
    text = auth.get("nc", "")
    return int(text, 16) if _NONCE_COUNT.match(text) else 0


def verify(auth: Fields, method: str, ha1: str, body: bytes = b"", *, uri: str | None = None) -> bool:
    """Tell whether credentials prove the secret; in constant time as far as the secret goes.

    The nonce is not judged here: ask `Nonces.check` once this said yes, so that only who knows the secret can use
    a nonce up.

    :param ha1: the stored hash for the algorithm that `algorithm_of` names.
    :param body: of no influence, since only ``auth`` is taken for qop.
    :param uri: the Request-URI, to insist that the credentials were made for it.
    """
    algorithm = algorithm_of(auth)
    if auth.get("scheme") != "digest" or algorithm not in ALGORITHMS or not ha1:
        return False
    if any(name not in auth for name in ("username", "realm", "nonce", "uri", "response")):
        return False
    if uri is not None and auth["uri"] != uri:
        return False
    qop = auth.get("qop")
    if qop is not None and (qop.lower() != "auth" or not nonce_count(auth) or not auth.get("cnonce")):
        return False
    expected = _response(auth, algorithm, ha1, method)
    return hmac.compare_digest(expected.encode(), auth["response"].lower().encode("utf-8", "replace"))


def _response(auth: Fields, algorithm: str, ha1: str, method: str) -> str:
    ha2 = _digest(algorithm, f"{method}:{auth['uri']}")
    if "qop" not in auth:
        return _digest(algorithm, f"{ha1}:{auth['nonce']}:{ha2}")
    return _digest(algorithm, f"{ha1}:{auth['nonce']}:{auth['nc']}:{auth['cnonce']}:{auth['qop']}:{ha2}")


def choose(challenges: Iterable[str]) -> str | None:
    """Pick the first challenge that `answer` can answer (RFC 8760 section 2.4: the peer sorts them)."""
    for value in challenges:
        try:
            _answerable(parse_authorization(value))
        except BadMessage:
            continue
        return value
    return None


def _answerable(fields: Fields) -> tuple[str, bool]:
    """Give the algorithm to answer with and whether qop=auth is asked for."""
    algorithm = algorithm_of(fields)
    if fields.get("scheme") != "digest" or algorithm.removesuffix("-SESS") not in ALGORITHMS:
        raise BadMessage("Unknown authentication scheme or algorithm")
    if "realm" not in fields or "nonce" not in fields:
        raise BadMessage("Incomplete challenge")
    offered = fields.get("qop")
    if offered is not None and "auth" not in [option.strip().lower() for option in offered.split(",")]:
        raise BadMessage("Unknown quality of protection")
    if offered is None and algorithm not in ALGORITHMS:
        raise BadMessage("Session algorithm without quality of protection")
    return algorithm, offered is not None


def answer(challenge_value: str, username: str, password: str, method: str, uri: str, cnonce: str, nc: int) -> str:
    """Answer a peer's challenge: the value for Authorization or Proxy-Authorization.

    :param cnonce: random text of the caller's; *nc* counts, from 1, the requests sent with this nonce.
    :raises BadMessage: the challenge is malformed or asks for what we do not know.
    """
    fields = parse_authorization(challenge_value)
    algorithm, qop = _answerable(fields)
    plain = algorithm.removesuffix("-SESS")
    secret = ha1(username, fields["realm"], password, plain)
    if algorithm != plain:
        secret = _digest(plain, f"{secret}:{fields['nonce']}:{cnonce}")
    auth = {"uri": uri, "nonce": fields["nonce"]}
    if qop:
        auth.update(qop="auth", nc=f"{nc:08x}", cnonce=cnonce)
    return _credentials(fields, auth, username, _response(auth, plain, secret, method))


def _credentials(fields: Fields, auth: Fields, username: str, response: str) -> str:
    parts = [f"username={quoted(username)}", f"realm={quoted(fields['realm'])}", f"nonce={quoted(fields['nonce'])}"]
    parts += [f"uri={quoted(auth['uri'])}", f'response="{response}"']
    if "algorithm" in fields:
        parts.append(f"algorithm={fields['algorithm']}")
    if "qop" in auth:
        parts.append(f"qop=auth, nc={auth['nc']}, cnonce={quoted(auth['cnonce'])}")
    if "opaque" in fields:
        parts.append(f"opaque={quoted(fields['opaque'])}")
    return "Digest " + ", ".join(parts)


class Nonces:
    """Makes nonces that nobody can forge, and sees to it that each nonce count is used once.

    A nonce is its issue time, a serial number and a keyed hash of both.  Of used ones the last count is remembered
    until they expire.  When *capacity* is reached, the oldest is forgotten together with every nonce issued before
    it: these are stale from then on, so that forgetting never lets a replay pass.

    :ivar lifetime: seconds.
    """

    __slots__ = ("_capacity", "_floor", "_secret", "_serial", "_used", "lifetime")

    def __init__(self, secret: bytes, lifetime: float = 300.0, capacity: int = 65536) -> None:
        self.lifetime = lifetime
        self._secret = secret
        self._capacity = capacity
        self._serial = 0
        self._floor = -1
        self._used: OrderedDict[str, tuple[int, int, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._used)

    def new(self, now: float, host: str = "") -> str:
        """Make a nonce; *now* is in seconds of any clock that goes on, always the same one.

        :param host: to whom it is given: from another one it is stale.
        """
        self._serial += 1
        stamp = int(now * 1000).to_bytes(8, "big") + (self._serial & 0xFFFFFFFF).to_bytes(4, "big")
        return urlsafe_b64encode(stamp + self._proof(stamp, host)).decode()

    def _proof(self, stamp: bytes, host: str) -> bytes:
        return hmac.digest(self._secret, stamp + host.encode(), "sha256")[:18]

    def knows(self, nonce: str, now: float, host: str = "") -> bool:
        """Whether it was given to *host* and has not expired; nothing is used up."""
        issued = self._issued(nonce, host)
        return issued is not None and 0 <= int(now * 1000) - issued <= self.lifetime * 1000

    def _issued(self, nonce: str, host: str) -> int | None:
        """Give the issue time in ms; None for what was never issued here, or to somebody else."""
        if not _NONCE.match(nonce):
            return None
        raw = urlsafe_b64decode(nonce)
        if not hmac.compare_digest(self._proof(raw[:12], host), raw[12:]):
            return None
        return int.from_bytes(raw[:8], "big")

    def check(self, nonce: str, nc: int, now: float, host: str = "") -> Verdict:
        """Judge a nonce and use this count of it up.

        Counts may be left out, and come out of order by less than `WINDOW` (datagrams overtake each other); none
        serves twice.

        :param nc: from `nonce_count`.
        :param host: who presents it.
        :returns: ``stale`` also for a nonce that was never issued, since the cure is the same: a new challenge.
        """
        issued = self._issued(nonce, host)
        if issued is None or not 0 <= int(now * 1000) - issued <= self.lifetime * 1000:
            return "stale"
        self._expire(now)
        found = self._used.get(nonce)
        if found is None and issued <= self._floor:
            return "stale"
        _, highest, seen = found or (issued, 0, 0)
        behind = highest - nc
        if nc <= 0 or behind >= WINDOW or (behind >= 0 and seen >> behind & 1):
            return "replay"
        if behind < 0:
            highest, seen = nc, (seen << min(-behind, WINDOW) | 1) & _SEEN
        else:
            seen |= 1 << behind
        self._used[nonce] = (issued, highest, seen)
        if len(self._used) > self._capacity:
            self._forget()
        return "ok"

    def _expire(self, now: float) -> None:
        """Forget what was used first as long as that has expired: a step or two for each nonce that comes in."""
        oldest = int((now - self.lifetime) * 1000)
        while self._used:
            nonce, (issued, _, _) = next(iter(self._used.items()))
            if issued >= oldest:
                return
            del self._used[nonce]

    def _forget(self) -> None:
        _, (issued, _, _) = self._used.popitem(last=False)
        self._floor = max(self._floor, issued)
