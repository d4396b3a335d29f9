"""`python -m tfkd`: the command `tfkd`, where its script is not on the path."""

import sys

from tfkd.cli import main

if __name__ == "__main__":
    sys.exit(main())
