"""The decorator for compiled kernels, which are cached on disk if possible, else in memory. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit


def kernel(function: Callable[..., Any]) -> Any:
    """Return the function compiled by numba, at its first call, to run without the GIL.

    numba raises an error at import if no folder for its cache is writable. The function is then compiled in
    every process, which takes seconds. `kernel_cache.prepare` chooses a folder to avoid that.
    """
    try:
        return njit(cache=True, nogil=True, boundscheck=False, _nrt=False)(function)
    except RuntimeError:  # "cannot cache function …: no locator available"
        return njit(nogil=True, boundscheck=False)(function)


def inlined(function: Callable[..., Any]) -> Any:
    """Return a compiled function that is a part of each kernel that calls it, without the cost of a call."""
    return njit(nogil=True, boundscheck=False, forceinline=True, _nrt=False)(function)
