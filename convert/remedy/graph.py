"""The float network as int8 sees it: batch norms folded away, places where values are rounded.

Imports Keras at once; import it where it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import layers

from convert.report.activation_recorder import Range
from edge.wafer import encoding

#: Layers with a kernel.
LINEAR = (layers.Conv2D, layers.DepthwiseConv2D, layers.Dense)

#: Layers that do nothing at a station.
_IDLE = (layers.Dropout, layers.SpatialDropout2D, layers.Identity)

#: Layers that hand values on with the scale and zero point they came with.
_HAND_ON = (
    layers.InputLayer,
    layers.MaxPooling2D,
    layers.GlobalMaxPooling2D,
    layers.Flatten,
    layers.Reshape,
    layers.ZeroPadding2D,
    layers.Cropping2D,
)

#: Steps between the 256 levels of int8.
_STEPS = 255

#: How much faster than a weight the logarithm of a range learns.
_HASTE = 20.0

#: Wafers that go through the network at once.
_BATCH = 64


def folded(network: keras.Model) -> keras.Model:
    """A copy with each batch norm folded into the layer before it, as the converter does.

    Without layers that serve training alone; the outputs stay in their order. A batch norm that
    follows anything but a linear layer of its own stays.
    """
    (entry,) = network.inputs
    source = copy(keras.Model(entry, network.outputs))
    using = consumers(source)
    norms = {
        using[layer.name][0].name: layer.name
        for layer in source.layers
        if isinstance(layer, LINEAR) and _is_norm(using[layer.name]) and activation(layer) is None
    }
    behind = set(norms.values())

    def make(layer: layers.Layer) -> layers.Layer:
        config = layer.get_config()
        if layer.name in behind:
            config["use_bias"] = True
        return layer.__class__.from_config(config)

    def call(layer: layers.Layer, *values: Any, **options: Any) -> Any:
        if layer.name in norms or isinstance(layer, _IDLE):
            return values[0]
        return layer(*values, **options)

    result = keras.models.clone_model(source, clone_function=make, call_function=call)
    weights = {layer.name: layer.get_weights() for layer in source.layers}
    for norm, linear in norms.items():
        weights[linear] = _fold(source.get_layer(linear), source.get_layer(norm))
    for layer in result.layers:
        layer.set_weights(weights[layer.name])
    return result


def _is_norm(using: list[Any]) -> bool:
    return (
        len(using) == 1
        and isinstance(using[0], layers.BatchNormalization)
        and using[0].axis in {-1, len(using[0].input.shape) - 1}
    )


def _fold(linear: layers.Layer, norm: layers.Layer) -> list[npt.NDArray[np.float32]]:
    kernel, *rest = linear.get_weights()
    spread = np.sqrt(keras.ops.convert_to_numpy(norm.moving_variance) + norm.epsilon)
    factor = (keras.ops.convert_to_numpy(norm.gamma) if norm.scale else 1.0) / spread
    shift = keras.ops.convert_to_numpy(norm.beta) if norm.center else 0.0
    bias = (rest[0] if rest else 0.0) - keras.ops.convert_to_numpy(norm.moving_mean)
    # A depthwise kernel has its output channels on two axes: channel in, multiple.
    axes = 2 if isinstance(linear, layers.DepthwiseConv2D) else 1
    return [kernel * factor.reshape(kernel.shape[-axes:]), bias * factor + shift]


def copy(
    network: keras.Model,
    call: Callable[..., Any] = lambda layer, *a, **k: layer(*a, **k),
    inputs: keras.KerasTensor | None = None,
) -> keras.Model:
    """The same layers with the same weights, called by ``call(layer, *inputs, **options)``."""
    result = keras.models.clone_model(network, input_tensors=inputs, call_function=call)
    for layer in network.layers:
        if layer.weights:
            result.get_layer(layer.name).set_weights(layer.get_weights())
    return result


def consumers(network: keras.Model) -> dict[str, list[Any]]:
    """By layer name, the layers that read its output; None stands for a network output."""
    source = {
        id(tensor): layer.name
        for layer in network.operations
        for tensor in keras.tree.flatten(layer.output)
    }
    found: dict[str, list[Any]] = {layer.name: [] for layer in network.operations}
    for layer in network.operations:
        if not isinstance(layer, layers.InputLayer):
            for tensor in keras.tree.flatten(layer.input):
                found[source[id(tensor)]].append(layer)
    for tensor in network.outputs:
        found[source[id(tensor)]].append(None)
    return found


def activation(layer: Any) -> str | None:
    """Name of the activation that is part of a layer, None for none."""
    name = getattr(getattr(layer, "activation", None), "__name__", None)
    return None if name == "linear" else name


def is_relu(layer: Any) -> bool:
    """Whether a layer is a plain ReLU, which the converter fuses into the one before it."""
    if isinstance(layer, layers.ReLU):
        return layer.max_value is None and not layer.negative_slope and not layer.threshold
    return isinstance(layer, layers.Activation) and activation(layer) == "relu"


def points(network: keras.Model) -> list[str]:
    """Names of the layers of a folded network whose output int8 rounds with a range of its own.

    Not among them: a layer whose ReLU is fused into it, and one that only hands values on.
    """
    using = consumers(network)
    return [
        layer.name
        for layer in network.layers
        if not isinstance(layer, _HAND_ON) and not _is_fused(layer, using[layer.name])
    ]


def _is_fused(layer: layers.Layer, using: list[Any]) -> bool:
    return len(using) == 1 and is_relu(using[0]) and not is_relu(layer)


def outputs(network: keras.Model) -> set[str]:
    """Names of the layers whose output is one of the network's."""
    return {name for name, using in consumers(network).items() if None in using}


