"""A vendor that answers H.323 calls with fast start, as many as come: ``python -m tests.bench.h323_vendor PORT``.

A process of its own, so that its work is not counted.  It answers with the words of a recorded call, at once, and
answers a ReleaseComplete with its own.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress

from tests.support.h323 import codec as per
from tests.support.h323 import template
from tests.support.h323.script import calls, uuie
from tests.support.h323.template import Facts
from vosswitch.h323 import q931
from vosswitch.h323.tpkt import Framer, framed

WORDS = [step.data for step in calls()["fast"].steps if step.side == "called"]
"""CallProceeding, Connect, ReleaseComplete."""


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One call."""
    framer = Framer()
    with suppress(ConnectionError):
        while data := await reader.read(4096):
            for message in framer.feed(data):
                for reply in replies(message):
                    writer.write(framed(reply))
            await writer.drain()
    writer.close()


def replies(data: bytes) -> list[bytes]:
    """What is said to a message."""
    message = q931.decode(data)
    if message.kind == q931.RELEASE_COMPLETE:
        return []
    if message.kind != q931.SETUP:
        return []
    body = uuie(data)["h323-message-body"][1]
    here = ("127.0.0.1", 40_000)
    facts = Facts("", "", here, here, here, here, message.reference, body["callIdentifier"]["guid"])
    facts.conference = body["conferenceID"]
    facts.offered = [per.decode_olc(each) for each in body.get("fastStart", ())]
    return [template.signal(word, facts, []) for word in WORDS[:2]]


async def main(port: int) -> None:
    """Answer until it is ended."""
    server = await asyncio.start_server(answer, "127.0.0.1", port, backlog=1000)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
