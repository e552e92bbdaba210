"""Change hints: the Redis URL, the channel, and when a hint makes the node look."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import Logger

from vosswitch.store.hints import BadRedisUrl, Hints, RedisTarget, channel_of, read_url


class Node:
    """A node that is at change *seq*; what its recorder is asked is answered by `live`."""

    def __init__(self, seq: int = 5) -> None:
        self.seq = seq
        self.asked: list[Deferred[int]] = []
        self.hints = Hints(
            MemoryReactorClock(), read_url("redis://127.0.0.1"), "c", lambda: self.seq, self.ask, Logger()
        )

    def ask(self):
        self.asked.append(Deferred())
        return self.asked[-1]

    def live(self, seq):
        self.seq = seq
        self.asked.pop(0).callback(seq)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("redis://localhost", RedisTarget("localhost", 6379, "", "", 0)),
        ("redis://10.0.0.1:6380/2", RedisTarget("10.0.0.1", 6380, "", "", 2)),
        ("redis://:p%40ss@h", RedisTarget("h", 6379, "", "p@ss", 0)),
        ("redis://vos:secret@[::1]:7/", RedisTarget("::1", 7, "vos", "secret", 0)),
    ],
)
def test_a_redis_url_names_server_credentials_and_database(url, target):
    assert read_url(url) == target


@pytest.mark.parametrize(
    "url",
    ["redis://", "http://h", "localhost:6379", "redis://h:x", "redis://h:0", "redis://h/a", "redis://h:99999",
     "redis://h/1?x=1", "rediss://h", "redis://[::1"],
)  # fmt: skip
def test_anything_else_is_refused(url):
    with pytest.raises(BadRedisUrl, match=r"expected redis://"):
        read_url(url)


def test_a_refusal_does_not_repeat_the_password():
    with pytest.raises(BadRedisUrl) as refused:
        read_url("redis://user:secret@h/x")
    assert "secret" not in str(refused.value)


def test_nodes_of_one_database_share_a_channel():
    one = channel_of("mysql+pymysql://u:p@10.0.0.1/vos?charset=utf8mb4")
    assert one == channel_of("mysql+pymysql://other@db.example:3307/vos") == "vosswitch:changes:vos"
    assert one != channel_of("mysql+pymysql://u:p@10.0.0.1/test")
    assert channel_of("sqlite:////var/lib/v.sqlite") == "vosswitch:changes:v.sqlite"


def test_a_newer_change_is_asked_for_once():
    node = Node()
    node.hints.heard(b"6")
    node.hints.heard(b"6")
    assert len(node.asked) == 1
    node.live(6)
    node.hints.heard(b"6")
    assert node.asked == []


def test_what_is_known_or_is_no_number_is_ignored():
    node = Node()
    for text in (b"5", b"1", b"-7", b"", b"x", b"\xff", b"9" * 30):
        node.hints.heard(text)
    assert node.asked == []


def test_hints_during_an_answer_lead_to_one_more_question():
    node = Node()
    for seq in (b"6", b"7", b"8"):
        node.hints.heard(seq)
    assert len(node.asked) == 1
    node.live(6)
    assert len(node.asked) == 1
    node.live(8)
    assert node.asked == []


def test_a_number_that_is_never_reached_is_asked_for_once():
    node = Node()
    node.hints.heard(b"1000")
    node.live(6)
    assert node.asked == []


def test_a_stopped_recorder_does_no_harm():
    node = Node()
    node.hints.heard(b"6")
    node.asked.pop().errback(RuntimeError("stopped"))
    node.hints.heard(b"7")
    assert len(node.asked) == 1


def test_telling_without_redis_is_nothing():
    node = Node()
    node.hints.publish(9)
    assert not node.hints.connected
