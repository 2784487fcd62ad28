"""The TFLite Micro project: against the real interpreter of its wheel, and built on stand-ins.

TFLite Micro's sources cannot be fetched by the tests, so the C++ is compiled and linked against
``tests/support/tflm_tree``, whose interpreter runs the c99 target's network.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pytest

from convert.firmware import golden, model_source
from convert.firmware.export import export
from convert.firmware.rounding import Rounding
from convert.firmware.targets import tflm
from convert.firmware.tflm import micro, source
from convert.firmware.tflm.arena import arena_of, estimated
from convert.firmware.tflm.source import ADD_FUNCTIONS, add_functions
from edge.dataset.drawn import drawn
from edge.errors import ModelError, UsageError
from edge.model import flatbuffer
from edge.model.model_file import ModelFile, attach, load
from edge.system.shipped import firmware_path
from edge.wafer import encoding
from edge.wafer.wafermap import DieGrid
from tests.support import spoil
from tests.support.cli import wm_edge
from tests.support.compilers import need, need_build, run
from tests.support.firmware import Talk
from tests.support.int8_networks import convert
from tests.support.parts import BOARD_CXX
from tests.support.tflm import TREE, cmake, network_of, put_wheel_on_path

#: One worker exports and builds for all.
pytestmark = pytest.mark.xdist_group("firmware-tflm")

GENERATED: Final = 100
#: Of these, wafers with a logit that TFLite Micro rounds otherwise: 3 in 100 were seen.
MAY_DIFFER: Final = 10
FLAGS: Final = ("-std=c++17", "-Wall", "-Wextra", "-Werror", "-DTF_LITE_STATIC_MEMORY")

Int8 = npt.NDArray[np.int8]


@pytest.fixture(scope="module")
def wheel() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        put_wheel_on_path(patch)
        yield


@pytest.fixture(scope="module")
def measured(wheel: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Exported with the wheel at hand."""
    folder = tmp_path_factory.mktemp("measured") / "firmware"
    path = {"PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    done = wm_edge("export-firmware", folder, "--target", "tflm", "--measure", env=path)
    assert done.code == 0, done.stderr
    assert done.stdout == b""
    return folder


@pytest.fixture(scope="module")
def unmeasured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Exported as at a station, without the wheel."""
    folder = tmp_path_factory.mktemp("unmeasured")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(micro, "available", lambda: False)
        files = tflm.generate(load(firmware_path())).files
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def c99(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("c99")
    export(load(firmware_path()), folder, "c99", rounding=Rounding.MICRO)
    return folder


@pytest.fixture(scope="module")
def content() -> bytes:
    return source.bare(load(firmware_path()))


@pytest.fixture(scope="module")
def grids() -> list[DieGrid]:
    """The golden wafers, and drawn ones in all turns and flips."""
    labelled = drawn()
    turned = [
        encoding.symmetry(labelled.grid(index)[np.newaxis], which)[0]
        for index in range(len(labelled))
        for which in range(encoding.SYMMETRIES)
    ]
    chosen = np.random.default_rng(0).permutation(len(turned))[:GENERATED]
    return [*golden.wafers(), *(np.ascontiguousarray(turned[place]) for place in chosen)]


@pytest.fixture(scope="module")
def wafers(grids: list[DieGrid]) -> Int8:
    return np.stack([encoding.to_int8(encoding.encode(dies)) for dies in grids])


def define(folder: Path, name: str) -> int:
    text = (folder / "wm_tflm_model.h").read_text()
    found = re.search(rf"#define {name} (\d+)", text)
    assert found, name
    return int(found[1])


# What is exported.


def test_the_array_is_the_network_alone(unmeasured: Path) -> None:
    shipped = load(firmware_path())
    text = (unmeasured / "model_data.cc").read_text()
    numbers = text[text.index("{") + 1 : text.index("}")].split(",")
    array = bytes(int(number) for number in numbers if number.strip())
    assert shipped.content.startswith(array)
    assert shipped.content[len(array) :].startswith(b"PK\x03\x04")
    assert hashlib.sha256(array).hexdigest() == shipped.document["tflite_sha256"]
    assert f"wm_model_data_bytes = {len(array)};" in text
    assert "alignas(16) const uint8_t wm_model_data[" in text


def test_the_resolver_has_the_operators_of_the_model(unmeasured: Path, content: bytes) -> None:
    text = (unmeasured / "wm_tflm_resolver.h").read_text()
    added = re.findall(r"resolver\.(Add\w+)\(\)", text)
    used = {operator.name for operator in flatbuffer.read(content).operators}
    assert sorted(added) == sorted(ADD_FUNCTIONS[name] for name in used)
    assert f"MicroMutableOpResolver<{len(used)}>" in text


def test_an_operator_without_a_function_is_named(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="GATHER, WHILE: no function"):
        add_functions(["CONV_2D", "WHILE", "GATHER", "WHILE"])
    file = tmp_path / "gather.tflite"
    file.write_bytes(attach(spoil.replace_kind(content, 36), load(firmware_path()).document))
    done = wm_edge("export-firmware", file, tmp_path / "firmware", "--target", "tflm")
    assert done.code == 3
    assert "GATHER: no function of MicroMutableOpResolver" in done.stderr
    assert not (tmp_path / "firmware").exists()


def test_encoding_verdict_and_golden_wafers_are_those_of_c99(unmeasured: Path, c99: Path) -> None:
    same = [f"c99/wm_{name}.c" for name in ("classify", "encode", "grid", "verdict")]
    for name in (*same, "golden.c", "golden.h", "station/station.c", "host/golden_test.c"):
        assert (unmeasured / name).read_bytes() == (c99 / name).read_bytes(), name
    tables = (unmeasured / "wm_model.c").read_text().split('#include "wm_model.h"')[1]
    assert (
        tables.split()
        == (c99 / "wm_model.c")
        .read_text()
        .split('#include "wm_model.h"')[1]
        .split('#include "wm_kernels.h"')[0]
        .split()
    )


def test_without_the_wheel_it_says_that_nothing_was_measured(unmeasured: Path) -> None:
    assert "NOT MEASURED, an estimate" in (unmeasured / "wm_tflm_model.h").read_text()
    assert define(unmeasured, "WM_TFLM_ARENA_MEASURED") == 0
    assert "was not tried at export" in (unmeasured / "README.md").read_text()


def test_measure_wants_the_wheel_and_the_target(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert wm_edge("export-firmware", tmp_path / "x", "--measure").code == 2
    monkeypatch.setattr(micro, "available", lambda: False)
    with pytest.raises(UsageError, match="wm-edge\\[firmware\\]"):
        micro.require()


def test_a_network_that_was_changed_is_refused() -> None:
    shipped = load(firmware_path())
    changed = bytearray(shipped.content)
    changed[50_000] ^= 1
    with pytest.raises(ModelError, match="not the one that its metadata names"):
        source.bare(ModelFile(shipped.path, bytes(changed), shipped.metadata))


# The real interpreter.


def test_the_arena_is_large_enough_and_no_larger(
    measured: Path, content: bytes, wafers: Int8
) -> None:
    stated = define(measured, "WM_TFLM_ARENA_BYTES")
    assert define(measured, "WM_TFLM_ARENA_MEASURED") == 1
    needed, version = micro.smallest_arena(content)
    assert version in (measured / "wm_tflm_model.h").read_text()
    assert needed <= stated <= 1.05 * needed
    assert micro.run(content, wafers[:1], 2, arena=stated) is not None
    assert micro.run(content, wafers[:1], 2, arena=int(0.9 * needed)) is None
    planned = model_source.network_of(load(firmware_path()), flatbuffer.read(content)).plan.bytes
    print(f"arena: c99 {planned}, TFLite Micro {needed}: {planned / needed:.2f}")
    assert planned <= 1.05 * needed


def test_what_tflite_micro_cannot_read_is_an_error(wheel: None, content: bytes) -> None:
    with pytest.raises(ModelError, match="TFLite Micro"):
        micro.smallest_arena(content[: len(content) // 100])


def test_the_estimate_is_enough(wheel: None, unmeasured: Path, content: bytes) -> None:
    pytest.importorskip("tensorflow")
    from train.network import networks

    def residual(_: Any) -> Any:
        return networks.finished(networks.build("residual"), np.zeros(9))

    needed, _ = micro.smallest_arena(content)
    assert needed <= define(unmeasured, "WM_TFLM_ARENA_BYTES") <= 1.25 * needed
    other = convert(residual)
    inside = flatbuffer.read(other)
    assert arena_of(other, inside).found <= estimated(inside).bytes


def test_outputs_are_the_golden_ones_bit_for_bit(
    wheel: None, content: bytes, grids: list[DieGrid], wafers: Int8
) -> None:
    """And the reference kernels', but for how dense layers, which only logits pass, are rounded."""
    ran = micro.run(content, wafers, 2)
    assert ran is not None
    places = model_source.outputs_of(load(firmware_path()), flatbuffer.read(content))
    logits, embedding = (ran.outputs[place] for place in places)
    known = golden.answers(load(firmware_path()), grids, Rounding.MICRO)
    asked = np.asarray([not one.clear for one in known])
    logits, embedding = logits[asked], embedding[asked]
    known = [one for one in known if not one.clear]
    assert np.array_equal(logits, np.stack([one.logits for one in known]))
    assert np.array_equal(embedding, np.stack([one.embedding for one in known]))
    reference = [
        one
        for one in golden.answers(load(firmware_path()), grids, Rounding.LITERT)
        if not one.clear
    ]
    assert np.array_equal(embedding, np.stack([one.embedding for one in reference]))
    apart = np.abs(logits.astype(int) - np.stack([one.logits for one in reference])).max(axis=1)
    assert apart.max() <= 2, "a step for each of two dense layers"
    assert np.count_nonzero(apart) <= MAY_DIFFER


# The project, on stand-ins of TFLite Micro.


def test_cxx_is_free_of_warnings(unmeasured: Path) -> None:
    cxx = need("g++", package="g++")
    folders = [f"-I{unmeasured / name}" for name in (".", "c99", "tflm")]
    for name in ("model_data.cc", "tflm/infer_tflm.cc"):
        run([cxx, "-fsyntax-only", *FLAGS, *folders, f"-I{TREE}", str(unmeasured / name)])


@pytest.fixture(scope="module")
def built(unmeasured: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("build")
    cmake(unmeasured, folder)
    return folder


@pytest.fixture(scope="module")
def stand_in(c99: Path) -> Path:
    return network_of(c99)


def test_self_test_on_this_machine(
    built: Path, stand_in: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WM_STAND_IN", str(stand_in))
    said = run([str(built / "wm_selftest")])
    count = len(golden.wafers())
    assert f"{count} of {count} golden wafers right" in said
    run([need("ctest", package="cmake"), "--test-dir", str(built)])


def test_a_station_that_cannot_infer_never_answers(built: Path) -> None:
    done = subprocess.run(
        [built / "wm_station"], stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    assert done.returncode == 1
    assert done.stdout == b""
    assert b"TFLite Micro has failed" in done.stderr


def test_the_station_answers(built: Path, stand_in: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WM_STAND_IN", str(stand_in))
    with Talk(str(built / "wm_station")) as talk:
        assert talk.after(b"") == []


def test_a_board_links(unmeasured: Path, tmp_path: Path) -> None:
    need_build(BOARD_CXX)
    toolchain = f"-DCMAKE_TOOLCHAIN_FILE={unmeasured / 'arm-none-eabi.cmake'}"
    cmake(unmeasured, tmp_path / "m4", toolchain, "-DWM_CPU=cortex-m4")
    program = tmp_path / "m4" / "wm_station.elf"
    table = run(["arm-none-eabi-objdump", "-h", str(program)])
    assert ".init_array" not in table, "start-up code runs no constructors"


def test_one_variable_pins_tflite_micro(measured: Path) -> None:
    text = (measured / "CMakeLists.txt").read_text()
    found = re.search(r'set\(WM_TFLM_COMMIT "([0-9a-f]{7,40})"', text)
    assert found
    assert "GIT_TAG ${WM_TFLM_COMMIT}" in text
    assert text.count(found[1]) == 1
    header = (measured / "wm_tflm_model.h").read_text()
    assert f"-g{found[1]}" in header, "what was measured is what is built"
