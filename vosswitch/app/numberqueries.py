"""The switch's own number queries: over HTTP, and by an INVITE to a SIP redirect server."""

from __future__ import annotations

import json
import zlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol
from twisted.web.client import GzipDecoder, ResponseDone
from zope.interface import implementer

from vosswitch.hooks.interfaces import INumberQuery
from vosswitch.model.call import Placement
from vosswitch.model.causes import cause
from vosswitch.model.interfaces import ILegListener
from vosswitch.model.signals import Answer, Release
from vosswitch.sip.grammar.message import BadMessage
from vosswitch.sip.grammar.numberparameters import read_parameters
from vosswitch.sip.grammar.uri import parse_uri

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.call.snapshot import Snapshot
    from vosswitch.model.call import NumberQuestion

LONGEST_BODY = 65_536
"""Bytes of an answer over HTTP; a longer one is none."""

_NOT_PORTED = (204, 404)


class NoAnswer(Exception):
    """What came back cannot be used; the text says why and never what the peer wrote."""


class _Body(Protocol):
    """Collects an answer's body, up to its longest."""

    def __init__(self, done: Deferred[bytes]) -> None:
        self._done: Deferred[bytes] | None = done
        self._data = b""

    def dataReceived(self, data: bytes) -> None:
        """Some of it."""
        self._data += data
        if len(self._data) > LONGEST_BODY:
            self._end(NoAnswer(f"its answer is longer than {LONGEST_BODY} bytes"))
            self.stop()

    def connectionLost(self, reason: Any = None) -> None:
        """All of it, or it was cut off."""
        self._end(None if reason is not None and reason.check(ResponseDone) else NoAnswer("its answer was cut off"))

    def stop(self) -> None:
        """Read no more."""
        abort = getattr(self.transport, "abortConnection", None) or getattr(self.transport, "stopProducing", None)
        if abort is not None:
            abort()

    def _end(self, error: Exception | None) -> None:
        done, self._done = self._done, None
        if done is not None and not done.called:
            if error is None:
                done.callback(self._data)
            else:
                done.errback(error)


@implementer(INumberQuery)
class HttpQuery:
    """Asks a web service: 200 has the routing number, 204 and 404 say that there is none, the rest is no answer.

    :param http: makes the client (treq) when it is first needed.
    """

    name = "http"

    def __init__(self, http: Callable[[], Any]) -> None:
        self._http = http
        self._keys: dict[str, tuple[int, str]] = {}

    def ask(self, question: NumberQuestion) -> Deferred[str]:
        """See `INumberQuery`."""
        settings = question.settings
        key = self._key(settings.key_file) if settings.key_file else ""
        url = settings.url.replace("{number}", quote(question.number, safe=""))
        url = url.replace("{caller}", quote(question.caller, safe="")).replace("{key}", quote(key, safe=""))
        headers = {name: value.replace("{key}", key) for name, value in settings.headers}
        asked: Deferred[Any] = self._http().get(url, headers=headers, allow_redirects=False, unbuffered=True)
        return asked.addCallback(self._answered, settings.answer)

    def _key(self, path: str) -> str:
        """The first line of the key's file, read again when it was changed."""
        changed = Path(path).stat().st_mtime_ns
        known = self._keys.get(path)
        if known is None or known[0] != changed:
            with Path(path).open(encoding="utf-8") as file:
                known = self._keys[path] = changed, file.readline(4096).strip()
        return known[1]

    def _answered(self, response: Any, path: str) -> str | Deferred[str]:
        done: Deferred[bytes] = Deferred(lambda _: body.stop())
        body = _Body(done)
        original = response.original
        packed = isinstance(original, GzipDecoder)
        if packed:  # unpacked by us: it would unpack a thousand times what came without a bound
            original = original.original
        if response.code != 200:
            done.addErrback(lambda _: None)
            original.deliverBody(body)
            body.stop()
            if response.code in _NOT_PORTED:
                return ""
            raise NoAnswer(f"status {response.code}")
        original.deliverBody(body)
        if packed:
            done.addCallback(unpacked)
        return done.addCallback(number_in, path)


