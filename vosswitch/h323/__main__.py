"""``python -m vosswitch.h323 JSON``: only the switch starts it."""

import sys

from vosswitch.h323.worker import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
