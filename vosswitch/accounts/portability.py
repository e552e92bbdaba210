"""Ported numbers (LRN, MNP) and jurisdiction, as gateways name them and as a call carries them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from vosswitch.numbers.dialplan import NO_PLAN, DialPlan, parse_plan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vosswitch.numbers.table import NumberTable

INTERSTATE, INTRASTATE, UNDETERMINED = "interstate", "intrastate", "undetermined"

_plan = lru_cache(maxsize=1024)(parse_plan)


class Ported(NamedTuple):
    """What came of asking whether a number is ported.

    :ivar lrn: the routing number, "" = not ported.
    :ivar source: ``table``, ``record``, or the number query's name.
    :ivar ms: how long it took.
    :ivar sent: the number that goes out in place of the called one, "" = that one.
    """

    lrn: str
    source: str
    ms: int
    sent: str = ""


@dataclass(frozen=True, slots=True)
class Portability:
    """How ported numbers are found, and what is done with them.

    :ivar source: ``table``, ``http``, ``sip`` or a plugin's number query.
    :ivar dial_plan: makes the number that is asked of the called one; *lrn_dial_plan* what is used of the answer.
    :ivar prefixes: of the called numbers that are asked; none = all.
    :ivar refuse: whether a call without an answer is refused (``lrn_failed``); otherwise it goes on unchanged.
    :ivar result: ``number`` (routed by it), ``prefix`` (put before the called number) or ``parameter`` (rn only).
    :ivar rate_by_lrn: the rates are those of the routing number.
    :ivar cache: answers that are kept, so many seconds: *cache_seconds*.
    :ivar most: questions under way at once.
    """

    name: str
    source: str = "table"
    table: str = ""
    url: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    key_file: str = ""
    answer: str = ""
    gateway: str = ""
    dial_plan: DialPlan = NO_PLAN
    lrn_dial_plan: DialPlan = NO_PLAN
    prefixes: tuple[str, ...] = ()
    deadline: float = 0.5
    refuse: bool = False
    result: str = "number"
    rate_by_lrn: bool = False
    cache: int = 10_000
    cache_seconds: int = 300
    most: int = 100

    @property
    def by_caller(self) -> bool:
        """Whether an answer may depend on the calling number."""
        return "{caller}" in self.url or self.source not in ("table", "http", "sip")

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Portability:
        """Read a configuration body with every key present."""
        pairs = [header.partition(":") for header in body["headers"]]
        return cls(
            name=body["name"],
            source=body["source"],
            table=body["table"],
            url=body["url"],
            headers=tuple((name.strip(), value.strip()) for name, _, value in pairs),
            key_file=body["key_file"],
            answer=body["answer"],
            gateway=body["gateway"],
            dial_plan=_plan(body["dial_plan"]),
            lrn_dial_plan=_plan(body["lrn_dial_plan"]),
            prefixes=tuple(body["prefixes"]),
            deadline=body["deadline_ms"] / 1000,
            refuse=body["on_failure"] == "refuse",
            result=body["result"],
            rate_by_lrn=body["rate_by"] == "lrn",
            cache=body["cache_size"],
            cache_seconds=body["cache_seconds"],
            most=body["most"],
        )


@dataclass(frozen=True, slots=True)
class Jurisdiction:
    """Ported numbers and rate groups by jurisdiction of one gateway.

    :ivar portability: name of how ported numbers are found, "" = they are not (mapping gateways only).
    :ivar table: number table with the state of each NPA-NXX, "" = no jurisdiction (mapping gateways only).
    :ivar groups: rate groups by jurisdiction.
    """

    portability: str = ""
    table: str = ""
    groups: tuple[tuple[str, str], ...] = ()

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Jurisdiction:
        """Read what a gateway's body has of it; the shared default when that is nothing."""
        kinds = (INTERSTATE, INTRASTATE, UNDETERMINED)
        found = [(kind, body.get(f"rate_group_{kind}")) for kind in kinds]
        groups = tuple([(kind, group) for kind, group in found if group])
        portability, table = body.get("portability") or "", body.get("jurisdiction") or ""
        return cls(portability, table, groups) if portability or table or groups else NO_JURISDICTION

    def group(self, kind: str) -> str | None:
        """The rate group of calls of that jurisdiction; None = as usual."""
        return next((group for name, group in self.groups if name == kind), None)


NO_JURISDICTION = Jurisdiction()


def jurisdiction_of(states: NumberTable, caller: str, callee: str) -> str:
    """Whether a call stays within a state; "" for a called number outside the North American numbering plan.

    :param callee: the routing number where it is known.
    """
    called = _npanxx(callee)
    if called is None:
        return ""
    calling = _npanxx(caller)
    there = states.longest(called)
    here = None if calling is None else states.longest(calling)
    if there is None or here is None:
        return UNDETERMINED
    return INTRASTATE if here[1] == there[1] else INTERSTATE


def state_of(states: NumberTable, number: str) -> str:
    """The state of a number; "" = it is not known."""
    key = _npanxx(number)
    found = None if key is None else states.longest(key)
    return "" if found is None else found[1]


def _npanxx(number: str) -> str | None:
    """The area code and exchange of a number of the North American numbering plan: NXX-NXX."""
    digits = number.removeprefix("+")
    if len(digits) == 11 and digits[0] == "1":
        digits = digits[1:]
    if len(digits) != 10 or not (digits.isascii() and digits.isdecimal()) or digits[0] in "01" or digits[3] in "01":
        return None
    return digits[:6]
