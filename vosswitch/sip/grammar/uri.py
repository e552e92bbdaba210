"""SIP, SIPS and TEL URIs (RFC 3261 section 19.1, RFC 3966); any other scheme is kept as opaque text.

The common form ``sip:user@host:port`` goes through one regular expression; everything else through the general parser
behind it, which is liberal in what it takes for characters and strict about what would be ambiguous.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import AddressValueError, IPv6Address
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from vosswitch.sip.grammar.message import Request


class BadMessage(Exception):
    """Something from the wire cannot be used.

    :ivar reason: what is wrong, fit for a reason phrase.
    :ivar status: the SIP status that says so (400, 416, 505, 513).
    :ivar message: the request as far as it was read, when a response to it can be built; else None.
    """

    def __init__(self, reason: str, status: int = 400, message: Request | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.message = message


_USER_SAFE = "-_.!~*'()&=+$,;?/"
_PARAM_SAFE = "-_.!~*'()[]/:&+$"
_HEADER_SAFE = "-_.!~*'()[]/?:+$"
_PASSWORD_SAFE = "-_.!~*'()&=+$,"  # noqa: S105 - the characters of the grammar

_COMMON = re.compile(r"sip:(?:([A-Za-z0-9+\-_.!~*']+)@)?([A-Za-z0-9][A-Za-z0-9.\-]*)(?::([0-9]{1,5}))?\Z")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):(.+)\Z", re.DOTALL)
_HOST_PORT = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9_][A-Za-z0-9_.\-]*))(?::([0-9]{1,5}))?\Z")
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f<>\"]")
_ESCAPED = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_VISUAL = str.maketrans("", "", "-.()")

Params = dict[str, str | None]


class Uri:
    """A URI as a value: treat it as immutable, `replace` makes a changed copy.

    :ivar scheme: lower case; only of ``sip``, ``sips`` and ``tel`` are the other parts known.
    :ivar user: unescaped; the number, without visual separators, of a ``tel`` URI; "" when absent.
    :ivar host: a name or an IP literal without brackets, as written.
    :ivar params: names in lower case, unescaped; None for a parameter without a value.
    :ivar headers: the part behind ``?``, unescaped.
    """

    __slots__ = ("_text", "headers", "host", "params", "password", "port", "scheme", "user")

    def __init__(
        self,
        scheme: str = "sip",
        user: str = "",
        host: str = "",
        port: int | None = None,
        params: Params | None = None,
        headers: dict[str, str] | None = None,
        password: str | None = None,
        text: str = "",
    ) -> None:
        self.scheme = scheme
        self.user = user
        self.host = host
        self.port = port
        self.params: Params = {} if params is None else params
        self.headers: dict[str, str] = {} if headers is None else headers
        self.password = password
        self._text = text

    @property
    def text(self) -> str:
        """The URI as it goes to the wire: as received, or rendered from its parts."""
        if not self._text:
            self._text = _render(self)
        return self._text

    @property
    def number(self) -> str:
        """The user part without the telephone parameters some put into it (``+4930;npdi`` -> ``+4930``)."""
        return self.user.partition(";")[0]

    def replace(
        self,
        *,
        scheme: str | None = None,
        user: str | None = None,
        host: str | None = None,
        port: int | None = None,
        params: Params | None = None,
    ) -> Uri:
        """Make a copy with other parts; *port* follows *host*, and URI headers and password are not taken along."""
        return Uri(
            self.scheme if scheme is None else scheme,
            self.user if user is None else user,
            self.host if host is None else host,
            port if host is not None or port is not None else self.port,
            dict(self.params) if params is None else params,
        )

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Uri({self.text!r})"

    def _key(self) -> tuple[object, ...]:
        parts = (self.scheme, self.user, self.password, self.host.lower(), self.port, self.params, self.headers)
        return parts if self.scheme in _KNOWN else (self.text,)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Uri) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash((self.scheme, self.user, self.host.lower(), self.port))


_KNOWN = frozenset({"sip", "sips", "tel"})


def parse_uri(text: str) -> Uri:
    """Read a URI.

    :raises BadMessage: 400; it is no URI, or one with whitespace or an unusable host, port or parameter.
    """
    common = _COMMON.match(text)
    if common is not None:
        user, host, port = common.groups()
        if port is None:
            return Uri("sip", user or "", host, None, None, None, None, text)
        return Uri("sip", user or "", host, _port(port), None, None, None, text)
    found = _SCHEME.match(text)
    if found is None or _FORBIDDEN.search(text):
        raise BadMessage("Malformed URI")
    scheme = found[1].lower()
    if scheme in {"sip", "sips"}:
        return _parse_sip(scheme, found[2], text)
    if scheme == "tel":
        return _parse_tel(found[2], text)
    return Uri(scheme, text=text)


def _parse_sip(scheme: str, rest: str, text: str) -> Uri:
    userinfo, at, hostpart = rest.rpartition("@")
    if "@" in userinfo:
        raise BadMessage("Malformed URI: more than one @")
    user, colon, password = userinfo.partition(":")
    hostpart, question, headers = hostpart.partition("?")
    hostport, _, params = hostpart.partition(";")
    host, port = parse_host_port(hostport)
    return Uri(
        scheme,
        unescape(user) if at else "",
        host,
        port,
        _parse_params(params) if params else {},
        _parse_headers(headers) if question else {},
        unescape(password) if colon else None,
        text,
    )


def _parse_tel(rest: str, text: str) -> Uri:
    number, _, params = rest.partition(";")
    digits = unescape(number).translate(_VISUAL)
    if not digits:
        raise BadMessage("Malformed URI: no number")
    return Uri("tel", digits, "", None, _parse_params(params) if params else {}, text=text)


def _parse_params(text: str) -> Params:
    params: Params = {}
    for part in text.split(";"):
        name, equals, value = part.partition("=")
        if not name:
            raise BadMessage("Malformed URI: empty parameter")
        params[unescape(name).lower()] = unescape(value) if equals else None
    return params


def _parse_headers(text: str) -> dict[str, str]:
    headers = {}
    for part in text.split("&"):
        name, _, value = part.partition("=")
        headers[unescape(name)] = unescape(value)
    return headers


def parse_host_port(text: str) -> tuple[str, int | None]:
    """Read ``host[:port]``; the host comes back without brackets.

    Liberal about underscores in names and about the third colon that RFC 5118 section 4.10 tells of.

    :raises BadMessage: 400; no host, a bare IPv6 address, or a port over 65535.
    """
    found = _HOST_PORT.match(text)
    if found is None:
        raise BadMessage("Malformed host or port")
    literal, name, port = found.groups()
    host = name if literal is None else _ipv6(literal)
    return host, None if port is None else _port(port)


def _port(text: str) -> int:
    port = int(text)
    if port > 65535:
        raise BadMessage("Port out of range")
    return port


@lru_cache(maxsize=1024)
def _ipv6(text: str) -> str:
    address = text.replace(":::", "::")
    try:
        IPv6Address(address)
    except AddressValueError:
        raise BadMessage("Malformed IPv6 address") from None
    return address


def unescape(text: str) -> str:
    """Resolve ``%hh`` escapes; one that is none stays as it is, and bytes that are no UTF-8 count as Latin-1."""
    if "%" not in text:
        return text
    return _ESCAPED.sub(_unescape_run, text)


def _unescape_run(run: re.Match[str]) -> str:
    raw = bytes.fromhex(run[0].replace("%", ""))
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def host_text(host: str, port: int | None = None) -> str:
    """Write ``host[:port]``, an IPv6 literal in brackets."""
    name = f"[{host}]" if ":" in host else host
    return name if port is None else f"{name}:{port}"


def _render(uri: Uri) -> str:
    user = quote(uri.user, safe=_USER_SAFE)
    params = "".join([_param_text(name, value) for name, value in uri.params.items()])
    if uri.scheme == "tel":
        return f"tel:{user}{params}"
    if uri.password is not None:
        user = f"{user}:{quote(uri.password, safe=_PASSWORD_SAFE)}"
    at = "@" if user else ""
    headers = "&".join([f"{quote(n, safe=_HEADER_SAFE)}={quote(v, safe=_HEADER_SAFE)}" for n, v in uri.headers.items()])
    question = "?" if headers else ""
    return f"{uri.scheme}:{user}{at}{host_text(uri.host, uri.port)}{params}{question}{headers}"


def _param_text(name: str, value: str | None) -> str:
    name = quote(name, safe=_PARAM_SAFE)
    return f";{name}" if value is None else f";{name}={quote(value, safe=_PARAM_SAFE)}"
