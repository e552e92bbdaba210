"""Black and white lists, and what the lists of one level say about a call.

A level is the system, the account, the caller's gateway or phone, or a routing gateway.  On each level by itself, and
for the calling and the called number by themselves: a number on an ``allow`` list passes all other lists of the level;
a number on a ``deny`` list is refused (``blacklisted``); where there are ``only`` lists, a number that is on none of
them is refused (``caller_restricted``, ``callee_restricted``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from vosswitch.model.call import Reject
from vosswitch.numbers.entries import NumberSet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from vosswitch.model.call import CallAttempt
    from vosswitch.numbers.groups import NumberGroup
    from vosswitch.numbers.table import NumberTable

ACTIONS = ("deny", "allow", "only")
SIDES = ("caller", "callee")
_BOTH = {"caller": ("caller",), "callee": ("callee",), "both": SIDES}


class ScreeningList:
    """A black or white list.

    :ivar action: ``deny``, ``allow`` or ``only``.
    :ivar sides: the numbers that it is about: ``caller``, ``callee``.
    :ivar system: whether it is asked for every call.
    :ivar groups: number groups whose numbers are on it; *tables*: number tables, the numbers in them as they stand;
        *prefix_tables*: number tables whose numbers are prefixes.
    """

    __slots__ = ("_own", "action", "entries", "groups", "name", "prefix_tables", "sides", "system", "tables")

    def __init__(self, name: str, action: str = "deny", of: str = "both", entries: Iterable[str] = ()) -> None:
        self.name = name
        self.action = action
        self.sides = _BOTH[of]
        self.entries = NumberSet(entries)
        self._own = bool(self.entries)
        self.system = False
        self.groups: tuple[str, ...] = ()
        self.tables: tuple[str, ...] = ()
        self.prefix_tables: tuple[str, ...] = ()

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> ScreeningList:
        """Read a configuration body."""
        found = cls(body["name"], body.get("action", "deny"), body.get("of", "both"), body.get("entries", ()))
        found.system = body.get("system", False)
        found.groups = tuple(body.get("groups", ()))
        found.tables = tuple(body.get("tables", ()))
        found.prefix_tables = tuple(body.get("prefix_tables", ()))
        return found

    def match(self, number: str, known: Known) -> str | None:
        """What of it covers *number*; None = it is not on it."""
        if self._own:
            entry = self.entries.match(number)
            if entry is not None:
                return entry
        for name in self.tables:
            table = known.tables.get(name)
            if table is not None and table.get(number) is not None:
                return f"{number} in table {name}"
        return self._elsewhere(number, known) if self.prefix_tables or self.groups else None

    def _elsewhere(self, number: str, known: Known) -> str | None:
        for name in self.prefix_tables:
            table = known.tables.get(name)
            found = table.longest(number) if table is not None else None
            if found is not None:
                return f"{found[0]}* in table {name}"
        for name in self.groups:
            group = known.groups.get(name)
            entry = group.match(number) if group is not None else None
            if entry is not None:
                return f"{entry} in group {name}"
        return None


class Known(NamedTuple):
    """What the names of lists lead to.

    :ivar groups: number groups, with ``match(number)``.
    :ivar plugins: the blacklists of plugins, guarded.
    :ivar told: takes a line about each list that was asked; None = nobody wants to know.
    :ivar missed: takes a line about a list that is named and not there; None = nobody wants to know.
    """

    lists: Mapping[str, ScreeningList]
    tables: Mapping[str, NumberTable]
    groups: Mapping[str, NumberGroup]
    plugins: Mapping[str, Any]
    told: Callable[[str, str], None] | None = None
    missed: Callable[[str, str], None] | None = None

    @classmethod
    def of(
        cls,
        snapshot: Any,
        plugins: Mapping[str, Any],
        told: Callable[[str, str], None] | None = None,
        missed: Callable[[str, str], None] | None = None,
    ) -> Known:
        """What they lead to in one configuration (`vosswitch.call.snapshot.Snapshot`)."""
        return cls(snapshot.number_lists, snapshot.number_tables, snapshot.number_groups, plugins, told, missed)


def ask(
    level: str, names: Iterable[str], attempt: CallAttempt, known: Known, sides: Iterable[str] = SIDES
) -> Reject | None:
    """What the lists of one level say; None = nothing against the call.

    :param level: whose lists they are, for the record: ``system``, ``account 1000``.
    :param names: of lists, and of blacklists of plugins.
    """
    lists = [known.lists[name] for name in names if name in known.lists]
    for side in sides:
        number = attempt.caller if side == "caller" else attempt.callee
        refusal = _one_side(level, side, number, [one for one in lists if side in one.sides], known)
        if refusal is not None:
            return refusal
    for name in names:
        if name not in known.lists:
            refusal = _plugin(level, name, attempt, known)
            if refusal is not None:
                return refusal
    return None


def _one_side(level: str, side: str, number: str, lists: list[ScreeningList], known: Known) -> Reject | None:
    denied: Reject | None = None
    wanted: list[str] = []
    found_wanted = False
    for one in lists:
        found = one.match(number, known)
        if known.told is not None:
            place = "is not on it" if found is None else f"is on it ({found})"
            known.told(f"list {one.name} ({one.action}, {level})", f"{side} {number} {place}")
        if one.action == "only":
            wanted.append(one.name)
            found_wanted = found_wanted or found is not None
        elif found is None:
            continue
        elif one.action == "allow":
            return None
        elif denied is None:
            denied = Reject("blacklisted", f"{side} {number} is on list {one.name} of {level}: {found}")
    if denied is None and wanted and not found_wanted:
        denied = Reject(f"{side}_restricted", f"{side} {number} is not on list {' or '.join(wanted)} of {level}")
    return denied


def _plugin(level: str, name: str, attempt: CallAttempt, known: Known) -> Reject | None:
    blacklist = known.plugins.get(name)
    if blacklist is None:
        if known.missed is not None:
            known.missed(f"list {name} ({level})", "is not loaded")
        return None
    answer: Reject | None = blacklist.screen(attempt)
    if known.told is not None:
        known.told(f"list {name} (plugin, {level})", "lets it pass" if answer is None else "refuses it")
    if answer is None:
        return None
    return Reject(answer.reason, f"{answer.detail} (list {name} of {level})")
