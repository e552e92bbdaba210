"""Gateways, phones and parameters as the database has them, for listings, and the setting of one parameter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.params.system import DECLARED, BadParameter, Registry
from vosswitch.store import changes, entities
from vosswitch.store.currency_fields import PARAMETER, renaming
from vosswitch.store.entities import Stored
from vosswitch.store.provision_schema import MAPPING_GATEWAYS, PARAMETERS, PHONES, ROUTING_GATEWAYS
from vosswitch.store.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection


def list_mapping_gateways(connection: Connection) -> Iterator[dict[str, Any]]:
    """Every mapping gateway: all canonical fields and ``has_password``; the order is that of the names."""
    return _entries(connection, MAPPING_GATEWAYS)


def list_routing_gateways(connection: Connection) -> Iterator[dict[str, Any]]:
    """Every routing gateway, likewise."""
    return _entries(connection, ROUTING_GATEWAYS)


def list_phones(connection: Connection) -> Iterator[dict[str, Any]]:
    """Every phone, likewise."""
    return _entries(connection, PHONES)


def parameter_texts(connection: Connection) -> dict[str, str]:
    """The parameters that are set, name to text."""
    return {key: stored.values["value"] for key, stored in entities.read_all(connection, PARAMETERS)}


def set_parameter(
    connection: Connection, name: str, text: str | None, who: str, registry: Registry = DECLARED
) -> int | None:
    """Set one parameter in the caller's transaction, or with None go back to its default.

    :param name: its name or an alias.
    :returns: the change's number; None when it had that value already.
    :raises vosswitch.params.system.BadParameter: an unknown name, or a text that does not fit, alone or with others.
    """
    changes.lock(connection)
    declared = registry.find(name).name
    texts = parameter_texts(connection)
    old = _stored(declared, texts.pop(declared, None))
    new = _stored(declared, None if text is None else registry.canonical(declared, text))
    if new == old:
        return None
    if new is not None:
        texts[declared] = new.values["value"]
    registry.check_all({known: value for known, value in texts.items() if known in registry})
    if declared == PARAMETER:
        problem = renaming(connection, old.values["value"] if old is not None else "", text or "")
        if problem:
            raise BadParameter(problem)
    entities.write(connection, PARAMETERS, old, new)
    row = changes.Change("parameter", declared, old and old.values, new and new.values)
    return changes.record(connection, who, [row])


def _stored(name: str, text: str | None) -> Stored | None:
    return None if text is None else Stored({"name": name, "value": text})


def _entries(connection: Connection, table: Table) -> Iterator[dict[str, Any]]:
    for _key, stored in entities.read_all(connection, table):
        yield {**stored.values, "has_password": any(stored.secret)}