def activations(network: keras.Model, names: Collection[str], planes: npt.NDArray[np.uint8]) -> Any:
    """Outputs of the named layers, a batch of wafers at a time.

    Yields:
        Layer name -> float32 (wafers of the batch, ...).
    """
    recorded = keras.Model(network.input, {name: network.get_layer(name).output for name in names})
    for start in range(0, len(planes), _BATCH):
        shares = encoding.to_shares(planes[start : start + _BATCH])
        yield {name: np.asarray(value) for name, value in recorded(shares).items()}


@keras.saving.register_keras_serializable("wm-edge")
class FakeQuant(layers.Layer):  # type: ignore[misc]
    """Rounds to the 256 levels of a range, as int8 will.

    The converter takes the range from a layer that is not movable. In a movable one, training can
    stretch or shrink the range: the gradient weighs what is clipped against how coarse the steps
    are (S. Esser et al., Learned Step Size Quantization, ICLR 2020).

    Args:
        lowest: Lower end of the range, at most 0.
        highest: Upper end, at least 0, not both.
        movable: Whether training may move the range.
    """

    def __init__(
        self, lowest: float, highest: float, *, movable: bool = False, **rest: Any
    ) -> None:
        super().__init__(**rest)
        self.lowest, self.highest, self.movable = lowest, highest, movable

    def build(self, shape: tuple[int, ...]) -> None:
        """Create the logarithm of the stretch: one learning rate suits ranges of any size."""
        if self.movable:
            self.stretch = self.add_weight(shape=(), initializer="zeros", name="stretch")

    def call(self, values: Any) -> Any:
        """Round."""
        if not self.movable:
            return keras.quantizers.fake_quant_with_min_max_vars(values, self.lowest, self.highest)
        step = (self.highest - self.lowest) / _STEPS * keras.ops.exp(_HASTE * self.stretch)
        zero = round(-self.lowest / (self.highest - self.lowest) * _STEPS)
        level = keras.ops.clip(values / step, -zero, _STEPS - zero)
        return (level + keras.ops.stop_gradient(keras.ops.round(level) - level)) * step

    def moved(self) -> Range:
        """The range as training left it."""
        stretch = float(np.exp(_HASTE * self.stretch.numpy())) if self.movable else 1.0
        return self.lowest * stretch, self.highest * stretch


def with_ranges(
    network: keras.Model, ranges: Mapping[str, Range], *, movable: bool = False
) -> keras.Model:
    """A copy of a folded network that rounds the output of each named layer to its range."""

    def call(layer: layers.Layer, *values: Any, **options: Any) -> Any:
        result = layer(*values, **options)
        if layer.name not in ranges:
            return result
        return FakeQuant(*ranges[layer.name], movable=movable, name=f"{layer.name}_int8")(result)

    return copy(network, call)
