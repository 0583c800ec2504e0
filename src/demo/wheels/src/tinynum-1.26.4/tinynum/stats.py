"""Statistics of arrays."""

import math

from tinynum.array import array


def total(items):
    return array(items).sum()


def mean(items):
    return array(items).mean()


def std(items):
    """The standard deviation. New in 1.26."""
    items = array(items)
    away = items - items.mean()
    return math.sqrt(away.dot(away) / len(items))
