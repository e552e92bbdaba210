"""Digest authentication of callers and devices: challenge, verify, count failures, suspend (RFC 3261 section 22)."""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from vosswitch.model.source import source_key
from vosswitch.sip.gate.suspension import Suspensions
from vosswitch.sip.grammar import digest
from vosswitch.sip.grammar.message import BadMessage
from vosswitch.sip.grammar.uri import parse_uri

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vosswitch.sip.grammar.message import Request

_MOST_PROVEN = 10_000
"""Hosts whose proof is remembered; the oldest is forgotten first."""
_MOST_CREDENTIALS = 4
"""Credentials of one request that are looked at."""
_NOBODY = "0" * 64
"""Stands for the hash of who does not exist: the same work is done for every name."""


class Verdict(StrEnum):
    """What a request's credentials are worth."""

    NONE = "none"  # it bears none for our realm
    PROVEN = "proven"
    STALE = "stale"  # the nonce is used up, too old or not this source's: challenge again, no failure
    WRONG = "wrong"  # challenge again
    SUSPENDED = "suspended"  # 403


class Judgement(NamedTuple):
    """A verdict and whom it is about.

    :ivar began: whom this very failure has suspended: ``user``, ``source`` or "" (nobody).
    """

    verdict: Verdict
    username: str = ""
    began: str = ""


class Authentication:
    """Judges credentials and writes challenges.

    :param credentials: an `ICredentials`.
    :param parameters: gives the system parameters in force.
    :param now: monotonic seconds.
    :param registered: whether a user name has a live registration from a host: nobody there suspends it.
    :ivar proven: hosts that have proved themselves lately, the latest last.
    :ivar suspensions: who has failed too often.
    """

    __slots__ = ("_credentials", "_nonces", "_now", "_parameters", "_registered", "proven", "realm", "suspensions")

    def __init__(
        self,
        realm: str,
        credentials: Any,
        parameters: Callable[[], Mapping[str, Any]],
        secret: bytes,
        now: Callable[[], float],
        registered: Callable[[str, str], bool] = lambda host, username: False,
    ) -> None:
        self.realm = realm
        self._credentials = credentials
        self._parameters = parameters
        self._nonces = digest.Nonces(secret)
        self._now = now
        self.proven: dict[str, None] = {}
        self._registered = registered
        self.suspensions = Suspensions()

    def challenge(self, request: Request, host: str, stale: bool = False) -> tuple[int, tuple[str, ...]]:
        """Status and header lines that ask for credentials, one line for each of VS_DIGEST_ALGORITHMS.

        Devices of VS_DIGEST_MD5_AGENTS are asked for MD5 only: they give up when they read another algorithm.

        :param host: where the request came from; the nonce serves from there only.
        """
        parameters = self._parameters()
        status = int(parameters["SS_SIP_AUTHENTICATION_CODE"])
        name = "Proxy-Authenticate" if status == 407 else "WWW-Authenticate"
        nonce = self._nonces.new(self._now(), host)
        kinds = self._offered(request)
        return status, tuple([f"{name}: {digest.challenge(self.realm, nonce, kind, stale)}\r\n" for kind in kinds])

    def _offered(self, request: Request) -> tuple[str, ...]:
        """The algorithms that its sender is asked for; credentials of another one prove nothing."""
        parameters = self._parameters()
        agent = (request.get("user-agent") or "").lower()
        if agent.startswith(_prefixes(parameters["VS_DIGEST_MD5_AGENTS"])):
            return ("MD5",)
        return tuple(parameters["VS_DIGEST_ALGORITHMS"].split(","))

    def judge(self, request: Request, host: str) -> Judgement:
        """Judge the credentials of *request* from the source *host*.

        :raises BadMessage: they cannot be read.
        """
        fields = self._presented(request)
        if fields is None:
            return Judgement(Verdict.NONE)
        username = fields.get("username", "")
        now, source = self._now(), source_key(host)
        if self.suspensions.suspended(source, username, now) and not self._registered(host, username):
            return Judgement(Verdict.SUSPENDED, username)
        if not self._nonces.knows(fields.get("nonce", ""), now, host):
            return Judgement(Verdict.STALE, username)  # no failure: the source of a datagram may be forged
        if not self._proves(fields, request, username):
            return self._fail(source, host, username, now)
        if self._nonces.check(fields["nonce"], digest.nonce_count(fields), now, host) != "ok":
            return Judgement(Verdict.STALE, username)
        self.suspensions.proved(source, username)
        self._remember(host)
        return Judgement(Verdict.PROVEN, username)

    def _remember(self, host: str) -> None:
        proven = self.proven
        proven.pop(host, None)
        proven[host] = None
        if len(proven) > _MOST_PROVEN:
            del proven[next(iter(proven))]

    def _presented(self, request: Request) -> dict[str, str] | None:
        """The first credentials for our realm with an algorithm that we asked for; else the first for our realm."""
        headers = request.headers
        values = (*headers.get("authorization", ()), *headers.get("proxy-authorization", ()))
        ours: dict[str, str] | None = None
        for value in values[:_MOST_CREDENTIALS]:
            if digest.scheme_of(value) != "digest":
                continue
            fields = digest.parse_authorization(value)
            if fields.get("realm") != self.realm:
                continue
            if digest.algorithm_of(fields) in self._offered(request):
                return fields
            ours = ours or fields
        return ours

    def _proves(self, fields: dict[str, str], request: Request, username: str) -> bool:
        """Whether the response is that of the name's password; the same work for names that do not exist."""
        if not _about(fields.get("uri", ""), request):
            return False
        algorithm = digest.algorithm_of(fields)
        if algorithm not in self._offered(request):
            return False
        held = {item.algorithm: item.ha1 for item in self._credentials.credentials(username)}
        proved = digest.verify(fields, request.method, held.get(algorithm) or _NOBODY, request.body)
        return proved and algorithm in held

    def _fail(self, source: str, host: str, username: str, now: float) -> Judgement:
        if self._registered(host, username):
            return Judgement(Verdict.WRONG, username)
        parameters = self._parameters()
        most, seconds = parameters["SS_AUTHENTICATION_MAX_RETRY"], parameters["SS_AUTHENTICATION_FAILED_SUSPEND"]
        began = self.suspensions.failed(source, username, now, most, seconds)
        return Judgement(Verdict.SUSPENDED if began else Verdict.WRONG, username, began)


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
