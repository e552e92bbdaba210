"""How long a decision takes with a carrier's configuration, and what a change of that configuration costs.

One million rate prefixes (800,000 of the customers in a compiled file, 400 of each vendor), 500 gateways with 400
prefixes each, 1,000 accounts with a mapping gateway each; half of the calls match at most five gateways, one of twenty
more than twenty.  A decision is `Decider.decide`, the first route, and the record that the call would keep.  All of it
happens in this process, so it is CPU time of the decision alone: no socket, no parser, nothing else that runs.
"""

from __future__ import annotations

import gc
import random
import resource
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import orjson

from vosswitch.accounts.limits import Limits
from vosswitch.app.build import kept_alive, trunk_wishes
from vosswitch.app.node import _GC_THRESHOLDS
from vosswitch.app.reach import unreachable
from vosswitch.billing.balances import Balances
from vosswitch.billing.files import compile_rates
from vosswitch.call.builtins import builtins
from vosswitch.call.deciding.decide import Decider
from vosswitch.call.deciding.keeping import kept
from vosswitch.call.deciding.means import Ask, Means
from vosswitch.call.deciding.view import NodeView
from vosswitch.call.snapshot import Snapshot
from vosswitch.call.tallies import Tallies
from vosswitch.hooks.context import PluginContext
from vosswitch.hooks.frozen import Failures
from vosswitch.hooks.manager import load
from vosswitch.model.signals import Try
from vosswitch.model.values import UNITS, Address
from vosswitch.params.boot import Listener
from vosswitch.recorder.wire import config_slices, pack
from vosswitch.routing.availability import Availability
from vosswitch.store.provision_schema import ACCOUNTS, MAPPING_GATEWAYS, ROUTING_GATEWAYS

GATEWAYS = 500
PREFIXES = 400
ACCOUNTS_ = 1000
_SPREAD = 0.84
"""Of the logarithm of the number of gateways per destination: a median of 5 and a 95th percentile of 20."""
_MIDDLE = 1.609
_NOW = 1_793_000_000_000
_HERE = Address("198.51.100.1", 5060)
_LISTENERS = (Listener("udp", "198.51.100.1", 5060),)


class _Nobody:
    """`IRegistrations` without anybody."""

    def contacts(self, _number: str) -> tuple[()]:
        return ()

    def gateway(self, _username: str) -> tuple[()]:
        return ()

    def trunk(self, _name: str) -> None:
        return None


def _defaults(table: Any, **values: Any) -> dict[str, Any]:
    return table.defaults() | {"ha1s": {}, "password": ""} | values


def _spread(chance: random.Random) -> tuple[list[str], dict[str, list[str]]]:
    """Destinations, and by gateway its prefixes: some of them one digit longer than those of others."""
    names = [f"vendor{number:03d}" for number in range(GATEWAYS)]
    left = dict.fromkeys(names, PREFIXES)
    found: dict[str, list[str]] = {name: [] for name in names}
    places: list[str] = []
    while left:
        place = f"{100_000 + len(places) * 7 % 900_000}"
        wanted = max(1, round(chance.lognormvariate(_MIDDLE, _SPREAD)))
        for name in chance.sample(sorted(left), min(wanted, len(left))):
            found[name].append(place + "0" if chance.random() < 0.3 else place)
            left[name] -= 1
            if not left[name]:
                del left[name]
        places.append(place)
    return places, found


def prefixes() -> dict[str, list[str]]:
    """The prefixes of each gateway."""
    return _spread(random.Random(11))[1]


def _customers(folder: Path, count: int) -> str:
    path = folder / "customers.bin"
    rows = (
        [f"{100_000 + n}" if n < 900_000 else "", 0, f"1.{n % 900 + 100}", 1, 1, "0", "0", "domestic"]
        for n in range(count)
    )
    compile_rates(rows, str(path))
    return str(path)


