"""A way to one peer: what the layers above the transports know of sockets."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.model.values import Address


TRANSPORT_TEXT = {
    "udp": "",
    "tcp": ";transport=tcp",
    "tls": ";transport=tls",
    "ws": ";transport=ws",
    "wss": ";transport=ws",
}
"""The parameter of a SIP URI by transport; RFC 7118 has ``ws`` for both of its own."""


def contact_line(user: str, flow: Flow, *, secure: bool) -> str:
    """Our Contact on a flow; a SIPS one where the request was and the flow is safe (RFC 3261 section 12.1.1)."""
    scheme = "sips" if secure and flow.local.transport in {"tls", "wss"} else "sip"
    at = "@" if user else ""
    return f"Contact: <{scheme}:{user}{at}{flow.hostport}{TRANSPORT_TEXT[flow.local.transport]}>\r\n"


class Flow(Protocol):
    """One socket of ours and one address of a peer: `transport` makes them, tests fake them.

    :ivar reliable: the transport retransmits by itself.
    :ivar closed: nothing sent on it can arrive any more (a lost connection).
    :ivar remote: the peer's address as the socket sees it.
    :ivar local: our bound address.
    :ivar host: what peers are told instead of the bound host, brackets included: ``[::1]``.
    :ivar via: ``SIP/2.0/UDP host:port`` as it stands in our Via header.
    :ivar hostport: ``host:port`` as it stands in our Contact header.
    :ivar bound: the peer can be reached over this very connection only (a WebSocket client): whatever its Contact says.
    :ivar name: whom the peer's certificate had to prove; "" = nobody.
    """

    @property
    def reliable(self) -> bool: ...  # noqa: D102
    @property
    def closed(self) -> bool: ...  # noqa: D102
    @property
    def remote(self) -> Address: ...  # noqa: D102
    @property
    def local(self) -> Address: ...  # noqa: D102
    @property
    def host(self) -> str: ...  # noqa: D102
    @property
    def via(self) -> str: ...  # noqa: D102
    @property
    def hostport(self) -> str: ...  # noqa: D102
    @property
    def bound(self) -> bool: ...  # noqa: D102
    @property
    def name(self) -> str: ...  # noqa: D102

    def send(self, data: bytes, failed: Callable[[], None] | None = None) -> None:
        """Send one whole message; *failed* is called, in a later turn, when it certainly cannot arrive."""

    def toward(self, host: str, port: int) -> Flow:
        """The way to another address from the same local one; a live connection to the same host serves as it is."""

    def again(self) -> Flow | None:
        """The way to the peer once this connection is lost: a closed one = none, None = it comes back by itself."""


class Statistics:
    """Plain counters of the room, read by whoever shows them.

    :ivar received: messages taken in, *sent* messages given to sockets.
    :ivar bad: messages that could not be read.
    :ivar retransmitted: requests and responses sent again, *repeated* requests received again.
    :ivar stray: responses and ACKs that belong to nothing.
    :ivar misaddressed: requests whose Via named an address that no response may go to.
    :ivar dropped: what was left without an answer on purpose.
    :ivar shed: new requests turned away because they had waited too long, *capped* because of their source's rate;
        *urgent* calls to emergency numbers that passed;
        *absorbed* ACKs of such refusals; *overflowed* messages dropped because too many waited.
    :ivar requests: new requests received, by method; *responses* final responses sent, by status;
        *sent_requests* requests sent, by method; *answers* final responses received, by status.
    """

    __slots__ = (
        "absorbed",
        "answers",
        "bad",
        "capped",
        "dropped",
        "misaddressed",
        "overflowed",
        "received",
        "repeated",
        "requests",
        "responses",
        "retransmitted",
        "sent",
        "sent_requests",
        "shed",
        "stray",
        "urgent",
    )

    def __init__(self) -> None:
        self.received = self.sent = self.bad = self.retransmitted = self.repeated = self.stray = self.dropped = 0
        self.misaddressed = self.shed = self.capped = self.absorbed = self.overflowed = self.urgent = 0
        self.requests: Counter[str] = Counter()
        self.responses: Counter[int] = Counter()
        self.sent_requests: Counter[str] = Counter()
        self.answers: Counter[int] = Counter()

    def shown(self) -> dict[str, Any]:
        """All of them by name, JSON-able; what is counted by method or status in order."""
        return {name: _plain(getattr(self, name)) for name in self.__slots__}


def _plain(value: Any) -> Any:
    return {str(key): value[key] for key in sorted(value)} if isinstance(value, Counter) else value


class Tokens:
    """Random texts for tags, branches and Call-IDs, cut from a pool so that one system call serves many.

    :param entropy: gives that many unguessable bytes (``os.urandom``).
    """

    __slots__ = ("_entropy", "_place", "_pool")

    def __init__(self, entropy: Callable[[int], bytes]) -> None:
        self._entropy = entropy
        self._pool = ""
        self._place = 0

    def new(self) -> str:
        """Sixteen hexadecimal digits, 64 random bits."""
        place = self._place
        if place >= len(self._pool):
            self._pool = self._entropy(4096).hex()
            place = 0
        self._place = place + 16
        return self._pool[place : self._place]
