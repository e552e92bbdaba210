"""OPTIONS to gateways, to see whether they are there (RFC 3261 section 11)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vosswitch.model.places import is_literal
from vosswitch.sip.grammar.uri import host_text
from vosswitch.sip.grammar.wire import lines, seal

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.model.values import Address
    from vosswitch.sip.grammar.message import Response
    from vosswitch.sip.legs.stack import Stack
    from vosswitch.sip.transactions.flow import Flow
    from vosswitch.sip.transactions.layer import ClientTransaction

    Done = Callable[[list[int]], None]

MOST_ADDRESSES = 8
"""Addresses of one name that are asked."""


class Probe:
    """The OPTIONS to all addresses of one gateway: a `layer.ClientUser`.

    :param done: told the final statuses once, when all have answered or *patience* (seconds) is over; those that did
        not answer are not among them.
    """

    __slots__ = ("_done", "_left", "_stack", "_statuses", "_timer", "_transactions")

    def __init__(self, stack: Stack, patience: float, done: Done) -> None:
        self._stack = stack
        self._done: Done | None = done
        self._statuses: list[int] = []
        self._transactions: list[ClientTransaction] = []
        self._left = 0
        self._timer = stack.timers.add(patience, self._late)

    def ask(self, target: Address, local: str | None, name: str | None) -> None:
        """Send them.

        :param name: whom a TLS server has to prove.
        """
        stack = self._stack
        known = (target,) if is_literal(target.host) else stack.names.steady(target)
        if known is None:
            self._left = 1
            if not stack.names.wait(target, lambda found: self._send(found, target, local, name)):
                self._send(stack.names.steady(target) or (), target, local, name)
            return
        self._send(known, target, local, name)

    def _send(self, addresses: tuple[Address, ...], target: Address, local: str | None, name: str | None) -> None:
        if self._done is None:
            return
        flows = [(each, self._stack.way(each, local, name)) for each in addresses[:MOST_ADDRESSES]]
        usable = [(each, flow) for each, flow in flows if flow is not None]
        self._left = len(usable)
        for address, flow in usable:
            branch, data = self._request(address, target, flow)
            self._transactions.append(self._stack.layer.send(self, "OPTIONS", branch, data, flow))
        if not usable:
            self._end()

    def _request(self, address: Address, target: Address, flow: Flow) -> tuple[str, bytes]:
        stack = self._stack
        branch = stack.branch()
        transport = "" if address.transport == "udp" else f";transport={address.transport}"
        uri = f"sip:{host_text(target.host, target.port)}{transport}"
        text = lines(
            (
                f"OPTIONS {uri} SIP/2.0",
                f"Via: {flow.via};branch={branch};rport",
                "Max-Forwards: 70",
                f"From: <sip:{flow.host}>;tag={stack.tokens.new()}",
                f"To: <{uri}>",
                f"Call-ID: {stack.tokens.new()}",
                "CSeq: 1 OPTIONS",
                f"Contact: <sip:{flow.hostport}{transport}>",
                "Accept: application/sdp",
            )
        )
        return branch, seal(text, b"")

    def answered(self, _transaction: ClientTransaction, response: Response) -> None:
        """A response came."""
        if response.status >= 200:
            self._statuses.append(response.status)
            self._one_less()

    def failed(self, _transaction: ClientTransaction) -> None:
        """None came, or the transport failed."""
        self._one_less()

    def _one_less(self) -> None:
        self._left -= 1
        if self._left <= 0:
            self._end()

    def _late(self) -> None:
        for transaction in self._transactions:
            transaction.forget()
        self._end()

    def _end(self) -> None:
        self._stack.timers.cancel(self._timer)
        self._transactions = []
        done, self._done = self._done, None
        if done is not None:
            done(self._statuses)
