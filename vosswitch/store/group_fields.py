"""Number groups, as they are provisioned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.numbers.groups import BadNumberEntry, number_entry
from vosswitch.store import fields
from vosswitch.store.fields import Expected, Refused
from vosswitch.store.table import Field, Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vosswitch.store.fields import Deployment

MOST_NUMBERS = 10_000
MOST_PATTERNS = 500


def numbers(value: Any, _deployment: Deployment) -> list[str]:
    """Entries of a number group, each once, in order."""
    if not isinstance(value, list) or len(value) > MOST_NUMBERS:
        raise Expected(f"a list of at most {MOST_NUMBERS} numbers")
    found = []
    for item in value:
        text = str(item) if isinstance(item, int) and not isinstance(item, bool) else item
        if not isinstance(text, str):
            raise Expected("numbers such as 4312345, 123*, 100-199 or /43\\d{6}/")
        try:
            found.append(number_entry(text))
        except BadNumberEntry as error:
            raise Refused(f"{text[:80]!r}: expected {error}") from None
    if sum(text.startswith("/") for text in found) > MOST_PATTERNS:
        raise Expected(f"at most {MOST_PATTERNS} patterns")
    return list(dict.fromkeys(found))


def _check_group(values: Mapping[str, Any]) -> None:
    """Calls to emergency numbers are free and nothing stops them: a prefix would let every longer number pass, too."""
    if not values["emergency"]:
        return
    wide = next((text for text in values["numbers"] if text.endswith("*") or text.startswith("/")), None)
    if wide is not None:
        raise ValueError(f"numbers: expected whole numbers and ranges in an emergency group, got {wide!r}")


NUMBER_GROUPS = Table(
    "number_groups",
    "number_group",
    "name",
    (
        Field("name", fields.name, required=True),
        Field("numbers", numbers, (), help="Numbers, 123*, ranges 100-199, /patterns/"),
        Field(
            "table",
            fields.optional(fields.name, ""),
            "",
            help="Number table whose numbers (kind list) or prefixes belong to it too",
            refers="number_tables",
        ),
        Field("emergency", fields.flag, False, help="Its called numbers pass balance, limits, lists and overload"),
    ),
    check=_check_group,
)
