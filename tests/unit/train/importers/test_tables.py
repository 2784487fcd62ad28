"""Tables and stacks of one's own: which column is what, and what its cells may hold."""

from __future__ import annotations

import bz2
import gzip
import lzma
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from click.testing import CliRunner

from edge.dataset.reading import load
from edge.errors import DataError
from edge.wafer.patterns import PatternSet
from train.cli.dataset_import import command
from train.importers import Imported, SourceKind, import_dataset

MAPS = np.stack([np.full((4, 6), 1 + (np.arange(6) == place), np.uint8) for place in range(4)])
OWN = ["Grid", "Comet", "ok", "Grid"]


@pytest.fixture
def stacked(tmp_path: Path) -> Callable[..., Imported]:
    """Imports an ``.npz`` of these arrays beside the maps."""

    def run(options: dict[str, Any] | None = None, **arrays: npt.ArrayLike) -> Imported:
        np.savez(tmp_path / "stack.npz", **{"maps": MAPS, **arrays})
        return import_dataset(tmp_path / "stack.npz", **(options or {}))

    return run


# -- stacks ------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["labels", "Pattern", "y"])
@pytest.mark.parametrize("labels", [OWN, [name.encode() for name in OWN]])
def test_labels_of_a_stack_under_any_key(
    stacked: Callable[..., Imported], key: str, labels: list[Any]
) -> None:
    found = stacked(**{key: labels}, lot=["A", "A", "B", "C"], wafer=[1, 2, 1, 1], size=[9])
    assert found.labelled.labels.tolist() == OWN
    assert [found.labelled.grid(place).tolist() for place in range(4)] == MAPS.tolist()
    assert found.labelled.columns["lot"].tolist() == ["A", "A", "B", "C"]
    assert found.report.kind is SourceKind.STACK
    taken = f"columns taken: maps as waferMap, {key} as failureType, lot as lotName, wafer as"
    assert any(note.startswith(taken) for note in found.report.notes)


def test_stacks_that_numpy_names_itself(tmp_path: Path) -> None:
    np.savez(tmp_path / "plain.npz", MAPS, OWN)
    assert import_dataset(tmp_path / "plain.npz").labelled.labels.tolist() == OWN


def test_numbers_of_a_stack_need_a_legend_and_may_bring_it(
    stacked: Callable[..., Imported],
) -> None:
    numbers = [2, 0, 1, 2]
    with pytest.raises(DataError, match=r"labels holds numbers, .*--label 1=NAME --label 2=NAME"):
        stacked(labels=numbers)
    legend = {"0": "Comet", "1": "ok", "2": "Grid"}
    assert stacked({"legend": legend}, labels=numbers).labelled.labels.tolist() == OWN
    unused = stacked({"legend": {**legend, "7": "Ring"}}, labels=numbers).report.notes
    assert "--label 7=Ring: no row has this label" in unused
    brought = stacked(labels=numbers, class_names=["Comet", "ok", "Grid"])
    assert brought.labelled.labels.tolist() == OWN
    aliases = PatternSet(("Grid", "Comet", "ok"), "ok", {"0": "Comet", "1": "ok", "2": "Grid"})
    assert stacked({"patterns": aliases}, labels=numbers).labelled.labels.tolist() == OWN


@pytest.mark.parametrize("kind", [np.uint8, np.float32, bool])
def test_one_column_a_pattern(stacked: Callable[..., Imported], kind: type) -> None:
    hot = np.eye(3, dtype=kind)[[2, 0, 1, 2]]
    hot[3] = 0, 1, 1
    legend = {"0": "Comet", "1": "ok", "2": "Grid"}
    found = stacked({"legend": legend}, target=hot)
    assert found.labelled.labels.tolist() == OWN[:3]
    assert found.report.left_out == {"two or more patterns at once": 1}


@pytest.mark.parametrize(
    ("options", "words", "absent"),
    [
        (["--unlabelled"], "(no label)         4", "Donut"),
        (["--label", "ok=0"], "the number comes first, write 0=ok", "wrote"),
    ],
)
def test_the_command_tells_what_is_there_alone(
    tmp_path: Path, options: list[str], words: str, absent: str
) -> None:
    np.savez(tmp_path / "bare.npz", maps=MAPS)
    paths = [str(tmp_path / "bare.npz"), "--out", str(tmp_path / "out.npz")]
    done = CliRunner().invoke(command, [*paths, *options])
    assert words in done.output
    assert absent not in done.output


def test_what_rows_of_zeros_mean_is_not_guessed(stacked: Callable[..., Imported]) -> None:
    hot, names = [[1, 0], [0, 1], [0, 0], [1, 0]], ["Grid", "Comet"]
    with pytest.raises(DataError, match=r"only zeros stand in 1 row of y \(first: row 2\).*--none"):
        stacked(y=hot, class_names=names)
    found = stacked({"none": "ok"}, y=hot, class_names=names).labelled
    assert (found.labels.tolist(), found.patterns.none) == (OWN, "ok")
    kept = stacked({"unlabelled": True}, y=hot, class_names=names).labelled
    assert kept.labels.tolist() == ["Grid", "Comet", "", "Grid"]


def test_columns_of_0_and_1_are_a_pattern_each(tmp_path: Path) -> None:
    path = tmp_path / "wafers.pkl"
    flags = {
        "Grid": [1, 0, 0, 1],
        "Comet": np.asarray([0.0, 1, 0, 0]),
        "ok": [False, False, True, 0],
    }
    path.write_bytes(pickle.dumps({"waferMap": list(MAPS), "yield": [0.5] * 4, **flags}))
    found = import_dataset(path)
    assert found.labelled.labels.tolist() == OWN
    assert "columns of 0 and 1 taken as a pattern each: Grid, Comet, ok" in found.report.notes


