"""What an operator can set: the configuration file (before the database) and the system parameters (in it)."""
