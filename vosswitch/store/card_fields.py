"""The provisioned fields of phone cards and bound numbers, and whether they fit together."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from vosswitch.model.cards import EXPECTED, LONGEST, PIN, SHORTEST, read_access
from vosswitch.store import fields
from vosswitch.store.fields import Deployment, Expected
from vosswitch.store.table import Field

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vosswitch.store.document import Document, Entry
    from vosswitch.store.entities import Stored

MOST_NUMBERS = 1000
_KEYED = re.compile(r"keyed:[0-9a-f]{64}", re.ASCII)


def pin(value: Any, deployment: Deployment) -> str:
    """A PIN as it is kept: keyed with the key file; what a dump has is taken as it is."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str):
        raise Expected(f"a PIN of {SHORTEST}-{LONGEST} digits in quotes")
    if text == "" or _KEYED.fullmatch(text):
        return text
    if not PIN.fullmatch(text):
        raise fields.Refused(f"expected a PIN of {SHORTEST}-{LONGEST} digits in quotes")  # it is not repeated
    return deployment.secrets.keyed(text)


def _numbers(value: Any, deployment: Deployment) -> list[str]:
    if not isinstance(value, list) or len(value) > MOST_NUMBERS:
        raise Expected(f"a list of at most {MOST_NUMBERS} numbers")
    return list(dict.fromkeys(fields.number(item, deployment) for item in value))


def _accesses(value: Any, _deployment: Deployment) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise Expected("a list of texts")
    try:
        found = [read_access(item) for item in value]
    except ValueError:
        raise Expected(EXPECTED) from None
    if len({access.number for access in found}) < len(found):
        raise Expected("each access number once")
    return [str(access) for access in found]


OF_ACCOUNTS = (
    Field("pin", pin, "", help="PIN of a phone card, 4-32 digits; kept keyed. Left out = unchanged"),
    Field("valid_days", fields.whole(0, 36_500), 0, help="Days from a card's first use to its expiry; 0 = it has none"),
    Field("bound_numbers", _numbers, (), help="Calling numbers (as billed) whose calls it pays"),
)

OF_MAPPING_GATEWAYS = (
    Field("card_access", _accesses, (), help='How phone cards are dialled here: "0900123:10", ":10"'),
    Field("bound_billing", fields.flag, False, help="Calls of bound numbers are paid by the account they are bound to"),
)


def keep_card(entry: Entry, values: dict[str, Any], old: Stored | None) -> None:
    """What a document leaves out stays: the PIN, and the expiry that the first use has set.

    :raises ValueError: only a phone card has these.
    """
    if old is not None and "pin" not in entry.values:
        values["pin"] = old.values["pin"]
    if old is not None and "expires" not in entry.values and values["valid_days"] and old.values["valid_days"]:
        values["expires"] = old.values["expires"]
    for name in ("pin", "valid_days"):
        if values[name] and values["kind"] != "phone_card":
            raise ValueError(f"{name}: expected none, for kind is {values['kind']}")


def claim_problems(document: Document, state: Mapping[str, Mapping[str, Stored]]) -> Iterator[str]:
    """One line for each PIN and bound number that two accounts claim; a PIN is not shown."""
    owners: dict[str, str] = {}
    entries = document.entries["accounts"]
    for number, stored in state["accounts"].items() if entries else ():
        for claim in (stored.values["pin"], *stored.values["bound_numbers"]):
            holder = owners.setdefault(claim, number) if claim else number
            if holder == number:
                continue
            at, other = (number, holder) if number in entries else (holder, number)
            if at in entries:
                what = "pin: taken" if _KEYED.fullmatch(claim) else f"bound_numbers: {claim} is bound"
                yield f'{entries[at].where}: {what} already by accounts "{other}"'
