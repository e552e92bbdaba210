"""Finished calls on their way to files, programs and other machines: the CDR sinks, in a process of their own."""
