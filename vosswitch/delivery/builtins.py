"""The switch's own sinks, made of parameters and the entries of ``cdr_targets``: a plugin like any other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.delivery.textfiles import HourFiles, IntervalFiles
from vosswitch.delivery.transport import HttpSink, RedisSink, ReportSink
from vosswitch.hooks.offers import Offers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from zoneinfo import ZoneInfo

PLUGIN = "sinks"


def settings(parameters: Mapping[str, Any], targets: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the sinks of a node are made of, JSON-able; a change of it makes them anew.

    :param parameters: system parameters by name, those in force.
    :param targets: the entries of ``cdr_targets``.
    """
    report = parameters["SERVER_CDR_REAL_TIME_REPORT_SERVER"]
    return {
        "hourly": parameters["SS_CDR_RECORD_TO_FILE"],
        "unconnected": parameters["SS_CDR_RECORD_NONCONNECT"],
        "by_interval": parameters["VS_CDR_INTERVAL_FILES"],
        "interval": parameters["SERVER_CDR_FILE_WRITE_INTERVAL"],
        "most": parameters["SERVER_CDR_FILE_WRITE_MAX"],
        "report": None if report is None else [report.host, report.port],
        "targets": [dict(target) for target in targets if not target["paused"]],
        "paused": [target["name"] for target in targets if target["paused"]],
    }


def names(found: Mapping[str, Any]) -> list[str]:
    """The names of the sinks that `settings` ask for, those that are paused among them."""
    wanted = (
        (HourFiles.name, found["hourly"]),
        (IntervalFiles.name, found["by_interval"]),
        ("report", found["report"]),
    )
    return [*(name for name, on in wanted if on), *(item["name"] for item in found["targets"]), *found["paused"]]


def offers(found: Mapping[str, Any], node: str, folder: Path, zone: ZoneInfo, wall: Callable[[], float]) -> Offers:
    """The plugin.

    :param node: the name of this node.
    :param folder: of text files; those by the interval are in ``interval`` in it.
    """
    sinks: list[Any] = []
    if found["hourly"]:
        sinks.append(HourFiles(folder, zone, wall, unconnected=found["unconnected"]))
    if found["by_interval"]:
        sinks.append(IntervalFiles(folder / "interval", zone, wall, found["interval"], found["most"]))
    if found["report"]:
        sinks.append(ReportSink(*found["report"]))
    sinks += [_KINDS[target["kind"]](target, node) for target in found["targets"]]
    return Offers(cdr_sinks=sinks)


_KINDS: dict[str, Callable[[Mapping[str, Any], str], Any]] = {"http": HttpSink, "redis": RedisSink}
