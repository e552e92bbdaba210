"""What the switch is told about its configuration: all of it at first, then what was changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.params.system import BadParameter, Parameters
from vosswitch.recorder.files import PriceLists
from vosswitch.store import entities
from vosswitch.store.changes import last_seq
from vosswitch.store.configuration import changed_since, full_configuration
from vosswitch.store.provision_schema import PARAMETERS
from vosswitch.store.secrets import BadKey, Secrets

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from vosswitch.store.database import Database


class Feed:
    """The configuration as one switch has it.

    :ivar seq: the last change that the switch has; whoever sends a message sets it afterwards.
    :ivar parameters: those in force.
    :ivar between: called now and then while a long price list is being compiled.
    :param key_file: of the outbound passwords.
    :param on_trouble: told one line about what cannot be sent as it should.
    """

    def __init__(
        self, database: Database, run_directory: str, key_file: str, seq: int, on_trouble: Callable[[str], None]
    ) -> None:
        self._database = database
        self._lists = PriceLists(run_directory, self._pause)
        self._secrets = _Passwords(key_file, on_trouble)
        self._on_trouble = on_trouble
        self.between: Callable[[], object] = lambda: None
        self.seq = seq
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
            bodies = full_configuration(connection, self._secrets, self._lists.body)
        return {"op": "config", "seq": seq, "full": True, **bodies}

    def changes(self) -> dict[str, Any] | None:
        """A ``config`` message with what was changed since `seq`; None when nothing was."""
        with self._database.read() as connection:
            if last_seq(connection) == self.seq:
                return None
            newest, bodies = changed_since(connection, self.seq, self._secrets, self._lists.body)
            if bodies[PARAMETERS.name]:
                self._take_parameters(connection)
        return {"op": "config", "seq": newest, "full": False, **bodies}

    def _pause(self) -> None:
        self.between()

    def _take_parameters(self, connection: Connection) -> None:
        values = {key: stored.values["value"] for key, stored in entities.read_all(connection, PARAMETERS)}
        try:
            self.parameters = Parameters(values)
        except BadParameter as error:
            self._on_trouble(f"parameter {error}")


class _Passwords(Secrets):
    """Outbound passwords for the switch: one that cannot be read is told, and does not keep the others back."""

    __slots__ = ("_on_trouble",)

    def __init__(self, path: str, on_trouble: Callable[[str], None]) -> None:
        super().__init__(path)
        self._on_trouble = on_trouble

    def unseal(self, sealed: str) -> str:
        """The password; "" when the key does not fit."""
        try:
            return super().unseal(sealed)
        except BadKey as error:
            self._on_trouble(str(error))
            return ""
