"""The ``vosswitch`` command: one module per group of commands, imported when its command is used."""
