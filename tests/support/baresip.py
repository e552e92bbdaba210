"""baresip as a softphone: steered over its control port, with a tone for a voice and a recorder for an ear."""

from __future__ import annotations

import json
import math
import socket
import struct
import subprocess
import time
import wave
from itertools import pairwise
from pathlib import Path

from tests.support.switch import free_port, media_port, until

MODULES = Path("/usr/lib/baresip/modules")
RATE = 8000


def tone(path: Path, hertz: int, seconds: float = 10.0) -> None:
    """Write a sine as a WAV file of 8000 samples a second."""
    samples = (int(8000 * math.sin(2 * math.pi * hertz * index / RATE)) for index in range(int(RATE * seconds)))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))


def heard(path: Path) -> tuple[float, float]:
    """Length in seconds of what is not silent in a recording, and its pitch in hertz by zero crossings."""
    with wave.open(str(path)) as file:
        data = file.readframes(file.getnframes())
        samples = struct.unpack(f"<{len(data) // 2}h", data)
    blocks = [samples[at : at + 160] for at in range(0, len(samples) - 159, 160)]
    loud = [block for block in blocks if sum(map(abs, block)) / 160 > 1000]
    crossings = sum(1 for block in loud for one, two in pairwise(block) if (one < 0) != (two < 0))
    seconds = len(loud) * 160 / RATE
    return seconds, crossings / 2 / seconds if seconds else 0.0


class Baresip:
    """One running softphone.

    :param account: its address-of-record with parameters, as in baresip's ``accounts`` file.
    :param hertz: the pitch of its voice.
    :param config: more lines of its configuration.
    :ivar events: what it has told so far.
    """

    def __init__(self, folder: Path, account: str, hertz: int, config: str = "") -> None:
        self.folder = folder
        self.events: list[dict] = []
        self._pending = b""
        folder.mkdir(parents=True)
        tone(folder / "voice.wav", hertz)
        control, media = free_port(), media_port()
        (folder / "accounts").write_text(f"{account}\n")
        (folder / "contacts").touch()
        (folder / "config").write_text(
            f"sip_listen 127.0.0.1:{free_port()}\nnet_interface 127.0.0.1\nrtp_ports {media}-{media + 4}\n"
            f"audio_source aufile,{folder}/voice.wav\naudio_path /nonexistent\nsnd_path {folder}\n"
            f"ctrl_tcp_listen 127.0.0.1:{control}\nmodule_path {MODULES}\n"
            "module g711.so\nmodule aufile.so\nmodule sndfile.so\n"
            f"module_tmp account.so\nmodule_app menu.so\nmodule_app ctrl_tcp.so\n{config}"
        )
        self._output = (folder / "output.log").open("wb")
        self.process = subprocess.Popen(
            ["baresip", "-f", str(folder), "-v", "-s"], stdout=self._output, stderr=subprocess.STDOUT, cwd=folder
        )
        self._control = until(lambda: self._connect(control), 10, "baresip's control port")

    @staticmethod
    def _connect(port: int) -> socket.socket | None:
        try:
            return socket.create_connection(("127.0.0.1", port), 2)
        except ConnectionRefusedError:
            return None

    def command(self, name: str, params: str = "") -> None:
        """Tell it to do something."""
        text = json.dumps({"command": name, "params": params, "token": name}).encode()
        self._control.sendall(b"%d:%s," % (len(text), text))

    def expect(self, kind: str, seconds: float = 10.0) -> dict:
        """Wait for an event of this type; earlier ones count too."""
        limit = time.monotonic() + seconds
        while True:
            for event in self.events:
                if event.get("type") == kind:
                    return event
            left = limit - time.monotonic()
            if left <= 0:
                raise AssertionError(f"no {kind} of {self.folder.name}: {self.events}\n{self.output()[-4000:]}")
            self._control.settimeout(left)
            try:
                data = self._control.recv(65536)
            except TimeoutError:
                continue
            if not data:
                raise AssertionError(f"{self.folder.name} hung up: {self.output()[-4000:]}")
            self._pending += data
            self._take()

    def says(self, text: str, seconds: float = 10.0) -> None:
        """Wait until it has printed this."""
        until(lambda: text in self.output(), seconds, f"{text!r} of {self.folder.name}")

    def _take(self) -> None:
        """Cut netstrings."""
        while True:
            length, colon, rest = self._pending.partition(b":")
            if not colon or len(rest) < int(length) + 1:
                return
            self.events.append(json.loads(rest[: int(length)]))
            self._pending = rest[int(length) + 1 :]

    def recording(self) -> Path:
        """What it heard."""
        (path,) = self.folder.glob("dump-*-dec.wav")
        return path

    def output(self) -> str:
        """All it has printed."""
        return (self.folder / "output.log").read_text(errors="replace")

    def stop(self) -> None:
        """End it."""
        self._control.close()
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._output.close()
