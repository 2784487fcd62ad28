"""How a window slides over an image: the geometry of convolutions and pools."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from convert.firmware.step import refusal
from edge.model.network import Operator, Tensor

#: Schema: Padding.
SAME: Final = 0
#: Largest values of the kernels' parameters (uint8 and uint16 in ``wm_window``).
_UINT8: Final = 255
_UINT16: Final = 65535


@dataclass(frozen=True)
class Window:
    """A sliding window: pairs are (rows, columns), shapes have channels as well.

    ``before`` counts the positions of the first window that lie before the image.
    """

    source: tuple[int, int, int]
    target: tuple[int, int, int]
    size: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    before: tuple[int, int]

    def fields(self) -> dict[str, int]:
        """Members of ``wm_window``."""
        pairs = (*self.size, *self.stride, *self.dilation, *self.before)
        values = (*self.source, *self.target, *pairs)
        return {
            f"window.{name}": value for name, value in zip(_MEMBERS.split(), values, strict=True)
        }

    def first_reads(self) -> npt.NDArray[np.int64]:
        """For each output pixel, the place of the first byte of the input that it reads, int64."""
        tops, lefts = (self._firsts(axis) for axis in (0, 1))
        _, columns, channels = self.source
        pixels: npt.NDArray[np.int64] = np.add.outer(tops * columns, lefts).reshape(-1) * channels
        return pixels

    def _firsts(self, axis: int) -> npt.NDArray[np.int64]:
        """First row (or column) inside the image that each window covers, or a little before."""
        starts = np.arange(self.target[axis], dtype=np.int64) * self.stride[axis]
        return np.maximum(starts - self.before[axis], 0)


_MEMBERS: Final = (
    "in_rows in_columns in_channels out_rows out_columns out_channels rows columns row_stride "
    "column_stride row_dilation column_dilation top left"
)


def window(
    operator: Operator,
    source: Tensor,
    target: Tensor,
    size: tuple[int, int],
) -> Window:
    """The geometry of an operator.

    The padding is tflite/kernels/padding.h, ComputePaddingHeightWidth: what SAME needs in all,
    half of it, rounded down, before the image.

    Raises:
        ModelError: a shape that does not follow from the others, or beyond the kernels' types.
    """
    stride = operator.option("StrideH"), operator.option("StrideW")
    dilation = operator.option("DilationHFactor", 1), operator.option("DilationWFactor", 1)
    before, sides = [], []
    for axis in (0, 1):
        length, reach = source.shape[1 + axis], dilation[axis] * (size[axis] - 1) + 1
        if min(stride[axis], dilation[axis]) < 1:
            raise refusal(operator, f"its strides are {stride}, its dilations {dilation}")
        if operator.option("Padding") == SAME:
            count = -(-length // stride[axis])
            before.append(max(0, (count - 1) * stride[axis] + reach - length) // 2)
        else:
            count = (length - reach) // stride[axis] + 1
            before.append(0)
        sides.append(count)
    if target.shape[:3] != (1, *sides):
        raise refusal(operator, f"its output has the shape {target.shape}, not {(1, *sides)}")
    if (
        max(*size, *stride, *dilation, *before) > _UINT8
        or max(*source.shape, *target.shape) > _UINT16
    ):
        raise refusal(operator, f"its window of {size} with strides {stride} is too large")
    return Window(
        (source.shape[1], source.shape[2], source.shape[3]),
        (target.shape[1], target.shape[2], target.shape[3]),
        size,
        stride,
        dilation,
        (before[0], before[1]),
    )
