"""Statistics of arrays."""

from tinynum.array import array


def total(items):
    return array(items).sum()


def mean(items):
    return array(items).mean()