def unpacked(data: bytes) -> bytes:
    """An answer that came compressed (gzip).

    :raises NoAnswer: it is none, or longer than any answer.
    """
    try:
        found = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(data, LONGEST_BODY + 1)
    except zlib.error:
        raise NoAnswer("its answer cannot be unpacked") from None
    if len(found) > LONGEST_BODY:
        raise NoAnswer(f"its answer is longer than {LONGEST_BODY} bytes")
    return found


def number_in(data: bytes, path: str) -> str:
    """The routing number in an answer; "" where it says that there is none.

    :param path: names joined by dots into a JSON document; "" = the answer is the number.
    :raises NoAnswer: it says neither.
    """
    if not path:
        try:
            return data.decode("ascii").strip()
        except UnicodeDecodeError:
            raise NoAnswer("its answer is no text") from None
    try:
        found = json.loads(data)
        for step in path.split("."):
            found = found[int(step)] if isinstance(found, list) else found[step]
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        raise NoAnswer(f"its answer has no {path}") from None
    if found is None or found is False:
        return ""
    if isinstance(found, bool) or not isinstance(found, (str, int)):
        raise NoAnswer(f"{path} in its answer is no number")
    return str(found).strip()


@implementer(INumberQuery)
class SipQuery:
    """Asks a redirect server: an INVITE, whose 302 has the routing number; a call is never made.

    :param legs: gives the `ILegFactory`.
    """

    name = "sip"

    def __init__(self, legs: Callable[[], Any], snapshot: Callable[[], Snapshot]) -> None:
        self._legs = legs
        self._snapshot = snapshot

    def ask(self, question: NumberQuestion) -> Deferred[str]:
        """See `INumberQuery`.

        :raises NoAnswer: the redirect server's gateway is not there.
        """
        gateway = self._snapshot().gateways.gateways.get(question.settings.gateway)
        if gateway is None or gateway.locked or not gateway.address:
            raise NoAnswer(f"there is no gateway {question.settings.gateway!r}, or it is locked")
        placement = Placement(
            call_id=question.call_id,
            caller=question.caller,
            callee=question.number,
            target=gateway.target,
            session=None,
            local_address=gateway.local_address or None,
            username=gateway.username or None if gateway.password else None,
            password=gateway.password or None,
            realm=gateway.realm or None,
            profile=replace(gateway.profile, redirects="pass"),
            privacy="pass",
        )
        return _Redirected(question.number).begin(self._legs(), placement)


@implementer(ILegListener)
class _Redirected:
    """One INVITE to a redirect server."""

    def __init__(self, number: str) -> None:
        self._number = number
        self._leg: Any = None
        self._done: Deferred[str] = Deferred(lambda _: self._give_up())

    def begin(self, legs: Any, placement: Placement) -> Deferred[str]:
        """Send it."""
        self._leg = legs.place(placement, self)
        return self._done

    def _give_up(self) -> None:
        if self._leg is not None:
            self._leg.send(Release(cause("caller_abandoned")))

    def heard(self, leg: Any, signal: Any) -> None:
        """`ILegListener`: only the end counts; what answers the call is hung up on."""
        if self._done.called:
            return
        if type(signal) is Answer:
            leg.send(Release(cause("normal")))
            self._done.errback(NoAnswer("it answered the call"))
        elif type(signal) is Release:
            contact = next((value for name, value in signal.headers if name == "contact"), None)
            if contact is None:
                self._done.errback(NoAnswer(f"status {leg.status}"))
                return
            try:
                self._done.callback(routing_number(contact, self._number))
            except (BadMessage, ValueError):
                self._done.errback(NoAnswer("its Contact cannot be read"))


def routing_number(contact: str, asked: str) -> str:
    """The routing number in a Contact (RFC 4694): its ``rn``, else the number when it is another; "" = not ported."""
    uri = parse_uri(contact.partition("<")[2].partition(">")[0])
    rn = dict(read_parameters(uri, ("rn",))).get("rn") or uri.params.get("rn")
    if rn:
        return rn
    number = uri.user.partition(";")[0]
    return "" if number in ("", asked) else number
