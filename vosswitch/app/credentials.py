"""Who may speak to us, answered from the newest configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zope.interface import implementer

from vosswitch.model.interfaces import ICredentials
from vosswitch.model.peer import PLAIN

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.call.snapshot import Snapshot
    from vosswitch.model.call import Credential
    from vosswitch.model.peer import PeerProfile
    from vosswitch.model.values import Address


@implementer(ICredentials)
class Credentials:
    """`ICredentials` over the snapshot in force."""

    __slots__ = ("_snapshot",)

    def __init__(self, snapshot: Callable[[], Snapshot]) -> None:
        self._snapshot = snapshot

    def trusts(self, source: Address) -> bool:
        """Whether the source address proves its sender by itself."""
        return self._snapshot().callers.trusts(source)

    def credentials(self, username: str) -> tuple[Credential, ...]:
        """What proves a user name; empty when there is none."""
        return self._snapshot().callers.credentials(username)

    def phone(self, username: str) -> str | None:
        """The phone number that this user name may register."""
        return self._snapshot().callers.phone(username)

    def profile(self, source: Address, username: str | None, callee: str) -> PeerProfile:
        """How the caller is spoken with."""
        found = self._snapshot().callers.identify(source, username, callee)
        return PLAIN if found is None or found.gateway is None else found.gateway.profile

    def challenges(self) -> bool:
        """Whether an unknown source is asked for credentials whatever number it calls from."""
        return self._snapshot().callers.challenges()
