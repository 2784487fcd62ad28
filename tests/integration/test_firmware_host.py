"""The exported C on this machine: every byte and every verdict as the station gives them."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from convert.firmware import golden, model_source
from convert.firmware.lower import OPERATORS
from convert.firmware.model_source import PreparedNetwork, prepare
from convert.firmware.rounding import Rounding
from convert.firmware.simulate import Simulation
from convert.firmware.targets import TARGETS, c99
from edge.classification.prediction import Prediction
from edge.dataset.drawn import drawn
from edge.errors import ModelError
from edge.model import flatbuffer, model_file
from edge.model.runtime import Kernels
from edge.system.shipped import firmware_path
from edge.verdict.rule import MIN_FAILS, REASONS, Reason
from edge.wafer import encoding
from edge.wafer.wafermap import FAIL, DieGrid, WaferMap
from tests.support import spoil
from tests.support.c_library import OK, BareNetwork, Recording, Result, grid_of, library
from tests.support.cli import wm_edge
from tests.support.compilers import compiler, need, need_build, run
from tests.support.int8_networks import Reference, convert
from tests.support.model_files import OLD
from tests.support.operator_networks import NETWORKS, inputs
from tests.support.parts import ANALYSED, ANALYSER, SANITIZED, SANITIZERS

#: One worker builds the shipped model's library for all.
pytestmark = pytest.mark.xdist_group("firmware-host")

#: Wafers that the two are compared on.
WAFERS: Final = 300
#: Of these, those of TFLite Micro's rounding.
MICRO_WAFERS: Final = 100
#: Of numbers that the station gives as double and C as float.
CLOSE: Final = 2e-6


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported") / "firmware"
    done = wm_edge("export-firmware", folder, "--target", "c99")
    assert done.code == 0, done.stderr
    assert done.stdout == b""
    return folder


@pytest.fixture(scope="module")
def firmware(exported: Path) -> ctypes.CDLL:
    cc = compiler()
    sources = [exported / "wm_model.c", *sorted((exported / "c99").rglob("*.c"))]
    return library(exported / "wm.so", sources, [exported, exported / "c99"], cc)


def wafers() -> list[DieGrid]:
    """Drawn by the project's formulas, in all turns and flips; never real ones."""
    labelled = drawn()
    turned = [
        np.ascontiguousarray(encoding.symmetry(labelled.grid(index)[np.newaxis], which)[0])
        for index in range(len(labelled))
        for which in range(encoding.SYMMETRIES)
    ]
    fragments = [np.ones((4, 4), np.uint8), np.asarray([[0, 2]], np.uint8), np.full((1, 3), 2, "B")]
    return [*golden.wafers(), golden.few_fails(1), *fragments, *turned][:WAFERS]


def near(found: float, known: float) -> bool:
    return abs(found - known) <= CLOSE * (1 + abs(known))


def differences(result: Result, known: Prediction) -> list[str]:
    """Names of the fields of a verdict that differ."""
    figures = ("confidence", "below", "unfamiliarity", "mixture")
    checks = {
        "pattern": list(known.probabilities)[result.pattern] == known.pattern,
        "reason": REASONS[result.reason] == known.reason,
        "dies": result.dies == known.wafer_map.die_count,
        "fails": result.fails == known.wafer_map.fail_count,
        "probabilities": all(
            near(one, other)
            for one, other in zip(result.probabilities, known.probabilities.values(), strict=True)
        ),
        **{name: near(getattr(result, name), getattr(known, name)) for name in figures},
    }
    return [name for name, same in checks.items() if not same]


def test_300_wafers(firmware: ctypes.CDLL) -> None:
    classifier = Recording(model_file.load(firmware_path()), kernels=Kernels.REFERENCE)
    result, reasons = Result(), set()
    grids = wafers()
    assert len(grids) == WAFERS
    for place, dies in enumerate(grids):
        classifier.last = [0] * 9, np.zeros(36, np.int8)  # stays where no network is asked
        known = classifier.classify(WaferMap(dies))
        logits, embedding = classifier.last
        assert firmware.wm_classify(ctypes.byref(grid_of(dies)), ctypes.byref(result)) == OK
        assert list(result.logits) == logits, place
        assert list(result.embedding) == embedding.tolist(), place
        assert differences(result, known) == [], place
        reasons.add(known.reason)
    assert len(reasons) >= 5, reasons
    assert Reason.FEW_FAILS in reasons


