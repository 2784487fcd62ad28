"""The networks, by name. Each takes (size, size, 2) shares in [0, 1] and gives a logit a pattern.

There is no softmax inside: the station applies it with the model file's temperature, and int8
logits keep more of the probability than int8 probabilities would.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from edge.errors import UsageError
from edge.wafer.encoding import PLANES, SIZE
from edge.wafer.patterns import PATTERNS

if TYPE_CHECKING:
    import keras

InputShape = tuple[int, int, int]


def build(
    name: str,
    input_shape: InputShape = (SIZE, SIZE, PLANES),
    l2: float = 0.0,
    dropout: float = 0.0,
    patterns: int = len(PATTERNS),
) -> keras.Model:
    """Build an untrained network.

    Args:
        name: A key of ``NETWORKS``.
        input_shape: Rows, columns, planes.
        l2: L2 penalty on the kernels of the seed networks (the seed used it); ours take decoupled
            weight decay from the optimiser instead.
        dropout: Share of the embedding dropped before the last layer while training (ours only).
        patterns: Logits.

    Raises:
        UsageError: unknown name.
    """
    if name not in NETWORKS:
        raise UsageError(f"no network named {name!r}; known: {', '.join(NETWORKS)}")
    return NETWORKS[name](input_shape, l2, dropout, patterns)


def _reference(
    input_shape: InputShape,
    l2: float,
    dropout: float,
    patterns: int,
    *,
    widths: tuple[int, ...],
    pool: int,
    norm: bool,
) -> keras.Model:
    """The seed's models: 3x3 convolutions, max pools, global max pool, dense; no dropout."""
    import keras
    from keras import layers

    decay = keras.regularizers.L2(l2) if l2 else None
    inputs = x = keras.Input(input_shape, name="wafer")
    for index, width in enumerate(widths):
        x = layers.Conv2D(width, 3, padding="same", kernel_regularizer=decay)(x)
        if norm:
            x = layers.BatchNormalization()(x)
        x = layers.ReLU()(x)
        if index + 1 < len(widths):
            x = layers.MaxPooling2D(pool)(x)
    x = layers.GlobalMaxPooling2D(name="embedding")(x)
    outputs = layers.Dense(patterns, kernel_regularizer=decay, name="logits")(x)
    return keras.Model(inputs, outputs, name="seed-final" if norm else "seed-initial")


def residual(input_shape: InputShape, l2: float, dropout: float, patterns: int) -> keras.Model:
    """Plain convolutions with residual blocks: the fastest int8 for its accuracy on PC and Pi."""
    import keras
    from keras import layers

    def conv(
        x: keras.KerasTensor, width: int, kernel: int, stride: int = 1, *, relu: bool = True
    ) -> keras.KerasTensor:
        x = layers.Conv2D(width, kernel, strides=stride, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization()(x)
        return layers.ReLU()(x) if relu else x

    inputs = keras.Input(input_shape, name="wafer")
    x = conv(inputs, 24, 5, 2)
    for width in (32, 48):
        x = conv(x, width, 3, 2)
        y = conv(conv(x, width, 3), width, 3, relu=False)
        x = layers.ReLU()(layers.Add()([x, y]))
    pooled = [layers.GlobalAveragePooling2D()(x), layers.GlobalMaxPooling2D()(x)]
    x = layers.Concatenate(name="embedding")(pooled)
    if dropout:
        x = layers.Dropout(dropout)(x)
    return keras.Model(inputs, layers.Dense(patterns, name="logits")(x), name="residual")


def equivariant(input_shape: InputShape, l2: float, dropout: float, patterns: int) -> keras.Model:
    """Residual network that gives the same answer for all eight views, by tied kernels."""
    import keras
    from keras import layers

    from train.network.equivariant import TiedBatchNormalization, TiedConv2D, TiedDense

    def conv(
        x: keras.KerasTensor, channels: int, kernel: int, stride: int = 1, *, relu: bool = True
    ) -> keras.KerasTensor:
        lift = x.shape[-1] == input_shape[-1]
        x = TiedConv2D(channels, kernel, stride, lift=lift)(x)
        x = TiedBatchNormalization()(x)
        return layers.ReLU()(x) if relu else x

    inputs = keras.Input(input_shape, name="wafer")
    x = conv(conv(inputs, 4, 4, 2), 6, 4, 2)
    y = conv(conv(x, 6, 3), 6, 3, relu=False)
    x = conv(layers.ReLU()(layers.Add()([x, y])), 8, 3, 2)
    average, largest = layers.GlobalAveragePooling2D()(x), layers.GlobalMaxPooling2D()(x)
    if dropout:
        average, largest = layers.Dropout(dropout)(average), layers.Dropout(dropout)(largest)
    logits = layers.Add(name="logits")([TiedDense(patterns)(average), TiedDense(patterns)(largest)])
    return keras.Model(inputs, logits, name="symmetric")


def finished(model: keras.Model, offsets: npt.NDArray[np.float64]) -> keras.Model:
    """The network as it goes to a station: plain layers, logits lowered by ``offsets``.

    Args:
        model: Trained, possibly with tied layers; left as it is.
        offsets: One number a class, taken off its logit.
    """
    import keras

    from train.network.equivariant import written_out

    plain = written_out(model)
    if not offsets.any():
        return plain
    copy = keras.models.clone_model(plain)
    copy.set_weights(plain.get_weights())
    last = next(layer for layer in reversed(copy.layers) if isinstance(layer, keras.layers.Dense))
    kernel, bias = last.get_weights()
    last.set_weights([kernel, bias - offsets])
    return copy


NETWORKS: dict[str, Callable[[InputShape, float, float, int], keras.Model]] = {
    # Its models 0 and 6.
    "seed-initial": functools.partial(_reference, widths=(32, 64, 128), pool=3, norm=False),
    "seed-final": functools.partial(_reference, widths=(16, 32, 64), pool=2, norm=True),
    "residual": residual,
    "symmetric": equivariant,
}
