"""The sockets of the room: the one package of it, beside `vosswitch.sip.service`, that imports Twisted.

`listening` is what all share, `udp` and `stream` are the kinds, `connection` and `web` are one connection, `tls` has
the certificates, `options` what the system is asked for, `opening` opens listeners, `sockets` is all of them.
"""

from vosswitch.sip.transport.connection import FIRST_MESSAGE, IDLE
from vosswitch.sip.transport.listening import Room, Watcher
from vosswitch.sip.transport.nameservice import NameService
from vosswitch.sip.transport.opening import (
    OTHER_FILES,
    connections_allowed,
    listen,
    try_bind,
)
from vosswitch.sip.transport.options import RECEIVE_BUFFER, ask_buffer, drops, handle_of, mark
from vosswitch.sip.transport.sockets import Sockets
from vosswitch.sip.transport.stream import MOST_CONNECTIONS, StreamFlow, StreamSocket
from vosswitch.sip.transport.tls import BadCertificate, Certificates
from vosswitch.sip.transport.udp import UdpFlow, UdpSocket

__all__ = [
    "FIRST_MESSAGE",
    "IDLE",
    "MOST_CONNECTIONS",
    "OTHER_FILES",
    "RECEIVE_BUFFER",
    "BadCertificate",
    "Certificates",
    "NameService",
    "Room",
    "Sockets",
    "StreamFlow",
    "StreamSocket",
    "UdpFlow",
    "UdpSocket",
    "Watcher",
    "ask_buffer",
    "connections_allowed",
    "drops",
    "handle_of",
    "listen",
    "mark",
    "try_bind",
]
