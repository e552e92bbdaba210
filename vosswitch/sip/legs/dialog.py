"""A SIP dialog (RFC 3261 section 12) as values: tags, sequence numbers, route set, remote target."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, NamedTuple

from vosswitch.sip.destinations.resolution import normal_name
from vosswitch.sip.grammar.headers import parse_name_addr
from vosswitch.sip.grammar.message import BadMessage
from vosswitch.sip.grammar.uri import Uri, parse_uri
from vosswitch.sip.grammar.wire import lines

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vosswitch.sip.grammar.message import Message, Request, Response


class Hop(NamedTuple):
    """Where a URI says that a request goes: an IP literal and a port, or else (host None) a name.

    :ivar name: of the host, "" when there is none that could be asked for; its port 0 = by the name service.
    """

    host: str | None
    port: int
    name: str = ""


@lru_cache(maxsize=4096)
def hop_of(text: str) -> Hop:
    """The next hop that a URI, or a Route value, names; port 5060 (TLS 5061) when it names none, 0 beside a host name.

    A port 0 that stands there leads nowhere.

    :raises BadMessage: it is neither.
    """
    uri = _uri_of(text)
    if uri.port == 0:
        return Hop(None, 0)
    host = uri.params.get("maddr") or uri.host
    try:
        ip_address(host)
    except ValueError:
        return Hop(None, uri.port or 0, normal_name(host))
    safe = uri.scheme == "sips" or (uri.params.get("transport") or "").lower() == "tls"
    return Hop(host, uri.port or (5061 if safe else 5060))


def _uri_of(text: str) -> Uri:
    return parse_name_addr(text).uri if "<" in text else parse_uri(text)


@lru_cache(maxsize=4096)
def _is_loose(route: str) -> bool:
    return "lr" in _uri_of(route).params


def _contact(message: Message) -> str:
    contacts = message.contacts
    if len(contacts) != 1 or contacts[0].is_wildcard:
        raise BadMessage("Expected one Contact")
    uri = contacts[0].uri
    if uri.scheme not in {"sip", "sips"}:
        raise BadMessage("Unusable Contact")
    return uri.text


def _routes_back(response: Response) -> tuple[str, ...]:
    """The route set of a response; one that cannot be read is as good as none."""
    try:
        routes = tuple(reversed(response.all("record-route")))
        for route in routes:
            hop_of(route)
    except BadMessage:
        return ()
    return routes


class Dialog:
    """One dialog, seen from our side.

    :ivar local: our From value in requests, with tag; *remote* the To value, with the peer's tag.
    :ivar local_seq: CSeq of our last request, *remote_seq* of the peer's; None before there was one.
    :ivar target: the remote target URI.
    :ivar routes: the route set, nearest hop first.
    """

    __slots__ = ("call_id", "local", "local_seq", "local_tag", "remote", "remote_seq", "remote_tag", "routes", "target")

    def __init__(
        self,
        call_id: str,
        local: str,
        remote: str,
        tags: tuple[str, str],
        target: str,
        routes: tuple[str, ...] = (),
        local_seq: int = 0,
        remote_seq: int | None = None,
    ) -> None:
        self.call_id = call_id
        self.local = local
        self.remote = remote
        self.local_tag, self.remote_tag = tags
        self.target = target
        self.routes = routes
        self.local_seq = local_seq
        self.remote_seq = remote_seq

    @classmethod
    def of_request(cls, request: Request, tag: str) -> Dialog:
        """The dialog that our response with To tag *tag* makes (12.1.1).

        :raises BadMessage: no usable Contact.
        """
        routes = tuple(request.all("record-route"))
        for route in routes:
            hop_of(route)
        return cls(
            request.call_id,
            f"{request.headers['to'][0]};tag={tag}",
            request.headers["from"][0],
            (tag, request.from_.tag),
            _contact(request),
            routes,
            0,
            request.cseq.number,
        )

    @classmethod
    def of_response(cls, response: Response, asked: str) -> Dialog:
        """The dialog that a response to our INVITE makes (12.1.2).

        :param asked: our Request-URI, the target when the response bears no usable Contact.
        """
        try:
            target = _contact(response)
        except BadMessage:
            target = asked
        return cls(
            response.call_id,
            response.headers["from"][0],
            response.headers["to"][0],
            (response.from_.tag, response.to.tag),
            target,
            _routes_back(response),
            response.cseq.number,
        )

    def next_seq(self) -> int:
        """The CSeq number of our next request."""
        self.local_seq += 1
        return self.local_seq

    def take_seq(self, number: int) -> bool:
        """Note the CSeq number of a request of the peer; False when it is out of order (12.2.2: 500)."""
        if self.remote_seq is not None and number <= self.remote_seq:
            return False
        self.remote_seq = number
        return True

    def matches(self, message: Message) -> bool:
        """Whether a request of the peer belongs here."""
        return message.call_id == self.call_id and message.from_.tag == self.remote_tag

    def refresh(self, message: Message) -> None:
        """Take the remote target of a target refresh request or its 2xx (12.2); a useless Contact changes nothing."""
        try:
            if "contact" in message.headers:
                self.target = _contact(message)
        except BadMessage:
            return

    def head(self, method: str, number: int, via: str, extra: tuple[str, ...] = ()) -> str:
        """The head of a request inside the dialog (12.2.1.1, strict routers of RFC 2543 included).

        :param via: the whole Via value.
        :param extra: more header lines without their line ends.
        """
        uri, routes = self._route()
        text = [f"{method} {uri} SIP/2.0", f"Via: {via}", "Max-Forwards: 70"]
        text += [f"Route: {route}" for route in routes]
        text += [f"From: {self.local}", f"To: {self.remote}", f"Call-ID: {self.call_id}", f"CSeq: {number} {method}"]
        text += extra
        return lines(text)

    def _route(self) -> tuple[str, tuple[str, ...]]:
        if not self.routes or _is_loose(self.routes[0]):
            return self.target, self.routes
        return _uri_of(self.routes[0]).text, (*self.routes[1:], f"<{self.target}>")

    @property
    def request_uri(self) -> str:
        """The Request-URI of the next request."""
        return self._route()[0]

    def hop(self) -> Hop:
        """Where requests go; no host when that cannot be told."""
        try:
            return hop_of(self.routes[0] if self.routes else self.target)
        except BadMessage:
            return Hop(None, 0)

    def to_data(self) -> dict[str, Any]:
        """What `from_data` needs, JSON-able."""
        return {
            "call_id": self.call_id,
            "local": self.local,
            "remote": self.remote,
            "tags": [self.local_tag, self.remote_tag],
            "target": self.target,
            "routes": list(self.routes),
            "local_seq": self.local_seq,
            "remote_seq": self.remote_seq,
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Dialog:
        """A dialog of a former life.

        :raises KeyError: a field is missing.
        """
        tags = data["tags"]
        return cls(
            data["call_id"],
            data["local"],
            data["remote"],
            (tags[0], tags[1]),
            data["target"],
            tuple(data["routes"]),
            data["local_seq"],
            data["remote_seq"],
        )
