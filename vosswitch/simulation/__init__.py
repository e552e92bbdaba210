"""Finished calls decided again: what another configuration would have made of them."""
