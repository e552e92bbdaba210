"""What is registered by H.323, as the switch knows it: the H.323 process tells each change.

Pure, and free of the H.323 library: it is used on both sides.
"""

from __future__ import annotations

from dataclasses import astuple, replace
from typing import TYPE_CHECKING, Any

from vosswitch.h323.kept import GATEWAY, Directory, of_row
from vosswitch.model.trunk import Trunk, TrunkState, TrunkWish

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from vosswitch.model.call import Contact
    from vosswitch.model.values import Address


def trunk_row(state: TrunkState, up: bool, target: Address | None) -> tuple[Any, ...]:
    """A registration of ours as it is told: its state's fields, whether it is up, the gatekeeper's IP."""
    return astuple(state), up, "" if target is None else target.host


def wish_row(wish: TrunkWish) -> tuple[Any, ...]:
    """A wish as it is told; without its password, which H.323 has no use for."""
    return (wish.name, wish.target, wish.domain, wish.username, wish.local_address, wish.prefixes)


def wish_of(row: tuple[Any, ...]) -> TrunkWish:
    """What `wish_row` has made a row of."""
    name, target, domain, username, local_address, prefixes = row
    return TrunkWish(name, target, domain, username, "", local_address=local_address, prefixes=tuple(prefixes))


class Registered:
    """Endpoints and registrations of ours.

    :param now: monotonic seconds.
    :ivar endpoints: those of our gatekeeper.
    """

    __slots__ = ("_now", "_trunks", "_wishes", "endpoints")

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self.endpoints = Directory(now)
        self._trunks: dict[str, tuple[TrunkState, bool, str, float]] = {}
        self._wishes: dict[str, tuple[TrunkWish, float]] = {}

    # -- what the process tells

    def endpoint(self, *row: Any) -> None:
        """An endpoint has registered, or is kept alive."""
        self.endpoints.put(of_row(row, self._now()))

    def trunk_told(self, state: tuple[Any, ...], up: bool, host: str) -> None:
        """The state of a registration of ours."""
        found = TrunkState(*state)
        self._trunks[found.name] = found, up, host, self._now()

    def lost(self) -> None:
        """The process is gone, and our registrations with it; the endpoints have theirs when there is a new one."""
        self._trunks.clear()

    def wanted(self, wishes: Iterable[TrunkWish]) -> None:
        """Which registrations of ours the configuration wants: of others nothing is shown any more."""
        now = self._now()
        before, self._wishes = self._wishes, {}
        for wish in wishes:
            same = before.get(wish.name)
            self._wishes[wish.name] = same if same is not None and same[0] == wish else (wish, now)
        for name in list(self._trunks):
            if name not in self._wishes:
                del self._trunks[name]

    # -- who asks

    def knows(self, host: str) -> bool:
        """Whether an endpoint, or a gatekeeper that we are registered at, has that address."""
        return self.endpoints.knows(host) or any(up and host == at for _, up, at, _ in self._trunks.values())

    def contacts(self, number: str) -> tuple[Contact, ...]:
        """The live contact of a phone."""
        found = self.endpoints.named(number)
        return () if found is None else (found.contact(number),)

    def gateway(self, username: str) -> tuple[Contact, ...]:
        """The live contact of the dynamic gateways of a user name."""
        return self.contacts(GATEWAY + username)

    def names(self) -> list[str]:
        """Every name that is registered."""
        return self.endpoints.numbers()

    def trunk(self, name: str) -> Trunk | None:
        """Our registration with a routing gateway; None = there is none."""
        found = self._trunks.get(name)
        if found is None:
            return None
        state, up, _, at = found
        return Trunk(up and self._now() < at + state.expires_in + 1)

    def states(self) -> Iterator[TrunkState]:
        """All registrations of ours, by name; those that the process has said nothing of say so."""
        for name in sorted(self._wishes.keys() | self._trunks.keys()):
            if name not in self._trunks:
                yield _untold(*self._wishes[name], self._now())
                continue
            state, _, _, at = self._trunks[name]
            age = round(self._now() - at)
            next_in = None if state.next_in is None else max(0, state.next_in - age)
            yield replace(
                state, expires_in=max(0, state.expires_in - age), state_for=state.state_for + age, next_in=next_in
            )


def _untold(wish: TrunkWish, since: float, now: float) -> TrunkState:
    """A registration that the process has not begun yet, or that a new process has not."""
    why = "the H.323 process has not begun yet"
    return TrunkState(wish.name, str(wish.target), wish.username, "idle", 0, 0, why, round(now - since), None)
