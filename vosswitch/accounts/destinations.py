"""Limits of calls to called numbers that begin alike: of the system, of each account, or of each gateway."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vosswitch.accounts.limits import Limit

if TYPE_CHECKING:
    from collections.abc import Mapping

SCOPES = ("system", "account", "mapping_gateway", "routing_gateway")


@dataclass(frozen=True, slots=True)
class DestinationLimit:
    """Lines and calls per second to some prefixes.

    :ivar scope: who has them: the ``system``, or each ``account``, ``mapping_gateway`` or ``routing_gateway`` for
        itself.
    :ivar only: the accounts or gateways that are limited; none = each.
    """

    name: str
    prefixes: tuple[str, ...]
    lines: int | None = None
    cps: int | None = None
    scope: str = "system"
    only: frozenset[str] = frozenset()

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> DestinationLimit:
        """Read a configuration body with every key present."""
        scope = body["scope"]
        only = frozenset(body[f"{scope}s"] if scope != "system" else ())
        return cls(body["name"], tuple(body["prefixes"]), body["lines"], body["cps"], scope, only)

    def limit(self, whose: str) -> Limit | None:
        """What a call takes of it; None when it does not limit this account or gateway.

        :param whose: its number or name, "" for the system.
        """
        if self.only and whose not in self.only:
            return None
        key = destination_key(self.name)
        return Limit(f"{key}\t{whose}" if whose else key, self.lines, self.cps)


def destination_key(name: str) -> str:
    """The counter of a limit; that of one account or gateway has its name behind a tabulator."""
    return f"destination:{name}"


class Destinations:
    """Every destination limit, found by the called number; immutable and false when there is none.

    :ivar outgoing: whether one of them is of routing gateways.
    """

    __slots__ = ("_by_prefix", "_lengths", "outgoing")

    def __init__(self, limits: Mapping[str, DestinationLimit]) -> None:
        found: dict[str, list[DestinationLimit]] = {}
        for _, one in sorted(limits.items()):
            for prefix in one.prefixes:
                found.setdefault(prefix, []).append(one)
        self._by_prefix = {prefix: tuple(ones) for prefix, ones in found.items()}
        self._lengths = tuple(sorted({len(prefix) for prefix in found}))
        self.outgoing = any(one.scope == "routing_gateway" for one in limits.values())

    def __bool__(self) -> bool:
        return bool(self._by_prefix)

    def of(self, callee: str) -> list[DestinationLimit]:
        """Every limit that a prefix of the called number names, each once."""
        found: list[DestinationLimit] = []
        size = len(callee)
        for length in self._lengths:
            if length > size:
                break
            for one in self._by_prefix.get(callee[:length], ()):
                if one not in found:
                    found.append(one)
        return found


NO_DESTINATIONS = Destinations({})
