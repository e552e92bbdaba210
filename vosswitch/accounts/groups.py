"""Gateway groups: lines and calls per second that several gateways share, some of them reserved for each member.

The gateways of a group that calls come in from share them, and so do those that calls go out to; both sides count
apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vosswitch.accounts.limits import Limit, Share

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True)
class GatewayGroup:
    """One group.

    :ivar lines: calls at the same time on all its members of one side, None = unlimited.
    :ivar cps: new calls per second, likewise.
    :ivar reserved: lines of them that each member has to itself; of no effect where *lines* is unlimited.
    """

    name: str
    lines: int | None = None
    cps: int | None = None
    reserved: int = 0

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> GatewayGroup:
        """Read a configuration body with every key present."""
        return cls(body["name"], body["lines"], body["cps"], body["reserved"])


def group_key(side: str, group: str) -> str:
    """The counter of a group.

    :param side: ``mapping`` or ``routing``.
    """
    return f"{side}_group:{group}"


def shared_limits(
    side: str, groups: Mapping[str, GatewayGroup], members: Iterable[tuple[str, tuple[str, ...]]]
) -> dict[str, tuple[Limit, ...]]:
    """What a call of each gateway takes of its groups, by the gateway's name; gateways without a group are left out.

    :param members: name and groups of the side's gateways.
    """
    if not groups:
        return {}
    belongs = {name: [groups[group] for group in of if group in groups] for name, of in members if of}
    counters: dict[str, list[str]] = {}
    for name, own in belongs.items():
        for group in own:
            counters.setdefault(group.name, []).append(_member_key(side, group.name, name))
    every = {group: tuple(sorted(keys)) for group, keys in counters.items()}
    return {
        name: tuple(limit for group in own for limit in _limits(side, group, name, every[group.name]))
        for name, own in belongs.items()
        if own
    }


def _member_key(side: str, group: str, name: str) -> str:
    return f"{side}_member:{group}\t{name}"  # no name has a tabulator


def _limits(side: str, group: GatewayGroup, name: str, members: tuple[str, ...]) -> tuple[Limit, ...]:
    key = group_key(side, group.name)
    if not group.reserved or group.lines is None:
        return (Limit(key, group.lines, group.cps),)
    own = _member_key(side, group.name, name)
    return Limit(key, group.lines, group.cps, Share(own, members, group.reserved)), Limit(own)
