"""sipp as a peer: scenarios written as a few words, run as child processes, judged by their own counts.

A scenario is a list of steps.  Both sides know ``"pause 100"`` (milliseconds), ``"receive BYE"`` and ``"expect 200"``
(``"expect? 180"`` and ``"receive? ACK"`` when it may be missing).

The caller: ``"invite"`` (``"invite late"`` without SDP), ``"ack"`` of a 2xx (``"ack sdp"``), ``"failack"`` of any other
final response, ``"bye"``, ``"cancel"``, ``"reinvite sendonly"``, ``"refer NUMBER"``, ``"reply 200"``
(``"reply 200 sdp"``); after ``"expect 401 auth"`` an ``"invite auth NAME PASSWORD"`` proves itself.

The called side: ``"receive INVITE"``, ``"send 180"``, ``"send 200 sdp"``, ``"bye"``.  Flags behind a status:
``sdp`` adds a description (``sdp=recvonly`` with a direction), ``INVITE`` sends it again until it is acknowledged,
``invite`` answers the INVITE after its CANCEL was received, ``first`` after another request was, ``challenge`` asks for
credentials, ``100rel`` makes a provisional response reliable.  A caller says ``"invite 100rel"``, notes the number of a
reliable response by ``"expect 183 rseq"``, and acknowledges it by ``"prack"`` (``"prack sdp"``).
"""

from __future__ import annotations

import csv
import re
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from vosswitch.sip.grammar.message import Request, Response
from vosswitch.sip.grammar.parse import parse

SDP = """
      v=0
      o=peer 53655765 2353687637 IN IP[local_ip_type] [media_ip]
      s=-
      c=IN IP[media_ip_type] [media_ip]
      t=0 0
      m=audio [media_port] RTP/AVP 8 0 101
      a=rtpmap:8 PCMA/8000
      a=rtpmap:0 PCMU/8000
      a=rtpmap:101 telephone-event/8000
      a=fmtp:101 0-15
"""
TARGET = "sip:[service]@[remote_ip]:[remote_port]"
REASONS = {
    100: "Trying",
    180: "Ringing",
    183: "Session Progress",
    200: "OK",
    202: "Accepted",
    302: "Moved Temporarily",
    401: "Unauthorized",
    404: "Not Found",
    407: "Proxy Authentication Required",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    500: "Server Internal Error",
    503: "Service Unavailable",
    603: "Decline",
}
ANSWER = ["receive INVITE", "send 100", "send 180", "send 200 sdp INVITE", "receive ACK", "receive BYE", "send 200"]
CALL = ["invite", "expect? 100", "expect? 180", "expect? 183", "expect 200", "ack", "pause 100", "bye", "expect 200"]


_RSEQ = '<action><ereg regexp="[0-9]+" search_in="hdr" header="RSeq:" check_it="true" assign_to="rseq"/></action>'
_FIRST = {
    "last_Via": "Via:[$via]",
    "last_From": "From:[$theirs]",
    "last_To": "To:[$ours];tag=[pid]uas[call_number]",
    "last_CSeq": "CSeq:[$order]",
}


