"""The parties of a call that is transferred: who pays for the new call, and who and where the one is that stays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vosswitch.call.joint import Joint
from vosswitch.model.signals import Try
from vosswitch.model.values import Address, Side

if TYPE_CHECKING:
    from vosswitch.call.bridge import Call
    from vosswitch.model.session import SessionDescription


@dataclass(frozen=True, slots=True)
class Far:
    """The real end on one side of a call, beyond the calls that this one is joined with.

    :ivar calls: this call and those between.
    :ivar session: what the end said last of its media, as it said it.
    :ivar local: our address towards it, None when it has none.
    """

    calls: tuple[Call, ...]
    session: SessionDescription | None
    local: Address | None

    @property
    def relayed(self) -> bool:
        """Whether its media is relayed."""
        return any(call.media.proxied for call in self.calls)

    @property
    def local_host(self) -> str | None:
        """Our IP address towards it."""
        return self.local.host if self.local is not None else None

    def leave_media(self) -> None:
        """Its media goes another way now: the ports of these calls are given back."""
        for call in self.calls:
            call.media.leave()


def far_of(call: Call, side: Side) -> Far:
    """The real end on *side* of *call*."""
    calls = [call]
    leg = call.leg(side)
    while isinstance(leg, Joint) and leg.other is not None and leg.other.listener is not None:
        call = leg.other.listener
        side = Side.CALLEE if leg.other is call.caller else Side.CALLER
        calls.append(call)
        leg = call.leg(side)
    data = leg.resume_data() if leg is not None else {}
    local = data.get("local_address")
    remote: Address | None = leg.remote if leg is not None else None
    here = None if local is None or remote is None else Address(local[0], local[1], remote.transport)
    return Far(tuple(calls), call.media.said(side), here)


def party_of(call: Call, side: Side) -> Any:
    """The configured party on *side*: its gateway or phone; None when nothing says who it is."""
    if side in call.guests:
        return None
    decision = call.decision
    if side is Side.CALLER:
        return decision.gateway or decision.phone
    route = call.attempts.route
    return decision.snapshot.phones.get(route.phone) if route is not None and route.phone else None


def same_party(call: Call, side: Side, other: Call, other_side: Side) -> bool:
    """Whether both legs belong to one party: the same gateway or phone, or the same address."""
    here, there = party_of(call, side), party_of(other, other_side)
    if here is not None and there is not None and _name(here) == _name(there):
        return True
    return bool(call.leg(side).remote.host == other.leg(other_side).remote.host)


def _name(party: Any) -> tuple[str, str]:
    return ("phone", party.number) if hasattr(party, "number") else ("gateway", party.name)


def try_of(
    call: Call, side: Side, number: str, session: SessionDescription, local: Address | None
) -> tuple[Try | None, Any]:
    """The new call of who transfers, as if it had dialled *number*, and the party that makes it.

    A called gateway is known by its address, as for any call of it: a vendor that may not call cannot transfer.  So is
    a guest, whose calls are never those of the party in whose place it stands.

    :returns: no call when the party is not configured any more; the party is None where the address has to tell it.
    """
    leg, offered = call.leg(side), call.decision.offered
    party = party_of(call, side)
    own = side is Side.CALLER and side not in call.guests
    caller = offered.caller if side is Side.CALLER else call.cdr.callee_out
    if party is not None:
        snapshot = call.board.snapshot()
        phone = hasattr(party, "number")
        party = snapshot.phones.get(party.number) if phone else snapshot.mapping_gateways.get(party.name)
        if party is None:
            return None, None
    made = Try(
        caller=caller,
        callee=number,
        source=leg.remote,
        local=local or offered.local,
        peer_call_id=leg.peer_call_id,
        display=offered.display if own else "",
        user=offered.user if own else None,
        user_agent=leg.user_agent,
        max_forwards=offered.max_forwards - 1,
        session=session,
        timer=True,
    )
    return made, party
