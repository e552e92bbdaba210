"""Transfers (REFER, RFC 3515, 3891, 3892, 4488): what a peer asks for, and how it is kept informed.

By `PeerProfile.transfers` a REFER is refused, carried out inside the switch, or passed to the far side's peer.  Of the
Refer-To URI only user part and Replaces are taken: nothing else that stands in it can come into a request of ours.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from vosswitch.model.signals import Replaces, Transfer
from vosswitch.sip.grammar.headers import NameAddr, parse_name_addr, parse_params
from vosswitch.sip.grammar.message import BadMessage, reason_phrase
from vosswitch.sip.grammar.wire import ALLOW, user_text
from vosswitch.sip.legs.carry import HERE

if TYPE_CHECKING:
    from vosswitch.sip.grammar.message import Request
    from vosswitch.sip.legs.leg import Leg
    from vosswitch.sip.legs.stack import Stack
    from vosswitch.sip.transactions.layer import ServerTransaction

SIPFRAG = "message/sipfrag;version=2.0"
_LIFE = 180
"""Seconds that a subscription is said to last; it ends with the final NOTIFY, which the call's timers bring earlier."""
_LONGEST = 256


class Wish(NamedTuple):
    """What a REFER asks for.

    :ivar to: the Refer-To value.
    :ivar quiet: it wants no NOTIFY (RFC 4488).
    """

    to: NameAddr
    replaces: Replaces | None
    quiet: bool


def read_replaces(value: str) -> Replaces:
    """The value of a Replaces header (RFC 3891 section 6.1).

    :raises BadMessage: 400.
    """
    call_id, _, rest = value.partition(";")
    params = parse_params(f";{rest}") if rest else {}
    to_tag, from_tag = params.get("to-tag"), params.get("from-tag")
    if not call_id.strip() or to_tag is None or from_tag is None or len(value) > 2 * _LONGEST:
        raise BadMessage("Malformed Replaces")
    return Replaces(call_id.strip(), to_tag, from_tag, "early-only" in params)


def read_refer(request: Request) -> Wish:
    """What a REFER asks for.

    :raises BadMessage: 400 without exactly one usable Refer-To, 416 for a scheme that we cannot call.
    """
    targets = request.headers.get("refer-to", [])
    if len(targets) != 1:
        raise BadMessage("Expected one Refer-To")
    to = parse_name_addr(targets[0])
    uri = to.uri
    if uri.scheme not in {"sip", "sips"}:
        raise BadMessage("Unsupported URI Scheme", 416)
    if not uri.user or len(uri.user) > _LONGEST or (uri.params.get("method") or "INVITE").upper() != "INVITE":
        raise BadMessage("Unusable Refer-To")
    wanted = next((value for name, value in uri.headers.items() if name.lower() == "replaces"), None)
    quiet = (request.get("refer-sub") or "").strip().lower() == "false"
    return Wish(to, None if wanted is None else read_replaces(wanted), quiet)


class Referral:
    """The subscription that a REFER has made: tells the peer how its transfer goes.

    :ivar quiet: the peer wants to hear nothing.
    """

    __slots__ = ("_event", "_last", "_leg", "quiet")

    def __init__(self, leg: Leg, number: int, *, quiet: bool) -> None:
        self._leg = leg
        self._event = f"Event: refer;id={number}" if number else "Event: refer"
        self._last = 0
        self.quiet = quiet

    def tell(self, status: int) -> None:
        """Send a NOTIFY, unless the peer knows that already."""
        if self.quiet or status == self._last:
            return
        self._last = status
        state = f"active;expires={_LIFE}" if status < 200 else "terminated;reason=noresource"
        body = f"SIP/2.0 {status} {reason_phrase(status)}\r\n".encode()
        leg = self._leg
        leg.ask("NOTIFY", (self._event, f"Subscription-State: {state}", leg.contact_line()), body, SIPFRAG)


def requested(leg: Leg, request: Request, transaction: ServerTransaction) -> None:
    """A REFER in an answered dialog."""
    policy = leg.profile.transfers
    if policy == "refuse":
        transaction.respond(405, ALLOW)
        return
    if not leg.is_connected or leg.referral is not None:
        transaction.respond(491)
        return
    try:
        wish = read_refer(request)
    except BadMessage as bad:
        transaction.respond(bad.status, reason=bad.reason)
        return
    if policy == "pass":
        _pass(leg, request, transaction, wish)
    else:
        _begin(leg, request, transaction, wish)


