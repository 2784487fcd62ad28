"""What no kernel is written for is refused, and so is what damage makes of a network."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convert.firmware import lower
from edge.errors import ModelError
from edge.model import flatbuffer, model_file
from edge.model.network import Network, Operator, Tensor

CONTENT = model_file.load().content


@given(st.integers(8, 20_000), st.binary(min_size=1, max_size=8))
def test_damage_never_ends_in_another_error(place: int, noise: bytes) -> None:
    body = bytearray(CONTENT)
    body[place : place + len(noise)] = noise
    with contextlib.suppress(ModelError):
        lower.lower(flatbuffer.read(bytes(body)))


@pytest.mark.parametrize("length", [0, 7, 8, 12, 100, 5000])
def test_cut_off(length: int) -> None:
    with pytest.raises(ModelError):
        lower.lower(flatbuffer.read(CONTENT[:length]))


def one_operator(name: str) -> Network:
    tensors = {
        index: Tensor(index, "t", (1, 4, 4, 2), "int8", (np.float32(0.1),), (0,))
        for index in range(2)
    }
    return Network((Operator(7, name, (0,), (1,)),), tensors, (0,), (1,))


@pytest.mark.parametrize("name", ["SOFTMAX", "BUILTIN_120", "TRANSPOSE"])
def test_unknown_operator_is_refused_by_name(name: str) -> None:
    with pytest.raises(ModelError, match=f"operator 7, {name}: there is no kernel"):
        lower.lower(one_operator(name))
