"""Every operation that a running switch offers, declared once: server, command line, web and documents read it here."""

from __future__ import annotations

from vosswitch.control.declaring import Argument, Field, Operation
from vosswitch.control.protocol import ControlError
from vosswitch.control.screening_operations import SCREENING_OPERATIONS

__all__ = ["OPERATIONS", "Argument", "Field", "Operation", "declared"]

STATUS = Operation(
    "status",
    "What this node is and how it is doing.",
    (
        Field("node", "text", "name of the node"),
        Field("node_id", "whole", "its number, 0-1023"),
        Field("nodes", "list", "numbers of the nodes of the database that are alive, this one among them"),
        Field("version", "text", "of the software"),
        Field("state", "text", "running or draining"),
        Field("started", "time", "when it started"),
        Field("listen", "list", "addresses it listens on"),
        Field("calls", "whole", "calls that are up or being set up"),
        Field("registered", "whole", "phones that are registered"),
        Field("seq", "whole", "last change of the configuration that is live here"),
        Field("backlog", "whole", "finished records not yet in the database"),
        Field("sockets", "list", "address, drops (datagrams that the system dropped since the start), connections"),
        Field("certificates", "list", "those that are shown: file, expires, names"),
        Field("refused_connections", "whole", "TCP, TLS and WebSocket connections that were too many"),
        Field("trouble", "text", "what is wrong at the moment, null when nothing is"),
    ),
)

_COUNTS = (
    Field("received", "whole", "SIP messages taken in"),
    Field("sent", "whole", "SIP messages sent"),
    Field("bad", "whole", "messages that could not be read"),
    Field("dropped", "whole", "requests left without an answer on purpose"),
    Field("stray", "whole", "responses and ACKs that belong to nothing"),
    Field("misaddressed", "whole", "requests whose Via names an address that no response may go to"),
    Field("retransmitted", "whole", "messages sent again"),
    Field("repeated", "whole", "requests received again"),
    Field("shed", "whole", "new requests refused because they had waited too long, or too many were being served"),
    Field("capped", "whole", "new requests refused because of VS_SOURCE_CPS"),
    Field("urgent", "whole", "calls to emergency numbers that were served while others were refused"),
    Field("absorbed", "whole", "ACKs of such refusals"),
    Field("overflowed", "whole", "messages dropped because too many waited"),
    Field("requests", "object", "new requests received, by method"),
    Field("responses", "object", "final responses sent, by status"),
    Field("sent_requests", "object", "requests sent, by method"),
    Field("answers", "object", "final responses received, by status"),
)

STATISTICS = Operation(
    "statistics",
    "What the signalling of this node has counted since its start, and how full its tables are.",
    (
        Field("started", "time", "when it started"),
        *_COUNTS,
        Field("emergency_calls", "whole", "calls to emergency numbers, those that were refused too"),
        Field("waiting", "whole", "messages that wait to be served"),
        Field("server_transactions", "whole", "requests of peers that are being served or remembered"),
        Field("client_transactions", "whole", "requests of ours that wait or are remembered"),
        Field("dialogs", "whole", "legs of calls"),
        Field("security_events", "object", "auth_failed, auth_suspended, auth_refused, dialog_refused"),
        Field("suspended", "whole", "sources and names with failed passwords that are remembered"),
        Field("gateway_changes", "object", "how often routing gateways changed, by new state"),
        Field("probes_sent", "whole", "gateways asked by OPTIONS"),
        Field("probes_answered", "whole", "of these, those whose answer counted"),
        Field("probes_failed", "whole", "of these, the others"),
        Field("gauged", "whole", "routing gateways whose quality is known"),
        Field("gauged_pairs", "whole", "pairs of gateway and destination whose quality is known"),
        Field("h323", "object", "what the H.323 process has counted since it started; empty while there is none"),
    ),
)

CALLS = Operation(
    "calls",
    "The calls that are up or being set up, oldest first.",
    (
        Field("call_id", "text", "the call's number"),
        Field("state", "text", "where it stands"),
        Field("caller", "text", "as billed"),
        Field("callee", "text", "as billed"),
        Field("caller_in", "text", "as received"),
        Field("callee_in", "text", "as received"),
        Field("mapping_gateway", "text", "where it came from"),
        Field("phone", "text", "the calling phone"),
        Field("routing_gateway", "text", "where it goes"),
        Field("account", "text", "who pays"),
        Field("start", "time", "when it came"),
        Field("answer", "time", "when it was answered"),
        Field("media_proxied", "flag", "media goes through this switch"),
    ),
    (
        Argument("account", "text", "only calls of this account"),
        Argument("gateway", "text", "only calls from or to this gateway"),
    ),
    stream=True,
)

RELEASE = Operation(
    "release",
    "Disconnect one call.",
    (Field("call_id", "text", "the call that was disconnected"),),
    (Argument("call_id", "text", "the call's number, as `calls` shows it", required=True),),
    changes=True,
)

