"""The networks, by name. Each takes (size, size, 2) shares in [0, 1] and gives a logit a pattern.

There is no softmax inside: the station applies it with the model file's temperature, and int8
logits keep more of the probability than int8 probabilities would.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from edge.errors import UsageError
from edge.model.metadata import Layout
from edge.wafer.encoding import PLANES, SIZE
from edge.wafer.patterns import PATTERNS
from train.network.layout import kernels, layout_of

if TYPE_CHECKING:
    import keras

InputShape = tuple[int, int, int]


class Head(str, Enum):
    """Which maps the last layers see, by their averages and largest values over the wafer.

    All serve few wafers better: what their patterns differ in, the last maps may not tell.
    """

    LAST = "last"
    ALL = "all"


def build(
    name: str,
    input_shape: InputShape = (SIZE, SIZE, PLANES),
    l2: float = 0.0,
    dropout: float = 0.0,
    patterns: int = len(PATTERNS),
    head: Head = Head.LAST,
    layout: Layout | None = None,
) -> keras.Model:
    """Build an untrained network.

    Args:
        name: A key of ``NETWORKS``.
        input_shape: Rows, columns, planes.
        l2: L2 penalty on the kernels of the seed networks (the seed used it); ours take decoupled
            weight decay from the optimiser instead.
        dropout: Share of the embedding dropped before the last layer while training (ours only).
        patterns: Logits.
        head: Which maps the last layers see.
        layout: How wide and deep it is, from ``layout_of``; None: as its own is.

    Raises:
        UsageError: unknown name, or a seed network with another head than its own.
    """
    if name not in NETWORKS:
        raise UsageError(f"no network named {name!r}; known: {', '.join(NETWORKS)}")
    return NETWORKS[name](input_shape, l2, dropout, patterns, head, layout or layout_of(name))


def _reference(
    input_shape: InputShape,
    l2: float,
    dropout: float,
    patterns: int,
    head: Head,
    layout: Layout | None,
    *,
    widths: tuple[int, ...],
    pool: int,
    norm: bool,
) -> keras.Model:
    """The seed's models: 3x3 convolutions, max pools, global max pool, dense; no dropout."""
    import keras
    from keras import layers

    if head is not Head.LAST:
        raise UsageError(f"the seed's networks have no head but {Head.LAST.value!r}")
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


def residual(
    input_shape: InputShape, l2: float, dropout: float, patterns: int, head: Head, layout: Layout
) -> keras.Model:
    """Plain convolutions with residual blocks: the fastest int8 for its accuracy on PC and Pi."""
    import keras
    from keras import layers

    def conv(
        x: keras.KerasTensor, width: int, kernel: int, stride: int = 1, *, relu: bool = True
    ) -> keras.KerasTensor:
        x = layers.Conv2D(width, kernel, strides=stride, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization()(x)
        return layers.ReLU()(x) if relu else x

    from train.network.equivariant import StandardDense

    inputs = keras.Input(input_shape, name="wafer")
    maps = [ends[-1] for ends in _blocks(inputs, layout, conv, tied=False)]
    if head is Head.ALL:
        dense = functools.partial(StandardDense, patterns, copies=1)
        logits = _summed(maps, dense, dropout)
        return keras.Model(inputs, logits, name="residual")
    x = maps[-1]
    pooled = [layers.GlobalAveragePooling2D()(x), layers.GlobalMaxPooling2D()(x)]
    x = layers.Concatenate(name="embedding")(pooled)
    if dropout:
        x = layers.Dropout(dropout)(x)
    return keras.Model(inputs, layers.Dense(patterns, name="logits")(x), name="residual")


def equivariant(
    input_shape: InputShape, l2: float, dropout: float, patterns: int, head: Head, layout: Layout
) -> keras.Model:
    """Residual network that gives the same answer for all eight views, by tied kernels."""
    import keras
    from keras import layers

    from train.network.equivariant import (
        StandardDense,
        TiedBatchNormalization,
        TiedConv2D,
        TiedDense,
    )

    def conv(
        x: keras.KerasTensor, channels: int, kernel: int, stride: int = 1, *, relu: bool = True
    ) -> keras.KerasTensor:
        x = TiedConv2D(channels, kernel, stride, lift=x is inputs)(x)
        x = TiedBatchNormalization()(x)
        return layers.ReLU()(x) if relu else x

    inputs = keras.Input(input_shape, name="wafer")
    maps = [each for ends in _blocks(inputs, layout, conv, tied=True) for each in ends]
    if head is Head.ALL:
        logits = _summed(maps, functools.partial(StandardDense, patterns), dropout)
    else:
        logits = _summed(maps[-1:], functools.partial(TiedDense, patterns), dropout)
    return keras.Model(inputs, logits, name="symmetric")


def _blocks(
    x: keras.KerasTensor, layout: Layout, conv: Callable[..., Any], *, tied: bool
) -> Iterator[list[keras.KerasTensor]]:
    """The maps of each stage's first convolution, and of each residual block: inside and behind."""
    from keras import layers

    sides = kernels(layout, x.shape[1], tied=tied)
    rows = zip(layout.widths, layout.blocks, layout.strides, sides, strict=True)
    for width, blocks, stride, side in rows:
        x = conv(x, width, side, stride)
        yield [x]
        for _ in range(blocks):
            inside = conv(x, width, 3)
            x = layers.ReLU()(layers.Add()([x, conv(inside, width, 3, relu=False)]))
            yield [inside, x]


def _summed(
    maps: Sequence[keras.KerasTensor], dense: Callable[[], Any], dropout: float
) -> keras.KerasTensor:
    """Logits as a sum over the averages and largest values of maps.

    A layer for each, not one for all side by side: int8 would give all of them one scale.
    """
    from keras import layers

    pools = (layers.GlobalAveragePooling2D, layers.GlobalMaxPooling2D)
    pooled = [pool()(tensor) for tensor in maps for pool in pools]
    if dropout:
        pooled = [layers.Dropout(dropout)(values) for values in pooled]
    return layers.Add(name="logits")([dense()(values) for values in pooled])


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


NETWORKS: dict[str, Callable[[InputShape, float, float, int, Head, Any], keras.Model]] = {
    # Its models 0 and 6.
    "seed-initial": functools.partial(_reference, widths=(32, 64, 128), pool=3, norm=False),
    "seed-final": functools.partial(_reference, widths=(16, 32, 64), pool=2, norm=True),
    "residual": residual,
    "symmetric": equivariant,
}
