"""What goes on beside the calls of the room: keep-alives, the sweep of old registrations, their memory on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.sip.registrations.keepalive import KeepAlive, Sweep
from vosswitch.sip.registrations.kept import revive
from vosswitch.sip.registrations.registrar import GATEWAY
from vosswitch.sip.registrations.safekeeping import Safekeeping

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.sip.registrations.files import RegistrationFile
    from vosswitch.sip.registrations.location import Binding
    from vosswitch.sip.service import SipService


class Upkeep:
    """The housekeeping of one SIP room.

    :param credentials: an `ICredentials`: who may be registered.
    :param in_thread: calls a function in a thread, one at a time; returns a Deferred.
    :param wall: epoch seconds; *trouble* is told one line when registrations cannot be written, "" when they can again.
    """

    __slots__ = ("_credentials", "_parameters", "_safekeeping", "_sip", "_sweep", "keep_alive")

    def __init__(
        self,
        sip: SipService,
        credentials: Any,
        parameters: Callable[[], Any],
        file: RegistrationFile,
        in_thread: Callable[..., Any],
        wall: Callable[[], float],
        trouble: Callable[[str], None],
    ) -> None:
        self._sip = sip
        self._credentials = credentials
        self._parameters = parameters
        self.keep_alive = KeepAlive(sip.registrar, sip.poke, sip.timers, parameters)
        self._sweep = Sweep(sip.registrar, sip.timers, self._allowed)
        self._safekeeping = Safekeeping(sip.registrar, file, revive, in_thread, sip.timers, wall, trouble)

    def _allowed(self, name: str) -> bool:
        if name.startswith(GATEWAY):
            return bool(self._credentials.dynamic(name.removeprefix(GATEWAY)))
        return self._credentials.phone(name) is not None

    def _is_reached(self, binding: Binding) -> bool:
        return self._sip.listens(binding.contact.local) and binding.reachable is not None

    def start(self) -> str:
        """Take over the registrations of the last run and begin; one line about damage, "" = none.

        The listeners have to be open: what registered on others cannot be reached.
        """
        longest = float(self._parameters()["SS_ENDPOINT_EXPIRE"])
        problem = self._safekeeping.restore(self._is_reached, longest)
        self._sweep.start()
        self.keep_alive.start()
        return problem

    def stop(self) -> None:
        """Write down what is left and end."""
        self._sweep.stop()
        self.keep_alive.stop()
        self._safekeeping.stop()
