"""Whether number tables are named where their kind fits: one of networks knows no numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vosswitch.numbers.networks import KIND
from vosswitch.store.number_fields import NUMBER_TABLES
from vosswitch.store.provision_schema import TABLES
from vosswitch.store.screening_fields import GEOFENCES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vosswitch.store.document import Document
    from vosswitch.store.entities import Stored

_NAMING = tuple(
    (table.name, item) for table in TABLES.values() for item in table.fields if item.refers == NUMBER_TABLES.name
)


def kind_problems(document: Document, state: Mapping[str, Mapping[str, Stored]]) -> Iterator[str]:
    """One line for each table that is named where it can do nothing.

    :param state: what there will be, by table and key.
    """
    tables = state[NUMBER_TABLES.name]
    touched = document.entries[NUMBER_TABLES.name]
    for name, item in _NAMING:
        for key, stored in state[name].items():
            for wanted in item.named(stored.values[item.name]):
                if wanted not in tables or (tables[wanted].values["kind"] == KIND) == (name == GEOFENCES.name):
                    continue
                entry = document.entries[name].get(key)
                if entry is not None or wanted in touched:
                    where = entry.where if entry is not None else f'{name} "{key}"'
                    found = tables[wanted].values["kind"]
                    fits = f"of kind {KIND}" if name == GEOFENCES.name else f"of any kind but {KIND}"
                    yield f'{where}: {item.name}: expected a number table {fits}, "{wanted}" is {found}'
