"""The contract of each pluggable family as checks that a plugin author runs in own tests::

    from vosswitch.hooks import kit

    def test_my_mode_keeps_the_contract():
        kit.check_billing_mode(MyMode())

Each check raises `Broken` (an `AssertionError`) with a sentence that says what was asked, what came and what would
have been right.
"""

from __future__ import annotations

import time
from itertools import pairwise, product
from statistics import median
from typing import TYPE_CHECKING, Any

from zope.interface.exceptions import Invalid
from zope.interface.verify import verifyObject

from vosswitch.hooks.frozen import usable
from vosswitch.hooks.interfaces import IBillingMode, IBlacklist, INumberQuery, INumberTransform, IRoutingStrategy
from vosswitch.model.call import CallAttempt, Candidate, NumberQuestion
from vosswitch.model.rating import LONGEST_MS, Fee, Terms
from vosswitch.model.values import UNITS, Address

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

TOO_SLOW = 0.001
"""Seconds: a per-call function that takes longer would hold up every call of the node."""

NUMBERS = ("", "+", "0", "1001", "112", "00431234567", "+431234567890", "anonymous", "*31#123", "9" * 64, "ünknown")
"""Numbers as peers send them: none of them may make a plugin raise."""

TERMS = (
    *(
        Terms(per_minute, first, step, connect_fee, tax, free_time, hold_precision)
        for per_minute, (first, step), connect_fee, tax, free_time, hold_precision in product(
            *(("0", "0.015", "0.6", "7.123456789"), ((1, 1), (60, 60), (30, 6)), ("0", "0.05")),
            *(("0", "7.7"), (0, 6), (0, 50)),
        )
    ),
    *(
        Terms(
            *("0.6", first, step, connect_fee, "7.7", free_time),
            attempt_fee=attempt_fee,
            minimum=minimum,
            sections=sections,
            exchange=exchange,
        )
        for (first, step), connect_fee, free_time, attempt_fee, minimum, sections, exchange in product(
            *(((1, 1), (60, 6)), ("0", "0.05"), (0, 6), ("0", "0.0013"), ("0", "0.37")),
            *(("", "60:0.3,300:0", "30:2.4"), ("1", "25/27")),
        )
    ),
)
"""Rates to try a billing mode with."""

LENGTHS = (
    *(0, 1, 49, 50, 51, 999, 1000, 1001, 5999, 6000, 6051, 29_999, 30_050, 36_000, 59_999, 60_000, 60_050, 66_049),
    *(119_999, 120_050, 366_000, 3_600_000, 3_600_001, 86_400_000),
)
"""Raw lengths of calls, ms."""

_AMOUNTS = (0, 1, 1000, 9999, 10_000, 500_000, 6_000_000, 6_462_000, UNITS, 37 * UNITS, 5_000 * UNITS)


class Broken(AssertionError):
    """An object that does not keep the contract of its family."""


def attempt(caller: str = "1001", callee: str = "431234567", **changes: Any) -> CallAttempt:
    """A call attempt for tests; *changes* are fields of `CallAttempt`."""
    fields: dict[str, Any] = {
        "call_id": "1",
        "caller": caller,
        "callee": callee,
        "caller_in": caller,
        "callee_in": callee,
        "account": "A1",
        "subject": "mapping_gateway:customer",
        "source": Address("192.0.2.1", 5060),
        "wall_ms": 1_800_000_000_000,
        **changes,
    }
    return CallAttempt(**fields)


def attempts() -> list[CallAttempt]:
    """One attempt for every pair of `NUMBERS`."""
    return [attempt(caller, callee) for caller, callee in product(NUMBERS, NUMBERS)]


def candidates() -> list[Candidate]:
    """Routing gateways with and without each value that may be missing."""
    rows = product(("", "43"), (0, 10), (None, 0, 150_000), (None, 0.0, 57.5), (0, 30), (None, 30))
    return [
        Candidate(f"gateway{number}", prefix, priority, 1, price, asr, asr, lines, limit, lines * 10)
        for number, (prefix, priority, price, asr, lines, limit) in enumerate(rows)
    ]


def check_routing_strategy(strategy: Any, offered: Iterable[Candidate] = ()) -> None:
    """Check an `IRoutingStrategy`: keys that can be compared with each other, the same each time, at once.

    :param offered: candidates to try besides the kit's own.
    """
    _provides(IRoutingStrategy, strategy)
    rows, request = [*candidates(), *offered], attempt()
    keys = [_called(strategy, "key", row, request) for row in rows]
    try:
        sorted(keys)
    except TypeError as error:
        raise Broken(f"{strategy.name}: keys of different candidates cannot be compared: {error}") from error
    if [_called(strategy, "key", row, request) for row in rows] != keys:
        raise Broken(f"{strategy.name}: other keys when asked again for the same candidates")
    _quick(strategy.name, "key", lambda: strategy.key(rows[0], request))


def check_billing_mode(mode: Any, terms: Iterable[Terms] = TERMS) -> None:
    """Check an `IBillingMode`: monotone fees, `funded_until` in step with them, the same each time."""
    _provides(IBillingMode, mode)
    for row in terms:
        _check_fees(mode, row)
        for money in _AMOUNTS:
            _check_funding(mode, row, money)


