"""Products of arrays. Was tinynum.linalg before 1.26."""

from tinynum.array import array


def dot(a, b):
    return array(a).dot(b)
