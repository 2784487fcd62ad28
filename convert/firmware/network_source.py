"""The network part of ``wm_model.c``: constants, arena, and the kernel calls in their order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from convert.firmware import csource, lower
from convert.firmware.memory_plan import Plan, plan
from convert.firmware.rounding import Rounding
from convert.firmware.sources import template
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
