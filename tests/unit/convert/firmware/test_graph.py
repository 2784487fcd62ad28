"""Reading the file itself: the same network that a runtime sees, and damage refused."""

from __future__ import annotations

import contextlib
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convert.firmware import graph, lower
from convert.firmware.graph import Graph, Operator, Tensor
from edge.errors import ModelError
from edge.model import model_file, network

CONTENT = model_file.load().content


def test_agrees_with_the_runtime() -> None:
    found, known = graph.read(CONTENT), network.read(CONTENT)
    assert [op.name for op in found.operators] == [op.name for op in known.operators]
    for mine, theirs in zip(found.operators, known.operators, strict=True):
        assert mine.inputs == theirs.inputs
        assert mine.outputs == theirs.outputs
    for index, tensor in known.tensors.items():
        mine_ = found.tensors[index]
        assert mine_.shape == tensor.shape
        assert mine_.dtype == tensor.dtype
        assert tuple(mine_.scales.tolist()) == tensor.scales
        assert (mine_.data is not None) == tensor.constant
    assert set(found.outputs) == set(known.outputs)


@given(st.integers(8, 20_000), st.binary(min_size=1, max_size=8))
def test_damage_never_ends_in_another_error(place: int, noise: bytes) -> None:
    body = bytearray(CONTENT)
    body[place : place + len(noise)] = noise
    with contextlib.suppress(ModelError):
        lower.lower(graph.read(bytes(body)))


@pytest.mark.parametrize("length", [0, 7, 8, 12, 100, 5000])
def test_cut_off(length: int) -> None:
    with pytest.raises(ModelError):
        lower.lower(graph.read(CONTENT[:length]))


def one_operator(name: str) -> Graph:
    tensors = {
        index: Tensor(
            index, "t", (1, 4, 4, 2), "int8", np.asarray([0.1], np.float32), (0,), 0, None
        )
        for index in range(2)
    }
    return Graph(tensors, (Operator(7, name, (0,), (1,), None),), (0,), (1,))


@pytest.mark.parametrize("name", ["SOFTMAX", "BUILTIN_120", "TRANSPOSE"])
def test_unknown_operator_is_refused_by_name(name: str) -> None:
    with pytest.raises(ModelError, match=f"operator 7, {name}: there is no kernel"):
        lower.lower(one_operator(name))


def test_numbers_of_operators_are_the_schemas() -> None:
    schema = pytest.importorskip("ai_edge_litert.schema_py_generated")
    for number, name in graph._OPERATORS.items():
        assert getattr(schema.BuiltinOperator, name) == number


def test_not_a_model() -> None:
    with pytest.raises(ModelError, match="magic"):
        graph.read(struct.pack("<2I", 8, 0))
