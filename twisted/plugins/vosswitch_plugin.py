"""Makes ``vosswitch`` a command of ``twistd``."""

from twisted.application.service import ServiceMaker

vosswitch = ServiceMaker(
    "vosswitch",
    "vosswitch.tap",
    "An open carrier (class 4) VoIP softswitch",
    "vosswitch",
)
