"""Loads and dumps provisioning: declarative TOML documents, one transaction each.

An entry says all about its row: what it leaves out has its default again.  Three things are kept: a balance (which
only opens an account), secrets that are left out or masked, and locks of the switch's own.  Entries that a document
does not name stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vosswitch.store import changes, entities, locks, number_rows, purses, rates
from vosswitch.store.calendar_fields import CALENDARS
from vosswitch.store.currency_fields import currency_problems, currency_warnings
from vosswitch.store.document import BadDocument, Document, Entry, read_document
from vosswitch.store.idle_settings import idle_settings
from vosswitch.store.number_fields import NUMBER_TABLES
from vosswitch.store.period_fields import idle_bindings
from vosswitch.store.provision_schema import ACCOUNTS, RATE, RATE_GROUPS, TABLES
from vosswitch.store.rate_periods import calendar_problems
from vosswitch.store.resolve import Resolution, State, Step, resolve
from vosswitch.store.secrets import MASK
from vosswitch.store.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import Connection

    from vosswitch.store.entities import Stored
    from vosswitch.store.fields import Deployment

RatePair = tuple[dict[str, Any] | None, dict[str, Any] | None]
"""A rate before and after; None = it is not there."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One entry that a load changes, as people see it.

    :ivar table: as in files; ``rates`` for a rate of a group.
    :ivar key: name or number; ``GROUP/PREFIX/EFFECTIVE`` of a rate.
    :ivar before: the fields that differ (all of a deleted entry) as written in files, secrets masked; None = new.
    :ivar after: likewise; None = deleted.
    """

    table: str
    key: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None

    def __str__(self) -> str:
        name = f'{self.table} "{self.key}"'
        if self.before is None:
            return f"+ {name}: {_listed(self.after or {})}"
        if self.after is None:
            return f"- {name}"
        pairs = (f"{key}: {_shown(self.before.get(key))} -> {_shown(value)}" for key, value in self.after.items())
        return f"~ {name}: {', '.join(pairs)}"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a load would change.

    :ivar differences: in the order of the tables.
    :ivar warnings: legal but dangerous; one line each.
    """

    differences: list[Difference]
    warnings: list[str]


@dataclass(frozen=True, slots=True)
class Loaded(Plan):
    """What a load has changed.

    :ivar seq: number of its last change; None when nothing differed.
    """

    seq: int | None


@dataclass(slots=True)
class _Work:
    document: Document
    resolution: Resolution
    rates: dict[str, list[RatePair]] = field(default_factory=dict)


def plan_load(connection: Connection, raw: Mapping[str, Any], deployment: Deployment, source: str = "document") -> Plan:
    """What `apply_load` would change; changes nothing.

    :param raw: a parsed document, see `vosswitch.store.document.parse_toml`.
    :param source: the file's name, for messages.
    :raises BadDocument: something does not fit; every problem is named.
    :raises vosswitch.store.secrets.BadKey: an outbound password cannot be encrypted or compared.
    """
    work = _prepare(connection, raw, deployment, source)
    return Plan(list(_differences(work)), work.document.warnings)


@dataclass(frozen=True, slots=True)
class Draft:
    """What there would be after a load.

    :ivar state: every entry by table and key.
    :ivar rates: changed rates by group.
    """

    state: State
    rates: dict[str, list[RatePair]]
    warnings: list[str]


def draft(connection: Connection, raw: Mapping[str, Any], deployment: Deployment, source: str = "document") -> Draft:
    """What `apply_load` would make of everything; changes nothing.

    :raises BadDocument: as `plan_load`.
    """
    work = _prepare(connection, raw, deployment, source)
    return Draft(work.resolution.state, work.rates, work.document.warnings)


def apply_load(
    connection: Connection, raw: Mapping[str, Any], deployment: Deployment, source: str = "document", who: str = ""
) -> Loaded:
    """Bring the database to what *raw* says, in the caller's transaction.

    :param who: for the change log.
    :raises BadDocument: as `plan_load`; nothing has been written then.
    """
    changes.lock(connection)
    work = _prepare(connection, raw, deployment, source)
    differences = list(_differences(work))
    if not differences:
        return Loaded([], work.document.warnings, None)
    _write(connection, work, who)
    seq = changes.record(connection, who, list(_log(work)))
    raised = [step.key for step in work.resolution.steps if _is_raised(step)]
    seq = (raised and locks.relieve(connection, raised, who)) or seq
    for name in work.rates:
        if name in work.resolution.state[RATE_GROUPS.name]:
            rates.touched(connection, rates.find_group(connection, name), seq)
    return Loaded(differences, work.document.warnings, seq)


def shown(table: Table, stored: Stored) -> dict[str, Any]:
    """An entry as written in files, every field that is not the default, secrets masked."""
    written = {
        item.name: item.write(stored.values[item.name])
        for item in table.fields
        if item.name in stored.values and stored.values[item.name] not in (item.default, [])
    }
    if any(stored.secret):
        written["password"] = MASK
    return {name: value for name, value in written.items() if value is not None}


