"""Which layer pays for int8: quantise each one alone, and leave each one alone out.

A layer that is left out takes its inputs from int8 layers and hands its output to int8 layers, so
leaving it out spares the rounding of its weights and sums, not that of the activations around it.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt

from convert.report.activation_recorder import ActivationRecorder
from convert.report.layer_match import layer_names, layers, match, output
from convert.report.selective import Ranges, Selective
from edge.errors import ModelError, RuntimeUnavailableError
from edge.evaluation import metrics
from edge.model import flatbuffer
from edge.model.float_network import LogitsNetwork
from edge.model.network import Network, Operator
from edge.model.wheels import Backend
from edge.wafer.encoding import Encoded

#: Wafers that are enough to rank layers, and few enough for seconds.
WAFERS: Final = 90

_Shares = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Effect:
    """How far the answers of one network are from those of another.

    Attributes:
        probability_change: Mean absolute difference of the class probabilities, over all wafers and
            classes, 0..1.
        class_changes: Share of wafers whose most probable class differs, 0..1.
    """

    probability_change: float
    class_changes: float


@dataclass(frozen=True)
class LayerSensitivity:
    """What int8 in one layer does to the answers, each against the float network.

    Attributes:
        name: As in ``convert.report.layers``.
        operator: TFLite's name.
        index: Place of the operator in the float network.
        alone: With this layer in int8 and all others in float (enable-one).
        without: With all layers in int8 but this one (disable-one).
        reason: Why it could not be measured; None where it was.
    """

    name: str
    operator: str
    index: int
    alone: Effect | None
    without: Effect | None
    reason: str | None = None


@dataclass(frozen=True)
class Sensitivity:
    """The sensitivity of every layer, and the wafers that it was measured on.

    Attributes:
        layers: In the order of the network.
        all_int8: With every layer in int8 that the quantizer has an int8 form of, against float.
        against_given: The same against the int8 network that was given: near zero when the figures
            speak for that network. None when none was given.
    """

    layers: tuple[LayerSensitivity, ...]
    all_int8: Effect
    against_given: Effect | None
    wafers: int
    seconds: float


def measure(
    float_content: bytes,
    wafers: Encoded,
    *,
    patterns: int,
    int8_content: bytes | None = None,
    temperature: float = 1.0,
    limit: int = WAFERS,
    progress: Callable[[int, int], None] | None = None,
) -> Sensitivity:
    """Measure every layer of a network.

    Args:
        float_content: The float ``.tflite``, with an output (1, patterns) of logits.
        wafers: uint8 (W, size, size, 2), encoded; ``limit`` of them are used, evenly spaced.
        patterns: How many logits there are.
        int8_content: The int8 form in use, which gives the ranges; else these wafers do.
        temperature: What logits are divided by before the softmax.
        limit: Most wafers, at least 1.
        progress: Called with the number of layers measured and of all.

    Raises:
        ModuleNotFoundError: ai-edge-quantizer is not installed.
        ModelError: not a float network with one input and one output of as many logits, one
            that the quantizer cannot take, or the two networks have no layer in common.
        DataError: the wafers are none, or not of the network's input shape.
        RuntimeUnavailableError: LiteRT, which the quantizer needs, does not run here.
    """
    importlib.import_module("ai_edge_quantizer")  # before any work is done
    began = time.monotonic()
    # The quantizer loads LiteRT, and one process runs one runtime.
    recorder = ActivationRecorder(float_content, Backend.LITERT)
    if not recorder.input.is_float:
        raise ModelError("sensitivity is measured from the float network; this one is int8")
    recorder.check(wafers)
    network = recorder.network
    chosen = wafers[np.linspace(0, len(wafers) - 1, min(limit, len(wafers))).astype(np.intp)]
    ranges = recorder.ranges(chosen)
    if int8_content is not None:
        ranges |= _given_ranges(network, flatbuffer.read(int8_content))
    selective = Selective(float_content, network, _logits(network, patterns), ranges)
    answers = partial(_probabilities, patterns=patterns, wafers=chosen, temperature=temperature)
    reference, everything = answers(float_content), answers(selective.everything())
    given = answers(int8_content) if int8_content is not None else None
    found, names = layers(network), layer_names(network)
    measured: list[LayerSensitivity] = []
    for operator in found:
        place = names[operator.index], operator.name, operator.index
        effects = _effects(operator, selective, answers, reference)
        measured.append(LayerSensitivity(*place, *effects))
        if progress:
            progress(len(measured), len(found))
    return Sensitivity(
        tuple(measured),
        _effect(everything, reference),
        _effect(everything, given) if given is not None else None,
        len(chosen),
        time.monotonic() - began,
    )


def _effects(
    operator: Operator,
    selective: Selective,
    answers: Callable[[bytes], _Shares],
    reference: _Shares,
) -> tuple[Effect | None, Effect | None, str | None]:
    """Of one layer alone in int8, of all but it, and why they could not be measured."""
    try:
        single = selective.only(operator)
        if not _is_int8(single):
            return None, None, f"ai-edge-quantizer has no int8 form of {operator.name}"
        without = answers(selective.without(operator))
        return _effect(answers(single), reference), _effect(without, reference), None
    except (ModelError, RuntimeUnavailableError) as error:
        return None, None, str(error)


def _given_ranges(float_network: Network, int8_network: Network) -> Ranges:
    """What the int8 form of each activation can hold, by the float tensor's name."""
    both = [
        (output(float_network, pair.float_operator), output(int8_network, pair.int8_operator))
        for pair in match(float_network, int8_network)
    ]
    float_input = float_network.tensors[float_network.inputs[0]]
    both.append((float_input, int8_network.tensors[int8_network.inputs[0]]))
    limits = np.iinfo(np.int8)
    return {
        tensor.name: (
            (limits.min - form.zero_points[0]) * float(form.scales[0]),
            (limits.max - form.zero_points[0]) * float(form.scales[0]),
        )
        for tensor, form in both
        if form.scales  # an int8 network may keep a float input
    }


def _logits(network: Network, patterns: int) -> int:
    """Which output has a logit a class.

    Raises:
        ModelError: there is none, or there are several.
    """
    wanted = (1, patterns)
    found = [index for index in network.outputs if network.tensors[index].shape == wanted]
    if len(found) != 1:
        raise ModelError(f"the network has {len(found)} outputs of {wanted}, not one")
    return found[0]


def _is_int8(content: bytes) -> bool:
    """Whether anything in the network is int8."""
    tensors = flatbuffer.read(content).tensors.values()
    return any(tensor.dtype == "int8" for tensor in tensors)


def _probabilities(content: bytes, patterns: int, wafers: Encoded, temperature: float) -> _Shares:
    """Class probabilities (W, patterns) of a network of any input and output type."""
    network = LogitsNetwork(content, patterns, Backend.LITERT)
    return metrics.softmax(np.stack([network.run(wafer) for wafer in wafers]) / temperature)


def _effect(shares: _Shares, reference: _Shares) -> Effect:
    return Effect(
        float(np.abs(shares - reference).mean()),
        float((shares.argmax(axis=1) != reference.argmax(axis=1)).mean()),
    )