_STANDING = (
    Field(
        "state",
        "text",
        "up, away (it does not answer), held (its Retry-After, or throttled) or disabled; null = not known",
    ),
    Field("since", "time", "since when it is put aside"),
    Field("reason", "text", "why it is put aside"),
    Field("next_probe", "time", "when it is asked by OPTIONS or tried again"),
)

GATEWAYS = Operation(
    "gateways",
    "The gateways with their present load.",
    (
        Field("name", "text", "name of the gateway"),
        Field("kind", "text", "mapping or routing"),
        Field("protocol", "text", "sip or h323"),
        Field("account", "text", "its account"),
        Field("address", "text", "where it is"),
        Field("locked", "flag", "takes no calls"),
        Field("calls", "whole", "calls now on it"),
        Field("lines", "whole", "the most it may have, null = unlimited"),
        Field("cps", "whole", "new calls per second that it may have, null = unlimited"),
        Field("groups", "list", "the gateway groups that it belongs to"),
        Field("calls_today", "whole", "calls since midnight"),
        Field("attempts", "whole", "attempts in the window of the figures"),
        Field("asr", "number", "answer-seizure ratio, percent"),
        Field("ner", "number", "network effectiveness ratio, percent"),
        Field("pdd_ms", "whole", "mean post dial delay, ms"),
        Field("acd", "number", "average call duration, seconds"),
        *_STANDING,
    ),
    (Argument("kind", "text", "mapping or routing; both when left out"),),
    stream=True,
    live=False,
)

LIMITS = Operation(
    "limits",
    "Lines in use and limits of the system, accounts, gateways, groups, phones and called numbers.",
    (
        Field(
            "kind",
            "text",
            "system, emergency, account, phone, mapping, routing, mapping_group, routing_group or destination",
        ),
        Field("name", "text", "of the account, gateway, group or limit"),
        Field("whose", "text", "the account or gateway that has a limit of a destination for itself"),
        Field("calls", "whole", "lines in use now"),
        Field("lines", "whole", "the most there may be, null = unlimited"),
        Field("cps", "whole", "new calls per second, null = unlimited"),
        Field("lines_here", "whole", "this node's part of the lines, where several nodes have them together"),
        Field("cps_here", "whole", "likewise of the new calls per second"),
        Field("reserved", "whole", "lines of a group that each member has to itself"),
    ),
    (Argument("kind", "text", "only these; all when left out"),),
    stream=True,
    live=False,
)

NAMES = Operation(
    "names",
    "What host names of gateways and peers lead to now.",
    (
        Field("name", "text", "the host name"),
        Field("port", "whole", "0 = by the name service"),
        Field("transport", "text", "auto = by the name service"),
        Field("targets", "list", "addresses, in the order in which they are tried"),
        Field("state", "text", "fresh, old, stale (no server answers), nothing, no answer or asking"),
        Field("expires_in", "whole", "seconds that it still holds"),
        Field("kept", "flag", "a name of the configuration, which is kept warm"),
    ),
    stream=True,
)

GATEWAY = Operation(
    "gateway",
    "Put a routing gateway aside on this node, or take it back at once, whatever was against it.",
    (Field("name", "text", "name of the gateway"), *_STANDING),
    (
        Argument("name", "text", "the routing gateway", required=True),
        Argument("off", "flag", "put it aside", default=False),
    ),
    changes=True,
)

QUALITY = Operation(
    "quality",
    "The quality of the routing gateways, now, and what of it is not as wanted.",
    (
        Field("name", "text", "name of the gateway"),
        Field("destination", "text", "beginning of the called numbers; null = all its calls"),
        Field("attempts", "whole", "attempts in the window; null = they are not counted"),
        Field("asr", "number", "answer-seizure ratio, percent"),
        Field("ner", "number", "network effectiveness ratio, percent"),
        Field("pdd_ms", "whole", "mean post dial delay, ms"),
        Field("calls", "whole", "answered calls that ended in the window; null = they are not counted"),
        Field("acd", "number", "average call duration, seconds"),
        Field("misses", "text", "the threshold that is missed"),
        Field("action", "text", "what becomes of it: demoted or excluded"),
        Field("failures", "whole", "attempts that count for throttling; null = it is not throttled"),
        _STANDING[0],
        _STANDING[2],
    ),
    (
        Argument("name", "text", "only this gateway"),
        Argument("destinations", "flag", "each of its destinations, too", default=False),
    ),
    stream=True,
)

