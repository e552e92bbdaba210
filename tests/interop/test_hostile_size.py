"""Messages that are too long, or say one thing twice: a plain answer or none, no memory kept, no trace left."""

from __future__ import annotations

import os
import time

import pytest

from tests.bench.proc import resident
from tests.support.peer import SDP, Peer
from tests.support.switch import options, until

REFUSALS = {400, 413, 415, 416, 420, 481, 482, 483, 484, 488, 500, 501, 503, 505, 513}
"""Nothing of this becomes a call; 100 may stand before any of them."""


@pytest.fixture
def peer(case):
    """A peer at the address of a customer, so that what can be read is acted on."""
    case.begin(SS_SIP_TIMEOUT_INVITE="0.5")
    made = Peer(case.switch.port, host=case.host)
    case.peers.append(made)
    return made


def invite(
    peer: Peer, case, *, more: bytes = b"", body: bytes = SDP, length: str | None = None, **changes: str
) -> bytes:
    """An INVITE as bytes.

    :param more: whole header lines.
    :param changes: values instead of the right ones, by header name in lower case.
    """
    host = f"{peer.host}:{peer.port}"
    values = {
        "via": f"SIP/2.0/UDP {host};branch=z9hG4bK{os.urandom(6).hex()};rport",
        "from": f"<sip:4312345@{peer.host}>;tag={os.urandom(4).hex()}",
        "to": f"<sip:{case.number}@127.0.0.1>",
        "call-id": os.urandom(8).hex(),
        "cseq": "1 INVITE",
        "contact": f"<sip:4312345@{host}>",
        "max-forwards": "70",
        "content-type": "application/sdp",
        **changes,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in values.items() if value)
    size = str(len(body)) if length is None else length
    return (
        f"INVITE sip:{case.number}@127.0.0.1:{case.switch.port} SIP/2.0\r\n{head}".encode()
        + more
        + f"Content-Length: {size}\r\n\r\n".encode()
        + body
    )


def media(count: int) -> bytes:
    """A description of so many media."""
    return SDP + b"m=audio 4000 RTP/AVP 0\r\n" * count


def sdp_with(port: str) -> bytes:
    """A description whose audio port is *port*."""
    return SDP.replace(b"m=audio 40000", f"m=audio {port}".encode())


LONG = {
    "2000 headers": {"more": b"".join(b"X-%d: y\r\n" % number for number in range(2000))},
    "2000 times one header": {"more": b"X: y\r\n" * 2000},
    "2000 Via values": {"more": b"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\n" * 1000},
    "500 Record-Route values": {"more": b"Record-Route: <sip:192.0.2.1;lr>\r\n" * 500},
    "60 kB header": {"more": b"X: " + b"y" * 60_000 + b"\r\n"},
    "60 kB From": {"from": f'"{"y" * 58_000}" <sip:1@x>;tag=1'},
    "50 kB Call-ID": {"call-id": "y" * 50_000},
    "50 kB branch": {"via": f"SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{'y' * 50_000}"},
    "50 kB tag": {"from": f"<sip:1@x>;tag={'y' * 50_000}"},
    "9000 parameters": {"contact": "<sip:1@192.0.2.1>" + ";a=b" * 9000},
    "2500 media lines": {"body": media(2500)},
    "9000 attributes": {"body": SDP + b"a=x\r\n" * 9000},
    "9000 formats": {"body": SDP.replace(b"8 0", b" ".join([b"8"] * 9000))},
    "deep nesting": {"contact": "<" * 20_000},
    "quotes": {"from": '"' + '\\"' * 20_000},
    "folded 9000 times": {"more": b"X: a\r\n" + b" b\r\n" * 9000},
}
WRONG = {
    "Via port 0": {"via": "SIP/2.0/UDP 192.0.2.1:0;branch=z9hG4bKa"},
    "Via port 65536": {"via": "SIP/2.0/UDP 192.0.2.1:65536;branch=z9hG4bKb"},
    "Via port of 30 digits": {"via": f"SIP/2.0/UDP 192.0.2.1:{'9' * 30};branch=z9hG4bKc"},
    "Contact port 65536": {"contact": "<sip:1@192.0.2.1:65536>"},
    "Contact port 0": {"contact": "<sip:1@192.0.2.1:0>"},
    "media port 65536": {"body": sdp_with("65536")},
    "media port -1": {"body": sdp_with("-1")},
    "media port of 30 digits": {"body": sdp_with("9" * 30)},
    "two Content-Length": {"more": b"Content-Length: 3\r\n"},
    "Content-Length too long": {"length": "99999"},
    "Content-Length negative": {"length": "-1"},
    "Content-Length of 30 digits": {"length": "9" * 30},
    "two Call-ID": {"more": b"Call-ID: other\r\n"},
    "two CSeq, one short of a name": {"more": b"CSeq: 2 INVITE\r\n"},
    "two From by the short name": {"more": b"f: <sip:9@x>;tag=9\r\n"},
    "two To": {"more": b"t: <sip:9@x>\r\n"},
    "a name with a blank": {"more": b"Call-ID : other\r\n"},
    "a name with a NUL": {"more": b"Call-ID\0: other\r\n"},
    "a bare LF": {"more": b"X: a\nCall-ID: other\r\n"},
    "a bare CR": {"more": b"X: a\rCall-ID: other\r\n"},
    "CSeq of another method": {"cseq": "1 BYE"},
    "CSeq beyond 2**32": {"cseq": "99999999999 INVITE"},
    "Max-Forwards of 30 digits": {"max-forwards": "9" * 30},
    "no Contact": {"contact": ""},
    "Contact without a host": {"contact": "<sip:>"},
    "multicast Contact": {"contact": "<sip:1@224.0.0.1>"},
}


def outcome(peer: Peer) -> int:
    """The final status; 0 when there was no answer."""
    peer.socket.settimeout(0.3)
    try:
        while True:
            words = peer.socket.recv(65536).split(b" ", 2)  # not parsed: it repeats what is wrong
            if words[0] == b"SIP/2.0" and words[1] >= b"200":
                return int(words[1])
    except TimeoutError:
        return 0


def tried(case, peer: Peer, parts: dict) -> int:
    peer.send(invite(peer, case, **parts)[:65_000])
    found = outcome(peer)
    assert options(case.switch.port, timeout=3)
    return found


@pytest.mark.parametrize("name", LONG)
def test_what_is_too_long(case, peer, name):
    status = tried(case, peer, LONG[name])
    assert status in REFUSALS | {0, 408, 480}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong(case, peer, name):
    status = tried(case, peer, WRONG[name])
    assert status in REFUSALS | {0, 408, 480}


def test_memory_stays(case, peer):
    """After rounds of all that, and the time for which transactions remember, the switch is as large as before."""
    case.begin(SS_SIP_RESEND_INTERVAL="0.05,0.1", SS_SIP_TIMEOUT_INVITE="0.2")
    sizes = []
    for _ in range(4):
        for parts in [*LONG.values(), *WRONG.values()] * 6:
            peer.send(invite(peer, case, **parts)[:65_000])
            outcome_is_in(peer)
        assert options(case.switch.port, timeout=3)
        until(lambda: not case.running(), 10, "an end of all calls")
        time.sleep(4)  # 64 * T1
        sizes.append(resident(case.switch.process.pid))
    assert sizes[3] - sizes[1] < 3_000_000, sizes
    assert "Traceback" not in case.log()


def outcome_is_in(peer: Peer) -> None:
    """Read what has come, so that nothing piles up."""
    peer.socket.settimeout(0.005)
    try:
        while True:
            peer.socket.recv(65536)
    except TimeoutError:
        return
