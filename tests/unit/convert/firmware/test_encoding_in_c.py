"""The encoder in C gives the bytes of edge.wafer.encoding for any map."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convert.firmware import model_source
from convert.firmware.targets.c99 import core_files
from edge.model import flatbuffer, model_file
from edge.wafer import encoding
from edge.wafer.wafermap import DieGrid
from tests.support.c_library import (
    BAD_SIZE,
    BAD_STATE,
    MAX_SIDE,
    NO_DIES,
    OK,
    Grid,
    Result,
    grid_of,
    library,
    write,
)
from tests.support.compilers import compiler

SIDE = st.integers(1, 12) | st.integers(1, MAX_SIDE)


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    cc = compiler()
    folder = tmp_path_factory.mktemp("core")
    shipped = model_file.load()
    network = model_source.network_of(shipped, flatbuffer.read(shipped.content))
    write(folder, core_files(network))
    (folder / "wm_model.h").write_text(model_source.header(shipped, network.plan.bytes))
    (folder / "wm_model.c").write_text(model_source.body(shipped, network))
    sources = [folder / "wm_model.c", *sorted(Path(folder / "c99").rglob("*.c"))]
    return library(folder / "core.so", sources, [folder, folder / "c99"], cc)


@st.composite
def maps(draw: st.DrawFn) -> DieGrid:
    """Maps with holes, empty edges, and any share of dies."""
    rows, columns = draw(SIDE), draw(SIDE)
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    shares = draw(st.sampled_from([(0.1, 0.6, 0.3), (0.95, 0.02, 0.03), (0, 0, 1), (0, 1, 0)]))
    dies = rng.choice(3, (rows, columns), p=shares).astype(np.uint8)
    top, left = draw(st.integers(0, rows - 1)), draw(st.integers(0, columns - 1))
    bottom, right = draw(st.integers(top + 1, rows)), draw(st.integers(left + 1, columns))
    cut = np.zeros_like(dies)
    cut[top:bottom, left:right] = dies[top:bottom, left:right]
    cut[top, right - 1] = 1
    return cut


@settings(max_examples=150, deadline=None)
@given(dies=maps())
def test_same_bytes(core: ctypes.CDLL, dies: DieGrid) -> None:
    found = np.full((encoding.SIZE, encoding.SIZE, 2), 77, np.uint8)
    core.wm_encode(ctypes.byref(grid_of(dies)), ctypes.c_void_p(found.ctypes.data))
    assert np.array_equal(found, encoding.encode(dies))


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (300, 300), (52, 53)])
def test_set_one_by_one(core: ctypes.CDLL, shape: tuple[int, int]) -> None:
    dies = np.random.default_rng(1).integers(0, 3, shape).astype(np.uint8)
    dies[0, 0] = 2
    grid = Grid()
    ctypes.memset(ctypes.byref(grid), 0xFF, ctypes.sizeof(grid))
    assert core.wm_grid_begin(ctypes.byref(grid), *shape) == OK
    for index, state in enumerate(dies.reshape(-1).tolist()):
        assert core.wm_grid_set(ctypes.byref(grid), index, state) == OK
    assert bytes(grid.cells) == bytes(grid_of(dies).cells)
    for index in range(dies.size):  # again: what was there must go
        core.wm_grid_set(ctypes.byref(grid), index, 1)
    assert bytes(grid.cells) == bytes(grid_of(np.ones_like(dies)).cells)


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (301, 5), (5, 301), (65535, 65535)])
def test_bad_size(core: ctypes.CDLL, shape: tuple[int, int]) -> None:
    grid = Grid()
    assert core.wm_grid_begin(ctypes.byref(grid), *shape) == BAD_SIZE
    grid.rows, grid.columns = shape
    assert core.wm_grid_set(ctypes.byref(grid), 0, 1) == BAD_SIZE
    assert core.wm_classify(ctypes.byref(grid), ctypes.byref(Result())) == BAD_SIZE


def test_bad_states_and_places(core: ctypes.CDLL) -> None:
    grid = grid_of(np.ones((4, 5), np.uint8))
    assert core.wm_grid_set(ctypes.byref(grid), 0, 3) == BAD_STATE
    assert core.wm_grid_set(ctypes.byref(grid), 20, 1) == BAD_SIZE
    grid.cells[1] = 0xFF
    assert core.wm_classify(ctypes.byref(grid), ctypes.byref(Result())) == BAD_STATE


def test_no_dies(core: ctypes.CDLL) -> None:
    grid = grid_of(np.zeros((30, 30), np.uint8))
    assert core.wm_classify(ctypes.byref(grid), ctypes.byref(Result())) == NO_DIES
    found = np.full((encoding.SIZE, encoding.SIZE, 2), 77, np.uint8)
    core.wm_encode(ctypes.byref(grid), ctypes.c_void_p(found.ctypes.data))
    assert not found.any()
