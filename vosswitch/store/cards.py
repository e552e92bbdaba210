"""Phone cards in bulk: made, listed, locked."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import select

from vosswitch.store import locks
from vosswitch.store.entities import read_all
from vosswitch.store.provision import apply_load
from vosswitch.store.provision_schema import ACCOUNTS
from vosswitch.store.schema import account

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from sqlalchemy import Connection

    from vosswitch.store.fields import Deployment

AT_ONCE = 500
"""Cards of one transaction, which holds up other writers."""
_WIDTH = 6


class Card(NamedTuple):
    """A card that was just made; its PIN is nowhere else."""

    number: str
    pin: str


class NoRoom(ValueError):
    """There are too many cards for PINs of this length; its text is one line for the operator."""


def next_serial(connection: Connection, prefix: str) -> int:
    """The first serial number that no account beginning with *prefix* has."""
    like = account.c.number.startswith(prefix, autoescape=True)
    tails = (number[len(prefix) :] for number in connection.scalars(select(account.c.number).where(like)))
    return max((int(tail) for tail in tails if tail.isdigit() and tail.isascii()), default=0) + 1


def make(
    connection: Connection,
    deployment: Deployment,
    prefix: str,
    count: int,
    length: int,
    fields: Mapping[str, Any],
    who: str,
) -> tuple[list[Card], int | None]:
    """Make up to `AT_ONCE` cards in the caller's transaction.

    :param length: digits of the PINs.
    :param fields: as provisioned, the same for each: ``rate_group``, ``balance`` ...
    :returns: the cards, and the number of the change.
    :raises NoRoom: one in a thousand PINs would be in use.
    :raises vosswitch.store.document.BadDocument: the fields do not fit.
    """
    held = {stored.values["pin"] for _, stored in read_all(connection, ACCOUNTS)} - {""}
    if (len(held) + count) * 1000 > 10**length:
        raise NoRoom(f"--length: expected more digits, for there would be {len(held) + count} PINs")
    first = next_serial(connection, prefix)
    cards = []
    for serial in range(first, first + count):
        pin = _fresh_pin(deployment, length, held)
        cards.append(Card(f"{prefix}{serial:0{_WIDTH}}", pin))
    rows = [{**fields, "number": card.number, "kind": "phone_card", "pin": card.pin} for card in cards]
    loaded = apply_load(connection, {"accounts": rows}, deployment, "cards", who)
    return cards, loaded.seq


def _fresh_pin(deployment: Deployment, length: int, held: set[str]) -> str:
    """A random PIN whose keyed hash is not among *held*; it is added there."""
    while True:
        pin = str(secrets.randbelow(10**length)).zfill(length)
        keyed = deployment.secrets.keyed(pin)
        if keyed not in held:
            held.add(keyed)
            return pin


def card_numbers(connection: Connection, prefix: str) -> list[str]:
    """The numbers of all cards that begin so."""
    own = (account.c.kind == "phone_card") & account.c.number.startswith(prefix, autoescape=True)
    return list(connection.scalars(select(account.c.number).where(own).order_by(account.c.number)))


def list_cards(connection: Connection, prefix: str) -> Iterator[dict[str, Any]]:
    """Cards whose numbers begin so, as listings show them."""
    own = (account.c.kind == "phone_card") & account.c.number.startswith(prefix, autoescape=True)
    for row in connection.execute(select(account).where(own).order_by(account.c.number)):
        values = {name: row._mapping[name] for name in _SHOWN}
        yield values | {
            "valid_days": (row.settings or {}).get("valid_days") or 0,
            "lock_reason": row.lock_reason or None,
        }


_SHOWN = ("number", "name", "balance", "rate_group", "agent", "expires", "locked")


def lock(connection: Connection, numbers: Iterable[str], who: str, why: str) -> tuple[int, int | None]:
    """Lock cards in the caller's transaction; how many were open, and the number of the last change."""
    found = [seq for number in numbers if (seq := locks.lock(connection, number, "operator", who, why)) is not None]
    return len(found), found[-1] if found else None
