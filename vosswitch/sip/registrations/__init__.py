"""Where devices and gateways are, how that is kept, and our own registrations with vendors."""
