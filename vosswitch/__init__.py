"""An open carrier softswitch: SIP, H.323 and RTP, routing, billing and records, with plugins."""

__version__ = "0.1.0"
__all__ = ["__version__"]
