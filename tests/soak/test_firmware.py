"""Many wafers on this machine's C, LiteRT's reference kernels and TFLite Micro: the same bytes.

C that follows LiteRT's rounding must give LiteRT's bytes and the station's verdicts; C that follows
TFLite Micro's must give those of its own interpreter.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.dataset.reading import load
from edge.model import model_file
from edge.model.runtime import Kernels
from edge.synth import typical_grids
from edge.verdict.rule import MIN_FAILS, REASONS
from edge.wafer import encoding
from edge.wafer.patterns import PATTERNS
from edge.wafer.wafermap import FAIL, DieGrid, WaferMap
from tests.support.c_library import OK, Recording, Result, grid_of, library
from tests.support.cli import wm_edge
from tests.support.compilers import compiler
from tests.support.station import SOAK
from tests.support.tflm import put_wheel_on_path
from train.synth.sets import synthetic_set

COUNT = 1000 if SOAK else 100


def exported(folder: Path, rounding: str) -> ctypes.CDLL:
    done = wm_edge("export-firmware", folder, "--rounding", rounding)
    assert done.code == 0, done.stderr
    sources = [folder / "wm_model.c", *sorted((folder / "c99").rglob("*.c"))]
    return library(folder / "wm.so", sources, [folder, folder / "c99"], compiler())


@pytest.fixture(scope="module")
def litert(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    return exported(tmp_path_factory.mktemp("litert") / "firmware", "litert")


@pytest.fixture(scope="module")
def micro(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    return exported(tmp_path_factory.mktemp("micro") / "firmware", "micro")


@pytest.fixture(scope="module")
def station() -> Recording:
    return Recording(model_file.load(), kernels=Kernels.REFERENCE)


def generated() -> list[DieGrid]:
    each = -(-COUNT // len(PATTERNS))
    made = synthetic_set(dict.fromkeys(PATTERNS, each), typical_grids(), 5)
    return [made.grid(index) for index in range(COUNT)]


def real(folder: Path) -> list[DieGrid]:
    wafers = load(folder / "wm811k.npz")
    chosen = np.random.default_rng(5).choice(len(wafers), COUNT, replace=False)
    return [wafers.grid(int(index)) for index in chosen]


def made(rows: int, columns: int, seed: int) -> DieGrid:
    random = np.random.default_rng(seed)
    dies = random.choice(3, (rows, columns), p=random.dirichlet((1, 1, 1))).astype(np.uint8)
    dies.flat[int(random.integers(dies.size))] = 1  # a map without dies is refused
    return dies


@pytest.fixture(params=["generated", "real"])
def wafers(request: pytest.FixtureRequest) -> list[DieGrid]:
    return (
        generated() if request.param == "generated" else real(request.getfixturevalue("data_dir"))
    )


def compare(firmware: ctypes.CDLL, station: Recording, dies: DieGrid) -> None:
    station.last = [0] * 9, np.zeros(36, np.int8)  # stays where no network is asked
    known, result = station.classify(WaferMap(dies)), Result()
    logits, embedding = station.last
    assert firmware.wm_classify(ctypes.byref(grid_of(dies)), ctypes.byref(result)) == OK
    assert list(result.logits) == logits
    assert list(result.embedding) == embedding.tolist()
    assert list(known.probabilities)[result.pattern] == known.pattern
    assert REASONS[result.reason] == known.reason


def test_c_and_the_station_agree(
    litert: ctypes.CDLL, station: Recording, wafers: list[DieGrid]
) -> None:
    for dies in wafers:
        compare(litert, station, dies)


@settings(
    max_examples=COUNT, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=st.integers(1, 300), columns=st.integers(1, 300), seed=st.integers(0, 2**32))
def test_c_and_the_station_agree_on_grids_of_any_shape(
    litert: ctypes.CDLL, station: Recording, rows: int, columns: int, seed: int
) -> None:
    compare(litert, station, made(rows, columns, seed))


@pytest.fixture(scope="module")
def interpreter() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        put_wheel_on_path(patch)
        from convert.firmware.tflm import micro as wheel

        yield wheel


def test_c_and_tflite_micro_agree(
    micro: ctypes.CDLL, interpreter: Any, wafers: list[DieGrid]
) -> None:
    grids = [*wafers, *(made(1 + seed % 300, 1 + seed * 7 % 300, seed) for seed in range(COUNT))]
    grids = [dies for dies in grids if (dies == FAIL).sum() >= MIN_FAILS]
    inputs = np.stack([encoding.to_int8(encoding.encode(dies)) for dies in grids])
    known = outputs_of(interpreter, inputs)
    result = Result()
    for place, dies in enumerate(grids):
        assert micro.wm_classify(ctypes.byref(grid_of(dies)), ctypes.byref(result)) == OK
        assert list(result.logits) == known[0][place].tolist(), place
        assert list(result.embedding) == known[1][place].tolist(), place


def outputs_of(wheel: Any, inputs: npt.NDArray[np.int8]) -> list[npt.NDArray[np.int8]]:
    """Logits and embedding of TFLite Micro's interpreter, int8 (wafers, size) each."""
    runs = wheel.run(model_file.load().content, inputs, 2)
    return sorted(runs.outputs, key=lambda output: output.shape[-1])
