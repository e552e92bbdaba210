"""What a call's record says of the agents above its account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.model.values import money_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from vosswitch.cdr.record import Cdr


def name_agents(cdr: Cdr, agents: Iterable[tuple[str, str]]) -> None:
    """Write the agents down before anything is paid.

    :param agents: number and name of each, the nearest first.
    """
    cdr.agents = [_level(account, name, 0, (0, 0, 0)) for account, name in agents]
    if cdr.agents:
        cdr.agent_account, cdr.agent_name = cdr.agents[0]["account"], cdr.agents[0]["name"]


def bill_agents(cdr: Cdr, paid: Mapping[str, tuple[int, ...]]) -> None:
    """Fill in what each level has paid; its income is what the level below it pays, less that.

    :param paid: fee, tax in it (units of 10^-7) and billed seconds by account; *cdr* has its own fee already.
    """
    if not cdr.agents:
        return
    below, levels = cdr.fee, []
    for level in cdr.agents:
        fee = paid.get(level["account"], (0, 0, 0))
        levels.append(_level(level["account"], level["name"], below, fee))
        below = fee[0]
    cdr.agents = levels
    nearest = levels[0]
    cdr.agent_account, cdr.agent_name = nearest["account"], nearest["name"]
    cdr.agent_fee, cdr.agent_tax, cdr.agent_billed_seconds = paid.get(cdr.agent_account, (0, 0, 0))[:3]


def _level(account: str, name: str, below: int, paid: tuple[int, ...]) -> dict[str, Any]:
    fee, tax, billed = paid[:3]
    return {
        "account": account,
        "name": name,
        "fee": money_text(fee),
        "tax": money_text(tax),
        "billed_seconds": billed,
        "income": money_text(below - fee),
    }
