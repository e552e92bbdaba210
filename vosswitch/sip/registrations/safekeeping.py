"""Keeps registrations over a restart: what changes is written behind, in slices and in a thread.

Whose registrations they are is no matter here: those of the SIP registrar, or endpoints of H.323.

When the log has grown to several times what is registered, a new one is written beside it, name by name between the
changes, and takes its place.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

from vosswitch.sip.registrations.kept import encode
from vosswitch.sip.registrations.registrar import Lap

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.sip.registrations.files import RegistrationFile
    from vosswitch.sip.transactions.timers import Timer, Timers

BEHIND = 0.25
"""Seconds that a change waits for its companions."""
SLICE = 500
"""Names that are written in one go: a millisecond or two."""
SMALLEST = 4 << 20
"""Bytes up to which a log is left as it is."""
_PAUSE = 30.0
"""Seconds after a write that failed."""


class Registry(Protocol):
    """Whose memory it is: values with ``ends`` and ``to_data`` by name.

    :ivar changed: told the name of what has to be written down anew.
    """

    changed: Callable[[str], object]

    def names(self) -> list[str]:
        """Every name that there is."""

    def live(self, name: str) -> tuple[Any, ...]:
        """What there is of a name."""

    def restore(self, name: str, found: tuple[Any, ...], /) -> None:
        """Take over what was kept of a name."""


class Safekeeping:
    """The memory of a registrar on disk.

    :param file: the log.
    :param revive: makes values of the rows of a record, of the wall clock's lead, monotonic seconds, and the longest
        time that one may still last.
    :param in_thread: calls a function in a thread, one at a time; returns a Deferred.
    :param wall: epoch seconds.
    :param trouble: told one line when writing fails, "" when it works again.
    """

    __slots__ = ("_dirty", "_failed", "_fault", "_file", "_in_thread", "_lap", "_registrar", "_revive", "_since",
                 "_timer", "_timers", "_trouble", "_wall", "_whole", "_writing")  # fmt: skip

    def __init__(
        self,
        registrar: Registry,
        file: RegistrationFile,
        revive: Callable[[list[list[Any]], float, float, float], tuple[Any, ...]],
        in_thread: Callable[..., Any],
        timers: Timers,
        wall: Callable[[], float],
        trouble: Callable[[str], None],
    ) -> None:
        self._registrar = registrar
        self._file = file
        self._revive = revive
        self._in_thread = in_thread
        self._timers = timers
        self._wall = wall
        self._trouble = trouble
        self._dirty: dict[str, None] = {}
        self._lap: Lap | None = None
        self._timer: Timer | None = None
        self._writing = self._failed = False
        self._since = self._whole = 0
        self._fault = ""

    # Restart.

    def restore(self, usable: Callable[[Any], bool], longest: float) -> str:
        """Take over what was kept; one line about damage, "" = none.

        :param usable: whether a value is of use now.
        :param longest: seconds that a registration may last.
        """
        log, problem = self._file.load()
        now, ahead = self._timers.now(), self._ahead()
        for name, rows in log.names.items():
            found = self._revive(rows, ahead, now, longest)
            self._registrar.restore(name, tuple([one for one in found if usable(one)]))
        self._whole = self._since = log.good
        self._registrar.changed = self.note
        if log.damaged:
            self._begin()
        return problem

    def _ahead(self) -> float:
        return self._wall() - self._timers.now()

    # Writing behind.

    def note(self, name: str) -> None:
        """The bindings of a name have changed."""
        self._dirty[name] = None
        if self._timer is None and not self._writing:
            self._timer = self._timers.add(BEHIND, self._write)

    def _begin(self) -> None:
        """Write the log anew."""
        self._lap = Lap(self._registrar.names)
        self._lap.some(0)
        self._go_on(self._file.begin)

    def _taken(self) -> tuple[bytes, bytes]:
        """The next slice: records of what has changed, and of what the new log lacks."""
        dirty = list(islice(self._dirty, SLICE))
        for name in dirty:
            del self._dirty[name]
        changed = self._records(dirty)
        return changed, changed if self._lap is None else changed + self._records(self._lap.some(SLICE))

    def _records(self, names: list[str]) -> bytes:
        ahead = self._ahead()
        return b"".join([encode(name, self._registrar.live(name), ahead) for name in names])

    def _write(self) -> None:
        self._timer = None
        lap = self._lap
        data, new = self._taken()
        self._since += len(data)
        if lap is None:
            self._go_on(self._file.append, data)
        elif len(new) > len(data):
            self._whole += len(new)
            self._go_on(self._file.append, data, new)
        else:  # the lap is at its end
            self._lap, self._since = None, 0
            self._go_on(self._finish, data, new)

    def _finish(self, data: bytes, new: bytes) -> None:
        self._file.append(data, new)
        self._file.replace()

    def _go_on(self, call: Callable[..., None], *args: bytes) -> None:
        self._writing = True
        self._in_thread(call, *args).addCallbacks(lambda _: self._written(), self._broken)

    def _written(self) -> None:
        self._writing = False
        if self._fault:
            self._fault = ""
            self._trouble("")
        if self._lap is None and self._since > max(SMALLEST, 3 * self._whole):
            self._whole = 0
            self._begin()
        elif self._dirty or self._lap is not None:
            self._timer = self._timers.add(0.02, self._write)

    def _broken(self, failure: Any) -> None:
        """A disk that takes nothing: the registrations stand in memory; once it does again the log is written anew."""
        self._writing = False
        self._lap = None
        if not self._fault:
            self._fault = str(failure.value)
            self._trouble(f"registrations are not kept: {self._fault}")
        self._timer = self._timers.add(_PAUSE, self._begin_again)

    def _begin_again(self) -> None:
        self._timer = None
        self._whole = 0
        self._begin()

    def stop(self) -> None:
        """Write what is left, here and now."""
        self._timers.cancel(self._timer)
        self._timer = None
        self._registrar.changed = lambda name: None
        data = self._records(list(self._dirty))
        try:
            self._file.append(data, data)  # beside a thread's, if there is one: appended records do not mix
        except OSError as error:
            self._trouble(f"registrations are not kept: {error.strerror}")
        if not self._writing:
            self._file.close()
