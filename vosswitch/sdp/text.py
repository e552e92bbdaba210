"""The text form of session descriptions (RFC 8866): bytes to values and back."""

from __future__ import annotations

import re

from vosswitch.model.session import MediaDescription, Origin, SessionDescription

MAX_BYTES = 32_768
MAX_LINES = 1_000
MAX_MEDIA = 16
MAX_FORMATS = 64

_UNREADABLE = re.compile(r"^(?![A-Za-z]=)|[\r\0]", re.MULTILINE)
_AFTER_TIMES = "rzka"  # what may follow t= at session level, RFC 8866 section 5
_BEFORE_HOST = "iuep"  # what stands before c=, likewise


class BadSession(ValueError):
    """A session description that cannot be used; its text is one line."""


def parse(body: bytes) -> SessionDescription:
    """Read a description; LF-only line ends, blank lines and a missing ``t=`` are tolerated.

    :raises BadSession: no SDP, too large, or a line that the call depends on cannot be used.
    """
    sections = _readable(body).split("\nm=")
    if len(sections) > MAX_MEDIA + 1:
        raise BadSession(f"more than {MAX_MEDIA} media sections")
    lines = sections[0].split("\n")
    if lines[0] != "v=0":
        raise BadSession("does not begin with v=0")
    origin, name, host, rest = _head(lines)
    media = tuple([_media(section, host) for section in sections[1:]])
    return SessionDescription(origin, name, host, rest, media)


def _readable(body: bytes) -> str:
    if len(body) > MAX_BYTES:
        raise BadSession(f"longer than {MAX_BYTES} bytes")
    text = body.decode("utf-8", "replace").replace("\r\n", "\n").strip("\n")
    while "\n\n" in text:
        text = text.replace("\n\n", "\n")
    if text.count("\n") >= MAX_LINES:
        raise BadSession(f"more than {MAX_LINES} lines")
    if bad := _UNREADABLE.search(text):
        raise BadSession(f"line {text.count(chr(10), 0, bad.start()) + 1}: expected letter=value")
    return text


def _head(lines: list[str]) -> tuple[Origin, str, str | None, tuple[str, ...]]:
    origin = name = host = None
    timed = False
    rest: list[str] = []
    for line in lines[1:]:
        letter = line[0]
        if letter == "o" and origin is None:
            origin = _origin(line[2:])
        elif letter == "s" and name is None:
            name = line[2:]
        elif letter == "c":
            host = host or _host(line[2:])
        elif letter not in "osv":
            timed = timed or letter == "t"
            rest.append(line)
    if not timed:
        _add_times(rest)
    return origin or Origin(), name or "-", host, tuple(rest)


def _add_times(lines: list[str]) -> None:
    at = next((i for i, line in enumerate(lines) if line[0] in _AFTER_TIMES), len(lines))
    lines.insert(at, "t=0 0")


def _origin(value: str) -> Origin:
    fields = value.rsplit(" ", 5)  # from the right: some devices put a display name into the user name
    if len(fields) != 6 or fields[3] != "IN" or fields[4] not in ("IP4", "IP6") or not fields[5]:
        raise BadSession(f"o={value[:80]}: expected user, id, version, IN, IP4 or IP6, address")
    return Origin(fields[0] or "-", fields[1], fields[2], fields[5])


def _host(value: str) -> str:
    fields = value.split()
    if len(fields) != 3 or fields[0] != "IN" or fields[1] not in ("IP4", "IP6"):
        raise BadSession(f"c={value[:80]}: expected IN, IP4 or IP6, address")
    host = fields[2].partition("/")[0]  # a multicast TTL means nothing to a telephone call
    if not host:
        raise BadSession(f"c={value[:80]}: expected an address")
    return host


def _media(section: str, session_host: str | None) -> MediaDescription:
    head, *lines = section.split("\n")
    kind, port, count, protocol, formats = _stream(head)
    host = None
    if any([line[0] == "c" for line in lines]):  # noqa: C419 - a list is faster for so few
        host = next(_host(line[2:]) for line in lines if line[0] == "c")
        lines = [line for line in lines if line[0] != "c"]
    if port and host is None and session_host is None:
        raise BadSession(f"m={head[:80]}: no c= line says where")
    return MediaDescription(kind, port, protocol, formats, host, count, tuple(lines))


def _stream(value: str) -> tuple[str, int, int, str, tuple[str, ...]]:
    fields = value.split()
    if not 4 <= len(fields) <= MAX_FORMATS + 3:
        raise BadSession(f"m={value[:80]}: expected kind, port, protocol, formats")
    port, _, count = fields[1].partition("/")
    if not (port.isdecimal() and port.isascii() and len(port) <= 5 and (not count or _small(count))):
        raise BadSession(f"m={value[:80]}: expected a port")
    number = int(port)
    if number > 65535:
        raise BadSession(f"m={value[:80]}: expected a port up to 65535")
    return fields[0], number, int(count or 1), fields[2], tuple(fields[3:])


def _small(count: str) -> bool:
    return count.isdecimal() and count.isascii() and len(count) <= 3


def render(session: SessionDescription) -> bytes:
    """Write a description; a CR, LF or NUL inside a value becomes a space, so that no value can add a line."""
    origin = session.origin
    parts = [
        "v=0",
        f"o={origin.username} {origin.session_id} {origin.version} IN {family(origin.host)} {origin.host}",
        f"s={session.name}",
    ]
    _section(parts, session.host, session.lines)
    for media in session.media:
        port = media.port if media.port_count == 1 else f"{media.port}/{media.port_count}"
        parts.append(f"m={media.kind} {port} {media.protocol} {' '.join(media.formats)}")
        _section(parts, media.host, media.lines)
    parts.append("")
    text = "\r\n".join(parts)
    if text.count("\n") != len(parts) - 1 or text.count("\r") != len(parts) - 1 or "\0" in text:
        text = "\r\n".join([_one_line(part) for part in parts])
    return text.encode("utf-8", "replace")


def _section(parts: list[str], host: str | None, lines: tuple[str, ...]) -> None:
    if host is None:
        parts.extend(lines)
        return
    at = 0
    while at < len(lines) and lines[at][:1] in _BEFORE_HOST:
        at += 1
    parts.extend(lines[:at])
    parts.append(f"c=IN {family(host)} {host}")
    parts.extend(lines[at:])


def family(host: str) -> str:
    """The address type of a ``c=`` or ``o=`` line: ``IP4`` or ``IP6``."""
    return "IP6" if ":" in host else "IP4"


def _one_line(part: str) -> str:
    return part.replace("\r", " ").replace("\n", " ").replace("\0", " ")