def _prepare(connection: Connection, raw: Mapping[str, Any], deployment: Deployment, source: str) -> _Work:
    document = read_document(raw, deployment, source)
    if document.problems:
        raise BadDocument(document.problems)
    state = {name: dict(entities.read_all(connection, table)) for name, table in TABLES.items()}
    existing = set(state[RATE_GROUPS.name])
    work = _Work(document, resolve(document, state, deployment))
    if work.resolution.problems:
        raise BadDocument(work.resolution.problems)
    document.warnings.extend(idle_bindings(document.entries, state, changes.now_ms()))
    document.warnings.extend(idle_settings(document.entries, work.resolution.state))
    for entry in document.entries[RATE_GROUPS.name].values():
        if (entry.rates or entry.replace) and not entry.delete:
            pairs = _rate_pairs(connection, entry, known=entry.key in existing)
            if pairs:
                work.rates[entry.key] = pairs
    document.warnings.extend(currency_warnings(document.entries, state))
    problems = list(calendar_problems(connection, document, work.rates, state[CALENDARS.name]))
    problems += currency_problems(connection, document, work.resolution.steps)
    if problems:
        raise BadDocument(problems)
    return work


def _rate_pairs(connection: Connection, entry: Entry, *, known: bool) -> list[RatePair]:
    held: dict[str, dict[str, Any]] = {}
    if known:
        wanted = None if entry.replace else [one.values["prefix"] for one in entry.rates]
        held = rates.rates_of(connection, rates.find_group(connection, entry.key), wanted)
    pairs: list[RatePair] = []
    for one in entry.rates:
        new = None if one.delete else one.complete(RATE)
        old = held.pop(one.key, None)
        if old != new:
            pairs.append((old, new))
    if entry.replace:
        pairs.extend((old, None) for old in held.values())
    return pairs


def _write(connection: Connection, work: _Work, who: str) -> None:
    steps = work.resolution.steps
    for step in steps:
        if step.new is not None:
            entities.write(connection, step.table, step.old, step.new)
            if step.table is ACCOUNTS and step.old is None:
                entities.open_account(connection, step.key, step.opening, who)
    for name, pairs in work.rates.items():
        rates.change(connection, rates.find_group(connection, name), pairs)
    for step in reversed(steps):
        if step.new is None:
            _remove(connection, step, who)


def _is_raised(step: Step) -> bool:
    """Whether it is an account that is locked for its balance and has another limit now."""
    if step.table is not ACCOUNTS or step.old is None or step.new is None:
        return False
    values, field_of_limit = step.new.values, "overdraft_limit"
    return bool(values["lock_reason"] == "balance" and values[field_of_limit] != step.old.values[field_of_limit])


def _remove(connection: Connection, step: Step, who: str) -> None:
    if step.table is ACCOUNTS:
        entities.close_account(connection, step.key, who)
        purses.forget(connection, step.key, lambda purse: entities.close_account(connection, purse, who))
    elif step.table is RATE_GROUPS:
        rates.clear(connection, rates.find_group(connection, step.key))
    elif step.table is NUMBER_TABLES:
        number_rows.forget(connection, step.key)
    entities.write(connection, step.table, step.old, None)


def _log(work: _Work) -> Iterator[changes.Change]:
    for step in work.resolution.steps:
        yield changes.Change(step.table.stored, step.key, _document(step, step.old), _document(step, step.new))
    for name, pairs in work.rates.items():
        for old, new in pairs:
            yield changes.Change("rate", rates.change_key(name, old or new or {}), old, new)


def _document(step: Step, stored: Stored | None) -> dict[str, Any] | None:
    """The change log's form: every canonical value, secrets masked, and a note when they changed."""
    if stored is None:
        return None
    document = dict(stored.values)
    if any(stored.secret):
        document["password"] = MASK
    if stored is step.new and step.old is not None and step.old.secret != stored.secret:
        document["password_changed"] = True
    return document


def _differences(work: _Work) -> Iterator[Difference]:
    for step in work.resolution.steps:
        yield _difference(step)
    for name, pairs in work.rates.items():
        for old, new in pairs:
            before, after = _apart(_rate_shown(old), _rate_shown(new))
            yield Difference("rates", rates.change_key(name, old or new or {}), before, after)


def _difference(step: Step) -> Difference:
    before = None if step.old is None else shown(step.table, step.old)
    after = None if step.new is None else shown(step.table, step.new)
    if after is not None and step.opening:
        field_of_balance = ACCOUNTS.field("balance")
        assert field_of_balance is not None
        after["balance"] = field_of_balance.write(step.opening)
    before, after = _apart(before, after)
    if before is not None and after is not None and step.old and step.new and step.old.secret != step.new.secret:
        after |= {"password": MASK, "password_changed": True}
    return Difference(step.table.name, step.key, before, after)


def _apart(
    before: dict[str, Any] | None, after: dict[str, Any] | None
) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """Only what differs, when both are there."""
    if before is None or after is None:
        return before, after
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return {name: before.get(name) for name in names}, {name: after.get(name) for name in names}


def _rate_shown(values: dict[str, Any] | None) -> dict[str, Any] | None:
    if values is None:
        return None
    return {item.name: item.write(values[item.name]) for item in RATE.fields if values[item.name] != item.default}


def _listed(values: dict[str, Any]) -> str:
    return ", ".join(f"{name} {_shown(value)}" for name, value in values.items())


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(_shown, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} = {_shown(one)}" for name, one in value.items()) + "}"
    if value is None:
        return "(default)"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else str(value)
