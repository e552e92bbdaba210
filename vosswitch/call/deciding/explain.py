"""What would become of a call: the decision of a live call, told to people, without placing anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.call.deciding.means import Ask
from vosswitch.model.causes import END_REASONS
from vosswitch.model.signals import Try
from vosswitch.model.values import Address

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vosswitch.call.deciding.decide import Decider
    from vosswitch.call.deciding.decision import Decision
    from vosswitch.call.deciding.profit import Reckoned
    from vosswitch.call.snapshot import Snapshot

_NOWHERE = Address("0.0.0.0", 0)  # noqa: S104 - a question has no source


class NoSuchSubject(ValueError):
    """The gateway or phone asked about does not exist, or none was named."""


def explain(decider: Decider, snapshot: Snapshot, question: Mapping[str, Any], now_ms: int) -> dict[str, Any]:
    """Answer the control operation ``route`` at once.

    :param question: caller, callee, mapping_gateway or phone, at (epoch ms or None = now), source (its IP address).
    :raises NoSuchSubject: who calls is not known.
    """
    return told(asked(decider, snapshot, question, now_ms), question)


def asked(decider: Decider, snapshot: Snapshot, question: Mapping[str, Any], now_ms: int) -> Decision:
    """The decision on the call in question; it may wait for an answer (`Decision.pending`) before it can be told.

    :raises NoSuchSubject: who calls is not known.
    """
    subject = _subject(snapshot, question)
    at = question.get("at") or now_ms
    source = _NOWHERE._replace(host=question.get("source") or _NOWHERE.host)
    offered = Try(question["caller"], question["callee"], source, _NOWHERE, "")
    return decider.decide(Ask("0", offered, at, subject, explain=True), snapshot)


def told(decision: Decision, question: Mapping[str, Any]) -> dict[str, Any]:
    """A complete decision as the answer to the question that led to it."""
    routes = {route.name: route for route in decision.routes}
    answer = _outcome(decision, decision.wall_ms, routes)
    answer["source"] = (
        question.get("mapping_gateway") or question.get("phone") or next(iter(decision.snapshot.mapping_gateways))
    )
    answer["candidates"] = _candidates(decision, routes)
    answer["steps"] = [f"{what}: {why}" for what, why in decision.notes]
    return answer


def _subject(snapshot: Snapshot, question: Mapping[str, Any]) -> Any:
    name, number = question.get("mapping_gateway"), question.get("phone")
    if name:
        found: Any = snapshot.mapping_gateways.get(name)
    elif number:
        found = snapshot.phones.get(number)
    elif len(snapshot.mapping_gateways) == 1:
        found = next(iter(snapshot.mapping_gateways.values()))
    else:
        raise NoSuchSubject("expected a mapping gateway or a phone that calls: --mapping-gateway NAME, --phone NUMBER")
    if found is None:
        raise NoSuchSubject(f'no {"mapping gateway" if name else "phone"} "{name or number}"')
    return found


def _hindrance(decision: Decision, routes: Mapping[str, Any]) -> str | None:
    """What would end a call that is not refused outright before it reaches a gateway, as the call itself finds it."""
    if decision.full:
        decision.note("limits", decision.full)
        return "cps_limit" if decision.full.startswith("cps") else "line_limit"
    if decision.funding is not None and not decision.funding.affordable():
        decision.note("money", decision.funding.lacking())
        return "insufficient_balance"
    if decision.plan is not None and decision.plan.refusal is not None and decision.emergency is None:
        return str(decision.plan.refusal)
    return None if routes else str(decision.unusable)


def _outcome(decision: Decision, at: int, routes: Mapping[str, Any]) -> dict[str, Any]:
    refusal = decision.cause
    price = decision.price
    reason = refusal.reason if refusal is not None else _hindrance(decision, routes)
    outcome, detail = (reason, END_REASONS[reason].text) if reason else ("route", None)
    return {
        "caller": decision.caller,
        "callee": decision.callee,
        "caller_in": decision.offered.caller,
        "callee_in": decision.offered.callee,
        "account": decision.account.number if decision.account is not None else None,
        "at": at,
        "outcome": outcome,
        "detail": detail,
        "rate_prefix": price.rate.prefix if price is not None else None,
        "price": price.per_minute if price is not None else None,
    }


def _candidates(decision: Decision, kept: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The gateways that would be tried, in order, with the numbers as sent; then those that were dropped, and why."""
    if decision.plan is None:
        return [
            _row(name, kept=True, why="the called phone is registered", route=route) for name, route in kept.items()
        ]
    rows = []
    for item, values in zip(decision.plan.looked_at, decision.plan.values, strict=True):
        route = kept.get(item["gateway"])
        empty = item["kept"] and route is None  # such as a gateway that is not registered any more
        why = _last_word(decision, item["gateway"]) if empty else item["why"]
        row = _row(item["gateway"], kept=item["kept"] and not empty, why=why, route=route)
        for name in ("prefix", "priority", "weight", "price", "margin"):
            row[name] = item[name]
        row["values"] = values
        if decision.reckoned is not None and item["gateway"] in decision.reckoned:
            row |= _money(decision.reckoned[item["gateway"]])
        rows.append(row)
    return rows


def _money(found: Reckoned) -> dict[str, Any]:
    """What a call of average length would bring and cost there."""
    profit = found.income - found.cost
    return {"seconds": found.ms // 1000, "income": found.income, "cost": found.cost, "profit": profit}


def _last_word(decision: Decision, gateway: str) -> str:
    """Why a candidate could not be used when its turn came."""
    return next((why for what, why in reversed(decision.notes) if what == gateway), "it cannot be used")


def _row(name: str, *, kept: bool, why: str, route: Any) -> dict[str, Any]:
    return {
        "gateway": name,
        "prefix": None,
        "priority": None,
        "weight": None,
        "caller_out": route.caller_out if route is not None else None,
        "callee_out": route.callee_out if route is not None else None,
        "price": None,
        "margin": None,
        "values": {},
        **dict.fromkeys(("seconds", "income", "cost", "profit")),
        "kept": kept,
        "why": why,
    }
