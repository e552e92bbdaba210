"""What a running switch can be asked and told: the operations, declared once, with their server and client."""

from vosswitch.control.client import ControlClient, NotRunning
from vosswitch.control.protocol import ControlError

__all__ = ["ControlClient", "ControlError", "NotRunning"]
