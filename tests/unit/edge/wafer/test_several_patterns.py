"""A set of several patterns a wafer: its labels, its files, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge.dataset.labelled_set import LabelledSet, build
from edge.dataset.reading import load
from edge.dataset.split import SplitBy, part_doubts, split
from edge.errors import DataError
from edge.system.typed import MismatchError
from edge.wafer.patterns import WM811K, WM811K_SEVERAL, PatternSet, SetKind


def small(labels: list[str], patterns: PatternSet = WM811K_SEVERAL) -> LabelledSet:
    rng = np.random.default_rng(0)
    grids = [rng.integers(1, 3, (8, 8)).astype(np.uint8) for _ in labels]
    return build(grids, labels, patterns)


def test_a_label_names_all_that_a_wafer_shows_in_the_order_of_the_set() -> None:
    labelled = small(["scratch+CENTER", "Normal", "edge loc", ""])
    assert labelled.labels.tolist() == ["Center+Scratch", "none", "Edge-Loc", ""]
    known = labelled.select(labelled.has_label())
    hot = known.hot()
    assert [
        [name for name, on in zip(WM811K_SEVERAL, row, strict=True) if on] for row in hot.tolist()
    ] == [["Center", "Scratch"], [], ["Edge-Loc"]]
    counts = labelled.class_counts()
    assert (counts["Center"], counts["Scratch"], counts["Edge-Loc"], counts["none"]) == (1, 1, 1, 1)
    assert sum(counts.values()) == 4
    assert labelled.shows("Scratch").tolist() == [True, False, False, False]


@pytest.mark.parametrize(
    ("label", "why"),
    [
        ("Center+none", "'none' in 'Center+none' stands beside a pattern"),
        ("Center+Blob", "'Blob' in 'Center+Blob' is none of Center, Donut"),
        ("Scratch+scratch", "'Scratch' stands twice"),
        ("Center+", "'' in 'Center+' is none of"),
        ("Blob", "'Blob' is none of"),
    ],
)
def test_what_is_no_label_is_refused_with_the_reason(label: str, why: str) -> None:
    with pytest.raises(DataError, match=r"unknown label") as caught:
        small(["Center", label])
    assert why in str(caught.value)


@pytest.mark.parametrize(
    ("names", "none", "why"),
    [
        (("A+B", "C"), None, "which joins the names"),
        (("Center", "normal"), None, "means no pattern"),
        (("Center", "Loc"), "Loc", "none means none of them"),
    ],
)
def test_names_that_no_label_could_hold(names: tuple[str, ...], none: str, why: str) -> None:
    with pytest.raises(MismatchError, match=why):
        PatternSet(names, none, kind=SetKind.SEVERAL)
    if none is None:  # where a wafer shows one, these are names as they always were
        assert PatternSet(names).named(names[0]) == names[0]


def test_the_file_keeps_the_kind_and_an_exclusive_one_is_what_it_was(tmp_path: Path) -> None:
    labelled = small(["Center+Loc", "none"])
    labelled.save(tmp_path / "two.npz")
    again = load(tmp_path / "two.npz")
    assert again.patterns == WM811K_SEVERAL
    assert again.labels.tolist() == ["Center+Loc", "none"]
    plain = PatternSet(("A", "B"), kind=SetKind.EXCLUSIVE)
    assert plain == PatternSet(("A", "B"))
    small(["A", "B"], plain).save(tmp_path / "one.npz")
    with np.load(tmp_path / "one.npz") as file:
        assert "kind" not in str(file["pattern_set"][0])


def test_labels_go_from_one_kind_to_the_other_where_they_can() -> None:
    single = small(["Center", "none", "Edge-Local"], WM811K).under(WM811K_SEVERAL)
    assert single.labels.tolist() == ["Center", "none", "Edge-Loc"]
    assert single.under(WM811K).labels.tolist() == ["Center", "none", "Edge-Loc"]
    with pytest.raises(DataError, match=r"Center\+Loc.*what the model file tells apart"):
        small(["Center+Loc"]).under(WM811K)


def test_what_takes_one_pattern_a_wafer_says_so() -> None:
    with pytest.raises(DataError, match="this takes one"):
        small(["Center+Loc"]).class_indices()


def test_combinations_are_divided_alike_and_untrained_ones_told() -> None:
    names = ["Center", "none", "Center+Loc", "Loc", "Center+Scratch"]
    labelled = small([name for name in names for _ in range(20)])
    twins = labelled.select(np.repeat(np.arange(len(labelled)), 2))
    divided, report = split(twins, SplitBy.RANDOM, (0.5, 0.25, 0.25))
    parts, prints = divided.columns["part"], divided.fingerprints()
    for one in np.unique(prints):
        assert len(set(parts[prints == one]) - {""}) == 1
    for part in ("train", "val", "test"):
        assert set(labelled.labels) == set(divided.labels[parts == part])
        assert report.counts[part]["Center"] > report.counts[part]["Scratch"] > 0
    odd = small(["Center", "Loc", "Center+Loc"]).with_columns(
        part=np.asarray(["train", "train", "val"])
    )
    assert any("1 combination that others hold: Center+Loc" in line for line in part_doubts(odd))
