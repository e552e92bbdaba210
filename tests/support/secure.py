"""SIP peers over TLS, from the standard library: one that connects, and a vendor that is connected to."""

from __future__ import annotations

import socket
import ssl
import threading
from pathlib import Path

from tests.support.peer import Peer, description
from tests.support.switch import free_port
from vosswitch.sip.grammar.message import Request, Response, render
from vosswitch.sip.grammar.parse import Framer, parse
from vosswitch.sip.grammar.uri import host_text


def client_context(trust: Path, pair: tuple[Path, Path] | None = None) -> ssl.SSLContext:
    """What a client believes and shows."""
    context = ssl.create_default_context(cafile=str(trust))
    if pair is not None:
        context.load_cert_chain(*map(str, pair))
    return context


class TlsPeer(Peer):
    """A user agent over one TLS connection that it makes.

    :param name: the server's name, as it is asked for and checked.
    """

    def __init__(self, switch: int, context: ssl.SSLContext, name: str, host: str = "127.0.0.1", target="127.0.0.1"):
        self.number, self.target, self.seq = "4312345", (target, switch), 0
        plain = socket.create_connection((target, switch), 5, (host, 0))
        self.socket = context.wrap_socket(plain, server_hostname=name)
        self.host, self.port = self.socket.getsockname()[:2]
        self.shown = host_text(self.host)
        self.tag, self.call_id = f"t{self.port}", f"{self.port}-{id(self)}@{host}"
        self.framer, self.waiting = Framer(), []

    def request(self, method, to, body=b"", **how):
        """A request whose Via says TLS."""
        made = super().request(method, to, body, **how)
        made.set("via", made.get("via").replace("/UDP", "/TLS"))
        made.set("contact", made.get("contact").replace(">", ";transport=tls>"))
        return made

    def send(self, message, target=None) -> None:
        """Send one message, or any bytes."""
        self.socket.sendall(message if isinstance(message, bytes) else render(message))

    def receive(self, seconds: float = 3.0):
        """The next message.

        :raises TimeoutError: none came.
        """
        self.source = None
        self.socket.settimeout(max(seconds, 0.001))
        while not self.waiting:
            data = self.socket.recv(65536)
            if not data:
                raise ConnectionError("closed")
            self.waiting += self.framer.feed(data)
        return parse(self.waiting.pop(0))


class TlsVendor:
    """A vendor behind TLS that rings, answers and waits for the BYE.

    :ivar requests: what it got, *responses* too; *connections* how many came; *failures* handshakes that did not work.
    """

    def __init__(self, pair: tuple[Path, Path], trust: Path | None = None, host: str = "127.0.0.1") -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*map(str, pair))
        if trust is not None:
            self.context.load_verify_locations(str(trust))
            self.context.verify_mode = ssl.CERT_REQUIRED
        self.names: list[str | None] = []
        self.context.sni_callback = lambda _socket, name, _context: self.names.append(name)
        self.host, self.port = host, free_port()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((host, self.port))
        self.socket.listen()
        self.requests: list[Request] = []
        self.responses: list[Response] = []
        self.shown: list[dict | None] = []
        self.connections = 0
        self.failures = 0
        self.silent = False
        self.open: list[ssl.SSLSocket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                plain, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        framer = Framer()
        try:
            wire = self.context.wrap_socket(plain, server_side=True)
        except OSError:
            self.failures += 1
            return
        self.connections += 1
        self.open.append(wire)
        self.shown.append(wire.getpeercert())
        try:
            while data := wire.recv(65536):
                for item in framer.feed(data):
                    if item.strip():
                        self._answer(wire, parse(item))
        except OSError:
            return

    def _answer(self, wire: ssl.SSLSocket, message: Request | Response) -> None:
        if not isinstance(message, Request):
            self.responses.append(message)
            return
        self.requests.append(message)
        if message.method == "ACK" or self.silent:
            return
        if message.method == "INVITE":
            wire.sendall(render(message.reply(180, "", "v1")))
        made = message.reply(200, "", "v1")
        made.add("contact", f"<sip:vendor@{self.host}:{self.port};transport=tls>")
        if message.method == "INVITE":
            made.add("content-type", "application/sdp")
            made.body = description(self.host)
        wire.sendall(render(made))

    def hang_up(self) -> None:
        """Break all connections."""
        for wire in self.open:
            wire.shutdown(socket.SHUT_RDWR)
            wire.close()

    def stop(self) -> None:
        """Listen no more."""
        self.socket.close()
        for wire in self.open:
            wire.close()
