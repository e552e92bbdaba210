"""``python -m vosswitch`` is the ``vosswitch`` command."""

from vosswitch.cli.main import main

if __name__ == "__main__":
    main()