def _message(folder: Path, prefixes: dict[str, list[str]], rates: int) -> dict[str, Any]:
    """What the recorder sends."""
    chance = random.Random(7)
    groups = {
        "retail": {"name": "retail", "billing_mode": "increment", "file": _customers(folder, rates), "overlay": []}
    }
    accounts, routing, mapping = {}, {}, {}
    for number, (name, own) in enumerate(prefixes.items()):
        rows = [[one, 0, f"0.{chance.randrange(10, 99)}", 1, 1, "0", "0", "domestic"] for one in sorted(own)]
        groups[f"of {name}"] = {"name": f"of {name}", "billing_mode": "increment", "file": None, "overlay": rows}
        accounts[f"V{number}"] = _defaults(ACCOUNTS, number=f"V{number}", kind="clearing", rate_group=f"of {name}")
        routing[name] = _defaults(
            ROUTING_GATEWAYS, name=name, account=f"V{number}", address=f"192.0.{2 + number // 250}.{number % 250 + 1}",
            prefixes=own, lines=500, priority=chance.randrange(2),
        )  # fmt: skip
    for number in range(ACCOUNTS_):
        accounts[f"C{number}"] = _defaults(ACCOUNTS, number=f"C{number}", rate_group="retail", anti_overdraft=True)
        mapping[f"customer{number}"] = _defaults(
            MAPPING_GATEWAYS, name=f"customer{number}", account=f"C{number}",
            addresses=[f"10.0.{number // 250}.{number % 250 + 1}"], lines=500,
        )  # fmt: skip
    return {
        "op": "config", "seq": 1, "full": True, "accounts": accounts, "mapping_gateways": mapping,
        "routing_gateways": routing, "phones": {}, "parameters": {}, "rate_groups": groups,
    }  # fmt: skip


def _clock() -> float:
    """What reading the thread's CPU time costs by itself: 0.3 us on a plain kernel, 30 us in some sandboxes."""
    pairs = sorted(time.thread_time() - time.thread_time() for _ in range(1000))
    return -pairs[500]


class Room:
    """A decider over a snapshot.

    :ivar clock: seconds that it takes to look at the CPU time.
    """

    def __init__(self) -> None:
        context = PluginContext(
            parameter=lambda _name: None, wall=time.time, monotonic=time.monotonic, log=None, http_client=lambda: None
        )
        frozen = load((), (), builtins(), context).freeze(Failures())
        self.balances, self.limits, self.tallies = Balances(), Limits(), Tallies()
        chance = random.Random(3)
        for number in range(ACCOUNTS_):
            self.balances.money(f"C{number}", 1000 * UNITS, 1000 * UNITS)
        nobody = _Nobody()
        availability = Availability(random.Random(1).random)
        self.decider = Decider(
            Means(
                frozen.billing_modes,
                frozen,
                self.balances,
                lambda decision: NodeView(
                    self.limits, self.tallies, decision, nobody, availability, 0.0, None, self.balances
                ),
                nobody,
                chance,
            )
        )
        self.snapshot = Snapshot()
        self.clock = _clock()

    def decide(self, customer: int, callee: str, serial: int) -> Any:
        """One call up to its first route, and its record: seconds of CPU and of the wall clock, candidates."""
        source = Address(f"10.0.{customer // 250}.{customer % 250 + 1}", 5060)
        ask = Ask(str(serial), Try("4311000", callee, source, _HERE, "x"), _NOW)
        wall, began = time.perf_counter(), time.thread_time()
        decision = self.decider.decide(ask, self.snapshot)
        route = next(decision.routes, None)
        record = kept(decision, failed=False)
        ended, took = time.thread_time(), time.perf_counter() - wall
        decision.stop_routing()  # as a call does when it is connected
        assert route is not None, decision.notes
        assert record is not None
        return ended - began - self.clock, took - 2 * self.clock, len(decision.plan.candidates)


def _applied(room: Room, message: dict[str, Any]) -> list[float]:
    """Seconds of each step of a new configuration, as the switch takes it: a step is one turn of its loop."""
    steps = []
    coming = room.snapshot
    for part in config_slices(message):
        line = pack(part)
        began = time.perf_counter()
        coming = coming.applied(orjson.loads(line))
        if part["more"]:
            gc.freeze()
        steps.append(time.perf_counter() - began)
    before, room.snapshot = room.snapshot, coming
    if coming.gateways is not before.gateways:
        began = time.perf_counter()
        list(unreachable(coming, _LISTENERS))
        [gateway.target for gateway in coming.gateways.gateways.values()]
        trunk_wishes(coming)
        kept_alive(coming)
        steps[-1] += time.perf_counter() - began
    return steps


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() // 1_000_000


