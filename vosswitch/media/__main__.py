"""The media worker process: ``python -m vosswitch.media CONFIG``, as the media service starts it."""

from vosswitch.media.worker import main

main()
