"""Sinks that send calls to other machines: HTTP, a Redis stream, datagrams.  They block; each has its own thread."""

from __future__ import annotations

import http.client
import os
import socket
import ssl
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import orjson
from zope.interface import implementer

from vosswitch.delivery.line import line
from vosswitch.delivery.records import told
from vosswitch.hooks.interfaces import ICdrSink
from vosswitch.hooks.refusals import CallsRefused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_LONGEST_ANSWER = 1 << 16
_SHOWN = 120
_OF_THE_MOMENT = frozenset({401, 407, 408, 421, 425, 429})
_TURNS = 3
"""An answer has to be complete within so many times the target's timeout."""


class NotTaken(Exception):
    """The other side did not take the calls; its text is one line for the operator, without secrets."""


def read_secret(path: str) -> str:
    """The one line of a file that only its owner may read; "" without a file.

    :raises NotTaken: others may read it, or it is not one printable line.
    :raises OSError: it cannot be read.
    """
    if not path:
        return ""
    with open(path, "rb") as file:  # noqa: PTH123 - the descriptor is asked, not the name
        if os.fstat(file.fileno()).st_mode & 0o077:
            raise NotTaken(f"{path}: others may read it: expected mode 0600")
        text = file.read(4096).decode("utf-8", "replace").strip()
    if not text.isascii() or not text.isprintable():
        raise NotTaken(f"{path}: expected one line of printable ASCII characters")
    return text


