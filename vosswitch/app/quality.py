"""The quality of routing gateways as operators see it on a running node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.routing.thresholds import misses

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vosswitch.app.node import Switch
    from vosswitch.routing.gateways import RoutingGateway
    from vosswitch.routing.gauges import Figures


def recalled(node: Switch, message: Mapping[str, Any]) -> None:
    """Take what the last run has seen of its gateways into the windows, or into the counts of the day.

    :param message: as `vosswitch.recorder.recall` makes it.
    """
    if message["op"] == "tallies":
        node.tallies.recall(message["day"], message["attempts"])
        return
    gauges, gateways = node.gauges, node.snapshot.gateways.gateways
    gauges.follow(node.snapshot.parameters)
    now, wall = node.reactor.seconds(), node.now()
    for at, name, destination, *counted in message["rows"]:
        gateway = gateways.get(name)
        if gateway is not None:
            gauges.recall(name, gateway.conduct, destination, now, now - (wall - at) / 1000, counted)


def of_gateway(node: Switch, name: str) -> dict[str, Any]:
    """What ``gateways`` says of a routing gateway."""
    node.gauges.follow(node.snapshot.parameters)
    found = node.gauges.figures(name, node.reactor.seconds())
    return {"attempts": found.attempts, "asr": found.asr, "ner": found.ner, "pdd_ms": found.pdd_ms, "acd": found.acd}


NO_FIGURES = dict.fromkeys(("attempts", "asr", "ner", "pdd_ms", "acd"))
"""A mapping gateway has none."""


def rows(node: Switch, name: str | None, *, destinations: bool) -> Iterator[dict[str, Any]]:
    """One dict per routing gateway, and with *destinations* one more per destination that is known."""
    now, gauges = node.reactor.seconds(), node.gauges
    gauges.follow(node.snapshot.parameters)
    gateways = node.snapshot.gateways.gateways
    for each in [name] if name else sorted(gateways):
        gateway = gateways.get(each)
        if gateway is not None:
            yield _row(node, gateway, None, gauges.figures(each, now), now)
    if destinations:
        for each, destination, found in gauges.by_destination(name, now):
            gateway = gateways.get(each)
            if gateway is not None:
                yield _row(node, gateway, destination, found, now)


def _row(node: Switch, gateway: RoutingGateway, destination: str | None, found: Figures, now: float) -> dict[str, Any]:
    wanted, throttle = gateway.conduct.thresholds, gateway.conduct.throttle
    judged = wanted is not None and wanted.by_prefix is (destination is not None)
    why = misses(wanted, found) if wanted is not None and judged else ""
    failures: int | None = None
    standing: dict[str, Any] = {}
    if destination is None:
        standing = node.watch.state_of(gateway.name)
        failures = node.throttling.failures(gateway.name, now)[0] if throttle is not None else None
    attempts, calls = node.gauges.counted(gateway.conduct)
    return {
        "name": gateway.name,
        "destination": destination,
        **found._asdict(),
        "attempts": found.attempts if attempts or found.attempts else None,
        "calls": found.calls if calls or found.calls else None,
        "misses": why or None,
        "action": None if wanted is None or not why else ("excluded" if wanted.exclude else "demoted"),
        "failures": failures,
        "state": standing.get("state"),
        "reason": standing.get("reason"),
    }
