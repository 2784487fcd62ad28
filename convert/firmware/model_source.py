"""``wm_model.h`` and ``wm_model.c``: a model file's names, thresholds and network as C."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from convert.firmware import csource, lower
from convert.firmware.memory_plan import Plan, plan
from convert.firmware.rounding import Rounding
from convert.firmware.sources import template
from convert.firmware.step import Call
from edge.errors import ModelError
from edge.model.model_file import ModelFile
from edge.model.network import Network
from edge.verdict.rule import MIN_FAILS
from edge.wafer import encoding

#: An int8 logit lies at most so many steps under the largest one, plus the 0.
_STEPS: Final = 256


def outputs_of(model: ModelFile, network: Network) -> tuple[int, int]:
    """Places of logits and embedding among the outputs, told apart by their shape.

    Raises:
        ModelError: one of them is not there.
    """
    shapes = [network.tensors[number].shape for number in network.outputs]
    wanted = ((1, len(model.labels)), (1, model.metadata.embedding.size))
    for shape in wanted:
        if shape not in shapes:
            raise ModelError(f"{model.path}: it has no output of the shape {shape}")
    return shapes.index(wanted[0]), shapes.index(wanted[1])


def network_of(
    model: ModelFile, network: Network, rounding: Rounding = Rounding.LITERT
) -> PreparedNetwork:
    """The network of a model file, lowered and planned.

    Raises:
        ModelError: an output is not there, or an operator that no firmware is made for.
    """
    logits, embedding = (network.outputs[place] for place in outputs_of(model, network))
    return prepare(network, logits, embedding, rounding)


def header(model: ModelFile, arena: int) -> str:
    """``wm_model.h``.

    ``arena``: bytes of memory that its network needs.
    """
    review, labels = model.review, model.labels
    none = model.patterns.none
    embedding, mixed = model.metadata.embedding, model.metadata.review.mixed
    weights = np.asarray(mixed.weights, np.float64)
    bias = mixed.bias - embedding.scale * embedding.zero_point * float(weights.sum())
    defines = {
        "WM_SIDE": model.metadata.encoding.size,
        "WM_PLANES": encoding.PLANES,
        "WM_ENCODED_BYTES": "(WM_SIDE * WM_SIDE * WM_PLANES)",
        "WM_CLASSES": len(labels),
        "WM_EMBEDDING": embedding.size,
        "WM_ARENA_BYTES": arena,
        "WM_SHA256_BYTES": 32,
        "WM_LOGIT_STEPS": _STEPS,
        "WM_NONE": 0 if none is None else labels.index(none),
    }
    thresholds = {
        "WM_EMBEDDING_SCALE": embedding.scale,
        "WM_MIXED_BIAS": bias,
        "WM_MIXED_ABOVE": review.mixed_above,
        "WM_UNFAMILIAR_ABOVE": review.unfamiliar_above,
        "WM_MIN_DIES": float(review.min_dies),
        "WM_MIN_FAILS": float(0 if none is None else MIN_FAILS),
    }
    texts = {
        "TITLE": _title(model),
        "SIZES": _defines(defines),
        "THRESHOLDS": _defines({name: f"({value!r})" for name, value in thresholds.items()}),
    }
    return template("wm_model.h", texts)


def _defines(values: Mapping[str, object]) -> str:
    return "".join(f"#define {name} {value}\n" for name, value in values.items())


def body(model: ModelFile, network: PreparedNetwork | None) -> str:
    """``wm_model.c``: names and verdict tables, and the network where it is not another's."""
    tables = (_title(model), '#include "wm_model.h"\n\n', _names(model), _judgement(model))
    return "".join((*tables, "\n" + source(network) if network else ""))


def _title(model: ModelFile) -> str:
    notice = model.metadata.notice
    return csource.comment(
        [
            f"The model file {model.metadata.name}, sha256 {model.sha256},",
            "as wm-edge export-firmware wrote it. Do not edit: export it again.",
            *(notice.splitlines() if isinstance(notice, str) else notice),
        ]
    )


def _names(model: ModelFile) -> str:
    labels = ", ".join(map(csource.string, model.labels))
    digest = np.frombuffer(bytes.fromhex(model.sha256), np.uint8)
    return (
        f"const char wm_model_name[] = {csource.string(model.metadata.name)};\n"
        f"const char *const wm_labels[WM_CLASSES] = {{{labels}}};\n\n"
        f"{csource.array('wm_model_sha256', digest, scope='')}\n"
    )


