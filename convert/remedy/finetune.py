"""Fine-tuning with int8's rounding in the loop, taught by the float network itself.

The student is the float network with its batch norms folded. Its activations pass layers that
round them to ranges that move with training; its kernels are rounded as the converter will, and
gradients pass that rounding straight through (B. Jacob et al., Quantization and Training of Neural
Networks for Efficient Integer-Arithmetic-Only Inference, CVPR 2018). It learns to give the float
network's outputs, so it needs wafers but no labels.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import numpy.typing as npt
from keras import layers, ops

from convert.quantise import Calibration, quantise, thinned
from convert.remedy import graph
from convert.remedy.clipping import CHOICES, measure, ranges
from convert.report.activation_recorder import Range
from edge.wafer import encoding

if TYPE_CHECKING:
    from convert.remedy.search import Build

#: Steps of the fine-tuning, wafers in each, and the first learning rate (it falls to 0).
STEPS = 400
BATCH = 64
RATE = 1e-3

#: Wafers that choose the first ranges and tell how far each output spreads.
_JUDGED_ON = 256

#: Weight of an output that is not the logits.
_BESIDE = 0.1

#: Keeps an output that never changes from a division by 0.
_TINY = 1e-12

#: Steps between two lines of progress.
_TOLD = 100


def remedies(
    network: keras.Model,
    calibration: Calibration,
    wafers: npt.NDArray[np.uint8],
    tell: Callable[[str], None],
    seed: int,
) -> Iterator[tuple[str, Build]]:
    """One: fine-tuning, then the ordinary conversion with the ranges it found."""

    def build() -> tuple[bytes, str]:
        tuned = fine_tuned(network, calibration.planes, wafers, seed=seed, tell=tell)
        return quantise(tuned, calibration), f"{STEPS} steps of {BATCH} wafers"

    yield "fine-tuned", build


def fine_tuned(
    network: keras.Model,
    calibration: npt.NDArray[np.uint8],
    wafers: npt.NDArray[np.uint8],
    *,
    steps: int = STEPS,
    rate: float = RATE,
    seed: int = 0,
    tell: Callable[[str], None] = lambda _: None,
) -> keras.Model:
    """Teach a folded network to live with int8.

    Args:
        network: Folded; the teacher, left as it is.
        calibration: Wafers that set the first ranges, uint8 (W, size, size, 2).
        wafers: Wafers to learn on, of the same form.
        steps: Steps of gradient descent.
        rate: First learning rate of Adam; it falls to 0 along a cosine.
        seed: Chooses the wafers of each step.
        tell: Receives progress, a line at a time.

    Returns:
        The student with layers that carry the ranges it ended with, ready for ``quantise``.
    """
    import tensorflow as tf

    first = first_ranges(network, calibration)
    student = graph.with_ranges(network, first, movable=True)
    wrap = [_rounding(variable, student) for variable in student.trainable_variables]
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(rate, steps))
    optimizer.build(student.trainable_variables)
    scales = _scales(network, calibration)

    @tf.function(autograph=False)  # type: ignore[untyped-decorator]
    def step(shares: Any) -> Any:
        wanted = keras.tree.flatten(network(shares, training=False))
        with tf.GradientTape() as tape:
            values = [
                rounded(variable)
                for rounded, variable in zip(wrap, student.trainable_variables, strict=True)
            ]
            found, _ = student.stateless_call(
                values, student.non_trainable_variables, shares, training=False
            )
            loss = _distance(wanted, keras.tree.flatten(found), scales)
        variables = [variable.value for variable in student.trainable_variables]
        optimizer.apply(tape.gradient(loss, variables), student.trainable_variables)
        return loss

    rng = np.random.default_rng(seed)
    for number in range(1, steps + 1):
        chosen = rng.integers(0, len(wafers), min(BATCH, len(wafers)))
        loss = float(step(ops.convert_to_tensor(encoding.to_shares(wafers[chosen]))))
        if number % _TOLD == 0:
            tell(
                f"fine-tuning: step {number} of {steps}, error {loss:.2g} of the outputs' variance"
            )
    return _learned(network, student, first)


def _learned(network: keras.Model, student: keras.Model, names: Collection[str]) -> keras.Model:
    """The network with the student's weights, and its ranges at the named layers."""
    last = {name: student.get_layer(f"{name}_int8").moved() for name in names}
    result = graph.copy(network)
    for layer in result.layers:
        if layer.weights:
            layer.set_weights(student.get_layer(layer.name).get_weights())
    return graph.with_ranges(result, last)


def first_ranges(network: keras.Model, planes: npt.NDArray[np.uint8]) -> dict[str, Range]:
    """Of the ranges that clip, those that cost the outputs least before any learning."""
    measured = measure(network, planes)
    shares = encoding.to_shares(thinned(planes, _JUDGED_ON))
    wanted, scales = keras.tree.flatten(network(shares)), _scales(network, planes)

    def cost(candidate: dict[str, Range]) -> float:
        return float(
            _distance(
                wanted, keras.tree.flatten(graph.with_ranges(network, candidate)(shares)), scales
            )
        )

    return min((ranges(network, measured, choose) for choose in CHOICES.values()), key=cost)


def _scales(network: keras.Model, planes: npt.NDArray[np.uint8]) -> list[float]:
    """Factor of each output's squared error: one over its spread, so that they compare.

    What is not the logits counts a tenth: the gate judges classes.
    """
    outputs = keras.tree.flatten(network(encoding.to_shares(thinned(planes, _JUDGED_ON))))
    weights = [1.0] + [_BESIDE] * (len(outputs) - 1)
    return [
        weight / (float(ops.mean(ops.var(out, axis=0))) + _TINY)
        for weight, out in zip(weights, outputs, strict=True)
    ]


def _distance(wanted: list[Any], found: list[Any], scales: list[float]) -> Any:
    """Weighted sum of the outputs' mean squared errors."""
    return sum(
        scale * ops.mean(ops.square(one - two))
        for one, two, scale in zip(wanted, found, scales, strict=True)
    )


def _rounding(variable: Any, network: keras.Model) -> Callable[[Any], Any]:
    """How the converter will round a variable: kernels to int8, all others not at all.

    A convolution has a scale a channel, a dense layer one for all; a depthwise one gets here one an
    input channel, which is the same where each has one output.
    """
    for layer in network.layers:
        if isinstance(layer, graph.LINEAR) and variable is layer.weights[0]:
            dense = isinstance(layer, layers.Dense)
            depthwise = isinstance(layer, layers.DepthwiseConv2D)
            return functools.partial(_rounded, axis=None if dense else 2 if depthwise else 3)
    return ops.convert_to_tensor


def _rounded(kernel: Any, axis: int | None) -> Any:
    value = ops.convert_to_tensor(kernel)
    others = None if axis is None else [i for i in range(len(value.shape)) if i != axis]
    highest = ops.maximum(ops.stop_gradient(ops.max(ops.abs(value), axis=others)), 1e-9)
    return keras.quantizers.fake_quant_with_min_max_vars(
        value, -highest, highest, narrow_range=True, axis=axis
    )
