"""A trainable network out of weights into which the norms were folded.

Such weights are all that a model file holds. The norms come back with mean and variance as the
wafers at hand have them, and with the scale and shift by which the network gives what it gave.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import keras
import numpy as np
import numpy.typing as npt
from keras import layers, ops

from edge.model.metadata import Layout
from edge.wafer.encoding import SYMMETRIES
from train.backend import array
from train.network import networks
from train.network.equivariant import StandardDense, TiedConv2D

Floats = npt.NDArray[np.float32]

#: Of the norms' statistics: with some hundred steps, Keras's own 0.99 would keep those of the start
#: in a network that has moved on.
MOMENTUM: Final = 0.9


class Weights(NamedTuple):
    """Of a convolution (rows, columns, in, out) or a dense layer (in, out), and its bias (out,)."""

    kernel: Floats
    bias: Floats


def folded(model: keras.Model) -> Iterator[Weights]:
    """The weights of a network of plain layers, each norm folded into the convolution before it."""
    found: list[Weights] = []
    for layer in (layer for layer in model.layers if layer.weights):
        if isinstance(layer, layers.BatchNormalization):
            gamma, beta, mean, variance = layer.get_weights()
            scale = gamma / np.sqrt(variance + layer.epsilon)
            kernel, bias = found[-1]
            found[-1] = Weights(kernel * scale, (bias - mean) * scale + beta)
        else:
            kernel, *given = layer.get_weights()
            found.append(Weights(kernel, given[0] if given else np.zeros(kernel.shape[-1])))
    return iter(found)


def rebuilt(
    network: str, patterns: int, weights: Sequence[Weights], layout: Layout | None = None
) -> keras.Model:
    """The network of this name and layout that these weights are of, with their head.

    Raises:
        ValueError: they are of another graph.
    """
    for head in networks.Head:
        model = networks.build(network, patterns=patterns, head=head, layout=layout)
        norms = sum(isinstance(layer, layers.BatchNormalization) for layer in model.layers)
        if sum(bool(layer.weights) for layer in model.layers) - norms == len(weights):
            fill(model, weights)
            return model
    raise ValueError(f"it has {len(weights)} layers with weights, which {network} has not")


def fill(model: keras.Model, weights: Sequence[Weights]) -> None:
    """Put folded weights into a network, whose norms then only add the bias.

    Args:
        model: Of the same graph; without dense layers among the weights it keeps its own.
        weights: In the order in which they are used.

    Raises:
        ValueError: they are of another graph.
    """
    given = iter(weights)
    bias: npt.NDArray[Any] = np.zeros(0)
    for layer in (layer for layer in model.layers if layer.weights):
        if isinstance(layer, layers.BatchNormalization):
            ones = np.ones(layer.gamma.shape[0])
            shift = bias.reshape(-1, len(ones)).mean(axis=0)
            layer.set_weights([np.sqrt(ones + layer.epsilon), shift, 0 * ones, ones])
        elif found := next(given, None):
            kernel, bias = found
            layer.set_weights(_own(layer, kernel, bias))


def _own(layer: Any, kernel: Floats, bias: Floats) -> list[npt.NDArray[Any]]:
    """What a layer holds so that, written out, it is this kernel and bias."""
    if isinstance(layer, TiedConv2D):
        return [_free(layer, kernel)]
    if isinstance(layer, layers.Conv2D):
        return [kernel]
    copies = getattr(layer, "copies", 1)
    summed = kernel.reshape(copies, -1, kernel.shape[-1]).sum(axis=0)
    return [summed, bias, *layer.get_weights()[2:]]


def _free(layer: TiedConv2D, kernel: Floats) -> npt.NDArray[np.float64]:
    """The kernel whose turned copies these are: the mean of them all, turned back."""
    shape = tuple(layer.free.shape)
    layer.set_weights([np.arange(np.prod(shape)).reshape(shape)])
    origin = np.rint(ops.convert_to_numpy(layer.expanded())).astype(np.intp)
    if origin.shape != kernel.shape:
        raise ValueError(f"a kernel of it is {kernel.shape}, not {origin.shape}")
    found = np.bincount(origin.ravel(), kernel.ravel()) / SYMMETRIES
    return found.reshape(shape)


def take_over(model: keras.Model, weights: Sequence[Weights], shown: Sequence[Floats]) -> None:
    """Let a network start with the convolutions of another, and all patterns alike.

    Args:
        model: Untrained.
        weights: Of a network with the same convolutions.
        shown: Wafers as it will be shown them, shares (B, size, size, 2).
    """
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = MOMENTUM
    fill(model, [each for each in weights if each.kernel.ndim == 4])
    settle_norms(model, shown)
    heads = [layer for layer in model.layers if isinstance(layer, layers.Dense)]
    look = keras.Model(model.input, [head.input for head in heads])
    seen = [keras.tree.flatten(look(shares, training=False)) for shares in shown]
    for head, values in zip(heads, zip(*seen, strict=True), strict=True):
        # By chance it would be sure of anything: what it sees is of any size.
        head.set_weights(
            [np.zeros(w.shape) for w in head.get_weights()[:2]] + head.get_weights()[2:]
        )
        if isinstance(head, StandardDense):
            pooled = np.concatenate([array(each) for each in values])
            head.standardise(pooled.reshape(len(pooled), head.copies, -1).mean(axis=1))


def settle_norms(model: keras.Model, batches: Sequence[Floats]) -> None:
    """Give the norms the statistics of these wafers; what the network gives stays the same."""
    norms = [layer for layer in model.layers if isinstance(layer, layers.BatchNormalization)]
    if not norms:
        return
    look = keras.Model(model.input, [norm.input for norm in norms])
    sums = [np.zeros((3, norm.gamma.shape[0])) for norm in norms]
    for batch in batches:
        found = keras.tree.flatten(look(batch, training=False))
        for total, values in zip(sums, found, strict=True):
            flat = array(values).astype(np.float64).reshape(-1, total.shape[1])
            total[:] += flat.sum(axis=0), (flat**2).sum(axis=0), np.full(flat.shape[1], len(flat))
    for norm, (total, squares, count) in zip(norms, sums, strict=True):
        gamma, beta, before, spread = norm.get_weights()
        scale = gamma / np.sqrt(spread + norm.epsilon)
        mean = total / count
        variance = np.maximum(squares / count - mean**2, 0)
        shift = beta + (mean - before) * scale
        norm.set_weights([scale * np.sqrt(variance + norm.epsilon), shift, mean, variance])
