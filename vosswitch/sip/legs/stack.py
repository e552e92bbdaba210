"""What the legs share: transactions, timers, dialogs, ways to peers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from vosswitch.model.places import is_literal
from vosswitch.sip.grammar.reason import lines_of
from vosswitch.sip.legs.refer import Referrals

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.model.causes import Cause
    from vosswitch.model.peer import PeerProfile
    from vosswitch.model.values import Address
    from vosswitch.sip.destinations.names import Names
    from vosswitch.sip.grammar.message import Request
    from vosswitch.sip.transactions.flow import Flow, Statistics, Tokens
    from vosswitch.sip.transactions.layer import Layer, ServerTransaction
    from vosswitch.sip.transactions.timers import Timers


class DialogUser(Protocol):
    """Who owns a dialog: gets its requests."""

    @property
    def profile(self) -> PeerProfile:
        """How its peer is spoken with."""

    def requested(self, request: Request, transaction: ServerTransaction) -> None:
        """A request other than ACK came within the dialog."""

    def acknowledged(self, request: Request) -> None:
        """An ACK of a 2xx came within the dialog."""

    def owns(self, request: Request) -> bool:
        """Whether the request, which bears our tag, belongs to the dialog in every respect."""


class Way(Protocol):
    """How a flow to a peer is found."""

    def __call__(self, target: Address, local: str | None, name: str | None = None, /) -> Flow | None:
        """The flow to *target* from a local IP (None = the listener that fits); None when there is none.

        :param name: whom a TLS server has to prove; None = only a connection that is there already will do.
        """


class Stack:
    """The shared parts of the room, as its legs see them.

    :param way: finds the flow to a target.
    :param product: our name in User-Agent and Server.
    :param names: what host names resolve to.
    :param live: the connection to exactly this address, if there is one.
    :ivar own: host and port of each of our listeners.
    :ivar dialogs: by our tag; *referrals* names given to some of them.
    """

    __slots__ = (
        "dialogs",
        "layer",
        "live",
        "names",
        "own",
        "product",
        "referrals",
        "statistics",
        "timers",
        "tokens",
        "way",
    )

    def __init__(
        self,
        layer: Layer,
        timers: Timers,
        tokens: Tokens,
        way: Way,
        product: str,
        names: Names,
        live: Callable[[Address], Flow | None] = lambda _: None,
    ) -> None:
        self.layer = layer
        self.timers = timers
        self.tokens = tokens
        self.way = way
        self.product = product
        self.names = names
        self.live = live
        self.statistics: Statistics = layer.statistics
        self.dialogs: dict[str, DialogUser] = {}
        self.own: frozenset[tuple[str, int]] = frozenset()
        self.referrals = Referrals()

    def unknown(self, target: Address) -> bool:
        """Whether it is a name that `names` knows nothing of yet; it is asked for."""
        return not is_literal(target.host) and self.names.find(target) is None

    def known_way(self, target: Address, local: str | None, name: str = "") -> Flow | None:
        """`way` for names as well, as far as they are known: to the first address that a listener reaches.

        :param name: whom a TLS server has to prove; "" = the target's host.
        """
        name = name or target.host
        if is_literal(target.host):
            return self.way(target, local, name)
        for address in self.names.find(target) or ():
            flow = self.way(address, local, name)
            if flow is not None:
                return flow
        return None

    def branch(self) -> str:
        """A fresh branch."""
        return "z9hG4bK" + self.tokens.new()


def refusal_lines(cause: Cause, retry_after: int = 10) -> str:
    """The header lines that go with a refusal: Reason, and Retry-After where the peer shall hold all its traffic."""
    lines = lines_of(cause.reason, cause.q850)[0] + "\r\n"
    if cause.reason in {"overload", "switch_restart"}:
        lines += f"Retry-After: {retry_after}\r\n"
    return lines
