"""Bodies of several parts (RFC 5621, RFC 2046 section 5.1): the session description among them."""

from __future__ import annotations

import re
from functools import lru_cache

_BOUNDARY = re.compile(r""";\s*boundary\s*=\s*(?:"([^"\r\n]{1,70})"|([^\s;"]{1,70}))""", re.IGNORECASE)
_TYPE = re.compile(rb"^content-type[ \t]*:[ \t]*([^\s;]+)", re.IGNORECASE | re.MULTILINE)
_ENCODED = re.compile(
    rb"^content-(?:transfer-encoding|encoding)[ \t]*:(?![ \t]*(?:7bit|8bit|binary|identity))",
    re.IGNORECASE | re.MULTILINE,
)
MOST = 16
"""Parts that are looked at."""


@lru_cache(maxsize=256)
def _boundary(content_type: str) -> bytes:
    found = _BOUNDARY.search(content_type)
    return (found[1] or found[2]).encode("utf-8", "replace") if found else b""


def part_of(body: bytes, content_type: str, wanted: bytes) -> bytes | None:
    """The first part of the media type *wanted*; None when there is none that can be read.

    :param content_type: the whole value of the header, with the boundary.
    :param wanted: in lower case, such as ``b"application/sdp"``.
    """
    boundary = _boundary(content_type)
    if not boundary:
        return None
    parts = (b"\n" + body.replace(b"\r\n", b"\n")).split(b"\n--" + boundary, MOST + 1)
    for part in parts[1 : MOST + 1]:
        if part.startswith(b"--"):
            return None
        head, found, content = part.partition(b"\n\n")
        kind = _TYPE.search(head)
        if found and kind is not None and kind[1].lower() == wanted and not _ENCODED.search(head):
            return content
    return None
