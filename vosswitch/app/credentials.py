"""Who may speak to us, answered from the newest configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zope.interface import implementer

from vosswitch.model.call import Credential
from vosswitch.model.h323 import TRANSPORT
from vosswitch.model.interfaces import ICredentials
from vosswitch.model.peer import PLAIN, TRANSFERRING
from vosswitch.numbers.e164 import BadNumber, dialled
from vosswitch.sip.grammar.digest import ALGORITHMS, ha1

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.accounts.callers import Read
    from vosswitch.call.snapshot import Snapshot
    from vosswitch.model.peer import PeerProfile
    from vosswitch.model.values import Address
    from vosswitch.routing.gateways import RoutingGateway
    from vosswitch.routing.index import GatewayIndex


@implementer(ICredentials)
class Credentials:
    """`ICredentials` over the snapshot in force.

    :param realm: of our challenges: with it the passwords of dynamic routing gateways are hashed.
    """

    __slots__ = ("_hashed", "_index", "_realm", "_snapshot")

    def __init__(self, snapshot: Callable[[], Snapshot], realm: str = "") -> None:
        self._snapshot = snapshot
        self._realm = realm
        self._index: GatewayIndex | None = None
        self._hashed: dict[str, tuple[Credential, ...]] = {}

    def trusts(self, source: Address) -> bool:
        """Whether the source address proves its sender by itself."""
        return self._snapshot().callers.trusts(source)

    def credentials(self, username: str) -> tuple[Credential, ...]:
        """What proves a user name; empty when there is none."""
        return self._snapshot().callers.credentials(username) or self._of_routing(username)

    def phone(self, username: str) -> str | None:
        """The phone number that this user name may register."""
        return self._snapshot().callers.phone(username)

    def dynamic(self, username: str, calling: bool = False) -> bool:
        """Whether this user name belongs to a gateway that registers with us.

        Gateways of both kinds may share the name when they share the password too: who proves it is all of them.
        """
        snapshot = self._snapshot()
        routing = self._of_routing(username)
        if calling or username not in snapshot.gateways.dynamic:
            return snapshot.callers.dynamic(username)
        held = snapshot.callers.credentials(username)
        return bool(routing) and (not held or (set(held) <= set(routing) and snapshot.callers.dynamic(username)))

    def _of_routing(self, username: str) -> tuple[Credential, ...]:
        """What proves the dynamic routing gateways of a user name; empty when their passwords differ."""
        index = self._snapshot().gateways
        if index is not self._index:
            self._index, self._hashed = index, {}
        gateways = index.dynamic.get(username)
        if gateways is None:
            return ()
        found = self._hashed.get(username)
        if found is None:
            found = self._hashed[username] = self._hashes(username, gateways)
        return found

    def _hashes(self, username: str, gateways: list[RoutingGateway]) -> tuple[Credential, ...]:
        passwords = {gateway.password for gateway in gateways}
        if len(passwords) > 1:
            return ()
        password = passwords.pop()
        return tuple([Credential(ha1(username, self._realm, password, kind), kind) for kind in ALGORITHMS])

    def profile(self, source: Address, username: str | None, callee: str, read: Read | None = None) -> PeerProfile:
        """How the caller is spoken with."""
        snapshot = self._snapshot()
        found = snapshot.callers.identify(source, username, callee, read)
        if found is None:
            return PLAIN
        if found.gateway is not None:
            return found.gateway.profile
        return TRANSFERRING if snapshot.parameters["VS_PHONE_TRANSFERS"] else PLAIN

    def profile_at(self, source: Address) -> PeerProfile:
        """How the gateway at an address is spoken with."""
        snapshot = self._snapshot()
        found = snapshot.callers.profile_at(source)
        return found if found is not PLAIN else snapshot.gateways.profile_at(source.host)

    def challenges(self) -> bool:
        """Whether an unknown source is asked for credentials whatever number it calls from."""
        snapshot = self._snapshot()
        return snapshot.callers.challenges() or bool(snapshot.gateways.dynamic)

    def asked(self, source: Address) -> bool:
        """Whether a gateway that proves itself by password may call from there."""
        return self._snapshot().callers.asked(source)

    def known(self, source: Address) -> bool:
        """Whether a gateway of either kind is at that address."""
        snapshot = self._snapshot()
        if source.transport == TRANSPORT:
            return snapshot.callers.h323 is not None and snapshot.callers.h323.known(source.host)
        return snapshot.callers.trusts(source) or source.host in snapshot.gateways.hosts

    def emergency(self, callee: str) -> bool:
        """Whether a called number is an emergency number."""
        groups = self._snapshot().emergency
        if not groups:
            return False
        try:
            number = dialled(callee)
        except BadNumber:
            return False
        return any(group.match(number) is not None for group in groups)

    def same_gateway(self, seen: Address, source: Address) -> bool:
        """Whether both addresses belong to one gateway."""
        return self._snapshot().callers.together(seen.host, source.host)
