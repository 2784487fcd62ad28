"""Even out the channels of an activation: what one layer gives less of, the next weighs more.

int8 has one scale for all channels of an activation. A channel of enormous range leaves the others
no levels. ReLU and pooling let a positive factor through, so a channel can be divided by it in one
layer and multiplied in the next without changing the network's answer (M. Nagel et al., Data-Free
Quantization Through Weight Equalization and Bias Correction, ICCV 2019). Balanced as SmoothQuant
does at its half-way point (G. Xiao et al., ICML 2023): by the activation's range and the next
layer's weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from keras import layers

from convert.quantise import Calibration, quantise
from convert.remedy import graph

if TYPE_CHECKING:
    import keras

    from convert.remedy.search import Build

#: Layers that let a positive factor a channel through.
_TRANSPARENT = (
    layers.MaxPooling2D,
    layers.AveragePooling2D,
    layers.GlobalMaxPooling2D,
    layers.GlobalAveragePooling2D,
    layers.ZeroPadding2D,
)


def remedies(network: keras.Model, calibration: Calibration) -> Iterator[tuple[str, Build]]:
    """One: channels evened out, then the ordinary conversion."""

    def build() -> tuple[bytes, str]:
        even, pairs = equalised(network, calibration.planes)
        return quantise(even, calibration), f"{pairs} pairs of layers"

    yield "equalised channels", build


def equalised(network: keras.Model, planes: npt.NDArray[np.uint8]) -> tuple[keras.Model, int]:
    """The same function with evened channels, and the number of layer pairs that were evened.

    Args:
        network: Folded; left as it is.
        planes: Calibration wafers, uint8 (W, size, size, 2).

    Raises:
        ValueError: there is no such pair.
    """
    result = graph.copy(network)
    pairs = _pairs(result)
    if not pairs:
        raise ValueError("no layer passes its output to one other layer alone")
    highest: dict[str, npt.NDArray[np.float32]] = {}
    for batch in graph.activations(result, {pair.between for pair in pairs}, planes):
        for name, values in batch.items():
            found = np.abs(values).max(axis=tuple(range(values.ndim - 1)))
            highest[name] = np.maximum(highest.get(name, found), found)
    # What one pair multiplies into a kernel leaves that layer's outputs as they were measured.
    for pair in pairs:
        first, second = result.get_layer(pair.first), result.get_layer(pair.second)
        _even(first, second, highest[pair.between])
    return result, len(pairs)


@dataclass(frozen=True)
class _Pair:
    """Names of two linear layers, and of the one between them whose output int8 rounds."""

    first: str
    between: str
    second: str


def _pairs(network: keras.Model) -> list[_Pair]:
    """Linear layers whose output one other linear layer alone reads."""
    using = graph.consumers(network)
    found = []
    for layer in network.layers:
        if not isinstance(layer, graph.LINEAR) or graph.activation(layer) not in {None, "relu"}:
            continue
        between, behind = layer, using[layer.name]
        while len(behind) == 1 and (
            graph.is_relu(behind[0]) or isinstance(behind[0], _TRANSPARENT)
        ):
            between = behind[0] if graph.is_relu(behind[0]) else between
            behind = using[behind[0].name]
        if len(behind) != 1 or not isinstance(behind[0], graph.LINEAR):
            continue
        # A grouped convolution has the kernels of one group alone.
        if behind[0].kernel.shape[-2] == layer.output.shape[-1]:
            found.append(_Pair(layer.name, between.name, behind[0].name))
    return found


def _even(first: Any, second: Any, highest: npt.NDArray[np.float32]) -> None:
    kernel, *rest = first.get_weights()
    after, *rest_after = second.get_weights()
    others = tuple(axis for axis in range(after.ndim) if axis != after.ndim - 2)
    weights = np.abs(after).max(axis=others)
    used = (highest > 0) & (weights > 0)
    factor = np.sqrt(np.divide(highest, weights, out=np.ones_like(highest), where=used))
    factor /= np.exp(np.log(factor[used]).mean()) if used.any() else 1.0
    factor[~used] = 1.0
    axes = 2 if isinstance(first, layers.DepthwiseConv2D) else 1
    first.set_weights([kernel / factor.reshape(kernel.shape[-axes:]), *(b / factor for b in rest)])
    second.set_weights([after * factor[:, np.newaxis], *rest_after])
