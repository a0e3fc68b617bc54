"""Chance by arithmetic: numbers that depend on a seed and a place, and on nothing else.

Each draw is a hash of where it is used (seed, who, when, the how-manieth), never the next of a sequence, so
that no size of a batch and no order of asking can change it. Whole numbers only: floating-point logarithms
differ in their last bit between processors and libraries, and lines must be the same bytes on any machine.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

_GOLDEN, _FIRST, _SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB  # SplitMix64's
_WORD = (1 << 64) - 1
BITS_16 = np.uint64(0xFFFF)


def mixed(numbers: Array) -> Array:
    """Return 64 well-mixed bits for each number (the output function of SplitMix64)."""
    z = numbers + np.uint64(_GOLDEN)
    z ^= z >> np.uint64(30)
    z *= np.uint64(_FIRST)
    z ^= z >> np.uint64(27)
    z *= np.uint64(_SECOND)
    z ^= z >> np.uint64(31)
    return z


def mixed_number(*numbers: int) -> int:
    """Return 64 well-mixed bits of some whole numbers, in their order."""
    state = 0
    for number in numbers:
        z = (state + number + _GOLDEN) & _WORD
        z = ((z ^ z >> 30) * _FIRST) & _WORD
        z = ((z ^ z >> 27) * _SECOND) & _WORD
        state = z ^ z >> 31
    return state


def mixed_numbers(first: int, numbers: Array) -> Array:
    """Return `mixed_number(first, number)` for each number."""
    return mixed(numbers + np.uint64(mixed_number(first)))


def of_text(text: str) -> int:
    """Return 64 well-mixed bits of a text."""
    data = text.encode()
    return mixed_number(zlib.crc32(data), len(data), zlib.adler32(data))


def bits(draw: Array, place: int) -> Array:
    """Return the draw's 16 bits at a place from 0 to 3, as int64."""
    part: Array = (draw >> np.uint64(16 * place) & BITS_16).astype(np.int64)
    return part


def below(sixteen: Array, limit: Array | int) -> Array:
    """Return a number from 0 up to a limit, all equally likely, from 16 bits."""
    number: Array = np.multiply(sixteen, limit, dtype=np.int64) >> 16
    return number


def skewed(first: Array, second: Array, limit: Array) -> Array:
    """Return a number from 0 up to a limit, low ones far more often, from twice 16 bits."""
    return (first * second >> 16) * limit >> 16


def tail(numerator: int, denominator_bits: int, octaves: int, word_bits: int) -> Array:
    """Return thresholds for `octave`: each octave is rarer than the last by numerator / 2**denominator_bits.

    A size that doubles with each octave then has a Pareto tail; a ratio of 7/16 is an exponent of 1.19.
    """
    steps = [(numerator**k << word_bits) >> denominator_bits * k for k in range(octaves, 0, -1)]
    return np.array(steps, np.int64)


def octave(draw: Array, thresholds: Array) -> Array:
    """Return how many octaves up a draw is: 0 for most."""
    return len(thresholds) - np.searchsorted(thresholds, draw, side="right")


def stretched(base: Array, octaves: Array, sixteen: Array) -> Array:
    """Return a size in the octave above `base << octaves`."""
    low = base << octaves
    return low + (low * sixteen >> 16)