class _Scenario:
    """Collects the XML of one scenario.

    :param retrans: first retransmission interval of its requests, milliseconds.
    """

    def __init__(self, name: str, retrans: int) -> None:
        self.name = name
        self.retrans = retrans
        self.parts: list[str] = []

    def send(self, lines: list[str], sdp: str | None = None, *, again: bool = False) -> None:
        """One message; *sdp* is the direction attribute of its description, None = no body."""
        text = "".join(f"      {line}\n" for line in lines if line)
        if sdp is None:
            text += "      Content-Length: 0\n\n"
        else:
            direction = f"      a={sdp}\n" if sdp else ""
            text += f"      Content-Type: application/sdp\n      Content-Length: [len]\n{SDP}{direction}"
        attribute = f' retrans="{self.retrans}"' if again else ""
        self.parts.append(f"  <send{attribute}><![CDATA[\n\n{text}\n    ]]></send>\n")

    def common(self, word: str, rest: str) -> None:
        """The steps that both sides know."""
        if word in {"expect", "expect?"}:
            code, _, flags = rest.partition(" ")
            optional = ' optional="true"' if word.endswith("?") else ""
            auth = ' auth="true"' if flags == "auth" else ""
            action = _RSEQ if flags == "rseq" else ""
            self.parts.append(f'  <recv response="{code}" rrs="true"{optional}{auth}>{action}</recv>\n')
        elif word in {"receive", "receive?"}:
            optional = ' optional="true"' if word.endswith("?") else ""
            method = rest.partition(" ")[0]
            self.parts.append(f'  <recv request="{method}" crlf="true" rrs="true"{optional}></recv>\n')
        elif word == "pause":
            self.parts.append(f'  <pause milliseconds="{rest}"/>\n')
        else:
            raise ValueError(f"{word} {rest}")

    def xml(self) -> str:
        """The whole file."""
        text = "".join(self.parts)
        for name in ("theirs", "ours", "via", "order", "rseq"):
            if f'assign_to="{name}"' in text:
                text += f'  <Reference variables="{name}"/>\n'
        return (
            '<?xml version="1.0" encoding="ISO-8859-1" ?>\n<!DOCTYPE scenario SYSTEM "sipp.dtd">\n'
            f'<scenario name="{self.name}">\n{text}</scenario>\n'
        )


class _Caller(_Scenario):
    """The calling side.

    Branches are written out instead of sipp's ``[branch]``, so that an ACK of a failure and a CANCEL have their
    INVITE's, whatever stands between.
    """

    def __init__(self, number: str, retrans: int) -> None:
        super().__init__("caller", retrans)
        self.number = number
        self.seq = 0
        self.branches = 0
        self.invited = ""
        self.ordered = 0
        self.in_dialog = False

    def request(self, method: str, extra: str = "", sdp: str | None = None, *, branch: str = "") -> None:
        """One request; in the dialog it goes to the peer's Contact."""
        uri = "[next_url]" if self.in_dialog else TARGET
        if not branch:
            self.branches += 1
            branch = f"z9hG4bK-[pid]-[call_number]-{self.branches}"
        if method == "INVITE":
            self.invited, self.ordered = branch, self.seq
        order = self.ordered if method in {"ACK", "CANCEL"} else self.seq
        lines = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/[transport] [local_ip]:[local_port];branch={branch};rport",
            "Max-Forwards: 70",
            f'From: "{self.number}" <sip:{self.number}@[local_ip]:[local_port]>;tag=[pid]uac[call_number]',
            f"To: <{TARGET}>" + ("[peer_tag_param]" if self.in_dialog or method == "ACK" else ""),
            "Call-ID: [call_id]",
            f"CSeq: {order} {method}",
            f"Contact: <sip:{self.number}@[local_ip]:[local_port];transport=[transport]>",
            "User-Agent: sipp caller",
            extra,
        ]
        self.send(lines, sdp, again=method not in {"ACK", "CANCEL"})

    def step(self, word: str, rest: str) -> None:
        """One step."""
        if word == "invite":
            self.seq += 1
            kind, *words = rest.split() or [""]
            extra = "[authentication username={} password={}]".format(*words) if kind == "auth" else ""
            extra = "Supported: 100rel" if "100rel" in rest else extra
            self.request("INVITE", extra, None if kind == "late" else "")
        elif word == "prack":
            self.seq += 1
            self.in_dialog = True
            self.request("PRACK", "RAck: [$rseq] 1 INVITE", "" if rest == "sdp" else None)
        elif word == "ack":
            self.in_dialog = True
            self.request("ACK", sdp="" if rest == "sdp" else None)
        elif word == "failack":
            self.request("ACK", branch=self.invited)
        elif word == "cancel":
            self.request("CANCEL", branch=self.invited)
        elif word == "bye":
            self.seq += 1
            self.request("BYE")
        elif word == "refer":
            self.seq += 1
            self.request("REFER", f"Refer-To: <sip:{rest}@[remote_ip]:[remote_port]>")
        elif word == "reinvite":
            self.seq += 1
            self.request("INVITE", sdp=rest)
        elif word == "reply":
            code, _, flags = rest.partition(" ")
            self.send(_reply(int(code), tag="", contact=""), "" if "sdp" in flags else None)
        else:
            self.common(word, rest)


