"""Codecs: what SDP and what H.245 say of the same (RFC 3551, RFC 4856; H.245 ``AudioCapability``, ``DataType``).

Of packets H.245 counts milliseconds for G.711 (H.225.0 annex B has its frames of 8 samples) and frames for the
others: 10 ms with G.729, 30 ms with G.723.1.  The four names of G.729 are one codec; annex B (silence suppression) is
the only difference that a receiver has to know, and SDP says it as ``annexb``, which is *yes* unless it says no.
Annex A of G.723.1 is told only where SDP asks for it: every decoder takes it, few announce it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vosswitch.model.session import Codec

if TYPE_CHECKING:
    from collections.abc import Iterable

USUAL_PACKET = 20
"""Milliseconds of a packet that nothing is said of."""
LONGEST_PACKET = 60
"""Milliseconds above which what a peer says is the most it can take, not what it wants."""


@dataclass(frozen=True, slots=True)
class Family:
    """One codec of SDP and its names in H.245.

    :ivar step: milliseconds of one unit, as H.245 counts.
    :ivar names: the usual first.
    """

    codec: Codec
    step: int
    names: tuple[str, ...]


_ANNEX_B = frozenset({"g729wAnnexB", "g729AnnexAwAnnexB"})
FAMILIES = {
    family.codec.name: family
    for family in (
        Family(Codec(8, "PCMA", 8000), 1, ("g711Alaw64k",)),
        Family(Codec(0, "PCMU", 8000), 1, ("g711Ulaw64k",)),
        Family(Codec(18, "G729", 8000), 10, ("g729AnnexA", "g729", "g729AnnexAwAnnexB", "g729wAnnexB")),
        Family(Codec(4, "G723", 8000), 30, ("g7231",)),
    )
}
"""By name in SDP, in the order in which we announce them when nobody has a wish."""
_BY_NAME = {name: family for family in FAMILIES.values() for name in family.names}


@dataclass(frozen=True, slots=True)
class Audio:
    """One audio type of H.245.

    :ivar name: such as ``g711Alaw64k``.
    :ivar units: of a packet: milliseconds for G.711, frames for the others.
    :ivar silence: silence suppression (G.723.1 only; G.729 has names for it).
    """

    name: str
    units: int
    silence: bool = False

    @property
    def codec(self) -> str:
        """Its name in SDP."""
        return _BY_NAME[self.name].codec.name

    @property
    def milliseconds(self) -> int:
        """Of a packet."""
        return self.units * _BY_NAME[self.name].step

    @property
    def value(self) -> tuple[str, Any]:
        """As H.245 says it."""
        if self.name == "g7231":
            return self.name, {"maxAl-sduAudioFrames": self.units, "silenceSuppression": self.silence}
        return self.name, self.units


def read(value: tuple[str, Any]) -> Audio | None:
    """An ``AudioCapability``; None when it is none of ours."""
    name, body = value
    if name not in _BY_NAME:
        return None
    if name == "g7231":
        return Audio(name, body["maxAl-sduAudioFrames"], body["silenceSuppression"])
    return Audio(name, body)


def known(codec: Codec) -> bool:
    """Whether H.245 has a name for a codec of SDP."""
    family = FAMILIES.get(codec.name.upper())
    return family is not None and codec.rate == family.codec.rate and codec.channels == 1


def types(codec: Codec, packet: int) -> tuple[Audio, ...]:
    """All names that H.245 has for what *codec* (`known`) can receive, the usual one first.

    :param packet: milliseconds.
    """
    family = FAMILIES[codec.name.upper()]
    units = min(max(packet // family.step, 1), 256)
    silence = family.codec.name == "G723" and _parameter(codec.fmtp, "annexa") == "yes"
    plain = family.codec.name == "G729" and _parameter(codec.fmtp, "annexb") == "no"
    return tuple([Audio(name, units, silence) for name in family.names if not (plain and name in _ANNEX_B)])


def fit(codec: Codec, packet: int, peer: Iterable[Audio]) -> Audio | None:
    """How *codec* is sent to a peer that can receive *peer*; None when it cannot.

    A variant that both name is taken before one that only the peer names: a packet without silence suppression is
    one of the codec with it.  A packet is no longer than the peer takes, nor than we want.
    """
    wanted = types(codec, packet)
    names = [item.name for item in wanted]
    found = [item for item in peer if item.codec == wanted[0].codec]
    if not found:
        return None
    best = min(found, key=lambda item: (names.index(item.name) if item.name in names else 99, item.silence))
    return Audio(best.name, min(best.units, wanted[0].units), best.silence and wanted[0].silence)


def codec(name: str, said: Iterable[Audio]) -> Codec:
    """The codec *name* of SDP as *said* allows it: ``annexb=no`` unless a name with annex B is among them."""
    found = FAMILIES[name].codec
    if name == "G729" and not any(item.name in _ANNEX_B for item in said):
        return Codec(found.payload, found.name, found.rate, found.channels, "annexb=no")
    return found


def _parameter(fmtp: str, name: str) -> str:
    found = re.search(rf"(?:^|[;\s]){name}\s*=\s*(\w+)", fmtp, re.IGNORECASE)
    return found.group(1).lower() if found else ""
