"""What the money of a call costs the switch: reserved, extended, settled and taken off its hands, and nothing else.

A call reserves before it is placed, holds a slice at its answer, writes its terms and what is held into the record,
is extended once and settled; the recorder's word about it is heard once for `BATCH` calls.  CPU time of this process.
"""

from __future__ import annotations

import time

import orjson

from vosswitch.billing.balances import Balances
from vosswitch.billing.meter import Meter
from vosswitch.billing.modes import BUILT_IN
from vosswitch.call.funding import Funding, Share
from vosswitch.cdr.journal import Position
from vosswitch.cdr.record import Cdr, Charge
from vosswitch.model.rating import Terms
from vosswitch.recorder.service import RecorderService

BATCH = 100
CALLS = 20_000
_PLENTY = 10**16
_MODE = next(mode for mode in BUILT_IN if mode.name == "increment")
_TERMS = (Terms("0.0137", first=30, next=6, connect_fee="0.01", tax="20"), Terms("0.0119", first=1, next=1))
"""As in the switch, where they are kept with the rate."""
_KINDS = ("call", "agent", "cost")


def _shares(balances: Balances, count: int) -> list[Share]:
    return [
        Share(
            balances,
            Meter(_MODE, _TERMS[place % 2], anti_overdraft=True),
            f"account{place}",
            0,
            bounded=True,
            kind=_KINDS[place],
        )
        for place in range(count)
    ]


def _service(balances: Balances) -> RecorderService:
    return RecorderService(
        None,
        None,
        lambda _: None,
        balances.told,
        balances.told,
        lambda: None,
        lambda _: None,
        None,  # type: ignore[arg-type]
    )


def per_call(count: int, calls: int) -> float:
    """Microseconds of CPU that the money of a call with *count* shares takes."""
    balances = Balances()
    for place in range(count):
        balances.money(f"account{place}", _PLENTY, _PLENTY)
    service = _service(balances)
    began = time.process_time_ns()
    for serial in range(1, calls + 1):
        funding = Funding(_shares(balances, count))
        if not funding.open():
            raise AssertionError("there is plenty")
        funding.extend(0)
        orjson.dumps({"terms": funding.terms(), "reserved": funding.held(), "funded": funding.funded_ms})
        funding.extend(57_000)
        orjson.dumps({"reserved": funding.held(), "funded": funding.funded_ms})
        cdr = Cdr(serial, "20261120", 0, 0)
        cdr.charges = [Charge(account, fee.fee, kind) for account, kind, fee in funding.settle(83_000)]
        service.note_end(Position(1, serial), cdr)
        if not serial % BATCH:
            rows = {f"account{place}": {"balance": _PLENTY, "grant": _PLENTY} for place in range(count)}
            service._heard({"op": "drained", "segment": 1, "offset": serial, "accounts": rows})
    took = time.process_time_ns() - began
    for place in range(count):
        purse = balances.state(f"account{place}")
        if purse.reserved or purse.undrained:
            raise AssertionError("something is left")
    return took / calls / 1000


def run(quick: bool) -> dict[str, object]:
    """Microseconds per call by the number of accounts that pay."""
    calls = CALLS // 10 if quick else CALLS
    return {
        name: min(per_call(count, calls) for _ in range(3))
        for name, count in (("one share, us", 1), ("two shares, us", 2), ("with vendor, us", 3))
    }
