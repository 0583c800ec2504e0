"""The tinynum-info command."""

import os

from tinynum.version import __version__


def main():
    print("tinynum {} at {}".format(__version__, os.path.dirname(os.path.abspath(__file__))))
    return 0
