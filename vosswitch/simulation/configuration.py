"""The configuration that calls are simulated on: what is in force, a draft, or what was in force at a moment.

Nothing of it is written to the database, and nothing that the switch uses is touched: price lists that the recorder
has compiled are mapped where they fit, others are compiled into a folder of the simulation's own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vosswitch.billing.files import compile_rates
from vosswitch.call.snapshot import Snapshot
from vosswitch.params.system import Parameters
from vosswitch.recorder.files import IN_MEMORY, NumberLists, PriceLists, row
from vosswitch.store import entities, rates
from vosswitch.store.changes import last_seq
from vosswitch.store.generations import CannotImport
from vosswitch.store.history import Lost, as_it_was
from vosswitch.store.number_fields import NUMBER_TABLES
from vosswitch.store.provision import draft
from vosswitch.store.provision_schema import (
    ACCOUNTS,
    MAPPING_GATEWAYS,
    PARAMETERS,
    PHONES,
    RATE_GROUPS,
    ROUTING_GATEWAYS,
    TABLES,
)
from vosswitch.store.rate_import import read_list

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

    from vosswitch.store.entities import Stored
    from vosswitch.store.fields import Deployment
    from vosswitch.store.provision import RatePair
    from vosswitch.store.resolve import State
    from vosswitch.store.table import Table

_OF_THE_MOMENT = ("balance", "fraud")
"""Locks that the switch has set: what an account had then, or has now, is not simulated."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which configuration.

    :ivar draft: a parsed document that changes what is in force; *source* its name.
    :ivar at: epoch ms: as it was then; None = as it is.
    :ivar lists: CSV files by rate group, each the group's whole price list.
    """

    draft: Mapping[str, Any] | None = None
    source: str = "draft"
    at: int | None = None
    lists: Mapping[str, str] = field(default_factory=dict)


def bodies(state: State) -> dict[str, dict[str, Any]]:
    """Everything but bulk rows, by table and key, as a switch takes it; secrets are left out."""
    return {
        name: {key: _body(table, stored) for key, stored in state[name].items()}
        for name, table in TABLES.items()
        if table not in (RATE_GROUPS, NUMBER_TABLES)
    }


def _body(table: Table, stored: Stored) -> Any:
    if table is PARAMETERS:
        return stored.values["value"]
    if table in (MAPPING_GATEWAYS, PHONES):
        return stored.values | {"ha1s": {}}
    if table is ROUTING_GATEWAYS:
        return stored.values | {"password": ""}
    if table is ACCOUNTS and stored.values["lock_reason"] in _OF_THE_MOMENT:
        return stored.values | {"locked": False, "lock_reason": ""}
    return stored.values


def present(connection: Connection) -> State:
    """Every entry in force, by table and key."""
    return {name: dict(entities.read_all(connection, table)) for name, table in TABLES.items()}


class Configuration:
    """Makes snapshots.

    :param scratch: an empty folder for compiled price lists; it has to stay as long as they are used.
    :param shared: the folder of the recorder's own ones.
    """

    def __init__(self, connection: Connection, deployment: Deployment, scratch: str, shared: str) -> None:
        self._connection = connection
        self._deployment = deployment
        self._scratch = Path(scratch)
        self._lists = PriceLists(scratch, lambda: None, shared)
        self._tables = NumberLists(scratch, lambda: None, shared)

    def snapshot(self, wanted: Wanted) -> Snapshot:
        """The configuration that is wanted.

        :raises vosswitch.store.document.BadDocument: the draft does not fit.
        :raises vosswitch.store.history.Lost: a price list of that time is not kept any more.
        :raises CannotImport: a price list cannot be read, or its group does not exist.
        """
        groups: dict[str, Any]
        if wanted.at is not None:
            state, groups = self._former(wanted)
        elif wanted.draft is not None:
            state, groups = self._drafted(wanted)
        else:
            state = present(self._connection)
            groups = {name: self._in_force(name) for name in state[RATE_GROUPS.name] if name not in wanted.lists}
        for name, path in wanted.lists.items():
            groups[name] = self._listed(state, name, path)
        empty = Snapshot(parameters=Parameters({}, self._deployment.parameters))
        there = [name for name, _ in entities.read_all(self._connection, NUMBER_TABLES)]  # their rows as they are now
        tables = {name: self._tables.body(self._connection, name) for name in there}
        return empty.applied(
            {"seq": last_seq(self._connection), **bodies(state), "rate_groups": groups, "number_tables": tables}
        )

    def _in_force(self, name: str) -> dict[str, Any]:
        return self._lists.body(self._connection, name)

    def _drafted(self, wanted: Wanted) -> tuple[State, dict[str, Any]]:
        assert wanted.draft is not None
        existing = {name for name, _ in entities.read_all(self._connection, RATE_GROUPS)}
        made = draft(self._connection, wanted.draft, self._deployment, wanted.source)
        groups = {}
        for name, stored in made.state[RATE_GROUPS.name].items():
            if name in wanted.lists:
                continue
            body = self._in_force(name) if name in existing else {"file": None, "overlay": []}
            changed = self._changed(name, made.rates.get(name, ()), known=name in existing)
            overlay = [*body["overlay"], *changed]
            groups[name] = {**body, **rates.head(stored.values), "overlay": overlay}
        return made.state, groups

    def _changed(self, name: str, pairs: Sequence[RatePair], *, known: bool) -> list[list[Any]]:
        """What goes on top of a group's rates: each changed prefix anew."""
        prefixes = sorted({(old or new or {})["prefix"] for old, new in pairs})
        found: dict[str, dict[str, Any]] = {}
        if known and prefixes:
            found = rates.rates_of(self._connection, rates.find_group(self._connection, name), prefixes)
        for old, new in pairs:
            key = "{prefix}/{effective}".format_map(old or new or {})
            found.pop(key, None)
            if new is not None:
                found[key] = new
        return [[prefix, None] for prefix in prefixes] + [row(values) for values in found.values()]

    def _former(self, wanted: Wanted) -> tuple[State, dict[str, Any]]:
        assert wanted.at is not None
        then = as_it_was(self._connection, wanted.at)
        groups = {}
        for name, found in then.rates.items():
            if name in wanted.lists:
                continue
            if found.lost or found.group is None:
                raise Lost(f"{found.lost}; a price list may be given: --rates {name}=FILE.csv")
            body = self._lists.body_of(self._connection, found.group)
            prefixes = sorted({prefix for prefix, _ in found.undone})
            rows = rates.rates_of(self._connection, found.group, prefixes) if prefixes else {}
            for (prefix, effective), values in found.undone.items():
                rows.pop(f"{prefix}/{effective}", None)
                if values is not None:
                    rows[f"{prefix}/{effective}"] = values
            changed = [[prefix, None] for prefix in prefixes] + [row(values) for values in rows.values()]
            head = rates.head(then.state[RATE_GROUPS.name][name].values)
            groups[name] = {**body, **head, "overlay": [*body["overlay"], *changed]}
        return then.state, groups

    def _listed(self, state: State, name: str, path: str) -> dict[str, Any]:
        """A group with the price list of a file in place of its own."""
        stored = state[RATE_GROUPS.name].get(name)
        if stored is None:
            raise CannotImport(f'{path}: there is no rate group "{name}"')
        rows = [row(dict(zip(rates.COLUMNS, values, strict=True))) for values in read_list(path, self._deployment)]
        body: dict[str, Any] = {**rates.head(stored.values), "file": None}
        if len(rows) <= IN_MEMORY:
            return {**body, "overlay": rows}
        target = self._scratch / f"draft-{len(list(self._scratch.iterdir()))}.bin"
        compile_rates(rows, str(target))
        return {**body, "file": str(target), "overlay": []}
