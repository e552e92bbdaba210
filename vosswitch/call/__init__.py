"""The B2BUA: one call is one incoming leg, one or more attempts, one outgoing leg; it knows no protocol."""
