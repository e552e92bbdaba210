"""Session timers (RFC 4028) as values and a table: what is asked, what is agreed, what happens to a refresh.

Each leg has its own terms with its peer; `vosswitch.sip.legs.refresh` does what the table says.  Parameters:
SS_SIP_SESSION_TTL, SS_SIP_SESSION_UPDATE_SEGMENT, SS_SIP_SESSION_MIN_SE, SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP.

::

    RUNNING --due--> ASKING --refused--> ASKING_OTHER --refused--> RUNS_OUT --expired--> OVER
       ^               |  '--491--> RUNNING   |  '--491--> PAUSING
       '--refreshed----'----------------------'    (lost or expired, in any of them: OVER)
"""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from vosswitch.sip.grammar.wire import ALLOW

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vosswitch.model.peer import PeerProfile
    from vosswitch.sip.grammar.message import Message

LEAST = 90
"""Seconds that a session interval has at least (section 5); Min-SE when none is told."""
_SHORTEST = 32
"""A peer's shorter interval is taken as this one: refreshes must not become a flood."""
MOST = 86_400
"""Seconds of the longest interval that is believed."""
_MARGIN = 32
"""Seconds before the expiry at which the call is ended (section 10)."""
_CHANCE = 10
"""Seconds that a refresh has at least until the call is ended for want of it, whatever the parameters say."""


class Policy(NamedTuple):
    """What we want with one peer.

    :ivar ttl: our Session-Expires, *least* our Min-SE, seconds; *segment*: a refresh every *ttl* / *segment*.
    :ivar early: seconds before the expiry at which the call is ended, when more than the RFC's.
    :ivar required: a peer without session timers is refused.
    """

    ttl: int
    least: int
    segment: int
    early: int
    required: bool


class Wish(NamedTuple):
    """What a message says of session timers.

    :ivar interval: Session-Expires, seconds; None when it has none that can be read.
    :ivar refresher: ``uac``, ``uas`` or "".
    :ivar least: its Min-SE, 0 = none.
    :ivar able: its sender speaks RFC 4028: it has a Session-Expires, or ``timer`` in Supported or Require.
    :ivar update: its Allow names UPDATE.
    """

    interval: int | None = None
    refresher: str = ""
    least: int = 0
    able: bool = False
    update: bool = False


MUTE = Wish()
"""A message without a word of session timers."""


class Terms(NamedTuple):
    """What is agreed: seconds of the interval, and whether the refreshes are ours to send."""

    interval: int
    ours: bool


# -- what is wanted


@lru_cache(maxsize=256)
def _policy(ttl: int, least: int, segment: int, early: int, mode: str) -> Policy:
    return Policy(max(ttl, least), least, segment, early, mode == "required")


def policy_of(parameters: Mapping[str, Any], profile: PeerProfile) -> Policy | None:
    """What we want with a peer; None when its timers are off."""
    mode = profile.session_timer
    if mode == "off":
        return None
    return _policy(
        profile.session_ttl or parameters["SS_SIP_SESSION_TTL"],
        parameters["SS_SIP_SESSION_MIN_SE"],
        parameters["SS_SIP_SESSION_UPDATE_SEGMENT"],
        parameters["SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP"],
        mode,
    )


@lru_cache(maxsize=256)
def invite_lines(policy: Policy | None, least: int, allow: str = ALLOW) -> str:
    """The header lines of our INVITE: Allow, and what we want of session timers.

    :param least: the highest Min-SE that a 422 told, 0 = none did.
    :param allow: the Allow line.
    """
    if policy is None:
        return allow
    floor = max(policy.least, least)
    text = f"{allow}Supported: timer\r\nSession-Expires: {max(policy.ttl, floor)}\r\n"
    if floor > LEAST:
        text += f"Min-SE: {floor}\r\n"
    return text + ("Require: timer\r\n" if policy.required else "")


# -- what a message says


def read(message: Message) -> Wish:
    """What a message says of session timers; what cannot be read is as good as not there."""
    headers = message.headers
    expires, allow = headers.get("session-expires"), headers.get("allow")
    able = expires is not None or _names_timer(headers.get("supported")) or _names_timer(headers.get("require"))
    if not able:
        return MUTE
    update = allow is not None and "UPDATE" in ",".join(allow).upper()
    interval, refresher = _expires(expires[0]) if expires else (None, "")
    return Wish(interval, refresher, least_of(message), True, update)


def least_of(message: Message) -> int:
    """The Min-SE of a 422; 0 when it has none that can be read."""
    least = message.headers.get("min-se")
    return (_seconds(least[0]) or 0) if least else 0


def _names_timer(values: list[str] | None) -> bool:
    if values is None:
        return False
    return any(word.strip().lower() == "timer" for value in values for word in value.split(","))


def _expires(value: str) -> tuple[int | None, str]:
    seconds, *parameters = value.split(";", 16)
    refresher = ""
    for parameter in parameters:
        name, _, said = parameter.partition("=")
        if name.strip().lower() == "refresher" and said.strip().lower() in {"uac", "uas"}:
            refresher = said.strip().lower()
    return _seconds(seconds), refresher


