"""The network part of ``wm_model.c``: constants, arena, and the kernel calls in their order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from convert.firmware import csource, lower
from convert.firmware.memory_plan import Plan, plan
from convert.firmware.rounding import Rounding
from convert.firmware.step import Call
from edge.errors import ModelError
from edge.model.network import Network


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
    calls = [call for step in network.plan.steps for call in step.calls]
    return "".join(
        (
            '#include "wm_kernels.h"\n#include "wm_network.h"\n\n',
            _memory(network.plan),
            *(text for place, call in enumerate(calls) for text in _constants(place, call)),
            "\nvoid wm_run(void)\n{\n",
            *_statements(network.plan),
            "}\n",
            *_ends(network),
        )
    )


def _memory(planned: Plan) -> str:
    """The arena, aligned for words, and what the largest window is copied to."""
    patch = f"static int16_t patch[{planned.patch}];\n" if planned.patch else ""
    return (
        "/* Word-aligned, for kernels that load words. */\n"
        f"static union {{\n    int32_t words[{-(-planned.size // 4)}];\n"
        f"    int8_t bytes[{planned.size}];\n}} arena;\n{patch}"
    )


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


def _ends(network: PreparedNetwork) -> Iterator[str]:
    places = network.plan.places
    yield _pointer("int8_t *wm_input(void)", places[network.input])
    yield _pointer("const int8_t *wm_logits(void)", places[network.logits])
    yield _pointer("const int8_t *wm_embedding(void)", places[network.embedding])


def _pointer(signature: str, place: int) -> str:
    return f"\n{signature}\n{{\n    return arena.bytes + {place};\n}}\n"
