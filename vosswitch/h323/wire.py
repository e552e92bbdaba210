"""What switch and H.323 process tell each other: one message per line of a local socket, in both directions.

A message is a JSON array whose first item is its name.  Values of `vosswitch.model` are written as an object with
one key, the name of their class, over the list of their fields; those of `_LASTING` kinds, which go with every call
of a gateway, as the text of that in a string under ``=``, so that each end makes it once.  *leg* is a number: even
ones are given by the switch, odd ones by the process.

switch to process:

=========  ===================================================================================================
settings   parameters by name (`vosswitch.h323.settings.TOLD`)
place      leg, Placement: call out
say        leg, Signal: `ILeg.send`
forget     leg: nobody listens to it any more
answer     number, value: of a question
orphan     number, what `ILeg.resume_data` gave: end that leg of a former life
do         name, values: anything else (registrations)
stop       release all calls, then end
=========  ===================================================================================================

process to switch:

=========  ===================================================================================================
ready      [Address, ...], text: where it listens, and where it cannot
incoming   leg, Try, LegState, monotonic seconds: a new call
say        leg, Signal, LegState
state      leg, LegState: it has changed without a signal
over       leg: it is over here
ask        number, name, values: answered by ``answer``
tell       name, values: anything else (registrations)
settled    number: the orphan's peer knows, or is given up
log        level, text, {field: text}
counts     {name: number}: once a second, as a sign of life too
=========  ===================================================================================================
"""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from typing import Any, NamedTuple

import orjson

from vosswitch.model import call, causes, h323, identity, peer, session, signals, values

LONGEST = 4_000_000
"""Bytes of one line at most; a real one has a few thousand."""


class BadLine(Exception):
    """The other side says something that it cannot mean; one line says what."""


_NOWHERE = values.Address("", 0, h323.TRANSPORT)


@dataclass(frozen=True, slots=True)
class LegState:
    """What the switch knows of a leg without asking: the attributes of `ILeg`.

    :ivar resume: `ILeg.resume_data`.
    """

    peer_call_id: str = ""
    remote: values.Address = _NOWHERE
    user_agent: str = ""
    status: int = 0
    resume: dict[str, Any] | None = None


_MODULES = (call, causes, h323, identity, peer, session, signals, values)
_KINDS: dict[str, type] = {
    name: kind
    for module in _MODULES
    for name, kind in vars(module).items()
    if isinstance(kind, type) and (is_dataclass(kind) or hasattr(kind, "_fields")) and kind is not NamedTuple
}
_KINDS["LegState"] = LegState


def _fields_of(kind: type) -> tuple[str, ...]:
    if is_dataclass(kind):
        return tuple(item.name for item in fields(kind) if item.init)
    return kind._fields  # type: ignore[attr-defined, no-any-return]


_LASTING = frozenset({peer.PeerProfile})
_MOST_LASTING = 5_000
_texts: dict[int, tuple[Any, str]] = {}
"""Of lasting values, which do not change, by their id; with the value, so that no other gets its id."""
_values: dict[str, Any] = {}
"""Lasting values by their text."""

_FIELDS = {kind: _fields_of(kind) for kind in _KINDS.values()}
_PLAIN = frozenset({str, int, float, bool, type(None)})


def _dumped(value: Any) -> Any:
    """A value as JSON has it."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is tuple or kind is list:
        return [_dumped(item) for item in value]
    if kind in _LASTING:
        return {"=": _text(value)}
    return _dumped_parts(value, kind)


def _dumped_parts(value: Any, kind: type) -> Any:
    names = _FIELDS.get(kind)
    if names is not None:
        return {kind.__name__: [_dumped(getattr(value, name)) for name in names]}
    if kind is dict:
        return {"dict": [[_dumped(key), _dumped(item)] for key, item in value.items()]}
    if kind is bytes:
        return {"bytes": value.hex()}
    if isinstance(value, Enum):
        return value.value
    raise TypeError(f"expected a value of the model, got {kind.__name__}")


def _text(value: Any) -> str:
    known = _texts.get(id(value))
    if known is None:
        if len(_texts) >= _MOST_LASTING:
            _texts.clear()
        dumped = _dumped_parts(value, type(value))
        known = _texts[id(value)] = value, orjson.dumps(_clean(dumped)).decode()
    return known[1]


def _lasting(text: str) -> Any:
    value = _values.get(text)
    if value is None:
        if len(_values) >= _MOST_LASTING:
            _values.clear()
        value = _values[text] = _loaded(orjson.loads(text))
    return value


def _loaded(value: Any) -> Any:
    kind = type(value)
    if kind is list:
        return tuple([_loaded(item) for item in value])
    if kind is not dict:
        return value
    ((name, content),) = value.items()
    if name == "=":
        return _lasting(content)
    if name == "dict":
        return {_loaded(key): _loaded(item) for key, item in content}
    if name == "bytes":
        return bytes.fromhex(content)
    return _KINDS[name](*[_loaded(item) for item in content])


def _clean(value: Any) -> Any:
    """The same without half characters of UTF-16, which JSON cannot carry."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, dict):
        return {_clean(key): _clean(item) for key, item in value.items()}
    return value


def pack(*message: Any) -> bytes:
    """One message as it goes over the socket."""
    dumped = _dumped(message)
    try:
        return orjson.dumps(dumped, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:
        return orjson.dumps(_clean(dumped), option=orjson.OPT_APPEND_NEWLINE)


def unpack(line: bytes) -> tuple[Any, ...]:
    """A message.

    :raises BadLine: it does not come from `pack`.
    """
    try:
        found = _loaded(orjson.loads(line))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadLine(f"{type(error).__name__}: {str(error)[:80]!a} in {line[:60]!a}") from None
    if not isinstance(found, tuple) or not found:
        raise BadLine(f"expected an array, got {line[:60]!a}")
    return found


class Lines:
    """Cuts what comes from the socket into lines."""

    __slots__ = ("_kept", "_size")

    def __init__(self) -> None:
        self._kept: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that *data* completes.

        :raises BadLine: one gets longer than any message is.
        """
        self._kept.append(data)
        self._size += len(data)
        if b"\n" not in data:
            if self._size > LONGEST:
                raise BadLine(f"expected lines of at most {LONGEST} bytes")
            return []
        *lines, rest = b"".join(self._kept).split(b"\n")
        self._kept = [rest] if rest else []
        self._size = len(rest)
        return lines
