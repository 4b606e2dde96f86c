"""`python -m brewbench.workbench.cli`, the same as `brewbench`."""

import sys

from . import main

if __name__ == "__main__":
    sys.exit(main())
