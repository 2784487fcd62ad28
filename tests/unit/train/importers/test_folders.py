"""Class folders and maps without labels: what is a wafer of what, and what is refused."""

from __future__ import annotations

import os
import re
import shutil
import time
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from edge.dataset.labelled_set import LabelledSet
from edge.dataset.load_any import load_any
from edge.dataset.reading import load
from edge.dataset.split import SplitBy, require_parts, split
from edge.errors import DataError, UsageError
from edge.formats.name_pattern import NamePattern
from edge.formats.paths import read_items
from edge.wafer.patterns import LONGEST, PatternSet
from train.cli.dataset_import import command
from train.importers import import_dataset

HEBREW = "\N{HEBREW LETTER ALEF}\N{HEBREW LETTER BET} 1"
COMBINED = unicodedata.normalize("NFD", "Fl\N{LATIN SMALL LETTER A WITH DIAERESIS}che")

#: Fails at other places for every number: no two maps are alike.
BITS = 2 ** np.arange(12).reshape(3, 4)


def put(number: int, *paths: Path) -> None:
    """A wafer map of its own under each path."""
    for place, path in enumerate(paths, start=number):
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, 1 + (place & BITS > 0).astype(np.uint8))


def content(labelled: LabelledSet) -> list[tuple[str, str, bytes]]:
    parts = labelled.columns.get("part", [""] * len(labelled))
    return sorted(
        (label, part, labelled.grid(index).tobytes())
        for index, (label, part) in enumerate(zip(labelled.labels.tolist(), parts, strict=True))
    )


@pytest.mark.parametrize("top", ["", "train"])
def test_import_and_evaluate_take_the_same_of_a_messy_tree(tmp_path: Path, top: str) -> None:
    tree, elsewhere = tmp_path / "maps", tmp_path / "elsewhere"
    put(1, tree / top / "Grid" / "a.npy", tree / top / "Grid" / "deep" / "er" / "b.npy")
    put(3, tree / top / "GRID" / "c.npy", tree / top / "in order" / "d.npy")
    put(5, tree / "Unlabelled" / "e.npy", elsewhere / "f.npy", elsewhere / "g.npy")
    (tree / top / "Grid" / "link.npy").symlink_to(elsewhere / "f.npy")
    (tree / top / "Grid" / "deep" / "again").symlink_to(tree / top / "Grid" / "deep" / "er")
    # None of these is a wafer.
    put(20, tree / ".git" / "h.npy", tree / "__MACOSX" / "i.npy", tree / "j.npy")
    put(23, tree / top / "Grid" / ".k.npy", tree / top / "Grid" / ".cache" / "l.npy")
    for name in ("note.txt", "count.csv", "half.part"):
        (tree / top / "Grid" / name).write_bytes(b"lot,wafer,good\nA,1,497\n")
    found = import_dataset(tree, none="In-Order")
    assert found.labelled.patterns == PatternSet(("GRID", "in order"), "in order")
    wafers = content(found.labelled)
    assert content(load_any(tree, found.labelled.patterns)) == wafers
    assert content(load_any(tree)) == wafers
    assert [(label, part) for label, part, _ in wafers] == [
        ("", ""),
        *[("GRID", top)] * 4,
        ("in order", top),
    ]
    assert not found.report.left_out
    assert [note for note in found.report.notes if not note.startswith("no column")] == [
        "the folders 'GRID' and 'Grid' are one pattern, GRID",
        "passed over: 1 file beside the class folders",
        "passed over: 2 folders whose names begin with . or __",
        "passed over: 3 files in them of no format that is read, as count.csv, half.part, note.txt",
        "followed: 1 link to wafer maps",
    ]


def test_a_folder_that_is_no_part_beside_parts_is_no_third_pattern(tmp_path: Path) -> None:
    put(1, tmp_path / "train" / "Grid" / "a.npy", tmp_path / "val" / "Grid" / "b.npy")
    put(3, tmp_path / "extra" / "c.npy")
    with pytest.raises(DataError, match=r"extra: stands beside folders of parts \(train, val\)"):
        import_dataset(tmp_path)


def test_a_part_may_lack_a_pattern_that_another_shows(tmp_path: Path) -> None:
    put(1, *(tmp_path / "train" / name / "a.npy" for name in ("Grid", "ok")))
    put(3, tmp_path / "test" / "ok" / "b.npy")
    (tmp_path / "test" / "Grid").mkdir()
    assert content(import_dataset(tmp_path).labelled) == content(load_any(tmp_path))


