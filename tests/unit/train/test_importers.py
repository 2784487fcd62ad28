"""Imports of public data: what is kept, what is left out, and why."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from click.testing import CliRunner

from edge.dataset import reading
from edge.dataset.load_any import load_any
from edge.dataset.lots import lot_groups
from edge.dataset.mixedwm38 import PATTERN_ORDER
from edge.dataset.reading import load
from edge.errors import DataError, UsageError
from edge.formats.columns import LONGEST
from edge.formats.name_pattern import NamePattern
from edge.formats.paths import read_items
from edge.wafer.patterns import PatternSet
from edge.wafer.wafermap import WaferMap
from tests.support import pandas_pickle, recorded_frames
from tests.support.pandas_pickle import Row
from train.cli import dataset_show
from train.cli.dataset_import import command
from train.importers import Imported, SourceKind, import_dataset, table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MAP = np.asarray([[0, 1, 0], [1, 2, 1], [0, 1, 0]], np.uint8)
OTHER = np.asarray([[2, 2], [2, 1]], np.uint8)


@pytest.fixture
def frame(tmp_path: Path) -> Callable[..., Path]:
    def save(rows: list[Row], **options: str) -> Path:
        return pandas_pickle.save(tmp_path / "LSWMD.pkl", rows, **options)

    return save


# -- WM-811K -----------------------------------------------------------------------------------

RECORDED = {
    name: value for name, value in vars(recorded_frames).items() if isinstance(value, bytes)
}


@pytest.mark.parametrize("content", RECORDED.values(), ids=RECORDED.keys())
def test_frames_of_every_pandas_version_import_alike(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "frame.pkl"
    path.write_bytes(content)
    imported = import_dataset(path)
    labelled, report = imported.labelled, imported.report
    assert labelled.labels.tolist() == ["none", "Edge-Ring"]
    assert labelled.grid(0).tolist() == MAP.tolist()
    assert labelled.grid(1).tolist() == [[1, 2, 1]]
    assert labelled.columns["lot"].tolist() == [1, 2]
    assert labelled.columns["lot"].dtype == np.int32
    assert labelled.columns["wafer"].tolist() == [1, 1]
    assert labelled.columns["wafer"].dtype == np.int16
    assert labelled.columns["official"].tolist() == ["Training", "Test"]
    assert (report.read, report.kept, report.left_out) == (3, 2, {"without a label": 1})


@pytest.mark.parametrize(
    ("column", "kind"),
    [("trianTestLabel", SourceKind.LSWMD), ("trainTestLabel", SourceKind.MIR)],
)
def test_either_spelling_of_the_split_is_found(
    frame: Callable[..., Path], column: str, kind: SourceKind
) -> None:
    imported = import_dataset(frame([Row(MAP, "none", "Test")], split_column=column))
    assert imported.report.kind is kind
    assert imported.labelled.columns["official"].tolist() == ["Test"]


@pytest.fixture
def changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Imported]:
    """Imports the recorded frame with columns replaced, or taken out by a None."""
    path = tmp_path / "frame.pkl"
    path.write_bytes(recorded_frames.LSWMD_PANDAS_1_5)
    found = table.read(path)

    def run(legend: dict[str, str] | None = None, **columns: list[Any] | None) -> Imported:
        kept = {**found.columns, **columns}
        kept = {name: values for name, values in kept.items() if values is not None}
        monkeypatch.setattr(table, "read", lambda *_, **__: table.LabelledTable(3, kept))
        return import_dataset(path, legend=legend)

    return run


@pytest.mark.parametrize(
    ("column", "lost"),
    [("lotName", "lot"), ("waferIndex", "wafer"), ("trianTestLabel", "official")],
)
def test_what_a_frame_lacks_the_set_lacks_and_the_report_says_so(
    changed: Callable[..., Imported], column: str, lost: str
) -> None:
    found = changed(**{column: None})
    assert set(found.labelled.columns) == {"lot", "wafer", "official", "label_conflict"} - {lost}
    (note,) = found.report.notes
    assert note.startswith(f"no column {column}")
    kind = SourceKind.FRAME if lost == "official" else SourceKind.LSWMD
    assert found.report.kind is kind


@pytest.mark.parametrize("column", ["waferMap", "failureType"])
def test_a_frame_without_maps_or_labels_is_refused(
    changed: Callable[..., Imported], column: str
) -> None:
    with pytest.raises(DataError, match=rf"lacks {column} \(or .*; it has .*lotName"):
        changed(**{column: None})


@pytest.mark.parametrize("labels", [np.asarray([8, 0, 3]), [8, 0, 3], [np.nan, None, 3.0]])
def test_numbers_as_labels_are_refused_by_the_name_of_the_column(
    changed: Callable[..., Imported], labels: Any
) -> None:
    words = r"the column failureType holds numbers, and what (0, 3, 8 mean|3 means) is not known"
    with pytest.raises(DataError, match=words + ".*(--label 0=NAME )?--label 3=NAME"):
        changed(failureType=labels)


@pytest.mark.parametrize("labels", [np.asarray([8, 8, 0]), [8.0, "8", np.int64(0)]])
def test_a_legend_says_what_numbers_mean(changed: Callable[..., Imported], labels: Any) -> None:
    found = changed(failureType=labels, legend={"8": "Comet", "0": "ok"}).labelled
    assert set(found.labels.tolist()) == {"Comet", "ok"}
    assert found.patterns.none == "ok"
    with pytest.raises(DataError, match="what 8 means is not known here; say it with --label 8="):
        changed(failureType=labels, legend={"0": "ok"})


def test_a_legend_is_for_data_frames(tmp_path: Path) -> None:
    filled(tmp_path / "Grid", tmp_path / "ok")
    with pytest.raises(UsageError, match="--label is for a pickled table and a stack"):
        import_dataset(tmp_path, legend={"0": "ok"})
    done = CliRunner().invoke(command, [str(tmp_path), "--out", "a.npz", "--label", "0"])
    assert done.exit_code == 2
    assert "write it as NUMBER=NAME" in done.output


def test_lots_may_be_numbers_and_labels_blank(changed: Callable[..., Imported]) -> None:
    found = changed(lotName=[np.int64(47), 1.0, 5.0], failureType=["near full", " ", "Normal"])
    assert found.labelled.labels.tolist() == ["Near-full", "none"]
    assert found.labelled.columns["lot"].tolist() == [47, 5]


def test_a_cell_that_is_no_text_is_named_with_row_and_column(
    changed: Callable[..., Imported],
) -> None:
    with pytest.raises(DataError, match="row 2 of lotName holds a tuple"):
        changed(lotName=["lot1", "lot1", ()])


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "frame.pkl")
    with pytest.raises(DataError, match="not a regular file"):
        import_dataset(tmp_path / "frame.pkl")


@pytest.mark.parametrize("kind", ["S", "U"])
def test_labels_in_any_case_and_kind(frame: Callable[..., Path], kind: str) -> None:
    labels = ["None", "edge-ring", "NEAR-FULL", "Edge-Loc"]
    imported = import_dataset(frame([Row(MAP, label) for label in labels], text_kind=kind))
    assert imported.labelled.labels.tolist() == ["none", "Edge-Ring", "Near-full", "Edge-Loc"]


def test_labels_of_ones_own(frame: Callable[..., Path]) -> None:
    labelled = import_dataset(frame([Row(MAP, "none"), Row(MAP, "a Spiral")])).labelled
    assert labelled.labels.tolist() == ["none", "a Spiral"]
    assert labelled.patterns == PatternSet(("a Spiral", "none"), "none")
    with pytest.raises(DataError, match=r"row 1: the label 'Spi\\nral' holds a control character"):
        import_dataset(frame([Row(MAP, "none"), Row(MAP, "Spi\nral")]))
    with pytest.raises(DataError, match=r"\.pkl: .* must hold 2 to 64 patterns"):
        import_dataset(frame([Row(MAP, "Spiral")]))


def test_unusable_maps_are_counted_by_reason(frame: Callable[..., Path]) -> None:
    rows = [
        Row(MAP, "none"),
        Row(np.zeros((4, 4), np.uint8), "none"),
        Row(np.full((4, 4), 7, np.uint8), "Loc"),
        Row(np.empty((0, 4), np.uint8), "Loc"),
        Row(MAP),
    ]
    report = import_dataset(frame(rows)).report
    assert (report.read, report.kept) == (5, 1)
    assert report.left_out == {
        "without a label": 1,
        "map without a die": 1,
        "die state other than 0, 1, 2": 1,
        "not a two-dimensional map": 1,
    }
    assert "row 2: value 7" in report.problems[1]


def test_equal_maps_under_different_labels_are_marked(frame: Callable[..., Path]) -> None:
    rows = [Row(MAP, "none"), Row(OTHER, "Loc"), Row(MAP, "Center"), Row(OTHER, "Loc")]
    imported = import_dataset(frame(rows))
    assert imported.labelled.columns["label_conflict"].tolist() == [True, False, True, False]
    assert any(note.startswith("label_conflict marks 2 wafers ") for note in imported.report.notes)


def test_lots_that_are_not_all_numbered_keep_their_names(frame: Callable[..., Path]) -> None:
    rows = [Row(MAP, "none", lot=lot) for lot in ("lot7", "A-12", "lot7", "", "lot9")]
    labelled = import_dataset(frame(rows)).labelled
    assert labelled.columns["lot"].tolist() == ["lot7", "A-12", "lot7", "", "lot9"]


def test_a_name_longer_than_any_reader_takes_is_refused(frame: Callable[..., Path]) -> None:
    import_dataset(frame([Row(MAP, "none", lot="x" * LONGEST)]))
    with pytest.raises(DataError, match=r"the lot 'xxxx.* has 257 characters; at most 256"):
        import_dataset(frame([Row(MAP, "none", lot="x" * (LONGEST + 1))]))


def test_a_wafer_in_a_frame_is_kept_as_it_stands(
    frame: Callable[..., Path], changed: Callable[..., Imported]
) -> None:
    rows = [Row(MAP, "none", wafer=wafer) for wafer in (3.0, float("nan"), -1.0)]
    assert import_dataset(frame(rows)).labelled.columns["wafer"].tolist() == [3, -1, -1]
    rows = [Row(MAP, "none", wafer=wafer) for wafer in (3.0, float("nan"), 1.5, 4e4)]
    found = import_dataset(frame(rows)).labelled.columns["wafer"]
    assert found.tolist() == ["3", "", "1.5", "40000"]
    assert changed(waferIndex=["W07", None, 5]).labelled.columns["wafer"].tolist() == ["W07", "5"]


def test_a_set_without_labels_is_an_error(frame: Callable[..., Path]) -> None:
    with pytest.raises(DataError, match=r"no usable wafer in it \(1 without a label\)"):
        import_dataset(frame([Row(MAP)]))


def test_a_frame_that_names_os_system_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "LSWMD.pkl"
    path.write_bytes(b"\x80\x02cos\nsystem\nU\x02id\x85R.")
    with pytest.raises(DataError, match=r"refused: it names os\.system"):
        import_dataset(path)


# -- MixedWM38 ---------------------------------------------------------------------------------


def _mixed() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    maps = np.ones((5, 4, 4), np.int64)
    maps[0, 0, 0] = 3
    maps[1, 1, 1] = 2
    maps[2, 2, 2] = 2
    maps[4] = 9
    hot = np.zeros((5, 8), np.int64)
    hot[0, 6] = 1  # Scratch: the seventh, not the eighth, in this data set
    hot[1, [0, 2]] = 1
    hot[3, 7] = 1
    return maps, hot


def test_mixed_keeps_single_patterns_and_none(tmp_path: Path) -> None:
    maps, hot = _mixed()
    path = tmp_path / "Wafer_Map_Datasets.npz"
    np.savez(path, arr_0=maps, arr_1=hot)
    imported = import_dataset(path)
    assert imported.labelled.labels.tolist() == ["Scratch", "none", "Random"]
    assert imported.labelled.grid(0)[0, 0] == 2
    assert "lot" not in imported.labelled.columns
    assert imported.report.left_out == {
        "two or more patterns at once": 1,
        "die state other than 0, 1, 2": 1,
    }
    assert imported.report.notes[0].endswith("read as a failing die, in 1 map")


def test_mixed_by_its_own_names_follows_their_order(tmp_path: Path) -> None:
    maps, hot = _mixed()
    path = tmp_path / "mixed.npz"
    order = list(reversed(PATTERN_ORDER))
    np.savez(path, maps=maps.astype(np.uint8), labels=hot[:, ::-1], label_names=order)
    assert import_dataset(path).labelled.labels.tolist() == ["Scratch", "none", "Random"]


@pytest.mark.parametrize(
    ("maps", "hot", "message"),
    [
        (np.ones((2, 4)), np.zeros((2, 8)), "expected are"),
        (np.ones((2, 4, 4), np.uint8), np.zeros((3, 8)), "expected are"),
        (np.ones((2, 4, 4), np.uint8), np.full((2, 8), 2), "0 or 1"),
    ],
)
def test_mixed_of_another_layout_is_refused(
    tmp_path: Path, maps: np.ndarray[Any, Any], hot: np.ndarray[Any, Any], message: str
) -> None:
    path = tmp_path / "mixed.npz"
    np.savez(path, arr_0=maps, arr_1=hot)
    with pytest.raises(DataError, match=message):
        import_dataset(path)


# -- class folders -----------------------------------------------------------------------------


def test_class_folders_in_any_case(tmp_path: Path) -> None:
    for folder, name in (("CENTER", "a.npy"), ("edge-ring", "b.npy"), ("None", "c.npy")):
        (tmp_path / folder).mkdir()
        np.save(tmp_path / folder / name, MAP if folder == "CENTER" else OTHER)
    (tmp_path / "CENTER" / "broken.npy").write_bytes(b"nothing")
    (tmp_path / "readme.txt").write_text("beside")
    calls: list[tuple[int, int]] = []
    imported = import_dataset(tmp_path, progress=lambda done, total: calls.append((done, total)))
    assert sorted(imported.labelled.labels.tolist()) == ["Center", "Edge-Ring", "none"]
    assert calls[-1] == (4, 4)
    (reason,) = imported.report.left_out
    assert reason.startswith("unreadable")
    assert "broken.npy" in imported.report.problems[0]
    assert "passed over: 1 file beside the class folders" in imported.report.notes


def filled(*folders: Path) -> None:
    for number, folder in enumerate(folders):
        folder.mkdir(parents=True)
        np.save(folder / "w.npy", np.full((3, 3 + number), 2, np.uint8))


def test_class_folders_of_ones_own_names(tmp_path: Path) -> None:
    names = ["Grid", "GRID", "Comet, left", "Rand \N{MICRO SIGN}", "in order"]
    filled(*(tmp_path / name for name in names))
    found = import_dataset(tmp_path, none="In_Order")
    assert found.labelled.patterns.names == (
        "Comet, left",
        "GRID",
        "Rand \N{MICRO SIGN}",
        "in order",
    )
    assert found.labelled.patterns.none == "in order"
    assert "the folders 'GRID' and 'Grid' are one pattern, GRID" in found.report.notes
    found.labelled.save(tmp_path / "set.npz")
    assert load(tmp_path / "set.npz").patterns == found.labelled.patterns
    assert load_any(tmp_path).labels.tolist() == found.labelled.labels.tolist()
    (tmp_path / "Empty").mkdir()
    with pytest.raises(DataError, match="Empty: an empty class folder"):
        import_dataset(tmp_path)


@pytest.mark.parametrize(
    ("names", "none", "words"),
    [
        (["Grid"], None, "must hold 2 to 64 patterns"),
        (["Grid", "ok", "good"], None, "may both mean no pattern; say which"),
        (["Grid", "Comet"], "ok", "'ok' is none of the patterns"),
        (["Grid", "Co\nmet"], None, r"holds a control character \(U\+000A\)"),
    ],
)
def test_folders_that_are_no_pattern_set(
    tmp_path: Path, names: list[str], none: str | None, words: str
) -> None:
    filled(*(tmp_path / name for name in names))
    with pytest.raises(DataError, match=words):
        import_dataset(tmp_path, none=none)


def test_parts_above_class_folders(tmp_path: Path) -> None:
    filled(*(tmp_path / part / name for part in ("train", "valid") for name in ("Grid", "ok")))
    filled(tmp_path / "test" / "grid")
    found = import_dataset(tmp_path).labelled
    assert found.patterns == PatternSet(("grid", "ok"), "ok")
    assert Counter(found.columns["part"].tolist()) == {"train": 2, "val": 2, "test": 1}
    assert load_any(tmp_path).part("val").labels.tolist() == ["grid", "ok"]


def test_a_folder_without_class_folders_says_what_is_expected(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="one folder a pattern"):
        import_dataset(tmp_path)


# -- what is recognised ------------------------------------------------------------------------


def test_a_missing_source(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file or folder"):
        import_dataset(tmp_path / "absent.pkl")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"dies": [1], "offsets": [0], "shapes": [1], "labels": ["none"]}, "labelled set already"),
        ({"x": [1]}, "no known data set with labels; .* --unlabelled"),
    ],
)
def test_other_npz_files(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    path = tmp_path / "some.npz"
    np.savez(path, **arrays)
    with pytest.raises(DataError, match=message):
        import_dataset(path)


def test_a_text_file_is_no_data_set(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("hello")
    with pytest.raises(DataError, match=r"no known data set with labels; known are LSWMD\.pkl"):
        import_dataset(path)


# -- the command -------------------------------------------------------------------------------


def test_the_command_writes_the_set_and_reports_on_stderr(
    frame: Callable[..., Path], tmp_path: Path
) -> None:
    source, out = frame([Row(MAP, "none", "Test"), Row(OTHER)]), tmp_path / "out.npz"
    result = CliRunner().invoke(command, [str(source), "--out", str(out)], catch_exceptions=False)
    assert result.exit_code == 0
    assert result.stdout == ""
    assert "left out: 1 without a label" in result.stderr
    assert "1  means no pattern\n" in result.stderr
    assert reading.load(out).class_counts()["none"] == 1


def test_the_command_does_not_overwrite_unasked(frame: Callable[..., Path], tmp_path: Path) -> None:
    source, out = frame([Row(MAP, "none")]), tmp_path / "out.npz"
    out.write_text("mine")
    result = CliRunner().invoke(command, [str(source), "--out", str(out)])
    assert isinstance(result.exception, UsageError)
    assert out.read_text() == "mine"
    again = CliRunner().invoke(command, [str(source), "--out", str(out), "--overwrite"])
    assert again.exit_code == 0


def test_help_has_an_example() -> None:
    result = CliRunner().invoke(command, ["--help"])
    assert "  wm-edge dataset import LSWMD.pkl --out wm811k.npz\n" in result.stdout
    assert "\\b" not in result.stdout


def test_lots_from_names_let_class_folders_be_divided_by_lot(tmp_path: Path) -> None:
    (tmp_path / "Center").mkdir()
    for name in ("A_1.npy", "A_2.npy", "B_W3.npy", "C.npy", "D.npy"):
        np.save(tmp_path / "Center" / name, MAP)
    imported = import_dataset(tmp_path, pattern=NamePattern("{lot}_{wafer}"))
    assert imported.labelled.columns["lot"].tolist() == ["A", "A", "B", "", ""]
    assert imported.labelled.columns["wafer"].tolist() == ["1", "2", "W3", "", ""]
    groups = lot_groups(imported.labelled)
    assert groups[0] == groups[1]
    assert len(set(groups.tolist())) == 4
    assert dataset_show.table(imported.labelled)[1].split() == ["Center", "5", "2", "100.00%"]
    notes = " ".join(imported.report.notes)
    assert "C.npy does not fit the name pattern {lot}_{wafer}" in notes
    assert "2 files in all do not fit" in notes
    # The class folder is no lot.
    imported = import_dataset(tmp_path, pattern=NamePattern("{lot}/{wafer}"))
    assert "lot" not in imported.labelled.columns


def test_lot_and_wafer_are_kept_as_they_stand_in_names(tmp_path: Path) -> None:
    folder = tmp_path / "set" / "Center"
    folder.mkdir(parents=True)
    names = ["12_03", "12_3", "0012_40000", "A1_W07"]
    for name in names:
        np.save(folder / f"{name}.npy", MAP)
    imported = import_dataset(folder.parent, pattern=NamePattern("{lot}_{wafer}"))
    imported.labelled.save(tmp_path / "set.npz")
    assert imported.report.notes == ()
    # As a labelled set, and as wafers to be classified.
    whole = reading.load(tmp_path / "set.npz")
    read = [whole.wafer_map(index) for index in range(len(whole))]
    streamed = [
        wafer for wafer in read_items([str(tmp_path / "set.npz")]) if isinstance(wafer, WaferMap)
    ]
    for found in (read, streamed):
        assert [f"{wafer.lot}_{wafer.wafer}" for wafer in found] == names


@pytest.mark.parametrize(
    ("names", "lots", "wafers", "note"),
    [
        (["47_3", "5_25"], np.int32, np.int16, ""),
        (["47_3", "5_40000"], np.int32, np.str_, ""),
        (["47_3", "5000000000_4"], np.str_, np.int16, ""),
        (["A_3", "-1_4"], np.str_, np.int16, "the lot '-1' means unknown (1 wafer)"),
    ],
)
def test_names_that_are_numbers_are_stored_as_in_wm811k(
    tmp_path: Path, names: list[str], lots: type, wafers: type, note: str
) -> None:
    (tmp_path / "Center").mkdir()
    for name in names:
        np.save(tmp_path / "Center" / f"{name}.npy", MAP)
    imported = import_dataset(tmp_path, pattern=NamePattern("{lot}_{wafer}"))
    columns = imported.labelled.columns
    assert (columns["lot"].dtype.type, columns["wafer"].dtype.type) == (lots, wafers)
    assert " ".join(imported.report.notes) == note


def test_slots_that_a_set_cannot_keep_are_said(tmp_path: Path) -> None:
    (tmp_path / "Center").mkdir()
    np.save(tmp_path / "Center" / "A_3.npy", MAP)
    imported = import_dataset(tmp_path, pattern=NamePattern("{lot}_{slot}"))
    assert "slots (1) are not kept" in imported.report.notes[0]


def test_a_name_pattern_is_for_class_folders(frame: Callable[..., Path]) -> None:
    with pytest.raises(UsageError, match="is for class folders"):
        import_dataset(frame([Row(MAP, "none")]), pattern=NamePattern("{lot}"))


def test_the_command_shows_no_control_character_of_a_file_name(tmp_path: Path) -> None:
    folder = tmp_path / "set" / "Center"
    folder.mkdir(parents=True)
    np.save(folder / "a.npy", MAP)
    (folder / "\x1b[31mred\n.npy").write_bytes(b"nothing")
    out = str(tmp_path / "out.npz")
    result = CliRunner().invoke(command, [str(tmp_path / "set"), "--out", out])
    assert result.exit_code == 0
    [problem] = [line for line in result.output.splitlines() if line.startswith("problem")]
    assert "?[31mred?.npy" in problem
    assert "\x1b" not in result.output
