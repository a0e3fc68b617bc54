"""The decorators for compiled kernels, which are cached on disk if possible, else in memory. Pure.

numba counts the references of every array that a function passes on or slices. A kernel of many small
functions took ten times as long for that (2026-11-30). `uncounted` and `inlined` compile without reference
counts (`_nrt=False`), for functions that only read and write single elements of arrays of their caller.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any
from zlib import crc32

import numpy as np
from numba import njit
from numba.core.dispatcher import Dispatcher
from numba.extending import intrinsic

Function = Callable[..., Any]

_OPTIONS: dict[str, Any] = {"nogil": True, "boundscheck": False}
_UNCOUNTED: dict[str, Any] = {**_OPTIONS, "_nrt": False}
_CONSTANTS = (int, float, str, bytes, tuple, np.generic)
_Intrinsic = type(intrinsic(lambda _context: None))


def kernel(function: Function) -> Any:
    """Return the function compiled by numba, at its first call, to run without the GIL.

    numba raises an error at import if no folder for its cache is writable. The function is then compiled in
    every process, which takes seconds. `kernel_cache.prepare` chooses a folder to avoid that.
    """
    return _cached(function, _OPTIONS)


def uncounted(function: Function) -> Any:
    """Return a `kernel` without reference counts. It cannot create, return or assign an array."""
    return _cached(function, _UNCOUNTED)


def inlined(function: Function) -> Any:
    """Return a function that becomes a part of each `uncounted` kernel that calls it, without calls."""
    return njit(forceinline=True, **_UNCOUNTED)(function)


def _cached(function: Function, options: dict[str, Any]) -> Any:
    try:
        compiled = njit(cache=True, **options)(function)
    except RuntimeError:  # "cannot cache function …: no locator available"
        return njit(**options)(function)
    # numba compares only the file of the function itself, and would use a kernel of old parts.
    file = compiled._cache._cache_file
    file._source_stamp = (file._source_stamp, checksum(function), sorted(options))
    return compiled


def checksum(function: Function) -> int:
    """Return a checksum of the function, of the functions that it calls, and of their global constants.

    They must be defined before it, as a kernel compiles the values that they have.
    """
    found = 0
    for part in _parts(function, set()):
        found = crc32(part, found)
    return found


def _parts(value: object, seen: set[int]) -> Iterator[bytes]:
    if isinstance(value, Dispatcher):
        value = value.py_func
    elif isinstance(value, _Intrinsic):
        value = value._defn
    if isinstance(value, FunctionType) and id(value) not in seen:
        seen.add(id(value))
        yield from _parts_of_code(value.__code__, value.__globals__, seen)
    elif isinstance(value, np.ndarray):
        yield value.tobytes()
    elif isinstance(value, _CONSTANTS):
        yield repr(value).encode()


def _parts_of_code(code: CodeType, names: dict[str, Any], seen: set[int]) -> Iterator[bytes]:
    yield code.co_code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _parts_of_code(constant, names, seen)
        else:
            yield from _parts(constant, seen)
    for name in code.co_names:
        value = names.get(name)
        if isinstance(value, ModuleType):
            for attribute in code.co_names:
                yield from _parts(vars(value).get(attribute), seen)
        else:
            yield from _parts(value, seen)
