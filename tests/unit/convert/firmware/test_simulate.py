"""The steps computed in NumPy against LiteRT's reference kernels and TFLite Micro's interpreter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pytest

from convert.embedding import with_embedding
from convert.firmware import golden, model_source
from convert.firmware.rounding import Rounding
from convert.firmware.simulate import Simulation
from convert.firmware.tflm import micro
from edge.dataset.drawn import drawn
from edge.dataset.encoded_set import encoded
from edge.dataset.labelled_set import LabelledSet
from edge.model import flatbuffer, model_file
from edge.model.network import Network
from edge.wafer import encoding
from edge.wafer.patterns import PATTERNS
from tests.support.int8_networks import Reference, convert
from tests.support.operator_networks import NETWORKS, inputs
from tests.support.tflm import put_wheel_on_path
from train.network.layout import layout_of

#: One worker converts the networks.
pytestmark = pytest.mark.xdist_group("firmware-simulate")

WAFERS: Final = 100
INPUTS: Final = 24

Int8 = npt.NDArray[np.int8]


@pytest.fixture(scope="module")
def wheel() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        put_wheel_on_path(patch)
        yield


@pytest.fixture(scope="module")
def contents() -> dict[str, bytes]:
    pytest.importorskip("tensorflow")
    return {
        name: convert(build, per_channel_dense=per_output)
        for name, (build, per_output) in NETWORKS.items()
    }


def test_golden_wafers_of_the_shipped_model() -> None:
    shipped = model_file.load()
    read = flatbuffer.read(shipped.content)
    network = model_source.network_of(shipped, read)
    # Of the others no network is asked.
    known = [wafer for wafer in golden.answers(shipped, golden.wafers()) if not wafer.clear]
    assert len(known) > len(PATTERNS)
    encoded = np.stack([encoding.to_int8(wafer.encoded) for wafer in known])
    found = Simulation(read, Rounding.LITERT)(encoded)
    assert np.array_equal(found[network.logits], [wafer.logits for wafer in known])
    assert np.array_equal(found[network.embedding], [wafer.embedding for wafer in known])


@pytest.mark.parametrize("name", NETWORKS)
def test_operators_of_litert(name: str, contents: dict[str, bytes]) -> None:
    content = contents[name]
    read, reference = flatbuffer.read(content), Reference(content)
    given = inputs(reference.shape, INPUTS)
    found = Simulation(read, Rounding.LITERT)(np.concatenate(given))
    for place, one in enumerate(given):
        for tensor, known in zip(read.outputs, reference(one, list(read.outputs)), strict=True):
            assert found[tensor][place].reshape(-1).tolist() == known.tolist()


@pytest.mark.parametrize("name", NETWORKS)
def test_operators_of_tflite_micro(name: str, wheel: None, contents: dict[str, bytes]) -> None:
    read = flatbuffer.read(contents[name])
    given = np.concatenate(inputs(read.tensors[read.inputs[0]].shape, INPUTS))
    same_as_tflite_micro(contents[name], read, given)


def test_the_second_output_as_it_is_made_now(wheel: None, generated: LabelledSet) -> None:
    """To the byte what LiteRT's reference kernels and TFLite Micro give."""
    pytest.importorskip("tensorflow")
    from train.network import networks

    samples = encoded(generated)

    def build(_: Any) -> Any:
        layout = layout_of("symmetric", (2, 2), (0, 1))
        plain = networks.finished(networks.build("symmetric", layout=layout), np.zeros(9))
        return with_embedding(plain, samples.planes, samples.classes)

    content = convert(build)
    read, reference = flatbuffer.read(content), Reference(content)
    assert read.operator_counts["RESHAPE"] == 1
    assert not {"SHAPE", "PACK", "STRIDED_SLICE"} & read.operator_counts.keys()
    given = np.stack([encoding.to_int8(planes) for planes in samples.planes])
    found = Simulation(read, Rounding.LITERT)(given)
    for place, one in enumerate(given):
        for tensor, known in zip(
            read.outputs, reference(one[np.newaxis], list(read.outputs)), strict=True
        ):
            assert found[tensor][place].reshape(-1).tolist() == known.tolist()
    same_as_tflite_micro(content, read, given)


def test_shipped_model_on_tflite_micro(wheel: None) -> None:
    labelled, content = drawn(), model_file.load().content
    grids = [
        np.ascontiguousarray(encoding.symmetry(labelled.grid(index)[np.newaxis], which)[0])
        for index in range(len(labelled))
        for which in range(encoding.SYMMETRIES)
    ][:WAFERS]
    given = np.stack([encoding.to_int8(encoding.encode(dies)) for dies in grids])
    same_as_tflite_micro(content, flatbuffer.read(content), given)


def same_as_tflite_micro(content: bytes, read: Network, given: Int8) -> None:
    ran = micro.run(content, given, len(read.outputs))
    assert ran is not None
    found = Simulation(read, Rounding.MICRO)(given)
    for tensor, known in zip(read.outputs, ran.outputs, strict=True):
        assert np.array_equal(found[tensor].reshape(len(given), -1), known.reshape(len(given), -1))


def test_golden_answers_of_tflite_micro_are_the_stations_on_its_logits() -> None:
    shipped = model_file.load()
    litert, other = (
        golden.answers(shipped, golden.wafers(), rounding)
        for rounding in (Rounding.LITERT, Rounding.MICRO)
    )
    apart = 0
    for known, found in zip(litert, other, strict=True):
        assert np.array_equal(known.embedding, found.embedding)
        assert known.prediction.unfamiliarity == found.prediction.unfamiliarity
        same = np.array_equal(known.logits, found.logits)
        same_confidence = known.prediction.confidence == found.prediction.confidence
        assert same == same_confidence
        apart += not same
    assert apart, "no golden wafer tells the two apart"
