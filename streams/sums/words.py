"""Text as machine words: unaligned loads of 8, 16 and 32 bytes, and masks of their bytes, for kernels. Pure.

numba has neither unaligned loads nor vectors, so these are LLVM instructions. They compile for every CPU; a
mask is two instructions on x86. They do not check bounds: at least `SLACK` bytes must be readable after the
last byte that a caller uses. A bit of a mask belongs to the byte at the same place in the text, bit 0 to the
first. Numbers are little-endian, as on every CPU that numba supports.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

SLACK = 32
"""The number of bytes that a load may read after the byte at which it begins."""

SPACE, DOT, ZERO = 32, 46, 48

_BYTE, _WORD = ir.IntType(8), ir.IntType(64)


def _instruction(generate: Callable[..., Any]) -> Any:
    """Return the function for kernels that LLVM code is generated for."""
    return intrinsic(generate)


def _load(context: Any, builder: Any, kinds: Any, args: Any, kind: Any) -> Any:
    """Return the value of an LLVM type at an offset of an array."""
    array = context.make_array(kinds[0])(context, builder, args[0])
    place = builder.bitcast(builder.gep(array.data, [args[1]]), kind.as_pointer())
    value = builder.load(place)
    value.align = 1
    return value


def _mask_of(size: int, compare: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """Return the generator of a mask of `size` bytes, set where `compare` is true."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        loaded = _load(context, builder, signature.args, args, ir.VectorType(_BYTE, size))
        bits = builder.bitcast(compare(builder, loaded), ir.IntType(size))
        return builder.zext(bits, _WORD)

    return generate


def _all(size: int, value: int) -> Any:
    return ir.Constant(ir.VectorType(_BYTE, size), [value] * size)


@_instruction
def load64(_context: Any, text: Any, _at: Any) -> Any:
    """Return the 8 bytes at an offset as a number."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _load(context, builder, signature.args, args, _WORD)

    return types.uint64(text, types.intp), generate


@_instruction
def separators32(_context: Any, text: Any, _at: Any) -> Any:
    """Return the mask of spaces and control characters in the 32 bytes at an offset."""
    return types.uint64(text, types.intp), _mask_of(
        32, lambda b, v: b.icmp_unsigned("<=", v, _all(32, SPACE))
    )


@_instruction
def other_than_digits16(_context: Any, text: Any, _at: Any) -> Any:
    """Return the mask of all but decimal digits in the 16 bytes at an offset."""

    def compare(builder: Any, loaded: Any) -> Any:
        return builder.icmp_unsigned(">", builder.sub(loaded, _all(16, ZERO)), _all(16, 9))

    return types.uint64(text, types.intp), _mask_of(16, compare)


@_instruction
def dots16(_context: Any, text: Any, _at: Any) -> Any:
    """Return the mask of dots in the 16 bytes at an offset."""
    return types.uint64(text, types.intp), _mask_of(16, lambda b, v: b.icmp_unsigned("==", v, _all(16, DOT)))


@_instruction
def lowest(_context: Any, _mask: Any) -> Any:
    """Return the number of the lowest set bit of a mask, 64 if none is set."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 0))

    return types.intp(types.uint64), generate
