"""Where a request goes: names (RFC 3263), our own addresses, several tries."""
