"""The composition root: the one room that knows every other one and plugs them together."""

from vosswitch.app.node import Switch, check_database

__all__ = ["Switch", "check_database"]
