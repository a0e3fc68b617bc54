"""The decorator of compiled kernels: kept on disk where numba finds a folder, else in memory. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a function on its first call, without the GIL.

    numba raises at import if it finds no writable folder for its cache. The function is then compiled once
    in every process, which takes seconds. `kernel_cache.prepare` chooses a folder before that is necessary.
    """
    try:
        return njit(cache=True, nogil=True, boundscheck=False)(function)
    except RuntimeError:  # "cannot cache function …: no locator available"
        return njit(nogil=True, boundscheck=False)(function)
