"""Fast start (H.323 8.1.7): the logical channels that Setup proposes and an answer chooses.

Of two kinds: what the caller sends is a forward channel with audio and no RTP address; what it wants to be sent has no
data forward, and in reverse audio with the caller's RTP address.  An answer gives back what is chosen: the first kind
with the callee's RTP address, the second under a number of the callee's own.  RTCP addresses stand in both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vosswitch.h323.h245 import addresses, audio, plan
from vosswitch.h323.h245.audio import Audio
from vosswitch.h323.h245.capabilities import Capabilities
from vosswitch.h323.h245.channels import Asked, data_type, endpoint, parameters, read_data_type
from vosswitch.h323.h245.plan import Outcome
from vosswitch.model.session import SessionDescription

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vosswitch.h323.h245.addresses import Endpoint
    from vosswitch.h323.h245.plan import Plan

MOST_CHANNELS = 64
"""Channels of one ``fastStart`` that are looked at."""
_NOTHING = (("nullData", 0), ("none", 0))
_H2250 = "h2250LogicalChannelParameters"


@dataclass(frozen=True, slots=True)
class Proposed:
    """One channel of a ``fastStart``.

    :ivar forward: the caller sends in it; else the callee does.
    :ivar rtp: RTP address in it; *control* the same, or where its RTCP address says that media comes from or goes to.
    """

    number: int
    forward: bool
    medium: Audio
    session: int
    rtp: Endpoint | None
    control: Endpoint | None


@dataclass(frozen=True, slots=True)
class Channels:
    """Channels that are open, for `Session.adopt`.

    :ivar ours: our description they were opened with, *theirs* the peer's.
    :ivar sent: number and audio of our channel to the peer, *where* it takes media; None = there is none.
    :ivar received: the peer's channel to us.
    """

    ours: SessionDescription
    theirs: SessionDescription
    sent: tuple[int, Audio] | None = None
    where: Endpoint | None = None
    received: Asked | None = None


def proposals(session: SessionDescription) -> list[dict[str, Any]]:
    """OpenLogicalChannel values for Setup: for each codec of *session* one for each direction; may be empty."""
    wanted = plan.read(session)
    found: list[dict[str, Any]] = []
    for codec in wanted.codecs:
        medium = audio.types(codec, wanted.packet)[0]
        found.append(_reverse(len(found) + 1, medium, wanted.rtp, wanted.rtcp))
        found.append(_forward(len(found) + 1, medium, None, wanted.rtcp))
    return found if wanted.rtp is not None else []


def _forward(number: int, medium: Audio, rtp: Endpoint | None, rtcp: Endpoint | None) -> dict[str, Any]:
    forward = {"dataType": data_type(medium), "multiplexParameters": parameters(medium, rtp, rtcp)}
    return {"forwardLogicalChannelNumber": number, "forwardLogicalChannelParameters": forward}


def _reverse(number: int, medium: Audio, rtp: Endpoint | None, rtcp: Endpoint | None) -> dict[str, Any]:
    kind, multiplex = _NOTHING
    reverse = {"dataType": data_type(medium), "multiplexParameters": parameters(medium, rtp, rtcp)}
    return {
        "forwardLogicalChannelNumber": number,
        "forwardLogicalChannelParameters": {"dataType": kind, "multiplexParameters": multiplex},
        "reverseLogicalChannelParameters": reverse,
    }


def read(olcs: Sequence[dict[str, Any]]) -> list[Proposed]:
    """The channels of a ``fastStart`` with audio that we know."""
    found = [_read(body) for body in olcs[:MOST_CHANNELS]]
    return [item for item in found if item is not None]


def _read(body: dict[str, Any]) -> Proposed | None:
    reverse = body.get("reverseLogicalChannelParameters")
    said = body["forwardLogicalChannelParameters"] if reverse is None else reverse
    medium = read_data_type(said["dataType"])
    kind, about = said.get("multiplexParameters", ("", {}))
    if not isinstance(medium, Audio) or kind != _H2250:
        return None
    number, session = body["forwardLogicalChannelNumber"], about["sessionID"]
    rtp = addresses.read(about.get("mediaChannel"))
    return Proposed(number, reverse is None, medium, session, rtp, endpoint(about))


def offered(olcs: Sequence[dict[str, Any]]) -> SessionDescription | None:
    """The caller's ``fastStart`` as an offer; None = nothing of it is known to us."""
    channels = read(olcs)
    back = [item for item in channels if not item.forward and item.rtp is not None]
    if not back:
        return None
    where = back[0].rtp
    assert where is not None
    sent = {item.medium.codec for item in channels if item.forward}
    media = [item.medium for item in back if item.rtp == where and (not sent or item.medium.codec in sent)]
    if not media:
        return None
    codecs = [audio.codec(name, media) for name in dict.fromkeys([item.codec for item in media])]
    section = plan.speech(codecs, None, where[1], plan.packets(media))
    return SessionDescription(host=where[0], media=(section,))


