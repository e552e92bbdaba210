"""How we speak with one gateway or phone: what an operator sets per peer, beside address, number rules and money.

The fields are those of the provisioning tables; a phone and an unknown peer have the defaults.  Where a field says
*system*, None stands for the system parameter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from vosswitch.model.h323 import H323Profile


@dataclass(frozen=True, slots=True)
class PeerProfile:
    """Protocol settings of one peer.

    Identity.

    :ivar trusted: what it asserts of callers is believed, and it is told what others assert (RFC 3325).
    :ivar caller_sources: where its caller's number is read, the first that is there: ``from``, ``pai``, ``ppi``,
        ``rpid``, ``display``.
    :ivar callee_source: where its called number is read: ``request_uri``, ``to`` or ``diversion``.
    :ivar from_user: what From's user is towards it: ``caller``, ``username`` (its own user name) or ``asserted``.
    :ivar from_display: what From's display name is: ``system`` (SS_SIP_E164_DISPLAY_FROM), ``none``, ``pass``,
        ``caller`` or ``account``.
    :ivar from_domain: the host in From, "" = our own.
    :ivar identity_headers: what is written: any of ``pai``, ``ppi``, ``rpid``, ``charge``.
    :ivar privacy: ``pass`` (as the caller asked), ``id`` (always), ``none`` (never), ``ignore`` (no header; an
        anonymous caller stays anonymous).
    :ivar diversion: ``off``, ``diversion``, ``history`` or ``both``: how redirections are written towards it.

    Headers.

    :ivar headers_in: other headers that are taken from it to the far side, lower case; ``*`` = all harmless ones.
    :ivar headers_out: those of the far side's peer that it is sent, lower case.
    :ivar number_parameters: parameters of the called number (``npdi``, ``rn``, ``cic``, ...) that it may bring, or is
        sent.
    :ivar add_headers: whole header lines added to the INVITE to it (or to the responses, when it calls).
    :ivar user_agent: User-Agent and Server towards it: "" = ours, ``-`` = none, else the text.
    :ivar reply_address: where responses go: ``auto`` (RFC 3581), ``socket``, ``via_port`` or ``via``.
    :ivar request_address: where requests in its dialogs go: ``socket``, ``contact_port`` or ``contact``.

    The call.

    :ivar session_timer: ``on``, ``off`` or ``required`` (RFC 4028).
    :ivar session_ttl: Session-Expires, seconds; None = system.
    :ivar reliable: reliable provisional responses (RFC 3262): ``off``, ``supported`` or ``required``.
    :ivar codecs: names of the codecs that it may use, in the order of preference; none = all as offered.
    :ivar redirects: what becomes of a 3xx of it: ``refuse``, ``follow`` or ``pass``.
    :ivar redirect_hosts: hosts besides its own that a followed 3xx may name; ``*`` = any.
    :ivar transfers: what becomes of its REFER: ``refuse``, ``internal`` or ``pass``.
    :ivar dtmf_info: what becomes of its DTMF in INFO: ``pass`` or ``ignore``.
    :ivar messages: its MESSAGE requests and methods that we do not know, within dialogs: ``refuse`` or ``pass``.
    :ivar timeout_invite: seconds, None = system; likewise the other timeouts.

    Availability.

    :ivar probe: OPTIONS to it: ``off``, ``failed`` (when it seems to be away) or ``always``.
    :ivar probe_period: seconds, None = system (SS_SIP_OPTIONS_CHECK_PERIOD).
    :ivar probe_codes: final responses that count as well; none = every one but 408 and 503.
    :ivar probe_failures: failures in a row after which it is away; *probe_successes* answers after which it is back.
    :ivar retry_after: seconds at most that its Retry-After puts it aside; 0 = not heeded.
    :ivar keep_alive: it is sent SS_SIP_NAT_KEEP_ALIVE_MESSAGE.

    The way.

    :ivar dynamic: it registers with us; its calls and those to it use the registered address.
    :ivar register: we register with it.
    :ivar tls_name: the name that its certificate has to bear, "" = its host name.
    :ivar large: a request too long for a datagram goes by ``tcp`` or ``udp`` all the same.
    :ivar h323: it speaks H.323, and how; None = SIP.
    """

    trusted: bool = False
    caller_sources: tuple[str, ...] = ("from",)
    callee_source: str = "request_uri"
    from_user: str = "caller"
    from_display: str = "system"
    from_domain: str = ""
    identity_headers: tuple[str, ...] = ()
    privacy: str = "pass"
    diversion: str = "off"
    headers_in: tuple[str, ...] = ()
    headers_out: tuple[str, ...] = ()
    number_parameters: tuple[str, ...] = ()
    add_headers: tuple[str, ...] = ()
    user_agent: str = ""
    reply_address: str = "auto"
    request_address: str = "contact"
    session_timer: str = "on"
    session_ttl: int | None = None
    reliable: str = "off"
    codecs: tuple[str, ...] = ()
    redirects: str = "refuse"
    redirect_hosts: tuple[str, ...] = ()
    transfers: str = "refuse"
    dtmf_info: str = "pass"
    messages: str = "refuse"
    timeout_invite: float | None = None
    timeout_trying: float | None = None
    timeout_progress: float | None = None
    timeout_progress_session: float | None = None
    timeout_ringing: float | None = None
    probe: str = "off"
    probe_period: int | None = None
    probe_codes: tuple[int, ...] = ()
    probe_failures: int = 2
    probe_successes: int = 1
    retry_after: int = 0
    keep_alive: bool = False
    dynamic: bool = False
    register: bool = False
    tls_name: str = ""
    large: str = "tcp"
    h323: H323Profile | None = None

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> PeerProfile:
        """Read a configuration body; a field that its table does not have keeps the default."""
        values: dict[str, Any] = {name: body[name] for name in _NAMES if name in body}
        values.update({name: tuple(value) for name, value in values.items() if isinstance(value, list)})
        found = cls(**values, h323=H323Profile.from_body(body))
        return PLAIN if found == PLAIN else found


_NAMES = tuple(item.name for item in fields(PeerProfile) if item.name != "h323")

PLAIN = PeerProfile()
"""A peer of which nothing special is set."""

TRANSFERRING = PeerProfile(transfers="internal")
"""A phone, where phones may transfer (VS_PHONE_TRANSFERS)."""