class _Called(_Scenario):
    """The called side.

    :param contact: ``host:port`` that callers are told, when it is not its own address.
    """

    def __init__(self, contact: str, retrans: int) -> None:
        super().__init__("called", retrans)
        self.contact = f"Contact: <sip:vendor@{contact or '[local_ip]:[local_port]'};transport=[transport]>"
        self.in_dialog = False
        self.rseq = 4711

    def step(self, word: str, rest: str) -> None:
        """One step."""
        self.in_dialog = self.in_dialog or rest in {"ACK", "PRACK"}  # "ACK again" is that of a failure
        if word == "send":
            code, *flags = rest.split()
            self.answer(int(code), flags)
        elif word == "bye":
            lines = [
                "BYE [next_url] SIP/2.0",
                "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]",
                "Max-Forwards: 70",
                "From:[$ours];tag=[pid]uas[call_number]",
                "To:[$theirs]",
                "Call-ID: [call_id]",
                "CSeq: 1 BYE",
            ]
            self.send(lines, again=True)
        elif (word, rest) == ("receive", "INVITE") and not self.in_dialog:
            self.parts.append(
                '  <recv request="INVITE" crlf="true" rrs="true"><action>\n'
                '    <ereg regexp=".*" search_in="hdr" header="From:" check_it="true" assign_to="theirs"/>\n'
                '    <ereg regexp=".*" search_in="hdr" header="To:" check_it="true" assign_to="ours"/>\n'
                '    <ereg regexp=".*" search_in="hdr" header="Via:" check_it="true" assign_to="via"/>\n'
                '    <ereg regexp=".*" search_in="hdr" header="CSeq:" check_it="true" assign_to="order"/>\n'
                "  </action></recv>\n"
            )
        else:
            self.common(word, rest)

    def answer(self, code: int, flags: list[str]) -> None:
        """One response."""
        tagged = code > 100 and not self.in_dialog
        lines = _reply(code, ";tag=[pid]uas[call_number]" if tagged else "", self.contact)
        if "invite" in flags:
            lines = ["CSeq: [cseq] INVITE" if "CSeq" in line else line for line in lines]
        if "first" in flags:
            lines = [_FIRST.get(line.split(":")[0].strip("["), line) for line in lines]
        if "100rel" in flags:
            self.rseq += 1
            lines += ["Require: 100rel", f"RSeq: {self.rseq}"]
        if "challenge" in flags:
            place = "WWW" if code == 401 else "Proxy"
            lines.append(
                f'{place}-Authenticate: Digest realm="vendor",nonce="47ebe028cda119c3",algorithm=MD5,qop="auth"'
            )
        sdp = next((flag.partition("=")[2] for flag in flags if flag.startswith("sdp")), None)
        self.send(lines, sdp, again="INVITE" in flags)


def _reply(code: int, tag: str, contact: str) -> list[str]:
    return [
        f"SIP/2.0 {code} {REASONS.get(code, 'Reply')}",
        "[last_Via:]",
        "[last_From:]",
        f"[last_To:]{tag}",
        "[last_Call-ID:]",
        "[last_CSeq:]",
        "[last_Record-Route:]",
        contact,
    ]


def sipp_peer(folder: Path, name: str, scenario: str, port: int, *options: str, remote: str | None = None) -> Sipp:
    """A sipp for one call; it has its port when this returns."""
    found = Sipp(folder, name, scenario, port, remote, "-trace_msg", "-recv_timeout", "20000", "-m", "1", *options)
    if remote is None:
        found.ready(port)
    return found


def caller(steps: list[str], number: str = "4312345", retrans: int = 500) -> str:
    """The XML of a calling scenario."""
    return _scenario(_Caller(number, retrans), steps)


def called(steps: list[str], contact: str = "", retrans: int = 500) -> str:
    """The XML of an answering scenario."""
    return _scenario(_Called(contact, retrans), steps)


def _scenario(side: _Caller | _Called, steps: list[str]) -> str:
    for step in steps:
        word, _, rest = step.partition(" ")
        side.step(word, rest)
    return side.xml()


