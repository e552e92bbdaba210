"""Calling numbers out of pools: as billed for a mapping gateway, as sent for a routing gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vosswitch.accounts.limits import Limit
from vosswitch.call.deciding.decision import Refused

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from vosswitch.call.deciding.decision import Decision
    from vosswitch.call.deciding.means import Means
    from vosswitch.model.call import CallAttempt
    from vosswitch.numbers.pools import Turns


class Full(Exception):
    """No number of a pool is free, and its gateway is not to be used without; the argument says which pool."""


def from_pool(
    decision: Decision, whose: str, name: str, caller: str, turns: Turns, in_use: Callable[[str], int], source: Random
) -> tuple[str, tuple[Limit, ...]]:
    """A number of the pool *name* and the counter that it takes; the *caller* where none is free.

    :param whose: name of the gateway; *in_use*: calls that a counter has now.
    :raises Full: none is free and the pool is not to keep the caller.
    """
    pool = decision.snapshot.number_pools.get(name)
    if pool is None:
        return caller, ()
    picked = turns.pick(pool, in_use, source, keep_turn=decision.explaining)
    if picked is None:
        decision.note(whose, f"number pool {name}: none of its {pool.size} numbers is free")
        if pool.when_full == "refuse":
            raise Full(name)
        return caller, ()
    if decision.explaining:
        decision.note(f"{whose}: caller_pool", f"{caller or '-'} -> {picked.number} (of {pool.size} numbers)")
    if pool.reuse is None:
        return picked.number, ()
    return picked.number, (Limit(pool.key(picked.number), pool.reuse if picked.bounded else None),)


def shown_caller(decision: Decision, attempt: CallAttempt, means: Means) -> CallAttempt:
    """The calling number out of the pool of the mapping gateway, if it has one; held as long as the call.

    :raises Refused: none is free and the pool refuses then.
    """
    gateway = decision.gateway
    name = gateway.numbering.caller_pool if gateway is not None else ""
    if gateway is None or not name:
        return attempt
    in_use = means.view(decision).in_use
    try:
        decision.caller, decision.picked = from_pool(
            decision, gateway.name, name, decision.caller, means.turns, in_use, means.source
        )
    except Full:
        raise Refused("line_limit") from None
    return attempt._replace(caller=decision.caller)
