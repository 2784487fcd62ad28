"""Model files that went wrong the way model files do: still loadable, no longer right."""

from __future__ import annotations

import json
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import to_builtins

from edge.classification import selftest
from edge.classification.classifier import Classifier
from edge.model.flatbuffer import packed, schema, unpacked
from edge.model.model_file import METADATA_NAME, ModelFile, attach
from edge.system.shipped import shipped_path
from tests.support.model_files import bare

#: Tensors below this size are biases and the like.
_MIN_WEIGHTS = 256


def taken_apart(path: Path | None = None) -> tuple[bytes, dict[str, Any]]:
    """The bare ``.tflite`` and the metadata of a model file; the shipped one by default."""
    content = (path or shipped_path()).read_bytes()
    with zipfile.ZipFile(BytesIO(content)) as archive:
        metadata = json.loads(archive.read(METADATA_NAME))
        start = archive.getinfo(METADATA_NAME).header_offset
    return content[:start], metadata


def swap_labels(one: str, other: str) -> bytes:
    """Two outputs under each other's names."""
    tflite, metadata = taken_apart()
    names = {one: other, other: one}
    metadata["labels"] = [names.get(label, label) for label in metadata["labels"]]
    return attach(tflite, metadata)


def move_input_zero_point(zero_point: int, *, declare: bool) -> bytes:
    """Another zero point of the input tensor; ``declare`` writes it into the metadata too."""
    tflite, metadata = taken_apart()
    model = unpacked(tflite)
    graph = model.subgraphs[0]
    graph.tensors[graph.inputs[0]].quantization.zeroPoint = [zero_point]
    if declare:
        metadata["input"]["zero_point"] = zero_point
    return attach(packed(model), metadata)


def swap_planes() -> bytes:
    """A network that takes fail share for die share: its first kernels' channels exchanged."""
    tflite, metadata = taken_apart()
    model = unpacked(tflite)
    graph = model.subgraphs[0]
    for operator in _readers(graph):
        weights = graph.tensors[operator.inputs[1]]
        buffer = model.buffers[weights.buffer]
        kernel = np.array(buffer.data, np.uint8).reshape(weights.shape)
        # Where several dies of a row stand in one cell, there is a pair of planes for each.
        pairs = kernel.reshape(*kernel.shape[:-1], -1, 2)
        buffer.data = np.ascontiguousarray(pairs[..., ::-1]).ravel()
    return attach(packed(model), metadata)


def zero_class(pattern: str) -> bytes:
    """All weights and biases that lead to one pattern's logit set to zero."""
    tflite, metadata = taken_apart()
    row = metadata["labels"].index(pattern)
    model = unpacked(tflite)
    graph = model.subgraphs[0]
    for operator in graph.operators:
        shape = graph.tensors[operator.outputs[0]].shape
        if list(shape) != [1, len(metadata["labels"])] or len(operator.inputs) != 3:
            continue
        for index in operator.inputs[1:3]:
            buffer = model.buffers[graph.tensors[index].buffer]
            data = np.array(buffer.data, np.uint8).reshape(len(metadata["labels"]), -1)
            data[row] = 0
            buffer.data = data.ravel()
    return attach(packed(model), metadata)


def lose(*keys: str) -> bytes:
    """The metadata without one entry, found by its keys."""
    tflite, metadata = taken_apart()
    place: Any = metadata
    for key in keys[:-1]:
        place = place[key]
    del place[keys[-1]]
    return attach(tflite, metadata)


def put(*keys: str, value: Any) -> bytes:
    """The metadata with one entry changed, found by its keys."""
    tflite, metadata = taken_apart()
    place: Any = metadata
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    return attach(tflite, metadata)


def truncate(share: float) -> bytes:
    """The first part of the file, as an interrupted copy leaves it."""
    content = shipped_path().read_bytes()
    return content[: int(share * len(content))]


def hide_input_zero_point(shift: int) -> bytes:
    """A network made for another zero point under the right declaration: all checks pass.

    The first convolution takes its input for ``shift`` steps less than it is, as it would in a
    network that was calibrated on another range. That sum goes into the bias.
    """
    tflite, metadata = taken_apart()
    model = unpacked(tflite)
    graph = model.subgraphs[0]
    for operator in _readers(graph):
        weights, bias = (graph.tensors[index] for index in operator.inputs[1:3])
        kernel = np.array(model.buffers[weights.buffer].data, np.uint8).view(np.int8)
        sums = kernel.reshape(weights.shape).sum(axis=(1, 2, 3), dtype=np.int32)
        moved = np.array(model.buffers[bias.buffer].data, np.uint8).view("<i4") - shift * sums
        model.buffers[bias.buffer].data = moved.astype("<i4").view(np.uint8)
    return attach(packed(model), metadata)


def flip_weights(share: float, seed: int = 0, path: Path | None = None) -> bytes:
    """The top bit of this share of all weight bytes flipped, and the hash made to fit."""
    tflite, metadata = taken_apart(path)
    model = unpacked(tflite)
    rng = np.random.default_rng(seed)
    weights = {
        tensor.buffer
        for tensor in model.subgraphs[0].tensors
        if tensor.type == schema().TensorType.INT8
    }
    for number in sorted(weights):
        buffer = model.buffers[number]
        if buffer.data is None or len(buffer.data) < _MIN_WEIGHTS:
            continue
        data = np.array(buffer.data, np.uint8)
        data[rng.permutation(data.size)[: round(share * data.size)]] ^= 0x80
        buffer.data = data
    return attach(packed(model), metadata)


def damage(place: float) -> bytes:
    """One byte of the network changed on the way, metadata as it was."""
    content = bytearray(shipped_path().read_bytes())
    content[int(place * len(taken_apart()[0]))] ^= 0xFF
    return bytes(content)


def with_own_selftest(content: bytes) -> bytes:
    """The file as ``convert`` would have written it: its self-test fits what it computes."""
    metadata = json.loads(zipfile.ZipFile(BytesIO(content)).read(METADATA_NAME))
    classifier = Classifier(ModelFile.of(Path("own.tflite"), bare(content), metadata))
    answers = to_builtins(selftest.answers(classifier))
    return attach(bare(content), {**metadata, "selftest": answers})


def _readers(graph: Any) -> list[Any]:
    """The convolutions that read the network's input, as it is or in another shape."""
    given, found = {graph.inputs[0]}, []
    for operator in graph.operators:
        if given.isdisjoint(operator.inputs):
            continue
        if len(operator.inputs) == 3:
            found.append(operator)
        else:
            (shape,) = (graph.tensors[index].shape for index in operator.outputs)
            assert np.prod(shape) == np.prod(graph.tensors[graph.inputs[0]].shape)
            given.add(operator.outputs[0])
    return found


def replace_kind(content: bytes, number: int) -> bytes:
    """The bare network with its first kind of operator replaced by another one of the schema."""
    model = unpacked(content)
    code = model.operatorCodes[0]
    code.builtinCode = code.deprecatedBuiltinCode = number
    return packed(model)
