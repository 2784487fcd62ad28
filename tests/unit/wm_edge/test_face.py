"""What scripts and notebooks see: lazy names, one wafer of anything, errors that say the mend."""

from __future__ import annotations

import io
import os
import pydoc
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wm_edge
from edge.classification.classifier import Classifier
from edge.classification.prediction import Prediction
from edge.errors import InputError, InputKind
from edge.wafer.probes import probe
from edge.wafer.wafermap import WaferMap
from tests.support.cli import Finished, python
from tests.support.cli import wm_edge as run_wm_edge
from tests.support.wafers import write_bad, write_good

ROOT = Path(wm_edge.__file__).parents[1]


NAMES = {"load", "Classifier", "classify", "classify_block", "read", "WaferMap", "Prediction"}
NAMES |= {"ReviewRule"}
TYPES = {"ModelFile", "Verdict", "Reason", "InputKind", "WmEdgeError", "InputError", "ModelError"}


def test_every_name_is_there_and_is_the_one_of_the_house() -> None:
    assert {*dir(wm_edge)} == {*wm_edge.__all__} == NAMES | TYPES | {"__version__"}
    told = pydoc.plain(pydoc.render_doc(wm_edge))
    assert all(f"\n    {name}(" in told for name in ("classify", "load", "read"))
    for name in NAMES | TYPES:
        assert getattr(wm_edge, name).__name__ == name
    assert wm_edge.Classifier is Classifier
    assert wm_edge.Prediction is Prediction
    assert wm_edge.__version__
    with pytest.raises(AttributeError, match="no attribute 'clasify'") as missing:
        _ = wm_edge.clasify
    assert (missing.value.name, missing.value.obj) == (
        "clasify",
        wm_edge,
    )  # Python says what is like it


def test_the_face_loads_nothing_before_it_is_used() -> None:
    code = """
import sys
before = set(sys.modules)  # an editable installation has loaded some itself
import wm_edge
print({"numpy", "click", "cv2", "edge", "pathlib"} & (set(sys.modules) - before))
from wm_edge import WaferMap
print({"click", "cv2", "ai_edge_litert"} & set(sys.modules))
"""
    assert python(code).text == "set()\nset()\n"


@pytest.mark.parametrize("kind", [str, Path, list, np.asarray, WaferMap])
def test_one_wafer_of_anything(tmp_path: Path, kind: type) -> None:
    dies = probe(3)
    np.save(tmp_path / "wafer.npy", dies)
    given = {str: str(tmp_path / "wafer.npy"), Path: tmp_path / "wafer.npy", list: dies.tolist()}
    made = given.get(kind) or kind(dies.astype(np.int64))
    found = wm_edge.classify(made)
    assert found.pattern == wm_edge.classify(dies).pattern
    assert found.wafer_map.dies.dtype == np.uint8
    assert np.array_equal(found.wafer_map.dies, dies)


def test_a_classifier_of_ones_own_is_asked() -> None:
    one = Classifier(wm_edge.load(), average_symmetries=True)
    assert wm_edge.classify(probe(2), one).symmetries == 8
    assert wm_edge.classify(probe(2)).symmetries == 1


def test_what_is_not_one_wafer_is_refused_with_the_mend(tmp_path: Path) -> None:
    stack = tmp_path / "stack.npy"
    np.save(stack, np.stack([probe(1)] * 3))
    with pytest.raises(InputError, match=r"holds several wafers.*wm_edge\.read") as told:
        wm_edge.classify(stack)
    assert told.value.kind is InputKind.AMBIGUOUS
    assert told.value.source == os.fspath(stack)
    for array, words in (
        ([[0, 7]], "value 7 at row 0"),
        ([[0, 0]], "no die"),
        (np.uint8(5), "single value"),
        (np.stack([probe(1)] * 3), "one wafer is one 2-D grid"),
        ([[1, 2], [1]], "differ in length"),
        (np.ma.masked_array(probe(1), probe(1) == 2), "masked"),
    ):
        with pytest.raises(InputError, match=f"array: .*{words}"):
            wm_edge.classify(array)
    for path, words in (("", "''.*give the path"), ("https://a/b.png", "save first")):
        with pytest.raises(InputError, match=words):
            wm_edge.classify(path)
    with pytest.raises(InputError, match=r"is a folder, .*wm_edge\.read"):
        wm_edge.classify(tmp_path)
    with pytest.raises(InputError, match="here: value 9"):
        wm_edge.classify(WaferMap(np.asarray([[1, 9]], np.uint8), "here"))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (None, "not NoneType"),
        (5, "not int"),
        (b"\x93NUMPY", "not bytes; .* of what is open the path"),
        (io.BytesIO(), "not BytesIO; .* of what is open the path"),
        (["a.npy", "b.npy"], "not list; of several give one after the other"),
        ([WaferMap(probe(1))], "not list; of several give one after the other"),
        ({"dies": 1}, "not dict"),
    ],
)
def test_what_is_no_wafer_at_all_is_told_what_is(given: Any, words: str) -> None:
    with pytest.raises(TypeError, match=rf"its path, an array .* or a WaferMap, {words}"):
        wm_edge.classify(given)


