"""Splits: no lot and no map on two sides, whatever the set looks like."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.dataset.drawn import drawn
from edge.dataset.labelled_set import LabelledSet, build
from edge.dataset.lots import lot_groups, lots_apart, lots_together
from edge.dataset.split import (
    SplitBy,
    ensure_parts,
    part_doubts,
    require_parts,
    split,
)
from edge.errors import DataError, UsageError
from edge.wafer.patterns import PATTERNS


def small_set(lots: list[int], labels: list[int], maps: list[int], **columns: Any) -> LabelledSet:
    """A wafer a list entry; wafers with the same entry in ``maps`` have identical maps."""
    grids = [1 + np.asarray([[number >> bit & 1 for bit in range(8)]], np.uint8) for number in maps]
    return build(
        grids,
        [PATTERNS[label] for label in labels],
        lot=np.asarray(lots, np.int32),
        **columns,
    )


def sides(labelled: LabelledSet, keys: Any) -> dict[Any, set[str]]:
    """Parts in which each key stands; wafers that serve nowhere do not count."""
    found: dict[Any, set[str]] = defaultdict(set)
    for key, part in zip(keys, labelled.columns["part"].tolist(), strict=True):
        if part:
            found[key].add(part)
    return found


wafers = st.lists(
    st.tuples(st.integers(-1, 8), st.integers(0, 8), st.integers(0, 60), st.booleans()),
    min_size=1,
    max_size=60,
).filter(lambda found: any(lot >= 0 for lot, *_ in found))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(wafers, st.sampled_from(["none", "whole", "partly"]), st.integers(0, 3))
def test_no_lot_and_no_map_on_two_sides(
    found: list[tuple[int, int, int, bool]], bands: str, seed: int
) -> None:
    """Bands are groups of lots; a wafer that lacks its band still goes with its lot."""
    lots, labels, maps, marks = (list(column) for column in zip(*found, strict=True))
    columns: dict[str, Any] = {}
    if bands != "none":
        known = [
            lot >= 0 and (bands == "whole" or mark) for lot, mark in zip(lots, marks, strict=True)
        ]
        columns["lot_band"] = np.where(known, np.asarray(lots) // 2, -1).astype(np.int16)
    done, report = split(small_set(lots, labels, maps, **columns), seed=seed)
    lots_of = [lot if lot >= 0 else f"wafer {index}" for index, lot in enumerate(lots)]
    assert all(len(parts) == 1 for parts in sides(done, lots_of).values())
    assert all(len(parts) == 1 for parts in sides(done, maps).values())
    if bands == "whole":
        bands_of = [lot // 2 if lot >= 0 else f"wafer {i}" for i, lot in enumerate(lots)]
        assert all(len(parts) == 1 for parts in sides(done, bands_of).values())
    assert lots_apart(done)
    used = sum(sum(counts.values()) for counts in report.counts.values())
    assert used + report.duplicates + report.conflicts == len(lots)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(wafers, st.sampled_from(SplitBy), st.integers(0, 3))
def test_wafers_without_a_label_change_nothing_for_the_others(
    found: list[tuple[int, int, int, bool]], by: SplitBy, seed: int
) -> None:
    lots, labels, maps, bare = (list(column) for column in zip(*found, strict=True))
    official = np.asarray(["Training", "Test"])[np.arange(len(lots)) % 2]
    whole = small_set(lots, labels, maps, official=official)
    whole = replace(whole, labels=np.where(bare, "", whole.labels))
    try:
        alone, expected = split(whole.select(~np.asarray(bare)), by, seed=seed)
    except DataError as error:
        with pytest.raises(DataError, match=re.escape(str(error)) if not all(bare) else "has a"):
            split(whole, by, seed=seed)
        return
    done, report = split(whole, by, seed=seed)
    assert report == replace(expected, unlabelled=sum(bare))
    parts = done.columns["part"]
    assert parts[~np.asarray(bare)].tolist() == alone.columns["part"].tolist()
    assert set(parts[bare].tolist()) <= {""}
    assert list(part_doubts(done)) == list(part_doubts(alone))
    said: list[str] = []
    kept = ensure_parts(done, said.append)
    assert kept.sha256() == alone.sha256()
    assert bool(said) == any(bare)


def test_conflicting_labels_serve_nowhere() -> None:
    labelled = small_set(
        [1, 2, 3, 4],
        [0, 1, 2, 3],
        [7, 7, 8, 9],  # the first two: one map, two labels
        label_conflict=np.asarray([False, False, False, True]),
    )
    done, report = split(labelled)
    parts = done.columns["part"].tolist()
    assert parts[0] == parts[1] == parts[3] == ""
    assert parts[2]
    assert report.conflicts == 3


def test_of_identical_maps_the_evaluation_keeps_its_copy() -> None:
    for seed in range(6):
        lots = list(range(20))
        done, _ = split(small_set(lots, [0] * 20, [5] * 10 + lots[10:]), seed=seed)
        kept = [part for part in done.columns["part"].tolist()[:10] if part]
        assert set(kept) <= {"test"} or "train" not in kept


def test_parts_and_hashes_are_those_of_ever() -> None:
    """Run folders, model files and baselines hold them."""
    whole = drawn()
    assert whole.sha256().startswith("7e415afa4caac840")
    assert split(whole, SplitBy.RANDOM)[0].parts_sha256().startswith("39d990aa26288882")


def test_same_seed_same_parts_and_another_seed_others(generated: LabelledSet) -> None:
    first, again, other = (split(generated, seed=seed)[0].parts_sha256() for seed in (3, 3, 4))
    assert first == again != other


def test_shares_are_met_class_by_class() -> None:
    lots = list(range(400))
    labelled = build(
        [np.full((1, 1 + lot), 1, np.uint8) for lot in lots],
        [PATTERNS[lot % 4] for lot in lots],
        lot=np.asarray(lots),
    )
    _, report = split(labelled, shares=(0.5, 0.3, 0.2))
    for part, share in (("train", 50), ("val", 30), ("test", 20)):
        assert [report.counts[part][name] for name in PATTERNS[:4]] == pytest.approx(
            [share] * 4, abs=2
        )


def test_a_part_with_share_0_stays_empty(generated: LabelledSet) -> None:
    _, report = split(generated, shares=(0.8, 0.2, 0.0))
    assert sum(report.counts["test"].values()) == 0


def test_official_keeps_the_datas_own_test_part() -> None:
    number = np.arange(40)
    official = np.where(number < 12, "Test", np.where(number < 38, "Training", ""))
    labelled = small_set(
        (number // 2).tolist(), [0] * 40, number.tolist(), official=official.astype("U8")
    )
    done, report = split(labelled, SplitBy.OFFICIAL)
    parts = done.columns["part"]
    assert set(parts[:12]) == {"test"}
    assert set(parts[12:38]) == {"train", "val"}
    assert set(parts[38:]) == {""}
    assert report.warning == ""
    with pytest.raises(DataError, match="`official` column"):
        split(labelled.select(number).with_columns(official=np.full(40, "Test")), SplitBy.OFFICIAL)


def test_random_split_warns_and_needs_no_lot() -> None:
    labelled = build([np.full((1, n + 1), 1, np.uint8) for n in range(30)], ["Loc"] * 30)
    done, report = split(labelled, SplitBy.RANDOM)
    assert "too good" in report.warning
    assert set(done.columns["part"].tolist()) == {"train", "val", "test"}
    with pytest.raises(DataError, match="--by random"):
        split(labelled)
    with pytest.raises(DataError, match="no `official` column"):
        split(labelled, SplitBy.OFFICIAL)
    known = labelled.with_columns(official=np.asarray(["Training", "Test"] * 15))
    with pytest.raises(DataError, match="its official Training part can be divided by lot"):
        split(known, SplitBy.OFFICIAL)


def test_an_empty_set_is_refused() -> None:
    for by in SplitBy:
        with pytest.raises(DataError, match="no wafer"):
            split(build([], []), by)


@pytest.mark.parametrize(
    "shares", [(0.5, 0.2, 0.2), (1.2, -0.1, -0.1), (0.0, 0.5, 0.5), (math.nan, 0.5, 0.5)]
)
def test_senseless_shares_are_refused(
    generated: LabelledSet, shares: tuple[float, float, float]
) -> None:
    with pytest.raises(UsageError, match="sum to 1"):
        split(generated, shares=shares)


@pytest.mark.parametrize("seed", range(5))
def test_bands_that_share_a_lot_stay_together(seed: int) -> None:
    """Lot 2 stands in bands 0 and 1, lot 5 in bands 1 and 2: three bands, one group."""
    lots = [0, 1, 2, 2, 3, 5, 5, 6, *range(10, 40)]
    bands = [0, 0, 0, 1, 1, 1, 2, 2, *range(10, 40)]
    labelled = small_set(lots, [0] * len(lots), list(range(len(lots))), lot_band=np.asarray(bands))
    groups = lot_groups(labelled)
    assert len(set(groups[:8].tolist())) == 1
    assert len(set(groups.tolist())) == 31
    done, _ = split(labelled, seed=seed)
    assert lots_apart(done)
    assert all(len(parts) == 1 for parts in sides(done, lots).values())
    assert all(len(parts) == 1 for parts in sides(done, bands).values())


def test_groups_of_consistent_bands_are_the_bands() -> None:
    """Their numbers, too: recorded splits must come out again."""
    lots, bands = [4, 4, 7, 9, 9, -1], [3, 3, 3, 8, -1, -1]
    labelled = small_set(lots, [0] * 6, list(range(6)), lot_band=np.asarray(bands))
    assert lot_groups(labelled).tolist() == [1, 1, 1, 2, 2, 11]


@pytest.mark.parametrize("column", ["lot", "lot_band"])
def test_lots_apart_looks_at_both_columns(column: str) -> None:
    same = {"lot": [1, 1, 2], "lot_band": [1, 2, 3]}
    if column == "lot_band":
        same = {"lot": [1, 2, 3], "lot_band": [1, 1, 2]}
    labelled = small_set(same["lot"], [0] * 3, [0, 1, 2], lot_band=np.asarray(same["lot_band"]))
    assert not lots_apart(labelled.with_columns(part=np.asarray(["train", "test", "val"])))
    assert lots_apart(labelled.with_columns(part=np.asarray(["train", "train", "val"])))
    assert lots_apart(labelled.with_columns(part=np.asarray(["train", "", "val"])))


def test_wafers_of_a_lot_follow_each_other_and_those_of_none_stand_by_chance(
    generated: LabelledSet,
) -> None:
    lots = [3, 1, 2] * 20
    order = lots_together(small_set(lots, [0] * 60, list(range(60))))
    found = np.asarray(lots)[order]
    assert sorted(order.tolist()) == list(range(60))
    assert np.count_nonzero(np.diff(found)) == 2
    bare = replace(generated, columns={})
    labels = bare.labels[lots_together(bare)]
    assert np.count_nonzero(labels[1:] != labels[:-1]) > len(labels) / 2


def test_lots_apart_is_false_where_no_lot_is_known(generated: LabelledSet) -> None:
    unknown = np.full(len(generated), -1)
    assert not lots_apart(generated.with_columns(part=np.full(len(generated), ""), lot=unknown))


def test_a_part_that_was_to_have_wafers_and_has_none_is_refused() -> None:
    labelled = small_set([1] * 9, list(range(9)), list(range(9)))
    _, report = split(labelled)
    with pytest.raises(DataError, match="the part val and test came out empty"):
        require_parts(report, (0.7, 0.15, 0.15))
    require_parts(report, (1.0, 0.0, 0.0))
    with pytest.raises(DataError, match="came out empty"):
        ensure_parts(labelled, lambda _: None)


def test_ensure_parts_splits_once_and_says_so(generated: LabelledSet) -> None:
    said: list[str] = []
    done = ensure_parts(generated, said.append)
    assert done.parts_sha256() == split(generated)[0].parts_sha256()
    assert len(said) == 1
    assert "divided by lot" in said[0]
    assert ensure_parts(done, said.append) is done
    assert len(said) == 1


def test_lots_apart_sees_a_lot_on_two_sides(generated: LabelledSet) -> None:
    parts = np.full(len(generated), "train")
    assert lots_apart(generated.with_columns(part=parts))
    parts[1] = "test"  # its lot has three wafers
    assert not lots_apart(generated.with_columns(part=parts))


def test_parts_that_lack_a_class_or_nearly_do_are_told() -> None:
    labels = [0] * 90 + [8] * 90 + [4] * 30
    labelled = small_set(list(range(210)), labels, list(range(210)))
    parts = np.tile(["train", "val", "test"], 70)
    parts[180:] = "train"
    parts[180:183] = "test"
    said = list(part_doubts(labelled.with_columns(part=parts)))
    assert said[0].startswith("no wafer of Donut, Edge-Loc, Edge-Ring, Near-full, Random, Scratch")
    assert said[1].startswith("the val part holds no wafer of Loc: ")
    assert said[2].startswith("the test part holds fewer than 20 wafers of Loc (3): ")
    assert len(said) == 3
    assert list(part_doubts(labelled.with_columns(part=parts), ("val",))) == said[:2]