def check_blacklist(blacklist: Any, asked: Iterable[CallAttempt] = ()) -> None:
    """Check an `IBlacklist`: None or a usable `Reject` for whatever numbers come, the same each time, at once.

    :param asked: attempts to try besides the kit's own.
    """
    _provides(IBlacklist, blacklist)
    for call in [*attempts(), *asked]:
        answer = _called(blacklist, "screen", call)
        if answer is not None:
            try:
                usable(answer)
            except (TypeError, ValueError) as error:
                raise Broken(f"{blacklist.name}: screen({call.caller!r} -> {call.callee!r}): {error}") from error
        if _called(blacklist, "screen", call) != answer:
            raise Broken(
                f"{blacklist.name}: screen({call.caller!r} -> {call.callee!r}): another answer when asked again"
            )
    _quick(blacklist.name, "screen", lambda: blacklist.screen(attempt()))


def check_number_transform(transform: Any, asked: Iterable[CallAttempt] = ()) -> None:
    """Check an `INumberTransform`: a pair of texts for whatever numbers come, at once.

    :param asked: attempts to try besides the kit's own.
    """
    _provides(INumberTransform, transform)
    for call in [*attempts(), *asked]:
        answer = _called(transform, "transform", call.caller, call.callee, call)
        if type(answer) is not tuple or [type(item) for item in answer] != [str, str]:
            given = f"transform({call.caller!r}, {call.callee!r})"
            raise Broken(f"{transform.name}: {given}: expected a pair of texts (caller, callee), got {answer!r}")
    call = attempt()
    _quick(transform.name, "transform", lambda: transform.transform(call.caller, call.callee, call))


def check_number_query(query: Any, *, ask: bool = True) -> None:
    """Check an `INumberQuery`: a text, or a Deferred, for whatever numbers come, at once.

    :param ask: call it, too; False where nothing is there that could answer.
    """
    _provides(INumberQuery, query)
    if not ask:
        return
    for number in NUMBERS:
        question = NumberQuestion(number, "1001", "1", None)
        answer = _called(query, "ask", question)
        if isinstance(answer, str):
            continue
        if not hasattr(answer, "addCallbacks"):
            raise Broken(f"{query.name}: ask({number!r}): expected a text or a Deferred of one, got {answer!r}")
        answer.addErrback(lambda _: None)
        answer.cancel()


def _provides(interface: Any, item: Any) -> None:
    try:
        verifyObject(interface, item)
    except Invalid as error:
        raise Broken(" ".join(str(error).split())) from error
    if not isinstance(item.name, str) or not item.name:
        raise Broken(f"{item!r}: name: expected a text, got {item.name!r}")


def _called(item: Any, method: str, *arguments: Any) -> Any:
    try:
        return getattr(item, method)(*arguments)
    except Exception as error:
        raise Broken(f"{item.name}: {method}{arguments!r} raised {type(error).__name__}: {error}") from error


def _quick(name: str, method: str, call: Callable[[], Any]) -> None:
    taken = []
    for _ in range(51):
        begun = time.perf_counter()
        call()
        taken.append(time.perf_counter() - begun)
    if median(taken) > TOO_SLOW:
        raise Broken(f"{name}: {method} takes {median(taken) * 1000:.1f} ms; a per-call function has to answer at once")


def _fee(mode: Any, ms: int, terms: Terms) -> Fee:
    fee = _called(mode, "fee", ms, terms)
    if not isinstance(fee, Fee) or [type(item) for item in fee] != [int] * 4:
        raise Broken(f"{mode.name}: fee({ms}): expected a Fee of whole numbers, got {fee!r}")
    if not 0 <= fee.tax <= fee.fee or fee.net != fee.fee - fee.tax:
        raise Broken(
            f"{mode.name}: fee({ms}): expected 0 <= tax <= fee and net = fee - tax, got {fee!r} under {terms!r}"
        )
    if _called(mode, "fee", ms, terms) != fee:
        raise Broken(f"{mode.name}: fee({ms}): another fee when asked again under {terms!r}")
    return fee


def _check_fees(mode: Any, terms: Terms) -> None:
    fees = [_fee(mode, ms, terms) for ms in LENGTHS]
    for (earlier, less), (later, more) in pairwise(zip(LENGTHS, fees, strict=True)):
        if more.fee < less.fee or more.billed_seconds < less.billed_seconds:
            raise Broken(f"{mode.name}: fee({later}) {more!r} is below fee({earlier}) {less!r} under {terms!r}")
    for ms, fee in zip(LENGTHS, fees, strict=True):
        seconds = _called(mode, "billed_seconds", ms, terms)
        if fee.fee and seconds != fee.billed_seconds:
            expected = f"expected the {fee.billed_seconds} of fee({ms})"
            raise Broken(f"{mode.name}: billed_seconds({ms}): {expected}, got {seconds!r}")


def _check_funding(mode: Any, terms: Terms, money: int) -> None:
    until = _called(mode, "funded_until", money, terms)
    where = f"{mode.name}: funded_until({money})"
    if until is None:
        if _fee(mode, LONGEST_MS, terms).fee > money:
            raise Broken(f"{where}: None, but a year costs more under {terms!r}")
        return
    if type(until) is not int or until < 0:
        raise Broken(f"{where}: expected whole milliseconds >= 0 or None, got {until!r}")
    if _fee(mode, until, terms).fee > money and until > 0:
        raise Broken(f"{where}: {until} ms cost {_fee(mode, until, terms).fee}, more than that, under {terms!r}")
    if _fee(mode, until + 1, terms).fee <= money:
        raise Broken(f"{where}: {until} ms, but {until + 1} ms are covered as well under {terms!r}")
