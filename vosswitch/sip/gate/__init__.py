"""Who gets in: overload, sources, digest, suspensions, answers that cost nothing."""