ROUTE = Operation(
    "route",
    "Explain what would become of a call, without placing it.",
    (
        Field("caller", "text", "as billed"),
        Field("callee", "text", "as billed"),
        Field("caller_in", "text", "as received"),
        Field("callee_in", "text", "as received"),
        Field("source", "text", "mapping gateway or phone"),
        Field("account", "text", "who would pay"),
        Field("at", "time", "the moment asked about"),
        Field("outcome", "text", "route, or the end reason of the refusal"),
        Field("detail", "text", "the refusal in words"),
        Field("rate_prefix", "text", "the rate's prefix"),
        Field("price", "money", "per minute, what the account pays"),
        Field(
            "candidates",
            "list",
            "gateway, prefix, priority, weight, caller_out, callee_out, price, margin, values, kept, why,"
            " seconds, income, cost, profit",
        ),
        Field("steps", "list", "the decision in words, in order"),
    ),
    (
        Argument("caller", "text", "calling number as received", required=True),
        Argument("callee", "text", "called number as received", required=True),
        Argument("mapping_gateway", "text", "the gateway that it comes from"),
        Argument("phone", "text", "or the phone that it comes from"),
        Argument("at", "time", "the moment; now when left out"),
        Argument("source", "text", "the IP address that it comes from"),
    ),
    live=False,
)

PARAMETERS = Operation(
    "parameters",
    "The effective values of the system parameters.",
    (
        Field("name", "text", "name of the parameter"),
        Field("value", "text", "effective value"),
        Field("default", "text", "its default"),
        Field("set", "flag", "differs from the default because somebody set it"),
    ),
    (Argument("name", "text", "only this one"),),
    stream=True,
    live=False,
)

APPLY = Operation(
    "apply",
    "Make all changes up to a sequence number live; answers when they are.",
    (Field("seq", "whole", "the last change that is live"),),
    (Argument("seq", "whole", "the change to wait for; the newest when left out"),),
    changes=True,
)

DRAIN = Operation(
    "drain",
    "Take no new calls; let the present ones finish.",
    (
        Field("state", "text", "draining or running"),
        Field("calls", "whole", "calls that are still up"),
    ),
    (Argument("off", "flag", "take calls again", default=False),),
    changes=True,
)

REGISTRATIONS = Operation(
    "registrations",
    "The phones and dynamic gateways that are registered.",
    (
        Field("number", "text", "the phone, or gateway:USER for the dynamic gateways of a user name"),
        Field("contact", "text", "URI as registered"),
        Field("address", "text", "where its calls go"),
        Field("natted", "flag", "it is not where it says"),
        Field("expires_in", "whole", "seconds left"),
        Field("user_agent", "text", "as the device says"),
    ),
    (
        Argument("number", "text", "only this phone"),
        Argument("after", "text", "only those behind this number in the order of the listing: its last one goes on"),
        Argument("limit", "whole", "so many at most"),
    ),
    stream=True,
)

TRUNKS = Operation(
    "trunks",
    "Our registrations with vendors.",
    (
        Field("name", "text", "the routing gateway"),
        Field("registrar", "text", "where it is"),
        Field("username", "text", "as which we register"),
        Field(
            "state", "text", "idle, discovering, asking, up, refreshing, waiting, fading (granted, its refresh failed)"
        ),
        Field("expires_in", "whole", "seconds that it is still granted"),
        Field("status", "whole", "of the last response, 0 = none came"),
        Field("reason", "text", "its words, or ours where there is none"),
        Field("state_for", "whole", "seconds in this state"),
        Field("next_in", "whole", "seconds until the next REGISTER"),
    ),
    stream=True,
)

PLUGINS = Operation(
    "plugins",
    "The plugins and what they provide.",
    (
        Field("plugin", "text", "name of the plugin"),
        Field("source", "text", "built-in, its folder, or its distribution"),
        Field("state", "text", "on or off"),
        Field("reason", "text", "why it is off"),
        Field("provides", "object", "names by family"),
        Field("failures", "whole", "failures since the start"),
    ),
    stream=True,
    live=False,
)

RELOAD_CERTIFICATES = Operation(
    "reload_certificates",
    "Read the certificates and keys of the configuration again; connections that are up keep theirs.",
    (Field("certificates", "list", "those that are shown now: file, expires, names"),),
    changes=True,
)

OPERATIONS: dict[str, Operation] = {
    row.name: row
    for row in (
        STATUS,
        STATISTICS,
        CALLS,
        RELEASE,
        GATEWAYS,
        GATEWAY,
        LIMITS,
        QUALITY,
        NAMES,
        ROUTE,
        PARAMETERS,
        APPLY,
        DRAIN,
        REGISTRATIONS,
        TRUNKS,
        PLUGINS,
        RELOAD_CERTIFICATES,
        *SCREENING_OPERATIONS,
    )
}
"""All operations by name."""


def declared(name: str) -> Operation:
    """The operation of this name.

    :raises ControlError: ``unknown_operation``.
    """
    try:
        return OPERATIONS[name]
    except KeyError:
        raise ControlError("unknown_operation", name, f"expected one of {', '.join(OPERATIONS)}") from None
