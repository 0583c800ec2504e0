"""A very small pitch estimator."""

from tinypitch.estimate import pitch

__version__ = "0.3.4"
__all__ = ["pitch", "__version__"]
