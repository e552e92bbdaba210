"""The media worker process: ``python -m vosswitch.media CONFIG`` with descriptor 3 open to the switch."""

from vosswitch.media.worker import main

main()
