"""A request that our gatekeeper works on: whose it is, the question to the switch, the one answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.h323.addresses import read_address
from vosswitch.h323.per import BadPdu
from vosswitch.h323.ras.messages import Message, identifier, reject, write
from vosswitch.model.h323 import RAS

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.h323.ras.endpoints import Endpoint
    from vosswitch.h323.ras.gatekeeper import Gatekeeper
    from vosswitch.model.values import Address

MOST_PENDING = 1000
"""Requests that may wait for the switch's answer at once."""


class Request:
    """A request that is worked on.

    :ivar key: what tells it from others.
    """

    __slots__ = ("_gatekeeper", "data", "key", "local", "message", "source")

    def __init__(self, gatekeeper: Gatekeeper, message: Message, data: bytes, source: Address, local: Address) -> None:
        self._gatekeeper = gatekeeper
        self.message = message
        self.data = data
        self.source = source
        self.local = local
        self.key = (source, message.number, message.kind)

    def endpoint(self) -> Endpoint | None:
        """Whose it is: the identifier is an endpoint's, and it comes from that endpoint's address."""
        found = self._gatekeeper.endpoints.of(identifier(self.message))
        return found if found is not None and found.is_at(self.source.host) else None

    def back(self, field: str) -> Address | None:
        """Where it wants its answer: another port than it was sent from may be told, another host may not."""
        found = read_address(self.message.body.get(field), RAS)
        return found if found is not None and found.port and found.host == self.source.host else None

    def ask(self, whom: Any, question: Any, then: Callable[[Any], None]) -> None:
        """Ask the switch; what is repeated meanwhile is answered by RequestInProgress."""
        pending = self._gatekeeper.pending
        if len(pending) >= MOST_PENDING:
            return  # it will ask again
        pending[self.key] = None

        def answered(answer: Any) -> None:
            if pending.pop(self.key, self) is not self:
                then(answer)

        whom(question, answered)

    def refuse(self, reason: str, detail: Any = 0) -> None:
        """Answer with the rejection of its kind."""
        self.answer(reject(self.message, reason, detail))

    def answer_bandwidth(self, reason: str, allowed: int) -> None:
        """Answer a BRQ with its rejection."""
        self.answer(reject(self.message, reason, allowedBandWidth=allowed))

    def answer(self, message: Message, to: Address | None = None, keep: bool = False, proven: bool = False) -> None:
        """Answer it.

        :param to: where it wants its answer, None = where it came from.
        :param keep: a repetition gets the same answer.
        :param proven: its source is one that the configuration has; that of an endpoint is, anyway.
        """
        try:
            data = write(message)
        except BadPdu:
            return
        proven = proven or bool(self._gatekeeper.endpoints.at(self.source.host))
        if len(data) > len(self.data) and not proven:
            return  # a stranger's forged source is not sent more than he spent
        self._gatekeeper.desk.send(data, to or self.source, self.local)
        if keep:
            self._gatekeeper.keep(self, data)
