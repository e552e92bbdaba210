"""``vosswitch cards``: phone cards in bulk."""

from __future__ import annotations

import csv
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

import click

from vosswitch.cli.output import show
from vosswitch.cli.state import Failed, State, common, note, who
from vosswitch.control.operations import Field
from vosswitch.model.cards import LONGEST
from vosswitch.model.values import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

FIELDS = (
    Field("number", "text", "the card's account"),
    Field("name", "text", "its name"),
    Field("balance", "money", "what is left of it"),
    Field("rate_group", "text", "its price list"),
    Field("agent", "text", "the agent that sells it"),
    Field("valid_days", "whole", "days from its first use to its expiry, 0 = it has none"),
    Field("expires", "time", "no calls from then on; null = not used yet, or no expiry"),
    Field("locked", "flag", "refuses every call"),
    Field("lock_reason", "text", "why it is locked"),
)
_LOCKED_AT_ONCE = 100
HEADING = ("number", "pin", "amount", "rate_group", "valid_days")


@click.group()
def cards() -> None:
    """Phone cards: made in bulk, listed, locked."""


@cards.command()
@click.option("--count", type=click.IntRange(1, 1_000_000), required=True, help="How many.")
@click.option("--prefix", required=True, metavar="TEXT", help="Their account numbers are this and a serial number.")
@click.option("--amount", default="0", show_default=True, metavar="AMOUNT", help="What is on each.")
@click.option("--rate-group", required=True, metavar="NAME", help="Their price list.")
@click.option("--agent", default="", metavar="NUMBER", help="The agent that sells them.")
@click.option("--valid-days", type=click.IntRange(0, 36_500), default=0, help="Days from the first use to the expiry.")
@click.option("--expires", default="", metavar="TIME", help="No calls from then on, used or not.")
@click.option("--length", type=click.IntRange(6, LONGEST), default=12, show_default=True, help="Digits of a PIN.")
@click.option("--lines", type=click.IntRange(1), default=1, show_default=True, help="Calls of a card at once.")
@click.option("--name", default="", metavar="TEXT", help="Their name, such as the batch's.")
@click.option("--output", metavar="FILE", help="Where the CSV goes, mode 0600; standard output when left out.")
@common
@click.pass_obj
def make(state: State, /, count: int, prefix: str, length: int, output: str | None, **given: Any) -> None:
    """Make cards and write their PINs as CSV, once: nothing can show them again."""
    fields = {name: value for name, value in given.items() if value not in ("", 0)} | {"anti_overdraft": True}
    fields["balance"] = fields.pop("amount")
    seq = None
    with _written(output) as file:
        out = csv.writer(file)
        out.writerow(HEADING)
        for at in range(0, count, _at_once()):
            made, seq = _make(state, prefix, min(_at_once(), count - at), length, fields)
            out.writerows((*card, fields["balance"], fields["rate_group"], given["valid_days"]) for card in made)
            file.flush()
    note(f"{counted(count, 'card')} made")
    state.make_live(seq)


def _at_once() -> int:
    from vosswitch.store.cards import AT_ONCE  # noqa: PLC0415 - SQLAlchemy takes its time

    return AT_ONCE


def _make(state: State, prefix: str, count: int, length: int, fields: dict[str, Any]) -> tuple[list[Any], int | None]:
    from vosswitch.store import cards as stored  # noqa: PLC0415 - SQLAlchemy takes its time

    with state.database.write() as connection:
        return stored.make(connection, state.deployment, prefix, count, length, fields, who())


@contextmanager
def _written(path: str | None) -> Iterator[TextIO]:
    """A file that nobody else can read, and that is not there yet; or standard output."""
    if path is None:
        yield sys.stdout
        return
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Failed(f"{path}: exists already, and may have PINs that are nowhere else") from None
    with os.fdopen(fd, "w", encoding="utf-8", newline="") as file:
        yield file
        file.flush()
        os.fsync(fd)


@cards.command("list")
@click.option("--prefix", default="", metavar="TEXT", help="Only cards whose numbers begin so.")
@common
@click.pass_obj
def list_(state: State, prefix: str) -> None:
    """Cards and what is left of them; PINs are never shown."""
    from vosswitch.store.cards import list_cards  # noqa: PLC0415 - SQLAlchemy takes its time

    with state.database.read() as connection:
        show(state, list_cards(connection, prefix), FIELDS, (), "no cards")


@cards.command()
@click.argument("number", nargs=-1)
@click.option("--prefix", default="", metavar="TEXT", help="All cards whose numbers begin so.")
@click.option("--why", default="", metavar="TEXT", help="A remark for the log of changes.")
@common
@click.pass_obj
def lock(state: State, number: tuple[str, ...], prefix: str, why: str) -> None:
    """Lock cards (reason: operator), such as a batch that was stolen; `vosswitch account unlock` opens one again."""
    from vosswitch.store import cards as stored  # noqa: PLC0415 - SQLAlchemy takes its time

    if bool(number) == bool(prefix):
        raise click.UsageError("expected numbers of cards, or --prefix")
    with state.database.read() as connection:
        known = stored.card_numbers(connection, prefix)
    wrong = sorted(set(number) - set(known))
    if wrong:
        raise Failed(f"no card {wrong[0]}")
    wanted, seq, count = list(number) or known, None, 0
    for at in range(0, len(wanted), _LOCKED_AT_ONCE):
        with state.database.write() as connection:
            done, last = stored.lock(connection, wanted[at : at + _LOCKED_AT_ONCE], who(), why)
        count, seq = count + done, last or seq
    note(f"{counted(count, 'card')} locked" + (f", {len(wanted) - count} were already" if count < len(wanted) else ""))
    state.make_live(seq)