@pytest.mark.parametrize("names", [("Grid", "ok"), ("Center", "none")])
def test_an_empty_class_folder_is_named(tmp_path: Path, names: tuple[str, str]) -> None:
    put(1, tmp_path / names[1] / "a.npy")
    (tmp_path / names[0]).mkdir()
    for read in (import_dataset, load_any):
        with pytest.raises(DataError, match=f"{names[0]}: an empty class folder.*move the folder"):
            read(tmp_path)
    (tmp_path / f"{names[0]}y").mkdir()
    (tmp_path / f"{names[0]}y" / "broken.npy").write_bytes(b"nothing")
    if names[0] == "Grid":  # names of one's own: this is one more
        with pytest.raises(DataError, match=r"Grid: an empty class folder, .* was found; put"):
            import_dataset(tmp_path)
    shutil.rmtree(tmp_path / f"{names[0]}y")
    (tmp_path / names[0] / "broken.npy").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"1 file, none can be read.*\(first: .*broken\.npy: .*\)"):
        import_dataset(tmp_path)


def test_an_example_that_is_no_wafer_map_is_left_out_and_named(tmp_path: Path) -> None:
    put(1, tmp_path / "Grid" / "a.npy", tmp_path / "ok" / "b.npy")
    np.save(tmp_path / "Grid" / "c.npy", np.full((3, 3), 7))
    found = import_dataset(tmp_path)
    assert (len(found.labelled), found.report.left_out) == (2, {"unreadable (bad-value)": 1})
    assert "c.npy: value 7 at row 0, column 0; die states are" in found.report.problems[0]
    with pytest.raises(DataError, match=r"c\.npy: value 7 .*take it out of the set"):
        load_any(tmp_path)


def test_one_wafer_a_class_is_not_divided_without_a_word(tmp_path: Path) -> None:
    put(1, tmp_path / "Grid" / "A_1.npy", tmp_path / "ok" / "B_1.npy")
    found = import_dataset(tmp_path, pattern=NamePattern("{lot}_{wafer}")).labelled
    for by in (SplitBy.LOT, SplitBy.RANDOM):
        _, report = split(found, by)
        with pytest.raises(DataError, match=r"the part .* came out empty: 2 groups .* add wafers"):
            require_parts(report, (0.7, 0.15, 0.15))


def test_65_class_folders_are_too_many(tmp_path: Path) -> None:
    put(1, *(tmp_path / f"class {number}" / "a.npy" for number in range(65)))
    with pytest.raises(DataError, match=r"2 to 64 patterns, it holds 65; .*merge or move some"):
        import_dataset(tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        "a=b",
        "x" * LONGEST,
        HEBREW,
        COMBINED,
        "'; DROP TABLE results; --",
        "pattern",
        "p_none",
        "%s",
    ],
)
def test_any_text_is_a_name(tmp_path: Path, name: str) -> None:
    put(1, tmp_path / "set" / name / "a.npy", tmp_path / "set" / "none" / "b.npy")
    import_dataset(tmp_path / "set").labelled.save(tmp_path / "set.npz")
    assert load(tmp_path / "set.npz").patterns == PatternSet((name, "none"), "none")
    # Whichever way its letters are put together.
    other = unicodedata.normalize("NFC", name)
    known = PatternSet((other, "none"), "none")
    assert load_any(tmp_path / "set", known).class_counts()[other] == 1


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("x" * (LONGEST + 1), "has 101 characters, at most 100"),
        ("   ", "has no letter and no digit; give the pattern a name"),
        ("Gr\nid", r"holds a control character \(U\+000A\); take it out"),
        ("Gr\N{RIGHT-TO-LEFT OVERRIDE}id", r"holds a control character \(U\+202E\)"),
    ],
)
def test_what_is_no_name_is_refused(tmp_path: Path, name: str, why: str) -> None:
    put(1, tmp_path / name / "a.npy", tmp_path / "ok" / "b.npy")
    with pytest.raises(DataError, match=f"a class folder is named after its pattern; this {why}"):
        import_dataset(tmp_path)


@pytest.mark.parametrize("way", ["out", "up", "twin"])
def test_links_give_no_wafer_a_second_label(tmp_path: Path, way: str) -> None:
    tree = tmp_path / "maps"
    put(1, tree / "Grid" / "a.npy", tree / "ok" / "b.npy", tmp_path / "elsewhere" / "c.npy")
    link, target = {
        "out": (tree / "Grid" / "more", tmp_path / "elsewhere"),
        "up": (tree / "Grid" / "more", tree),
        "twin": (tree / "Comet", tree / "Grid"),
    }[way]
    link.symlink_to(target, target_is_directory=True)
    words = "its wafers are those of" if way == "twin" else "leads out of its class folder; take it"
    for read in (import_dataset, load_any):
        with pytest.raises(DataError, match=words):
            read(tree)


def test_a_folder_that_cannot_be_listed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def listed(folder: Path) -> None:
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(Path, "iterdir", listed)
    for read in (import_dataset, load_any):
        with pytest.raises(DataError, match=rf"{tmp_path}: cannot be read \(Permission denied\)"):
            read(tmp_path)


def test_a_tree_deeper_than_python_recurses_is_read(tmp_path: Path) -> None:
    put(1, tmp_path / "Grid" / "a.npy", tmp_path / "ok" / "b.npy")
    deep = str(tmp_path / "ok")
    for _ in range(1200):
        deep += "/d"
        os.mkdir(deep)  # noqa: PTH102
    assert len(import_dataset(tmp_path).labelled) == 2
    while deep.endswith("/d"):  # what clears up behind the tests gets no deeper than Python
        os.rmdir(deep)  # noqa: PTH106
        deep = deep.removesuffix("/d")


