"""A routing plan as a call's record keeps it: small, and read back as the same list of looks.

Per candidate only the values that tell candidates apart are kept; those that all of them share stand once.  Dropped
gateways are grouped by the reason.  What is beyond the bounds is counted, so that a record stays small with any number
of gateways.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

from vosswitch.model.call import Candidate
from vosswitch.routing.decision import LINES_FULL, rows
from vosswitch.routing.looks import look_of, over
from vosswitch.routing.strategies import DEFAULT_ORDER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from vosswitch.routing.decision import Look
    from vosswitch.routing.plan import Plan

MOST_VALUED = 10
"""Candidates with their values; the next `MOST_NAMED` by name, and of the rest the number."""
MOST_NAMED = 6
MOST_DROPPED = 8
"""Dropped gateways by name; of the others the number per reason."""
MOST_REASONS = 8
_LONGEST = 80

VALUES = Candidate._fields[2:]
"""All but gateway and prefix."""
_values_of = attrgetter(*VALUES)
_OTHER = "other reasons"
_UNVALUED = {"prefix": None, "priority": None, "weight": None}


def packed(plan: Plan) -> dict[str, Any]:
    """What a record keeps of a plan: keys of one letter, absent where there is nothing to say.

    ``s`` strategies (absent: the default order), ``m`` missing ones, ``p`` selling price, ``e`` values that all
    candidates share, ``v`` names of those that differ, ``g`` a row per candidate (name, prefix or 0 = as before,
    values), ``n`` further names, ``t`` how many candidates there are in all, ``f`` how many have a line free, ``l``
    reasons of the last ways, ``o`` of those that were passed over when their turn came, ``b`` of those that stand
    behind the others, ``k`` of those without a free line that have one of their own, ``d`` dropped: by reason the
    number and some names.
    """
    found: dict[str, Any] = {}
    candidates = plan.candidates
    if plan.strategies != DEFAULT_ORDER:
        found["s"] = plan.strategies
    if plan.missing:
        found["m"] = plan.missing
    if candidates:
        _pack_candidates(found, plan, candidates)
    if plan.dropped:
        found["d"] = _grouped(plan.dropped)
    return found


def _pack_candidates(found: dict[str, Any], plan: Plan, candidates: Sequence[Candidate]) -> None:
    found["g"] = _valued(found, candidates[:MOST_VALUED])
    if plan.sell is not None and ("price" in found.get("e", ()) or "price" in found.get("v", ())):
        found["p"] = plan.sell
    if len(candidates) > MOST_VALUED:
        found["n"] = [one.gateway for one in candidates[MOST_VALUED : MOST_VALUED + MOST_NAMED]]
        found["t"] = len(candidates)
    if plan.free != len(candidates):
        found["f"] = plan.free
    if plan.last:
        found["l"] = _of_shown(candidates, plan.last)
    if plan.behind:
        found["b"] = _of_shown(candidates, plan.behind)
    if plan.taken:
        found["k"] = _of_shown(candidates, plan.taken)
    if plan.passed:
        found["o"] = _of_shown(candidates, plan.passed)


def _of_shown(candidates: Sequence[Candidate], whys: Mapping[str, str]) -> dict[str, str]:
    """The reasons of candidates that have their values in the record."""
    return {one.gateway: whys[one.gateway][:_LONGEST] for one in candidates[:MOST_VALUED] if one.gateway in whys}


def _valued(found: dict[str, Any], shown: Sequence[Candidate]) -> list[list[Any]]:
    """The rows of candidates; what all of them share, and the names of what differs, go into *found*."""
    equal: dict[str, Any] = {}
    names, differing, size = [], [], len(shown)
    gateways, prefixes, *columns = zip(*shown, strict=True)
    for name, column in zip(VALUES, columns, strict=True):
        first = column[0]
        if column.count(first) != size:
            names.append(name)
            differing.append(column)
        elif first is not None:
            equal[name] = first
    if equal:
        found["e"] = equal
    if names:
        found["v"] = names
    rows_: list[list[Any]] = []
    before: str | None = None
    for row in map(list, zip(gateways, prefixes, *differing, strict=True)):
        if row[1] == before:
            row[1] = 0
        else:
            before = row[1]
        rows_.append(row)
    return rows_


def _grouped(dropped: Iterable[Look]) -> dict[str, list[Any]]:
    """By reason: how many, and the first names."""
    found: dict[str, list[Any]] = {}
    named = 0
    for look in dropped:
        why = look.why[:_LONGEST]
        group = found.get(why)
        if group is None:
            if len(found) >= MOST_REASONS:  # the reason without its figures, or none of them
                why = why.partition(":")[0]
                why = why if why in found else _OTHER
            group = found.setdefault(why, [0])
        group[0] += 1
        if named < MOST_DROPPED:
            named += 1
            group.append(look.gateway)
    return found


def unpacked(kept: Mapping[str, Any]) -> dict[str, Any]:
    """A packed plan as programs read it.

    :returns: ``strategies``, ``missing``, ``gateways`` (one dict per look: the fields of `Look`, ``margin`` and, for
        candidates, every value), ``more`` (candidates not named), ``left_out`` (dropped ones not named, by reason).
    """
    valued = _candidates(kept)
    candidates = valued + [Candidate(name, "", 0, 0) for name in kept.get("n", ())]
    total = kept.get("t", len(candidates))
    free, last, behind = kept.get("f", total), kept.get("l", {}), kept.get("b", {})
    taken = kept.get("k", {})
    looks = [
        look_of(one, full=at >= free, last=last.get(name), behind=behind.get(name), taken=taken.get(name))
        for at, one in enumerate(candidates)
        for name in (one.gateway,)
    ]
    gateways = rows(over(looks, kept.get("o", {})), kept.get("p"))
    for at, (row, one) in enumerate(zip(gateways, candidates, strict=True)):
        if at < len(valued):
            row.update(zip(VALUES, _values_of(one), strict=True))
        else:
            row.update(_UNVALUED, why=LINES_FULL if at >= free else "as those before")
    dropped = kept.get("d", {})
    gateways += [_dropped(name, why) for why, (_, *names) in dropped.items() for name in names]
    return {
        "strategies": list(kept.get("s", DEFAULT_ORDER)),
        "missing": list(kept.get("m", ())),
        "gateways": gateways,
        "more": total - len(candidates),
        "left_out": {why: count - len(names) for why, (count, *names) in dropped.items() if count > len(names)},
    }


def _candidates(kept: Mapping[str, Any]) -> list[Candidate]:
    names, equal = kept.get("v", ()), kept.get("e", {})
    found = []
    before = ""
    for gateway, prefix, *values in kept.get("g", ()):
        before = before if prefix == 0 else prefix
        given = {**equal, **dict(zip(names, values, strict=True))}
        known = {name: value for name, value in given.items() if name in VALUES}  # of another version
        found.append(Candidate(gateway, before, **{"priority": 0, "weight": 1, **known}))
    return found


def _dropped(name: str, why: str) -> dict[str, Any]:
    return {
        "gateway": name,
        "prefix": None,
        "kept": False,
        "why": why,
        "priority": None,
        "weight": None,
        "price": None,
        "margin": None,
    }
