"""The fail2ban filter of `etc`, as fail2ban reads it: its expressions applied to lines of our log."""

from __future__ import annotations

import configparser
import re

from tests.support.switch import ROOT

FILTER = ROOT / "etc" / "fail2ban" / "filter.d" / "vosswitch.conf"
_EPOCH = r"\d{10,11}\b(?:\.\d{3,6})?"
_HOST = r"(?:\[?(?:::f{4,6}:)?(?P<host>[0-9A-Fa-f:.]+)\]?)"


def banned(text: str) -> list[str]:
    """The hosts of the lines that count, in order."""
    config = configparser.ConfigParser()
    config.read(FILTER)
    section = config["Definition"]
    date = re.compile(section["datepattern"].replace("{EPOCH}", _EPOCH))
    fails = re.compile(section["failregex"].replace("<HOST>", _HOST))
    found = []
    for line in text.splitlines():
        when = date.search(line)
        if when is not None:  # fail2ban cuts the date out of the line
            match = fails.search(line[: when.start()] + line[when.end() :])
            if match is not None:
                found.append(match["host"])
    return found
