"""The operations on dynamic blacklists and fraud rules."""

from __future__ import annotations

from vosswitch.control.declaring import Argument, Field, Operation

_NUMBER = Argument("number", "text", "the number as billed", required=True)
_HELD = (
    Field("number", "text", "the number as billed"),
    Field("of", "text", "caller or callee: as what it is refused"),
    Field("kind", "text", "malicious_caller, concurrent_caller, unanswered_callee or operator"),
    Field("why", "text", "what it did"),
    Field("since", "time", "since when"),
    Field("until", "time", "until when"),
    Field("hits", "whole", "calls refused for it, of this run"),
)

BLACKLIST = Operation(
    "blacklist",
    "The numbers that dynamic blacklists or operators hold off on this node.",
    _HELD,
    (Argument("number", "text", "only this number"),),
    stream=True,
)

BLOCK = Operation(
    "block",
    "Put a number on the dynamic blacklist of this node.",
    _HELD,
    (
        _NUMBER,
        Argument("of", "text", "caller or callee", default="caller"),
        Argument("minutes", "whole", "for how long", default=60),
        Argument("why", "text", "a remark", default=""),
    ),
    changes=True,
)

UNBLOCK = Operation(
    "unblock",
    "Take a number off the dynamic blacklists of this node; what it did is forgotten.",
    (Field("number", "text", "the number"), Field("released", "whole", "blocks that were lifted")),
    (_NUMBER,),
    changes=True,
)

FRAUD = Operation(
    "fraud",
    "What accounts do at the destinations of fraud rules on this node, against the levels.",
    (
        Field("rule", "text", "the fraud rule"),
        Field("account", "text", "the account"),
        Field("destination", "text", "prefix or number group, null = all calls"),
        Field("measure", "text", "what is measured; null = a block without figures"),
        Field("value", "text", "where it stands: calls, minutes or money"),
        Field("warn", "text", "its warn level"),
        Field("block", "text", "its block level"),
        Field("state", "text", "fine, warned or blocked"),
        Field("blocked_until", "time", "until when the account or destination is blocked"),
        Field("hits", "whole", "calls refused by that block, of this run"),
    ),
    (Argument("account", "text", "only this account"), Argument("rule", "text", "only this rule")),
    stream=True,
)

FRAUD_RELEASE = Operation(
    "fraud_release",
    "Lift what fraud rules hold against an account on this node; its figures begin anew.",
    (Field("account", "text", "the account"), Field("released", "whole", "blocks that were lifted")),
    (Argument("account", "text", "the account", required=True), Argument("rule", "text", "only of this rule")),
    changes=True,
)

SCREENING_OPERATIONS = (BLACKLIST, BLOCK, UNBLOCK, FRAUD, FRAUD_RELEASE)
