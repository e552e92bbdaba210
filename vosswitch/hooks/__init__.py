"""Everything that a carrier decides for itself: what plugins implement, and how the switch finds and calls them.

A plugin author needs `vosswitch.hooks` (the marker `hookimpl`, `NotConfigured`, `PluginContext`),
`vosswitch.hooks.specs` (the map of all hooks), `vosswitch.hooks.interfaces` (what the registered objects provide) and
`vosswitch.hooks.kit` (checks to run in the plugin's own tests).
"""

from vosswitch.hooks.context import NotConfigured, PluginContext
from vosswitch.hooks.specs import hookimpl

__all__ = ["NotConfigured", "PluginContext", "hookimpl"]
