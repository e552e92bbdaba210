"""Rate sheets in the database: what a sheet would change, its application, what was applied, and the way back.

An application fills a new generation of the group's rates (`vosswitch.store.generations`); the former one stays for
VS_RATE_HISTORY_DAYS, and a way back fills a further generation with its rows.
"""

from __future__ import annotations

import gc
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from vosswitch.params.system import Parameters
from vosswitch.store import entities, rates
from vosswitch.store.generations import CannotImport, Filling
from vosswitch.store.provision_schema import RATE_GROUPS
from vosswitch.store.rate_leftovers import BULK, remove_leftovers
from vosswitch.store.rate_periods import check_calendars
from vosswitch.store.rate_reading import PERIODS, Row, check_odd
from vosswitch.store.schema import changes as change_log
from vosswitch.store.schema import parameter, rate, rate_group
from vosswitch.store.sheet_fields import SHEET_FORMATS
from vosswitch.store.sheet_plan import Difference, Rules, Totals, merged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from sqlalchemy import Connection

    from vosswitch.store.database import Database
    from vosswitch.store.sheet_reading import Sheet

SHEET, UNDO = "sheet", "undo"


@dataclass(frozen=True, slots=True)
class Order:
    """What shall be done with a group's rates.

    :ivar rows: new rates by prefix and effective; *closed* codes with the moment of their end, 0 = at once.
    :ivar about: for the change log: file, sha256, format and so on.
    """

    group: str
    mode: str
    now: int
    rows: Sequence[Row]
    closed: Sequence[tuple[str, int]] = ()
    effective: int = 0
    about: Mapping[str, Any] | None = None

    @classmethod
    def of(cls, group: str, sheet: Sheet, mode: str, now: int, effective: int = 0) -> Order:
        """What a sheet orders."""
        about = {"file": sheet.file, "sha256": sheet.sha256, "sheet_format": sheet.format}
        closed = [(cut.prefix, cut.at) for cut in sheet.closed]
        return cls(group, mode, now, sheet.rows, closed, effective, about)

    def rules(self, *, notice_days: int, empty: bool) -> Rules:
        """From when on codes are gone: the date that was given, else the first one of the sheet; never in the past."""
        first = self.effective or min((row[1] for row in self.rows), default=0)
        return Rules(self.mode, self.now, max(first, self.now), notice_days, empty)


def format_of(connection: Connection, group: str, name: str | None = None) -> dict[str, Any]:
    """The values of a sheet format: the one of that name, else the group's; {} = there is none, guess.

    :raises CannotImport: there is no format, or no group, of that name.
    """
    if name is None:
        rates.find_group(connection, group)
        name = entities.read_some(connection, RATE_GROUPS, [group])[group].values["sheet_format"]
    if not name:
        return {}
    found = entities.read_some(connection, SHEET_FORMATS, [name]).get(name)
    if found is None:
        raise CannotImport(f'sheet_formats: there is no "{name}"')
    return dict(found.values)


def compare(
    database: Database, order: Order, tell: Callable[[Difference], object] = lambda _difference: None
) -> Totals:
    """What an application would change; nothing is written.

    :param tell: is given every difference.
    """
    for _ in draft(database, order, totals := Totals(), tell):
        pass
    return totals


def draft(
    database: Database,
    order: Order,
    totals: Totals,
    tell: Callable[[Difference], object] = lambda _difference: None,
) -> Iterator[Row]:
    """The rates as they would be, sorted; the database is read meanwhile."""
    with database.read() as connection:
        check_calendars(connection, {row[PERIODS] for row in order.rows})
        group = rates.find_group(connection, order.group)
        rules = order.rules(notice_days=_notice(connection), empty=not rates.count(connection, group))
        rows = rates.raw_rows(connection, group)
        try:
            existing = (tuple(row) for row in rows)
            yield from check_odd(merged(existing, order.rows, order.closed, rules, totals, tell))
        finally:
            rows.close()


def _notice(connection: Connection) -> int:
    set_ = connection.scalar(select(parameter.c.value).where(parameter.c.name == "VS_RATE_NOTICE_DAYS"))
    return int(set_) if set_ is not None else int(Parameters()["VS_RATE_NOTICE_DAYS"])


@dataclass(frozen=True, slots=True)
class Applied:
    """What was written.

    :ivar seq: the change's number, which names it for a way back; None = there was nothing to change.
    """

    seq: int | None
    totals: Totals