def test_infer_gives_what_classify_gives(firmware: ctypes.CDLL) -> None:
    dies, result = golden.wafers()[3], Result()
    firmware.wm_classify(ctypes.byref(grid_of(dies)), ctypes.byref(result))
    logits, embedding = np.empty(9, np.int8), np.empty(36, np.int8)
    wafer = encoding.to_int8(encoding.encode(dies))
    for _ in range(2):
        firmware.wm_infer(*(ctypes.c_void_p(one.ctypes.data) for one in (wafer, logits, embedding)))
        assert logits.tolist() == list(result.logits)
        assert embedding.tolist() == list(result.embedding)


def test_make_test(exported: Path) -> None:
    cc, make = compiler(), need("make", package="make")
    said = run([make, "test", f"CC={cc}", "CFLAGS=-O2"], cwd=exported)
    assert f"{len(golden.wafers())} of {len(golden.wafers())} golden wafers right" in said


def test_self_test_notices_a_changed_weight(exported: Path, tmp_path: Path) -> None:
    cc = compiler()
    text = (exported / "wm_model.c").read_text()
    head, tail = text.split("_bias[", 1)
    place = tail.index("{\n") + 2
    changed = tail[:place] + "999999, " + tail[place:].split(",", 1)[1]
    (tmp_path / "wm_model.c").write_text(f"{head}_bias[{changed}")
    program = tmp_path / "wm_host"
    rest = [str(one) for one in host_sources(exported) if one.name != "wm_model.c"]
    options = ["-std=c99", "-O2", *includes(exported)]
    run([cc, *options, str(tmp_path / "wm_model.c"), *rest, "-lm", "-o", str(program)])
    done = subprocess.run([program], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "wrong" in done.stdout


def includes(folder: Path) -> list[str]:
    return [f"-I{folder / name}" for name in (".", "c99", "host")]


def host_sources(folder: Path) -> list[Path]:
    parts = ("host", "c99")
    return [
        folder / "wm_model.c",
        folder / "golden.c",
        *(file for part in parts for file in sorted((folder / part).rglob("*.c"))),
    ]


def test_sanitizers(exported: Path, tmp_path: Path) -> None:
    cc, program = need_build(SANITIZED), tmp_path / "wm_host"
    sources = map(str, host_sources(exported))
    options = ["-std=c99", "-O1", *SANITIZERS, *includes(exported)]
    run([cc, *options, *sources, "-lm", "-o", str(program)])
    assert "golden wafers right" in run([str(program)])


def test_static_analysis(exported: Path, tmp_path: Path) -> None:
    cc = need_build(ANALYSED)
    sources = map(str, host_sources(exported))
    options = ["-std=c99", "-O2", *ANALYSER, *includes(exported)]
    run([cc, *options, "-c", *sources], cwd=tmp_path)


@pytest.fixture(scope="module")
def micro(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Exported with the rounding of TFLite Micro."""
    folder = tmp_path_factory.mktemp("micro") / "firmware"
    done = wm_edge("export-firmware", folder, "--rounding", "micro")
    assert done.code == 0, done.stderr
    return folder


def test_micro_rounding_gives_the_simulated_bytes(micro: Path) -> None:
    cc, shipped = compiler(), model_file.load(firmware_path())
    sources = [micro / "wm_model.c", *sorted((micro / "c99").rglob("*.c"))]
    firmware = library(micro / "wm.so", sources, [micro, micro / "c99"], cc)
    asked = [dies for dies in wafers() if (dies == FAIL).sum() >= MIN_FAILS]
    grids, result = asked[:MICRO_WAFERS], Result()
    encoded = np.stack([encoding.to_int8(encoding.encode(dies)) for dies in grids])
    read = flatbuffer.read(shipped.content)
    network = model_source.network_of(shipped, read)
    known = Simulation(read, Rounding.MICRO)(encoded)
    for place, dies in enumerate(grids):
        assert firmware.wm_classify(ctypes.byref(grid_of(dies)), ctypes.byref(result)) == OK
        assert list(result.logits) == known[network.logits][place].tolist(), place
        assert list(result.embedding) == known[network.embedding][place].tolist(), place
    # Otherwise litert's kernel would pass as well.
    other = Simulation(read, Rounding.LITERT)(encoded)[network.logits]
    assert (other != known[network.logits]).any()


def test_micro_rounding_gives_its_golden_answers(micro: Path) -> None:
    cc, make = compiler(), need("make", package="make")
    said = run([make, "test", f"CC={cc}", "CFLAGS=-O2"], cwd=micro)
    assert f"{len(golden.wafers())} of {len(golden.wafers())} golden wafers right" in said


def test_one_kernel_of_dense_layers_is_written(exported: Path, micro: Path) -> None:
    for folder, name in ((exported, "fully_connected"), (micro, "fully_connected_micro")):
        found = [file.stem for file in (folder / "c99" / "kernels").glob("fully_connected*")]
        assert found == [name]


def test_rounding_is_of_c99_alone(tmp_path: Path) -> None:
    for rounding in Rounding:
        done = wm_edge("export-firmware", tmp_path, "--target", "tflm", "--rounding", rounding)
        assert done.code == 2
        assert "--rounding goes with --target c99" in done.stderr


def test_only_what_the_model_calls_is_written(exported: Path) -> None:
    found = {file.stem for file in (exported / "c99" / "kernels").iterdir()}
    assert found == {"add", "concatenation", "conv_2d", "fully_connected", "mean", "reduce_max"}


def test_export_is_repeatable(exported: Path, tmp_path: Path) -> None:
    done = wm_edge("export-firmware", firmware_path(), tmp_path / "again")
    assert done.code == 0
    for name in ("wm_model.c", "wm_model.h", "golden.c", "Makefile"):
        assert (exported / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_a_folder_in_use_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.c").write_text("int mine;")
    done = wm_edge("export-firmware", tmp_path)
    assert done.code == 2
    assert "--overwrite" in done.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["mine.c"]
    assert wm_edge("export-firmware", tmp_path, "--overwrite").code == 0
    assert (tmp_path / "mine.c").read_text() == "int mine;"
    assert wm_edge("export-firmware").code == 2
    assert wm_edge("export-firmware", tmp_path / "mine.c").code == 2


def test_a_model_with_an_unknown_operator_ends_with_its_name(tmp_path: Path) -> None:
    shipped = model_file.load(firmware_path())
    changed = tmp_path / "softmax.tflite"
    changed.write_bytes(
        model_file.attach(spoil.replace_kind(shipped.content, 25), shipped.document)
    )
    done = wm_edge("export-firmware", changed, tmp_path / "firmware")
    assert done.code == 3
    assert "operator 0, SOFTMAX: there is no kernel for it" in done.stderr
    assert not (tmp_path / "firmware").exists()


def test_a_network_that_needs_too_much_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(c99, "_STATION_RAM", 80 * 1024)
    (doubt,) = c99.generate(model_file.load(OLD)).doubts
    assert "needs about 104,788 bytes of RAM, boards/mps2.ld gives away 98,304" in doubt


def test_targets_are_those_that_exist() -> None:
    for name, module in TARGETS.items():
        assert module.endswith(name)
    assert wm_edge("export-firmware", "x", "--target", "abacus").code == 2


# Operators, each against the reference kernels.


def compare(content: bytes, folder: Path, count: int = 24, *, dsp: bool = False) -> PreparedNetwork:
    """Run a network in C, with sanitizers, and on the reference kernels: every byte must agree."""
    read = flatbuffer.read(content)
    logits, embedding = read.outputs if len(read.outputs) == 2 else read.outputs * 2
    network = prepare(read, logits, embedding)
    sizes = tuple(read.tensors[one].elements for one in (read.inputs[0], logits, embedding))
    in_c = BareNetwork(
        network, (sizes[0], sizes[1], sizes[2]), folder, need_build(SANITIZED), dsp=dsp
    )
    reference = Reference(content)
    wafers_ = inputs(reference.shape, count)
    varied = set()
    for wafer, found in zip(wafers_, in_c(wafers_), strict=True):
        known = reference(wafer, [logits, embedding])
        assert [one.tolist() for one in found] == [one.tolist() for one in known]
        varied.add(known[0].tobytes())
    assert len(varied) > count // 2, "the outputs hardly depend on the inputs: nothing was tested"
    return network


@pytest.fixture(scope="module")
def contents() -> dict[str, bytes]:
    """The networks, converted."""
    pytest.importorskip("tensorflow")
    return {
        name: convert(build, per_channel_dense=per_output)
        for name, (build, per_output) in NETWORKS.items()
    }


@pytest.mark.parametrize("name", NETWORKS)
def test_operators(name: str, contents: dict[str, bytes], tmp_path: Path) -> None:
    compare(contents[name], tmp_path)


@pytest.mark.parametrize("name", ["dense", "dense per output", "joined"])
def test_dense_layers_of_tflite_micro(
    name: str, contents: dict[str, bytes], tmp_path: Path
) -> None:
    read = flatbuffer.read(contents[name])
    logits, other = read.outputs
    network = prepare(read, logits, other, Rounding.MICRO)
    source, *outputs = (read.tensors[one] for one in (read.inputs[0], logits, other))
    sizes = (source.elements, outputs[0].elements, outputs[1].elements)
    in_c = BareNetwork(network, sizes, tmp_path, need_build(SANITIZED))
    wafers_ = inputs(source.shape, 24)
    known = Simulation(read, Rounding.MICRO)(np.concatenate(wafers_))
    for place, found in enumerate(in_c(wafers_)):
        assert found[0].tolist() == known[logits][place].reshape(-1).tolist()
        assert found[1].tolist() == known[other][place].reshape(-1).tolist()


@pytest.mark.parametrize("name", ["same", "valid", "joined"])
def test_path_of_a_cortex_m4(name: str, contents: dict[str, bytes], tmp_path: Path) -> None:
    compare(contents[name], tmp_path, dsp=True)


def test_all_operators_are_tried(contents: dict[str, bytes]) -> None:
    networks = map(flatbuffer.read, contents.values())
    used = {operator.name for network in networks for operator in network.operators}
    # SQUEEZE is RESHAPE under another name, which no converter of ours writes.
    assert set(OPERATORS) - used <= {"SQUEEZE"}


@pytest.mark.parametrize("name", ["seed-initial", "seed-final", "residual", "symmetric"])
def test_networks_of_the_trainer(name: str, tmp_path: Path) -> None:
    pytest.importorskip("tensorflow")
    need_build(SANITIZED)
    from train.network import networks

    def build(_: Any) -> Any:
        return networks.finished(networks.build(name), np.zeros(9))

    network = compare(convert(build), tmp_path, count=4)
    assert network.plan.size <= 1.05 * network.plan.bound


def refused(build: Callable[[Any], Any]) -> str:
    read = flatbuffer.read(convert(build))
    with pytest.raises(ModelError) as caught:
        prepare(read, read.outputs[0], read.outputs[0])
    return str(caught.value)


def test_what_there_is_no_kernel_for_is_named() -> None:
    pytest.importorskip("tensorflow")

    def softmax(k: Any) -> Any:
        wafer = k.Input((4, 4, 1), batch_size=1)
        return k.Model(wafer, k.layers.Softmax()(k.layers.Flatten()(wafer)))

    def groups(k: Any) -> Any:
        wafer = k.Input((4, 4, 4), batch_size=1)
        return k.Model(wafer, k.layers.Conv2D(4, 3, groups=2)(wafer))

    def broadcast(k: Any) -> Any:
        wafer = k.Input((4, 4, 4), batch_size=1)
        gate = k.layers.GlobalAveragePooling2D(keepdims=True)(wafer)
        return k.Model(wafer, k.layers.Multiply()([wafer, gate]))

    assert "SOFTMAX" in refused(softmax)
    assert "CONV_2D" in refused(groups)
    assert "MUL" in refused(broadcast)
