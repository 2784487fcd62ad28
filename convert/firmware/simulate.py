"""A network's steps computed in NumPy: the bytes that the exported kernels must give.

Only whole numbers (but for ``rounded_product``), from the same constants that go to flash.
It is the second opinion on the C kernels that needs no TFLite runtime, and the first one where the
station has none of that arithmetic: TFLite Micro's. Written from TFLite's formulas and not from the
C, so that each is a check of the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from convert.firmware.lower import lower
from convert.firmware.quantised import ADD_LEFT_SHIFT, INT8
from convert.firmware.rounding import Rounding
from convert.firmware.step import Fields
from edge.model.network import Network

#: int8 (wafers, elements): an activation of some wafers, each flat.
Values = npt.NDArray[np.int8]

#: Wafers computed at once: the copies of all windows of a convolution stay in a few megabytes.
_BATCH: Final = 32


class Simulation:
    """A network in exact integers.

    Raises:
        ModelError: an operator or option that no kernel is written for; names it.
    """

    def __init__(self, network: Network, rounding: Rounding) -> None:
        self._steps = lower(network, rounding)
        self._input = network.inputs[0]
        self._shapes = {tensor: network.tensors[tensor].shape for tensor in network.outputs}

    def __call__(self, wafers: npt.NDArray[np.int8]) -> dict[int, npt.NDArray[np.int8]]:
        """All outputs of the network.

        Args:
            wafers: int8 (wafers, ...), at least one.

        Returns:
            By tensor number, int8 (wafers, ...) in the shape that the file gives it.
        """
        flat = wafers.reshape(len(wafers), -1)
        parts = [self._run(flat[at : at + _BATCH]) for at in range(0, len(flat), _BATCH)]
        return {
            tensor: np.concatenate([part[tensor] for part in parts]).reshape(-1, *shape[1:])
            for tensor, shape in self._shapes.items()
        }

    def _run(self, wafers: Values) -> dict[int, Values]:
        """All activations of so many wafers, each flat."""
        found = {self._input: wafers}
        for step in self._steps:
            if step.alias:
                found[step.output] = found[step.inputs[0]]
                continue
            # Several calls each write a part of one row: CONCATENATION.
            parts = [
                _KERNELS[call.kernel](call.fields, *(found[tensor] for tensor in call.inputs))
                for call in step.calls
            ]
            found[step.output] = np.concatenate(parts, axis=-1).reshape(len(wafers), -1)
        return found


def _conv(fields: Fields, values: Values) -> Values:
    patches = _windows(fields, values, fields["fill"])
    weights = np.asarray(fields["weights"]).reshape(fields["window.out_channels"], -1)
    wafers, rows, columns = patches.shape[:3]
    return _rescaled(fields, _products(patches.reshape(wafers, rows, columns, -1), weights))


def _depthwise(fields: Fields, values: Values) -> Values:
    patches = _windows(fields, values, fields["fill"])
    channels = np.asarray(fields["weights"]).size // (patches.shape[3] * patches.shape[4])
    weights = np.asarray(fields["weights"], np.int64).reshape(*patches.shape[3:5], channels)
    # Each input channel makes several output channels, next to each other.
    spread = np.repeat(patches, channels // patches.shape[5], axis=5)
    return _rescaled(fields, np.einsum("nrcyxk,yxk->nrck", spread, weights))


def _dense(fields: Fields, values: Values) -> Values:
    weights = np.asarray(fields["weights"]).reshape(fields["outputs"], -1)
    sums = _products(values, weights) + fields["bias"]
    return _clamped(fields, rounded_product(sums, fields["mantissas"], fields["shifts"]))


def _dense_micro(fields: Fields, values: Values) -> Values:
    weights = np.asarray(fields["weights"]).reshape(fields["outputs"], -1)
    return _rescaled(fields, _products(values, weights))


def _max_pool(fields: Fields, values: Values) -> Values:
    largest = _windows(fields, values, INT8[0]).max(axis=(3, 4))
    return np.clip(largest, fields["low"], fields["high"]).astype(np.int8)


def _average_pool(fields: Fields, values: Values) -> Values:
    sums = _windows(fields, values, 0).sum(axis=(3, 4))
    counts = _windows(fields, np.ones_like(values[:1]), 0).sum(axis=(3, 4))
    means = quotient(sums, counts)
    return np.clip(means, fields["low"], fields["high"]).astype(np.int8)


def _add(fields: Fields, left: Values, right: Values) -> Values:
    sides = (("left", left), ("right", right))
    total = sum(
        _scaled(
            fields,
            f"{name}_scale",
            (values.astype(np.int64) - fields[f"{name}_zero"]) << ADD_LEFT_SHIFT,
        )
        for name, values in sides
    )
    return _clamped(fields, _scaled(fields, "out_scale", np.asarray(total)))


def _mul(fields: Fields, left: Values, right: Values) -> Values:
    product = (left.astype(np.int64) - fields["left_zero"]) * (
        right.astype(np.int64) - fields["right_zero"]
    )
    return _clamped(fields, _scaled(fields, "scale", product))


def _mean(fields: Fields, values: Values) -> Values:
    sums = _positions(fields, values).sum(axis=1, dtype=np.int64) + fields["offset"]
    found = _scaled(fields, "scale", sums) + fields["zero"]
    return np.clip(found, *INT8).astype(np.int8)


def _reduce_max(fields: Fields, values: Values) -> Values:
    largest: Values = _positions(fields, values).max(axis=1)
    return largest


def _concatenation(fields: Fields, values: Values) -> Values:
    return values.reshape(len(values), fields["rows"], fields["bytes"])


def _pad(fields: Fields, values: Values) -> Values:
    rows = values.reshape(len(values), fields["rows"], fields["bytes"])
    top, bottom, left, right = (int(fields[side]) for side in ("top", "bottom", "left", "right"))
    sides = ((0, 0), (top, bottom), (left, right))
    padded: Values = np.pad(rows, sides, constant_values=fields["fill"])
    return padded.reshape(len(values), -1)


_KERNELS: Final[Mapping[str, Callable[..., Values]]] = {
    "add": _add,
    "average_pool_2d": _average_pool,
    "concatenation": _concatenation,
    "conv_2d": _conv,
    "depthwise_conv_2d": _depthwise,
    "fully_connected": _dense,
    "fully_connected_micro": _dense_micro,
    "max_pool_2d": _max_pool,
    "mean": _mean,
    "mul": _mul,
    "pad": _pad,
    "reduce_max": _reduce_max,
}


def _windows(fields: Fields, values: Values, fill: Any) -> Whole:
    """What each window covers, ``fill`` outside the image.

    Returns:
        int64 (wafers, output rows, output columns, rows, columns, channels).
    """
    image = values.reshape(
        -1, *(int(fields[f"window.in_{side}"]) for side in ("rows", "columns", "channels"))
    )
    sides, places = [(0, 0)], []
    for axis, (name, before) in enumerate((("row", "top"), ("column", "left")), 1):
        windows = np.arange(int(fields[f"window.out_{name}s"])) * fields[f"window.{name}_stride"]
        inside = np.arange(int(fields[f"window.{name}s"])) * fields[f"window.{name}_dilation"]
        covered = np.add.outer(windows, inside)
        first = int(fields[f"window.{before}"])
        sides.append((first, max(0, int(covered.max()) + 1 - first - image.shape[axis])))
        places.append(covered)
    padded = np.pad(image, (*sides, (0, 0)), constant_values=fill).astype(np.int64)
    rows, columns = places
    found: Whole = padded[:, rows[:, np.newaxis, :, np.newaxis], columns[:, np.newaxis]]
    return found


def _products(values: npt.NDArray[Any], weights: npt.NDArray[Any]) -> Whole:
    """Sums of products of int8, (..., count) with (channels, count).

    float64 holds every partial sum exactly (lowering refuses what could leave 32 bits), and its
    product of matrices is many times faster than that of whole numbers.
    """
    sums: Whole = (values.astype(np.float64) @ weights.T.astype(np.float64)).astype(np.int64)
    return sums


def _rescaled(fields: Fields, sums: Whole) -> Values:
    """Sums without bias to int8, a multiplier a channel."""
    total = sums + fields["bias"]
    return _clamped(fields, rescale(total, fields["multipliers"], fields["shifts"]))


def _scaled(fields: Fields, name: str, values: Whole) -> Whole:
    """By one multiplier: a ``wm_scale`` of the kernel's parameters."""
    return rescale(values, fields[f"{name}.multiplier"], fields[f"{name}.shift"])


def _clamped(fields: Fields, values: Whole) -> Values:
    return np.clip(values + fields["zero"], fields["low"], fields["high"]).astype(np.int8)


def _positions(fields: Fields, values: Values) -> Values:
    """(wafers, positions, channels)."""
    return values.reshape(len(values), int(fields["positions"]), int(fields["channels"]))


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
