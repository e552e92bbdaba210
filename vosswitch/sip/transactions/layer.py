"""The transaction layer: finds the transaction of a message and performs the effects of its machine.

Matching is RFC 3261 17.1.3 and 17.2.3, with the RFC 2543 way for peers whose branch has no magic cookie.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from vosswitch.sip.grammar.message import reason_phrase
from vosswitch.sip.grammar.wire import KNOWN, Echo, encode, follow_up, seal
from vosswitch.sip.transactions.pace import Pace
from vosswitch.sip.transactions.transaction import (
    Client,
    Effect,
    Input,
    InviteClient,
    InviteServer,
    Machine,
    Server,
    State,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.sip.grammar.headers import Via
    from vosswitch.sip.grammar.message import Request, Response
    from vosswitch.sip.transactions.flow import Flow, Statistics
    from vosswitch.sip.transactions.timers import Timer, Timers

MOST = 200_000
"""Server transactions beyond which new requests are refused without one, whoever sends them."""
COOKIE = "z9hG4bK"
"""What the branches of RFC 3261 begin with."""
MOST_SOUGHT = 5
"""Connections that are made for one INVITE after the one that it went over is lost."""


class ClientUser(Protocol):
    """Who sends requests."""

    def answered(self, transaction: ClientTransaction, response: Response) -> None:
        """A response came."""

    def failed(self, transaction: ClientTransaction) -> None:
        """No final response came in time, or the transport failed."""


class ServerUser(Protocol):
    """Who answers an INVITE."""

    def cancelled(self, request: Request) -> None:
        """A CANCEL came before the final response; it is answered already."""


Performs = dict[Effect, "Callable[[Any], None]"]


class _Transaction:
    """What both sides share: machine, timers, and the last bytes sent.

    :cvar PERFORMS: what to do for each effect.
    """

    __slots__ = ("_guard", "_resend", "data", "flow", "key", "layer", "machine", "method", "pace", "sends")
    PERFORMS: ClassVar[Performs] = {}

    def __init__(self, layer: Layer, machine: Machine, key: str, method: str, flow: Flow) -> None:
        self.layer = layer
        self.machine = machine
        self.key = key
        self.method = method
        self.flow = flow
        self.pace = layer.pace
        self.data = b""
        self.sends = 0
        self._resend: Timer | None = None
        self._guard: Timer | None = None

    @property
    def state(self) -> State:
        """The machine's state."""
        return self.machine.state

    def feed(self, what: Input) -> None:
        """Give the machine an input that carries no message and perform what follows."""
        performs = self.PERFORMS
        for effect in self.machine.feed(what):
            performs[effect](self)

    def _send(self) -> None:
        if not self.data:
            return
        statistics = self.layer.statistics
        statistics.sent += 1
        if self.sends:
            statistics.retransmitted += 1
        self.sends += 1
        self.flow.send(self.data, self._broken)

    def _nothing(self) -> None:
        """What the machine says is for somebody else."""

    def _broken(self) -> None:
        self.feed(Input.TRANSPORT_ERROR)

    def _stop(self) -> None:
        timers = self.layer.timers
        if self._resend is not None:
            timers.cancel(self._resend)
        if self._guard is not None:
            timers.cancel(self._guard)
        self._resend = self._guard = None

    def _again(self, delay: float, what: Input) -> None:
        self._resend = self.layer.timers.add(delay, self.feed, what)

    def _watch(self, delay: float, what: Input) -> None:
        if delay <= 0:
            self.feed(what)
        else:
            self._guard = self.layer.timers.add(delay, self.feed, what)

    def _linger(self, delay: float, what: Input) -> None:
        """What may be repeated is waited for; on a reliable transport nothing is."""
        if self.machine.reliable:
            self.feed(what)
        else:
            self._guard = self.layer.timers.linger(delay, self.feed, what)


