"""The arena: nothing that is needed is overwritten, and little is wasted."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convert.firmware import lower
from convert.firmware.memory_plan import ALIGNMENT, Plan, plan
from convert.firmware.step import Step, in_place_offset
from edge.errors import ModelError
from edge.model import flatbuffer, model_file
from edge.model.network import Operator
from edge.system.shipped import firmware_path
from tests.support.model_files import OLD

#: What TFLite Micro needs for the model that shipped first, all in (tflite-micro 0.dev20261023).
TFLM_ARENA = 60_144


def step(at: int, inputs: tuple[int, ...], output: int, **more: object) -> Step:
    return Step(Operator(at, "ANY", inputs, (output,)), (), inputs, output, **more)  # type: ignore[arg-type]


@st.composite
def networks(draw: st.DrawFn) -> tuple[list[Step], dict[int, int], list[int]]:
    """Steps that read any earlier activations, some of which their output may lie over."""
    count = draw(st.integers(1, 12))
    sizes = {tensor: draw(st.integers(1, 400)) for tensor in range(count + 1)}
    steps = []
    for at in range(count):
        inputs = tuple(draw(st.sets(st.integers(0, at), min_size=1, max_size=3)))
        alias = draw(st.booleans()) and draw(st.booleans())
        if alias:
            inputs = inputs[:1]
            sizes[at + 1] = sizes[inputs[0]]
        over = draw(st.sets(st.sampled_from(inputs))) if not alias else ()
        distances = {tensor: draw(st.integers(-200, 200)) for tensor in over}
        steps.append(step(at, inputs, at + 1, in_place_offset=distances, alias=alias))
    outputs = draw(st.sets(st.integers(1, count), min_size=1, max_size=2))
    return steps, sizes, sorted(outputs)


def replay(planned: Plan, sizes: dict[int, int], inputs: list[int], outputs: list[int]) -> None:
    """Run the plan on an arena of owners; every step must find all its inputs whole.

    A step whose output may lie over a dying input is trusted up to its slack, no further.
    """
    owner = np.full(planned.size, -1)
    for tensor in inputs:
        place = planned.places[tensor]
        owner[place : place + sizes[tensor]] = tensor
    for at, one in enumerate(planned.steps):
        for tensor in one.inputs:
            place = planned.places[tensor]
            assert (owner[place : place + sizes[tensor]] == tensor).all()
        later = {tensor for after in planned.steps[at + 1 :] for tensor in after.inputs}
        begin = planned.places[one.output]
        end = begin + sizes[one.output]
        assert begin >= 0
        assert end <= planned.size
        for tensor in one.inputs:
            place = planned.places[tensor]
            if begin < place + sizes[tensor] and place < end:
                assert tensor not in later
                assert tensor not in outputs
                assert begin - place <= one.in_place_offset[tensor]
        owner[begin:end] = one.output
    for tensor in outputs:
        place = planned.places[tensor]
        assert (owner[place : place + sizes[tensor]] == tensor).all()


@settings(max_examples=60, deadline=None)
@given(networks())
def test_nothing_needed_is_overwritten(
    case: tuple[list[Step], dict[int, int], list[int]],
) -> None:
    steps, sizes, outputs = case
    renamed = {one.output: one.inputs[0] for one in steps if one.alias}

    def root(tensor: int) -> int:
        return root(renamed[tensor]) if tensor in renamed else tensor

    if any(root(tensor) == 0 for tensor in outputs):
        with pytest.raises(ModelError, match="its input"):
            plan(steps, sizes, [0], outputs)
        return
    planned = plan(steps, sizes, [0], outputs)
    assert {one.output for one in planned.steps} == {one.output for one in steps if not one.alias}
    replay(planned, sizes, [0], [root(tensor) for tensor in outputs])
    assert all(place % ALIGNMENT == 0 for place in planned.places.values())
    assert planned.bound <= planned.size
    assert all(planned.places[name] == planned.places[root(name)] for name in renamed)


@pytest.mark.parametrize("path", [OLD, firmware_path()], ids=["first", "of today"])
def test_shipped_model_is_within_5_percent_of_the_bound_and_far_below_tflite_micro(
    path: Path,
) -> None:
    network = flatbuffer.read(model_file.load(path).content)
    sizes = {tensor.index: tensor.elements for tensor in network.tensors.values()}
    planned = plan(lower.lower(network), sizes, network.inputs, network.outputs)
    assert planned.size <= 1.05 * planned.bound
    assert planned.bytes < 0.5 * TFLM_ARENA
    replay(planned, sizes, list(network.inputs), list(network.outputs))


def test_side_branches_run_before_they_are_in_the_way() -> None:
    # 0 -> 1 (small) and 0 -> 2 (large) -> 3: with 1 last, 0 would stay beside 2.
    steps = [step(0, (0,), 2), step(1, (2,), 3), step(2, (0,), 1), step(3, (1, 3), 4)]
    sizes = {0: 100, 1: 4, 2: 100, 3: 100, 4: 4}
    planned = plan(steps, sizes, [0], [4])
    assert planned.steps[0].output == 1
    assert planned.size == 204


@given(st.integers(1, 9), st.integers(1, 5), st.integers(1, 3), st.booleans())
def test_slack_is_the_largest_safe_distance(
    pixels: int, stride: int, written: int, copied: bool
) -> None:
    reads = np.arange(pixels, dtype=np.int64) * stride
    distance = in_place_offset(reads, written, copied=copied)

    def safe(begin: int) -> bool:
        for now, later in itertools.product(range(pixels), repeat=2):
            unread = later > now or (later == now and not copied)
            if unread and begin + written * (now + 1) > reads[later]:
                return False
        return True

    assert safe(distance)
    assert pixels == 1 or not safe(distance + 1)
