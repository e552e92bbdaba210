"""sipp as a peer: scenarios written as a few words, run as child processes, judged by their own counts.

A scenario is a list of steps.  For the caller: ``"invite"``, ``"expect 180"``, ``"ack"``, ``"bye"``, ``"pause 100"``,
``"cancel"``, ``"expect? 100"`` (optional); for the called side: ``"receive INVITE"``, ``"send 180"``, ``"send 200 sdp"``.
"""

from __future__ import annotations

import csv
import subprocess
from pathlib import Path

SDP = """
      v=0
      o=peer 53655765 2353687637 IN IP[local_ip_type] [local_ip]
      s=-
      c=IN IP[media_ip_type] [media_ip]
      t=0 0
      m=audio [media_port] RTP/AVP 8 0 101
      a=rtpmap:8 PCMA/8000
      a=rtpmap:0 PCMU/8000
      a=rtpmap:101 telephone-event/8000
      a=fmtp:101 0-15
"""

_HEAD = """
      Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
      Max-Forwards: 70
"""
_TAIL = """
      Contact: <sip:{caller}@[local_ip]:[local_port];transport=[transport]>
      User-Agent: sipp
"""


def _request(method: str, caller: str, *, to_tag: bool, sdp: bool, cseq: str, extra: str = "", rseq: str = "") -> str:
    to = "[peer_tag_param]" if to_tag else ""
    uri = "[next_url]" if to_tag and method in ("ACK", "BYE") else "sip:[service]@[remote_ip]:[remote_port]"
    body = f"      Content-Type: application/sdp\n      Content-Length: [len]\n{SDP}" if sdp else "      Content-Length: 0\n\n"
    return f"""
      {method} {uri} SIP/2.0{_HEAD}      From: "{caller}" <sip:{caller}@[local_ip]:[local_port]>;tag=[pid]uac[call_number]
      To: <sip:[service]@[remote_ip]:[remote_port]>{to}
      Call-ID: [call_id]
      CSeq: {cseq} {rseq or method}{_TAIL.format(caller=caller)}{extra}{body}"""


def _send(text: str, attributes: str = "") -> str:
    return f"  <send {attributes}><![CDATA[\n{text.rstrip()}\n\n    ]]></send>\n"


def caller(steps: list[str], number: str = "4312345") -> str:
    """The XML of a calling scenario."""
    out = []
    cseq = 1
    for step in steps:
        word, _, rest = step.partition(" ")
        if word == "invite":
            out.append(_send(_request("INVITE", number, to_tag=False, sdp=rest != "late", cseq=str(cseq)), 'retrans="500"'))
        elif word == "authinvite":
            cseq += 1
            out.append(_send(_request("INVITE", number, to_tag=False, sdp=True, cseq=str(cseq), extra="      [authentication]\n"), 'retrans="500"'))
        elif word == "ack":
            out.append(_send(_request("ACK", number, to_tag=True, sdp=rest == "sdp", cseq=str(cseq))))
        elif word == "failack":
            text = _request("ACK", number, to_tag=True, sdp=False, cseq=str(cseq)).replace("[next_url]", "sip:[service]@[remote_ip]:[remote_port]")
            out.append(_send(text.replace("branch=[branch]", "branch=[branch-%s]" % (rest or "2"))))
        elif word == "bye":
            cseq += 1
            out.append(_send(_request("BYE", number, to_tag=True, sdp=False, cseq=str(cseq)), 'retrans="500"'))
        elif word == "reinvite":
            cseq += 1
            text = _request("INVITE", number, to_tag=True, sdp=True, cseq=str(cseq))
            out.append(_send(text.replace("INVITE sip:[service]@[remote_ip]:[remote_port]", "INVITE [next_url]"), 'retrans="500"'))
        elif word == "cancel":
            text = _request("CANCEL", number, to_tag=False, sdp=False, cseq=str(cseq)).replace("branch=[branch]", "branch=[branch-%s]" % (rest or "3"))
            out.append(_send(text, 'retrans="500"'))
        elif word == "sendok":
            out.append(_reply(200, "notag"))
        else:
            out.append(_common(word, rest))
    return _scenario("caller", out)


def _common(word: str, rest: str) -> str:
    if word in ("expect", "expect?"):
        optional = ' optional="true"' if word.endswith("?") else ""
        code, _, flags = rest.partition(" ")
        auth = ' auth="true"' if "auth" in flags else ""
        return f'  <recv response="{code}" rrs="true"{optional}{auth}></recv>\n'
    if word == "receive":
        return f'  <recv request="{rest}" crlf="true" rrs="true"></recv>\n'
    if word == "pause":
        return f'  <pause milliseconds="{rest}"/>\n'
    if word == "play":
        return f'  <nop><action><exec rtp_stream="{rest}"/></action></nop>\n'
    raise ValueError(word)