class ClientTransaction(_Transaction):
    """A request of ours and its responses."""

    __slots__ = ("ack", "branch", "sought", "user")

    def __init__(
        self, layer: Layer, user: ClientUser, method: str, branch: str, data: bytes, flow: Flow, pace: Pace | None
    ) -> None:
        kind = InviteClient if method == "INVITE" else Client
        super().__init__(layer, kind(flow.reliable), branch + method, method, flow)
        self.user: ClientUser | None = user
        self.branch = branch
        self.data = data
        self.ack = b""
        self.sought = 0
        self.pace = pace or layer.pace

    def hear(self, response: Response) -> None:
        """A response that matches."""
        status = response.status
        what = Input.PROVISIONAL if status < 200 else Input.SUCCESS if status < 300 else Input.FAILURE
        effects = self.machine.feed(what)
        if Effect.SEND_ACK in effects and not self.ack:
            self.ack = encode(follow_up(self.data, "ACK", response.headers["to"][0]))
        if status >= 200:
            self.data = b"" if status < 300 else self.data
        for effect in effects:
            if effect is Effect.TELL:
                if self.user is not None:
                    self.user.answered(self, response)
            else:
                self.PERFORMS[effect](self)
        if self.machine.state is State.COMPLETED:
            self.user = None

    def cancel(self, extra: tuple[str, ...] = ()) -> None:
        """Send a CANCEL for this INVITE (RFC 3261 9.1: only once a provisional response is there).

        :param extra: more header lines without their line ends.
        """
        data = encode(follow_up(self.data, "CANCEL", "", extra))
        self.layer.send(_SILENT, "CANCEL", self.branch, data, self.flow, self.pace)
        self.expire()

    def expire(self) -> None:
        """Nobody wants the outcome any more: it has failed when it does not come within 64*T1 (RFC 3261 9.1)."""
        self.layer.timers.add(max(32.0, self.pace.accepted), self._expired)

    def _expired(self) -> None:
        if self.machine.state in {State.CALLING, State.PROCEEDING}:
            self._give_up()

    def _give_up(self) -> None:
        user = self.user
        self.forget()
        if user is not None:
            user.failed(self)

    def rest(self) -> None:
        """Stop sending the request again, but go on listening for its responses."""
        self.layer.timers.cancel(self._resend)

    def forget(self) -> None:
        """End at once and tell nobody."""
        self.machine.state = State.TERMINATED
        self._stop()
        self._end()

    def _end(self) -> None:
        self.layer.clients.pop(self.key, None)
        self.user = None
        if self.machine.reliable:
            self.layer.forget(self)

    def lost(self) -> None:
        """The connection is gone: what nothing has come back for has failed."""
        if self.machine.state in {State.CALLING, State.TRYING}:
            self._broken()
        elif self.machine.state is State.PROCEEDING and self.method == "INVITE":
            self._seek()

    def _seek(self) -> None:
        """A peer that works on an INVITE may send its response over another connection (RFC 3261 18.2.2).

        If we had made the connection we make another one: a peer that cannot be reached has lost the call as well.
        One that came to us is waited for, but for a WebSocket, which nothing but itself can bring back.
        """
        flow = self.flow.again()
        if flow is None:
            return
        self.sought += 1
        if flow.closed or self.sought > MOST_SOUGHT:
            self._give_up()
            return
        self.layer.forget(self)
        self.flow = flow
        self.layer.watch(self)

    def _send_ack(self) -> None:
        self.layer.statistics.sent += 1
        self.flow.send(self.ack, self._broken)

    def _fail(self) -> None:
        if self.user is not None:
            self.user.failed(self)

    def _wait_again(self, what: Input) -> None:
        intervals = self.pace.intervals
        if self.sends < len(intervals):
            self._again(intervals[self.sends - 1], what)

    def _start_m(self) -> None:
        self._guard = self.layer.timers.linger(self.pace.accepted, self.feed, Input.TIMER_M)

    PERFORMS: ClassVar[Performs] = {
        Effect.SEND: _Transaction._send,
        Effect.SEND_ACK: _send_ack,
        Effect.STOP: _Transaction._stop,
        Effect.END: _end,
        Effect.FAIL: _fail,
        Effect.START_A: lambda self: self._wait_again(Input.TIMER_A),
        Effect.START_B: lambda self: self._watch(self.pace.total, Input.TIMER_B),
        Effect.START_D: lambda self: self._linger(max(32.0, self.pace.accepted), Input.TIMER_D),
        Effect.START_E: lambda self: self._wait_again(Input.TIMER_E),
        Effect.START_F: lambda self: self._watch(self.pace.total, Input.TIMER_F),
        Effect.START_K: lambda self: self._linger(self.pace.t4, Input.TIMER_K),
        Effect.START_M: _start_m,
    }


