"""The rounding of the C kernels on NumPy arrays: what ``wm_fixed.h`` and dense layers do to sums.

Written from TFLite's formulas and not from the C, so that each is a check of the other.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

Whole = npt.NDArray[np.int64]

#: Bits behind the point of a multiplier.
_BITS: Final = 31


def rescale(values: Whole, multipliers: Any, shifts: Any) -> Whole:
    """tflite/kernels/internal/common.cc, MultiplyByQuantizedMultiplier with double rounding.

    SaturatingRoundingDoublingHighMul, then RoundingDivideByPOT (gemmlowp/fixedpoint/fixedpoint.h).

    Args:
        values: int64 (..., channels) that fit into int32.
        multipliers: int32, one or one a channel.
        shifts: int8, likewise; positive ones to the left.

    Returns:
        int64 (..., channels): values * multipliers * 2**(shifts - 31).
    """
    factors, exponents = np.asarray(multipliers, np.int64), np.asarray(shifts, np.int64)
    # What a left shift pushes out of 32 bits is lost in TFLite as well.
    moved = (values << np.maximum(exponents, 0)).astype(np.int32).astype(np.int64)
    # Halves up. The original divides towards zero after a nudge of the sign's, which is the same.
    high = (moved * factors + (1 << (_BITS - 1))) >> _BITS
    return quotient(high, 1 << np.maximum(-exponents, 0))


def rounded_product(values: Whole, mantissas: Any, shifts: Any) -> Whole:
    """LiteRT's dense layers: ``round(double(sum) * scale)``, halves away from zero.

    tflite/kernels/internal/reference/integer_ops/fully_connected.h. The product is float64 here
    too, which IEEE 754 rounds alike everywhere; the C kernel does it in whole numbers.

    Args:
        values: int64 (..., outputs) that fit into int32.
        mantissas: uint64 (outputs,) below 2**53.
        shifts: int8 (outputs,): scale = mantissa * 2**-shift.
    """
    scales = np.ldexp(np.asarray(mantissas).astype(np.float64), -np.asarray(shifts, np.int32))
    products = values.astype(np.float64) * scales
    whole = np.floor(np.abs(products))
    # Not floor(x + 0.5): that sum is itself rounded, and just under a half it goes up.
    whole += np.abs(products) - whole >= 0.5
    found: Whole = np.copysign(whole, products).astype(np.int64)
    return found


def quotient(values: Whole, counts: Any) -> Whole:
    """Halves away from zero (integer_ops/pooling.h, AveragePool; RoundingDivideByPOT).

    Args:
        values: int64 (...).
        counts: Whole numbers that broadcast to it, 1 or more.
    """
    found: Whole = np.sign(values) * ((2 * np.abs(values) + counts) // (2 * counts))
    return found
