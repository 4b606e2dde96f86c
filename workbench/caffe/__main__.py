"""`python -m brewbench.caffe train -solver ...`: the program that Caffe calls `caffe`."""

import sys

from ..cli import main

if __name__ == "__main__":
    sys.exit(main())
