"""Lists of numbers, as this room offers them; the value itself is shared with the parameters."""

from __future__ import annotations

from vosswitch.model.numberlist import NumberList

__all__ = ["NumberList"]
