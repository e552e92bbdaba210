"""What a plugin raises to say something."""

from __future__ import annotations


class CallsRefused(Exception):
    """Raised by a CDR sink: the other side works and refuses this batch for what is in it; the text says why."""
