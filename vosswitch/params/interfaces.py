"""What a plugin needs to declare system parameters of its own: `Parameter` and the kinds."""

from vosswitch.params.kinds import Parameter, choice, optional, seconds, switch, text, whole

__all__ = ["Parameter", "choice", "optional", "seconds", "switch", "text", "whole"]
