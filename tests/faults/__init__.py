"""Faults brought about under load, with real servers: ``python -m tests.faults``, ``make faults``."""
