"""One-dimensional arrays of floats."""

import math
import operator


class Array:
    """A fixed row of floats with arithmetic by element."""

    __slots__ = ("_items",)

    def __init__(self, items):
        self._items = tuple(float(item) for item in items)

    def __len__(self):
        return len(self._items)

    def __iter__(self):
        return iter(self._items)

    def __getitem__(self, index):
        picked = self._items[index]
        return Array(picked) if isinstance(index, slice) else picked

    def __eq__(self, other):
        return isinstance(other, Array) and self._items == other._items

    def __hash__(self):
        return hash(self._items)

    def __repr__(self):
        return "array([{}])".format(", ".join("{:g}".format(item) for item in self._items))

    def _each(self, other, operation):
        if isinstance(other, Array):
            if len(other) != len(self):
                raise ValueError("arrays of lengths {} and {} do not fit".format(len(self), len(other)))
            return Array(operation(a, b) for a, b in zip(self, other))
        return Array(operation(a, other) for a in self)

    def __add__(self, other):
        return self._each(other, operator.add)

    def __sub__(self, other):
        return self._each(other, operator.sub)

    def __mul__(self, other):
        return self._each(other, operator.mul)

    def sum(self):
        return math.fsum(self._items)

    def mean(self):
        if not self._items:
            raise ValueError("an empty array has no mean")
        return self.sum() / len(self)

    def dot(self, other):
        return (self * array(other)).sum()


def array(items):
    """An array of the items; an array is returned as it is."""
    return items if isinstance(items, Array) else Array(items)
