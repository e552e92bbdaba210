"""RAS from the recordings: an endpoint that registers and asks for admission, and a gatekeeper (gnugk) that answers."""

from __future__ import annotations

import functools
import json
import os
import socket
import threading
from contextlib import suppress
from typing import Any

from tests.support.h323 import codec as per
from tests.support.h323.script import FOLDER
from tests.support.h323.template import Address, h225_address

Message = tuple[str, dict[str, Any]]
"""Name and value of a RAS message."""


@functools.cache
def recorded(recording: str, name: str) -> bytes:
    """The first message of that name in a recording."""
    steps = json.loads((FOLDER / f"{recording}.json").read_text())["steps"]
    return next(bytes.fromhex(step["hex"]) for step in steps if step["what"] == name)


def like(recording: str, name: str, **changes: Any) -> Message:
    """A recorded message with other values in it; None takes a component away."""
    value = per.decode_ras(recorded(recording, name))[1] | changes
    return name, {key: item for key, item in value.items() if item is not None}


class Registrant:
    """The RAS side of an endpoint.

    :param gatekeeper: where the gatekeeper listens.
    :param signal: our call signalling address.
    :param recording: whose words we use: ``gkrouted`` (h323plus), ``y_slow`` (Asterisk, registers only).
    :ivar identifier: what the gatekeeper calls us, *ttl* the time to live that it gave, seconds.
    """

    def __init__(
        self, gatekeeper: Address, signal: Address, aliases: dict[str, str], recording: str = "gkrouted", host: str = ""
    ) -> None:
        self.gatekeeper, self.signal, self.recording = gatekeeper, signal, recording
        self.aliases = list(aliases.items())
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host or signal[0], 0))
        self.said: list[tuple[str, str, bytes]] = []
        self.number = int.from_bytes(os.urandom(2)) % 60_000 + 1
        self.zone: str | None = None
        self.identifier: str | None = None
        self.ttl: int | None = None

    def ask(self, message: Message, seconds: float = 3.0) -> Message:
        """Send a request and give the answer to it; RequestInProgress is waited out."""
        self.number += 1
        name, value = message
        self.send((name, value | {"requestSeqNum": self.number}))
        while True:
            answer = self.receive(seconds)
            if answer[0] != "requestInProgress" and answer[1].get("requestSeqNum") == self.number:
                return answer

    def send(self, message: Message) -> None:
        """One message, whatever it is."""
        data = per.encode_ras(message)
        self.said.append(("sent", message[0], data))
        self.socket.sendto(data, self.gatekeeper)

    def receive(self, seconds: float = 3.0) -> Message:
        """The next message.

        :raises TimeoutError: none came.
        """
        self.socket.settimeout(seconds)
        data = self.socket.recv(4096)
        message = per.decode_ras(data)
        self.said.append(("heard", message[0], data))
        return message

    @property
    def _ras(self) -> tuple[str, Any]:
        return h225_address(self.socket.getsockname())

    def discover(self) -> Message:
        """GRQ."""
        answer = self.ask(like("gkrouted", "gatekeeperRequest", rasAddress=self._ras, endpointAlias=self.aliases))
        self.zone = answer[1].get("gatekeeperIdentifier")
        return answer

    def register(self, **changes: Any) -> Message:
        """RRQ, the full one."""
        usual = {
            "rasAddress": [self._ras],
            "callSignalAddress": [h225_address(self.signal)],
            "terminalAlias": self.aliases,
            "gatekeeperIdentifier": self.zone,
        }
        answer = self.ask(like(self.recording, "registrationRequest", **(usual | changes)))
        if answer[0] == "registrationConfirm":
            self.identifier, self.ttl = answer[1]["endpointIdentifier"], answer[1].get("timeToLive")
        return answer

    def keep_alive(self, **changes: Any) -> Message:
        """RRQ, the lightweight one."""
        usual = {"keepAlive": True, "endpointIdentifier": self.identifier, "terminalAlias": None}
        return self.register(**(usual | changes))

    def admit(self, called: str, facts: Any = None, *, answer: bool = False, **changes: Any) -> Message:
        """ARQ for a call of ours, or for one that we answer.

        :param facts: of the endpoint that makes or takes the call.
        """
        usual = {
            "endpointIdentifier": self.identifier,
            "gatekeeperIdentifier": self.zone,
            "destinationInfo": [("dialledDigits", called)],
            "srcInfo": self.aliases,
            "answerCall": answer,
            **self._call(facts),
        }
        return self.ask(like("gkrouted", "admissionRequest", **(usual | changes)))

    def disengage(self, facts: Any = None, *, answer: bool = False, **changes: Any) -> Message:
        """DRQ at the end of a call."""
        usual = {
            "endpointIdentifier": self.identifier,
            "gatekeeperIdentifier": self.zone,
            "answeredCall": answer,
            **self._call(facts),
        }
        return self.ask(like("gkrouted", "disengageRequest", **(usual | changes)))

    def unregister(self, **changes: Any) -> Message:
        """URQ."""
        usual = {
            "endpointIdentifier": self.identifier,
            "gatekeeperIdentifier": self.zone,
            "callSignalAddress": [h225_address(self.signal)],
            "endpointAlias": self.aliases,
        }
        return self.ask(like("gkrouted", "unregistrationRequest", **(usual | changes)))

    @staticmethod
    def _call(facts: Any) -> dict[str, Any]:
        if facts is None:
            return {}
        return {
            "callIdentifier": {"guid": facts.identifier},
            "conferenceID": facts.conference,
            "callReferenceValue": facts.reference,
        }

    def stop(self) -> None:
        """Close the socket."""
        self.socket.close()


