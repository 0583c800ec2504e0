"""A very small array library."""

from tinynum.array import Array, array
from tinynum.creation import arange, full, ones, zeros
from tinynum.linalg import dot
from tinynum.stats import mean, total
from tinynum.version import __version__

__all__ = ["Array", "arange", "array", "dot", "full", "mean", "ones", "total", "zeros", "__version__"]
