"""``vosswitch account``: who pays, and what they have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from vosswitch.cli import agents, bookings
from vosswitch.cli.ledger import ledger_row, ledger_view
from vosswitch.cli.output import show, show_one
from vosswitch.cli.packages import PACKAGES, package_rows
from vosswitch.cli.state import State, common
from vosswitch.control.client import NotRunning
from vosswitch.control.operations import LIMITS, Field

if TYPE_CHECKING:
    from vosswitch.store.accounts import Account

FIELDS = (
    Field("number", "text", "the account"),
    Field("name", "text", "its name"),
    Field("kind", "text", "ordinary, clearing, agent or phone_card"),
    Field("currency", "text", "of its money, null = the deployment's, which has no name"),
    Field("balance", "money", "sum of its bookings"),
    Field("overdraft_limit", "money", "how far below zero it may go, null = unlimited"),
    Field("granted", "money", "part of the balance that nodes hold for running and coming calls"),
    Field("available", "money", "what is neither spent nor granted, null = without a bound"),
    Field("anti_overdraft", "flag", "money is reserved for every call, which is cut when it is used up"),
    Field("rate_group", "text", "its price list"),
    Field("calls", "whole", "calls now, null = the switch is not running"),
    Field("lines", "whole", "calls at once, null = unlimited"),
    Field("cps", "whole", "new calls per second, null = unlimited"),
    Field("locked", "flag", "refuses every call"),
    Field("lock_reason", "text", "why it is locked"),
    Field("expires", "time", "no calls from then on"),
    Field("created", "time", "when it was created"),
    Field("agent", "text", "the agent whose customer it is"),
)

_COLUMNS = ("number", "name", "kind", "balance", "overdraft_limit", "rate_group", "calls", "lines", "cps", "locked")


@click.group()
def account() -> None:
    """Accounts: balances, payments, bookings, locks."""


@account.command("list")
@click.option("--purses", is_flag=True, help="Those, too, that hold what packages give and phones may spend.")
@common
@click.pass_obj
def list_(state: State, purses: bool) -> None:
    """All accounts."""
    from vosswitch.store.accounts import list_accounts  # noqa: PLC0415 - SQLAlchemy takes its time
    from vosswitch.store.currency_fields import PARAMETER  # noqa: PLC0415 - likewise
    from vosswitch.store.listings import parameter_texts  # noqa: PLC0415 - likewise

    with state.database.read() as connection:
        calls, own = _calls(state), parameter_texts(connection).get(PARAMETER, "")
        rows = (_row(found, calls, own) for found in list_accounts(connection, purses=purses))
        show(state, rows, FIELDS, _COLUMNS, "no accounts")


@account.command("show")
@click.argument("number")
@agents.since
@agents.until
@common
@click.pass_obj
def show_(state: State, number: str, since: str | None, until: str | None) -> None:
    """One account with everything about it; with --from or --to what it has earned then as an agent."""
    from vosswitch.store import accounts, subscriptions  # noqa: PLC0415 - SQLAlchemy takes its time
    from vosswitch.store.currency_fields import PARAMETER  # noqa: PLC0415 - likewise
    from vosswitch.store.listings import parameter_texts  # noqa: PLC0415 - likewise

    with state.database.read() as connection:
        found = accounts.show(connection, number)
        own = parameter_texts(connection).get(PARAMETER, "")
        more = {
            "packages": package_rows(state, subscriptions.standing(connection, number)),
            "income": agents.earned(state, connection, number, since, until),
        }
    show_one(state, _row(found, _calls(state), own) | more, (*FIELDS, agents.EARNED, PACKAGES))


@account.command("ledger")
@click.argument("number")
@click.option("--limit", type=click.IntRange(0), default=100, show_default=True, help="The most bookings; 0 = all.")
@common
@click.pass_obj
def ledger_(state: State, number: str, limit: int) -> None:
    """The bookings of an account, newest first."""
    from vosswitch.store import accounts  # noqa: PLC0415 - SQLAlchemy takes its time

    with state.database.read() as connection:
        accounts.show(connection, number)
        rows = map(ledger_row, accounts.history(connection, number, limit))
    show(state, rows, *ledger_view(state, of_one=True), f"{number}: no bookings")


for _command in (*bookings.COMMANDS, *agents.COMMANDS):
    account.add_command(_command)


def _calls(state: State) -> dict[str, int] | None:
    """Calls now by account; None when the switch is not running."""
    try:
        return {row["name"]: row["calls"] for row in state.client().call(LIMITS.name, kind="account")}
    except NotRunning:
        return None


def _row(found: Account, calls: dict[str, int] | None, own: str) -> dict[str, Any]:
    """An account as it is shown; *own* is the deployment's currency."""
    values = {field.name: getattr(found, field.name, None) for field in FIELDS}
    now = None if calls is None else calls.get(found.number, 0)
    return values | {
        "lock_reason": found.lock_reason or None,
        "calls": now,
        "currency": found.currency or own or None,
    }
