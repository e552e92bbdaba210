"""Where a call stands at our end, as Q.931 section 2.1 and H.225.0 section 7.2 name it.

H.225.0 uses the states of the user side without those of Disconnect and Release: a call is cleared by ReleaseComplete
alone.  The tables of what is taken and heard in each state stand with the legs::

    outgoing   NULL --Setup--> INITIATED --CallProceeding--> PROCEEDING --Alerting--> DELIVERED --Connect--> ACTIVE
    incoming   NULL --Setup--> PRESENT --CallProceeding--> ACCEPTED --Alerting--> RECEIVED --Connect--> ACTIVE

Each step may be left out; ReleaseComplete of either side leads to RELEASED from everywhere.
"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """The states; the values are Q.931's names."""

    NULL = "U0"  # outgoing: the connection is not there yet
    INITIATED = "U1"  # Setup sent, nothing came back
    PROCEEDING = "U3"  # the peer works on it
    DELIVERED = "U4"  # it rings there
    PRESENT = "U6"  # Setup came, nothing sent
    RECEIVED = "U7"  # we said that it rings
    ACCEPTED = "U9"  # we said CallProceeding (Q.931: incoming call proceeding)
    ACTIVE = "U10"
    RELEASED = "released"  # Q.931: null again

    @property
    def number(self) -> int:
        """The call state value of a Call State element (Q.931 table 4-8)."""
        return 0 if self is State.RELEASED else int(self.value[1:])


UNANSWERED = frozenset({State.INITIATED, State.PROCEEDING, State.DELIVERED})
"""An outgoing call before Connect."""
OFFERED = frozenset({State.PRESENT, State.ACCEPTED, State.RECEIVED})
"""An incoming call before Connect."""
