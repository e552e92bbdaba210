"""All listeners of the room: opened and closed together, shown to operators."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import maybeDeferred

from vosswitch.sip.transport.opening import connections_allowed, listen
from vosswitch.sip.transport.options import RECEIVE_BUFFER, ask_buffer, drops, handle_of, mark
from vosswitch.sip.transport.quota import Quota
from vosswitch.sip.transport.stream import StreamSocket
from vosswitch.sip.transport.tls import Certificates
from vosswitch.sip.transport.udp import UdpSocket

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from twisted.internet.defer import Deferred

    from vosswitch.params.boot import Listener
    from vosswitch.params.listeners import ClientTls
    from vosswitch.sip.transactions.timers import Timer, Timers
    from vosswitch.sip.transport.listening import Room

WARN_BEFORE = 30
"""Days before its end that a certificate is warned of, once a day."""
_DAY = 86400.0


def _today() -> datetime:
    return datetime.now(UTC)


class Sockets:
    """The listeners.

    :param tls: how others are connected to by TLS.
    :param log: a Twisted ``Logger``.
    :param today: gives the present moment, for the ends of certificates.
    :raises BadCertificate: one of the certificates cannot be used.
    :ivar all: in the order of the configuration.
    """

    def __init__(
        self,
        listeners: Sequence[Listener],
        tls: ClientTls,
        room: Room,
        timers: Timers,
        reactor: Any,
        log: Any,
        today: Callable[[], datetime] = _today,
    ) -> None:
        self._room = room
        self._timers = timers
        self._reactor = reactor
        self._log = log
        self._today = today
        self._verify = tls.verify
        self._daily: Timer | None = None
        self._tos: int | None = None
        self.certificates = Certificates(listeners, tls)
        self.quota = Quota(connections_allowed(), room.setting("VS_CONNECTIONS_PER_SOURCE"))
        self.all: list[UdpSocket | StreamSocket] = [self._socket(listener) for listener in listeners]

    def _socket(self, listener: Listener) -> UdpSocket | StreamSocket:
        if listener.transport == "udp":
            return UdpSocket(listener, self._room, self._timers)
        return StreamSocket(listener, self._room, self._timers, self._reactor, self.certificates, self.quota)

    # -- open and closed

    def open(self) -> None:
        """Open the listeners.

        :raises OSError: one cannot be had; it is named.
        """
        self.quota.most = connections_allowed()
        for owner in self.all:
            listen(owner, self._reactor)
            if isinstance(owner, UdpSocket):
                self._check_buffer(owner)
        self._tos = None
        self.configured()
        if self.certificates.loaded:
            self._look_at_ends()
        if not self._verify:
            self._log.warn("TLS: certificates of servers are not verified ([tls] verify): anybody can pose as a vendor")

    def _check_buffer(self, owner: UdpSocket) -> None:
        got = ask_buffer(owner.port)
        if got < RECEIVE_BUFFER:
            self._log.warn(
                "{address}: the system gives a receive buffer of {got} bytes instead of {wanted};"
                " raise net.core.rmem_max (see etc/sysctl.d)",
                address=str(owner.address),
                got=got,
                wanted=RECEIVE_BUFFER,
            )

    def close(self) -> list[Deferred[Any]]:
        """Close listeners and connections."""
        self._timers.cancel(self._daily)
        closing = []
        for owner in self.all:
            if owner.port is not None:
                closing.append(maybeDeferred(owner.port.stopListening))
                owner.port = None
            if isinstance(owner, StreamSocket):
                owner.close()
        return closing

    def pause(self) -> None:
        """Read nothing: what comes waits in the sockets' buffers."""
        for owner in self.all:
            owner.port.stopReading()

    def resume(self) -> None:
        """Read on."""
        for owner in self.all:
            if owner.port is not None:
                owner.port.startReading()

    def configured(self) -> None:
        """Take over the parameters in force: SS_QOS_SIGNAL, VS_CONNECTIONS_PER_SOURCE."""
        self.quota.per_source = self._room.setting("VS_CONNECTIONS_PER_SOURCE")
        tos = self._room.setting("SS_QOS_SIGNAL")
        if tos == self._tos:
            return
        self._tos = tos
        for owner in self.all:
            flows = owner.flows if isinstance(owner, StreamSocket) else []
            for each in [owner.port, *[flow.connection.transport for flow in flows if flow.connection is not None]]:
                handle = handle_of(each)
                if handle is not None:
                    mark(handle, tos)

    # -- certificates

    def reload(self) -> list[dict[str, Any]]:
        """Read all certificates again.

        :raises BadCertificate: one cannot be used; the old ones stay.
        """
        self.certificates.load()
        self._timers.cancel(self._daily)
        if self.certificates.loaded:
            self._look_at_ends()
        self._log.info("certificates: {count} read", count=len(self.certificates.loaded))
        return self.shown()

    def shown(self) -> list[dict[str, Any]]:
        """The certificates in use: file, end, names."""
        return [
            {"file": one.path, "expires": one.expires.strftime("%Y-%m-%dT%H:%M:%SZ"), "names": sorted(one.names)}
            for one in self.certificates.loaded
        ]

    def _look_at_ends(self) -> None:
        """Warn of certificates that end soon, once a day."""
        today = self._today()
        for one in self.certificates.loaded:
            days = (one.expires - today).total_seconds() / _DAY
            if days <= 0:
                self._log.error("{path}: the certificate has expired", path=one.path)
            elif days < WARN_BEFORE:
                self._log.warn("{path}: the certificate expires in {days} days", path=one.path, days=int(days))
        self._daily = self._timers.add(_DAY, self._look_at_ends)

    # -- for operators

    def status(self) -> list[dict[str, Any]]:
        """What each socket is doing: address, datagrams dropped by the system, connections."""
        return [
            {
                "address": str(owner.address),
                "drops": _drops(owner),
                "connections": len(owner.flows) if isinstance(owner, StreamSocket) else None,
            }
            for owner in self.all
        ]


def _drops(owner: UdpSocket | StreamSocket) -> int | None:
    handle = handle_of(owner.port) if isinstance(owner, UdpSocket) else None
    return None if handle is None else drops(handle)
