"""What one gateway or phone may use of others, and what it has of its own before its account's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Privileges:
    """Privileges of a mapping gateway, a routing gateway or a phone; `ORDINARY` where nothing special is set.

    :ivar groups: the gateway groups that it belongs to.
    :ivar allowed: names on the other side that it may be connected with; none of it and of *groups_allowed* = all.
    :ivar forbidden: those that it may not; that counts before *allowed*.
    :ivar groups_allowed: gateway groups of the other side, likewise *groups_forbidden*.
    :ivar rate_group: its own price list before its account's; of a routing gateway the vendor's prices.
    :ivar longest_call: seconds, None = no bound of its own.
    :ivar offline_to_gateways: of a phone: ``default``, ``on`` or ``off``.
    """

    groups: tuple[str, ...] = ()
    allowed: frozenset[str] = frozenset()
    forbidden: frozenset[str] = frozenset()
    groups_allowed: frozenset[str] = frozenset()
    groups_forbidden: frozenset[str] = frozenset()
    rate_group: str | None = None
    longest_call: int | None = None
    offline_to_gateways: str = "default"

    @property
    def restricts(self) -> bool:
        """Whether there is anybody on the other side that it may not be connected with."""
        return bool(self.allowed or self.forbidden or self.groups_allowed or self.groups_forbidden)

    @classmethod
    def from_body(cls, body: Mapping[str, Any], other: str = "") -> Privileges:
        """Read them from a configuration body; keys that it does not have are not set.

        :param other: the other side in the names of the fields, ``routing`` or ``mapping``.
        """
        found = cls(
            tuple(body.get("groups") or ()),
            frozenset(body.get(f"{other}_allowed") or ()),
            frozenset(body.get(f"{other}_forbidden") or ()),
            frozenset(body.get("groups_allowed") or ()),
            frozenset(body.get("groups_forbidden") or ()),
            body.get("rate_group"),
            body.get("longest_call"),
            body.get("offline_to_gateways", "default"),
        )
        return ORDINARY if found == ORDINARY else found

    def objection(self, name: str, groups: tuple[str, ...]) -> str:
        """Why a gateway of the other side may not be connected with it, as the end of a sentence; "" = it may.

        :param name: the other gateway's; *groups* those that it belongs to.
        """
        if name in self.forbidden:
            return "forbids it"
        for group in groups:
            if group in self.groups_forbidden:
                return f"forbids its group {group}"
        if not (self.allowed or self.groups_allowed) or name in self.allowed:
            return ""
        return "" if not self.groups_allowed.isdisjoint(groups) else "does not allow it"


ORDINARY = Privileges()
