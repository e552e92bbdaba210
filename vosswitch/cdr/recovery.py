"""What becomes of calls that were up when the switch stopped: their end records, without disk or network."""

from __future__ import annotations

from dataclasses import fields
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Protocol

from vosswitch.cdr.agents import bill_agents
from vosswitch.cdr.gifts import bill_gifts
from vosswitch.cdr.hiding import is_hidden
from vosswitch.cdr.record import Attempt, Cdr, Charge
from vosswitch.model.causes import cause
from vosswitch.model.rating import Terms, hold_seconds
from vosswitch.model.values import Side

if TYPE_CHECKING:
    from collections.abc import Mapping

_FIELDS = frozenset(field.name for field in fields(Cdr))
_END = cause("switch_restart")
_PRECISION = 50
"""Default of SERVER_BILLING_HOLD_TIME_PRECISION, ms, for a call without terms."""


class PricedCall(Protocol):
    """How the length of a call becomes money; given by who knows the billing modes."""

    def __call__(self, mode: str, terms: dict[str, Any], ms: int, /) -> tuple[int, int, int]:
        """Fee with tax, tax within it (units of 10^-7) and billed seconds of a call of *ms* milliseconds."""


def pricer(modes: Mapping[str, Any]) -> PricedCall:
    """The price of a call's length by the billing modes that are loaded; an unknown mode charges as `increment`."""

    def price(mode: str, terms: dict[str, Any], ms: int) -> tuple[int, int, int]:
        fee = modes.get(mode, modes["increment"]).fee(ms, Terms.from_data(terms))
        return fee.fee, fee.tax, fee.billed_seconds

    return price


def ended(start: Mapping[str, Any], answer: Mapping[str, Any] | None, last_tick: int, price: PricedCall) -> Cdr:
    """The end of a call that the switch did not live to see.

    It ends at the last proof of life of its run, and not behind the moment that it was funded until; a call that was
    not answered costs nothing.

    :param start: payload of its start record; *answer* that of its answer record, None = not answered.
    :param last_tick: epoch milliseconds.
    """
    known = {key: value for key, value in start.items() if key in _FIELDS}
    if answer is not None:
        known |= {key: value for key, value in answer.get("cdr", {}).items() if key in _FIELDS}
        known["answer"] = answer["answer"]
    known["flowno"] = (answer or start)["flowno"]
    known["start"] = begun = known.get("start", known.get("answer", last_tick))
    known.setdefault("day", "")
    cdr = Cdr(**(known | {"stop": max(begun, last_tick), "attempts": _attempts(known)}))
    cdr.end_reason, cdr.code, cdr.end_direction = _END.reason, _END.code, Side.SERVER.code
    cdr.charges = []
    if answer is not None:
        _bill(cdr, answer, last_tick, price)
    cdr.hidden = is_hidden(cdr, start.get("hides", ()))
    return cdr


def _attempts(known: Mapping[str, Any]) -> list[Attempt]:
    return [item if isinstance(item, Attempt) else Attempt(**item) for item in known.get("attempts", ())]


def _bill(cdr: Cdr, answer: Mapping[str, Any], last_tick: int, price: PricedCall) -> None:
    answered: int = answer["answer"]
    until = answer.get("funded_until_ms")
    stop = last_tick if until is None else min(last_tick, until)
    cdr.stop = max(answered, stop)
    cdr.hold_time_ms = cdr.stop - answered
    charges, held = answer.get("charges_terms", ()), answer.get("reserved")
    bounds: list[int | None] = held if isinstance(held, list) else [held]  # one number: of an earlier version
    precision = next((item["terms"].get("hold_precision", _PRECISION) for item in charges), _PRECISION)
    cdr.hold_time = hold_seconds(cdr.hold_time_ms, precision)
    vendor: int | None = answer.get("cost_ms")
    agents: dict[str, tuple[int, int, int]] = {}
    rows = [(charge, _most(charge, bound)) for charge, bound in zip_longest(charges, bounds[: len(charges)])]
    for charge, most in bill_gifts(cdr, rows, price):
        amount, tax, billed = price(charge["mode"], charge["terms"], _spoken(charge, cdr.hold_time_ms, vendor))
        if most is not None and amount > most:  # its billing mode is not what it was
            amount, tax = most, tax * most // amount
        if charge["kind"] == "cost":
            _add_cost(cdr, charge, amount, tax)
        elif charge["kind"] == "call":
            cdr.fee, cdr.tax, cdr.billed_seconds = amount, tax, billed
        elif charge["kind"] == "agent":
            agents[charge["account"]] = amount, tax, billed
        if amount:
            cdr.charges.append(Charge(charge["account"], amount, charge["kind"]))
    bill_agents(cdr, agents)


def _most(charge: Mapping[str, Any], held: int | None) -> int | None:
    """What a row cannot exceed: what was held, and of an attempt its fee, as when the call has ended."""
    if "attempt" not in charge:
        return held
    least = Terms.from_data(charge["terms"]).least
    return least if held is None else min(held, least)


def _spoken(charge: Mapping[str, Any], held: int, vendor: int | None) -> int:
    """The length that is charged: that of the call, or of the vendor's leg that was gone before its end."""
    if "attempt" in charge:  # at a gateway that did not answer
        return 0
    return held if vendor is None or charge["kind"] != "cost" else min(vendor, held)


def _add_cost(cdr: Cdr, charge: Mapping[str, Any], amount: int, tax: int) -> None:
    """What vendors get, as far as it is in the currency of the record's cost."""
    currency = charge.get("attempt", cdr.cost_currency)
    if not cdr.clearing_account:
        cdr.clearing_account, cdr.cost_currency = charge["account"], currency
    if currency == cdr.cost_currency:
        cdr.cost, cdr.cost_tax = cdr.cost + amount, cdr.cost_tax + tax
