"""Gateways whose quality misses what is wanted of them: excluded, or behind all others, but for a share of probes."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from vosswitch.routing.decision import Behind

if TYPE_CHECKING:
    from vosswitch.routing.conduct import Thresholds
    from vosswitch.routing.eligibility import Enquiry
    from vosswitch.routing.gateways import RoutingGateway
    from vosswitch.routing.gauges import Figures


def misses(wanted: Thresholds, found: Figures) -> str:
    """Which threshold is missed, in the words of the operator; "" = none, or too few calls to say."""
    attempts, calls = found.attempts, found.calls
    if attempts >= wanted.attempts:
        if wanted.asr is not None and found.asr is not None and found.asr < wanted.asr:
            return f"ASR {found.asr:.0f} % of {attempts} attempts, below {wanted.asr} %"
        if wanted.ner is not None and found.ner is not None and found.ner < wanted.ner:
            return f"NER {found.ner:.0f} % of {attempts} attempts, below {wanted.ner} %"
        if wanted.pdd is not None and found.pdd_ms is not None and found.pdd_ms > wanted.pdd:
            return f"PDD {found.pdd_ms:.0f} ms of {attempts} attempts, above {wanted.pdd} ms"
    if calls >= wanted.attempts and wanted.acd is not None and found.acd is not None and found.acd < wanted.acd:
        return f"ACD {found.acd:.0f} s of {calls} calls, below {wanted.acd} s"
    return ""


def judged(gateway: RoutingGateway, prefix: str, enquiry: Enquiry) -> str:
    """What a gateway with thresholds misses, when this call is to mind it; a probe minds nothing."""
    wanted = gateway.conduct.thresholds
    assert wanted is not None
    found, destination = enquiry.view.quality(gateway, prefix, enquiry.attempt.callee)
    why = misses(wanted, found)
    if not why:
        return ""
    to = f" to {destination}" if destination else ""
    call_id = enquiry.attempt.call_id
    if not call_id:  # an explanation is no call: it says what becomes of most
        share = f"; {wanted.probe} % of calls probe it" if wanted.probe else ""
        return f"{why}{to}{share}"
    return "" if probes(call_id, gateway.name, wanted.probe) else f"{why}{to}"


def probes(call_id: str, gateway: str, percent: int) -> bool:
    """Whether a call is among the probes of a gateway: the same for the same call and gateway, evenly spread."""
    digest = blake2b(f"probe/{call_id}/{gateway}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") * 100 < percent << 32


def excluded(gateway: RoutingGateway, prefix: str, enquiry: Enquiry) -> str:
    """The check of gateways that thresholds exclude (`vosswitch.routing.eligibility`)."""
    why = judged(gateway, prefix, enquiry)
    return f"excluded: {why}" if why else ""


def demoted(gateway: RoutingGateway, prefix: str, enquiry: Enquiry) -> str:
    """The check of gateways that thresholds put behind all others."""
    why = judged(gateway, prefix, enquiry)
    return Behind(f"demoted: {why}") if why else ""
