"""The explanation of a call without a running switch: the same decision, on what the database holds of it.

Only the rates that the called number can match are loaded, so that a list of a million rates costs nothing.
"""

from __future__ import annotations

import random
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from vosswitch.accounts.clearing import UNCHECKED
from vosswitch.accounts.limits import Limits
from vosswitch.billing.balances import Balances
from vosswitch.call.deciding.decide import Decider
from vosswitch.call.deciding.explain import asked, explain
from vosswitch.call.deciding.means import Means
from vosswitch.call.deciding.view import NodeView
from vosswitch.call.pins import Pins
from vosswitch.call.snapshot import Snapshot
from vosswitch.call.tallies import Tallies
from vosswitch.hooks.frozen import Failures
from vosswitch.params.system import Parameters
from vosswitch.store import accounts, entities, grants, listings, rates
from vosswitch.store.changes import last_seq
from vosswitch.store.entities import definitions
from vosswitch.store.number_rows import stored_tables
from vosswitch.store.provision_schema import ACCOUNTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import Connection

    from vosswitch.cli.state import State
    from vosswitch.store.table import Table

_SEED = 1


class _NoPhones:
    """`IRegistrations` of a switch that is not running."""

    def contacts(self, _number: str) -> tuple[()]:
        """Nobody is registered."""
        return ()

    def gateway(self, _username: str) -> tuple[()]:
        """No gateway is, either."""
        return ()

    def trunk(self, _name: str) -> None:
        """Nor are we, anywhere."""


def explain_without_switch(state: State, question: Mapping[str, Any]) -> dict[str, Any]:
    """Answer the control operation ``route`` from the database.

    :raises vosswitch.call.deciding.explain.NoSuchSubject: who calls is not known.
    """
    balances = Balances()
    now_ms = time.time_ns() // 1_000_000
    with state.database.read() as connection:
        snapshot = stored_snapshot(state, connection)
        # Which rates are needed depends on the dial plans, and those are part of the decision: decide once without.
        first = asked(_decider(state, balances), snapshot, question, now_ms)
        groups = _rate_groups(connection, first.callee, first.rated)
        snapshot = snapshot.applied({"seq": snapshot.seq, "rate_groups": groups})
        _fill(connection, state.boot.node_id, first.account.number if first.account is not None else None, balances)
        if snapshot.clearing is not UNCHECKED:
            for number in {gateway.account for gateway in snapshot.gateways.gateways.values()}:
                _fill(connection, state.boot.node_id, number, balances)
        for agent in first.agents:
            _fill(connection, state.boot.node_id, agent.number, balances)
        return explain(_decider(state, balances), snapshot, question, now_ms)


def _decider(state: State, balances: Balances) -> Decider:
    """Each with the same random choices."""
    plugins = state.plugins
    limits, tallies = Limits(), Tallies()
    frozen = plugins.freeze(Failures())
    means = Means(
        frozen.billing_modes,
        frozen,
        balances,
        lambda decision: NodeView(limits, tallies, decision, balances=balances),
        _NoPhones(),
        random.Random(_SEED),  # noqa: S311 - repeatable, nothing secret
        pins=Pins(state.deployment.secrets.keyed, time.monotonic),
    )
    return Decider(means)


def stored_snapshot(state: State, connection: Connection) -> Snapshot:
    """Everything but rates and passwords."""
    empty = Snapshot(parameters=Parameters({}, state.deployment.parameters))
    inbound: dict[str, Any] = {"ha1s": {}}
    mapping = {row["name"]: row | inbound for row in listings.list_mapping_gateways(connection)}
    routing = {row["name"]: row | {"password": ""} for row in listings.list_routing_gateways(connection)}
    phones = {row["number"]: row | inbound for row in listings.list_phones(connection)}
    found = empty.applied(
        {
            "seq": last_seq(connection),
            "accounts": dict(_values(connection, ACCOUNTS)),
            "mapping_gateways": mapping,
            "routing_gateways": routing,
            "phones": phones,
            "parameters": listings.parameter_texts(connection),
            **{table.name: dict(_values(connection, table)) for table in definitions()},
        }
    )
    complete = replace(found, number_tables=stored_tables(connection))
    return complete.applied({"seq": found.seq})  # so that what names tables has them


def _values(connection: Connection, table: Table) -> Iterator[tuple[str, dict[str, Any]]]:
    return ((key, stored.values) for key, stored in entities.read_all(connection, table))


def _rate_groups(connection: Connection, *numbers: str) -> dict[str, Any]:
    """The rates that these numbers can match: the called one, and the routing number where that is the one rated."""
    prefixes = sorted({number[:length] for number in numbers for length in range(len(number) + 1)})
    bodies = {}
    for group in rates.groups(connection):
        rows = rates.rates_of(connection, group, prefixes).values()
        bodies[group.name] = {**group.head(), "file": None, "overlay": list(map(rates.taken_of, rows))}
    return bodies


def _fill(connection: Connection, node: int, number: str | None, balances: Balances) -> None:
    """What this node could spend of the account: what it still holds of it, and what is free."""
    if number is None:
        return
    account = accounts.show(connection, number)
    held = grants.holdings(connection, node, [number]).get(number)
    grant = (held.grant if held is not None else 0) + (account.available or 0)
    balances.money(number, account.balance, grant)
