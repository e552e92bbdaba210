"""Which vendor takes a call: routing gateways, their order, and when the next one is tried."""