def test_a_model_file_is_made_a_classifier_first() -> None:
    for given in ("mine.tflite", wm_edge.load()):
        with pytest.raises(TypeError, match=r"Classifier\(load\(path\)\)"):
            wm_edge.classify(probe(1), given)  # type: ignore[arg-type]


def test_a_prediction_does_not_change_with_the_array() -> None:
    dies = probe(3)
    found = wm_edge.classify(dies)
    dies[:] = 0
    assert found.wafer_map.fail_count == np.count_nonzero(found.wafer_map.dies == 2) > 0


def test_reading_takes_rules_for_files_that_do_not_say_what_passes(tmp_path: Path) -> None:
    path = tmp_path / "w.map"
    path.write_text("LOT:A\nRowData:01 07\nRowData:99 01\n")
    with pytest.raises(InputError, match="pass-bins"):
        list(wm_edge.read(path))
    (found,) = wm_edge.read(path, pass_bins=["1"], none_bins=["99"])
    assert found.dies.tolist() == [[1, 2], [0, 1]]
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "r.toml").write_text('pass_bins = ["07"]\n[match]\n')
    (found,) = wm_edge.read(path, recipes=tmp_path / "recipes")
    assert (found.dies.tolist(), found.legend) == ([[2, 1], [2, 2]], "recipe r")
    with pytest.raises(TypeError, match="a list of texts"):
        list(wm_edge.read(path, none_bins="01"))


def test_reading_streams_and_says_what_cannot_be_read(tmp_path: Path) -> None:
    good = write_good(tmp_path)
    write_bad(tmp_path)
    broken: list[InputError] = []
    read = list(wm_edge.read(tmp_path, on_error=broken.append))
    assert {Path(one.source) for one in read} >= set(good)
    files = {Path(one.source.partition("[")[0]) for one in (*read, *broken)}
    assert files >= {path for path in tmp_path.iterdir() if path.suffix == ".npy"}
    assert broken
    with pytest.raises(InputError):
        list(wm_edge.read(tmp_path))
    assert next(wm_edge.read(good[0])).source == os.fspath(good[0])


def test_lot_and_wafer_are_read_off_names(tmp_path: Path) -> None:
    (tmp_path / "A12").mkdir()
    np.save(tmp_path / "A12" / "w07.npy", probe(3))
    for path in (tmp_path, tmp_path / "A12" / "w07.npy"):
        (found,) = wm_edge.read(path, name_pattern="{lot}/w{wafer}")
        assert (found.lot, found.wafer) == ("A12", "07")


def script(code: str, folder: Path) -> Finished:
    """A script in a folder of the user, whose modules come first."""
    start = [sys.executable, "-c", code]
    return run_wm_edge(start=start, env={"PYTHONPATH": str(ROOT)}, cwd=folder)


@pytest.mark.parametrize("loaded", ["", "import edge"])
def test_an_edge_of_the_user_is_named_where_the_face_is_used(tmp_path: Path, loaded: str) -> None:
    (tmp_path / "edge.py").write_text("print('ran')\n" if not loaded else "")
    code = f"""
{loaded}
import wm_edge
try:
    wm_edge.classify
except ImportError as error:
    print(error)
"""
    done = script(code, tmp_path)
    assert done.text.startswith(f"{tmp_path / 'edge.py'}: hides wm-edge's own 'edge'"), done.stderr
    assert "rename it" in done.text
    assert "ran" not in done.text


def test_a_users_own_train_stays_his_in_a_script(tmp_path: Path) -> None:
    """The face needs none of the other two, and leaves a script's own modules alone."""
    (tmp_path / "train.py").write_text("NAME = 'mine'\n")
    code = "import wm_edge; wm_edge.classify; import train; print(train.NAME)"
    assert script(code, tmp_path).text == "mine\n"


def test_what_a_file_warns_of_is_told_to_a_script(tmp_path: Path) -> None:
    path = tmp_path / "w.map"
    path.write_text("COLCT:9\nBCEQU:01\nRowData:01 07\nRowData:07 01\n")
    with pytest.warns(UserWarning, match="header promises 9 columns") as told:
        (found,) = wm_edge.read(path)
    assert [str(each.message) for each in told] == [f"{path}: {found.warning}"]
    assert told[0].filename == __file__
    with pytest.warns(UserWarning, match="header promises 9 columns"):
        next(wm_edge.read(path))  # and no further
