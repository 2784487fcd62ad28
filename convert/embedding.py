"""A second output for the network: coordinates in which distance means unfamiliar.

Made after training, from what the network already computes. Means over the wafer of the first ReLU
maps of every size and the answers of a few fixed filters to repeating structure (no class needs
it, so the network may not see it) are centred and scaled, then turned and stretched until the
training wafers of a class scatter alike in all directions (tied covariance; K. Lee et al., NeurIPS
2018). Those along which they scattered least are kept: there, what is foreign stands out. All of
it is convolutions and means, so it is quantised and runs like the rest.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from edge.errors import DataError
from edge.wafer import encoding

if TYPE_CHECKING:
    import keras

Floats = npt.NDArray[np.float64]

#: Channels of a network with tied kernels stand in this many copies, ordered (copy, channel).
COPIES: Final = {"symmetric": encoding.SYMMETRIES}

#: Training wafers a class that set centre, scale and covariance.
PER_CLASS: Final = 2000

#: Added to the variance of features of variance 1, so that directions in which training wafers
#: hardly vary do not drown in the rounding of int8. A fifth of it separates new patterns no better,
#: and lets the coordinates of a wide network differ between kernels by 28 steps.
SHRINK: Final = 5e-2

#: Of the directions so many are kept, and at least so many. Of a network with 192 channels, two
#: thirds noticed patterns that are none of the nine as well as all; the others are bytes.
KEPT: Final = 2 / 3
FEWEST: Final = 32

#: A channel is still whose spread is so small a share of the largest value: far less than a step of
#: int8, and scaled to 1 it would be more than XNNPACK can rescale.
STILL: Final = 1e-4

#: The fixed filters: cosines in a Gaussian window (Gabor), one a period and direction.
SIDE: Final = 8
STRIDE: Final = 4
PERIODS: Final = (2.2, 3.0, 4.0, 5.5, 8.0)
DIRECTIONS: Final = 4


def texture_bank() -> npt.NDArray[np.float32]:
    """Kernels (8, 8, 2, 20) that answer to structure repeating every 2 to 8 cells.

    They see the failing shares alone, sum to 0 (an even area gives no answer) and their absolute
    values to 2, so an answer lies in [-1, 1].
    """
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    window = np.exp(-(x**2 + y**2) / (2 * (SIDE / 4) ** 2))
    kernels = []
    # Directions outside: those at right angles then stand half the bank apart, like copies do.
    for direction in range(DIRECTIONS):
        angle = np.pi * direction / DIRECTIONS
        along = x * np.cos(angle) + y * np.sin(angle)
        for period in PERIODS:
            kernel = window * np.cos(2 * np.pi * along / period)
            kernel -= window * kernel.sum() / window.sum()
            kernels.append(kernel * 2 / np.abs(kernel).sum())
    bank = np.zeros((SIDE, SIDE, encoding.PLANES, len(kernels)), np.float32)
    bank[:, :, 0, :] = np.stack(kernels, axis=-1)
    return bank


def _seen_by_texture(
    wafer: keras.KerasTensor,
) -> tuple[keras.KerasTensor, npt.NDArray[np.float32], tuple[int, int]]:
    """What the filters are laid over, as which kernels, and by which steps.

    Four cells of a row lie side by side in memory with their planes: read as one cell of eight
    planes the answers are the same numbers, and XNNPACK, which handles a cell's planes eight at a
    time, takes less than half as long.
    """
    from keras import ops

    bank, size, planes = texture_bank(), wafer.shape[1], wafer.shape[-1]
    if size % STRIDE:
        return wafer, bank, (STRIDE, STRIDE)
    # As much is padded on each side: half a kernel less half a step, half of a wide cell.
    left = (SIDE - STRIDE) // 2
    kernels = np.zeros((SIDE, 3 * STRIDE, *bank.shape[2:]), np.float32)
    kernels[:, STRIDE - left : STRIDE - left + SIDE] = bank
    kernels = kernels.reshape(SIDE, 3, STRIDE * planes, -1)
    return ops.reshape(wafer, (-1, size, size // STRIDE, STRIDE * planes)), kernels, (STRIDE, 1)


def with_embedding(
    network: keras.Model, planes: npt.NDArray[np.uint8], classes: npt.NDArray[np.intp]
) -> keras.Model:
    """The network with the outputs ``logits`` (patterns,) and ``embedding`` (size,).

    Args:
        network: Float network with one output, plain layers.
        planes: Encoded training wafers, uint8 (W, size, size, 2).
        classes: Their classes, (W,).

    Raises:
        DataError: every class has less than two wafers.
    """
    import keras
    from keras import layers

    copies = COPIES.get(network.name, 1)
    network = _named_shortly(network)
    pooled = _pooled(network)
    groups = _values(keras.Model(network.input, pooled), planes)
    scaled, columns = [], []
    for index, (tensor, values) in enumerate(zip(pooled, groups, strict=True)):
        kernel, bias = _standardised(values, copies if index else 2)
        scale = layers.Conv2D(kernel.shape[1], 1, name=f"scaled_{index}")
        scaled.append(scale(tensor))
        scale.set_weights([kernel[np.newaxis, np.newaxis].astype(np.float32), bias])
        columns.append(values @ kernel + bias)
    features = np.concatenate(columns, axis=1)
    kernel = _whitening(features, classes)
    kernel = kernel[:, : max(FEWEST, round(KEPT * kernel.shape[1]))]
    if kernel.shape[1] == network.output.shape[-1]:  # the two outputs are told apart by their shape
        kernel = kernel[:, 1:]
    stretch = layers.Conv2D(kernel.shape[1], 1, use_bias=False, name="whitened")
    joined = layers.Concatenate(name="features")(scaled) if len(scaled) > 1 else scaled[0]
    # The mean over a single cell: a reshape would drag the batch's size into the graph.
    embedding = layers.GlobalAveragePooling2D(name="embedding")(stretch(joined))
    stretch.set_weights([kernel[np.newaxis, np.newaxis].astype(np.float32)])
    return keras.Model(network.input, [network.output, embedding], name=network.name)


def _named_shortly(network: keras.Model) -> keras.Model:
    """The same network with names like ``conv2d3``.

    A ``.tflite`` keeps the name of every layer several times over: 4 % of a model file.
    """
    import keras

    counts: Counter[str] = Counter()

    def renamed(layer: Any) -> Any:
        kind = type(layer).__name__.lower().replace("batchnormalization", "norm")
        counts[kind] += 1
        name = f"{kind}{counts[kind]}"
        return type(layer).from_config({**layer.get_config(), "name": name})

    # Of a Sequential one, a copy would not know its input.
    plain = keras.Model(network.inputs[0], network.outputs[0])
    copy = keras.models.clone_model(plain, clone_function=renamed)
    copy.set_weights(network.get_weights())
    copy.name = "net"
    return copy


def _pooled(network: keras.Model) -> list[keras.KerasTensor]:
    """Means of texture answers and ReLU maps, (1, 1, n) each."""
    from keras import layers

    wafer, bank, strides = _seen_by_texture(network.input)
    texture = layers.Conv2D(
        bank.shape[-1],
        bank.shape[:2],
        strides=strides,
        padding="same",
        activation="relu",
        use_bias=False,
        trainable=False,
        name="texture",
    )
    tensors = [texture(wafer)]
    texture.set_weights([bank])
    # The first map of each size; those that follow at the same size add next to nothing.
    sizes: dict[tuple[int, ...], keras.KerasTensor] = {}
    for layer in network.layers:
        if _is_map(layer):
            sizes.setdefault(layer.output.shape[1:3], layer.output)
    return [
        layers.GlobalAveragePooling2D(keepdims=True, name=f"mean_{index}")(tensor)
        for index, tensor in enumerate([*tensors, *sizes.values()])
    ]


def _is_map(layer: Any) -> bool:
    import keras

    relu = (
        isinstance(layer, keras.layers.ReLU)
        or getattr(layer, "activation", None) is keras.activations.relu
    )
    return relu and len(layer.output.shape) == 4


def _values(model: keras.Model, planes: npt.NDArray[np.uint8]) -> list[Floats]:
    """Each output (W, n) for these wafers."""
    import keras

    shares = (encoding.to_shares(planes[at : at + 2048]) for at in range(0, len(planes), 2048))
    # Flat: a network without ReLU maps has one output, which comes without a list.
    chunks = [keras.tree.flatten(model.predict(x, batch_size=256, verbose=0)) for x in shares]
    return [
        np.concatenate(parts).reshape(len(planes), -1).astype(np.float64)
        for parts in zip(*chunks, strict=True)
    ]


def _standardised(values: Floats, copies: int) -> tuple[Floats, Floats]:
    """Kernel (n, n / copies) and bias that average the copies of a channel and give mean 0, sd 1.

    Channels are ordered (copy, channel), whether copies are turned kernels or filters at right
    angles. One that hardly changes, as of a dead ReLU, gives 0.
    """
    free = values.shape[1] // copies
    mean_of_copies = np.tile(np.eye(free), (copies, 1)) / copies
    found = values @ mean_of_copies
    spread = found.std(axis=0)
    spread[spread <= STILL * np.abs(found).max(initial=0)] = np.inf
    return mean_of_copies / spread, -found.mean(axis=0) / spread


def _whitening(features: Floats, classes: npt.NDArray[np.intp]) -> Floats:
    """Matrix (n, n) after which the wafers of a class scatter with covariance 1.

    Directions along which they scattered least come first.
    """
    present = [k for k in np.unique(classes) if np.count_nonzero(classes == k) > 1]
    if not present:
        raise DataError("no class has two wafers in the train part: how they scatter is unknown")
    scatter = np.mean(
        [np.atleast_2d(np.cov(features[classes == k], rowvar=False)) for k in present], axis=0
    )
    values, vectors = np.linalg.eigh(scatter)
    stretched: Floats = vectors / np.sqrt(np.maximum(values, 0) + SHRINK)
    return stretched
