"""Checks of a number's form and kind, and the prefix before mobile numbers of other areas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from vosswitch.numbers.areas import area_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vosswitch.numbers.groups import NumberGroup
    from vosswitch.numbers.table import NumberTable

KINDS = ("city", "mobile", "other")


class Surroundings(NamedTuple):
    """What numbers are looked up in.

    :ivar areas: area data (VS_AREA_TABLE), None = there are none; *mobiles* likewise (VS_MOBILE_TABLE).
    """

    groups: Mapping[str, NumberGroup]
    areas: NumberTable | None = None
    mobiles: NumberTable | None = None


@dataclass(frozen=True, slots=True)
class NumberCheck:
    """What a number has to be like; what is empty is not asked.

    :ivar lengths: ranges of its length, both ends included.
    :ivar digits_only: nothing but the digits 0 to 9.
    :ivar prefixes_allowed: it has to begin with one of them; *prefixes_denied* with none of them.
    :ivar groups_allowed: names of number groups of which one has to cover it; *groups_denied* none.
    :ivar kinds: what it may be: ``mobile`` (the mobile table has it), ``city`` (else the area data have it), ``other``.
    :ivar other_area: it may not be of the other side's area (or mobile area), where both are known.
    """

    lengths: tuple[tuple[int, int], ...] = ()
    digits_only: bool = False
    prefixes_allowed: tuple[str, ...] = ()
    prefixes_denied: tuple[str, ...] = ()
    groups_allowed: tuple[str, ...] = ()
    groups_denied: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    other_area: bool = False

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> NumberCheck:
        """Read a configuration body; what it does not have is not asked."""
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in body.items()
        }
        values["lengths"] = tuple((low, high) for low, high in body.get("lengths", ()))
        return cls(**values)

    def objection(self, number: str, other: str, around: Surroundings) -> str:
        """Why *number* may not be used, in the words of the operator; "" when it may.

        :param other: the number of the other side.
        """
        return (
            self._form(number)
            or (self._groups(number, around) if self.groups_allowed or self.groups_denied else "")
            or (self._kind(number, around) if self.kinds else "")
            or (self._area(number, other, around) if self.other_area else "")
        )

    def _form(self, number: str) -> str:
        size = len(number)
        if self.lengths and not any(low <= size <= high for low, high in self.lengths):
            return f"{size} characters are not allowed"
        if self.digits_only and not (number.isascii() and number.isdigit()):
            return "only digits are allowed"
        if self.prefixes_allowed and not number.startswith(self.prefixes_allowed):
            return "it begins with no allowed prefix"
        if self.prefixes_denied and number.startswith(self.prefixes_denied):
            return f"prefix {next(start for start in self.prefixes_denied if number.startswith(start))} is denied"
        return ""

    def _groups(self, number: str, around: Surroundings) -> str:
        for name in self.groups_denied:
            group = around.groups.get(name)
            entry = None if group is None else group.match(number)
            if entry is not None:
                return f"number group {name} has {entry}"
        allowed = [around.groups[name] for name in self.groups_allowed if name in around.groups]
        if self.groups_allowed and not any(group.match(number) for group in allowed):
            return f"it is in none of the number groups {', '.join(self.groups_allowed)}"
        return ""

    def _kind(self, number: str, around: Surroundings) -> str:
        kind = kind_of(number, around)
        return "" if kind in self.kinds else f"{kind} numbers are not allowed"

    def _area(self, number: str, other: str, around: Surroundings) -> str:
        for table in (around.mobiles, around.areas):
            area = area_of(table, number)
            if area and area == area_of(table, other):
                return f"both numbers are of the area {area}"
        return ""


def kind_of(number: str, around: Surroundings) -> str:
    """``mobile``, ``city`` or ``other``."""
    if around.mobiles is not None and around.mobiles.longest(number) is not None:
        return "mobile"
    return "city" if around.areas is not None and around.areas.longest(number) is not None else "other"


@dataclass(frozen=True, slots=True)
class MobileArea:
    """What goes before mobile numbers that are not of a gateway's own area.

    :ivar area: the own area, as the mobile table writes it.
    :ivar add: the text; ``{area}`` in it stands for the number's area.
    :ivar caller: it is for calling numbers; *callee* for called ones.
    """

    area: str
    add: str = "0"
    caller: bool = False
    callee: bool = True

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> MobileArea:
        """Read a configuration body."""
        numbers = body.get("numbers", "callee")
        return cls(body["area"], body.get("add", "0"), numbers != "callee", numbers != "caller")

    def apply(self, number: str, mobiles: NumberTable | None) -> str:
        """The number, with *add* before it when it is a mobile number of another area."""
        area = area_of(mobiles, number)
        return self.add.replace("{area}", area) + number if area and area != self.area else number
