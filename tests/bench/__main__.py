"""Run everything and print it as tables: ``python -m tests.bench [--quick] [--json FILE] [PART ...]``."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

from tests.bench import (
    calls,
    changing,
    decision,
    draining,
    h323,
    money,
    rates,
    registrations,
    screening,
    streams,
    tables,
)
from tests.support.switch import ROOT

PARTS = (
    "decision",
    "screening",
    "tables",
    "calls",
    "sippy",
    "proxied",
    "highest",
    "overload",
    "streams",
    "memory",
    "drain",
    "money",
    "rates",
    "registrations",
    "h323",
    "rtp",
)


def sippy_binary() -> Path | None:
    """Sippy's B2BUA in a virtual environment of its own."""
    folder = ROOT / ".venv-sippy"
    binary = folder / "bin" / "b2bua_simple"
    if not binary.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        done = subprocess.run([folder / "bin" / "pip", "install", "-q", "sippy"], check=False, capture_output=True)
        if done.returncode:
            return None
    return binary


def show(title: str, result: dict[str, object]) -> None:
    """Print one result as a line per figure."""
    print(f"\n{title}")
    for name, value in result.items():
        text = f"{value:.2f}" if isinstance(value, float) else str(value)
        print(f"  {name:<18} {text}")
    sys.stdout.flush()


def part_calls(quick: bool) -> dict[str, object]:
    """Full path, media off, at 80 and 500 calls/s."""
    with calls.switch() as (made, vendor):
        found = {}
        for rate in (80, 500):
            found[f"{rate}/s"] = calls.run(made, vendor, rate, 5 if quick else 20)
            show(f"vosswitch, accounts, rating, reservation and CDR on, media off, {rate} calls/s", found[f"{rate}/s"])
        return found


def part_proxied(quick: bool) -> dict[str, object]:
    """The same with a relayed media session per call (no packets flow)."""
    with calls.switch("on") as (made, vendor):
        found = {}
        for rate in (80, 500):
            found[f"{rate}/s"] = calls.run(made, vendor, rate, 5 if quick else 20)
            show(f"vosswitch, the same with media proxied, {rate} calls/s", found[f"{rate}/s"])
        return found


def part_highest(quick: bool) -> dict[str, object]:
    """The highest rate with at least 99.9 % success at the caller, the vendor and in the CDRs."""
    best: dict[str, object] = {}
    with calls.switch() as (made, vendor):
        for rate in range(500, 3001, 100):
            result = calls.run(made, vendor, rate, 5 if quick else 10)
            if not calls.good(result):
                break
            best = result
    show("vosswitch, highest rate with >= 99.9 % success (steps of 100)", best or {"rate": "below 500"})
    return best


