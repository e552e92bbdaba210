"""Where one registered device is (RFC 3261 section 10.2, RFC 3327, RFC 5626): what a REGISTER says and what was seen.

A device is reached where it said that it is, unless what it wrote differs from what its packets show: then it stands
behind NAT and is reached where its packets come from.  An edge proxy that wrote a Path stands for the device.  A device
that came over a connection is reached over it; when that is gone, over a new one if it is TCP and there is no NAT.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from vosswitch.model.call import Contact
from vosswitch.model.values import Address
from vosswitch.sip.grammar.headers import params_text
from vosswitch.sip.grammar.message import BadMessage
from vosswitch.sip.legs.dialog import Hop, hop_of

if TYPE_CHECKING:
    from vosswitch.sip.grammar.headers import NameAddr
    from vosswitch.sip.grammar.message import Request
    from vosswitch.sip.transactions.flow import Flow

MOST_PATH = 8
"""Path values of one registration."""
_LONGEST = 512
_OUR_PARAMS = frozenset({"expires", "q"})


@dataclass(frozen=True, slots=True)
class Binding:
    """One registered contact with what orders and replaces its registrations.

    :ivar flow: the connection that it came over, None for datagrams and after a restart.
    :ivar other: where a new connection reaches it, None = nowhere.
    :ivar params: its other header parameters as text, returned as they came.
    :ivar instance: of the device (``+sip.instance``), "" = not told; *reg_id* numbers its flows, 0 = none.
    :ivar natted: the device is somewhere else than it says.
    :ivar proof: what its sender has proved itself by, shared with the configuration.
    """

    contact: Contact
    call_id: str
    cseq: int
    flow: Flow | None = None
    other: Address | None = None
    params: str = ""
    instance: str = ""
    reg_id: int = 0
    natted: bool = False
    proof: object = field(default=None, compare=False, repr=False)

    @property
    def ends(self) -> float:
        """Monotonic seconds."""
        return self.contact.expires

    @property
    def reachable(self) -> Contact | None:
        """The contact as a call can use it now; None when its connection is gone and it cannot be called back."""
        contact = self.contact
        if contact.target.transport == "udp" or (self.flow is not None and not self.flow.closed):
            return contact
        return None if self.other is None else replace(contact, target=self.other)

    def to_data(self, left: float) -> list[Any]:
        """What `from_data` needs, JSON-able; *left* is its remaining life in whatever form the reader expects."""
        contact = self.contact
        other = None if self.other is None else [*self.other]
        return [
            *(contact.uri, [*contact.target], [*contact.local], left, contact.user_agent, contact.q),
            *(list(contact.path), self.call_id, self.cseq, other, self.params, self.instance, self.reg_id, self.natted),
        ]

    @classmethod
    def from_data(cls, data: list[Any], expires: float) -> Binding:
        """A binding of a former life.

        :raises ValueError: the data are damaged.
        """
        try:
            uri, target, local, _, agent, q, path, call_id, cseq, other, params, instance, reg_id, natted = data
            contact = Contact(
                str(uri), Address(*target), _shared(Address(*local)), expires, sys.intern(agent), float(q), tuple(path)
            )
            back = None if other is None else Address(*other)
            return cls(contact, str(call_id), int(cseq), None, back, str(params), str(instance), int(reg_id), natted)
        except TypeError as error:
            raise ValueError(str(error)) from None


_locals: dict[Address, Address] = {}


def _shared(local: Address) -> Address:
    """The same object for the same listener: there are few of them and many bindings."""
    if len(_locals) > 64:
        _locals.clear()
    return _locals.setdefault(local, local)


def locate(
    contact: NameAddr, request: Request, flow: Flow, path: tuple[str, ...], expires: float, proof: object = None
) -> Binding:
    """The binding that a Contact of a REGISTER makes.

    :param expires: monotonic seconds.
    """
    hop = _hop(path[0] if path else contact.uri.text)
    remote = flow.remote
    natted = hop.host != remote.host or (not path and _translated(request, remote))
    target, other = remote, None
    if not natted and hop.host is not None:
        if flow.reliable:
            other = Address(hop.host, hop.port, "tcp") if remote.transport == "tcp" else None
        else:
            target = Address(hop.host, hop.port, "udp")
    if target == remote:
        target = remote  # one object for both
    agent = sys.intern((request.get("user-agent") or "")[:256])
    kept = Contact(contact.uri.text, target, flow.local, expires, agent, quality(contact), path)
    instance, reg_id = identity(contact)
    return Binding(
        kept,
        request.call_id,
        request.cseq.number,
        flow if flow.reliable else None,
        other,
        _params(contact),
        instance,
        reg_id,
        natted,
        proof,
    )


def _hop(text: str) -> Hop:
    try:
        return hop_of(text)
    except BadMessage:
        return Hop(None, 5060)


def _translated(request: Request, remote: Address) -> bool:
    """Whether the Via, which the device wrote of itself, tells another source than its packet."""
    via = request.via
    if via.host != remote.host:
        return True
    return "rport" in via.params and (via.port or 5060) != remote.port


def _params(contact: NameAddr) -> str:
    found = {name: value for name, value in contact.params.items() if name not in _OUR_PARAMS}
    text = params_text(found) if found else ""
    return text if len(text) <= _LONGEST else ""


def quality(contact: NameAddr) -> float:
    """The q value, 1 when it is absent or no number from 0 to 1."""
    text = contact.params.get("q")
    if text is None:
        return 1.0
    try:
        found = float(text)
    except ValueError:
        return 1.0
    return found if 0.0 <= found <= 1.0 else 1.0


def identity(contact: NameAddr) -> tuple[str, int]:
    """``+sip.instance`` ("" = none) and ``reg-id`` (0 = none, or not usable)."""
    instance = contact.params.get("+sip.instance") or ""
    text = contact.params.get("reg-id") or ""
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    return (instance, number) if 0 < len(instance) <= 200 else ("", 0)


def path_of(request: Request) -> tuple[str, ...]:
    """The Path values, nearest hop first (RFC 3327).

    :raises BadMessage: one cannot be read, or there are too many.
    """
    if "path" not in request.headers:
        return ()
    path = tuple(request.all("path"))
    if len(path) > MOST_PATH or sum(map(len, path)) > 4 * _LONGEST:
        raise BadMessage("Path too long")
    for value in path:
        hop_of(value)
    return path