class ServerTransaction(_Transaction):
    """A request of a peer and our responses."""

    __slots__ = ("echo", "merge", "server", "source", "tag", "user")

    def __init__(self, layer: Layer, key: str, request: Request, flow: Flow, echo: Echo) -> None:
        method = request.method
        kind = InviteServer if method == "INVITE" else Server
        super().__init__(layer, kind(flow.reliable), key, method, flow)
        self.echo: Echo | None = echo
        self.server = ""
        self.source = flow.remote
        self.tag = ""
        self.merge = ""
        self.user: ServerUser | None = None

    def respond(
        self, status: int, extra: str = "", body: bytes = b"", tag: str = "", reason: str = "", kind: str = ""
    ) -> None:
        """Answer; ignored after a final response.

        :param extra: whole header lines, each ended by CRLF.
        :param tag: our To tag; one is made when a response needs it and none is given or known.
        :param kind: Content-Type of *body*, SDP when empty.
        """
        if self.echo is None:
            return
        if tag:
            self.tag = tag
        elif status > 100 and not self.tag:
            self.tag = self.layer.tag()
        head = self.echo.head(status, reason or reason_phrase(status), self.tag if status > 100 else "")
        if status == 100:
            extra = self.echo.timestamp + extra
        if self.server:
            extra += self.server
        self.data = seal(head + extra, body, kind or "application/sdp", self.echo.encoding)
        self.sends = 0
        if status < 200:
            self.feed(Input.PROVISIONAL)
            return
        self.layer.statistics.responses[status] += 1
        self.echo = None
        self.feed(Input.SUCCESS if status < 300 else Input.FAILURE)

    def repeat(self) -> None:
        """Send the 2xx again: the transaction user's part (RFC 3261 13.3.1.4)."""
        self.feed(Input.SUCCESS)

    def cancelled(self, request: Request) -> None:
        """A CANCEL for it came."""
        if self.user is not None and self.machine.state is State.PROCEEDING:
            self.user.cancelled(request)

    def _end(self) -> None:
        self.layer.servers.pop(self.key, None)
        if self.merge:
            self.layer.merges.pop(self.merge, None)
        self.user = None

    def _let_go(self, what: Input) -> None:
        """The final response is out: nobody asks for it any more but the peer."""
        self.user = None
        self._guard = self.layer.timers.linger(self.pace.accepted, self.feed, what)

    def forget(self) -> None:
        """End at once without an answer; what is repeated comes as new."""
        self.machine.state = State.TERMINATED
        self._stop()
        self._end()

    PERFORMS: ClassVar[Performs] = {
        Effect.SEND: _Transaction._send,
        Effect.STOP: _Transaction._stop,
        Effect.END: _end,
        Effect.FAIL: _Transaction._nothing,
        Effect.TELL: _Transaction._nothing,
        Effect.START_G: lambda self: self._again(self.pace.doubled(self.sends - 1), Input.TIMER_G),
        Effect.START_H: lambda self: self._let_go(Input.TIMER_H),
        Effect.START_I: lambda self: self._linger(self.pace.t4, Input.TIMER_I),
        Effect.START_J: lambda self: self._linger(self.pace.accepted, Input.TIMER_J),
        Effect.START_L: lambda self: self._let_go(Input.TIMER_L),
    }


class _Silent:
    """The user of a CANCEL: its response changes nothing."""

    __slots__ = ()

    def answered(self, transaction: ClientTransaction, response: Response) -> None:
        """Nothing to do: the INVITE's final response decides."""

    def failed(self, transaction: ClientTransaction) -> None:
        """Nothing to do: the leg gives up by itself."""


_SILENT = _Silent()


