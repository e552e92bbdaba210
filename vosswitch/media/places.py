"""The local addresses of relayed media: which one serves a side, and what that side is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vosswitch.sdp.codecs import UNSPECIFIED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Place = tuple[int, str]
"""Number of a local address, and the host that the side is told."""
_MOST_KNOWN = 1024


class Places:
    """The local addresses, in the order of the configuration.

    :param addresses: each with what peers are told instead, "" = itself.
    :param shown: what peers are told instead of a local address that signalling uses (1:1 NAT).
    """

    __slots__ = ("_addresses", "_known", "_shown")

    def __init__(self, addresses: Sequence[tuple[str, str]], shown: Mapping[str, str]) -> None:
        self._addresses = tuple(addresses)
        self._shown = shown
        self._known: dict[tuple[str | None, str], Place | None] = {}

    def find(self, local: str | None, external: str = "") -> Place | None:
        """Where media goes of a side whose signalling uses the IP *local*; None when no address is of its family.

        :param local: None = not known: the first address serves.
        :param external: SS_RTP_EXTERNAL_IP, which stands over all of its family.
        """
        key = local, external
        try:
            return self._known[key]
        except KeyError:
            pass
        found = self._find(local, external)
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[key] = found
        return found

    def _find(self, local: str | None, external: str) -> Place | None:
        place = self._place(local)
        if place is None:
            return None
        host, told = self._addresses[place]
        if external and (":" in external) == (":" in host):
            told = external
        elif not told and host in UNSPECIFIED:
            told = self._shown.get(local, local) if local is not None else ""
        told = told or (host if host not in UNSPECIFIED else "")
        return (place, told) if told else None

    def _place(self, local: str | None) -> int | None:
        """The address itself, else the unspecified one of its family, else the first one of it."""
        if local is None:
            return 0
        family = [(place, host) for place, (host, _) in enumerate(self._addresses) if (":" in host) == (":" in local)]
        ranked = sorted(family, key=lambda row: (row[1] != local, row[1] not in UNSPECIFIED, row[0]))
        return ranked[0][0] if ranked else None
