"""The rounding of the C kernels, number by number, against TFLite's formulas in Python."""

from __future__ import annotations

import ctypes
import math
from typing import Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from convert.firmware.quantised import DOUBLE_BITS
from tests.support.c_library import library
from tests.support.compilers import FIRMWARE, compiler

_SOURCE: Final = """#include "kernels/fully_connected.c"

int32_t rescale(int32_t x, int32_t multiplier, int32_t shift);
int32_t exactly(int32_t sum, uint64_t mantissa, int32_t shift);

int32_t rescale(int32_t x, int32_t multiplier, int32_t shift)
{
    return wm_rescale(x, multiplier, shift);
}

int32_t exactly(int32_t sum, uint64_t mantissa, int32_t shift)
{
    return scaled(sum, mantissa, shift);
}
"""
INT32: Final = st.integers(-(2**31), 2**31 - 1)


@pytest.fixture(scope="module")
def c(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    cc = compiler()
    folder = tmp_path_factory.mktemp("arithmetic")
    (folder / "arithmetic.c").write_text(_SOURCE)
    made = library(folder / "arithmetic.so", [folder / "arithmetic.c"], [FIRMWARE / "c99"], cc)
    made.exactly.argtypes = (ctypes.c_int32, ctypes.c_uint64, ctypes.c_int32)
    return made


def wrapped(value: int) -> int:
    return (value + 2**31) % 2**32 - 2**31


def high_product(a: int, b: int) -> int:
    """gemmlowp, SaturatingRoundingDoublingHighMul: nudged, then divided towards zero."""
    product = a * b
    nudged = product + (2**30 if product >= 0 else 1 - 2**30)
    return int(math.copysign(abs(nudged) // 2**31, nudged))


def divide_by_power(x: int, exponent: int) -> int:
    """gemmlowp, RoundingDivideByPOT: to the nearest, halves away from zero."""
    nearest = (2 * abs(x) + 2**exponent) // 2 ** (exponent + 1)
    return nearest if x >= 0 else -nearest


@settings(max_examples=1000)
@given(INT32, st.integers(2**30, 2**31 - 1) | st.just(0), st.integers(-31, 12))
@example(-(2**31), 2**31 - 1, -31)
@example(-(2**31), 2**30, 0)
@example(2**31 - 1, 2**31 - 1, 0)
def test_rescale(c: ctypes.CDLL, x: int, multiplier: int, shift: int) -> None:
    moved = wrapped(x << max(shift, 0))
    known = divide_by_power(high_product(moved, multiplier), max(-shift, 0))
    assert c.rescale(x, multiplier, shift) == known


def rounded(value: float) -> int:
    """C's round(): halves away from zero, exact for any double."""
    whole = math.floor(abs(value))
    whole += abs(value) - whole >= 0.5
    return whole if value >= 0 else -whole


def exactly(c: ctypes.CDLL, total: int, scale: float) -> int:
    fraction, exponent = math.frexp(scale)
    return c.exactly(total, int(math.ldexp(fraction, DOUBLE_BITS)), DOUBLE_BITS - exponent)


@settings(max_examples=1000)
@given(INT32, st.floats(1e-15, 1, exclude_max=True))
@example(-(2**31), 1 - 2.0**-53)
@example(1, 0.5)
@example(-1, 0.5)
@example(3, 0.5)
@example(1, 2.0**-62)
def test_product_of_a_double(c: ctypes.CDLL, total: int, scale: float) -> None:
    assert exactly(c, total, scale) == rounded(float(total) * scale)


@settings(max_examples=1000)
@given(st.integers(2**20, 2**31 - 1), st.integers(1, 400), st.integers(-3, 3), st.booleans())
def test_product_beside_a_half(
    c: ctypes.CDLL, total: int, whole: int, away: int, negative: bool
) -> None:
    # The double next to (whole + 1/2) / total: the product's own rounding decides.
    scale = (whole + 0.5) / total
    for _ in range(abs(away)):
        scale = math.nextafter(scale, away * math.inf)
    signed = -total if negative else total
    assert exactly(c, signed, scale) == rounded(float(signed) * scale)
