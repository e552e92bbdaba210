"""`vosswitch.h323.per` for several threads: the library below it has state that they would share."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from vosswitch.h323 import per

_LOCK = threading.Lock()


def _alone(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def call(value: Any) -> Any:
        with _LOCK:
            return function(value)

    return call


decode_uuie, encode_uuie = _alone(per.decode_uuie), _alone(per.encode_uuie)
decode_h245, encode_h245 = _alone(per.decode_h245), _alone(per.encode_h245)
decode_olc, encode_olc = _alone(per.decode_olc), _alone(per.encode_olc)
decode_ras, encode_ras = _alone(per.decode_ras), _alone(per.encode_ras)
