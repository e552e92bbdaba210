"""Whether the tree of agents that a document leads to can be: right kinds, no circle, not too deep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.accounts.agents import MOST_LEVELS, above, tree
from vosswitch.store.provision_schema import ACCOUNTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vosswitch.store.document import Document
    from vosswitch.store.entities import Stored


def agent_problems(document: Document, state: Mapping[str, Mapping[str, Stored]]) -> Iterator[str]:
    """One line for each account of *document* that does not fit into the tree.

    :param state: what there will be, by table and key.
    """
    accounts = state[ACCOUNTS.name]
    touched = [entry for entry in document.entries[ACCOUNTS.name].values() if entry.key in accounts]
    if not touched:
        return
    parents = {number: stored.values["agent"] for number, stored in accounts.items() if stored.values["agent"]}
    if not parents:
        return
    customers: dict[str, list[str]] = {}
    for number, agent in parents.items():
        customers.setdefault(agent, []).append(number)
    for entry in touched:
        for problem in _problems(entry.key, accounts, parents, customers):
            yield f"{entry.where}: {problem}"


def _problems(
    number: str, accounts: Mapping[str, Stored], parents: Mapping[str, str | None], customers: Mapping[str, list[str]]
) -> Iterator[str]:
    values = accounts[number].values
    if values["kind"] != "agent" and number in customers:
        yield f'kind: expected agent, for accounts "{customers[number][0]}" is its customer'
    for customer in customers.get(number, ()):
        if _currency(accounts[customer].values) != _currency(values):
            yield f'currency: expected that of its customer "{customer}"'
            break
    agent = accounts.get(values["agent"] or "")
    if agent is not None:
        yield from _own_problems(number, values, agent.values, parents)
    deepest = _deepest(number, parents) if number in customers and values["agent"] else 0
    if deepest > MOST_LEVELS:
        yield f"agent: expected at most {MOST_LEVELS} agents above an account, below this one there would be {deepest}"


def _own_problems(
    number: str, values: Mapping[str, Any], agent: Mapping[str, Any], parents: Mapping[str, str | None]
) -> Iterator[str]:
    """What is wrong between an account and the agent right above it."""
    if values["kind"] == "clearing":
        yield "agent: expected none, for kind is clearing"
    if agent["kind"] != "agent":
        yield f'agent: expected an account of kind agent, "{agent["number"]}" is {agent["kind"]}'
    if _currency(values) != _currency(agent):
        yield f'agent: expected an account of the same currency, "{agent["number"]}" has another one'
    chain = above(parents, number)
    if number in chain:
        yield f"agent: expected no circle, {' -> '.join([number, *chain[: chain.index(number) + 1]])}"
    elif len(chain) > MOST_LEVELS:
        yield f"agent: expected at most {MOST_LEVELS} agents above an account, there would be {len(chain)}"


def _currency(values: Mapping[str, Any]) -> str:
    return values.get("currency") or ""


def _deepest(number: str, parents: Mapping[str, str | None]) -> int:
    """How many agents there are above the deepest account below *number*."""
    return len(above(parents, number)) + max(depth for depth, _ in tree(parents, number))
