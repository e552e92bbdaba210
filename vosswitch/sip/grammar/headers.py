"""What stands in header fields: names, lists, parameters, and the values Via, CSeq and name-addr (RFC 3261 section 20).

Reading has a regular expression for the form that nearly every peer sends and a general parser behind it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple, NoReturn

from vosswitch.sip.grammar.uri import BadMessage, Params, Uri, host_text, parse_host_port, parse_uri

MAX_CSEQ = 2**32 - 1
"""RFC 3261 asks for less than 2**31; peers that use all 32 bits are let through."""
MAX_SECONDS = 2**32 - 1

_SPELLINGS = """
Via From To Call-ID CSeq Contact Max-Forwards Route Record-Route Content-Type Content-Length Content-Encoding Expires
Allow Supported Require Proxy-Require Unsupported User-Agent Server Subject Date Organization Priority Timestamp Warning
WWW-Authenticate Authorization Proxy-Authenticate Proxy-Authorization Authentication-Info Retry-After Min-Expires
Session-Expires Min-SE RSeq RAck Refer-To Referred-By Replaces Event Allow-Events Subscription-State Reason Privacy
P-Asserted-Identity P-Preferred-Identity P-Charging-Vector P-Early-Media Remote-Party-ID Diversion History-Info Path
Service-Route Accept Accept-Encoding Accept-Language Accept-Contact Reject-Contact Request-Disposition Alert-Info
Call-Info Error-Info In-Reply-To Reply-To MIME-Version Content-Disposition Content-Language Identity Identity-Info
SIP-ETag SIP-If-Match X-Asterisk-HangupCause
"""
_COMPACT = {
    "a": "accept-contact",
    "b": "referred-by",
    "c": "content-type",
    "d": "request-disposition",
    "e": "content-encoding",
    "f": "from",
    "i": "call-id",
    "j": "reject-contact",
    "k": "supported",
    "l": "content-length",
    "m": "contact",
    "n": "identity-info",
    "o": "event",
    "r": "refer-to",
    "s": "subject",
    "t": "to",
    "u": "allow-events",
    "v": "via",
    "x": "session-expires",
    "y": "identity",
}
_LISTS = """
via route record-route contact path service-route p-asserted-identity p-preferred-identity remote-party-id diversion
history-info require proxy-require supported unsupported allow allow-events accept accept-encoding accept-language
content-encoding content-language reason alert-info call-info error-info in-reply-to warning accept-contact
reject-contact
"""

FIELD_NAMES = {spelling: spelling.lower() for spelling in _SPELLINGS.split()}
"""Spellings on the wire, compact ones too, to the key in `Message.headers`."""
CANONICAL = {key: spelling + ": " for spelling, key in FIELD_NAMES.items()}
"""Key in `Message.headers` to the beginning of the line on the wire."""
LISTS = frozenset(_LISTS.split())
"""Keys of the comma-separated lists; in any other header a comma is text."""
FIELD_NAMES.update(_COMPACT)
FIELD_NAMES.update({letter.upper(): key for letter, key in _COMPACT.items()})

_TOKEN = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+\Z")
_QUOTED = re.compile(r'"((?:[^"\\]++|\\.)*+)"', re.ASCII | re.DOTALL)
_PARAM = re.compile(
    r'\s*;\s*([^\s;=,"<>]+)(?:\s*=\s*(?:"((?:[^"\\]++|\\.)*+)"|([^\s;,"<>]*)))?\s*', re.ASCII | re.DOTALL
)
_ITEM = re.compile(r'(?:[^",<]++|"(?:[^"\\]++|\\.)*+"|<[^>]*+>)*+', re.ASCII | re.DOTALL)
_PLAIN_VALUE = re.compile(r"[A-Za-z0-9\-.!%*_+`'~\[\]:]+\Z")
_UNQUOTABLE = re.compile(r"[\r\n]+")

_PORT = r"(?:[1-5]?[0-9]{1,4}+|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
_VIA = re.compile(
    rf"SIP/2\.0/(UDP|TCP|TLS) ([A-Za-z0-9][A-Za-z0-9.\-]*+)(?::({_PORT}))?"
    r"(;rport)?;branch=([A-Za-z0-9\-.!%*_+`'~]++)((?:;[^\s;,\"=]++(?:=[^\s;,\"=]++)?+)*+)\Z"
)
_TRANSPORTS = {"UDP": "udp", "TCP": "tcp", "TLS": "tls"}
_VIA_GENERAL = re.compile(
    r"SIP\s*/\s*[0-9]+\.[0-9]+\s*/\s*([A-Za-z0-9\-.!%*_+`'~]+)\s+(\[[^\]]*\]|[^\s;:,]+)(?:\s*:\s*([0-9]{1,5}))?\s*((?:;.*)?)\Z",
    re.ASCII | re.DOTALL | re.IGNORECASE,
)
_CSEQ = re.compile(r"([0-9]{1,10})\s+([A-Za-z0-9\-.!%*_+`'~]+)\Z", re.ASCII)
_NAME_ADDR = re.compile(
    r"(?:\"([^\"\\]*+)\" ?|([A-Za-z0-9][A-Za-z0-9\-.!%*_+`'~]*+) )?"
    rf"<(sip:(?:[A-Za-z0-9+\-_.!~*']+@)?[A-Za-z0-9][A-Za-z0-9.\-]*+(?::{_PORT})?(?:;transport=[A-Za-z]+)?)>"
    r"(?:;tag=([A-Za-z0-9\-.!%*_+`'~]++))?\Z"
)


def field_key(name: str) -> str:
    """Turn a spelling from the wire into the key of `Message.headers`; "" when it can be no header name."""
    name = name.rstrip(" \t")
    key = FIELD_NAMES.get(name)
    if key is not None:
        return key
    if not _TOKEN.match(name):
        return ""
    lower = name.lower()
    return _COMPACT.get(lower, lower)


@lru_cache(maxsize=512)
def field_start(key: str) -> str:
    """Give the beginning of the line (``"Call-ID: "``) for a key of `Message.headers`."""
    return CANONICAL.get(key) or "-".join([part.capitalize() for part in key.split("-")]) + ": "


def is_token(text: str) -> bool:
    """Tell whether *text* is a token of RFC 3261 section 25.1."""
    return _TOKEN.match(text) is not None


def is_list(key: str) -> bool:
    """Tell whether the header of that key is a comma-separated list."""
    return key in LISTS


def split_list(value: str) -> list[str]:
    """Split a comma-separated header value; commas in quotes and in angle brackets are part of an item.

    :raises BadMessage: 400; quotes or brackets are not closed.
    """
    if "," not in value:
        return [value] if value else []
    if '"' not in value and "<" not in value:
        return [item for part in value.split(",") if (item := part.strip())]
    items = []
    at = 0
    while at <= len(value):
        found = _ITEM.match(value, at)
        at = at if found is None else found.end()
        if found is None or (at < len(value) and value[at] != ","):
            raise BadMessage("Unbalanced quotes or brackets")
        if item := found[0].strip():
            items.append(item)
        at += 1
    return items


def unquote(text: str) -> str:
    """Resolve the quoted pairs of what stood between quotes."""
    if "\\" not in text:
        return text
    return "\\".join([part.replace("\\", "") for part in text.split("\\\\")])


def quoted(text: str) -> str:
    """Write a quoted string; line ends, which it cannot hold, become a space."""
    if "\r" in text or "\n" in text:
        text = _UNQUOTABLE.sub(" ", text)
    if "\\" in text or '"' in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


_SECONDS = re.compile(r"\s*([0-9]{1,32})\s*(?:[(;]|\Z)")


def delta_seconds(text: str | None) -> int | None:
    """Read seconds of an expiry; None when absent or malformed, too large ones count as 2**32-1."""
    if text is None or not (text.isascii() and text.isdigit()):
        return None
    return int(text) if len(text) <= 10 and int(text) <= MAX_SECONDS else MAX_SECONDS


def retry_after(text: str | None) -> int:
    """Read the seconds of a Retry-After (RFC 3261 20.33) without comment and parameters; 0 = none that can be read."""
    found = _SECONDS.match(text or "")
    return 0 if found is None else delta_seconds(found[1]) or 0


def parse_params(text: str) -> Params:
    """Read ``;name=value;flag``; names come back in lower case, values without quotes.

    :raises BadMessage: 400; an empty parameter, characters that fit nowhere, or two values for one name.
    """
    params: Params = {}
    at = 0
    while at < len(text):
        found = _PARAM.match(text, at)
        if found is None:
            raise BadMessage("Malformed parameter")
        name, in_quotes, plain = found.groups()
        name = name.lower()
        value = plain if in_quotes is None else unquote(in_quotes)
        if name in params and params[name] != value:
            raise BadMessage("Parameter given twice")
        params[name] = value
        at = found.end()
    return params


def params_text(params: Params) -> str:
    """Write header parameters, quoting the values that need it."""
    return "".join([_param_text(name, value) for name, value in params.items()])


def _param_text(name: str, value: str | None) -> str:
    if value is None:
        return f";{name}"
    return f";{name}={value}" if _PLAIN_VALUE.match(value) else f";{name}={quoted(value)}"


_new_tuple = tuple.__new__  # four times as fast as the constructor a NamedTuple has


class CSeq(NamedTuple):
    """A CSeq header field (section 20.16)."""

    number: int
    method: str

    def __str__(self) -> str:
        return f"{self.number} {self.method}"


def parse_cseq(text: str) -> CSeq:
    """Read a CSeq value.

    :raises BadMessage: 400; malformed, or a number of more than 32 bits.
    """
    found = _CSEQ.match(text)
    if found is None:
        raise BadMessage("Malformed CSeq")
    number = int(found[1])
    if number > MAX_CSEQ:
        raise BadMessage("CSeq out of range")
    return _new_tuple(CSeq, (number, found[2]))


class Via:
    """One Via value (section 20.42); treat it as immutable.

    :ivar transport: lower case (``udp``), as in `vosswitch.model.values.Address`.
    :ivar host: sent-by host, an IPv6 literal without brackets.
    :ivar port: sent-by port as written, None when absent.
    """

    __slots__ = ("host", "params", "port", "transport")

    def __init__(self, transport: str, host: str, port: int | None = None, params: Params | None = None) -> None:
        self.transport = transport
        self.host = host
        self.port = port
        self.params: Params = {} if params is None else params

    @property
    def branch(self) -> str:
        """The branch; "" when absent, as from an RFC 2543 peer."""
        return self.params.get("branch") or ""

    @property
    def is_unique(self) -> bool:
        """Whether the branch identifies the transaction (magic cookie with something behind it, section 17.2.3)."""
        branch = self.branch
        return branch.startswith("z9hG4bK") and len(branch) > 7

    @property
    def received(self) -> str | None:
        """The source address an element has written down, without brackets."""
        value = self.params.get("received")
        return value.strip("[]") if value else None

    @property
    def rport(self) -> int | None:
        """The source port an element has written down; None when absent, or only asked for (RFC 3581)."""
        value = self.params.get("rport")
        if not value or not (value.isascii() and value.isdigit() and len(value) <= 5):
            return None
        return int(value) if int(value) <= 65535 else None

    def stamped(self, host: str, port: int) -> Via:
        """Give a copy that bears the source address (section 18.2.1, RFC 3581), as far as it is needed or asked for."""
        params = dict(self.params)
        if "rport" in params:
            params["rport"] = str(port)
            params["received"] = host
        elif host != self.host:
            params["received"] = host
        else:
            params.pop("received", None)
        return Via(self.transport, self.host, self.port, params)

    def __str__(self) -> str:
        where = host_text(self.host, self.port)
        return f"SIP/2.0/{self.transport.upper()} {where}{params_text(self.params)}"

    def __repr__(self) -> str:
        return f"Via({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Via) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))


def parse_via(text: str) -> Via:
    """Read one Via value.

    :raises BadMessage: 400.
    """
    common = _VIA.match(text)
    if common is None:
        return _parse_via(text)
    transport, host, port, rport, branch, rest = common.groups()
    params: Params = {"rport": None, "branch": branch} if rport else {"branch": branch}
    if rest:
        for part in rest[1:].split(";"):
            name, equals, value = part.partition("=")
            params[name.lower()] = value if equals else None
        if params["branch"] != branch:
            raise BadMessage("Parameter given twice")
    return Via(_TRANSPORTS[transport], host, None if port is None else int(port), params)


def _parse_via(text: str) -> Via:
    found = _VIA_GENERAL.match(text)
    if found is None:
        raise BadMessage("Malformed Via")
    transport, name, digits, params = found.groups()
    host, port = parse_host_port(name if digits is None else f"{name}:{digits}")
    return Via(transport.lower(), host, port, parse_params(params))


class NameAddr:
    """A name-addr with header parameters: From, To, Contact, Route (section 20.10); treat it as immutable.

    :ivar display: the display name without quotes and escapes; "" when absent.
    :ivar params: header parameters (names in lower case, values without quotes), not those of the URI.
    """

    __slots__ = ("_text", "_uri", "display", "params")

    def __init__(self, uri: Uri | str, display: str = "", params: Params | None = None, text: str = "") -> None:
        self._uri = uri
        self.display = display
        self.params: Params = {} if params is None else params
        self._text = text

    @property
    def uri(self) -> Uri:
        """The address, read when first asked for."""
        uri = self._uri
        if isinstance(uri, str):
            uri = self._uri = parse_uri(uri)
        return uri

    @property
    def tag(self) -> str:
        """The tag; "" when there is none."""
        return self.params.get("tag") or ""

    @property
    def is_wildcard(self) -> bool:
        """Whether it is the ``*`` of a REGISTER that removes all contacts."""
        return self._text == "*"

    def with_tag(self, tag: str) -> NameAddr:
        """Give a copy that bears this tag."""
        return NameAddr(self._uri, self.display, {**self.params, "tag": tag})

    def __str__(self) -> str:
        if not self._text:
            display = f"{quoted(self.display)} " if self.display else ""
            self._text = f"{display}<{self._uri}>{params_text(self.params)}"
        return self._text

    def __repr__(self) -> str:
        return f"NameAddr({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, NameAddr):
            return False
        return (self.uri, self.display, self.params) == (other.uri, other.display, other.params)

    def __hash__(self) -> int:
        return hash((self.uri, self.display))


def parse_name_addr(text: str) -> NameAddr:
    """Read one name-addr or addr-spec with header parameters.

    Liberal where RFC 4475 sections 3.1.2.14 and 3.1.2.15 allow it: blanks inside the brackets, display names that
    should have been quoted.

    :raises BadMessage: 400.
    """
    common = _NAME_ADDR.match(text)
    if common is not None:
        quoted_name, name, uri, tag = common.groups()
        return NameAddr(uri, quoted_name or name or "", {} if tag is None else {"tag": tag}, text)
    text = text.strip()
    display, rest = _parse_display(text)
    if not rest.startswith("<"):
        return _parse_addr_spec(rest)
    inside, closed, params = rest[1:].partition(">")
    if not closed:
        _bad_address()
    return NameAddr(parse_uri(inside.strip()), display, parse_params(params.strip()))


def parse_contact(text: str) -> NameAddr:
    """Read one Contact value: an address, or the ``*`` that no other header may have (section 20.10).

    :raises BadMessage: 400.
    """
    return NameAddr(Uri("*", text="*"), text="*") if text.strip() == "*" else parse_name_addr(text)


def _parse_display(text: str) -> tuple[str, str]:
    """Split into display name and the rest, which begins with ``<`` when the address stands in brackets."""
    if not text.startswith('"'):
        display, bracket, rest = text.partition("<")
        if bracket and '"' in display:
            _bad_address()
        return (" ".join(display.split()), bracket + rest) if bracket else ("", text)
    found = _QUOTED.match(text)
    rest = text[found.end() :].lstrip() if found is not None else ""
    if found is None or not rest.startswith("<"):
        _bad_address()
    return unquote(found[1]), rest


def _parse_addr_spec(text: str) -> NameAddr:
    """Read an address without brackets: parameters belong to the header, and some characters are barred (20.10)."""
    uri, semicolon, params = text.partition(";")
    if "?" in uri or "," in uri:
        _bad_address()
    return NameAddr(parse_uri(uri.strip()), "", parse_params(semicolon + params))


def _bad_address() -> NoReturn:
    raise BadMessage("Malformed address")
