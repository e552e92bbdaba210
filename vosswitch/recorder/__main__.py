"""``python -m vosswitch.recorder CONFIG SEQ``: only the switch starts it, with its socket as file descriptor 3."""

import sys

from vosswitch.recorder.worker import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
