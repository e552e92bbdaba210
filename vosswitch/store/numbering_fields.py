"""Checks of numbers, mobile areas and number pools, as they are provisioned."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from vosswitch.numbers.checks import KINDS
from vosswitch.numbers.dialplan import parse_plan
from vosswitch.store import fields
from vosswitch.store.fields import Expected
from vosswitch.store.group_fields import MOST_NUMBERS, numbers
from vosswitch.store.inline import table
from vosswitch.store.table import Field, Table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vosswitch.store.fields import Deployment, Reader

_LENGTHS = re.compile(r"([0-9]{1,2})(?:-([0-9]{1,2}))?", re.ASCII)
_ADD = re.compile(r"(?:[0-9+#*]|\{area\}){1,16}", re.ASCII)
_AREA = re.compile(r"[0-9A-Za-z ._-]{1,32}", re.ASCII)


def lengths(value: Any, _deployment: Deployment) -> list[list[int]]:
    """Ranges of lengths, as pairs."""
    items = value if isinstance(value, list) else [value]
    found = []
    for item in items:
        match = _LENGTHS.fullmatch(str(item))
        low, high = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if not 0 <= low <= high <= 64:
            raise Expected('lengths such as [11, "7-8"], from 0 to 64')
        found.append([low, high])
    return found


def group_names(value: Any, deployment: Deployment) -> list[str]:
    """Names of number groups, each once, in order."""
    if not isinstance(value, list):
        raise Expected("a list of names of number groups")
    return list(dict.fromkeys(fields.name(item, deployment) for item in value))


def kinds(value: Any, _deployment: Deployment) -> list[str]:
    """Kinds of numbers, each once."""
    if not isinstance(value, list) or any(item not in KINDS for item in value):
        raise Expected(f"a list of {', '.join(KINDS)}")
    return [kind for kind in KINDS if kind in value]


def _fitting(pattern: re.Pattern[str], words: str) -> Reader:
    def read(value: Any, _deployment: Deployment) -> str:
        text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        if not isinstance(text, str) or not pattern.fullmatch(text):
            raise Expected(words)
        return text

    return read


_check = table(
    {
        "lengths": lengths,
        "digits_only": fields.flag,
        "prefixes_allowed": fields.prefixes,
        "prefixes_denied": fields.prefixes,
        "groups_allowed": group_names,
        "groups_denied": group_names,
        "kinds": kinds,
        "other_area": fields.flag,
    }
)
_mobile_area = table(
    {
        "area": _fitting(_AREA, "the own area, such as 571"),
        "add": _fitting(_ADD, "1-16 of digits, +, #, * and {area}"),
        "numbers": fields.choice("callee", "caller", "both"),
    },
    "area",
)


def _written(value: Any) -> Any:
    if not value or "lengths" not in value:
        return value
    return {**value, "lengths": [low if low == high else f"{low}-{high}" for low, high in value["lengths"]]}


def _groups_of(value: Any) -> Iterable[str]:
    return [*value.get("groups_allowed", ()), *value.get("groups_denied", ())] if value else ()


def _checked(name: str, whose: str) -> Field:
    return Field(
        name,
        fields.optional(_check),
        None,
        _written,
        f"What {whose} has to be like: lengths, prefixes, groups, kinds",
        refers="number_groups",
        named=_groups_of,
    )


def _warnings(plan: str) -> Iterable[str]:
    return parse_plan(plan).warnings


OF_PHONES = (
    _checked("caller_check", "the calling number"),
    _checked("callee_check", "the called number"),
    _checked("forward_check", "every number of a redirection"),
    Field(
        "forward_dial_plan",
        fields.dial_plan,
        "",
        help="Rules for the numbers of redirections; empty = the caller's",
        warn=_warnings,
    ),
    Field("mobile_area", fields.optional(_mobile_area), help="What goes before mobile numbers of other areas"),
)
OF_GATEWAYS = (
    *OF_PHONES,
    Field(
        "caller_pool",
        fields.optional(fields.name),
        help="Number pool that the calling number is taken from",
        refers="number_pools",
    ),
)


def pool_numbers(value: Any, deployment: Deployment) -> list[str]:
    """Numbers and ranges of them."""
    found = numbers(value, deployment)
    if any(text.endswith("*") or text.startswith("/") for text in found):
        raise Expected("numbers and ranges 100-199 only: a number cannot be taken from a prefix or a pattern")
    return found


NUMBER_POOLS = Table(
    "number_pools",
    "number_pool",
    "name",
    (
        Field("name", fields.name, required=True),
        Field("numbers", pool_numbers, (), help=f"At most {MOST_NUMBERS} numbers and ranges"),
        Field(
            "group",
            fields.optional(fields.name),
            help="Number group whose numbers and ranges belong to it too",
            refers="number_groups",
        ),
        Field("choice", fields.choice("random", "turn"), "random", help="How the next number is chosen"),
        Field("reuse", fields.limit, help="Calls at once with one number; left out = unlimited"),
        Field(
            "when_full",
            fields.choice("keep", "refuse", "reuse"),
            "keep",
            help="When all are in use: the own number, not this gateway, or one of them all the same",
        ),
    ),
)
