"""Convolutions whose kernels are tied over the eight symmetries of the square.

A wafer has no up: a pattern is the same pattern at every quarter turn and in the mirror. A network
of these layers gives exactly the same answer for all eight views (T. Cohen, M. Welling, Group
Equivariant Convolutional Networks, ICML 2016; their group p4m), instead of having to learn it. One
kernel in eight is free, the others are its turned copies; after training they are written out as
plain convolutions, so a station or microcontroller runs an ordinary network.

Channels are ordered (symmetry, channel): index = symmetry * channels + channel.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from edge.wafer.encoding import SYMMETRIES, symmetry


def _table() -> np.ndarray[Any, np.dtype[np.intp]]:
    """``table[h, g]`` is the symmetry inverse(h) * g, found by acting on a labelled square."""
    probe = np.arange(9).reshape(1, 3, 3)
    views = [symmetry(probe, which) for which in range(SYMMETRIES)]
    table = np.empty((SYMMETRIES, SYMMETRIES), np.intp)
    for h in range(SYMMETRIES):
        for relative in range(SYMMETRIES):
            product = symmetry(symmetry(probe, relative), h)
            g = next(i for i in range(SYMMETRIES) if np.array_equal(product, views[i]))
            table[h, g] = relative
    return table


RELATIVE = _table()


def _turn(kernel: Any, which: int) -> Any:
    """One of the eight symmetries on the first two axes of a kernel."""
    if which & 4:
        kernel = ops.swapaxes(kernel, 0, 1)
    if which & 2:
        kernel = ops.flip(kernel, 0)
    if which & 1:
        kernel = ops.flip(kernel, 1)
    return kernel


@keras.saving.register_keras_serializable("wm-edge")
class TiedConv2D(layers.Layer):  # type: ignore[misc]
    """Convolution with tied kernels, no bias (a tied batch norm follows), padding ``same``.

    Exact only where padding is the same on both sides: an even kernel with stride 2 on an even
    side, an odd kernel otherwise.

    Args:
        channels: Free channels; 8 x as many come out.
        kernel: Side of the kernel.
        strides: 1 or 2.
        lift: The input has plain channels (the wafer's planes), not symmetries.
    """

    def __init__(
        self, channels: int, kernel: int, strides: int = 1, *, lift: bool = False, **rest: Any
    ) -> None:
        super().__init__(**rest)
        self.channels, self.kernel, self.strides, self.lift = channels, kernel, strides, lift

    def get_config(self) -> dict[str, Any]:
        """What it was built with."""
        own = {key: getattr(self, key) for key in ("channels", "kernel", "strides", "lift")}
        return {**super().get_config(), **own}

    def build(self, shape: tuple[int, ...]) -> None:
        """Create the free kernel: (side, side, symmetries or 1, channels in, channels out)."""
        inputs = shape[-1] if self.lift else shape[-1] // SYMMETRIES
        copies = 1 if self.lift else SYMMETRIES
        spread = np.sqrt(2 / (self.kernel**2 * copies * inputs))
        self.free = self.add_weight(
            shape=(self.kernel, self.kernel, copies, inputs, self.channels),
            initializer=keras.initializers.TruncatedNormal(stddev=spread),
            name="free",
        )

    def expanded(self) -> Any:
        """The kernel written out: (side, side, all channels in, all channels out)."""
        side, copies, inputs = self.kernel, self.free.shape[2], self.free.shape[3]
        turned = []
        for h in range(SYMMETRIES):
            kernel = _turn(self.free, h)
            if not self.lift:
                kernel = ops.take(kernel, RELATIVE[h], axis=2)
            turned.append(ops.reshape(kernel, (side, side, copies * inputs, self.channels)))
        return ops.concatenate(turned, axis=3)

    def call(self, x: Any) -> Any:
        """Convolve."""
        return ops.conv(x, self.expanded(), strides=self.strides, padding="same")


@keras.saving.register_keras_serializable("wm-edge")
class TiedBatchNormalization(layers.BatchNormalization):  # type: ignore[misc]
    """Batch norm with one mean and scale for the eight copies of a channel."""

    def build(self, shape: tuple[int, ...]) -> None:
        """Build for the free channels."""
        super().build((*shape[:-1], shape[-1] // SYMMETRIES))
        self.input_spec = None  # which super() set for the free channels

    def call(self, x: Any, training: bool | None = None) -> Any:
        """Normalise."""
        _, rows, columns, channels = x.shape
        # Four axes, so that the fused kernel serves: the copies stand beside the columns.
        split = ops.reshape(x, (-1, rows, columns * SYMMETRIES, channels // SYMMETRIES))
        normal = super().call(split, training=training)
        return ops.reshape(normal, (-1, rows, columns, channels))


@keras.saving.register_keras_serializable("wm-edge")
class TiedDense(layers.Dense):  # type: ignore[misc]
    """Dense layer that weighs the eight copies of a feature alike."""

    copies = SYMMETRIES

    def build(self, shape: tuple[int, ...]) -> None:
        """Build for the free features."""
        super().build((*shape[:-1], shape[-1] // self.copies))
        self.input_spec = None

    def call(self, x: Any, *_: Any, **__: Any) -> Any:
        """Weigh the mean over the copies."""
        split = ops.reshape(x, (-1, self.copies, x.shape[-1] // self.copies))
        return super().call(ops.mean(split, axis=1))

    def plain(self) -> list[Any]:
        """Kernel and bias of a plain dense layer that gives the same."""
        kernel, bias = self.get_weights()
        return [np.tile(kernel, (self.copies, 1)) / self.copies, bias]


@keras.saving.register_keras_serializable("wm-edge")
class StandardDense(TiedDense):
    """Such a layer for features of any size: it weighs how many deviations they are off the mean.

    Mean and deviation are not trained; until they are measured they are 0 and 1.

    Args:
        units: Outputs.
        copies: Of each feature; 1 where none are tied.
    """

    def __init__(self, units: int, copies: int = SYMMETRIES, **rest: Any) -> None:
        super().__init__(units, **rest)
        self.copies = copies

    def get_config(self) -> dict[str, Any]:
        """What it was built with."""
        return {**super().get_config(), "copies": self.copies}

    def build(self, shape: tuple[int, ...]) -> None:
        """Build for the free features."""
        super().build(shape)
        free = (shape[-1] // self.copies,)
        self.mean = self.add_weight(shape=free, initializer="zeros", trainable=False, name="mean")
        self.spread = self.add_weight(
            shape=free, initializer="ones", trainable=False, name="spread"
        )

    def standardise(self, features: Any) -> None:
        """Take mean and deviation from features (W, free features)."""
        self.mean.assign(features.mean(axis=0))
        self.spread.assign(features.std(axis=0) + 1e-6)

    def call(self, x: Any, *_: Any, **__: Any) -> Any:
        """Weigh the mean over the copies."""
        split = ops.reshape(x, (-1, self.copies, x.shape[-1] // self.copies))
        standard = (ops.mean(split, axis=1) - self.mean) / self.spread
        return ops.matmul(standard, self.kernel) + self.bias

    def plain(self) -> list[Any]:
        """Kernel and bias of a plain dense layer that gives the same."""
        kernel, bias, mean, spread = self.get_weights()
        scaled = kernel / spread[:, np.newaxis]
        return [np.tile(scaled, (self.copies, 1)) / self.copies, bias - mean @ scaled]


def written_out(model: keras.Model) -> keras.Model:  # noqa: C901 - a case a layer
    """The same network of plain layers; a model of such layers alone comes back as it is."""
    if not any(isinstance(layer, TiedConv2D | StandardDense) for layer in model.layers):
        return model

    def plain(layer: layers.Layer) -> layers.Layer:
        if isinstance(layer, TiedConv2D):
            return layers.Conv2D(
                layer.channels * SYMMETRIES,
                layer.kernel,
                strides=layer.strides,
                padding="same",
                use_bias=False,
                name=layer.name,
            )
        if isinstance(layer, TiedBatchNormalization):
            return layers.BatchNormalization(epsilon=layer.epsilon, name=layer.name)
        if isinstance(layer, TiedDense):
            return layers.Dense(layer.units, name=layer.name)
        if isinstance(layer, layers.Dropout):
            return layers.Identity(name=layer.name)
        return layer.__class__.from_config(layer.get_config())

    copy = keras.models.clone_model(model, clone_function=plain)
    for layer in model.layers:
        target = copy.get_layer(layer.name)
        if isinstance(layer, TiedConv2D):
            target.set_weights([ops.convert_to_numpy(layer.expanded())])
        elif isinstance(layer, TiedBatchNormalization):
            target.set_weights([np.tile(values, SYMMETRIES) for values in layer.get_weights()])
        elif isinstance(layer, TiedDense):
            target.set_weights(layer.plain())
        elif layer.get_weights():
            target.set_weights(layer.get_weights())
    return copy