def apply(
    database: Database,
    order: Order,
    who: str,
    *,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
    pause: Callable[[float], None] = time.sleep,
) -> Applied:
    """Write the rates as they are to be, all or nothing.

    :param progress: called with rows written and rows in all, of which there may be some more.
    :raises CannotImport: another import is running, the rates were changed meanwhile, or they cannot be stored.
    :raises vosswitch.store.rates.NoSuchGroup: there is no group of that name.
    """
    totals = Totals()
    with _filling(database, order.group, pause) as work:
        was = _was(database, order.group)
        most = max(was["total"], len(order.rows))
        work.write(rates.COLUMNS, draft(database, order, totals), lambda done: progress(done, max(most, done)))
        if not totals.changes:
            work.abandon()
            return Applied(None, totals)
        kinds = {kind.replace("-", "_"): count for kind, count in totals.kinds.items() if count}
        summary = {"kind": SHEET, "mode": order.mode, "total": totals.rows, "differences": kinds}
        seq = work.finish({**summary, "effective": order.effective, **(order.about or {})}, who, was)
    remove_leftovers(database, pause=pause)
    return Applied(seq, totals)


@contextmanager
def _filling(database: Database, group: str, pause: Callable[[float], None]) -> Iterator[Filling]:
    with database.read() as connection:
        rates.find_group(connection, group)
    work = Filling(database, BULK, group, pause)
    gc.freeze()  # as in `rate_import`
    try:
        with work.running():
            yield work
    finally:
        gc.unfreeze()


def _was(database: Database, group: str) -> dict[str, int]:
    with database.read() as connection:
        return {"total": rates.count(connection, rates.find_group(connection, group))}


def applied(connection: Connection, group: str | None = None, limit: int = 1000) -> Iterator[dict[str, Any]]:
    """Applications, imports and ways back, newest first.

    :param group: only of this one.
    """
    query = select(change_log).where(change_log.c.table == rate_group.name)
    if group is not None:
        query = query.where(change_log.c.key == group)
    for row in connection.execute(query.order_by(change_log.c.seq.desc())).all():
        after, before = row.after or {}, row.before or {}
        if "generation" not in after or "generation" not in before:
            continue
        kinds = after.get("differences") or {}
        yield {
            "id": row.seq,
            "at": row.at,
            "who": row.who,
            "group": row.key,
            "kind": after.get("kind", "import"),
            "mode": after.get("mode") or ("full" if after.get("replace") else "merge"),
            "file": after.get("file") or "",
            "sha256": after.get("sha256") or "",
            "sheet_format": after.get("sheet_format") or "",
            "undoes": after.get("undoes"),
            "total": after.get("total"),
            "total_before": before.get("total"),
            **{name: kinds.get(name, 0) for name in ("new", "gone", "dearer", "cheaper", "changed")},
        }
        limit -= 1
        if not limit:
            return


def undo(
    database: Database,
    seq: int,
    who: str,
    *,
    force: bool = False,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
    pause: Callable[[float], None] = time.sleep,
) -> tuple[str, int, int]:
    """Bring back the rates that an application or import has replaced; group, number of rates, the change's number.

    :param seq: of the application.
    :param force: also when the group's rates have changed since; those changes are gone then.
    :raises CannotImport: there was no such application, its rates have changed since, or are not kept any more.
    """
    with database.read() as connection:
        name, former, total = _former(connection, seq, force=force)
    with _filling(database, name, pause) as work:
        with database.read() as connection:
            now = rates.find_group(connection, name)
            if not force and now.rates_seq != seq:
                raise CannotImport(_since(connection, name, seq))
        was = _was(database, name)
        count = work.write(rates.COLUMNS, _kept_rows(database, former), lambda done: progress(done, total))
        if count != total:
            raise CannotImport(f"{seq}: the rates before it are not kept any more (VS_RATE_HISTORY_DAYS)")
        done = work.finish({"kind": UNDO, "undoes": seq, "total": total, "mode": "full"}, who, was)
    return name, total, done


def _kept_rows(database: Database, group: rates.Group) -> Iterator[Row]:
    with database.read() as connection:
        for row in rates.raw_rows(connection, group):
            yield tuple(row)


def _former(connection: Connection, seq: int, *, force: bool) -> tuple[str, rates.Group, int]:
    row = connection.execute(select(change_log).where(change_log.c.seq == seq)).first()
    before = (row.before or {}) if row is not None else {}
    after = (row.after or {}) if row is not None else {}
    if row is None or row.table != rate_group.name or "generation" not in before or "generation" not in after:
        raise CannotImport(f"{seq}: expected the number of an application or import")
    now = rates.find_group(connection, row.key)
    if not force and now.rates_seq != seq:
        raise CannotImport(_since(connection, row.key, seq))
    former = replace(now, generation=before["generation"])
    own = (rate.c.group_id == now.id) & (rate.c.generation == former.generation)
    count = connection.scalar(select(func.count()).select_from(rate).where(own)) or 0
    if count != before.get("total"):
        raise CannotImport(f"{seq}: the rates before it are not kept any more (VS_RATE_HISTORY_DAYS)")
    return row.key, former, count


def _since(connection: Connection, group: str, seq: int) -> str:
    last = rates.find_group(connection, group).rates_seq
    who = connection.scalar(select(change_log.c.who).where(change_log.c.seq == last)) or "somebody"
    return f'rate_groups "{group}": its rates have changed since {seq}: change {last} of {who}; --force loses that'
