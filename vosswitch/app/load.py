"""The lines in use of everything that has some, with what they may be at most (control operation ``limits``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.accounts.destinations import destination_key
from vosswitch.accounts.groups import group_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vosswitch.accounts.limits import Limit, Limits
    from vosswitch.call.snapshot import Snapshot


_OF_EACH_NODE = frozenset(("system", "emergency", "phone"))


def load(snapshot: Snapshot, limits: Limits) -> Iterator[dict[str, Any]]:
    """The system and every group; gateways with a limit or calls; of the rest what has calls now.

    Where nodes have limits together, each row has this node's part of them, too.
    """
    for row in _rows(snapshot, limits):
        portion = None if row["kind"] in _OF_EACH_NODE else limits.portion
        for what in ("lines", "cps"):
            whole = row[what]
            row[f"{what}_here"] = whole if portion is None or whole is None else portion.of(whole)
        yield row


def _rows(snapshot: Snapshot, limits: Limits) -> Iterator[dict[str, Any]]:
    parameters, held = snapshot.parameters, limits.view()
    yield _row("system", "", held.get("system", 0), parameters["SS_MAX_CONCURRENT_CALLS"], parameters["SS_MAX_CPS"])
    if "emergency" in held:
        yield _row("emergency", "", held["emergency"])
    for kind, values in (("account", snapshot.accounts), ("phone", snapshot.phones)):
        for key in held:
            if key.startswith(f"{kind}:"):
                name = key.partition(":")[2]
                yield _limited(kind, name, getattr(values.get(name), "limit", None), held[key])
    for kind, gateways in (("mapping", snapshot.mapping_gateways), ("routing", snapshot.gateways.gateways)):
        yield from _gateways(kind, gateways, held)
    for name, group in snapshot.gateway_groups.items():
        for side in ("mapping", "routing"):
            used = held.get(group_key(side, name), 0)
            yield _row(f"{side}_group", name, used, group.lines, group.cps, reserved=group.reserved)
    yield from _destinations(snapshot, held)


def _gateways(kind: str, gateways: Mapping[str, Any], held: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    for name, gateway in gateways.items():
        used, limit = held.get(f"{kind}:{name}", 0), gateway.limit
        if used or limit.lines is not None or limit.cps is not None:
            yield _limited(kind, name, limit, used)


def _destinations(snapshot: Snapshot, held: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    for name, one in snapshot.destination_limits.items():
        if one.scope == "system":
            yield _row("destination", name, held.get(destination_key(name), 0), one.lines, one.cps)
    for key, used in held.items():
        name, tab, whose = key.removeprefix("destination:").partition("\t")
        limit = snapshot.destination_limits.get(name) if tab and key.startswith("destination:") else None
        if limit is not None:
            yield _row("destination", name, used, limit.lines, limit.cps, whose=whose)


def _limited(kind: str, name: str, limit: Limit | None, used: int) -> dict[str, Any]:
    return _row(kind, name, used) if limit is None else _row(kind, name, used, limit.lines, limit.cps)


def _row(
    kind: str,
    name: str,
    calls: int,
    lines: int | None = None,
    cps: int | None = None,
    *,
    reserved: int | None = None,
    whose: str | None = None,
) -> dict[str, Any]:
    return {
        "kind": kind, "name": name, "whose": whose, "calls": calls, "lines": lines, "cps": cps, "reserved": reserved,
    }  # fmt: skip
