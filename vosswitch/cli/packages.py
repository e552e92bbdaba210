"""``vosswitch packages``: what accounts have of their packages, and what is booked by periods."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from vosswitch.cli.output import cell, plain, show
from vosswitch.cli.state import State, common, note, who
from vosswitch.control.operations import Field

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PACKAGES = Field("packages", "list", "its packages: state, end of the period, what is left of the gifts")

LIST = (
    Field("name", "text", "the package"),
    Field("rent", "money", "price of a period"),
    Field("period", "text", "day, week, month, year or a number of days"),
    Field("gift_seconds", "whole", "all its gift minutes of a period, seconds"),
    Field("gift_money", "money", "its gift money of a period"),
    Field("minimum_consumption", "money", "what the calls of a period cost at least"),
    Field("priority", "whole", "the smallest is used first"),
    Field("accounts", "whole", "accounts that have it now"),
    Field("resting", "whole", "those that could not pay its rent"),
)

SHOWN = (
    Field("account", "text", "who has it"),
    Field("package", "text", "the package"),
    Field("state", "text", "active, or resting: its rent is not paid"),
    Field("since", "time", "beginning of the period"),
    Field("until", "time", "end of the period"),
    Field("gift_seconds", "whole", "gift minutes that are left, seconds"),
    Field("gift_money", "money", "gift money that is left"),
)

BOOKED = (
    Field("account", "text", "account or purse"),
    Field("kind", "text", "rent, minimum, gift or limit"),
    Field("amount", "money", "what was added to the balance"),
    Field("reference", "text", "what makes it happen once"),
)


@click.group()
def packages() -> None:
    """Packages of accounts, and spending limits of phones."""


@packages.command("list")
@common
@click.pass_obj
def list_(state: State) -> None:
    """All packages, and how many accounts have them."""
    from vosswitch.store import entities, subscriptions  # noqa: PLC0415 - SQLAlchemy takes its time
    from vosswitch.store.package_fields import PACKAGES as TABLE  # noqa: PLC0415 - likewise

    with state.database.read() as connection:
        counts = subscriptions.counts(connection)
        rows = []
        for name, stored in entities.read_all(connection, TABLE):
            given = sum(gift["seconds"] for gift in stored.values["gift_minutes"])
            active, resting = counts.get(name, (0, 0))
            rows.append(stored.values | {"gift_seconds": given, "accounts": active + resting, "resting": resting})
    show(state, rows, LIST, (), "no packages")


@packages.command("show")
@click.argument("account", required=False)
@common
@click.pass_obj
def show_(state: State, account: str | None) -> None:
    """What is left of the packages of ACCOUNT, or of all accounts."""
    from vosswitch.store import accounts, subscriptions  # noqa: PLC0415 - SQLAlchemy takes its time

    with state.database.read() as connection:
        if account is None:
            found = [{"account": number, **row} for number, row in subscriptions.all_standing(connection)]
        else:
            accounts.show(connection, account)
            found = [{"account": account, **row} for row in subscriptions.standing(connection, account)]
    show(state, found, SHOWN, (), "no packages")


@packages.command()
@common
@click.pass_obj
def run(state: State) -> None:
    """Book what is due now: rents, gifts, minimum consumption, spending limits.

    A running switch does that by itself within a second.
    """
    from vosswitch.store import subscriptions  # noqa: PLC0415 - SQLAlchemy takes its time
    from vosswitch.store.changes import last_seq  # noqa: PLC0415 - likewise

    now = time.time_ns() // 1_000_000
    booked: list[tuple[str, str, int, str]] = []
    with state.database.read() as connection:
        subjects, before = sorted(subscriptions.wanted(connection)), last_seq(connection)
    short = 0
    for subject in subjects:
        more = True
        while more:
            with state.database.write() as connection:
                done = subscriptions.bring(connection, subject, state.zone, now, who())
            booked += done.booked
            more = done.more
        short += bool(done.short)
    show(
        state,
        [dict(zip((field.name for field in BOOKED), row, strict=True)) for row in booked],
        BOOKED,
        (),
        "nothing is due",
    )
    if short:
        note(f"{short} accounts wait for money that running nodes hold: their switches do the rest")
    with state.database.read() as connection:
        after = last_seq(connection)
    if after != before:
        state.make_live(after)


def package_rows(state: State, rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The packages of an account, as they stand in its view."""
    fields = {field.name: field for field in SHOWN}
    if state.format == "json":
        return [{name: plain(value, fields[name].kind) for name, value in row.items()} for row in rows]
    return [
        {name: cell(value, fields[name], state.zone) for name, value in row.items() if value or name != "gift_money"}
        for row in rows
    ]
