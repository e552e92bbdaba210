"""Our own system parameters of H.323 (``VS_H323_*``)."""

from __future__ import annotations

from functools import partial

from vosswitch.params.kinds import Parameter, code_pairs, text, whole

_own = partial(Parameter, "vs")
_CAUSE, _STATUS = whole(1, 127), whole(300, 699)

PARAMETERS: tuple[Parameter, ...] = (
    _own(
        "VS_H323_CAUSE_TO_SIP",
        "",
        code_pairs(_CAUSE, _STATUS),
        "",
        "Q.850 causes of H.323 peers with the SIP status that each stands for, such as 17=486,19=480, before the usual",
        wired=True,
    ),
    _own(
        "VS_H323_SIP_TO_CAUSE",
        "",
        code_pairs(_STATUS, _CAUSE),
        "",
        "SIP statuses with the Q.850 cause that H.323 peers are told, such as 480=19,503=34, before the usual",
        wired=True,
    ),
    _own(
        "VS_H323_CONNECTIONS",
        "4000",
        whole(10, 100_000),
        "",
        "Connections of call signalling and H.245 that peers may have open, all together",
        wired=True,
    ),
    _own(
        "VS_H323_CONNECTIONS_SOURCE",
        "2000",
        whole(1, 100_000),
        "",
        "Connections that one source address may have open",
        wired=True,
    ),
    _own(
        "VS_H323_CONNECTION_CALLS",
        "500",
        whole(1, 10_000),
        "",
        "Calls that may go by one call signalling connection of a peer; each counts as a connection",
        wired=True,
    ),
    _own(
        "VS_H323_HALF_OPEN_SOURCE",
        "50",
        whole(1, 10_000),
        "",
        "Connections of an unknown source without a Setup yet, each has 5 s for it; a gateway has ten times as many",
        wired=True,
    ),
    _own(
        "VS_H323_MESSAGE_RATE",
        "50",
        whole(5, 1000),
        "messages/s",
        "Messages a second of a connection for each call on it, ten times as many at once; who sends more is released",
        wired=True,
    ),
    _own(
        "VS_H323_KEEPALIVE_INTERVAL",
        "60",
        whole(0, 3600),
        "s",
        "Silence of the peer of an answered call after which it is asked for a sign of life; 0 = never",
        wired=True,
    ),
    _own(
        "VS_H323_KEEPALIVE_COUNT",
        "3",
        whole(0, 20),
        "",
        "Such questions in a row without an answer in 10 s each that end the call; 0 = no number of them does",
        wired=True,
    ),
    _own(
        "VS_H323_GATEKEEPER",
        "vosswitch",
        text(),
        "",
        "Identifier of our gatekeeper, which endpoints that look for a certain one have to name",
        wired=True,
    ),
    _own(
        "VS_H323_BANDWIDTH",
        "100000",
        whole(1, 10_000_000),
        "100 bit/s",
        "The most that our gatekeeper grants to one call of an endpoint",
        wired=True,
    ),
    _own(
        "VS_H323_RAS_RATE",
        "500",
        whole(10, 100_000),
        "messages/s",
        "RAS messages a second that are read of sources that no endpoint or gatekeeper has, all together",
        wired=True,
    ),
)
