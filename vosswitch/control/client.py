"""The blocking client of the control socket, for command line, web threads and tests; no Twisted."""

from __future__ import annotations

import socket
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Any

from vosswitch.control.protocol import ANSWER_LIMIT, Answer, ControlError, Request, read_answer, request_line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType


class NotRunning(Exception):
    """Nobody answers at the control socket, or the switch stopped while it was asked."""


class ControlClient:
    """Asks a running switch; connects at the first question.  Not for use by several threads at once.

    :param path: the control socket.
    :param timeout: seconds to wait for each line of an answer.
    """

    __slots__ = ("_buffer", "_ids", "_path", "_socket", "_timeout")

    def __init__(self, path: str, timeout: float = 15.0) -> None:
        self._path = path
        self._timeout = timeout
        self._socket: socket.socket | None = None
        self._buffer = bytearray()
        self._ids = count(1)

    def call(self, op: str, **args: Any) -> Any:
        """Ask for one result; a stream's rows come as one list.

        :raises NotRunning: there is no switch to ask.
        :raises ControlError: it refused, or took too long (``timeout``).
        """
        answers = self._ask(op, args)
        first = next(answers)
        if not first.more:
            return first.result
        rows = list(first.result)
        for answer in answers:
            rows.extend(answer.result)
        return rows

    def stream(self, op: str, **args: Any) -> Iterator[Any]:
        """Ask for rows and give them as they come; same errors as `call`."""
        for answer in self._ask(op, args):
            yield from answer.result

    def close(self) -> None:
        """Hang up; the next question connects again."""
        connection, self._socket = self._socket, None
        self._buffer.clear()
        if connection is not None:
            connection.close()

    def __enter__(self) -> ControlClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, op: str, args: dict[str, Any]) -> Iterator[Answer]:
        """The answer's lines; a connection with half an answer on it is not used again."""
        complete = False
        try:
            request = Request(next(self._ids), op, args)
            self._send(request_line(request))
            while not complete:
                answer = read_answer(self._line())
                complete = not answer.more and answer.id == request.id
                if answer.error is not None:
                    raise answer.error
                yield answer
        except TimeoutError:
            raise ControlError("timeout", op, f"no answer within {self._timeout:g} s") from None
        finally:
            if not complete:
                self.close()

    def _send(self, data: bytes) -> None:
        if self._socket is None:
            self._socket = self._connect()
        # A server that refuses us says so and hangs up without reading; what it said is still there to be read.
        with suppress(BrokenPipeError, ConnectionResetError):
            self._socket.sendall(data)

    def _connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(self._timeout)
        try:
            connection.connect(self._path)
        except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
            connection.close()
            raise NotRunning(f"no switch is running at {self._path}") from None
        except PermissionError:
            connection.close()
            expected = "expected root, the switch's user or a member of the socket's group"
            raise ControlError("refused", self._path, expected) from None
        except OSError as error:
            connection.close()
            raise ControlError("failed", self._path, str(error.strerror or error)) from None
        return connection

    def _line(self) -> bytes:
        connection, buffer = self._socket, self._buffer
        assert connection is not None
        seen = 0
        while (end := buffer.find(b"\n", seen)) < 0:
            seen = len(buffer)
            if seen > ANSWER_LIMIT:
                raise ControlError("failed", self._path, f"an answer longer than {ANSWER_LIMIT} bytes")
            try:
                data = connection.recv(262_144)
            except ConnectionResetError:
                data = b""
            if not data:
                raise NotRunning(f"{self._path}: the switch stopped before it answered")
            buffer += data
        line = bytes(buffer[:end])
        del buffer[: end + 1]
        return line
