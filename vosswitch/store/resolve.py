"""Decides what a document's entries shall become, given what the database holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vosswitch.params.system import BadParameter
from vosswitch.store.agent_rules import agent_problems
from vosswitch.store.card_fields import claim_problems, keep_card
from vosswitch.store.entities import Stored
from vosswitch.store.fields import Deployment, has_port
from vosswitch.store.h323_fields import check_protocol
from vosswitch.store.limit_fields import reserved_problems
from vosswitch.store.provision_schema import ACCOUNTS, MAPPING_GATEWAYS, PARAMETERS, PHONES, ROUTING_GATEWAYS, TABLES
from vosswitch.store.quality_fields import check_outcomes
from vosswitch.store.registering import check_registering
from vosswitch.store.screening_fields import check_sections
from vosswitch.store.secrets import MASK, ha1s
from vosswitch.store.table_kinds import kind_problems

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vosswitch.store.document import Document, Entry
    from vosswitch.store.table import Table

State = dict[str, dict[str, Stored]]
"""Every entry by table name and key."""

_NO_SECRET = {MAPPING_GATEWAYS.name: ("", ""), PHONES.name: ("", ""), ROUTING_GATEWAYS.name: ("",)}

_REFERENCES = tuple((table.name, item) for table in TABLES.values() for item in table.fields if item.refers)


@dataclass(frozen=True, slots=True)
class Step:
    """One entry that changes."""

    table: Table
    key: str
    old: Stored | None
    new: Stored | None
    opening: int = 0


@dataclass(slots=True)
class Resolution:
    """The state after the load.

    :ivar state: the caller's dicts, brought to what shall be.
    :ivar steps: what changes, in the order of the tables.
    """

    state: State
    steps: list[Step] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def resolve(document: Document, state: State, deployment: Deployment) -> Resolution:
    """Merge *document* into *state* and check what depends on more than one entry."""
    found = Resolution(state)
    for name, table in TABLES.items():
        for entry in document.entries[name].values():
            _step(table, entry, deployment, found)
    found.problems.extend(_reference_problems(document, state, deployment))
    found.problems.extend(kind_problems(document, state))
    found.problems.extend(agent_problems(document, state))
    found.problems.extend(claim_problems(document, state))
    found.problems.extend(_conflicts(document, state))
    if not found.problems:
        found.problems.extend(reserved_problems(document.entries, state))
    found.problems.extend(_parameter_problems(document, state, deployment))
    return found


def _step(table: Table, entry: Entry, deployment: Deployment, found: Resolution) -> None:
    rows = found.state[table.name]
    old = rows.get(entry.key)
    if entry.delete:
        if old is not None:
            del rows[entry.key]
            found.steps.append(Step(table, entry.key, old, None))
        return
    try:
        new = _target(table, entry, old, deployment)
    except ValueError as error:
        found.problems.append(f"{entry.where}: {error}")
        return
    rows[entry.key] = new
    if new != old:
        opening = entry.values.get("balance", 0) if table is ACCOUNTS and old is None else 0
        found.steps.append(Step(table, entry.key, old, new, opening))


def _target(table: Table, entry: Entry, old: Stored | None, deployment: Deployment) -> Stored:
    values = entry.complete(table)
    secret: tuple[str, ...] = ()
    table.check(values)
    if table is ACCOUNTS:
        check_sections(values)
        del values["balance"]
        _lock(entry, values, old)
        keep_card(entry, values, old)
    elif table is PARAMETERS:
        values["value"] = deployment.parameters.canonical(values["name"], values["value"])
    elif table.name in _NO_SECRET:
        password, hashes = values.pop("password"), values.pop("ha1", None)
        secret = _secret(table, values, old, password if hashes is None else hashes, deployment)
    if table is MAPPING_GATEWAYS:
        _check_source(values, secret)
    if table in (MAPPING_GATEWAYS, ROUTING_GATEWAYS):
        check_protocol(values)
        check_registering(values, secret=any(secret))
    if table is ROUTING_GATEWAYS:
        check_outcomes(values)
    return Stored(values, secret)


def _lock(entry: Entry, values: dict[str, Any], old: Stored | None) -> None:
    """Who may lift which lock: a file that says nothing about it lifts an operator's, not one of the switch's own."""
    reason = old.values["lock_reason"] if old is not None else ""
    given = entry.values.get("locked")
    if given is None:
        values["locked"] = reason not in ("", "operator")
        values["lock_reason"] = reason if values["locked"] else ""
    elif given:
        values["lock_reason"] = entry.values.get("lock_reason") or reason or "operator"
    else:
        values["lock_reason"] = ""
    if entry.values.get("lock_reason") and given is None:
        raise ValueError("lock_reason: expected locked = true beside it")


def _secret(
    table: Table, values: dict[str, Any], old: Stored | None, given: Any, deployment: Deployment
) -> tuple[str, ...]:
    """The secret columns: kept when *given* is nothing or the mask."""
    kept = old.secret if old is not None else _NO_SECRET[table.name]
    if given == MASK and old is None:
        raise ValueError("password: masked, and there is none to keep: expected the password (see dump --with-secrets)")
    if table is ROUTING_GATEWAYS:
        return kept if given in (None, MASK) else _sealed(str(given), kept, deployment)
    username = _username(table, values)
    if given in (None, MASK):
        if old is not None and any(kept) and _username(table, old.values) != username:
            raise ValueError("password: expected one, for the kept one belongs to the former username")
        return kept
    if isinstance(given, tuple):
        return given
    return ha1s(username, deployment.realm, given) if given else ("", "")


def _sealed(password: str, kept: tuple[str, ...], deployment: Deployment) -> tuple[str, ...]:
    if kept[0] and deployment.secrets.unseal(kept[0]) == password:
        return kept
    return (deployment.secrets.seal(password),)


def _username(table: Table, values: dict[str, Any]) -> str:
    return str(values["number"] if table is PHONES else values["username"] or values["name"])


def _check_source(values: dict[str, Any], secret: tuple[str, ...]) -> None:
    auth, addresses = values["auth"], values["addresses"]
    if auth == "password":
        if not any(secret) and values.get("protocol", "sip") == "sip":
            raise ValueError('password: expected one, for auth is "password"')
        return
    if not addresses:
        raise ValueError(f'addresses: expected at least one, for auth is "{auth}"')
    for address in addresses:
        if has_port(address) != (auth == "ip_port"):
            words = "an address with a port" if auth == "ip_port" else "an address without a port"
            raise ValueError(f'addresses: expected {words}, for auth is "{auth}", got "{address}"')


def _reference_problems(document: Document, state: State, deployment: Deployment) -> Iterator[str]:
    removed = {
        (name, entry.key): entry
        for name in document.entries
        for entry in document.entries[name].values()
        if entry.delete
    }
    for name, item in _REFERENCES:
        for key, stored in state[name].items():
            for wanted in item.named(stored.values[item.name]):
                if wanted in state[item.refers] or wanted in deployment.plugins.get(item.or_of, ()):
                    continue
                entry = document.entries[name].get(key)
                if entry is not None and item.name in entry.values:
                    yield f'{entry.where}: {item.name}: expected one of {item.refers}, there is no "{wanted}"'
                elif (item.refers, wanted) in removed:
                    yield f'{removed[item.refers, wanted].where}: delete: still used by {name} "{key}"'


def _conflicts(document: Document, state: State) -> Iterator[str]:
    """User names and source addresses that two entries claim; told where the document has one of them."""
    owners: dict[tuple[str, ...], tuple[str, str]] = {}
    for name, key, claim in _claims(state):
        holder = owners.setdefault(claim, (name, key))
        if holder == (name, key):
            continue
        (at, what), other = ((name, key), holder) if key in document.entries[name] else (holder, (name, key))
        entry = document.entries[at].get(what)
        if entry is not None:
            yield f'{entry.where}: {" ".join(filter(None, claim))}: taken already by {other[0]} "{other[1]}"'


def _claims(state: State) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    for key in state[PHONES.name]:
        yield PHONES.name, key, ("username", key)
    for key, stored in state[MAPPING_GATEWAYS.name].items():
        values = stored.values
        if values["auth"] == "password":
            yield MAPPING_GATEWAYS.name, key, ("username", values["username"] or key)
            continue
        for address in values["addresses"]:
            words = f"tech_prefix {values['tech_prefix']}" if values["tech_prefix"] else ""
            if values.get("protocol", "sip") != "sip":
                words = f"{values['protocol']} {words}".rstrip()
            yield MAPPING_GATEWAYS.name, key, ("addresses", address, words)


def _parameter_problems(document: Document, state: State, deployment: Deployment) -> Iterator[str]:
    entries = document.entries[PARAMETERS.name]
    known = {
        key: stored.values["value"] for key, stored in state[PARAMETERS.name].items() if key in deployment.parameters
    }
    if not entries:
        return
    try:
        deployment.parameters.check_all(known)
    except BadParameter as error:
        yield f"{next(iter(entries.values())).where}: {error}"
