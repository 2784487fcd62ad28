"""The labelled set: what is written comes back, what is wrong is refused."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.dataset.labelled_set import LabelledSet, Part, build, concatenate, fingerprint
from edge.dataset.reading import load
from edge.errors import DataError
from edge.wafer.patterns import PATTERNS, WM811K, PatternSet

Arrays = dict[str, npt.NDArray[Any]]

wafer = st.tuples(
    st.integers(1, 9), st.integers(1, 9), st.integers(0, 99), st.sampled_from(PATTERNS)
)


def made(wafers: list[tuple[int, int, int, str]]) -> LabelledSet:
    grids = [
        np.random.default_rng(seed).integers(0, 3, (rows, columns), np.uint8)
        for rows, columns, seed, _ in wafers
    ]
    number = np.arange(len(wafers))
    return build(
        grids,
        [label for *_, label in wafers],
        lot=number.astype(np.int32),
        label_conflict=number % 2 == 0,
        official=np.where(number % 3, "Test", "Training"),
    )


def same(one: LabelledSet, two: LabelledSet) -> bool:
    return (
        one.sha256() == two.sha256()
        and np.array_equal(one.offsets, two.offsets)
        and one.columns.keys() == two.columns.keys()
        and all(np.array_equal(one.columns[name], two.columns[name]) for name in one.columns)
    )


def test_wafers_may_have_no_label(tmp_path: Path) -> None:
    grids = [np.ones((2, 2), np.uint8)] * 4
    labelled = build(grids, ["", "Grid", "ok", ""])
    labelled.save(tmp_path / "set.npz")
    found = load(tmp_path / "set.npz")
    assert same(found, labelled)
    assert found.labels.tolist() == ["", "Grid", "ok", ""]
    assert found.class_counts() == {"Grid": 1, "ok": 1}
    with pytest.raises(DataError, match="have no label"):
        found.class_indices()
    said: list[str] = []
    assert found.with_labels(said.append).labels.tolist() == ["Grid", "ok"]
    assert said == ["left out: 2 wafers without a label"]
    assert concatenate([found, labelled]).labels.tolist() == labelled.labels.tolist() * 2
    bare = build(grids, [""] * 4)
    assert (bare.patterns, set(bare.class_counts().values())) == (WM811K, {0})
    with pytest.raises(DataError, match="none of the set's 4 wafers has a label"):
        bare.with_labels(said.append)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(st.lists(wafer, max_size=6))
def test_what_is_saved_is_loaded(wafers: list[tuple[int, int, int, str]]) -> None:
    labelled = made(wafers)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "set.npz"
        labelled.save(path)
        assert same(load(path), labelled)
        assert [entry.name for entry in Path(folder).iterdir()] == ["set.npz"]


@settings(max_examples=20, deadline=None, derandomize=True)
@given(st.lists(wafer, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_select_and_concatenate_keep_every_wafer(
    wafers: list[tuple[int, int, int, str]], chance: Any
) -> None:
    labelled = made(wafers)
    order = list(range(len(wafers)))
    chance.shuffle(order)
    cut = len(order) // 2
    pieces = [labelled.select(np.asarray(part, np.intp)) for part in (order[:cut], order[cut:])]
    joined = concatenate(pieces)
    back = joined.select(np.argsort(order))
    assert same(back, labelled)
    for place, index in enumerate(order):
        assert np.array_equal(joined.grid(place), labelled.grid(index))


def test_select_by_mask_and_part(generated: LabelledSet) -> None:
    names = np.resize(["train", "val", "test", ""], len(generated))
    split = generated.with_columns(part=names)
    val = split.part(Part.VAL)
    assert len(val) == (names == "val").sum()
    assert np.array_equal(val.grid(0), generated.grid(1))
    with pytest.raises(DataError, match="wm-edge dataset split"):
        generated.part(Part.VAL)


def test_concatenate_keeps_only_the_columns_that_all_have(generated: LabelledSet) -> None:
    bare = build([generated.grid(0)], ["Loc"], wafer=np.asarray([3], np.int16))
    assert set(concatenate([generated, bare]).columns) == {"wafer"}


def test_class_indices_and_counts(generated: LabelledSet) -> None:
    indices = generated.class_indices()
    assert [PATTERNS[index] for index in indices] == generated.labels.tolist()
    assert generated.class_counts() == dict.fromkeys(PATTERNS, 6)


def test_wafer_map_knows_its_lot_and_not_what_is_unknown() -> None:
    labelled = build([np.ones((2, 2), np.uint8)] * 2, ["Loc"] * 2, lot=np.asarray([7, -1]))
    first, second = labelled.wafer_map(0, "a.npz"), labelled.wafer_map(1)
    assert (first.lot, first.wafer, first.index, first.source) == ("7", None, 0, "a.npz")
    assert (second.lot, second.index) == (None, 1)


def test_fingerprint_tells_shapes_apart() -> None:
    dies = np.ones((2, 6), np.uint8)
    assert fingerprint(dies) == fingerprint(np.asfortranarray(dies))
    assert fingerprint(dies) != fingerprint(dies.reshape(3, 4))
    assert fingerprint(dies) != fingerprint(dies * 2)


def test_existing_file_is_replaced_only_on_request(tmp_path: Path) -> None:
    path = tmp_path / "set.npz"
    made([(2, 2, 0, "Loc")]).save(path)
    other = made([(3, 3, 0, "Donut")])
    with pytest.raises(DataError, match=r"set\.npz: exists already.*--overwrite"):
        other.save(path)
    assert load(path).labels.tolist() == ["Loc"]
    other.save(path, overwrite=True)
    assert load(path).labels.tolist() == ["Donut"]


def test_unwritable_place_is_a_data_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"set\.npz: cannot be written \(No such file"):
        made([(2, 2, 0, "Loc")]).save(tmp_path / "missing" / "set.npz")


def without(name: str) -> Callable[[Arrays], None]:
    return lambda arrays: arrays.__delitem__(name)


def replaced(name: str, change: Callable[[npt.NDArray[Any]], Any]) -> Callable[[Arrays], None]:
    return lambda arrays: arrays.__setitem__(name, change(arrays[name]))


def added(name: str, values: list[Any]) -> Callable[[Arrays], None]:
    return lambda arrays: arrays.__setitem__(name, np.asarray(values))


REFUSALS: dict[str, tuple[Callable[[Arrays], None], str]] = {
    "no labels": (without("labels"), "lacks labels; `wm-edge dataset import`"),
    "unknown label": (
        added("pattern_set", ['{"names": ["Grid", "ok"], "none": "ok"}']),
        "unknown label 'Donut', 'Loc'; known: Grid, ok",
    ),
    "no pattern set": (added("pattern_set", ["[]"]), "its `pattern_set` is no pattern set"),
    "one pattern": (replaced("labels", lambda a: np.full(len(a), "ring")), "must hold 2 to 64"),
    "labels as numbers": (replaced("labels", lambda a: np.arange(len(a))), "not text"),
    "labels in two columns": (replaced("labels", lambda a: np.stack([a, a])), "do not agree"),
    "objects": (replaced("labels", lambda a: a.astype(object)), "Python objects"),
    "dies cut short": (replaced("dies", lambda a: a[:-1]), "truncated"),
    "value 3": (
        replaced("dies", lambda a: np.concatenate([a[:-1], [3]]).astype(np.uint8)),
        "die state 3 in wafer 2",
    ),
    "dies as int64": (replaced("dies", lambda a: a.astype(int)), "one row of uint8"),
    "offsets as float": (replaced("offsets", lambda a: a.astype(float)), "whole numbers"),
    "one offset missing": (replaced("offsets", lambda a: a[:-1]), "do not agree"),
    "offsets shifted": (replaced("offsets", lambda a: a + 1), "do not fit together"),
    "side 0": (replaced("shapes", lambda a: a * 0), "side outside 1..4096"),
    "sides swapped with others": (replaced("shapes", lambda a: a[::-1]), "do not fit together"),
    "short column": (replaced("lot", lambda a: a[:-1]), "column lot has (2,) entries"),
    "conflict as text": (
        replaced("label_conflict", lambda a: a.astype(str)),
        "column label_conflict is",
    ),
    "lot with halves": (replaced("lot", lambda a: a + 0.5), "column lot is of type float64"),
    "lot without end": (
        replaced("lot", lambda a: np.full(len(a), np.inf)),
        "column lot is of type float64",
    ),
    "part in capitals": (added("part", ["Train", "val", ""]), "column part holds 'Train'"),
    "part as numbers": (added("part", [0, 1, 2]), "column part is of type int"),
    "official by another name": (added("official", ["Test", "", "x"]), "official holds 'x'"),
    "bytes that are no text": (added("part", [b"\xff", b"", b""]), "column part is not UTF-8"),
}


@pytest.mark.parametrize(("spoil", "words"), REFUSALS.values(), ids=REFUSALS)
def test_load_refuses(tmp_path: Path, spoil: Callable[[Arrays], None], words: str) -> None:
    labelled = made([(2, 3, 0, "Loc"), (1, 4, 1, "none"), (5, 5, 2, "Donut")])
    arrays: Arrays = {
        "dies": labelled.dies,
        "offsets": labelled.offsets,
        "shapes": labelled.shapes,
        "labels": labelled.labels,
        **labelled.columns,
    }
    spoil(arrays)
    np.savez_compressed(tmp_path / "bad.npz", **arrays)
    with pytest.raises(DataError) as caught:
        load(tmp_path / "bad.npz")
    assert words in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "bad.npz"))


def test_bytes_and_whole_floats_are_read_as_what_they_mean(tmp_path: Path) -> None:
    labelled = made([(2, 3, 0, "Loc"), (1, 4, 1, "none")])
    np.savez_compressed(
        tmp_path / "set.npz",
        dies=labelled.dies,
        offsets=labelled.offsets,
        shapes=labelled.shapes,
        labels=labelled.labels.astype("S"),
        lot=np.asarray([7.0, np.nan]),
        part=np.asarray([b"train", b""]),
        official=np.asarray([b"Training", b"Test"]),
    )
    found = load(tmp_path / "set.npz")
    assert found.labels.tolist() == ["Loc", "none"]
    assert found.columns["lot"].tolist() == [7, -1]
    assert found.columns["lot"].dtype == np.int64
    assert len(found.part(Part.TRAIN)) == 1
    assert found.columns["official"].tolist() == ["Training", "Test"]


def test_files_that_are_no_archive_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "bad.npz"
    with pytest.raises(DataError, match="no such file"):
        load(path)
    for content in (b"", b"1,2,1\n", b"PK\x03\x04", b"\x93NUMPY\x01\x00"):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"bad\.npz"):
            load(path)
    with path.open("wb") as file:
        np.save(file, np.ones((3, 3)))  # one array under the name of an archive
    with pytest.raises(DataError, match="not a labelled set"):
        load(path)


def test_truncated_or_damaged_archives_are_refused_or_whole(tmp_path: Path) -> None:
    """At any place: whatever zipfile, zlib or NumPy raise becomes a DataError."""
    labelled = made([(4, 4, 0, "Loc")] * 3)
    path = tmp_path / "set.npz"
    labelled.save(path)
    content = path.read_bytes()
    for place in range(0, len(content), 11):
        path.write_bytes(content[:place])
        with pytest.raises(DataError):
            load(path)
    for place in range(0, len(content), 5):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0x09]) + content[place + 1 :])
        try:
            found = load(path)
        except DataError:
            continue
        assert found.sha256() == labelled.sha256(), f"byte {place} changed the wafers unseen"


def test_a_folder_is_sent_to_import(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="dataset import"):
        load(tmp_path)


def test_wafers_without_a_label_have_none_under_other_names() -> None:
    own = PatternSet(("GRID", "spot"), aliases={"Loc": "spot"})
    found = build([np.ones((9, 9), np.uint8)] * 3, ["", "spot", ""], own).under(WM811K)
    assert found.labels.tolist() == ["", "Loc", ""]
    assert found.patterns is WM811K
