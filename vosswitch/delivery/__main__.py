"""``python -m vosswitch.delivery CONFIG``: started by the recorder."""

import sys

from vosswitch.delivery.worker import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
