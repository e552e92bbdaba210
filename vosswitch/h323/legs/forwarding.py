"""Calls that a vendor sends elsewhere before the answer: Facility with reason callForwarded (H.225.0 7.4.1).

What becomes of them is the gateway's policy, as of a SIP 3xx (`PeerProfile.redirects`): with ``follow`` the attempt
goes on there, on a connection and with a Setup of its own, at each place once and at `MOST` of them.  Only its own host
is followed and those of `redirect_hosts`: whoever can name any host makes calls on our account there.  With any other
policy the attempt is refused; there are no H.323 addresses that a SIP caller could be given.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from typing import TYPE_CHECKING

from vosswitch.h323.legs.numbers import alias_number
from vosswitch.model.causes import Cause
from vosswitch.model.h323 import TRANSPORT
from vosswitch.model.values import Address

if TYPE_CHECKING:
    from vosswitch.h323.messages import Facility
    from vosswitch.model.call import Placement
    from vosswitch.model.peer import PeerProfile

MOST = 8
"""Places of one attempt after the first."""
FORWARDED = "callForwarded"
ELSEWHERE = frozenset({FORWARDED, "routeCallToGatekeeper", "routeCallToMC"})
"""Reasons of a Facility that sends the call elsewhere; nothing but a plain forwarding is followed."""
_ANY = "*"


def refusal(reason: str) -> Cause:
    """The cause of an attempt that is not followed, as of a 3xx."""
    return Cause("client_error", 302, 480, 127, reason)


def next_placement(
    facility: Facility, placement: Placement, profile: PeerProfile, remote: Address, tried: frozenset[str]
) -> Placement | None:
    """The attempt as it goes on; None = it does not.

    :param remote: where it is now; *tried* where it was (`place_of`).
    """
    if facility.reason != FORWARDED or profile.redirects != "follow" or len(tried) > MOST:
        return None
    target = (facility.alternative_address or remote)._replace(transport=TRANSPORT)
    number = alias_number(facility.alternative_aliases) or placement.callee
    if not _may(target, profile, placement.target.host.lower(), remote.host):
        return None
    found = replace(placement, target=target, callee=number, registered="")
    return None if place_of(found) in tried else found


def place_of(placement: Placement) -> str:
    """Whom an attempt calls where, for people too."""
    host, port, _ = placement.target
    return f"h323:{placement.callee}@{f'[{host}]' if ':' in host else host}:{port}"


def _may(target: Address, profile: PeerProfile, own: str, seen: str) -> bool:
    hosts = profile.redirect_hosts
    if not 0 < target.port < 65536:
        return False
    return target.host in {own, seen} or target.host in hosts or (_ANY in hosts and _is_public(target.host))


def _is_public(host: str) -> bool:
    """Whether any peer may name it: an address of one machine that is not this one."""
    try:
        there = ip_address(host)
    except ValueError:
        return False
    return not (there.is_loopback or there.is_unspecified or there.is_multicast or there.is_link_local)
