"""One side of a call in H.323: its signalling as tables, and the leg that a call sees.

The process's shell gives a leg its `line.Line` and what all legs share (`stack.Stack`)::

    OutgoingLeg(stack, placement, line, listener)       the line tells it `connected`, `received`, `lost`
    IncomingLeg(stack, line, setup, profile).start()    which tells `Stack.incoming` of the call
    orphan.farewell(data)                               what is said for a leg of a former life
"""