def _judgement(model: ModelFile) -> str:
    return "\n".join(csource.array(name, values, scope="") for name, values in _tables(model))


def _tables(model: ModelFile) -> Iterator[tuple[str, npt.NDArray[np.float64]]]:
    """The numbers that classifier and familiarity compute from the metadata."""
    review, embedding = model.metadata.review, model.metadata.embedding
    step = model.metadata.output.scale / model.temperature
    means = np.asarray(review.unfamiliar.means, np.float64)
    tables = {
        "wm_powers": [math.exp(-step * below) for below in range(_STEPS)],
        "wm_often": [math.exp(review.log_prior[label]) for label in model.labels],
        "wm_below": [review.below[label] for label in model.labels],
        "wm_means": means / embedding.scale + embedding.zero_point,
        "wm_mixed_weights": embedding.scale * np.asarray(review.mixed.weights, np.float64),
    }
    for name, values in tables.items():
        yield name, np.asarray(values, np.float64)


def constant_bytes(model: ModelFile, network: PreparedNetwork) -> int:
    """Bytes of flash that ``wm_model.c`` takes, without code: weights, tables and names."""
    names = sum(len(name.encode()) + 1 for name in (*model.labels, model.metadata.name))
    tables = sum(values.nbytes for _, values in _tables(model))
    calls = (call for step in network.plan.steps for call in step.calls)
    fields = (value for call in calls for value in call.fields.values())
    return names + tables + sum(one.nbytes for one in fields if isinstance(one, np.ndarray))


@dataclass(frozen=True)
class PreparedNetwork:
    """A network ready to be written: its plan, and the tensors that a caller writes and reads."""

    plan: Plan
    input: int
    logits: int
    embedding: int

    @property
    def kernels(self) -> tuple[str, ...]:
        """Kernels that are called, by name: nothing else need be linked."""
        return tuple(sorted({call.kernel for step in self.plan.steps for call in step.calls}))


def prepare(
    network: Network, logits: int, embedding: int, rounding: Rounding = Rounding.LITERT
) -> PreparedNetwork:
    """Lower a network and plan its memory.

    Args:
        network: One int8 input, int8 outputs.
        logits: Number of an output tensor.
        embedding: Number of an output tensor, perhaps the same.
        rounding: Whose bytes its kernels give.

    Raises:
        ModelError: an operator, option or tensor that no firmware is made for.
    """
    if len(network.inputs) != 1 or network.tensors[network.inputs[0]].dtype != "int8":
        raise ModelError("the network has not one int8 input; no firmware for this model")
    sizes = {tensor.index: tensor.elements for tensor in network.tensors.values()}
    steps = lower.lower(network, rounding)
    planned = plan(steps, sizes, network.inputs, sorted({logits, embedding}))
    return PreparedNetwork(planned, network.inputs[0], logits, embedding)


def source(network: PreparedNetwork) -> str:
    """C of a network: ``wm_run`` and its constants."""
    plan = network.plan
    calls = [call for step in plan.steps for call in step.calls]
    values = {
        "WORDS": -(-plan.size // 4),
        "BYTES": plan.size,
        # What the largest window is copied to.
        "PATCH": f"static int16_t patch[{plan.patch}];\n" if plan.patch else "",
        "CONSTANTS": "".join(
            text for place, call in enumerate(calls) for text in _constants(place, call)
        ),
        "CALLS": "".join(_statements(plan)),
        "INPUT": plan.places[network.input],
        "LOGITS": plan.places[network.logits],
        "EMBEDDING": plan.places[network.embedding],
    }
    return template("network.c", values)


def _constants(place: int, call: Call) -> Iterator[str]:
    members = []
    for name, value in call.fields.items():
        if isinstance(value, np.ndarray):
            yield "\n" + csource.array(f"call{place}_{name}", value)
            members.append(f".{name} = call{place}_{name}")
        else:
            members.append(f".{name} = {csource.number(value)}")
    if call.kernel == "conv_2d":
        members.append(".patch = patch")
    body = ",\n    ".join(members)
    yield f"\nstatic const wm_{call.kernel}_op call{place} = {{\n    {body},\n}};\n"


def _statements(planned: Plan) -> Iterator[str]:
    place = 0
    for step in planned.steps:
        operator = step.operator
        yield f"    /* {operator.index}: {operator.name} */\n"
        for call in step.calls:
            operands = [*call.inputs, step.output]
            arguments = ", ".join(f"arena.bytes + {planned.places[item]}" for item in operands)
            yield f"    wm_{call.kernel}(&call{place}, {arguments});\n"
            place += 1
