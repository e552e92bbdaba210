"""``vosswitch account tree`` and ``account income``: agents, their customers, and what they earn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from vosswitch.cli.moments import HELP, moment
from vosswitch.cli.output import show
from vosswitch.cli.state import State, common
from vosswitch.control.operations import Field

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import Connection

TREE = (
    Field("account", "text", "number, in tables below its agent"),
    Field("name", "text", "its name"),
    Field("kind", "text", "agent, ordinary or phone_card"),
    Field("agent", "text", "the agent right above it"),
    Field("depth", "whole", "how many agents are above it in this tree"),
    Field("balance", "money", "sum of its bookings"),
    Field("rate_group", "text", "its price list"),
    Field("locked", "flag", "refuses every call, and those of its tree"),
)
INCOME = (
    Field("account", "text", "a customer, or an agent right below"),
    Field("name", "text", "its name"),
    Field("calls", "whole", "answered calls of it and all its tree"),
    Field("seconds", "whole", "what it was charged for"),
    Field("paid", "money", "what it has paid"),
    Field("fee", "money", "what the agent has paid for these calls"),
    Field("income", "money", "what the agent keeps"),
)


EARNED = Field("income", "money", "what it has earned as an agent in the period, null = no period was given")

since = click.option("--from", "since", metavar="TIME", help=f"Calls that began then or later: {HELP}.")
until = click.option("--to", "until", metavar="TIME", help="Calls that began before then; a day alone is contained.")


def _period(state: State, since: str | None, until: str | None) -> tuple[int | None, int | None]:
    earliest = moment("--from", since, state.zone) if since is not None else None
    return earliest, moment("--to", until, state.zone, end=True) if until is not None else None


def earned(state: State, connection: Connection, number: str, since: str | None, until: str | None) -> int | None:
    """What an agent has earned in a period; None when neither end of it was given."""
    from vosswitch.store.agent_income import incomes  # noqa: PLC0415 - SQLAlchemy takes its time

    if since is None and until is None:
        return None
    return sum(one.income for one in incomes(connection, number, *_period(state, since, until)))


@click.command()
@click.argument("number", required=False)
@common
@click.pass_obj
def tree(state: State, number: str | None) -> None:
    """Agents with their customers; of the agent NUMBER alone when it is given."""
    from vosswitch.store import accounts  # noqa: PLC0415 - SQLAlchemy takes its time

    with state.database.read() as connection:
        if number is not None:
            accounts.show(connection, number)
        show(state, _tree(connection, number, indent=state.format != "json"), TREE, _SHOWN, "no agents")


_SHOWN = ("account", "name", "kind", "balance", "rate_group", "locked")


def _tree(connection: Connection, top: str | None, *, indent: bool) -> Iterator[Mapping[str, Any]]:
    from vosswitch.accounts import agents  # noqa: PLC0415 - only what a command needs is imported
    from vosswitch.store.agent_income import parents_of  # noqa: PLC0415 - SQLAlchemy takes its time

    found = parents_of(connection)
    for depth, number in agents.tree({key: row.agent for key, row in found.items()}, top):
        row = found[number]._mapping
        yield {**row, "account": f"{'  ' * depth if indent else ''}{number}", "depth": depth}


@click.command()
@click.argument("number")
@since
@until
@common
@click.pass_obj
def income(state: State, /, number: str, **period: str | None) -> None:
    """What the agent NUMBER has earned, by account right below it; the largest income first."""
    from vosswitch.store import accounts  # noqa: PLC0415 - SQLAlchemy takes its time
    from vosswitch.store.agent_income import Income, incomes  # noqa: PLC0415

    with state.database.read() as connection:
        accounts.show(connection, number)
        found = incomes(connection, number, *_period(state, **period))
    if len(found) > 1 and state.format != "json":
        found.append(Income.total(found))
    rows = ({field.name: getattr(one, field.name) for field in INCOME} for one in found)
    show(state, rows, INCOME, (), f"{number}: no calls")


COMMANDS = (tree, income)
