"""The sheet of example wafers and the command that draws it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from edge.dataset.labelled_set import LabelledSet
from edge.errors import DataError, UsageError
from edge.synth import round_grid
from edge.wafer.patterns import PATTERNS
from train.cli.dataset_show import command
from train.sheet import CELL, COLOURS, MAX_PER_CLASS, draw_sheet, draw_wafer, save_sheet
from train.synth.sets import synthetic_set


@pytest.fixture(scope="module")
def labelled() -> LabelledSet:
    return synthetic_set(dict.fromkeys(PATTERNS, 4), [round_grid(20, 24), round_grid(130, 120)], 1)


def test_sheet_has_a_row_a_pattern_and_a_column_a_wafer(labelled: LabelledSet) -> None:
    narrow, wide = draw_sheet(labelled, 2, 0), draw_sheet(labelled, 4, 0)
    assert narrow.dtype == np.uint8
    assert narrow.shape[2] == 3
    assert narrow.shape[0] == wide.shape[0] >= len(PATTERNS) * CELL
    assert wide.shape[1] - narrow.shape[1] >= 2 * CELL


def test_sheet_depends_on_the_seed_alone(labelled: LabelledSet) -> None:
    assert np.array_equal(draw_sheet(labelled, 2, 7), draw_sheet(labelled, 2, 7))
    assert not np.array_equal(draw_sheet(labelled, 2, 7), draw_sheet(labelled, 2, 8))


def test_sheet_of_missing_and_few_wafers_keeps_its_shape() -> None:
    few = synthetic_set({"Donut": 1}, [round_grid(20, 20)], 0)
    nothing = synthetic_set({}, [], 0)
    assert draw_sheet(few, 3, 0).shape == draw_sheet(nothing, 3, 0).shape


@pytest.mark.parametrize("per_class", [0, -1, MAX_PER_CLASS + 1])
def test_sheet_refuses_senseless_numbers(labelled: LabelledSet, per_class: int) -> None:
    with pytest.raises(UsageError, match="between 1 and"):
        draw_sheet(labelled, per_class, 0)


def test_wafer_fills_a_square_in_its_three_colours() -> None:
    picture = draw_wafer(np.array([[0, 1, 2]], np.uint8), 30)
    assert picture.shape == (30, 30, 3)
    for state, column in enumerate((5, 15, 25)):
        assert (picture[:, column] == COLOURS[state]).all()


def test_wafer_with_more_dies_than_pixels_keeps_its_scratch() -> None:
    dies = np.ones((300, 300), np.uint8)
    dies[:, 150] = 2
    picture = draw_wafer(dies, 100).astype(int)
    assert (picture[:, 50] != COLOURS[1]).any(axis=1).all()
    assert (picture[:, 20] == COLOURS[1]).all()


def test_sheet_is_saved_once(labelled: LabelledSet, tmp_path: Path) -> None:
    sheet, path = draw_sheet(labelled, 1, 0), tmp_path / "é.png"
    save_sheet(sheet, path)
    assert np.array_equal(cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR), sheet)
    with pytest.raises(DataError, match="--overwrite"):
        save_sheet(sheet, path)
    save_sheet(sheet, path, overwrite=True)
    with pytest.raises(UsageError, match="ends in"):
        save_sheet(sheet, tmp_path / "sheet.pdf")


def test_command_counts_wafers_and_lots(labelled: LabelledSet, tmp_path: Path) -> None:
    data, out = tmp_path / "data.npz", tmp_path / "sheet.png"
    wafers = len(labelled)
    lots = np.where(np.arange(wafers) % 4 == 0, -1, np.arange(wafers) // 2).astype(np.int32)
    parts = np.where(np.arange(wafers) < 8, "test", "train")
    labelled.with_columns(lot=lots, part=parts).save(data)
    runner = CliRunner()
    result = runner.invoke(command, [str(data), "--out", str(out)], catch_exceptions=False)
    assert result.exit_code == 0
    rows = {line.split()[0]: line.split()[1:] for line in result.stdout.splitlines()}
    assert rows["Donut"] == ["4", "2", "11.11%"]
    assert rows["all"] == ["36", "18", "100.00%"]
    assert out.exists()
    arguments = [str(data), "--out", str(out), "--part", "test", "--overwrite"]
    result = runner.invoke(command, arguments, catch_exceptions=False)
    assert "all                8" in result.stdout
    with pytest.raises(UsageError, match="--overwrite"):
        runner.invoke(command, [str(data), "--out", str(out)], catch_exceptions=False)


def test_command_needs_a_split_for_a_part(labelled: LabelledSet, tmp_path: Path) -> None:
    data = tmp_path / "data.npz"
    labelled.save(data)
    arguments = [str(data), "--out", str(tmp_path / "sheet.png"), "--part", "val"]
    with pytest.raises(DataError, match="dataset split"):
        CliRunner().invoke(command, arguments, catch_exceptions=False)
