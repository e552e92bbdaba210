"""What a call writes down: the journal's `start` record, and the parts of its `Cdr`."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from vosswitch.cdr.record import Cdr
from vosswitch.model.call import MediaReport, StreamReport

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from vosswitch.model.causes import Cause
    from vosswitch.model.values import Side


class Days:
    """The day of a call's start in the deployment's time zone, ``YYYYMMDD``; remembers the current minute's."""

    __slots__ = ("_day", "_minute", "_zone")

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._minute = -1
        self._day = ""

    def of(self, wall_ms: int) -> str:
        """The day table that a call of *wall_ms* (epoch ms) belongs to."""
        minute = wall_ms // 60_000
        if minute != self._minute:
            self._minute = minute
            self._day = datetime.fromtimestamp(wall_ms / 1000, self._zone).strftime("%Y%m%d")
        return self._day


def start_record(cdr: Cdr, reserved: int, hides: Sequence[str] = ()) -> dict[str, Any]:
    """The `start` record of a call that is about to be placed.

    :param reserved: units of 10^-7 held for it.
    :param hides: what keeps it out of the day tables when it has moved no money (`vosswitch.cdr.hiding`), for the
        record of a call that a crash ends.
    """
    agents = {} if cdr.agents is None else {"agents": cdr.agents, "agent_account": cdr.agent_account}
    record = {
        "flowno": cdr.flowno,
        "day": cdr.day,
        "start": cdr.start,
        "caller": cdr.caller,
        "callee": cdr.callee,
        "caller_in": cdr.caller_in,
        "callee_in": cdr.callee_in,
        "mapping_gateway": cdr.mapping_gateway,
        "phone": cdr.phone,
        "account": cdr.account,
        "account_name": cdr.account_name,
        "caller_sip_call_id": cdr.caller_sip_call_id,
        "caller_ip": cdr.caller_ip,
        "reserved": reserved,
        **agents,
    }
    if hides:
        record["hides"] = hides
    return record


def close_record(cdr: Cdr, reached: Cause, by: Side) -> None:
    """Fill in how the call ended."""
    cdr.end_reason = reached.reason
    cdr.code = reached.code
    cdr.end_direction = by.code
    cdr.sip_reason = reached.text


def media_record(cdr: Cdr, report: MediaReport) -> None:
    """Fill in what the relay counted."""
    cdr.caller_rtp = report.caller.address
    cdr.callee_rtp = report.callee.address
    cdr.media = {"caller": _stream(report.caller), "callee": _stream(report.callee)}


def _stream(stream: StreamReport) -> dict[str, Any]:
    return {
        "packets": stream.packets,
        "octets": stream.octets,
        "lost": stream.lost,
        "address": stream.address,
    }
