"""Transactions (RFC 3261 section 17): tables, timers and the layer that finds the one of a message."""