def _seconds(value: str) -> int | None:
    digits = value.partition(";")[0].strip()
    if not (digits.isascii() and digits.isdigit()):
        return None
    return int(digits) if len(digits) <= 9 else 10**9


# -- what is agreed


def too_small(policy: Policy, wish: Wish) -> bool:
    """Whether a request is refused with 422 (section 9)."""
    return wish.interval is not None and wish.interval < policy.least


def as_server(policy: Policy, wish: Wish) -> Terms:
    """Our answer to a request (section 9): its interval, ours if that is shorter, never below its Min-SE.

    The refreshes are ours unless it says ``uac``: a peer that is gone is then seen at the next one.
    """
    wanted = max(policy.ttl, wish.least)
    interval = wanted if wish.interval is None else min(wish.interval, wanted)
    return Terms(min(interval, MOST), wish.refresher != "uac")


def as_client(policy: Policy, asked: int, wish: Wish) -> Terms | None:
    """What a 2xx to a request of ours makes (section 7.2); None = no session timer.

    A peer that shows support and names no interval is refreshed by us all the same.

    :param asked: our Session-Expires.
    """
    if wish.interval is None:
        return Terms(asked, True) if wish.able or policy.required else None
    interval = min(max(wish.interval, _SHORTEST), MOST)
    return Terms(interval, False) if wish.refresher == "uas" else Terms(min(interval, asked), True)


@lru_cache(maxsize=512)
def response_lines(terms: Terms, able: bool) -> str:
    """The header lines of our 2xx; Require only for a peer that knows it."""
    refresher = "uas" if terms.ours else "uac"
    require = "Require: timer\r\n" if able else ""
    return f"{require}Supported: timer\r\nSession-Expires: {terms.interval};refresher={refresher}\r\n"


@lru_cache(maxsize=512)
def request_lines(terms: Terms, least: int) -> tuple[str, ...]:
    """The header lines of our requests within the dialog, without line ends: who refreshes stays who it is."""
    refresher = "uac" if terms.ours else "uas"
    found = ("Supported: timer", f"Session-Expires: {terms.interval};refresher={refresher}")
    return (*found, f"Min-SE: {least}") if least > LEAST else found


def refresh_after(policy: Policy, terms: Terms) -> float:
    """Seconds from one refresh of ours to the next."""
    return terms.interval / policy.segment


def ends_after(policy: Policy, terms: Terms) -> float:
    """Seconds without a refresh after which the call is ended."""
    interval = terms.interval
    last = interval - max(min(_MARGIN, interval / 3), policy.early)
    due = refresh_after(policy, terms) if terms.ours else interval / 2
    return max(last, min(due + _CHANCE, interval))


def glare_pause(owner: bool, chance: float) -> float:
    """Seconds to wait after a 491 (RFC 3261 14.1), in steps of 10 ms.

    :param owner: we made the Call-ID.
    :param chance: 0 to 1.
    """
    return round(2.1 + 1.9 * chance, 2) if owner else round(2.0 * chance, 2)


# -- what happens to a refresh


class State(StrEnum):
    """Where the refreshing of a session stands."""

    RUNNING = "running"
    ASKING = "asking"
    ASKING_OTHER = "asking-other"
    PAUSING = "pausing"  # before the other method is tried again
    RUNS_OUT = "runs-out"
    OVER = "over"


class Input(StrEnum):
    """What can happen to it."""

    DUE = "due"
    REFRESHED = "refreshed"  # by either side
    GLARE = "glare"  # 491, or 422 with a greater Min-SE: the same again, later
    REFUSED = "refused"
    LOST = "lost"  # 408, 481 or nothing
    EXPIRED = "expired"


class Effect(StrEnum):
    """What has to be done."""

    START = "start"  # a new period begins
    ASK = "ask"
    ASK_OTHER = "ask-other"  # by the other method
    PAUSE = "pause"  # ask again in a while
    WAIT = "wait"  # nothing more until the expiry
    END = "end"  # the call is over


_S, _I, _E = State, Input, Effect
_AGAIN = (_S.RUNNING, _E.START)
_END = (_S.OVER, _E.END)

TABLE: dict[State, dict[Input, tuple[State, Effect]]] = {
    _S.RUNNING: {_I.DUE: (_S.ASKING, _E.ASK), _I.REFRESHED: _AGAIN, _I.EXPIRED: _END},
    _S.ASKING: {
        _I.REFRESHED: _AGAIN,
        _I.GLARE: (_S.RUNNING, _E.PAUSE),
        _I.REFUSED: (_S.ASKING_OTHER, _E.ASK_OTHER),
        _I.LOST: _END,
        _I.EXPIRED: _END,
    },
    _S.ASKING_OTHER: {
        _I.REFRESHED: _AGAIN,
        _I.GLARE: (_S.PAUSING, _E.PAUSE),
        _I.REFUSED: (_S.RUNS_OUT, _E.WAIT),
        _I.LOST: _END,
        _I.EXPIRED: _END,
    },
    _S.PAUSING: {_I.DUE: (_S.ASKING_OTHER, _E.ASK), _I.REFRESHED: _AGAIN, _I.EXPIRED: _END},
    _S.RUNS_OUT: {_I.REFRESHED: _AGAIN, _I.EXPIRED: _END},
    _S.OVER: {},
}
