"""What an operation of a running switch is declared with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vosswitch.control.protocol import ControlError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument.

    :ivar type: ``text``, ``whole`` (>= 0), ``flag`` or ``time`` (epoch milliseconds).
    :ivar default: used when it is left out; meaningless when *required*.
    """

    name: str
    type: str
    help: str
    required: bool = False
    default: Any = None


@dataclass(frozen=True, slots=True)
class Field:
    """One key of the result, always present (null where it does not apply).

    :ivar kind: ``text``, ``whole``, ``number``, ``flag``, ``time`` (epoch ms), ``money`` (units of 10^-7), ``list``
        or ``object``.
    """

    name: str
    kind: str
    help: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation.

    :ivar stream: the result is a sequence of objects, sent in slices.
    :ivar live: only a running switch can answer; False: the database holds it as well.
    :ivar changes: it changes something (to be logged with who asked).
    """

    name: str
    help: str
    result: tuple[Field, ...]
    arguments: tuple[Argument, ...] = ()
    stream: bool = False
    live: bool = True
    changes: bool = False

    def check(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """Fill in the defaults.

        :raises ControlError: ``bad_arguments``: an unknown one, a missing one, or one of the wrong type.
        """
        known = {argument.name: argument for argument in self.arguments}
        for name in args:
            if name not in known:
                listed = ", ".join(known) or "no arguments"
                raise ControlError("bad_arguments", f"{self.name}: {name}", f"unknown argument; expected {listed}")
        return {name: self._value(argument, args) for name, argument in known.items()}

    def _value(self, argument: Argument, args: Mapping[str, Any]) -> Any:
        value: Any = args.get(argument.name)
        if value is None:
            if argument.required:
                raise ControlError("bad_arguments", f"{self.name}: {argument.name}", f"missing: {argument.help}")
            return argument.default
        kind, text = _TYPES[argument.type]
        if type(value) is not kind or (isinstance(value, int) and value < 0):
            raise ControlError("bad_arguments", f"{self.name}: {argument.name}", f"expected {text}: {argument.help}")
        return value


_TYPES: dict[str, tuple[type, str]] = {
    "text": (str, "a text"),
    "whole": (int, "a whole number >= 0"),
    "flag": (bool, "true or false"),
    "time": (int, "epoch milliseconds"),
}
