"""``vosswitch account``: what is booked by hand, and locks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from vosswitch.cli.granted import tell_granted
from vosswitch.cli.output import cell, show_one
from vosswitch.cli.state import Failed, State, common, note, who
from vosswitch.control.operations import Field
from vosswitch.model.values import money, money_text

if TYPE_CHECKING:
    from vosswitch.store.accounts import Payment

BOOKED = (
    Field("number", "text", "the account"),
    Field("kind", "text", "payment, credit, correction or reversal"),
    Field("amount", "money", "what was added to the balance"),
    Field("balance", "money", "the balance after it"),
    Field("id", "whole", "the row of the ledger"),
    Field("at", "time", "when it was booked"),
    Field("booked", "flag", "no = a booking of that reference was there already, and nothing was booked"),
    Field("unlocked", "flag", "it lifted a lock"),
    Field("lock_reason", "text", "why the account is locked now, null = it is not"),
    Field("expires", "time", "no calls from then on"),
)

LOCKED = (
    Field("number", "text", "the account"),
    Field("locked", "flag", "refuses every call"),
    Field("lock_reason", "text", "why"),
)

_AT = Field("at", "time", "when")

_WHY = click.option("--why", default="", metavar="TEXT", help="A remark for the ledger.")
_REMARK = click.option("--why", default="", metavar="TEXT", help="A remark for the log of changes.")
_NEEDED = click.option("--why", required=True, metavar="TEXT", help="The reason, for the ledger.")
_REFERENCE = click.option(
    "--reference",
    metavar="TEXT",
    help="Makes it happen once: the same one twice is booked once, and the command says so.",
)
_AMOUNT = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?|[+-]?\.[0-9]+")
"""What a person means by an amount: 1e3 and 1_000 are rather slips of the finger."""

_SIGNED = {"ignore_unknown_options": True}


def units(_ctx: click.Context, _param: click.Parameter, value: str | None) -> int | None:
    """An amount of currency in units of 10^-7."""
    if value is None:
        return None
    if not _AMOUNT.fullmatch(value):
        raise click.BadParameter(f"expected an amount such as 12.50, got {value!r}")
    try:
        return money(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _amount(ctx: click.Context, param: click.Parameter, value: str | None) -> int | None:
    found = units(ctx, param, value)
    if found == 0:
        raise click.BadParameter("expected an amount other than zero")
    return found


def _positive(ctx: click.Context, param: click.Parameter, value: str | None) -> int | None:
    found = _amount(ctx, param, value)
    if found is not None and found < 0:
        raise click.BadParameter("expected an amount above zero")
    return found


@click.command(context_settings=_SIGNED)
@click.argument("number")
@click.argument("amount", callback=_amount)
@_WHY
@_REFERENCE
@common
@click.pass_obj
def pay(state: State, number: str, amount: int, why: str, reference: str | None) -> None:
    """Book a payment of AMOUNT to the account NUMBER; a negative one takes money away."""
    _book(state, "payment", number, amount, why, reference)


@click.command(context_settings=_SIGNED)
@click.argument("number")
@click.argument("amount", callback=_positive)
@_WHY
@_REFERENCE
@common
@click.pass_obj
def credit(state: State, number: str, amount: int, why: str, reference: str | None) -> None:
    """Give the account NUMBER a credit of AMOUNT without a payment; "account reverse" takes it back.

    It counts as money: it lifts a lock for lack of balance.  It does not extend the expiry.
    """
    _book(state, "credit", number, amount, why, reference)


@click.command(context_settings=_SIGNED)
@click.argument("number")
@click.argument("amount", required=False, callback=_amount)
@click.option("--to", metavar="BALANCE", callback=units, help="Book what is missing to this balance (0 makes it zero).")
@_NEEDED
@_REFERENCE
@common
@click.pass_obj
def correct(state: State, number: str, amount: int | None, to: int | None, why: str, reference: str | None) -> None:
    """Correct the balance of the account NUMBER by AMOUNT, which may be negative, or --to a balance."""
    if (amount is None) == (to is None):
        raise click.UsageError("expected AMOUNT or --to BALANCE")
    _book(state, "correction", number, amount, why, reference, to)


@click.command()
@click.argument("row", metavar="LEDGER_ID", type=click.IntRange(1))
@_NEEDED
@common
@click.pass_obj
def reverse(state: State, row: int, why: str) -> None:
    """Take the booking LEDGER_ID back, once: a payment, a credit, a correction, the fee or the cost of a call."""
    from vosswitch.store import accounts  # noqa: PLC0415 - SQLAlchemy takes its time

    with state.database.write() as connection:
        done = accounts.reverse(connection, row, who(), why)
    _tell(state, "reversal", done)


@click.command()
@click.argument("number")
@_REMARK
@common
@click.pass_obj
def lock(state: State, number: str, why: str) -> None:
    """Lock the account NUMBER: every call is refused until it is unlocked; no payment lifts this lock."""
    from vosswitch.store import accounts, locks  # noqa: PLC0415 - SQLAlchemy takes its time

    with state.database.write() as connection:
        seq = locks.lock(connection, number, "operator", who(), why)
        found = accounts.show(connection, number)
    _tell_lock(state, number, found.lock_reason, f"was locked already: {found.lock_reason}" if seq is None else "")
    state.make_live(seq)


@click.command()
@click.argument("number")
@_REMARK
@common
@click.pass_obj
def unlock(state: State, number: str, why: str) -> None:
    """Lift the lock of the account NUMBER, whatever its reason."""
    from vosswitch.store import accounts, locks  # noqa: PLC0415 - SQLAlchemy takes its time

    with state.database.write() as connection:
        found = accounts.show(connection, number)
        seq = locks.unlock(connection, number, who(), why)
    _tell_lock(state, number, "", "was not locked" if seq is None else "")
    if found.expires is not None and found.lock_reason == "expiry":
        note(f"{number}: has expired: its calls are refused until a payment or a new expiry extends it")
    state.make_live(seq)


def _book(
    state: State, kind: str, number: str, amount: int | None, why: str, reference: str | None, to: int | None = None
) -> None:
    from vosswitch.store import accounts, changes  # noqa: PLC0415 - SQLAlchemy takes its time
    from vosswitch.store.books import Booking  # noqa: PLC0415

    with state.database.write() as connection:
        if amount is None:
            changes.lock(connection)
            amount = (to or 0) - accounts.show(connection, number, locked=True).balance
            if not amount:
                raise Failed(f"{number}: its balance is {money_text(to or 0)} already")
        done = accounts.book_one(connection, Booking(number, kind, amount, who(), why, reference))
    _tell(state, kind, done)


_WORDS = {"payment": "paid", "credit": "credit of", "correction": "corrected by", "reversal": "reversed by"}


def _tell(state: State, kind: str, done: Payment) -> None:
    booked = done.booked
    if state.format == "json":
        show_one(state, _row(kind, done), BOOKED)
    elif booked.fresh:
        changed = f"{_WORDS[kind]} {money_text(booked.amount)}, balance {money_text(done.balance)}"
        click.echo(f"{booked.account}: {changed}{_standing(state, done)}")
    else:
        at = cell(booked.at, _AT, state.zone)
        click.echo(
            f"{booked.account}: booked already with this reference, row {booked.id} of {at}: nothing was booked; "
            f"balance {money_text(done.balance)}"
        )
    state.make_live(done.seq)
    if booked.amount < 0:
        tell_granted(state, (booked.account,))


def _standing(state: State, done: Payment) -> str:
    """What became of lock and expiry."""
    words = ""
    if done.unlocked:
        words += ", unlocked"
    elif done.after.reason:
        locked = "locked" if done.after.reason != done.before.reason else "still locked"
        words += f", {locked} ({done.after.reason})"
    if done.after.expires is not None and done.after.expires != done.before.expires:
        words += f", expires {cell(done.after.expires, _AT, state.zone)}"
    return words


def _row(kind: str, done: Payment) -> dict[str, Any]:
    booked = done.booked
    return {
        "number": booked.account,
        "kind": kind,
        "amount": booked.amount,
        "balance": done.balance,
        "id": booked.id,
        "at": booked.at,
        "booked": booked.fresh,
        "unlocked": done.unlocked,
        "lock_reason": done.after.reason or None,
        "expires": done.after.expires,
    }


def _tell_lock(state: State, number: str, reason: str, already: str) -> None:
    if state.format == "json":
        show_one(state, {"number": number, "locked": bool(reason), "lock_reason": reason or None}, LOCKED)
    else:
        click.echo(f"{number}: {already or ('locked' if reason else 'unlocked')}")


COMMANDS = (pay, credit, correct, reverse, lock, unlock)