def _begin(leg: Leg, request: Request, transaction: ServerTransaction, wish: Wish) -> None:
    transaction.respond(202, leg.contact_line() + "\r\n" + ("Refer-Sub: false\r\n" if wish.quiet else ""))
    number = request.cseq.number if leg.referred else 0
    leg.referred = True
    leg.referral = Referral(leg, number, quiet=wish.quiet)
    leg.referral.tell(100)
    leg.report(Transfer(wish.to.uri.number, wish.replaces))


def _pass(leg: Leg, request: Request, transaction: ServerTransaction, wish: Wish) -> None:
    """Hand it to the far side's peer, with our address in the place of the one that this peer knows."""
    uri = wish.to.uri
    flow = leg.flow
    assert flow is not None
    replaces, ours = wish.replaces, None
    if replaces is not None:
        ours = leg_of(leg.stack, replaces)[0]
        if ours is not None:
            replaces = leg.stack.referrals.give(ours.dialog.local_tag, leg.stack)
    here = ours is not None or uri.host in {flow.host.strip("[]"), flow.local.host}
    host = HERE if here else (f"[{uri.host}]" if ":" in uri.host else uri.host) + (f":{uri.port}" if uri.port else "")
    tail = "" if replaces is None else f"?Replaces={quote(_replaces_text(replaces), safe='')}"
    headers = [("Refer-To", f"<{uri.scheme}:{user_text(uri.user)}@{host}{tail}>")]
    if wish.quiet:
        headers.append(("Refer-Sub", "false"))
    leg.referred = True
    leg.carrier.requested(request, transaction, tuple(headers))


def _replaces_text(replaces: Replaces) -> str:
    text = f"{replaces.call_id};to-tag={replaces.to_tag};from-tag={replaces.from_tag}"
    return text + ";early-only" if replaces.early_only else text


def notified(leg: Leg, request: Request, transaction: ServerTransaction) -> None:
    """A NOTIFY: it belongs to a REFER that was passed to this peer, or to nothing."""
    event = request.get("event") or ""
    if not leg.asked_refer:
        transaction.respond(405, ALLOW)
        return
    if event.partition(";")[0].strip().lower() != "refer":
        transaction.respond(481)
        return
    first = request.body.split(b"\r\n", 1)[0][:80].decode("ascii", "replace")
    status = first[8:11] if first.startswith("SIP/2.0 ") else ""
    if not (status.isdecimal() and status.isascii() and 100 <= int(status) < 700):
        transaction.respond(400)
        return
    request.body = f"SIP/2.0 {status} {reason_phrase(int(status))}\r\n".encode()
    request.set("content-type", SIPFRAG)
    over = (request.get("subscription-state") or "").strip().lower().startswith("terminated")
    state = "terminated;reason=noresource" if over else f"active;expires={_LIFE}"
    leg.carrier.requested(request, transaction, (("Event", "refer"), ("Subscription-State", state)))


class Referrals:
    """Names of legs of ours that were given to peers in the Replaces of a passed REFER, each good for some time.

    The peer learns nothing of the leg itself, and who presents the name may take the leg's place.
    """

    __slots__ = ("_given",)
    MOST = 1000
    LIFE = 120.0

    def __init__(self) -> None:
        self._given: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def give(self, tag: str, stack: Stack) -> Replaces:
        """A name for the leg of our tag *tag*."""
        name = stack.tokens.new() + stack.tokens.new()
        self._given[name] = tag, stack.timers.now() + self.LIFE
        if len(self._given) > self.MOST:
            self._given.popitem(last=False)
        return Replaces(name, stack.tokens.new(), stack.tokens.new())

    def tag(self, name: str, now: float) -> str | None:
        """Our tag of the leg that was given this name."""
        tag, until = self._given.get(name, ("", 0.0))
        return tag if now < until else None


def leg_of(stack: Stack, replaces: Replaces) -> tuple[Any, bool]:
    """The leg that a Replaces names, None when there is none, and whether we gave that name to somebody ourselves."""
    tag = stack.referrals.tag(replaces.call_id, stack.timers.now())
    leg: Any = stack.dialogs.get(replaces.to_tag if tag is None else tag)
    dialog = getattr(leg, "dialog", None)
    if dialog is None:
        return None, False
    if tag is None and (dialog.call_id, dialog.remote_tag) != (replaces.call_id, replaces.from_tag):
        return None, False
    return leg, tag is not None
