"""Change hints between nodes: who has applied a change says so through Redis, and the others look at once.

A node that lacks money which others hold says that too, and they look whether they can give some back.

Nothing depends on a hint: every node asks the database by itself, for changes once a second.  So Redis may be away at
any time; what is said meanwhile is lost, and only the delay grows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from twisted.application.internet import ClientService, backoffPolicy
from twisted.application.service import MultiService
from twisted.internet.defer import inlineCallbacks
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.protocol import Factory
from txredisapi import RedisError, RedisProtocol, SubscriberProtocol

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from twisted.internet.defer import Deferred

PATIENCE = 5.0
"""Seconds that Redis has to accept a connection, and then to answer our greeting."""

_RECALL = "recall"

_UNHEARD = 100
"""Hints without a reply, after which the connection counts as dead."""

_EXPECTED = "redis://[[USER]:PASSWORD@]HOST[:PORT][/NUMBER]"


class BadRedisUrl(ValueError):
    """A Redis URL that cannot be used; the text says what was expected."""


@dataclass(frozen=True, slots=True)
class RedisTarget:
    """A Redis server.

    :ivar username: "" = the default user; *password* "" = none is asked for.
    :ivar number: of the database in the server.
    """

    host: str
    port: int
    username: str
    password: str
    number: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def read_url(url: str) -> RedisTarget:
    """Read ``redis://[[USER]:PASSWORD@]HOST[:PORT][/NUMBER]``.

    :raises BadRedisUrl: anything else; a password in it is not repeated.
    """
    try:
        parts = urlsplit(url)
        number = parts.path.removeprefix("/") or "0"
        port = 6379 if parts.port is None else parts.port
        sound = parts.scheme == "redis" and parts.hostname and number.isascii() and number.isdigit() and port
        if not sound or parts.query or parts.fragment:
            raise ValueError(url)
    except ValueError:
        shown = url.rpartition("@")[2]
        raise BadRedisUrl(f"expected {_EXPECTED}, got {shown!r}") from None
    host = parts.hostname or ""
    return RedisTarget(host, port, unquote(parts.username or ""), unquote(parts.password or ""), int(number))


def channel_of(database_url: str) -> str:
    """The channel of all nodes that share a database, whatever name of its server each of them uses."""
    name = database_url.partition("?")[0].rpartition("/")[2]
    return f"vosswitch:changes:{name}"


class Hints(MultiService):
    """Tells other nodes of changes, and hears of theirs.

    :param seq: gives the number of the last change that is live here.
    :param apply: has the recorder look for changes; fires when what it found is live.
    :ivar recalled: told that some node lacks money.
    :ivar connected: whether Redis is there, both to hear and to tell.
    """

    name = "hints"

    def __init__(
        self,
        reactor: Any,
        target: RedisTarget,
        channel: str,
        seq: Callable[[], int],
        apply: Callable[[], Deferred[int]],
        log: Any,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._target = target
        self._channel = channel
        self._seq = seq
        self._apply = apply
        self._log = log
        self.recalled: Callable[[], object] = lambda: None
        self._newest = 0
        self._asking = False
        self._lost = False
        self._links = [_Link(reactor, target, protocol, self) for protocol in (_Teller, _Listener)]
        for link in self._links:
            self.addService(link)  # type: ignore[no-untyped-call]

    @property
    def connected(self) -> bool:
        """Whether hints go out and come in."""
        return all(link.redis is not None for link in self._links)

    def publish(self, seq: int) -> None:
        """Tell the others that change *seq* is in the database; forgotten at once when Redis is away."""
        self._publish(str(seq))

    def recall(self) -> None:
        """Tell the others that this node lacks money; what, the database says."""
        self._publish(_RECALL)

    def _publish(self, text: str) -> None:
        redis = self._links[0].redis
        if redis is None:
            return
        redis.execute_command("PUBLISH", self._channel, text).addErrback(lambda failure: None)
        if len(redis.replyQueue.waiting) > _UNHEARD:
            redis.transport.abortConnection()

    def heard(self, message: object) -> None:
        """A hint came; one that is older than what is live here says nothing new."""
        text = message.decode("latin-1") if isinstance(message, bytes) else str(message)
        if text == _RECALL:
            self.recalled()
            return
        if not (text.isascii() and text.isdigit() and len(text) < 20):
            return
        newest = int(text)
        if newest <= max(self._newest, self._seq()):
            return
        self._newest = newest
        if not self._asking:
            self._ask()

    def _ask(self) -> None:
        self._asking = True
        self._apply().addCallbacks(self._asked, self._not_asked, callbackArgs=(self._newest,))

    def _asked(self, _: int, wanted: int) -> None:
        self._asking = False
        if self._newest > max(wanted, self._seq()):  # more came meanwhile
            self._ask()

    def _not_asked(self, _: object) -> None:
        self._asking = False  # the recorder was stopped

    # What the links tell.

    def greeting(self, protocol: type[Any]) -> list[tuple[str, ...]]:
        """The commands a new connection begins with."""
        target = self._target
        commands: list[tuple[str, ...]] = []
        if target.password:
            commands.append(("AUTH", *filter(None, [target.username]), target.password))
        if target.number:
            commands.append(("SELECT", str(target.number)))
        commands.append(("SUBSCRIBE", self._channel) if protocol is _Listener else ("PING",))
        return commands

    def linked(self) -> None:
        """A link is up."""
        if self._lost and self.connected:
            self._lost = False
            self._log.info("redis {target}: works again", target=str(self._target))

    def broken(self, reason: str) -> None:
        """A link is down, or could not be made; says so once."""
        if not self._lost and self.running:
            self._lost = True
            self._log.warn(
                "redis {target}: {reason}; other nodes see changes within a second instead of at once",
                target=str(self._target),
                reason=reason,
            )


class _Link(ClientService):
    """One connection to Redis, made again with growing pauses when it is lost.

    :ivar redis: the protocol while it can be used, else None.
    """

    def __init__(self, reactor: Any, target: RedisTarget, protocol: type[Any], hints: Hints) -> None:
        self.hints = hints
        self.redis: Any = None
        self._protocol_class = protocol
        self._reactor = reactor
        self._reason = "no connection"
        self._pause = backoffPolicy(0.2, 10.0)
        self._refusals = 0
        endpoint = HostnameEndpoint(reactor, target.host, target.port, timeout=PATIENCE)
        factory = _Links(self, protocol)
        super().__init__(endpoint, factory, retryPolicy=self._retry, clock=reactor, prepareConnection=self._prepare)

    def _retry(self, failures: int) -> float:
        self.hints.broken(self._reason)
        return self._pause(max(failures, self._refusals))

    @inlineCallbacks
    def _prepare(self, redis: Any) -> Generator[Any, Any, None]:
        redis.transport.setTcpKeepAlive(True)
        self._refusals += 1
        try:
            for command in self.hints.greeting(self._protocol_class):
                yield redis.execute_command(*command).addTimeout(PATIENCE, self._reactor)
        except Exception as error:
            self._reason = str(error).strip() if isinstance(error, RedisError) else "no answer"
            redis.transport.abortConnection()
            raise
        self._refusals, self._reason = 0, "no connection"
        self.redis = redis
        self.hints.linked()

    def lost(self) -> None:
        """The connection is gone."""
        if self.redis is not None:
            self.redis = None
            self.hints.broken("connection lost")


class _Links(Factory):
    """Makes a link's protocols."""

    noisy = False

    def __init__(self, link: _Link, protocol: type[Any]) -> None:
        self.link = link
        self._kind = protocol

    def buildProtocol(self, addr: Any) -> Any:
        made = self._kind(charset=None, convertNumbers=False)
        made.factory = self
        return made


class _Teller(RedisProtocol):  # type: ignore[misc]
    """Publishes."""

    def connectionLost(self, why: Any) -> None:
        super().connectionLost(why)
        self.factory.link.lost()


class _Listener(SubscriberProtocol):  # type: ignore[misc]
    """Hears what is published on our channel."""

    def connectionLost(self, why: Any) -> None:
        super().connectionLost(why)
        self.factory.link.lost()

    def messageReceived(self, pattern: Any, channel: Any, message: Any) -> None:
        """A hint."""
        self.factory.link.hints.heard(message)
