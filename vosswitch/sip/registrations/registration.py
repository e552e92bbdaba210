"""Our registration with a vendor's registrar (RFC 3261 10.2), without I/O: the machine, and the times it keeps.

::

    idle --start--> asking --granted--> up --due--> refreshing --granted--> up
                      | failed            |            | failed
                      v                   | stop       v
                    waiting --due-->      |          fading --due--> refreshing
                              asking      v
                                       leaving --granted, failed--> gone

*again* (a challenge that can be answered, or 423) sends the REGISTER once more without leaving the state.  What is
*fading* was granted and is so for a while yet, but its refresh has failed.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from vosswitch.model.machine import Machine
from vosswitch.sip.grammar.headers import delta_seconds
from vosswitch.sip.grammar.message import BadMessage
from vosswitch.sip.legs.dialog import hop_of

if TYPE_CHECKING:
    from vosswitch.sip.grammar.message import Response

AUTO = 3600
"""Seconds that are asked for when SS_SIP_USER_AGENT_EXPIRE leaves it to negotiation."""
SHORTEST, LONGEST = 10, 86_400
"""Bounds of what a registrar may grant or want, seconds."""
_MOST_ROUTES = 8


class State(StrEnum):
    """Where a registration is."""

    IDLE = "idle"
    ASKING = "asking"
    UP = "up"
    REFRESHING = "refreshing"
    WAITING = "waiting"
    FADING = "fading"
    LEAVING = "leaving"
    GONE = "gone"


class Input(StrEnum):
    """What can happen to it."""

    START = "start"
    GRANTED = "granted"
    AGAIN = "again"
    FAILED = "failed"
    DUE = "due"
    STOP = "stop"
    DROP = "drop"


class Effect(StrEnum):
    """What is to be done."""

    ASK = "ask"
    LEAVE = "leave"
    REFRESH_LATER = "refresh-later"
    RETRY_LATER = "retry-later"
    END = "end"


_Row = tuple[State, Effect | None]


class Registration(Machine[State, Input, Effect]):
    """One registration."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(State.IDLE, self.TABLE)

    TABLE: ClassVar[dict[State, dict[Input, _Row]]] = {
        State.IDLE: {
            Input.START: (State.ASKING, Effect.ASK),
            Input.STOP: (State.GONE, Effect.END),
            Input.DROP: (State.GONE, Effect.END),
        },
        State.ASKING: {
            Input.GRANTED: (State.UP, Effect.REFRESH_LATER),
            Input.AGAIN: (State.ASKING, Effect.ASK),
            Input.FAILED: (State.WAITING, Effect.RETRY_LATER),
            Input.STOP: (State.LEAVING, Effect.LEAVE),
            Input.DROP: (State.GONE, Effect.END),
        },
        State.UP: {
            Input.DUE: (State.REFRESHING, Effect.ASK),
            Input.STOP: (State.LEAVING, Effect.LEAVE),
            Input.DROP: (State.GONE, Effect.END),
        },
        State.REFRESHING: {
            Input.GRANTED: (State.UP, Effect.REFRESH_LATER),
            Input.AGAIN: (State.REFRESHING, Effect.ASK),
            Input.FAILED: (State.FADING, Effect.RETRY_LATER),
            Input.STOP: (State.LEAVING, Effect.LEAVE),
            Input.DROP: (State.GONE, Effect.END),
        },
        State.WAITING: {
            Input.DUE: (State.ASKING, Effect.ASK),
            Input.STOP: (State.GONE, Effect.END),
            Input.DROP: (State.GONE, Effect.END),
        },
        State.FADING: {
            Input.DUE: (State.REFRESHING, Effect.ASK),
            Input.STOP: (State.LEAVING, Effect.LEAVE),
            Input.DROP: (State.GONE, Effect.END),
        },
        State.LEAVING: {
            Input.GRANTED: (State.GONE, Effect.END),
            Input.AGAIN: (State.LEAVING, Effect.LEAVE),
            Input.FAILED: (State.GONE, Effect.END),
            Input.DROP: (State.GONE, Effect.END),
        },
        State.GONE: {},
    }


def granted(response: Response, user: str, asked: int) -> int:
    """Seconds that a 2xx grants: of our Contact, else of its Expires, else what was asked for (10.2.4); 0 = none.

    :param user: user part of our Contact.
    """
    found = response.expires
    try:
        for contact in response.contacts:
            if not contact.is_wildcard and contact.uri.user == user:
                mine = delta_seconds(contact.params.get("expires"))
                found = found if mine is None else mine
    except BadMessage:
        found = response.expires
    if found is None:
        found = asked
    return 0 if found <= 0 else min(max(found, SHORTEST), LONGEST)


def refresh_after(seconds: int, chance: float) -> float:
    """When to refresh what is granted for so long: a tenth ahead (5 to 60 s), by *chance* up to a twentieth more."""
    ahead = min(max(seconds / 10, 5.0), 60.0)
    return max(seconds - ahead - chance * seconds / 20, seconds / 2)


def retry_after(response: Response | None, delay: float, chance: float) -> float:
    """When to ask again after a failure: SS_SIP_USER_AGENT_RETRY_DELAY or the registrar's Retry-After, if longer."""
    wanted = 0
    if response is not None:
        wanted = delta_seconds((response.get("retry-after") or "").partition(";")[0].partition("(")[0].strip()) or 0
    return max(delay, min(wanted, 3600)) * (1.0 + chance / 10)


def longer(response: Response, asked: int) -> int | None:
    """What a 423 wants instead of *asked*; None when that cannot be."""
    wanted = delta_seconds(response.get("min-expires"))
    return wanted if wanted is not None and asked < wanted <= LONGEST else None


def service_route(response: Response) -> tuple[str, ...]:
    """The Service-Route of a 2xx (RFC 3608); one that cannot be read is as good as none."""
    try:
        routes = tuple(response.all("service-route"))
        for route in routes:
            hop_of(route)
    except BadMessage:
        return ()
    return routes if len(routes) <= _MOST_ROUTES else ()
