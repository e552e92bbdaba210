"""Where requests of a running dialog and CANCELs may come from.

Tags, Call-ID and CSeq say which dialog a request means; they travel in clear text, so they prove little.  A request
counts as the peer's when its source host (the port may change behind NAT) is

* where the peer was seen: the source of its INVITE, or where our INVITE went; also the same connection;
* an IP address that the peer itself has named: its Contact, or a Record-Route of the proxies on the way;
* another address of the same gateway, as the operator has entered it (`ICredentials.same_gateway`);
* where a peer known by a password has registered meanwhile, or proves itself anew (`Entrance.has_moved`).

Everything else gets 481 and changes nothing.  Names in Contact or Record-Route are not looked up for this.  Responses
are another matter: they are believed by the branch of our request (64 random bits that only its receiver knows), since
machines with several addresses answer from any of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.model.source import plain_host
from vosswitch.sip.grammar.message import BadMessage
from vosswitch.sip.legs.dialog import hop_of

if TYPE_CHECKING:
    from vosswitch.model.values import Address
    from vosswitch.sip.legs.dialog import Dialog
    from vosswitch.sip.transactions.flow import Flow


def may_speak(user: Any, flow: Flow, credentials: Any) -> bool:
    """Whether a request that came on *flow* may be the peer's of this dialog.

    :param user: who owns the dialog; it is believed where it does not tell `flow` and `dialog`.
    :param credentials: an `ICredentials`.
    """
    own: Flow | None = getattr(user, "flow", None)
    if own is None or own is flow:
        return True
    return is_same(own.remote, flow.remote, credentials) or _named(user.dialog, flow.remote.host)


def is_same(seen: Address, source: Address, credentials: Any) -> bool:
    """Whether *source* is the machine that was seen at *seen*, or one of the same gateway."""
    if seen.host == source.host or plain_host(seen.host) == plain_host(source.host):
        return True
    return bool(credentials.same_gateway(seen, source))


def _named(dialog: Dialog | None, host: str) -> bool:
    """Whether the peer's Contact or a Record-Route names the host."""
    if dialog is None:
        return False
    host = plain_host(host)
    for text in (dialog.target, *dialog.routes[:8]):
        try:
            hop = hop_of(text)
        except BadMessage:
            continue
        if hop.host is not None and plain_host(hop.host) == host:
            return True
    return False