def part_overload(quick: bool) -> dict[str, object]:
    """Calls that go well, a second, at the highest sustainable rate and at twice that, new calls refused with 503."""
    seconds = 5 if quick else 10
    best: dict[str, object] = {}
    with calls.switch() as (made, vendor):
        for rate in range(700, 3001, 100):
            result = calls.run(made, vendor, rate, seconds)
            if not calls.good(result):
                break
            best = result
    if not best:
        return {"rate": "below 700"}
    most = int(str(best["rate"]))
    with calls.switch() as (made, vendor):
        over = calls.run(made, vendor, 2 * most, seconds, calls.REFUSABLE)
        after = calls.run(made, vendor, most // 2, seconds)
    share = int(str(over["vendor"])) / seconds / most
    found = {
        "highest": most,
        "offered": 2 * most,
        "goodput_share": share,
        "over": over,
        "afterwards_good": calls.good(after),
    }
    show("vosswitch, goodput at twice the highest sustainable rate", found)
    return found


def part_streams(quick: bool) -> dict[str, object]:
    """Calls over TCP, TLS and WebSocket: CPU per call at one rate, and the highest rate of TLS."""
    found = streams.measure(200, 5 if quick else 15, range(400, 1501, 100))
    for name, figures in found.items():
        show(f"vosswitch, callers over {name}, vendor over UDP, {figures['rate']} calls/s", figures)
    return dict(found)


def part_sippy(quick: bool) -> dict[str, object]:
    """Sippy's B2BUA from PyPI: at 80/s, and at its own maximum."""
    binary = sippy_binary()
    if binary is None:
        print("\nSippy's B2BUA cannot be installed here: left out")
        return {}
    seconds = 5 if quick else 10
    found = {"80/s": calls.run_sippy(binary, 80, seconds)}
    show("Sippy B2BUA (no billing, no CDR), 80 calls/s", found["80/s"])
    for rate in range(150, 801, 50):
        result = calls.run_sippy(binary, rate, seconds)
        if not calls.good(result):
            break
        found["highest"] = result
    show("Sippy B2BUA, highest rate with >= 99.9 % success (steps of 50)", found.get("highest", {"rate": "below 150"}))
    return found


def part_memory(quick: bool) -> dict[str, object]:
    """What a held call costs."""
    found = {"kB_per_held_call": round(calls.memory_per_call(1000 if quick else 2000), 1)}
    show("vosswitch, memory", found)
    return found


def part_decision(quick: bool) -> dict[str, object]:
    """One decision with a million rates, 500 gateways and 1,000 accounts, and changes of that configuration."""
    found = decision.measure(5_000 if quick else 30_000)
    show("vosswitch, the decision on a call (CPU of the one thread)", found)
    found |= changing.measure(decision.prefixes(), 50_000 if quick else 500_000)
    show("vosswitch, changes of a running switch's configuration", {k: v for k, v in found.items() if "wait" in k})
    return found


def part_screening(quick: bool) -> dict[str, object]:
    """Look-ups in lists."""
    found = screening.run(quick)
    show("black and white lists, us a look-up: a million entries, 500 patterns and lengths, 10,000 networks", found)
    return found


def part_tables(quick: bool) -> dict[str, object]:
    """Number tables: look-ups, size, import."""
    found = tables.measure(100_000 if quick else 1_000_000, 100_000 if quick else 1_000_000)
    show("number tables", found)
    return found


def part_drain(quick: bool) -> dict[str, object]:
    """The journal into SQLite and MariaDB, with everything that a call leaves there."""
    found = draining.measure(20_000 if quick else 100_000)
    show("the recorder alone: calls a second into the database, all columns and ledger rows", found)
    return found


def part_money(quick: bool) -> dict[str, object]:
    """What the money of a call costs the switch, by the number of accounts that pay."""
    found = money.run(quick)
    show("reservation, extension and charge: CPU per call in microseconds", found)
    return found


def part_rates(quick: bool) -> dict[str, object]:
    """Start with the demo database and with one million rates."""
    found = rates.measure(100_000 if quick else 1_000_000)
    show("vosswitch, rates", found)
    return found


def part_registrations(quick: bool) -> dict[str, object]:
    """Phones that register with digest, what each costs, keep-alives, and the restart after a crash."""
    found = registrations.measure(5_000 if quick else 50_000)
    show("vosswitch, registered phones", found)
    return found


def part_h323(quick: bool) -> dict[str, object]:
    """SIP -> H.323 with fast start, media relayed; start and memory of a node without and with H.323."""
    found = h323.measure((80, 150), 5 if quick else 20)
    show("vosswitch, SIP to H.323 with fast start, media relayed, and what H.323 adds to a node", found)
    return found


def part_rtp(quick: bool) -> dict[str, object]:
    """CPU per relayed packet at 200 streams: the media worker and rtpengine."""
    script = Path(__file__).with_name("rtp_relay.py")
    command = [sys.executable, str(script), *(["--seconds", "5"] if quick else [])]
    subprocess.run(command, check=False)
    return {}


def main() -> None:
    """Run the parts asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("part", nargs="*", choices=[*PARTS, []], help="which parts (default: all)")
    parser.add_argument("--quick", action="store_true", help="shorter runs")
    parser.add_argument("--json", metavar="FILE", help="write the figures there too")
    options = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    found = {part: globals()[f"part_{part}"](options.quick) for part in options.part or PARTS}
    if options.json:
        Path(options.json).write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