def _context(ca_file: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_file or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


@implementer(ICdrSink)
class HttpSink:
    """Batches of calls as JSON, each a POST; taken is what is answered with 2xx.

    :param target: an entry of ``cdr_targets``.
    :param node: the name of this node.
    """

    def __init__(self, target: Mapping[str, Any], node: str) -> None:
        self.name = target["name"]
        self.batch = target["batch"]
        self._target = target
        self._node = node
        self._connection: http.client.HTTPConnection | None = None
        self._raw: socket.socket | None = None
        self._late = False

    def write(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Send one batch.

        :raises CallsRefused: it was answered with 4xx, but for those that say "not now" or "not you".
        :raises NotTaken: it was answered with something else.
        """
        body = orjson.dumps({"node": self._node, "records": [told(record, self._node) for record in records]})
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "vosswitch",
            "Idempotency-Key": f"{self._node}-{records[0]['flowno']}-{records[-1]['flowno']}-{len(records)}",
        }
        secret = read_secret(self._target["token_file"])
        if secret:
            headers["Authorization"] = f"Bearer {secret}"
        self._late = False
        watch = threading.Timer(self._target["timeout"] * _TURNS, self._abort)  # of a server that drips
        watch.daemon = True
        watch.start()
        try:
            self._post(body, headers)
        except CallsRefused:
            raise
        except BaseException:
            self.close()
            raise
        finally:
            watch.cancel()

    def close(self) -> None:
        """Let the connection go."""
        if self._connection is not None:
            self._connection.close()
            self._connection = self._raw = None

    def _abort(self) -> None:
        """Give the request up; called from another thread."""
        raw, self._late = self._raw, True
        if raw is not None:
            with suppress(OSError):
                raw.shutdown(socket.SHUT_RDWR)

    def _post(self, body: bytes, headers: Mapping[str, str]) -> None:
        parts = urlsplit(self._target["url"])
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        kept = self._connection is not None
        connection = self._connected()
        try:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            if not kept or self._late:
                raise
            self.close()  # a kept connection that the server has closed meanwhile
            connection = self._connected()
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
        rest = answer.read(_LONGEST_ANSWER)
        if self._late:  # what was read until then may look complete
            raise NotTaken("no complete answer in time")
        if answer.will_close or answer.read(1):
            self.close()
        if not 200 <= answer.status < 300:
            shown = rest[:_SHOWN].decode("ascii", "backslashreplace")
            kind = CallsRefused if 400 <= answer.status < 500 and answer.status not in _OF_THE_MOMENT else NotTaken
            raise kind(f"answered {answer.status}: {shown!a}")

    def _connected(self) -> http.client.HTTPConnection:
        if self._connection is None:
            parts = urlsplit(self._target["url"])
            host, seconds = parts.hostname or "", self._target["timeout"]
            if parts.scheme == "https":
                context = _context(self._target["ca_file"])
                self._connection = http.client.HTTPSConnection(host, parts.port, timeout=seconds, context=context)
            else:
                self._connection = http.client.HTTPConnection(host, parts.port, timeout=seconds)
            self._connection.connect()
            self._raw = self._connection.sock
        return self._connection


@implementer(ICdrSink)
class RedisSink:
    """Calls as entries of a Redis stream (XADD, about *longest* of them kept): ``call_id``, and ``record`` as JSON."""

    def __init__(self, target: Mapping[str, Any], node: str) -> None:
        self.name = target["name"]
        self.batch = target["batch"]
        self._target = target
        self._node = node
        self._socket: socket.socket | None = None
        self._file: Any = None

    def write(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Add one batch.

        :raises NotTaken: the server refuses.
        """
        try:
            self._connect()
            begin = ("XADD", self._target["stream"], "MAXLEN", "~", str(self._target["longest"]), "*")
            commands = [
                (*begin, "call_id", str(record["flowno"]), "record", orjson.dumps(told(record, self._node)))
                for record in records
            ]
            self._do(commands)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let the connection go."""
        if self._socket is not None:
            self._file.close()
            self._socket.close()
            self._socket = None

    def _connect(self) -> None:
        if self._socket is not None:
            return
        parts = urlsplit(self._target["url"])
        host = parts.hostname or ""
        raw = socket.create_connection((host, parts.port or 6379), self._target["timeout"])
        if parts.scheme == "rediss":
            try:
                raw = _context(self._target["ca_file"]).wrap_socket(raw, server_hostname=host)
            except BaseException:
                raw.close()
                raise
        self._socket, self._file = raw, raw.makefile("rb")
        secret = read_secret(self._target["token_file"])
        first: list[tuple[str | bytes, ...]] = []
        if secret:
            first.append(("AUTH", unquote(parts.username), secret) if parts.username else ("AUTH", secret))
        database = parts.path.strip("/")
        if database:
            first.append(("SELECT", database))
        self._do(first)

    def _do(self, commands: Sequence[Sequence[str | bytes]]) -> None:
        """Send commands in one go and read as many answers."""
        assert self._socket is not None
        self._socket.sendall(b"".join(map(_command, commands)))
        for _ in commands:
            self._answer()

    def _answer(self) -> None:
        head = self._file.readline(_LONGEST_ANSWER)
        if not head.endswith(b"\r\n"):
            raise NotTaken("the connection was closed" if not head else f"no Redis answer: {head[:_SHOWN]!a}")
        mark, text = head[:1], head[1:-2]
        if mark == b"-":
            raise NotTaken(f"refused: {text[:_SHOWN].decode('ascii', 'backslashreplace')!a}")
        if mark == b"$" and text.isdigit() and int(text) <= _LONGEST_ANSWER:
            if len(self._file.read(int(text) + 2)) == int(text) + 2:
                return
            raise NotTaken("the connection was closed")
        if mark not in (b"+", b":"):
            raise NotTaken(f"no Redis answer: {head[:_SHOWN]!a}")


def _command(parts: Sequence[str | bytes]) -> bytes:
    """One command in RESP."""
    found = [f"*{len(parts)}\r\n".encode()]
    for part in parts:
        data = part if isinstance(part, bytes) else part.encode()
        found += [f"${len(data)}\r\n".encode(), data, b"\r\n"]
    return b"".join(found)


@implementer(ICdrSink)
class ReportSink:
    """Each call at once as a datagram of its own with its text line (SERVER_CDR_REAL_TIME_REPORT_SERVER).

    Nothing answers a datagram: what the other side's system refuses (nobody listens) is tried again, what is lost on
    the way is not noticed.
    """

    name = "report"
    batch = 50

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._socket: socket.socket | None = None

    def write(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Send one datagram a call.

        :raises OSError: nobody listens there.
        """
        if self._socket is None:
            family = socket.AF_INET6 if ":" in self._address[0] else socket.AF_INET
            self._socket = socket.socket(family, socket.SOCK_DGRAM)
            self._socket.connect(self._address)
            self._socket.settimeout(0.05)
        for record in records:
            self._socket.send((line(record) + "\n").encode("utf-8", "replace"))
        with suppress(TimeoutError):
            self._socket.recv(1)  # a refusal comes back as an error here

    def close(self) -> None:
        """Let the socket go."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
