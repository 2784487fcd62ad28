"""Any format into any other: what was written is read as the same wafer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from edge.dataset.map_files import Found, convert, found_in, kinds
from edge.dataset.plain_files import png
from edge.errors import InputError, UsageError
from edge.formats.fab.recipe import Flip, Match, Recipe, Side
from edge.formats.fab.rules import NO_RULES, Rules
from edge.wafer.wafermap import DieGrid
from edge.wafer.warned import Warned

#: An L of fails in a corner.
L_SHAPE = np.ones((5, 4), np.uint8)
L_SHAPE[0, :3] = L_SHAPE[:4, 0] = 2
L_SHAPE[4, 3] = 0

SINF = b"""DEVICE:DEMO
LOT:%s
WAFER:03
FNLOC:180
ROWCT:2
COLCT:3
%sRowData: __ 01 01
RowData: 02 01 07
"""


def refuse(error: InputError) -> None:
    raise error


def converted(given: Path | list[Path], out: Path | str, **options: Any) -> int:
    return convert(given if isinstance(given, list) else [given], out, on_error=refuse, **options)


def found(path: Path, rules: Rules = NO_RULES) -> list[Found]:
    items = list(found_in([str(path)], rules))
    assert not [item for item in items if isinstance(item, InputError)]
    return [item for item in items if isinstance(item, Found)]


def file_of(folder: Path, lot: bytes = b"A", passing: bytes = b"BCEQU:01\n") -> Path:
    path = folder / f"{len(list(folder.iterdir()))}.map"
    path.write_bytes(SINF % (lot, passing))
    return path


@pytest.mark.parametrize("kind", kinds())
@pytest.mark.parametrize("turns", range(8))
def test_a_corner_comes_back_in_all_eight_ways(tmp_path: Path, kind: str, turns: int) -> None:
    dies = np.rot90(L_SHAPE.T if turns > 3 else L_SHAPE, turns)
    np.save(tmp_path / "in.npy", dies)
    out = tmp_path / f"out{kinds()[kind].suffix}"
    assert converted(tmp_path / "in.npy", out, to=kind) == 1
    assert np.array_equal(found(out)[0].wafer.dies, dies)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.integers(0, 2))
)
def test_a_picture_is_read_as_what_it_was_written_from_or_refused(dies: DieGrid) -> None:
    try:
        content = png(dies, "here")
    except UsageError:
        return
    assert content.startswith(b"\x89PNG")


def test_a_grid_that_would_not_be_read_is_not_written(tmp_path: Path) -> None:
    np.save(tmp_path / "in.npy", [[0, 1, 2], [1, 1, 2]])
    with pytest.raises(UsageError, match="may be a header"):
        converted(tmp_path / "in.npy", tmp_path / "out.csv", to="grid")
    assert [path.name for path in tmp_path.iterdir()] == ["in.npy"]


def test_codes_and_names_stay_between_formats_of_fabs(tmp_path: Path) -> None:
    given = file_of(tmp_path)
    converted(given, tmp_path / "out.sinf")
    assert found(tmp_path / "out.sinf")[0].fab == found(given)[0].fab


def test_what_a_rule_says_stands_in_the_file_that_is_written(tmp_path: Path) -> None:
    recipe = Recipe(Match(), ("01",), flip=(Flip.UP_DOWN,), orientation={"180": Side.LEFT})
    given, rules = file_of(tmp_path, passing=b""), Rules(recipes=(("r", recipe),))
    converted(given, tmp_path / "out.sinf", rules=rules)
    told, made = found(given, rules)[0].wafer, found(tmp_path / "out.sinf")[0].wafer
    assert made.turned == told.turned == 90
    assert made.dies.tolist() == told.dies.tolist() == [[2, 1], [1, 1], [2, 0]]


@pytest.mark.parametrize(
    ("out", "names"),
    [
        ("out/", ["A_03 (2).npy", "A_03.npy", "B_03.npy"]),
        ("out/{lot}/w{slot}.npy", ["A/wunknown (2).npy", "A/wunknown.npy", "B/wunknown.npy"]),
        ("out/{device}-{lot}", ["DEMO-A (2).npy", "DEMO-A.npy", "DEMO-B.npy"]),
    ],
)
def test_a_file_a_wafer_under_names_that_tell_them_apart(
    tmp_path: Path, out: str, names: list[str]
) -> None:
    given = [file_of(tmp_path, lot) for lot in (b"A", b"A", b"B")]
    (tmp_path / "out").mkdir()
    assert converted(given, f"{tmp_path}/{out}", to="npy") == 3
    made = (tmp_path / "out").rglob("*.npy")
    assert sorted(str(path.relative_to(tmp_path / "out")) for path in made) == names


def test_what_is_written_below_an_input_is_no_input(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    file_of(tmp_path)
    assert converted(tmp_path, f"{tmp_path}/out/", to="sinf") == 1


def test_no_name_in_a_file_leads_out_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    converted(file_of(tmp_path, b"../../A"), f"{tmp_path}/out/", to="npy")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["_.._A_03.npy"]


def test_one_that_a_format_cannot_hold_stops_no_other(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    np.save(tmp_path / "whole.npy", np.kron(L_SHAPE, np.ones((3, 3), np.uint8)))
    errors: list[InputError] = []
    given = [tmp_path / "whole.npy", file_of(tmp_path)]
    assert convert(given, f"{tmp_path}/out/", to="png", on_error=errors.append) == 1
    assert "would be read as another map" in errors[0].reason
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["A_03.png"]


@pytest.mark.parametrize("out", ["a/b/out.sinf", "a/b/", "a/b/{lot}.sinf"])
def test_folders_that_are_missing_are_made(tmp_path: Path, out: str) -> None:
    converted([file_of(tmp_path)], f"{tmp_path}/{out}", to="sinf")
    assert len(list((tmp_path / "a" / "b").iterdir())) == 1


def test_a_labelled_set_of_all_wafers_without_labels(tmp_path: Path) -> None:
    converted([file_of(tmp_path, lot) for lot in (b"A", b"B")], tmp_path / "out.npz")
    with np.load(tmp_path / "out.npz") as made:
        assert made["labels"].tolist() == ["", ""]
        assert made["lot"].tolist() == ["A", "B"]


@pytest.mark.parametrize(
    ("out", "to", "what"),
    [
        ("out.xyz", "", "its suffix does not say"),
        ("out.npy", "docx", "docx: no format that is written"),
        ("out.npy", "", "holds one wafer, and there are more"),
        ("{lotto}.npy", "", "{lotto} is no field"),
        ("0.map/out.sinf", "", "its folder cannot be made"),
        ("0.map", "sinf", "is one of the inputs"),
    ],
)
def test_what_cannot_be_written(tmp_path: Path, out: str, to: str, what: str) -> None:
    given = [file_of(tmp_path), file_of(tmp_path)]
    with pytest.raises(UsageError, match=what):
        converted(given, f"{tmp_path}/{out}", to=to)
    assert len(list(tmp_path.iterdir())) == 2


def test_what_nobody_says_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    given, errors = file_of(tmp_path, passing=b""), list[InputError]()
    with pytest.raises(UsageError, match="no wafer to write"):
        convert([given], tmp_path / "out.npy", on_error=errors.append)
    assert "--pass-bins" in str(errors[0])
    assert [path.name for path in tmp_path.iterdir()] == ["0.map"]


@pytest.mark.parametrize("out", ["a/b/", "a/b/w.sinf", "a/{lot}/{wafer}.npy"])
def test_where_nothing_is_written_no_folder_is_made(tmp_path: Path, out: str) -> None:
    path = file_of(tmp_path, passing=b"")
    with pytest.raises(UsageError, match="no wafer to write"):
        convert([path], f"{tmp_path}/{out}", to="sinf", on_error=[].append)
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_file_warns_of_is_not_lost_where_it_is_written_anew(tmp_path: Path) -> None:
    path = file_of(tmp_path)
    path.write_bytes(path.read_bytes().replace(b"COLCT:3", b"COLCT:4"))
    warned = Warned()
    assert converted([path, file_of(tmp_path)], tmp_path / "out.npz", warned=warned) == 2
    (sentence,) = warned.sentences()
    assert sentence.startswith(f"{path}: ")
    assert "header promises 4 columns" in sentence
