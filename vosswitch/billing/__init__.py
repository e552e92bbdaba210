"""What calls cost: price lists, billing modes, the money that a running call holds."""
