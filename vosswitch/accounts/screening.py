"""What is set for screening the calls of an account, a mapping gateway or a phone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vosswitch.accounts.sections import Sections
from vosswitch.model.values import Level

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Screening:
    """The settings; `UNSCREENED` when nothing is set, so that calls need one comparison to know.

    :ivar lists: names of lists and of plugins' blacklists.
    :ivar areas_allowed: areas that its calls may come from, none = any; likewise *areas_forbidden*.
    :ivar sections: the calling numbers that it may show, none = any.
    :ivar default_caller: shown instead of another number, "" = such calls are refused.
    :ivar level: the farthest calls that may be made; None = all.
    :ivar dynamic_lists: the dynamic blacklists apply to its calls.
    """

    lists: tuple[str, ...] = ()
    areas_allowed: tuple[str, ...] = ()
    areas_forbidden: tuple[str, ...] = ()
    sections: Sections | None = None
    default_caller: str = ""
    level: Level | None = None
    dynamic_lists: bool = True

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Screening:
        """Read the configuration body of a mapping gateway or a phone."""
        lists, dynamic = tuple(body.get("lists") or ()), body.get("dynamic_lists", True)
        return UNSCREENED if dynamic and not lists else cls(lists, dynamic_lists=dynamic)

    @classmethod
    def of_account(cls, body: Mapping[str, Any]) -> Screening:
        """Read the configuration body of an account."""
        sections = body.get("sections")
        replaced = sections and body["section_policy"] == "replace"
        level = body.get("level") or Level.INTERNATIONAL.value
        found = cls(
            tuple(body.get("lists") or ()),
            tuple(body.get("areas_allowed") or ()),
            tuple(body.get("areas_forbidden") or ()),
            Sections(sections) if sections else None,
            body["default_caller"] if replaced else "",
            None if level == Level.INTERNATIONAL.value else Level(level),
        )
        return UNSCREENED if found == UNSCREENED else found


UNSCREENED = Screening()