def test_what_is_not_labelled_is_left_out_or_kept(stacked: Callable[..., Imported]) -> None:
    labels = ["Grid", "", "ok", "nan"]
    found = stacked(labels=labels)
    assert (found.labelled.labels.tolist(), found.report.left_out) == (
        ["Grid", "ok"],
        {"without a label": 2},
    )
    found = stacked({"unlabelled": True}, labels=labels, split=["train", "train", "Test", "x"])
    assert found.labelled.labels.tolist() == ["Grid", "", "ok", ""]
    assert found.labelled.columns["part"].tolist() == ["train", "", "test", ""]
    assert not found.report.left_out


def test_a_stack_without_labels_is_taken_where_it_is_asked_for(
    stacked: Callable[..., Imported],
) -> None:
    with pytest.raises(DataError, match=r"lacks failureType .*it has maps.* --unlabelled takes"):
        stacked()
    found = stacked({"unlabelled": True}, lotID=[7, 7, 8, 8]).labelled
    assert found.labels.tolist() == [""] * 4
    assert found.columns["lot"].tolist() == [7, 7, 8, 8]


def test_it_is_not_guessed_which_array_is_which(stacked: Callable[..., Imported]) -> None:
    with pytest.raises(DataError, match=r"several arrays may be the labels \(a, b\); call one"):
        stacked(a=OWN, b=OWN)
    with pytest.raises(DataError, match="several arrays may be the maps"):
        stacked(dies=MAPS, labels=OWN)
    with pytest.raises(DataError, match="has both lot and lotID; drop one"):
        stacked(labels=OWN, lot=[1] * 4, lotID=[2] * 4)


def test_labels_that_are_python_objects_are_not_opened(stacked: Callable[..., Imported]) -> None:
    for options in ({}, {"unlabelled": True}):
        with pytest.raises(
            DataError, match=r"y may be the labels, but hold Python .*astype\(str\)"
        ):
            stacked(options, y=np.asarray(OWN, object))


# -- pickles -----------------------------------------------------------------------------------

ROWS = [{"map": grid, "class": name, "lot": 5} for grid, name in zip(MAPS, OWN, strict=True)]
TABLES = {
    "a dict of lists": {"map": list(MAPS), "class": OWN, "lot": [5] * 4, "note": "no column"},
    "a dict of arrays": {"map": MAPS, "class": np.asarray(OWN, object), "lot": np.full(4, 5)},
    "plain lists": {"map": MAPS.tolist(), "class": [n.encode() for n in OWN], "lot": [5.0] * 4},
    "a list of dicts": ROWS,
}


@pytest.mark.parametrize("content", TABLES.values(), ids=TABLES.keys())
@pytest.mark.parametrize("protocol", [2, 5])
def test_a_pickle_of_plain_things(tmp_path: Path, content: object, protocol: int) -> None:
    path = tmp_path / "wafers.pkl"
    path.write_bytes(pickle.dumps(content, protocol))
    found = import_dataset(path)
    assert found.report.kind is SourceKind.TABLE
    assert found.labelled.labels.tolist() == OWN
    assert [found.labelled.grid(place).tolist() for place in range(4)] == MAPS.tolist()
    assert found.labelled.columns["lot"].tolist() == [5] * 4


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_what_a_file_is_shows_in_its_content_not_in_its_name(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "wafers.dat"
    path.write_bytes(pack(pickle.dumps(ROWS)))
    assert import_dataset(path).labelled.labels.tolist() == OWN


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"map": list(MAPS), "class": OWN[:3]}, "its columns differ in length: map 4, class 3"),
        ({"map": [[[1, 2], [1]]], "class": ["ok"]}, "row 0 is damaged"),
        ({"map": ["text"], "class": ["ok"]}, "row 0 holds a str where a wafer map is expected"),
        ({"map": list(MAPS), "class": [{}] * 4}, "row 0 of class holds a dict where a text"),
    ],
)
def test_a_table_that_cannot_be_used_says_where(
    tmp_path: Path, content: object, words: str
) -> None:
    path = tmp_path / "wafers.pkl"
    path.write_bytes(pickle.dumps(content))
    with pytest.raises(DataError, match=words):
        import_dataset(path)


def holding_itself() -> list[Any]:
    cell: list[Any] = []
    cell += [cell, cell]
    return cell


@pytest.mark.parametrize(
    "content",
    [
        {"map": [holding_itself()], "class": ["ok"]},
        {"map": [MAPS[0]], "class": [holding_itself()]},
        {"map": [MAPS[0]], "class": [10**400]},
        {"map": [MAPS[0]], "class": np.ones((1, 100_000), np.uint8)},
        [{str(number): 1} for number in range(1001)],
    ],
    ids=["map", "label", "digits", "columns", "keys"],
)
def test_a_hostile_table_ends_with_a_message(tmp_path: Path, content: object) -> None:
    path = tmp_path / "wafers.pkl"
    path.write_bytes(pickle.dumps(content))
    with pytest.raises(DataError, match=r"wafers\.pkl: "):
        import_dataset(path)


@pytest.mark.parametrize("name", ["a/b", ".hidden", "../up", "a=b", "label \N{SNOWMAN}"])
def test_labels_that_no_file_could_be_called(
    stacked: Callable[..., Imported], tmp_path: Path, name: str
) -> None:
    found = stacked(labels=[name, name, "ok", "ok"]).labelled
    found.save(tmp_path / "set.npz")
    assert load(tmp_path / "set.npz").labels.tolist() == [name, name, "ok", "ok"]
