"""The transaction tables against the figures of RFC 3261 section 17 and RFC 6026."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vosswitch.sip.transactions.transaction import Client, Effect, Input, InviteClient, InviteServer, Server, State

# Every arrow of the figure: state, input, next state, effects over UDP.  What is not here must be ignored.
FIGURES = {
    InviteClient: """
        calling     start            calling     send timer-a timer-b
        calling     timer-a          calling     send timer-a
        calling     timer-b          terminated  stop fail end
        calling     transport-error  terminated  stop fail end
        calling     1xx              proceeding  stop tell
        calling     2xx              accepted    stop tell timer-m
        calling     3xx-6xx          completed   stop send-ack tell timer-d
        proceeding  1xx              proceeding  tell
        proceeding  2xx              accepted    stop tell timer-m
        proceeding  3xx-6xx          completed   stop send-ack tell timer-d
        completed   3xx-6xx          completed   send-ack
        completed   transport-error  terminated  stop fail end
        completed   timer-d          terminated  stop end
        accepted    2xx              accepted    tell
        accepted    timer-m          terminated  stop end
    """,
    Client: """
        trying      start            trying      send timer-e timer-f
        trying      timer-e          trying      send timer-e
        trying      timer-f          terminated  stop fail end
        trying      transport-error  terminated  stop fail end
        trying      1xx              proceeding  tell
        trying      2xx              completed   stop tell timer-k
        trying      3xx-6xx          completed   stop tell timer-k
        proceeding  timer-e          proceeding  send timer-e
        proceeding  timer-f          terminated  stop fail end
        proceeding  transport-error  terminated  stop fail end
        proceeding  1xx              proceeding  tell
        proceeding  2xx              completed   stop tell timer-k
        proceeding  3xx-6xx          completed   stop tell timer-k
        completed   timer-k          terminated  stop end
    """,
    InviteServer: """
        proceeding  request          proceeding  send
        proceeding  1xx              proceeding  send
        proceeding  2xx              accepted    send timer-l
        proceeding  3xx-6xx          completed   send timer-g timer-h
        proceeding  transport-error  proceeding  fail
        accepted    request          accepted
        accepted    ack              accepted    tell
        accepted    2xx              accepted    send
        accepted    transport-error  accepted    fail
        accepted    timer-l          terminated  stop end
        completed   request          completed   send
        completed   ack              confirmed   stop timer-i
        completed   timer-g          completed   send timer-g
        completed   timer-h          terminated  stop end
        completed   transport-error  completed   fail
        confirmed   timer-i          terminated  stop end
    """,
    Server: """
        trying      1xx              proceeding  send
        trying      2xx              completed   send timer-j
        trying      3xx-6xx          completed   send timer-j
        proceeding  request          proceeding  send
        proceeding  1xx              proceeding  send
        proceeding  2xx              completed   send timer-j
        proceeding  3xx-6xx          completed   send timer-j
        proceeding  transport-error  terminated  stop fail end
        completed   request          completed   send
        completed   transport-error  terminated  stop fail end
        completed   timer-j          terminated  stop end
    """,
}


def arrows(figure):
    rows = {}
    for line in figure.strip().splitlines():
        state, what, following, *effects = line.split()
        rows[state, what] = (following, tuple(effects))
    return rows


@pytest.mark.parametrize("kind", FIGURES, ids=lambda kind: kind.__name__)
def test_table_is_the_figure(kind):
    drawn = arrows(FIGURES[kind])
    for state in State:
        for what in Input:
            machine = kind(reliable=False)
            if state not in kind.TABLE:
                continue
            machine.state = state
            effects = machine.feed(what)
            assert (machine.state, effects) == drawn.get((state, what), (state, ())), (state, what)


@pytest.mark.parametrize(
    ("kind", "state", "what", "effects"),
    [
        (InviteClient, State.CALLING, Input.START, (Effect.SEND, Effect.START_B)),
        (Client, State.TRYING, Input.START, (Effect.SEND, Effect.START_F)),
        (InviteServer, State.PROCEEDING, Input.FAILURE, (Effect.SEND, Effect.START_H)),
    ],
)
def test_reliable_transports_are_not_sent_to_again(kind, state, what, effects):
    machine = kind(reliable=True)
    machine.state = state
    assert machine.feed(what) == effects


@given(st.sampled_from(list(FIGURES)), st.booleans(), st.lists(st.sampled_from(list(Input))))
def test_nothing_comes_out_behind_the_end(kind, reliable, inputs):
    machine = kind(reliable)
    for what in inputs:
        over = machine.state is State.TERMINATED
        effects = machine.feed(what)
        if over:
            assert effects == ()