class Layer:
    """All transactions of the room.

    :param timers: the room's queue.
    :param tag: makes a fresh To tag.
    :ivar most: server transactions that make it `full`.
    :ivar pace: used by new transactions; the service replaces it when SS_SIP_RESEND_INTERVAL changes.
    """

    __slots__ = ("_over", "clients", "merges", "most", "pace", "servers", "statistics", "tag", "timers")

    def __init__(self, timers: Timers, statistics: Statistics, tag: Callable[[], str]) -> None:
        self.timers = timers
        self.statistics = statistics
        self.tag = tag
        self.pace = Pace()
        self.most = MOST
        self.clients: dict[str, ClientTransaction] = {}
        self.servers: dict[str, ServerTransaction] = {}
        self.merges: dict[str, ServerTransaction] = {}
        self._over: dict[Flow, set[ClientTransaction]] = {}

    def send(
        self, user: ClientUser, method: str, branch: str, data: bytes, flow: Flow, pace: Pace | None = None
    ) -> ClientTransaction:
        """Start a client transaction: *data* is the whole request whose topmost Via has *branch*."""
        transaction = ClientTransaction(self, user, method, branch, data, flow, pace)
        self.clients[transaction.key] = transaction
        self.statistics.sent_requests[method if method in KNOWN else "other"] += 1
        if flow.reliable:
            self.watch(transaction)
        transaction.feed(Input.START)
        return transaction

    def watch(self, transaction: ClientTransaction) -> None:
        """A transaction goes over a connection: it is told when that is lost."""
        self._over.setdefault(transaction.flow, set()).add(transaction)

    def forget(self, transaction: ClientTransaction) -> None:
        """A transaction over a connection has ended."""
        waiting = self._over.get(transaction.flow)
        if waiting is not None:
            waiting.discard(transaction)
            if not waiting:
                del self._over[transaction.flow]

    def lost(self, flow: Flow) -> None:
        """A connection is gone: the requests over it are told in a later turn."""
        for transaction in self._over.get(flow, ()):
            self.timers.add(0.0, transaction.lost)

    def response(self, response: Response) -> bool:
        """Give a response to its transaction; False when it has none."""
        transaction = self.clients.get(response.via.branch + response.cseq.method)
        if transaction is None:
            self.statistics.stray += 1
            return False
        if response.status >= 200:
            self.statistics.answers[response.status] += 1
        transaction.hear(response)
        return True

    def find(self, request: Request) -> ServerTransaction | None:
        """The transaction that this request repeats (or, for an ACK or CANCEL, is about)."""
        request.key = key = server_key(request)
        return self.servers.get(key)

    @property
    def full(self) -> bool:
        """Whether no more requests outside dialogs may begin a transaction."""
        return len(self.servers) >= self.most

    def repeated(self, transaction: ServerTransaction, request: Request) -> None:
        """A request, or the ACK of a refusal, for a known transaction."""
        if request.method == "ACK":
            transaction.feed(Input.ACK)
        else:
            self.statistics.repeated += 1
            transaction.feed(Input.REQUEST)

    def serve(self, request: Request, flow: Flow) -> ServerTransaction:
        """Start a server transaction for a new request; *flow* is where its responses go."""
        self.count(request)
        key = request.key or server_key(request)
        transaction = self.servers[key] = ServerTransaction(self, key, request, flow, Echo(request))
        return transaction

    def count(self, request: Request) -> None:
        """Count a new request, with or without a transaction."""
        self.statistics.requests[request.method if request.method in KNOWN else "other"] += 1

    def merged(self, transaction: ServerTransaction, request: Request, from_tag: str) -> bool:
        """Whether the same request runs already on another path (RFC 3261 8.2.2.2: 482); remembers it when not."""
        key = f"{request.headers['call-id'][0]}|{from_tag}|{request.headers['cseq'][0]}"
        if key in self.merges:
            return True
        self.merges[key] = transaction
        transaction.merge = key
        return False


def via_key(via: Via, method: str) -> str:
    """What identifies the server transaction of a request with a branch of RFC 3261."""
    return f"{via.branch}|{via.host}:{via.port}|{method}"


def server_key(request: Request) -> str:
    """What identifies a server transaction; ACK and CANCEL have their INVITE's (RFC 3261 17.2.3)."""
    via = request.via
    method = request.method
    if method in {"ACK", "CANCEL"}:
        method = "INVITE"
    if via.is_unique:
        return via_key(via, method)
    head = request.headers
    number = head["cseq"][0].split()[0]
    tag = request.from_.tag
    return f"{request.uri}|{tag}|{head['call-id'][0]}|{number}|{head['via'][0]}|{method}"
