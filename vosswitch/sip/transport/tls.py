"""The certificates of the room: read at the start and on demand, shown to clients, held against servers (RFC 5922).

A reload reads everything first; when one file is bad nothing changes.  Running connections keep what they began with.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from OpenSSL import SSL
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator, IOpenSSLServerConnectionCreator
from zope.interface import implementer

from vosswitch.params.listeners import NO_TLS, ClientTls, KeyPair, Listener, ServerTls
from vosswitch.sip.transport.certificates import is_address, server_names, wildcard_of

if TYPE_CHECKING:
    from collections.abc import Iterable

_VERSIONS = {"1.2": SSL.TLS1_2_VERSION, "1.3": SSL.TLS1_3_VERSION}
_WRONG = {
    9: "it is not valid yet",
    10: "it has expired",
    18: "it is self-signed",
    19: "an authority in its chain is not trusted",
    20: "the authority that signed it is not trusted",
    21: "the authority that signed it is not trusted",
    23: "it is revoked",
    24: "its authority may not sign certificates",
    26: "it is made for another purpose",
}
"""What OpenSSL found, by its number (X509_V_ERR_*)."""


class BadCertificate(ValueError):
    """A file that cannot be used; one line that names it and says what was expected."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A certificate in use.

    :ivar names: the DNS names that it is shown for.
    """

    path: str
    expires: datetime
    names: frozenset[str]


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise BadCertificate(f"{path}: cannot read it: {error.strerror}") from None


def _chain(path: str) -> list[x509.Certificate]:
    data = _read(path)
    try:
        return x509.load_pem_x509_certificates(data)
    except ValueError:
        raise BadCertificate(f"{path}: expected certificates in PEM form") from None


def _key(path: str) -> Any:
    data = _read(path)
    if Path(path).stat().st_mode & 0o007:
        raise BadCertificate(f"{path}: the private key is open to others: chmod o-rwx {path}")
    try:
        return serialization.load_pem_private_key(data, None)
    except TypeError:
        raise BadCertificate(f"{path}: the private key has a passphrase; expected one without") from None
    except ValueError:
        raise BadCertificate(f"{path}: expected a private key in PEM form") from None


def _context(minimum: str) -> SSL.Context:
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_min_proto_version(_VERSIONS[minimum])
    context.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_TICKET)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)  # who proves something proves it now
    return context


def _use(context: SSL.Context, pair: KeyPair) -> Loaded:
    """Give the context a certificate and its key."""
    chain, key = _chain(pair.certificate), _key(pair.key)
    try:
        context.use_certificate(chain[0])
        context.use_privatekey(key)
        for one in chain[1:]:
            context.add_extra_chain_cert(one)
        context.check_privatekey()
    except (SSL.Error, TypeError):
        raise BadCertificate(f"{pair.key}: expected the private key of {pair.certificate}") from None
    return Loaded(pair.certificate, chain[0].not_valid_after_utc, server_names(chain[0]))


def _trust(context: SSL.Context, path: str) -> None:
    """Believe the authorities in a file."""
    _chain(path)
    try:
        context.load_verify_locations(path.encode())
    except SSL.Error:
        raise BadCertificate(f"{path}: expected certificates of authorities in PEM form") from None


def _judge(connection: SSL.Connection, _certificate: Any, number: int, _depth: int, good: int) -> bool:
    """Note why a certificate is refused, for the log."""
    if not good:
        connection.set_app_data(_WRONG.get(number, f"OpenSSL error {number}"))
    return bool(good)


def why(connection: Any) -> str:
    """Why the peer's certificate was refused, "" when it was not."""
    found = connection.get_app_data() if connection is not None else None
    return found if isinstance(found, str) else ""


