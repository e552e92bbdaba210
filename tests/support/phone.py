"""A SIP phone of our own, which registers and calls with a password (SHA-256)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.peer import SDP, Peer

if TYPE_CHECKING:
    from vosswitch.sip.grammar.message import Request, Response


class Phone(Peer):
    """One phone.

    :param switch: port of the switch.
    """

    def __init__(self, switch: int, number: str, password: str) -> None:
        super().__init__(switch, number=number)
        self.password = password

    def register(self, expires: int = 120, contact: str | None = None) -> Response:
        """Register; gives the final response."""
        request = self.request("REGISTER", self.number)
        request.set("expires", str(expires))
        if contact is not None:
            request.set("contact", contact)
        self.send(request)
        challenged = self.expect(401)
        proven = self.prove(request, challenged, self.number, self.password, "SHA-256")
        proven.copy_from(request, ("expires", "contact"))
        self.send(proven)
        return self.expect(lambda message: message.cseq.number == self.seq and message.status >= 200)

    def call(self, number: str) -> Request:
        """INVITE with proof; gives the request that was let in."""
        invite = self.request("INVITE", number, SDP)
        self.send(invite)
        challenged = self.expect(401)
        self.send(self.follow("ACK", invite, challenged))
        proven = self.prove(invite, challenged, self.number, self.password, "SHA-256")
        self.send(proven)
        return proven
