"""What a node has seen of its calls lately, and whom it holds off for that: dynamic blacklists and fraud rules."""