@implementer(IOpenSSLServerConnectionCreator)
class Shown:
    """What one listener shows.

    :ivar loaded: its certificates.
    """

    def __init__(self, tls: ServerTls, minimum: str) -> None:
        contexts, self.loaded = [], []
        self._by_name: dict[str, SSL.Context] = {}
        for pair in tls.pairs:
            context = _context(minimum)
            loaded = _use(context, pair)
            self._ask(context, tls)
            contexts.append(context)
            self.loaded.append(loaded)
            for name in loaded.names:
                self._by_name.setdefault(name, context)
        self._default = contexts[0]
        self._default.set_tlsext_servername_callback(self._choose)

    @staticmethod
    def _ask(context: SSL.Context, tls: ServerTls) -> None:
        if tls.clients == "off":
            return
        _trust(context, tls.client_ca)
        context.load_client_ca(tls.client_ca.encode())
        must = SSL.VERIFY_FAIL_IF_NO_PEER_CERT if tls.clients == "require" else 0
        context.set_verify(SSL.VERIFY_PEER | must, _judge)

    def _choose(self, connection: SSL.Connection) -> None:
        name = (connection.get_servername() or b"").decode("ascii", "replace").lower()
        found = self._by_name.get(name) or self._by_name.get(wildcard_of(name))
        if found is not None:
            connection.set_context(found)

    def serverConnectionForTLS(self, protocol: Any) -> SSL.Connection:
        """A connection that a client has opened."""
        return SSL.Connection(self._default, None)


@implementer(IOpenSSLClientConnectionCreator)
class Toward:
    """The client's side of one connection.

    :param name: of the server, as it is asked for (SNI).
    """

    def __init__(self, context: SSL.Context, name: str) -> None:
        self._context = context
        self._name = name

    def clientConnectionForTLS(self, protocol: Any) -> SSL.Connection:
        """A connection that we open."""
        connection = SSL.Connection(self._context, None)
        if self._name and not is_address(self._name):
            connection.set_tlsext_host_name(self._name.encode("idna"))
        return connection


class Certificates:
    """All certificates of the room.

    :param client: the ``[tls]`` table.
    :raises BadCertificate: one cannot be used.
    :ivar verify: servers have to prove their names.
    :ivar proves: we have a certificate to show to servers.
    """

    def __init__(self, listeners: Iterable[Listener], client: ClientTls) -> None:
        self._client = client
        self._listeners = [listener for listener in listeners if listener.tls is not None]
        self.verify = client.verify
        self.proves = client.pair is not None
        self._shown: dict[Listener, Shown] = {}
        self._outgoing: SSL.Context | None = None
        self._own: list[Loaded] = []
        self.load()

    def load(self) -> list[Loaded]:
        """Read all files again, and use them for new connections when all are good.

        :raises BadCertificate: one is not; the old ones stay.
        """
        minimum = self._client.minimum
        shown = {listener: Shown(listener.tls, minimum) for listener in self._listeners if listener.tls is not None}
        outgoing: SSL.Context | None = None
        own: list[Loaded] = []
        if self._listeners or self._client != NO_TLS:
            outgoing, own = self._connecting()
        self._shown, self._outgoing, self._own = shown, outgoing, own
        return self.loaded

    def _connecting(self) -> tuple[SSL.Context, list[Loaded]]:
        client = self._client
        context = _context(client.minimum)
        own = [_use(context, client.pair)] if client.pair is not None else []
        if client.trust:
            _trust(context, client.trust)
        else:
            context.set_default_verify_paths()
        context.set_verify(SSL.VERIFY_PEER if client.verify else SSL.VERIFY_NONE, _judge)
        return context, own

    @property
    def loaded(self) -> list[Loaded]:
        """Everything that we show, each file once."""
        found = [one for shown in self._shown.values() for one in shown.loaded] + self._own
        return list({one.path: one for one in found}.values())

    def server(self, listener: Listener) -> Serving:
        """What a listener shows, now and after a reload."""
        return Serving(self, listener)

    def shown(self, listener: Listener) -> Shown:
        """What it shows now."""
        return self._shown[listener]

    def toward(self, name: str) -> Toward:
        """For a connection to a server that has to be *name*."""
        if self._outgoing is None:
            self._outgoing, self._own = self._connecting()
        return Toward(self._outgoing, name)


@implementer(IOpenSSLServerConnectionCreator)
class Serving:
    """A listener's certificates, whichever are in use when a client comes."""

    def __init__(self, certificates: Certificates, listener: Listener) -> None:
        self._certificates = certificates
        self._listener = listener

    def serverConnectionForTLS(self, protocol: Any) -> SSL.Connection:
        """A connection that a client has opened."""
        return self._certificates.shown(self._listener).serverConnectionForTLS(protocol)
