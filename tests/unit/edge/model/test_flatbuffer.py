"""Bytes of a network read by the schema: what the runtime sees, and damage refused in time."""

from __future__ import annotations

import contextlib
import importlib.util
import struct
import sys
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import ModelError
from edge.model import flatbuffer, model_file
from edge.model.runtime import Backend, Kernels, start
from tests.support.tiny_networks import tiny_pair

CONTENT = model_file.load().content
FILE = Path("line 3.tflite")


@pytest.mark.parametrize("which", ["shipped", "float", "int8"])
def test_agrees_with_the_runtime(which: str) -> None:
    pair = tiny_pair()
    content = {"shipped": CONTENT, "float": pair.float_content, "int8": pair.int8_content}[which]
    found = flatbuffer.read(content)
    known: Any = start(content, backend=Backend.LITERT, kernels=Kernels.REFERENCE).interpreter
    nodes = known._get_ops_details()
    assert [
        (operator.name, [*operator.operands], [*operator.outputs]) for operator in found.operators
    ] == [
        (node["op_name"], [n for n in node["inputs"] if n >= 0], node["outputs"].tolist())
        for node in nodes
    ]
    details = {detail["index"]: detail for detail in known.get_tensor_details()}
    for index, tensor in found.tensors.items():
        quantisation = details[index]["quantization_parameters"]
        assert tensor.name == details[index]["name"]
        assert tensor.shape == tuple(details[index]["shape"])
        assert tensor.dtype == np.dtype(details[index]["dtype"]).name
        assert tensor.scales == tuple(quantisation["scales"])
        assert tensor.zero_points == tuple(quantisation["zero_points"])
        assert (tensor.values is not None) == tensor.constant
        if tensor.values is not None:
            assert np.array_equal(tensor.values, known.get_tensor(index))
    sides = (known.get_input_details(), known.get_output_details())
    assert [found.inputs, found.outputs] == [tuple(t["index"] for t in side) for side in sides]


def test_options_go_by_the_schemas_names() -> None:
    stem = flatbuffer.read(tiny_pair().int8_content).operators[0]
    assert (stem.option("StrideW"), stem.option("StrideH"), stem.option("Padding")) == (2, 2, 0)
    assert stem.option("FusedActivationFunction") == 1
    assert stem.option("Axis", 7) == 7, "a convolution has none"


def test_what_was_unpacked_and_packed_is_the_same_network() -> None:
    changed = flatbuffer.packed(flatbuffer.unpacked(CONTENT))
    assert flatbuffer.read(changed) == flatbuffer.read(CONTENT)


@pytest.mark.parametrize("content", [b"", b"TFL3", b"a picture, perhaps", struct.pack("<2I", 8, 0)])
def test_what_is_no_network_is_refused_by_its_file(content: bytes) -> None:
    with pytest.raises(ModelError, match=r"^line 3\.tflite: not a TFLite model"):
        flatbuffer.read(content, FILE)


@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_a_truncated_network_is_refused(share: float) -> None:
    content = tiny_pair().float_content
    with pytest.raises(ModelError, match=r"^line 3\.tflite: a damaged TFLite model"):
        flatbuffer.read(content[: int(share * len(content))], FILE)


def test_a_damaged_name_is_refused() -> None:
    content = tiny_pair().float_content
    with pytest.raises(ModelError, match="damaged"):
        flatbuffer.read(content.replace(b"stem_relu", b"stem\xff\xffelu"))


@given(st.data())
def test_damage_ends_in_a_network_or_a_word(data: st.DataObject) -> None:
    """Wherever bytes are lost or changed: no other error, and no figure of it is one."""
    body = bytearray(data.draw(st.sampled_from([tiny_pair().int8_content, CONTENT[:8192]])))
    del body[data.draw(st.integers(8, len(body))) :]
    words = st.sampled_from([b"\xff" * 4, b"\xff\xff\xff\x7f", bytes(4), b"\0\0\1\0"])
    for _ in range(data.draw(st.integers(0, 4))):
        place = data.draw(st.integers(8, max(8, len(body) - 4)))
        noise = data.draw(words | st.binary(min_size=1, max_size=4))
        body[place : place + len(noise)] = noise
    with contextlib.suppress(ModelError):
        flatbuffer.read(bytes(body)).as_dict()


def bomb(tensors: int, name: int) -> bytes:
    """A file whose tensors all are the same one."""
    schema = flatbuffer.schema()
    builder = flatbuffers.Builder(1024)
    text = builder.CreateString("x" * name)
    schema.TensorStart(builder)
    schema.TensorAddName(builder, text)
    tensor = schema.TensorEnd(builder)
    schema.SubGraphStartTensorsVector(builder, tensors)
    for _ in range(tensors):
        builder.PrependUOffsetTRelative(tensor)
    vector = builder.EndVector()
    schema.SubGraphStart(builder)
    schema.SubGraphAddTensors(builder, vector)
    graph = schema.SubGraphEnd(builder)
    schema.ModelStartSubgraphsVector(builder, 1)
    builder.PrependUOffsetTRelative(graph)
    graphs = builder.EndVector()
    schema.ModelStart(builder)
    schema.ModelAddSubgraphs(builder, graphs)
    builder.Finish(schema.ModelEnd(builder), b"TFL3")
    return bytes(builder.Output())


@pytest.fixture(name="bounded")
def _bounded() -> Iterator[None]:
    began = time.process_time()
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 200 * 2**20
    assert time.process_time() - began < 20


@pytest.mark.parametrize(("tensors", "name"), [(60_000, 40), (60_000, 40_000), (1_000_000, 4)])
def test_what_refers_to_itself_takes_neither_time_nor_memory(
    bounded: None, tensors: int, name: int
) -> None:
    with pytest.raises(ModelError, match="damaged"):
        flatbuffer.read(bomb(tensors, name))


@pytest.fixture(name="without")
def _without(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[None]:
    """Some runtimes are not installed."""
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *rest: None if name in request.param else find(name, *rest),
    )
    for cached in (flatbuffer.schema, flatbuffer._names, flatbuffer._fields):
        cached.cache_clear()
    yield
    flatbuffer.schema.cache_clear()


@pytest.fixture(name="newer_codes")
def _newer_codes() -> bytes:
    """A network whose kinds of operators stand in the newer field alone, as some tools write."""
    edited = flatbuffer.unpacked(tiny_pair().int8_content)
    for code in edited.operatorCodes:
        code.deprecatedBuiltinCode = 0
    return flatbuffer.packed(edited)


RUNTIMES = ("ai_edge_litert", "tensorflow")


@pytest.mark.parametrize(
    ("without", "package"),
    [(RUNTIMES, "tflite"), (RUNTIMES[:1], "tensorflow")],
    indirect=["without"],
)
def test_another_ones_schema_reads_the_same(
    newer_codes: bytes, without: None, package: str
) -> None:
    pytest.importorskip(package)
    found = flatbuffer.read(newer_codes)
    assert f"/{package}/" in str(flatbuffer.schema().__file__)
    known = flatbuffer.read(tiny_pair().int8_content)
    assert [one.name for one in found.operators][:2] == ["CONV_2D", "DEPTHWISE_CONV_2D"]
    assert found.as_dict() == known.as_dict()


@pytest.mark.parametrize("without", [RUNTIMES], indirect=True)
def test_without_a_schema_the_mend_is_said(without: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tflite", None)
    with pytest.raises(ModelError, match="pip install ai-edge-litert"):
        flatbuffer.read(CONTENT)
