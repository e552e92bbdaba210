"""``vosswitch blacklist`` and ``vosswitch fraud``: whom the running switch holds off for what they did."""

from __future__ import annotations

import click

from vosswitch.cli.output import show, show_one
from vosswitch.cli.state import State, common
from vosswitch.control.screening_operations import BLACKLIST, BLOCK, FRAUD, FRAUD_RELEASE, UNBLOCK


@click.group()
def blacklist() -> None:
    """Dynamic blacklists: numbers that are held off for a while."""


@blacklist.command("list")
@click.argument("number", required=False)
@common
@click.pass_obj
def list_(state: State, number: str | None) -> None:
    """The numbers that are held off, or whether NUMBER is."""
    rows = state.client().call(BLACKLIST.name, **({} if number is None else {"number": number}))
    show(state, rows, BLACKLIST.result, tuple(field.name for field in BLACKLIST.result), "no blocked numbers")


@blacklist.command("block")
@click.argument("number")
@click.option("--of", type=click.Choice(["caller", "callee"]), default="caller", help="As what it is refused.")
@click.option("--minutes", type=click.IntRange(1, 366 * 1440), default=60, show_default=True, help="For how long.")
@click.option("--why", default="", help="A remark.")
@common
@click.pass_obj
def block(state: State, number: str, of: str, minutes: int, why: str) -> None:
    """Hold NUMBER (as billed) off at once."""
    show_one(state, state.client().call(BLOCK.name, number=number, of=of, minutes=minutes, why=why), BLOCK.result)


@blacklist.command("release")
@click.argument("number")
@common
@click.pass_obj
def release(state: State, number: str) -> None:
    """Let NUMBER go; what it did is forgotten."""
    show_one(state, state.client().call(UNBLOCK.name, number=number), UNBLOCK.result)


@click.group()
def fraud() -> None:
    """Fraud rules: what accounts do, against the levels."""


def _chosen(account: str | None, rule: str | None) -> dict[str, str]:
    return {name: text for name, text in (("account", account), ("rule", rule)) if text is not None}


@fraud.command("list")
@click.option("--account", metavar="NUMBER", help="Only this account.")
@click.option("--rule", metavar="NAME", help="Only this fraud rule.")
@click.option("--all", "everything", is_flag=True, help="What is far from its levels, too.")
@common
@click.pass_obj
def fraud_list(state: State, account: str | None, rule: str | None, everything: bool) -> None:
    """What is warned of or blocked now."""
    rows = state.client().call(FRAUD.name, **_chosen(account, rule))
    told = [row for row in rows if everything or row["state"] != "fine"]
    told.sort(key=lambda row: (row["rule"], row["account"], row["destination"] or ""))
    show(state, told, FRAUD.result, tuple(field.name for field in FRAUD.result), "nothing is warned of or blocked")


@fraud.command("release")
@click.argument("account")
@click.option("--rule", metavar="NAME", help="Only what this fraud rule blocks.")
@common
@click.pass_obj
def fraud_release(state: State, account: str, rule: str | None) -> None:
    """Lift what fraud rules hold against ACCOUNT; its figures begin anew.  A lock of the account stays."""
    asked = {"account": account} | ({} if rule is None else {"rule": rule})
    show_one(state, state.client().call(FRAUD_RELEASE.name, **asked), FRAUD_RELEASE.result)
