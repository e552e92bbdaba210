"""H.225.0 call signalling: messages as plain values, `read` and `write`."""

from __future__ import annotations

from vosswitch.h323.elements import NO_PARTY, Party
from vosswitch.h323.messages import (
    Alerting,
    Aliases,
    CallProceeding,
    Connect,
    Described,
    Facility,
    Information,
    Message,
    Other,
    Progress,
    ReleaseComplete,
    Setup,
)
from vosswitch.h323.q931 import BadMessage
from vosswitch.h323.reading import read
from vosswitch.h323.writing import write

__all__ = [
    "NO_PARTY",
    "Alerting",
    "Aliases",
    "BadMessage",
    "CallProceeding",
    "Connect",
    "Described",
    "Facility",
    "Information",
    "Message",
    "Other",
    "Party",
    "Progress",
    "ReleaseComplete",
    "Setup",
    "read",
    "write",
]
