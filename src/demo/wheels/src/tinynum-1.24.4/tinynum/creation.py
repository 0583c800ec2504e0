"""Ways to make arrays."""

from tinynum.array import Array


def full(length, value):
    return Array([value] * length)


def zeros(length):
    return full(length, 0)


def ones(length):
    return full(length, 1)


def arange(stop):
    return Array(range(stop))
