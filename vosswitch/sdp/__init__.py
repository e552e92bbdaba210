"""Session descriptions: parse, render, offer and answer, codec lists."""

from vosswitch.sdp.text import BadSession, parse, render

__all__ = ["BadSession", "parse", "render"]
