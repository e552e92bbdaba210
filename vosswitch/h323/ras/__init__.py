"""RAS (H.225.0): our gatekeeper for endpoints that register with us, and our registrations at foreign gatekeepers."""