class Sipp:
    """One running sipp.

    :param scenario: XML text.
    :param remote: ``host:port`` for a caller, None for a called side.
    :param host: its own address.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        scenario: str,
        port: int,
        remote: str | None = None,
        *options: str,
        host: str = "127.0.0.1",
    ) -> None:
        self.folder = folder / name
        self.folder.mkdir(parents=True)
        path = self.folder / "scenario.xml"
        path.write_text(scenario)
        command = ["sipp", "-sf", str(path), "-i", host, "-p", str(port), "-nostdin", "-fd", "1", "-trace_err"]
        command += ["-trace_stat", "-stf", str(self.folder / "stat.csv")]
        command += ["-error_file", str(self.folder / "errors.log"), *options]
        if remote:
            command.append(remote)
        self.output = (self.folder / "screen.log").open("wb")
        self.process = subprocess.Popen(command, stdout=self.output, stderr=subprocess.STDOUT, cwd=self.folder)

    def wait(self, seconds: float = 60.0) -> int:
        """Its exit code: 0 all calls went as written, 1 at least one did not."""
        try:
            return self.process.wait(seconds)
        finally:
            self.stop()

    def succeeds(self, seconds: float = 30.0) -> None:
        """Wait for it and see that everything went as written."""
        try:
            code = self.wait(seconds)
        except subprocess.TimeoutExpired:
            code = -1
        counts = self.counts()
        told = f"{self.folder.name}: exit {code}, {counts}\n{self.errors()[-3000:]}\n{self.flow()}"
        assert (code, counts["failed"]) == (0, 0), told
        assert counts["successful"], told

    def ready(self, port: int, seconds: float = 10.0) -> None:
        """Wait until it has its port."""
        limit = time.monotonic() + seconds
        while not bound(port):
            if time.monotonic() > limit or self.process.poll() is not None:
                screen = (self.folder / "screen.log").read_text(errors="replace")
                raise AssertionError(f"{self.folder.name} has no port {port}:\n{self.errors()}\n{screen[-2000:]}")
            time.sleep(0.01)

    def stop(self) -> None:
        """End it, if it still runs."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.output.close()

    def counts(self) -> dict[str, int]:
        """Its cumulative statistics: successful and failed calls."""
        path = self.folder / "stat.csv"
        if not path.exists():
            return {"successful": 0, "failed": 0}
        with path.open() as file:
            rows = list(csv.DictReader(file, delimiter=";"))
        last = rows[-1] if rows else {}
        return {"successful": int(last.get("SuccessfulCall(C)") or 0), "failed": int(last.get("FailedCall(C)") or 0)}

    def errors(self) -> str:
        """What it complained about."""
        path = self.folder / "errors.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def trace(self) -> list[tuple[str, Request | Response]]:
        """The messages that it has ``received`` and ``sent``, in order; needs the option ``-trace_msg``."""
        found: list[tuple[str, Request | Response]] = []
        for path in sorted(self.folder.glob("*_messages.log")):
            data = path.read_bytes()
            for head in _TRACED.finditer(data):
                length = int(head[2] or head[3])
                text = data[head.end() : head.end() + length]
                with suppress(ValueError):
                    found.append(("sent" if head[2] else "received", parse(text)))
        return found

    def heard(self, what: str) -> list[Request | Response]:
        """The messages received whose start line begins with *what*."""
        return [message for way, message in self.trace() if way == "received" and message.start_line().startswith(what)]

    def flow(self) -> str:
        """The start lines both ways, for reading."""
        return "\n".join(f"{way:8} {message.start_line()}" for way, message in self.trace())


_TRACED = re.compile(
    rb"^-{20,} .*\n(UDP|TCP) message (?:sent \((\d+) bytes\)|received \[(\d+)\] bytes ?):\n\n",
    re.MULTILINE,
)


def bound(port: int) -> bool:
    """Whether somebody has the port on this machine."""
    mark = f":{port:04X} "
    tables = (Path("/proc/net") / name for name in ("udp", "udp6", "tcp", "tcp6"))
    return any(mark in table.read_text() for table in tables if table.exists())
