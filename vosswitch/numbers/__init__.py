"""Numbers: dial plans, lists, prefix indexes and what peers dial."""
