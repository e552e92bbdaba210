"""Who calls and what is told of it: identity, redirections, passed headers, where replies and requests go."""
