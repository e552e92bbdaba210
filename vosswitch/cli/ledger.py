"""``vosswitch ledger``: every booking, what the books hold, and whether everything adds up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from vosswitch.cli.moments import HELP, moment
from vosswitch.cli.output import show
from vosswitch.cli.state import Failed, State, common, note
from vosswitch.control.operations import Field
from vosswitch.model.values import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from vosswitch.store.ledger import LedgerRow, Wanted

FIELDS = (
    Field("id", "whole", "number of the booking"),
    Field("at", "time", "when"),
    Field("account", "text", "whose balance it changed"),
    Field("kind", "text", "opening, payment, credit, correction, reversal, call, agent, cost, gift, limit, rent, ..."),
    Field("contra", "text", "the book on the other side"),
    Field("amount", "money", "what was added to the balance, and taken from the book"),
    Field("balance_after", "money", "the balance then"),
    Field("call_id", "text", "the call, for call, agent, cost, gift and limit"),
    Field("who", "text", "who booked it"),
    Field("why", "text", "remark"),
    Field("reference", "text", "makes it happen once"),
    Field("reverses", "whole", "the booking that it takes back"),
)

BOOKS = (
    Field("currency", "text", "what it is counted in; purses = gift seconds and money, and limits"),
    Field("book", "text", "the book; accounts = all balances together"),
    Field("amount", "money", "what it gained; those of a currency add up to 0"),
    Field("rows", "whole", "bookings"),
    Field("help", "text", "what is in it"),
)

FINDINGS = (Field("what", "text", "account, booking, book or call"), Field("finding", "text", "what does not add up"))

_REMARK = Field("remark", "text", "call, reference, what it reverses, why")
_COLUMNS = ("id", "at", "account", "kind", "contra", "amount", "balance_after", "who", "remark")


def ledger_row(row: LedgerRow) -> dict[str, Any]:
    """A booking for programs and tables."""
    values = {field.name: getattr(row, field.name) for field in FIELDS}
    call_id = None if row.call_id is None else str(row.call_id)
    words = (("call", call_id), ("reverses", row.reverses), ("ref", row.reference), ("", row.why or None))
    remark = "; ".join(f"{word} {value}".strip() for word, value in words if value is not None)
    return values | {"call_id": call_id, "remark": remark}


def ledger_view(state: State, *, of_one: bool = False) -> tuple[Sequence[Field], Sequence[str]]:
    """The fields of bookings and the columns of their table.

    :param of_one: all are of one account.
    """
    if state.format == "json":
        return FIELDS, ()
    left_out = "account" if of_one else "balance_after"
    return (*FIELDS, _REMARK), tuple(name for name in _COLUMNS if name != left_out)


def _one_of(name: str) -> Callable[[click.Context, click.Parameter, str | None], str | None]:
    """Only what stands in that mapping of `vosswitch.store.books`, which is imported when somebody asks."""

    def known(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
        from vosswitch.store import books  # noqa: PLC0415 - SQLAlchemy takes its time

        return None if value is None else click.Choice(list(getattr(books, name))).convert(value, param, ctx)

    return known


_SINCE = click.option("--from", "since", metavar="TIME", help=f"Bookings of then or later: {HELP}.")
_UNTIL = click.option("--to", "until", metavar="TIME", help="Bookings before then; a day alone is contained.")


@click.group()
def ledger() -> None:
    """The ledger: bookings, books, and the proof that everything adds up."""


@ledger.command("list")
@click.option("--account", metavar="NUMBER", help="Only of this account.")
@click.option("--kind", metavar="KIND", callback=_one_of("KINDS"), help="Only of this kind: payment, call ...")
@click.option(
    "--book", metavar="BOOK", callback=_one_of("BOOKS"), help="Only with this book on the other side: cash, revenue ..."
)
@click.option("--reference", metavar="TEXT", help="Only with this reference.")
@click.option("--call-id", type=int, metavar="ID", help="Only of this call.")
@_SINCE
@_UNTIL
@click.option("--limit", type=click.IntRange(0), default=100, show_default=True, help="The most bookings; 0 = all.")
@common
@click.pass_obj
def list_(state: State, /, limit: int, since: str | None, until: str | None, **chosen: Any) -> None:
    """Bookings of all accounts, newest first."""
    from vosswitch.store.ledger import bookings, expect  # noqa: PLC0415 - SQLAlchemy takes its time

    wanted = _wanted(state, since, until, chosen)
    with state.database.read() as connection:
        expect(connection, wanted.account)
        rows = map(ledger_row, bookings(connection, wanted, limit))
        show(state, rows, *ledger_view(state), "no bookings")


@ledger.command("books")
@_SINCE
@_UNTIL
@common
@click.pass_obj
def books(state: State, since: str | None, until: str | None) -> None:
    """What each book has gained, by currency; with the accounts it adds up to zero."""
    from vosswitch.store.ledger import held  # noqa: PLC0415 - SQLAlchemy takes its time

    with state.database.read() as connection:
        found = held(connection, _wanted(state, since, until, {}))
    show(state, [row._asdict() for row in found], BOOKS, (), "no bookings")


@ledger.command("check")
@click.option("--calls/--no-calls", default=True, show_default=True, help="Compare calls with their records, too.")
@common
@click.pass_obj
def check(state: State, *, calls: bool) -> None:
    """Prove that the books are right; exit code 1 and a line for each finding when they are not.

    Every balance is the sum of its bookings, each booking goes on from the balance before it, what nodes hold of an
    account is what it has granted, all books and balances together are zero, and every call in the records has its
    bookings and the other way round.  The switch may run meanwhile.
    """
    from vosswitch.store.proof import Proof  # noqa: PLC0415 - SQLAlchemy takes its time

    with state.database.snapshot() as connection:
        proof = Proof(connection, state.zone)
        rows = ({"what": one.what, "finding": one.text} for one in proof.findings(calls=calls))
        if state.format == "json":
            show(state, rows, FINDINGS)
        else:
            for row in rows:
                click.echo(f"{row['what']}: {row['finding']}")
    for text in proof.remarks():
        note(text)
    if proof.count:
        raise Failed(f"{counted(proof.count, 'finding')} in {proof.seen}")
    note(f"{proof.seen}: everything adds up")


def _wanted(state: State, since: str | None, until: str | None, chosen: Mapping[str, Any]) -> Wanted:
    from vosswitch.store.ledger import Wanted  # noqa: PLC0415 - SQLAlchemy takes its time

    earliest = moment("--from", since, state.zone) if since is not None else None
    latest = moment("--to", until, state.zone, end=True) if until is not None else None
    return Wanted(since=earliest, until=latest, **chosen)
