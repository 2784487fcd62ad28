"""Folds keep lots and copies together, and leave the test part alone."""

from __future__ import annotations

import numpy as np
import pytest

from edge.dataset.folds import divide, held_out, without_test
from edge.dataset.labelled_set import LabelledSet
from edge.errors import DataError


def test_every_lot_stands_in_one_fold_and_every_fold_has_its_share(generated: LabelledSet) -> None:
    folds, lots = divide(generated, 3), generated.columns["lot"]
    assert all(len(set(folds[lots == lot].tolist())) == 1 for lot in np.unique(lots))
    assert np.bincount(folds).tolist() == pytest.approx([0, 18, 18, 18], abs=6)
    assert np.array_equal(folds, divide(generated, 3))


def test_more_folds_than_groups_of_lots_are_refused(generated: LabelledSet) -> None:
    with pytest.raises(DataError, match=r"form 18 groups, which make \d+ folds, not 19: fewer"):
        divide(generated, 19)


def test_a_copy_of_a_held_out_map_does_not_train(generated: LabelledSet) -> None:
    """Wafer 0 stands there once more, in a lot of another fold."""
    twice = generated.select(np.asarray([*range(len(generated)), 0]))
    lot = twice.columns["lot"].copy()
    folds = divide(generated, 2)
    lot[-1] = generated.columns["lot"][folds != folds[0]][0]
    folds = np.asarray([*folds, 3 - folds[0]], np.int16)
    parts = held_out(twice.with_columns(lot=lot), folds, int(folds[0])).columns["part"]
    assert parts[-1] == ""
    assert np.array_equal(parts[:-1] == "val", folds[:-1] == folds[0])
    assert set(parts[:-1].tolist()) == {"train", "val"}


def test_the_test_part_and_wafers_that_serve_nowhere_are_left_out(generated: LabelledSet) -> None:
    parts = np.asarray(["train", "val", "test", ""])[np.arange(len(generated)) % 4]
    rest, places = without_test(generated.with_columns(part=parts))
    assert set(rest.columns["part"].tolist()) == {"train", "val"}
    assert np.array_equal(rest.fingerprints(), generated.fingerprints()[places])
    assert len(rest) == np.isin(parts, ["train", "val"]).sum()
