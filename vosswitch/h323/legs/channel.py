"""How the H.245 messages of one leg travel: in its call signalling (tunnelled), or by a connection of their own.

A leg begins with the tunnel where its profile wants it and the peer says the same in every message (H.323 8.2.1).
As soon as the peer does not, the tunnel is over for good, and what goes out waits for a connection: one side tells
where it waits (``h245Address``), the other one connects.  What was put into Setup and the like before the peer had
tunnelled anything was not heard there, and is sent again.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Protocol

from vosswitch.h323 import per

if TYPE_CHECKING:
    from vosswitch.h323.legs.line import Control, Line
    from vosswitch.model.values import Address

MOST_WAITING = 64
"""Messages that wait for a way to the peer; what comes beyond is dropped, as on a connection that is gone."""


class ChannelUser(Protocol):
    """A leg, as its control channel sees it."""

    def channel_open(self) -> None:
        """The connection is there."""

    def channel_heard(self, message: tuple[str, Any]) -> None:
        """One H.245 message came by the connection."""

    def channel_lost(self, reason: str) -> None:
        """There is no connection any more, or it never came."""


class Link:
    """One attempt at a connection (a `ControlUser`): ours or the peer's."""

    __slots__ = ("_channel",)

    def __init__(self, channel: ControlChannel) -> None:
        self._channel = channel

    def control_connected(self, control: Control) -> None:
        """It is there."""
        self._channel.connected(self, control)

    def control_received(self, data: bytes) -> None:
        """One message."""
        self._channel.received(self, data)

    def control_lost(self, reason: str) -> None:
        """It is gone."""
        self._channel.lost(self, reason)


class ControlChannel:
    """The way of the H.245 messages.

    :param tunnelling: we tunnel as long as the peer does.
    :ivar tunnels: both sides tunnel, as far as is known.
    :ivar waits_at: where the peer may connect to us, None = nowhere; *invited* it was told that it has to.
    :ivar _known: the peer has said that it tunnels.
    :ivar _link: the connection that is used, or that is under way to the peer; *_listening* the one we wait for.
    :ivar _unheard: tunnelled before the peer had said anything about tunnels.
    """

    __slots__ = (
        "_control",
        "_known",
        "_line",
        "_link",
        "_listening",
        "_unheard",
        "_user",
        "_waiting",
        "closed",
        "invited",
        "tunnels",
        "waits_at",
    )

    def __init__(self, line: Line, user: ChannelUser, tunnelling: bool, known: bool) -> None:
        self._line = line
        self._user = user
        self.tunnels = tunnelling
        self._known = known
        self._control: Control | None = None
        self._link: Link | None = None
        self._listening: Link | None = None
        self.waits_at: Address | None = None
        self.invited = False
        self._waiting: list[tuple[str, Any]] = []
        self._unheard: list[tuple[str, Any]] = []
        self.closed = False

    @property
    def is_there(self) -> bool:
        """Whether what is sent goes out: by the tunnel or by a connection."""
        return self._control is not None or (self.tunnels and self._known)

    @property
    def is_separate(self) -> bool:
        """Whether there is a connection, or one is under way."""
        return self._link is not None or self.invited

    @property
    def has_mail(self) -> bool:
        """Whether something waits that can go by the tunnel now."""
        return bool(self._waiting) and self._control is None and self.tunnels and self._known

    def send(self, message: tuple[str, Any]) -> None:
        """Send a message, or keep it until it can go."""
        if self.closed:
            return
        if self._control is not None:
            self._control.send(per.encode_h245(message))
        elif len(self._waiting) < MOST_WAITING:
            self._waiting.append(message)

    def take_along(self) -> tuple[tuple[str, Any], ...]:
        """What goes along with a call signalling message that is sent now."""
        if self._control is not None or not self.tunnels:
            return ()
        taken, self._waiting = tuple(self._waiting), []
        if not self._known:
            self._unheard += taken
        return taken

    # -- tunnelling

    def peer_tunnels(self, tunnels: bool) -> bool:
        """Note what a message of the peer says, once its own H.245 messages are processed.

        :returns: whether the tunnel was in use and is over now.
        """
        if not self.tunnels:
            return False
        if tunnels:
            self._known = True
            self._unheard = []
            return False
        self.tunnels = False
        self._waiting[:0] = self._unheard
        self._unheard = []
        return True

    def decide(self) -> None:
        """The peer has answered the call without a word of tunnelling: it does not."""
        if not self._known:
            self.peer_tunnels(False)

    # -- a connection of its own

    def listen(self) -> Address | None:
        """Wait for the peer's connection; where, or None: no port is free."""
        if self._listening is None:
            link = Link(self)
            self.waits_at = self._line.listen(link)
            if self.waits_at is not None:
                self._listening = link
        return self.waits_at

    def invite(self) -> Address | None:
        """Wait for the peer's connection as `listen` does, and have the peer know that it is wanted."""
        address = self.listen()
        self.invited = address is not None
        return address

    def reach(self, address: Address) -> None:
        """Connect to where the peer waits, unless there is a connection, or one is under way.

        When we wait as well (both sides have sent startH245), the one with the smaller address connects, as the stacks
        in use do it (OpenH323).
        """
        if self._link is not None or self.closed:
            return
        if self.invited and self.waits_at is not None and _key(self.waits_at) > _key(address):
            return
        self._link = Link(self)
        self._line.connect(address, self._link)

    def connected(self, link: Link, control: Control) -> None:
        """A connection is there: the first one is used, a further one closed."""
        if self._control is not None or self.closed or not self._owns(link):
            control.close()
            return
        self._link, self._listening, self._control = link, None, control
        self.waits_at, self.invited = None, False
        self.tunnels = False
        waiting, self._waiting = [*self._unheard, *self._waiting], []
        self._unheard = []
        for message in waiting:
            self.send(message)
        self._user.channel_open()

    def _owns(self, link: Link) -> bool:
        return link is self._link or link is self._listening

    def received(self, link: Link, data: bytes) -> None:
        """A message came; one that cannot be read is passed over."""
        if link is not self._link or self.closed:
            return
        try:
            message = per.decode_h245(data)
        except per.BadPdu:
            return
        self._user.channel_heard(message)

    def lost(self, link: Link, reason: str) -> None:
        """A connection is gone, or never came; while we wait for the peer's as well nothing is lost."""
        if link is self._listening:
            self._listening = self.waits_at = None
            self.invited = False
        elif link is self._link:
            self._link = self._control = None
        else:
            return
        if self._link is None and self._listening is None and not self.closed:
            self._user.channel_lost(reason)

    def close(self) -> None:
        """The leg is over: close the connection once all is sent."""
        self.closed = True
        self._waiting = []
        control, self._control = self._control, None
        if control is not None:
            control.close()


def _key(address: Address) -> tuple[bytes, int]:
    return ip_address(address.host).packed, address.port