def chosen(olcs: Sequence[dict[str, Any]], answer: SessionDescription) -> list[dict[str, Any]] | None:
    """Our answer to the caller's ``fastStart``: one channel for each direction; None = nothing fits.

    :param answer: the far side's answer to `offered`, with our address.
    """
    wanted, channels = plan.read(answer), read(olcs)
    if wanted.rtp is None:
        return None
    to_us, back = _pair(wanted, channels)
    if to_us is None or back is None:
        return None
    return [
        _forward(to_us.number, to_us.medium, wanted.rtp, wanted.rtcp),
        _reverse(_number(channels), back.medium, None, wanted.rtcp),
    ]


def _pair(wanted: Plan, channels: list[Proposed]) -> tuple[Proposed | None, Proposed | None]:
    """The caller's channel and ours: both of the first codec of the answer that is proposed both ways."""
    best: tuple[Proposed | None, Proposed | None] = (None, None)
    for codec in wanted.codecs:
        fitting = [item for item in channels if item.medium.codec == codec.name.upper()]
        to_us = _best(codec.fmtp, [item for item in fitting if item.forward])
        back = _best(codec.fmtp, [item for item in fitting if not item.forward and item.rtp is not None])
        if to_us is not None and back is not None:
            return to_us, back
        best = (best[0] or to_us, best[1] or back)
    return best


def _best(fmtp: str, found: list[Proposed]) -> Proposed | None:
    """Of the variants of one codec the first without annex B, when the answer wants none; else the first."""
    plain = [item for item in found if "annexb=no" in fmtp and not item.medium.name.endswith("AnnexB")]
    return next(iter(plain or found), None)


def _number(channels: list[Proposed]) -> int:
    """Of our own channel: as a rule none that the caller has used, since some stacks put both into one list."""
    taken = {item.number for item in channels}
    return next(number for number in range(101, 101 + MOST_CHANNELS + 1) if number not in taken)


def calling(
    proposed: Sequence[dict[str, Any]], answers: Sequence[dict[str, Any]], ours: SessionDescription
) -> Channels | None:
    """What stands by the peer's answer to our `proposals`: the caller's side; None = it takes none of them.

    Only the first channel of an answer in each direction counts, and only one that we have proposed.

    :param ours: what they were made of: the peer's description has its sections one by one.
    """
    asked, wanted, said = read(proposed), plan.read(ours), read(answers)
    sent = next((item for item in said if item.forward and _proposed(item, asked)), None)
    back = next((item for item in said if not item.forward and _proposed(item, asked)), None)
    where = sent.control if sent is not None else back.control if back is not None else None
    if where is None:
        return None
    outcome = Outcome(sent.medium if sent is not None else None, back.medium if back is not None else None, where)
    theirs = plan.describe(wanted, Capabilities(tuple([item.medium for item in asked])), outcome)
    received = Asked(back.number, back.session, back.medium, back.control) if back is not None else None
    if sent is None:
        return Channels(ours, theirs, received=received)
    return Channels(ours, theirs, (sent.number, sent.medium), where, received)


def _proposed(answer: Proposed, asked: list[Proposed]) -> bool:
    """Whether we have proposed that."""
    return any(item.forward is answer.forward and item.medium.codec == answer.medium.codec for item in asked)


def called(olcs: Sequence[dict[str, Any]], answers: Sequence[dict[str, Any]], answer: SessionDescription) -> Channels:
    """What stands after `chosen`: the callee's side, for `Session.adopt`.

    :param answers: what `chosen` has made of *olcs* and *answer*.
    """
    channels, ours = read(olcs), read(answers)
    theirs = next(item for item in ours if item.forward)
    back = next(item for item in ours if not item.forward)
    where = next(item.rtp for item in channels if not item.forward and item.medium == back.medium and item.rtp)
    source = next((item.control for item in channels if item.forward and item.number == theirs.number), None)
    outcome = Outcome(back.medium, theirs.medium, where)
    described = plan.describe(plan.read(answer), Capabilities((back.medium,)), outcome)
    received = Asked(theirs.number, theirs.session, theirs.medium, source)
    return Channels(answer, described, (back.number, back.medium), where, received)