def called(steps: list[str]) -> str:
    """The XML of an answering scenario."""
    out = []
    in_dialog = False
    for step in steps:
        word, _, rest = step.partition(" ")
        in_dialog = in_dialog or step == "receive ACK"
        if word == "send":
            code, _, flags = rest.partition(" ")
            flags += " notag" if in_dialog else ""
            out.append(_reply(int(code), flags))
        elif word == "bye":
            out.append(_send("""
      BYE [next_url] SIP/2.0
      Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
      Max-Forwards: 70
      From: <sip:vendor@[local_ip]:[local_port]>;tag=[pid]uas[call_number]
      [$peer]
      Call-ID: [call_id]
      CSeq: 1 BYE
      Content-Length: 0

""", 'retrans="500"'))
        elif step == "receive INVITE":
            out.append('  <recv request="INVITE" crlf="true" rrs="true"><action><ereg regexp="From: *(.*)" search_in="msg" check_it="true" assign_to="whole,name"/><assignstr assign_to="peer" value="To: [$name]"/></action></recv>\n')
        else:
            out.append(_common(word, rest))
    return _scenario("called", out) if "$peer" in "".join(out) else _scenario("called", [part.replace('<action><ereg regexp="From: *(.*)" search_in="msg" check_it="true" assign_to="whole,name"/><assignstr assign_to="peer" value="To: [$name]"/></action>', "") for part in out])


_REASONS = {100: "Trying", 180: "Ringing", 183: "Session Progress", 200: "OK", 486: "Busy Here", 503: "Service Unavailable", 404: "Not Found", 487: "Request Terminated", 401: "Unauthorized", 407: "Proxy Authentication Required", 480: "Temporarily Unavailable", 500: "Server Internal Error", 302: "Moved"}


def _reply(code: int, flags: str) -> str:
    tag = "" if code == 100 else ";tag=[pid]uas[call_number]"
    sdp = "sdp" in flags
    body = f"      Content-Type: application/sdp\n      Content-Length: [len]\n{SDP}" if sdp else "      Content-Length: 0\n\n"
    challenge = ""
    if "challenge" in flags:
        header = "WWW-Authenticate" if code == 401 else "Proxy-Authenticate"
        challenge = f'      {header}: Digest realm="vendor",nonce="47ebe028cda119c35d4877b383027d28da013815",algorithm=MD5,qop="auth"\n'
    to = "[last_To:]" if "notag" in flags else f"[last_To:]{tag}"
    contact = "      Contact: <sip:vendor@[local_ip]:[local_port];transport=[transport]>\n"
    attributes = 'retrans="500"' if code >= 200 and "INVITE" in flags else ""
    return _send(f"""
      SIP/2.0 {code} {_REASONS.get(code, "Reply")}
      [last_Via:]
      [last_From:]
      {to}
      [last_Call-ID:]
      [last_CSeq:]
      [last_Record-Route:]
{contact}{challenge}{body}""", attributes)


def _scenario(name: str, parts: list[str]) -> str:
    text = "".join(parts)
    used = '  <Reference variables="whole"/>\n' if "whole" in text else ""
    return f'<?xml version="1.0" encoding="ISO-8859-1" ?>\n<!DOCTYPE scenario SYSTEM "sipp.dtd">\n<scenario name="{name}">\n{text}{used}</scenario>\n'


ANSWER = ["receive INVITE", "send 100", "send 180", "send 200 sdp INVITE", "receive ACK", "receive BYE", "send 200"]
CALL = ["invite", "expect? 100", "expect? 180", "expect? 183", "expect 200", "ack", "pause 100", "bye", "expect 200"]


class Sipp:
    """One running sipp.

    :param scenario: XML text.
    :param remote: ``host:port`` for a caller, None for a called side.
    """

    def __init__(self, folder: Path, name: str, scenario: str, port: int, remote: str | None = None, *options: str):
        self.folder = folder / name
        self.folder.mkdir(parents=True)
        path = self.folder / "scenario.xml"
        path.write_text(scenario)
        command = ["sipp", "-sf", str(path), "-i", "127.0.0.1", "-p", str(port), "-nostdin", "-trace_err", "-trace_stat", "-fd", "1",
                   "-stf", str(self.folder / "stat.csv"), "-error_file", str(self.folder / "errors.log"), *options]
        if remote:
            command.append(remote)
        self.output = (self.folder / "screen.log").open("wb")
        self.process = subprocess.Popen(command, stdout=self.output, stderr=subprocess.STDOUT, cwd=self.folder)

    def wait(self, seconds: float = 60.0) -> int:
        """Its exit code: 0 all calls went as written, 1 at least one did not, 97 out of time."""
        try:
            return self.process.wait(seconds)
        finally:
            self.stop()

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
        rows = list(csv.DictReader(path.open(), delimiter=";"))
        last = rows[-1] if rows else {}
        return {"successful": int(last.get("SuccessfulCall(C)") or 0), "failed": int(last.get("FailedCall(C)") or 0)}

    def errors(self) -> str:
        """What it complained about."""
        path = self.folder / "errors.log"
        return path.read_text(errors="replace") if path.exists() else ""
