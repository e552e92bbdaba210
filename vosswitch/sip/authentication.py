"""Digest authentication of callers and devices: challenge, verify, count failures, suspend (RFC 3261 section 22)."""

from __future__ import annotations

from collections import OrderedDict
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from vosswitch.sip import digest
from vosswitch.sip.message import BadMessage
from vosswitch.sip.uri import parse_uri

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vosswitch.sip.message import Request

_BOUND = 10_000
"""Most (source, user name) pairs whose failures are remembered; the oldest is forgotten first."""


class Verdict(StrEnum):
    """What a request's credentials are worth."""

    NONE = "none"  # it bears none for our realm
    PROVEN = "proven"
    STALE = "stale"  # the nonce is used up, too old or not this source's: challenge again, no failure
    WRONG = "wrong"  # challenge again
    SUSPENDED = "suspended"  # 403


class Judgement(NamedTuple):
    """A verdict and whom it is about.

    :ivar last: this very failure began the suspension.
    """

    verdict: Verdict
    username: str = ""
    last: bool = False


class Authentication:
    """Judges credentials and writes challenges.

    :param credentials: an `ICredentials`.
    :param parameters: gives the system parameters in force.
    :param now: monotonic seconds.
    :ivar proven: hosts that have proved themselves lately, the latest last.
    """

    __slots__ = ("_credentials", "_failures", "_nonces", "_now", "_parameters", "proven", "realm")

    def __init__(
        self,
        realm: str,
        credentials: Any,
        parameters: Callable[[], Mapping[str, Any]],
        secret: bytes,
        now: Callable[[], float],
    ) -> None:
        self.realm = realm
        self._credentials = credentials
        self._parameters = parameters
        self._nonces = digest.Nonces(secret)
        self._now = now
        self.proven: dict[str, None] = {}
        self._failures: OrderedDict[tuple[str, str], tuple[int, float]] = OrderedDict()

    def challenge(self, request: Request, host: str, stale: bool = False) -> tuple[int, str]:
        """Status and header lines that ask for credentials, one line for each of VS_DIGEST_ALGORITHMS.

        Devices of VS_DIGEST_MD5_AGENTS are asked for MD5 only: they give up when they read another algorithm.

        :param host: where the request came from; the nonce serves from there only.
        """
        parameters = self._parameters()
        status = int(parameters["SS_SIP_AUTHENTICATION_CODE"])
        name = "Proxy-Authenticate" if status == 407 else "WWW-Authenticate"
        nonce = self._nonces.new(self._now(), host)
        kinds = parameters["VS_DIGEST_ALGORITHMS"].split(",")
        if (request.get("user-agent") or "").lower().startswith(_prefixes(parameters["VS_DIGEST_MD5_AGENTS"])):
            kinds = ["MD5"]
        lines = [f"{name}: {digest.challenge(self.realm, nonce, kind, stale)}\r\n" for kind in kinds]
        return status, "".join(lines)

    def judge(self, request: Request, host: str) -> Judgement:
        """Judge the credentials of *request* from the source *host*.

        :raises BadMessage: they cannot be read.
        """
        fields = self._presented(request)
        if fields is None:
            return Judgement(Verdict.NONE)
        username = fields.get("username", "")
        key = (host, username[:64])
        if self._suspended(key):
            return Judgement(Verdict.SUSPENDED, username)
        if not self._nonces.knows(fields.get("nonce", ""), self._now(), host):
            return Judgement(Verdict.STALE, username)  # no failure: the source of a datagram may be forged
        if not self._proves(fields, request, username):
            return Judgement(*self._fail(key, username))
        verdict = self._nonces.check(fields["nonce"], digest.nonce_count(fields), self._now(), host)
        if verdict != "ok":
            return Judgement(Verdict.STALE, username)
        self._failures.pop(key, None)
        self._remember(host)
        return Judgement(Verdict.PROVEN, username)

    def _remember(self, host: str) -> None:
        proven = self.proven
        proven.pop(host, None)
        proven[host] = None
        if len(proven) > _BOUND:
            del proven[next(iter(proven))]

    def _presented(self, request: Request) -> dict[str, str] | None:
        headers = request.headers
        for value in (*headers.get("authorization", ()), *headers.get("proxy-authorization", ())):
            fields = digest.parse_authorization(value)
            if fields.get("scheme") == "digest" and fields.get("realm") == self.realm:
                return fields
        return None

    def _proves(self, fields: dict[str, str], request: Request, username: str) -> bool:
        if not _about(fields.get("uri", ""), request):
            return False
        algorithm = digest.algorithm_of(fields)
        for credential in self._credentials.credentials(username):
            if credential.algorithm == algorithm:
                return digest.verify(fields, request.method, credential.ha1, request.body)
        return False

    def _fail(self, key: tuple[str, str], username: str) -> tuple[Verdict, str, bool]:
        count, _ = self._failures.pop(key, (0, 0.0))
        self._failures[key] = (count + 1, self._now())
        if len(self._failures) > _BOUND:
            self._failures.popitem(last=False)
        if self._suspended(key):
            return Verdict.SUSPENDED, username, True
        return Verdict.WRONG, username, False

    def _suspended(self, key: tuple[str, str]) -> bool:
        found = self._failures.get(key)
        if found is None:
            return False
        parameters = self._parameters()
        if self._now() - found[1] > parameters["SS_AUTHENTICATION_FAILED_SUSPEND"]:
            del self._failures[key]
            return False
        most = parameters["SS_AUTHENTICATION_MAX_RETRY"]
        return bool(most) and found[0] >= most


@lru_cache(maxsize=16)
def _prefixes(text: str) -> tuple[str, ...]:
    return tuple(part.strip().lower() for part in text.split(",") if part.strip())


def _about(uri: str, request: Request) -> bool:
    """Whether credentials were made for this request; elements on the way rewrite hosts, so the user part decides.

    Some devices (sipp is one) name the server only; what such credentials prove is bounded by the nonce count.
    """
    if uri == request.uri:
        return True
    user = request.target.user
    if request.method == "REGISTER" or not user:
        return True
    try:
        return parse_uri(uri).user in {user, ""}
    except BadMessage:
        return False