class Gatekeeper(threading.Thread):
    """A gatekeeper that takes everybody and sends all calls to one place.

    :param route: where admitted calls go.
    :param refuse: request -> reason of the reject to it, such as ``{"admissionRequest": "calledPartyNotRegistered"}``.
    :ivar said: (``sent`` or ``heard``, name, value), in order.
    """

    _REJECTS = {
        "gatekeeperRequest": "gatekeeperReject",
        "registrationRequest": "registrationReject",
        "admissionRequest": "admissionReject",
    }

    def __init__(self, route: Address, host: str = "127.0.0.1", ttl: int = 60, refuse: dict[str, str] | None = None):
        super().__init__(daemon=True)
        self.route, self.ttl, self.refuse = route, ttl, refuse or {}
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, 0))
        self.socket.settimeout(0.1)
        self.address: Address = self.socket.getsockname()
        self.said: list[tuple[str, str, dict[str, Any]]] = []
        self.raw: list[bytes] = []
        self.known: dict[str, Address] = {}
        self._over = threading.Event()

    def run(self) -> None:
        """Answer until it is stopped."""
        while not self._over.is_set():
            with suppress(TimeoutError, ConnectionError):
                data, source = self.socket.recvfrom(4096)
                self.raw.append(data)
                name, value = per.decode_ras(data)
                self.said.append(("heard", name, value))
                answer = self._answer(name, value, source)
                if answer is not None:
                    self.send(answer, source)
        self.socket.close()

    def send(self, message: Message, target: Address) -> None:
        """One message to an endpoint."""
        self.said.append(("sent", *message))
        self.socket.sendto(per.encode_ras(message), target)

    def heard(self, name: str) -> list[dict[str, Any]]:
        """The requests of that name."""
        return [value for way, found, value in self.said if (way, found) == ("heard", name)]

    def stop(self) -> None:
        """End it."""
        self._over.set()
        self.join(2)

    def _answer(self, name: str, value: dict[str, Any], source: Address) -> Message | None:
        number = value["requestSeqNum"]
        if name in self.refuse:
            rejected = {"requestSeqNum": number, "rejectReason": (self.refuse[name], 0)}
            if name != "admissionRequest":
                rejected["protocolIdentifier"] = value["protocolIdentifier"]
            return self._REJECTS[name], rejected
        if name == "gatekeeperRequest":
            return like("gkrouted", "gatekeeperConfirm", requestSeqNum=number, rasAddress=h225_address(self.address))
        if name == "registrationRequest":
            return self._register(number, value, source)
        if name == "admissionRequest":
            where = h225_address(self.route)
            return like("gkrouted", "admissionConfirm", requestSeqNum=number, destCallSignalAddress=where)
        if name in {"disengageRequest", "unregistrationRequest", "bandwidthRequest"}:
            confirm = {"requestSeqNum": number}
            if name == "bandwidthRequest":
                confirm["bandWidth"] = value["bandWidth"]
            return name.replace("Request", "Confirm"), confirm
        return None

    def _register(self, number: int, value: dict[str, Any], source: Address) -> Message:
        identifier = value.get("endpointIdentifier") or f"{len(self.known) + 1}_endp"
        if value.get("keepAlive") and identifier not in self.known:
            reason = {
                "rejectReason": ("fullRegistrationRequired", 0),
                "protocolIdentifier": value["protocolIdentifier"],
            }
            return "registrationReject", {"requestSeqNum": number, **reason}
        self.known[identifier] = source
        return like(
            "gkrouted",
            "registrationConfirm",
            requestSeqNum=number,
            endpointIdentifier=identifier,
            callSignalAddress=[h225_address(self.route)],
            terminalAlias=value.get("terminalAlias"),
            timeToLive=self.ttl,
        )
