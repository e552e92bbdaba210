"""A wire that loses datagrams: a UDP proxy between two SIP sides, with a say over every datagram."""

from __future__ import annotations

import hashlib
import random
import selectors
import socket
import threading
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def first_of_each() -> Callable[[str, bytes], bool]:
    """The first transmission of every message is lost, its repetition arrives."""
    seen: set[tuple[str, bytes]] = set()

    def loses(way: str, data: bytes) -> bool:
        mark = (way, hashlib.sha256(data).digest())
        known = mark in seen
        seen.add(mark)
        return not known

    return loses


def share(part: float, seed: int) -> Callable[[str, bytes], bool]:
    """A share of all datagrams is lost, the same ones for the same seed and order."""
    source = random.Random(seed)
    return lambda _way, _data: source.random() < part


class LossyWire:
    """Passes datagrams on between whoever sends to `near` and *target*.

    :param target: where the datagrams of the near side go.
    :param loses: asked about every datagram with its direction, ``"there"`` or ``"back"``: whether it gets lost.
    :param near_host: our address towards the near side.
    :ivar near: where the near side sends to, *far* where we send to the target from.
    :ivar passed: datagrams by direction, *lost* likewise.
    """

    def __init__(
        self, target: tuple[str, int], loses: Callable[[str, bytes], bool], near_host: str = "127.0.0.1"
    ) -> None:
        self._loses = loses
        self._target = target
        self._last: tuple[str, int] | None = None
        self._near = self._socket(near_host)
        self._far = self._socket(near_host)
        self.near = self._near.getsockname()
        self.far = self._far.getsockname()
        self.passed: Counter[str] = Counter()
        self.lost: Counter[str] = Counter()
        self._wake, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="lossy wire", daemon=True)
        self._thread.start()

    @staticmethod
    def _socket(host: str) -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind((host, 0))
        return made

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            for each in (self._near, self._far, self._woken):
                selector.register(each, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fileobj is self._woken:
                        return
                    self._pass(key.fileobj)

    def _pass(self, receiver) -> None:
        data, source = receiver.recvfrom(65536)
        if receiver is self._near:
            self._last = source
            way, sender, target = "there", self._far, self._target
        else:
            way, sender, target = "back", self._near, self._last
        if target is None or self._loses(way, data):
            self.lost[way] += 1
        else:
            self.passed[way] += 1
            sender.sendto(data, target)

    def stop(self) -> None:
        """Close it."""
        self._wake.send(b"x")
        self._thread.join(5)
        for each in (self._near, self._far, self._wake, self._woken):
            each.close()
