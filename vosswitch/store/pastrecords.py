"""Finished calls out of the day tables as the journal had them, by their ends: for sinks that need them again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import select

from vosswitch.store.cdrs import day_table, days_between

if TYPE_CHECKING:
    from sqlalchemy import Connection, RowMapping

_LONGEST_MS = 86_400_000 * 2
"""A call that ended then began at most so long before; a longer one is looked for by its day all the same."""

_COLUMNS: dict[str, str] = {
    "flowno": "flowno", "start": "starttime", "stop": "stoptime", "caller": "callere164", "callee": "calleee164",
    "caller_in": "calleraccesse164", "callee_in": "calleeaccesse164", "caller_out": "callertogatewaye164",
    "callee_out": "calleetogatewaye164", "mapping_gateway": "callergatewayid", "phone": "callerphone",
    "routing_gateway": "calleegatewayid", "callee_phone": "calleephone", "account": "customeraccount",
    "account_name": "customername", "clearing_account": "clearingaccount", "answer": "answertime",
    "pdd_ms": "callerpdd", "hold_time_ms": "holdtimems", "hold_time": "holdtime", "billed_seconds": "feetime",
    "rate_group": "rategroup", "rate_prefix": "rateprefix", "cost_prefix": "costprefix", "level": "calllevel",
    "fee": "fee", "tax": "tax", "cost": "incomefee", "cost_tax": "incometax", "currency": "currency",
    "cost_currency": "costcurrency", "package": "package", "package_fee": "suitefee",
    "package_seconds": "suitefeetime", "agent_account": "agentaccount", "agent_name": "agentname",
    "agent_fee": "agentfee", "agent_tax": "agenttax", "agent_billed_seconds": "agentfeetime", "agents": "agents",
    "end_reason": "endreasonname", "code": "endreason", "end_direction": "enddirection", "sip_status": "sipstatus",
    "sip_reason": "sipreasonheader", "caller_sip_call_id": "callercallid", "callee_sip_call_id": "calleecallid",
    "caller_ip": "callerip", "callee_ip": "calleeip", "caller_rtp": "callerrtpip", "callee_rtp": "calleertpip",
    "caller_user_agent": "callerproductid", "callee_user_agent": "calleeproductid", "caller_codec": "callercodec",
    "callee_codec": "calleecodec", "billing_mode": "billingmode", "caller_area": "callerareacode",
}  # fmt: skip
_STREAMS = ("callerpackets", "calleroctets", "callerlost", "calleepackets", "calleeoctets", "calleelost")
_WANTED = ("id", *_COLUMNS.values(), *_STREAMS, "rtpforward", "attempts")


def past_page(
    connection: Connection, node: str, since: int, until: int, day: str, row: int, limit: int
) -> tuple[list[dict[str, Any]], str, int]:
    """The next calls of a node that ended from *since* to *until* (epoch ms), oldest day first, in the order of rows.

    :param node: the name of the node that carried them.
    :param day: of the row that was delivered last, ``""`` = none yet; *row* is its id.
    :returns: at most *limit* calls (dicts with the fields of `vosswitch.cdr.record.Cdr` but charges and decision), the
        day and id of the last one; no calls and ``""`` when there are no more.
    """
    days = sorted(item for item in days_between(connection, since - _LONGEST_MS, until) if item >= day)
    for each in days:
        table = day_table(each)
        query = select(*(table.c[name] for name in _WANTED)).order_by(table.c.id).limit(limit)
        query = query.where(table.c.softswitchname == node, table.c.stoptime >= since, table.c.stoptime <= until)
        if each == day:
            query = query.where(table.c.id > row)
        rows = connection.execute(query).mappings().all()
        if rows:
            return [_record(found, each) for found in rows], each, rows[-1]["id"]
    return [], "", 0


def _record(row: RowMapping, day: str) -> dict[str, Any]:
    values = {name: row[column] for name, column in _COLUMNS.items()}
    counts = [row[column] for column in _STREAMS]
    media = None
    if counts[0] is not None:
        names = ("packets", "octets", "lost")
        media = {
            side: dict(zip(names, counts[at : at + 3], strict=True)) for side, at in (("caller", 0), ("callee", 3))
        }
    return values | {
        "day": day,
        "media": media,
        "media_proxied": bool(row["rtpforward"]),
        "attempts": orjson.loads(row["attempts"] or "[]"),
        "hidden": False,
        "charges": [],
        "decision": None,
    }
