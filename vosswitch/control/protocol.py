"""The wire of the control socket: one JSON object per line.

Request: ``{"id": 1, "op": "release", "args": {"call_id": "..."}}``.  Answer: ``{"id": 1, "ok": true, "result": ...}``
or ``{"id": 1, "ok": false, "error": {"code": ..., "where": ..., "expected": ...}}``.  A streaming operation answers in
several lines, each with a list as result; all but the last carry ``"more": true``.

Times are epoch milliseconds, money is units of 10^-7; programs that show them convert by the declared field kinds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

REQUEST_LIMIT = 65_536
"""Longest request line, bytes."""

ANSWER_LIMIT = 16 * 1024 * 1024
"""Longest answer line that a client accepts, bytes."""

SLICE = 500
"""Rows of a stream in one line, and in one turn of the reactor."""


class ControlError(Exception):
    """A request that the switch refused.

    :ivar code: ``unknown_operation``, ``bad_request``, ``bad_arguments``, ``refused``, ``not_found``, ``timeout``,
        ``failed``, or one of the operation's own.
    :ivar where: what the trouble is with, such as ``release: call_id``.
    :ivar expected: what would have been right, or what happened.
    """

    def __init__(self, code: str, where: str, expected: str) -> None:
        super().__init__(code, where, expected)
        self.code = code
        self.where = where
        self.expected = expected

    def __str__(self) -> str:
        return f"{self.where}: {self.expected}"


@dataclass(frozen=True, slots=True)
class Request:
    """One line of a client.

    :ivar id: whatever the client gave; it comes back with the answer.
    """

    id: Any
    op: str
    args: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """One line of the server.

    :ivar more: further lines of this answer follow.
    """

    id: Any
    result: Any = None
    error: ControlError | None = None
    more: bool = False


def request_line(request: Request) -> bytes:
    """Write a request, newline included."""
    return orjson.dumps({"id": request.id, "op": request.op, "args": request.args}) + b"\n"


def read_request(line: bytes) -> Request:
    """Read a request line.

    :raises ControlError: ``bad_request``.
    """
    try:
        data = orjson.loads(line)
    except orjson.JSONDecodeError:
        raise ControlError("bad_request", "line", "expected one JSON object per line") from None
    if not isinstance(data, dict):
        raise ControlError("bad_request", "line", "expected a JSON object")
    op, args = data.get("op"), data.get("args", {})
    if not isinstance(op, str) or not isinstance(args, dict):
        raise ControlError("bad_request", "op, args", "expected a text and an object")
    return Request(data.get("id"), op, args)


def answer_line(answer: Answer) -> bytes:
    """Write an answer, newline included.

    :raises TypeError: the result is not JSON-able.
    """
    data: dict[str, Any] = {"id": answer.id, "ok": answer.error is None}
    if answer.error is None:
        data["result"] = answer.result
    else:
        error = answer.error
        data["error"] = {"code": error.code, "where": error.where, "expected": error.expected}
    if answer.more:
        data["more"] = True
    return orjson.dumps(data, option=orjson.OPT_NON_STR_KEYS) + b"\n"


def read_answer(line: bytes) -> Answer:
    """Read an answer line.

    :raises ControlError: ``failed``: what came is no answer of ours.
    """
    try:
        data = orjson.loads(line)
        if data["ok"]:
            return Answer(data["id"], data["result"], None, data.get("more", False))
        error = data["error"]
        return Answer(data["id"], None, ControlError(error["code"], error["where"], error["expected"]))
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise ControlError("failed", "control socket", "the answer could not be read") from None