def measure(decisions: int, rates: int = 800_000) -> dict[str, object]:
    """The figures of the part."""
    chance = random.Random(11)
    with tempfile.TemporaryDirectory(prefix="vosswitch-bench-") as folder:
        places, by_gateway = _spread(chance)
        bare = _resident()
        message = _message(Path(folder), by_gateway, rates)
        room = Room()
        gc.collect()
        gc.freeze()  # the message stands in for the recorder, which is a process of its own
        steps = _applied(room, message)
        found: dict[str, object] = {
            "rates": rates + GATEWAYS * PREFIXES, "gateway_prefixes": sum(map(len, by_gateway.values())),
            "load_s": sum(steps), "load_longest_ms": max(steps) * 1000,
        }  # fmt: skip
        one = message["routing_gateways"]["vendor007"] | {"priority": 5}
        own = message["mapping_gateways"]["customer7"] | {"lines": 7}
        body = message["rate_groups"]["retail"]
        del message
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_GC_THRESHOLDS)
        found["resident_MB"] = _resident()
        found["of_it_bare_MB"] = bare
        found |= _figures(
            room, [(chance.randrange(ACCOUNTS_), f"{chance.choice(places)}0{n:06d}") for n in range(decisions)]
        )
        found |= _changes(room, one, own, body)
        everywhere = {"vendor007": one} | {
            name: _defaults(ROUTING_GATEWAYS, name=name, account=None, address="192.0.2.1", prefixes=[""])
            for name in by_gateway
        }
        _applied(room, _change(routing_gateways=everywhere))
        found["500_matching_us"] = (
            statistics.median([room.decide(n, f"1000000{n:06d}", n)[0] for n in range(200)]) * 1e6
        )
        return found


def _loop() -> float:
    """A fixed piece of Python: how much longer it takes than at its best says how much others disturb the machine."""
    began = time.thread_time()
    total = 0
    for number in range(3000):
        total += number % 7
    return time.thread_time() - began


def _figures(room: Room, calls: list[tuple[int, str]]) -> dict[str, object]:
    for serial, (customer, callee) in enumerate(calls[: len(calls) // 10]):
        room.decide(customer, callee, serial)
    taken, walls, matching, five, loops = [], [], [], [], []
    for serial, (customer, callee) in enumerate(calls):
        if serial % 50 == 0:
            loops.append(_loop())
        took, wall, candidates = room.decide(customer, callee, serial)
        taken.append(took)
        walls.append(wall)
        matching.append(candidates)
        if candidates == 5:
            five.append(took)
    taken.sort()
    matching.sort()
    size = len(taken)
    return {
        "decisions": size,
        "matching_p50": matching[size // 2], "matching_p95": matching[size * 95 // 100], "matching_most": matching[-1],
        "p50_us": taken[size // 2] * 1e6, "p95_us": taken[size * 95 // 100] * 1e6,
        "p99_us": taken[size * 99 // 100] * 1e6, "five_p50_us": statistics.median(five) * 1e6,
        "wall_p50_us": statistics.median(walls) * 1e6,
        "clock_us": room.clock * 1e6,
        "loop_now_to_best": statistics.median(loops) / min(loops),
    }  # fmt: skip


def _change(**what: Any) -> dict[str, Any]:
    kinds = ("accounts", "mapping_gateways", "routing_gateways", "phones", "parameters", "rate_groups")
    return {"op": "config", "seq": 2, "full": False} | {kind: {} for kind in kinds} | what


def _changes(room: Room, routing: Any, mapping: Any, group: Any) -> dict[str, object]:
    """The longest turn of the loop for single changes and for a newly compiled price list."""
    found: dict[str, object] = {}
    for name, change in (
        ("gateway", _change(routing_gateways={routing["name"]: routing})),
        ("customer", _change(mapping_gateways={mapping["name"]: mapping})),
        ("rate_list", _change(rate_groups={"retail": group})),
    ):
        found[f"change_{name}_ms"] = max(max(_applied(room, change)) for _ in range(5)) * 1000
    return found
