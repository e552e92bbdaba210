"""Call detail records: one table per day of the call's start, with the compatible names first and ours behind them.

The tables come from one factory and are listed in ``cdr_table`` with their schema version.  They are created ahead of
need, outside the transactions that fill them, because DDL commits on MySQL and MariaDB.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    inspect,
    select,
    type_coerce,
    update,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.schema import CreateColumn

from vosswitch.call.deciding.keeping import told
from vosswitch.model.values import money_text
from vosswitch.store.rows import insert_rows
from vosswitch.store.schema import OPTIONS, cdr_table
from vosswitch.store.types import JsonText, Money, RowNumber

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import Connection, RowMapping

    from vosswitch.store.database import Database

SCHEMA_VERSION = 2
"""Of the day tables; goes up with every change of `day_table`."""

_DAY_MS = 86_400_000
_LATEST_MS = 253_402_300_799_000
"""The end of the year 9999."""
_DAY = re.compile(r"[0-9]{8}")


def _text(name: str, size: int = 64) -> Column[Any]:
    return Column(name, String(size), nullable=False, server_default="")


def _number(name: str) -> Column[Any]:
    return Column(name, Integer, nullable=False, server_default="0")


def _long(name: str) -> Column[Any]:
    return Column(name, BigInteger)


def _money(name: str) -> Column[Any]:
    return Column(name, Money, nullable=False, server_default="0")


def _compatible() -> list[Column[Any]]:
    """The columns that VOS-compatible clients select by name."""
    return [
        Column("id", RowNumber, primary_key=True),
        _text("callere164"), _text("calleraccesse164"), _text("calleee164"), _text("calleeaccesse164"),
        _text("callerip"), _text("callerrtpip"), _text("callercodec"), _text("callergatewayid"),
        _text("callerproductid"), _text("callertogatewaye164"), _number("callertype"),
        _text("calleeip"), _text("calleertpip"), _text("calleecodec"), _text("calleegatewayid"),
        _text("calleeproductid"), _text("calleetogatewaye164"), _number("calleetype"),
        _number("billingmode"), _number("calllevel"), _number("agentfeetime"),
        _long("starttime"), _long("stoptime"), Column("callerpdd", Integer), Column("calleepdd", Integer),
        _number("holdtime"), _text("callerareacode"), _number("feetime"), _money("fee"), _money("tax"),
        _money("suitefee"), _number("suitefeetime"), _money("incomefee"), _money("incometax"),
        _text("customeraccount"), _text("customername"), _text("calleeareacode"),
        _money("agentfee"), _money("agenttax"), _money("agentsuitefee"), _number("agentsuitefeetime"),
        _text("agentaccount"), _text("agentname"),
        Column("flowno", BigInteger, nullable=False), _text("softswitchname"), _long("softswitchcallid"),
        _text("callercallid", 255), _text("calleroriginalcallid", 255), _text("calleecallid", 255),
        _text("calleroriginalinfo"), _number("rtpforward"), _number("enddirection"), _number("endreason"),
        _number("billingtype"), _number("cdrlevel"), Column("agentcdr_id", BigInteger), _text("sipreasonheader", 255),
        _long("recordstarttime"), _text("transactionid"), _long("flownofirst"), Column("additional", LargeBinary),
        Column("dynamicValue", JsonText),
    ]  # fmt: skip


_LONG = Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")
"""TEXT ends at 64 kB there: some three hundred attempts."""


def _own() -> list[Column[Any]]:
    """What the compatible columns cannot hold."""
    return [
        _text("callerphone"), _text("calleephone"), _text("clearingaccount"),
        _long("answertime"), _long("holdtimems"), _text("endreasonname", 32), _number("sipstatus"),
        _text("rategroup"), _text("rateprefix"), _text("costprefix"),
        _long("callerpackets"), _long("calleroctets"), _long("callerlost"),
        _long("calleepackets"), _long("calleeoctets"), _long("calleelost"),
        Column("attempts", _LONG), Column("decision", JsonText),
        *_of_second_version(),
    ]  # fmt: skip


def _of_second_version() -> list[Column[Any]]:
    return [_text("currency", 8), _text("costcurrency", 8), _text("package"), Column("agents", JsonText)]


@lru_cache(maxsize=64)
def day_table(day: str) -> Table:
    """The table ``e_cdr_YYYYMMDD``; each in a metadata of its own, which no migration tool looks at.

    :raises ValueError: *day* is no ``YYYYMMDD``.
    """
    if not _DAY.fullmatch(day):
        raise ValueError(f"expected a day such as 20261231, got {day!r}")
    name = f"e_cdr_{day}"
    return Table(
        name,
        MetaData(),
        *_compatible(),
        *_own(),
        UniqueConstraint("flowno", name=f"uq_{name}_flowno"),
        Index(f"ix_{name}_starttime", "starttime"),
        Index(f"ix_{name}_account", "customeraccount", "starttime"),
        **OPTIONS,
    )


def ensure_days(database: Database, days: Iterable[str]) -> None:
    """Create the tables of *days* that do not exist yet, each with its entry in ``cdr_table``."""
    with database.read() as connection:
        known = {row.day: row.schema_version for row in connection.execute(select(cdr_table))}
    for day in days:
        if day in known:
            if known[day] < SCHEMA_VERSION:  # made by a node of an earlier version
                with database.write() as connection:
                    widen(connection, day)
            continue
        table = day_table(day)
        with database.write() as connection:
            table.create(connection, checkfirst=True)
            for index in table.indexes:  # a crash after the table, before its indexes
                index.create(connection, checkfirst=True)
            registered = select(cdr_table.c.day).where(cdr_table.c.day == day)
            if connection.scalar(registered) is None:
                connection.execute(cdr_table.insert().values(day=day, schema_version=SCHEMA_VERSION))


def widen(connection: Connection, day: str) -> None:
    """Bring the table of *day* to this schema version: add the columns that it lacks."""
    table = day_table(day)
    present = {column["name"] for column in inspect(connection).get_columns(table.name)}
    for column in _of_second_version():
        if column.name not in present:
            text = CreateColumn(table.c[column.name]).compile(dialect=connection.dialect)
            connection.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {text}")
    connection.execute(update(cdr_table).where(cdr_table.c.day == day).values(schema_version=SCHEMA_VERSION))


_TEXTS: dict[str, tuple[str, int]] = {  # column -> field of the record, width
    "callere164": ("caller", 64), "calleraccesse164": ("caller_in", 64), "calleee164": ("callee", 64),
    "calleeaccesse164": ("callee_in", 64), "callerip": ("caller_ip", 64), "callerrtpip": ("caller_rtp", 64),
    "callercodec": ("caller_codec", 64), "callergatewayid": ("mapping_gateway", 64),
    "callerproductid": ("caller_user_agent", 64), "callertogatewaye164": ("caller_out", 64),
    "calleeip": ("callee_ip", 64), "calleertpip": ("callee_rtp", 64), "calleecodec": ("callee_codec", 64),
    "calleegatewayid": ("routing_gateway", 64), "calleeproductid": ("callee_user_agent", 64),
    "calleetogatewaye164": ("callee_out", 64), "customeraccount": ("account", 64),
    "customername": ("account_name", 64), "calleeareacode": ("rate_prefix", 64),
    "callercallid": ("caller_sip_call_id", 255), "calleecallid": ("callee_sip_call_id", 255),
    "sipreasonheader": ("sip_reason", 255), "callerphone": ("phone", 64), "calleephone": ("callee_phone", 64),
    "clearingaccount": ("clearing_account", 64), "endreasonname": ("end_reason", 32),
    "callerareacode": ("caller_area", 64),
    "currency": ("currency", 8), "costcurrency": ("cost_currency", 8), "package": ("package", 64),
    "agentaccount": ("agent_account", 64), "agentname": ("agent_name", 64),
    "rategroup": ("rate_group", 64), "rateprefix": ("rate_prefix", 64), "costprefix": ("cost_prefix", 64),
}  # fmt: skip
_PLAIN: dict[str, str] = {
    "billingmode": "billing_mode", "calllevel": "level", "starttime": "start", "stoptime": "stop",
    "callerpdd": "pdd_ms", "calleepdd": "pdd_ms", "holdtime": "hold_time", "feetime": "billed_seconds",
    "flowno": "flowno", "softswitchcallid": "flowno", "rtpforward": "media_proxied",
    "enddirection": "end_direction", "endreason": "code", "answertime": "answer", "holdtimems": "hold_time_ms",
    "sipstatus": "sip_status", "suitefeetime": "package_seconds", "agentfeetime": "agent_billed_seconds",
}  # fmt: skip
_MONEY: dict[str, str] = {"fee": "fee", "tax": "tax", "incomefee": "cost", "incometax": "cost_tax",
    "suitefee": "package_fee", "agentfee": "agent_fee", "agenttax": "agent_tax",
}  # fmt: skip
_STREAMS = ("callerpackets", "calleroctets", "callerlost", "calleepackets", "calleeoctets", "calleelost")
_FILLED = (*_TEXTS, *_PLAIN, *_MONEY, *_STREAMS, "softswitchname", "attempts", "decision", "agents", "cdrlevel")

_COLUMNS = ", ".join(_FILLED)

_texts_of = itemgetter(*(field for field, _ in _TEXTS.values()))
_plain_of = itemgetter(*_PLAIN.values())
_money_of = itemgetter(*_MONEY.values())
_stream_of = itemgetter("packets", "octets", "lost")
_SIZES = tuple(size for _, size in _TEXTS.values())
_NO_STREAMS = (None,) * len(_STREAMS)


def insert_cdrs(connection: Connection, day: str, records: Sequence[Mapping[str, Any]], node_name: str) -> None:
    """Insert records (dicts with every field of `vosswitch.cdr.record.Cdr`) into the table of their day.

    :param node_name: the switch that carried the calls.
    :raises sqlalchemy.exc.IntegrityError: one of them is there already; none was inserted.
    """
    exact = connection.dialect.name == "sqlite"
    amount: Callable[[int], Any] = int if exact else money_text
    rows = [_row(record, node_name, amount) for record in records]
    insert_rows(connection, day_table(day).name, _COLUMNS, rows)


def _row(record: Mapping[str, Any], node_name: str, amount: Callable[[int], Any]) -> tuple[Any, ...]:
    media, decision, agents = record["media"], record["decision"], record["agents"]
    streams = _NO_STREAMS if media is None else _stream_of(media["caller"]) + _stream_of(media["callee"])
    return (
        *[item[:size] for item, size in zip(_texts_of(record), _SIZES, strict=True)],
        *_plain_of(record),
        *map(amount, _money_of(record)),
        *streams,
        node_name,
        orjson.dumps(record["attempts"]).decode(),
        None if decision is None else orjson.dumps(decision).decode(),
        None if agents is None else orjson.dumps(agents).decode(),
        0 if agents is None else len(agents),
    )


def known_cdrs(connection: Connection, day: str, flownos: Sequence[int]) -> set[int]:
    """Which of *flownos* are in the table of *day* already."""
    flowno = day_table(day).c.flowno
    return set(connection.scalars(select(flowno).where(flowno.in_(flownos))))


def list_cdrs(
    connection: Connection,
    limit: int = 1000,
    since: int | None = None,
    until: int | None = None,
    account: str | None = None,
    call_id: str | None = None,
    agent: str | None = None,
) -> list[dict[str, Any]]:
    """Records, newest start first.

    :param limit: 0 = all.
    :param since: epoch milliseconds of the earliest start; *until* is the first that is too late.
    :param call_id: our own call id, or the caller's SIP Call-ID.
    :param agent: one of the agents above the account.
    :returns: one dict a record, every key always there, None where it does not apply; times are epoch milliseconds,
        money is units of 10^-7.
    """
    found: list[dict[str, Any]] = []
    for day in days_between(connection, since, until):
        table = day_table(day)
        query = select(table).order_by(table.c.starttime.desc(), table.c.id.desc())
        if since is not None:
            query = query.where(table.c.starttime >= since)
        if until is not None:
            query = query.where(table.c.starttime < until)
        query = query.where(*_of_whom(table, account, call_id, agent))
        if limit:
            query = query.limit(limit - len(found))
        found += map(_values, connection.execute(query).mappings())
        if limit and len(found) >= limit:
            break
    return found


def days_between(connection: Connection, since: int | None, until: int | None) -> Sequence[str]:
    """The days that may hold such calls, newest first; a day more on each side, for days are those of a time zone."""
    query = select(cdr_table.c.day).order_by(cdr_table.c.day.desc())
    if since is not None:
        query = query.where(cdr_table.c.day >= _day_of(since - _DAY_MS))
    if until is not None:
        query = query.where(cdr_table.c.day <= _day_of(until + _DAY_MS))
    return connection.scalars(query).all()


def _day_of(ms: int) -> str:
    ms = min(max(ms, 0), _LATEST_MS)
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y%m%d")


def _of_whom(table: Table, account: str | None, call_id: str | None, agent: str | None) -> Iterator[Any]:
    if account is not None:
        yield table.c.customeraccount == account
    if call_id is not None:
        yield _called(table, call_id)
    if agent is not None:
        yield _below(table, agent)


def _below(table: Table, agent: str) -> Any:
    named = f'"account":{orjson.dumps(agent).decode()}'
    return (table.c.cdrlevel > 0) & type_coerce(table.c.agents, Text).contains(named, autoescape=True)


def _called(table: Table, call_id: str) -> Any:
    if call_id.isascii() and call_id.isdigit() and len(call_id) <= 19:
        return table.c.flowno == int(call_id)
    return table.c.callercallid == call_id


_SHOWN: dict[str, str] = {  # key -> column, where the value is shown as it is stored
    "caller": "callere164", "callee": "calleee164", "caller_in": "calleraccesse164",
    "callee_in": "calleeaccesse164", "caller_out": "callertogatewaye164", "callee_out": "calleetogatewaye164",
    "mapping_gateway": "callergatewayid", "phone": "callerphone", "routing_gateway": "calleegatewayid",
    "callee_phone": "calleephone", "account": "customeraccount", "account_name": "customername",
    "clearing_account": "clearingaccount", "start": "starttime", "answer": "answertime", "stop": "stoptime",
    "pdd_ms": "callerpdd", "hold_time_ms": "holdtimems", "hold_time": "holdtime", "billed_seconds": "feetime",
    "rate_group": "rategroup", "rate_prefix": "rateprefix", "fee": "fee", "tax": "tax",
    "currency": "currency", "cost_currency": "costcurrency", "package": "package", "package_fee": "suitefee",
    "package_seconds": "suitefeetime", "agent_account": "agentaccount", "agent_name": "agentname",
    "agent_fee": "agentfee", "agent_tax": "agenttax", "agent_billed_seconds": "agentfeetime", "agents": "agents",
    "cost": "incomefee", "cost_tax": "incometax", "cost_prefix": "costprefix", "end_reason": "endreasonname",
    "code": "endreason", "end_direction": "enddirection", "sip_status": "sipstatus", "sip_reason": "sipreasonheader",
    "caller_sip_call_id": "callercallid", "callee_sip_call_id": "calleecallid", "caller_ip": "callerip",
    "callee_ip": "calleeip", "caller_rtp": "callerrtpip", "callee_rtp": "calleertpip",
    "caller_user_agent": "callerproductid", "callee_user_agent": "calleeproductid",
    "caller_codec": "callercodec", "callee_codec": "calleecodec", "node": "softswitchname",
}  # fmt: skip


def _values(row: RowMapping) -> dict[str, Any]:
    values: dict[str, Any] = {"call_id": str(row["flowno"])}
    for key, column in _SHOWN.items():
        value = row[column]
        values[key] = None if value == "" else value
    values["codec"] = values["caller_codec"]
    values["media_proxied"] = bool(row["rtpforward"])
    values["media"] = _media(row)
    values["attempts"] = [_attempt(item) for item in orjson.loads(row["attempts"] or "[]")]
    values["decision"] = told(row["decision"])
    return values


def _attempt(stored: Mapping[str, Any]) -> dict[str, Any]:
    """An attempt as the API names its parts."""
    return {
        "name": stored["gateway"],
        "status": stored["status"] or None,
        "reason": stored["reason"],
        "duration_ms": stored["duration_ms"],
        "pdd_ms": stored.get("pdd_ms"),
        "caller_out": stored["caller_out"],
        "callee_out": stored["callee_out"],
        "redirects": stored.get("redirects") or [],
        "prefix": stored.get("prefix") or None,
        "cost_prefix": stored.get("cost_prefix") or None,
        "price": stored.get("price") or None,
        "protocol": stored.get("protocol") or "sip",
    }


def _media(row: RowMapping) -> dict[str, Any] | None:
    if row["callerpackets"] is None:
        return None
    counts = [row[column] for column in _STREAMS]
    sides = ("caller", "callee")
    return {
        side: dict(zip(("packets", "octets", "lost"), counts[at : at + 3], strict=True))
        for side, at in zip(sides, (0, 3), strict=True)
    }
