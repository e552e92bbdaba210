"""What the switch is told about its configuration: all of it at first, then what was changed."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from vosswitch.params.system import DECLARED, BadParameter, Parameters
from vosswitch.recorder.files import NumberLists, PriceLists
from vosswitch.store import entities, rates
from vosswitch.store.changes import last_seq
from vosswitch.store.number_fields import NUMBER_TABLES
from vosswitch.store.provision_schema import (
    MAPPING_GATEWAYS,
    PARAMETERS,
    PHONES,
    RATE_GROUPS,
    ROUTING_GATEWAYS,
    TABLES,
)
from vosswitch.store.schema import changes
from vosswitch.store.secrets import BadKey, Secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable

    from sqlalchemy import Connection

    from vosswitch.store.database import Database
    from vosswitch.store.entities import Stored
    from vosswitch.store.table import Table

_TOO_MANY = 20_000
"""Changes at once from which on everything is sent anew."""

_BULK = {RATE_GROUPS.name: RATE_GROUPS, NUMBER_TABLES.name: NUMBER_TABLES}
"""What has rows by the million."""

_PLAIN = [table for name, table in TABLES.items() if name not in _BULK]


class Feed:
    """The configuration as one switch has it.

    :ivar seq: the last change that the switch has; whoever sends a message sets it afterwards.
    :ivar parameters: those in force.
    :ivar registry: what parameters there are; set it before they are read when plugins declare some.
    :ivar between: called now and then while a long price list is being compiled.
    :param key_file: of the outbound passwords.
    :param on_trouble: told one line about what cannot be sent as it should.
    """

    def __init__(
        self, database: Database, run_directory: str, key_file: str, seq: int, on_trouble: Callable[[str], None]
    ) -> None:
        self._database = database
        self._lists: dict[str, PriceLists | NumberLists] = {
            RATE_GROUPS.name: PriceLists(run_directory, self._pause),
            NUMBER_TABLES.name: NumberLists(run_directory, self._pause),
        }
        self._secrets = Secrets(key_file)
        self._on_trouble = on_trouble
        self.between: Callable[[], object] = lambda: None
        self.seq = seq
        self.registry = DECLARED
        self.parameters = Parameters()

    @property
    def write_interval(self) -> int:
        """SS_CDR_WRITE_INTERVAL, seconds."""
        return int(self.parameters["SS_CDR_WRITE_INTERVAL"])

    @property
    def batch_size(self) -> int:
        """SS_CDR_BUFFER_SIZE."""
        return int(self.parameters["SS_CDR_BUFFER_SIZE"])

    def read_parameters(self) -> None:
        """Take the parameters over as the database has them."""
        with self._database.read() as connection:
            self._take_parameters(connection)

    def full(self) -> dict[str, Any]:
        """A ``config`` message with everything."""
        with self._database.read() as connection:
            seq = last_seq(connection)
            self._take_parameters(connection)
            bodies = {table.name: self._bodies(table, entities.read_all(connection, table)) for table in _PLAIN}
            for table in _BULK.values():
                names = [key for key, _ in entities.read_all(connection, table)]
                bodies[table.name] = self._bulk(connection, table, names, names)
        return {"op": "config", "seq": seq, "full": True, **bodies}

    def changes(self) -> dict[str, Any] | None:
        """A ``config`` message with what was changed since `seq`; None when nothing was."""
        with self._database.read() as connection:
            newest = last_seq(connection)
            if newest == self.seq:
                return None
            touched = _touched(connection, self.seq)
            if touched is None:
                bodies = None
            else:
                self._take_parameters(connection)
                bodies = {table.name: self._changed(connection, table, touched[table.stored]) for table in _PLAIN}
                for table in _BULK.values():
                    names = sorted(touched[table.stored])
                    found = entities.read_some(connection, table, names)
                    bodies[table.name] = self._bulk(connection, table, names, found)
        if bodies is None:
            return self.full()
        return {"op": "config", "seq": newest, "full": False, **bodies}

    def _bulk(self, connection: Connection, table: Table, names: list[str], there: Container[str]) -> dict[str, Any]:
        bodies: dict[str, Any] = {}
        for name in names:
            try:
                bodies[name] = self._lists[table.name].body(connection, name) if name in there else None
            except ValueError as error:  # what cannot be compiled: the switch goes on with what it has
                self._on_trouble(f'{table.name} "{name}": {error}')
        return bodies

    def _pause(self) -> None:
        self.between()

    def _changed(self, connection: Connection, table: Table, keys: set[str]) -> dict[str, Any]:
        if not keys:
            return {}
        found = self._bodies(table, entities.read_some(connection, table, sorted(keys)).items())
        return {key: found.get(key) for key in sorted(keys)}

    def _bodies(self, table: Table, rows: Iterable[tuple[str, Stored]]) -> dict[str, Any]:
        return {key: self._body(table, key, stored) for key, stored in rows}

    def _body(self, table: Table, key: str, stored: Stored) -> Any:
        if table is PARAMETERS:
            return stored.values["value"]
        if table in (MAPPING_GATEWAYS, PHONES):
            pairs = zip(("MD5", "SHA-256"), stored.secret, strict=True)
            return stored.values | {"ha1s": {algorithm: ha1 for algorithm, ha1 in pairs if ha1}}
        if table is ROUTING_GATEWAYS:
            return stored.values | {"password": self._unsealed(key, stored.secret[0])}
        return stored.values

    def _unsealed(self, name: str, sealed: str) -> str:
        try:
            return self._secrets.unseal(sealed)
        except BadKey as error:
            self._on_trouble(f'routing gateway "{name}": {error}')
            return ""

    def _take_parameters(self, connection: Connection) -> None:
        values = {key: stored.values["value"] for key, stored in entities.read_all(connection, PARAMETERS)}
        try:
            self.parameters = Parameters(values, self.registry)
        except BadParameter as error:
            self._on_trouble(f"parameter {error}")


def _touched(connection: Connection, seq: int) -> dict[str, set[str]] | None:
    """Keys by table that were changed since; None when they are too many."""
    first = connection.scalar(select(func.min(changes.c.seq)))
    if first is not None and first > seq + 1:  # some were cleaned away meanwhile
        return None
    query = select(changes.c.table, changes.c.key).where(changes.c.seq > seq).limit(_TOO_MANY + 1)
    rows = connection.execute(query).all()
    if len(rows) > _TOO_MANY:
        return None
    touched: dict[str, set[str]] = defaultdict(set)
    for table, key in rows:
        if table == "rate":
            touched[RATE_GROUPS.stored].add(rates.split_key(key)[0])
        elif table == "number_row":
            touched[NUMBER_TABLES.stored].add(key.rpartition("/")[0])
        else:
            touched[table].add(key)
    return touched
