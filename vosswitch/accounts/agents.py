"""Agents: resellers in a tree.  Each account names the agent whose customer it is; agents may have agents above them.

Everything here looks at a mapping of accounts, so that the switch, the database and who shows accounts to an agent
all see the same tree.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vosswitch.accounts.values import Account

MOST_LEVELS = 8
"""Agents above an account, at most."""


class BrokenChain(LookupError):
    """An agent is missing, or there are too many levels; its text is one line for the operator."""


def chain(accounts: Mapping[str, Account], account: Account) -> tuple[Account, ...]:
    """The agents above *account*, the nearest first.

    :raises BrokenChain: one of them does not exist, or they are more than `MOST_LEVELS` (as in a circle).
    """
    found: list[Account] = []
    number = account.agent
    while number:
        agent = accounts.get(number)
        if agent is None or agent.kind != "agent":
            raise BrokenChain(f"{number} is no agent" if agent is not None else f"{number} does not exist")
        found.append(agent)
        if len(found) > MOST_LEVELS:
            raise BrokenChain(f"more than {MOST_LEVELS} agents above {account.number}")
        number = agent.agent
    return tuple(found)


def above(parents: Mapping[str, str | None], number: str) -> list[str]:
    """The numbers of the agents above an account, the nearest first; a circle ends where it closes."""
    found: list[str] = []
    at = parents.get(number)
    while at and at not in found:
        found.append(at)
        at = parents.get(at)
    return found


def is_own(parents: Mapping[str, str | None], agent: str, number: str) -> bool:
    """Whether an account belongs to an agent's tree: it is the agent's own, or below it.

    This is the one rule of what an agent may see and give.
    """
    return number == agent or (number in parents and agent in above(parents, number))


def tree(parents: Mapping[str, str | None], top: str | None = None) -> Iterator[tuple[int, str]]:
    """Accounts with their depth, each below its agent, in the order of numbers.

    :param top: an agent; None = all trees, of accounts that have somebody above or below them.
    """
    below: dict[str, list[str]] = {}
    for number in sorted(parents):
        agent = parents[number]
        if agent:
            below.setdefault(agent, []).append(number)
    tops = [top] if top is not None else sorted(number for number in below if not parents.get(number))
    waiting = [(0, number) for number in reversed(tops)]
    seen: set[str] = set()
    while waiting:
        depth, number = waiting.pop()
        if number in seen:
            continue
        seen.add(number)
        yield depth, number
        waiting += [(depth + 1, one) for one in reversed(below.get(number, ()))]