def test_many_empty_files_are_counted_in_bounded_time(tmp_path: Path) -> None:
    put(1, tmp_path / "Grid" / "a.npy", tmp_path / "ok" / "b.npy")
    for number in range(5000):
        (tmp_path / "Grid" / f"{number}.png").touch()
    began = time.process_time()
    report = import_dataset(tmp_path).report
    assert time.process_time() - began < 5
    assert report.left_out == {"unreadable (empty)": 5000}
    assert len(report.problems) == 20


# -- wafers without labels ---------------------------------------------------------------------


def test_maps_of_any_folders_are_taken_without_labels(tmp_path: Path) -> None:
    put(1, tmp_path / "in" / "L1" / "7.npy", tmp_path / "in" / "L2" / "8.npy")
    np.save(tmp_path / "in" / "stack.npy", np.ones((2, 5, 6), np.uint8))
    found = import_dataset(
        tmp_path / "in", pattern=NamePattern("{lot}/{wafer}"), unlabelled=True
    ).labelled
    assert found.labels.tolist() == [""] * 4
    assert sorted(found.columns["lot"].tolist()) == ["", "", "L1", "L2"]
    found.save(tmp_path / "set.npz")
    assert load(tmp_path / "set.npz").sha256() == found.sha256()
    items = list(read_items([str(tmp_path / "set.npz")]))  # as classify reads it
    assert [item.dies.shape for item in items] == [(5, 6), (5, 6), (3, 4), (3, 4)]
    for name in ("stack.npy", "L1/7.npy"):
        alone = import_dataset(tmp_path / "in" / name, unlabelled=True).labelled
        assert len(alone) == (2 if name == "stack.npy" else 1)
        with pytest.raises(DataError, match="no known data set with labels"):
            import_dataset(tmp_path / "in" / name)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"none": "ok"}, "--none is for .* and a stack of maps; this is wafer maps without labels"),
        ({"legend": {"0": "ok"}}, "--label is for"),
    ],
)
def test_what_says_labels_is_not_for_maps_without(
    tmp_path: Path, options: dict[str, object], words: str
) -> None:
    put(1, tmp_path / "a.npy")
    with pytest.raises(UsageError, match=words):
        import_dataset(tmp_path, unlabelled=True, **options)  # type: ignore[arg-type]


# -- a pattern set from a file -----------------------------------------------------------------

SET = """
names = ["Ring", "Grid", "fine"]
none = "fine"
[aliases]
"G-7" = "Grid"
[hints]
Grid = "the probe card"
"""


def test_a_file_says_the_order_and_what_else_patterns_are_called(tmp_path: Path) -> None:
    put(1, *(tmp_path / "maps" / name / "a.npy" for name in ("g7", "OK", "ring")))
    (tmp_path / "set.toml").write_text(SET)
    how = [str(tmp_path / "maps"), "--out", str(tmp_path / "own.npz")]
    how += ["--pattern-set", str(tmp_path / "set.toml")]
    done = CliRunner().invoke(command, how, catch_exceptions=False)
    assert done.exit_code == 0
    found = load(tmp_path / "own.npz")
    assert found.labels.tolist() == ["fine", "Grid", "Ring"]
    assert found.patterns == PatternSet(
        ("Ring", "Grid", "fine"), "fine", {"G-7": "Grid"}, {"Grid": "the probe card"}
    )
    again = CliRunner().invoke(command, [*how, "--overwrite", "--none", "OK"])
    assert "--none and --pattern-set exclude each other" in str(again.exception)
    put(9, tmp_path / "maps" / "Comet" / "a.npy")
    with pytest.raises(DataError, match=r"Comet: .*none of Ring, Grid, fine"):
        import_dataset(tmp_path / "maps", patterns=found.patterns)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('names = ["Grid", "grid"]', "line 1: names 'Grid' and 'grid' are spelled alike"),
        ('names = ["Grid", "ok"]\n[aliases]\n"-" = "ok"', "line 2: aliases '-' has no letter"),
        ('names = ["Grid", "ok"]\n[hints]\nOk = "x"', "line 3: .*'Ok' is none of the patterns"),
        ('names = ["Grid", "ok"]\nnon = "ok"', "line 2: non is none of names, none, aliases"),
    ],
)
def test_a_mistake_in_the_file_is_told_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    put(1, tmp_path / "maps" / "Grid" / "a.npy", tmp_path / "maps" / "ok" / "b.npy")
    (tmp_path / "set.toml").write_text(text)
    how = [str(tmp_path / "maps"), "--out", str(tmp_path / "own.npz")]
    done = CliRunner().invoke(command, [*how, "--pattern-set", str(tmp_path / "set.toml")])
    assert isinstance(done.exception, UsageError)
    assert re.search(words, str(done.exception))
