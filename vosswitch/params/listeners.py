"""The ``[[listen]]`` tables and the ``[tls]`` table of the configuration file: where peers are listened to, and how
safely."""

from __future__ import annotations

import ipaddress
import os.path
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vosswitch.params.checks import BadSetting, flag, ip_or_none, text, texts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

H323 = ("h323", "ras")
"""What H.323 is spoken over: call signalling (TCP) and RAS (UDP)."""
TRANSPORTS = ("udp", "tcp", "tls", "ws", "wss", *H323)
SECURE = frozenset({"tls", "wss"})
"""Transports that need a certificate."""
WEB = frozenset({"ws", "wss"})
"""Transports of RFC 7118."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """Two PEM files: a certificate with what signs it up to the authority, and its private key."""

    certificate: str
    key: str


@dataclass(frozen=True, slots=True)
class ServerTls:
    """How a TLS or secure WebSocket listener proves itself, and what it wants to know of clients.

    :ivar pairs: the first one is shown unless the client asks for a name (SNI) that another one bears.
    :ivar clients: ``off`` (not asked for a certificate), ``ask`` (a bad one is refused) or ``require``.
    :ivar client_ca: PEM file of the authorities that sign clients' certificates.
    """

    pairs: tuple[KeyPair, ...]
    clients: str = "off"
    client_ca: str = ""


@dataclass(frozen=True, slots=True)
class ClientTls:
    """How we connect to others by TLS.

    :ivar trust: PEM file of the authorities that are believed, "" = those of the system.
    :ivar pair: our certificate towards servers that ask for one.
    :ivar verify: False = anybody's certificate is taken.
    :ivar minimum: ``1.2`` or ``1.3``; holds for listeners too.
    """

    trust: str = ""
    pair: KeyPair | None = None
    verify: bool = True
    minimum: str = "1.2"


NO_TLS = ClientTls()
"""What holds when nothing is configured."""


@dataclass(frozen=True, slots=True)
class Listener:
    """One local address that SIP or H.323 is spoken on.

    :ivar advertise: what peers are told instead of *host* (behind 1:1 NAT); "" = *host*.
    :ivar tls: certificates of a ``tls`` or ``wss`` listener.
    :ivar origins: of a ``ws`` or ``wss`` listener: the web pages that may use it, ``*`` = all.
    """

    transport: str
    host: str
    port: int
    advertise: str = ""
    tls: ServerTls | None = None
    origins: tuple[str, ...] = ()

    @property
    def is_datagram(self) -> bool:
        """Whether its socket is one of UDP."""
        return self.transport in ("udp", "ras")


def of_sip(listeners: tuple[Listener, ...]) -> tuple[Listener, ...]:
    """Those of them that SIP is spoken on."""
    return tuple([one for one in listeners if one.transport not in H323])


def of_h323(listeners: tuple[Listener, ...]) -> tuple[Listener, ...]:
    """Those of them that H.323 is spoken on."""
    return tuple([one for one in listeners if one.transport in H323])


def listener(address: str, advertise: str = "") -> Listener:
    """Read ``udp:127.0.0.1:5060`` or ``tls:[::1]:5061``.

    :raises BadSetting: anything else.
    """
    transport, _, rest = address.partition(":")
    host, _, port = rest.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        found = ipaddress.ip_address(bare)
        number = int(port) if port.isascii() and port.isdigit() else -1
        if transport not in TRANSPORTS or not 0 <= number <= 65535 or (found.version == 6) != (bare != host):
            raise ValueError(address)
    except ValueError:
        wanted = "an address such as udp:127.0.0.1:5060 or tcp:[::1]:5060 (udp, tcp, tls, ws, wss, h323 or ras)"
        raise BadSetting(f"expected {wanted}, got {address!r}") from None
    return Listener(transport, str(found), number, advertise)


def listeners_of(rows: Any, path: str) -> tuple[Listener, ...]:
    """Read the ``[[listen]]`` tables of the file at *path*.

    :raises BadSetting: the first thing that is wrong.
    """
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise BadSetting(f'{path}: listen: expected [[listen]] tables with address = "udp:127.0.0.1:5060"')
    found: list[Listener] = []
    taken: set[tuple[str, str, int]] = set()
    for number, row in enumerate(rows, 1):
        where = f"{path}: listen entry {number}"
        one = _one_listener(row, where, os.path.dirname(path))
        key = ("udp" if one.is_datagram else "tcp", one.host, one.port)
        if one.port and key in taken:
            raise BadSetting(f"{where}: address: {row['address']} is there already; expected each address once")
        taken.add(key)
        found.append(one)
    return tuple(found)


def client_tls(values: Mapping[str, Any], path: str) -> ClientTls:
    """The ``[tls]`` table, whose values are checked one by one already.

    :raises BadSetting: one of certificate and key without the other.
    """
    folder = os.path.dirname(path)
    pair = _pair(values["certificate"], values["key"], folder, f"{path}: [tls]")
    trust = values["trust"] and _absolute(folder, values["trust"])
    return ClientTls(trust, pair, values["verify"], values["minimum"])


def minimum(value: Any) -> str:
    """Check ``[tls] minimum``."""
    if value not in ("1.2", "1.3"):
        raise TypeError('"1.2" or "1.3"')
    return str(value)


def _clients(value: Any) -> str:
    if value not in ("off", "ask", "require"):
        raise TypeError("off, ask or require")
    return str(value)


def _more(value: Any) -> tuple[tuple[str, str], ...]:
    expected = 'a list of tables such as { certificate = "b.pem", key = "b.key" }'
    if not isinstance(value, list) or not all(isinstance(row, dict) and set(row) == _PAIR for row in value):
        raise TypeError(expected)
    if not all(isinstance(item, str) and item for row in value for item in row.values()):
        raise TypeError(expected)
    return tuple((row["certificate"], row["key"]) for row in value)


_PAIR = {"certificate", "key"}

LISTEN_KEYS: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "address": (text, ""),
    "advertise": (ip_or_none, ""),
    "certificate": (text, ""),
    "key": (text, ""),
    "more_certificates": (_more, []),
    "clients": (_clients, "off"),
    "client_ca": (text, ""),
    "origins": (texts, []),
}
"""The keys of a ``[[listen]]`` table with their checks and defaults."""

TLS_KEYS: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "trust": (text, ""),
    "certificate": (text, ""),
    "key": (text, ""),
    "verify": (flag, True),
    "minimum": (minimum, "1.2"),
}
"""The keys of the ``[tls]`` table with their checks and defaults."""


def _one_listener(row: Mapping[str, Any], where: str, folder: str) -> Listener:
    values = {}
    for key in row:
        if key not in LISTEN_KEYS:
            raise BadSetting(f"{where}: unknown key {key!r}; expected {', '.join(LISTEN_KEYS)}")
    for key, (check, default) in LISTEN_KEYS.items():
        try:
            values[key] = check(row.get(key, default))
        except TypeError as expected:
            raise BadSetting(f"{where}: {key}: expected {expected}, got {row[key]!r}") from None
    try:
        plain = listener(values["address"])
    except BadSetting as error:
        raise BadSetting(f"{where}: address: {error}") from None
    tls = _server_tls(plain.transport, values, where, folder)
    if values["origins"] and plain.transport not in WEB:
        raise BadSetting(f"{where}: origins: expected only with ws and wss, not with {plain.transport}")
    return Listener(plain.transport, plain.host, plain.port, values["advertise"], tls, values["origins"])


def _server_tls(transport: str, values: Mapping[str, Any], where: str, folder: str) -> ServerTls | None:
    if transport not in SECURE:
        for key in ("certificate", "key", "more_certificates", "clients", "client_ca"):
            if values[key] not in ("", (), "off"):
                raise BadSetting(f"{where}: {key}: expected only with tls and wss, not with {transport}")
        return None
    pair = _pair(values["certificate"], values["key"], folder, where)
    if pair is None:
        raise BadSetting(f"{where}: certificate: expected the PEM files certificate and key for {transport}")
    if (values["clients"] != "off") != bool(values["client_ca"]):
        raise BadSetting(f'{where}: client_ca: expected together with clients = "ask" or "require", and only then')
    more = [KeyPair(_absolute(folder, one), _absolute(folder, key)) for one, key in values["more_certificates"]]
    authority = values["client_ca"] and _absolute(folder, values["client_ca"])
    return ServerTls((pair, *more), values["clients"], authority)


def _pair(certificate: str, key: str, folder: str, where: str) -> KeyPair | None:
    if bool(certificate) != bool(key):
        missing = "key" if certificate else "certificate"
        raise BadSetting(f"{where}: {missing}: expected a PEM file, since certificate and key belong together")
    return KeyPair(_absolute(folder, certificate), _absolute(folder, key)) if certificate else None


def _absolute(folder: str, path: str) -> str:
    return os.path.normpath(os.path.join(folder, path))
