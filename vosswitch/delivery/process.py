"""The recorder's side of the sinks: starts their process, keeps the journal for them, and tells how they are."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from vosswitch.cdr.files import segment_path, segments
from vosswitch.delivery import builtins, files
from vosswitch.delivery.files import SinkState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from vosswitch.cdr.journal import Position
    from vosswitch.params.boot import Boot

_RESTART_SECONDS = 5.0
_PATIENCE = 4.0
"""How long the last process may take; it ends by itself after half of that."""
_TOLD_AFTER_MS = 2000
"""A failure that lasts for so long is told."""


class DeliveryProcess:
    """The process of the sinks, as the recorder has it.  Without a sink there is none.

    :param plugin_sinks: the sinks that plugins offer, by name.
    :param on_trouble: told one line when a sink fails or segments had to go, "" when all is well again.
    """

    def __init__(
        self,
        boot: Boot,
        plugin_sinks: Mapping[str, Any],
        on_trouble: Callable[[str], None],
        monotonic: Callable[[], float],
        wall_ms: Callable[[], int],
    ) -> None:
        self._boot = boot
        self._spool = Path(boot.spool_directory)
        self._plugin_sinks = plugin_sinks
        self._on_trouble = on_trouble
        self._monotonic = monotonic
        self._wall_ms = wall_ms
        self._process: subprocess.Popen[bytes] | None = None
        self._leaving: list[subprocess.Popen[bytes]] = []
        self._names: list[str] = []
        self._message: dict[str, Any] = {}
        self._started = -_RESTART_SECONDS
        self._told: str | None = None
        self._longest = 0
        self._keeps = True  # until it is known what the operator wants

    def follow(
        self,
        parameters: Mapping[str, Any],
        given: Mapping[str, str],
        targets: Sequence[Mapping[str, Any]],
        here: Position,
    ) -> None:
        """Have the sinks that the configuration asks for from now on.

        :param parameters: in force; *given* those of them that are set, as text.
        :param here: where a new sink begins.
        """
        self._longest = int(parameters["VS_CDR_SINK_SPOOL"]) << 20
        self._keeps = parameters["VS_CDR_SINK_BEYOND"] == "keep"
        clashes = [target["name"] for target in targets if target["name"] in self._plugin_sinks]
        for name in clashes:
            self._on_trouble(f'cdr_targets "{name}": a plugin has a sink of that name; it stays off')
        usable = [target for target in targets if target["name"] not in clashes]
        wanted = dict(given) if self._plugin_sinks else {}  # ours ask for none
        message = {"settings": builtins.settings(parameters, usable), "parameters": wanted}
        if message == self._message:
            return
        self._dismiss()  # the next one waits for its end, we do not
        self._message = message
        self._prepare([*self._plugin_sinks, *builtins.names(message["settings"])], here)
        self._started = -_RESTART_SECONDS
        self.look_after()

    def _prepare(self, names: Sequence[str], here: Position) -> None:
        """Give each new sink a place in the journal, and forget those that are no more."""
        files.folder(self._spool).mkdir(mode=0o700, parents=True, exist_ok=True)
        known = {state.name for state in files.states(self._spool)}
        for name in known.difference(names):
            files.forget(self._spool, name)
        for name in names:
            if name not in known:
                promises = bool(getattr(self._plugin_sinks.get(name), "promises", True))
                files.write_state(self._spool, SinkState(name, *here, promises=promises))
        self._names = list(names)

    def look_after(self) -> None:
        """Start the process when it is not there; tell how the sinks are.  Called now and then.

        A machine that lacks what a process needs is trouble of the sinks alone.
        """
        try:
            self._look_after()
        except OSError as error:
            self._say(f"the process of the sinks: {error}")

    def _look_after(self) -> None:
        if self._names and (self._process is None or self._process.poll() is not None):
            now = self._monotonic()
            if now - self._started >= _RESTART_SECONDS:
                self._started = now
                self._start()
        self._tell()

    def _start(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
        command = [sys.executable, "-m", "vosswitch.delivery", self._boot.path]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE)  # noqa: S603 - ourselves
        assert self._process.stdin is not None
        with suppress(OSError):  # it is gone already: the next look starts it again
            self._process.stdin.write(orjson.dumps(self._message, option=orjson.OPT_APPEND_NEWLINE))
            self._process.stdin.flush()

    def _tell(self) -> None:
        now, lines = self._wall_ms(), []
        if self._process is not None and self._process.poll() is not None:
            lines.append(f"the process of the sinks ended with {self._process.returncode}")
        self._leaving = [process for process in self._leaving if process.poll() is None]
        found = files.states(self._spool)
        for state in found:
            if state.name not in self._names:  # a former process was still at work when it was forgotten
                files.forget(self._spool, state.name)
        lines += [self._refused(state) for state in found if state.refused and state.name in self._names]
        failing = [state for state in found if state.failing and state.name in self._names]
        lines += [f"{state.name}: {state.error}" for state in failing if now - state.failing >= _TOLD_AFTER_MS]
        self._say("; ".join(filter(None, lines)))

    def _say(self, text: str) -> None:
        if text != self._told:
            self._told = text
            self._on_trouble(text)

    def _refused(self, state: SinkState) -> str:
        """The line of what a sink refuses for good, until somebody has taken that away."""
        path = files.aside(self._spool, state.name)
        return f"{state.name}: {state.refused} calls refused, kept in {path}: {state.refusal}" if path.exists() else ""

    def floor(self, keep: int) -> int:
        """The oldest segment that has to stay, when the database needs none before *keep*.

        Beyond VS_CDR_SINK_SPOOL the oldest ones go (VS_CDR_SINK_BEYOND): what they held comes out of the database.
        """
        known = segments(self._spool)
        if not known or known[0] >= keep:
            return keep
        found = files.states(self._spool)
        lowest = files.lowest(found)
        if lowest is None or lowest >= keep:
            return keep
        held = [number for number in known if lowest <= number < keep]
        if not self._keeps:
            sizes = {number: segment_path(self._spool, number).stat().st_size for number in held}
            while held and sum(sizes[number] for number in held) > self._longest:
                files.note_let_go(self._spool, held.pop(0))
        files.forget_let_go(self._spool, min(state.segment for state in found))
        return held[0] if held else keep

    def stop(self) -> None:
        """Let the sinks take what the journal has; at most some seconds."""
        self._dismiss()
        for process in self._leaving:
            try:
                process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._leaving.clear()

    def _dismiss(self) -> None:
        """Tell the process to end."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        with suppress(OSError):
            process.stdin.write(b"stop\n")
        with suppress(OSError):
            process.stdin.close()
        self._leaving.append(process)


class NoDelivery:
    """In place of it, where there are no sinks."""

    def follow(self, *_: Any) -> None:
        """Nothing."""

    def look_after(self) -> None:
        """Nothing."""

    def floor(self, keep: int) -> int:
        """Nobody else needs the journal."""
        return keep

    def stop(self) -> None:
        """Nothing."""
