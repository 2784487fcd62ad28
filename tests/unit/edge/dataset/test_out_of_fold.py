"""What networks said of wafers that they had not seen is read back as it was, or refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.dataset.labelled_set import LabelledSet
from edge.dataset.out_of_fold import NAME, OutOfFold, load
from edge.errors import DataError
from edge.wafer.patterns import PATTERNS, WM811K, PatternSet


@pytest.fixture
def found(generated: LabelledSet) -> OutOfFold:
    rng, wafers = np.random.default_rng(0), len(generated)
    return OutOfFold(
        generated.fingerprints(),
        np.arange(wafers),
        (1 + np.arange(wafers) % 3).astype(np.int16),
        generated.class_indices().astype(np.int16),
        rng.normal(size=(wafers, len(PATTERNS))).astype(np.float32),
        WM811K,
    )


def test_comes_back_as_it_was_saved(found: OutOfFold, tmp_path: Path) -> None:
    found.save(tmp_path)
    back = load(tmp_path)
    for name in ("fingerprint", "row", "fold", "classes", "logits"):
        assert np.array_equal(getattr(back, name), getattr(found, name)), name
    assert (back.patterns, back.networks, len(back)) == (WM811K, 3, len(found))
    assert len(back.sha256) == 64


def test_wafers_are_found_by_their_maps(found: OutOfFold) -> None:
    prints = found.fingerprint[[5, 2]]
    assert found.places(np.asarray([*prints, 1], np.uint64)).tolist() == [5, 2, -1]


def test_other_wafers_and_other_patterns_are_refused(
    found: OutOfFold, generated: LabelledSet
) -> None:
    found.check_covers(generated, Path("runs/f"))
    few = replace(found, fingerprint=found.fingerprint + np.uint64(1))
    with pytest.raises(DataError, match=r"runs/f: it does not know 54 wafers of this set"):
        few.check_covers(generated, Path("runs/f"))
    others = replace(found, patterns=PatternSet(WM811K.names[::-1]))
    with pytest.raises(DataError, match="does not know this set's patterns"):
        others.check_covers(generated, Path("runs/f"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"logits": np.zeros((54, 4), np.float32)}, "logits are no numbers of 9 patterns"),
        ({"logits": np.full((54, 9), np.nan, np.float32)}, "logits are no numbers of 9 patterns"),
        ({"logits": np.zeros((53, 9), np.float32)}, "logits is float32"),
        ({"logits": np.float32(1)}, "logits is float32"),
        ({"fingerprint": np.zeros((54, 2), np.uint64)}, "fingerprint is uint64"),
        ({"classes": np.full(54, 9, np.int16)}, "classes reach beyond 9 patterns"),
        ({"fold": np.full(54, 2, np.int16)}, "fold does not count from 1"),
        ({"row": np.zeros(54, np.int32)}, "row is int32"),
    ],
)
def test_what_is_damaged_is_told(
    found: OutOfFold, tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    replace(found, **changes).save(tmp_path)
    with pytest.raises(DataError, match=rf"out_of_fold\.npz: damaged \({words}.*again"):
        load(tmp_path)


def test_no_file_and_no_archive_are_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no folder of finished folds.*--resume finishes it"):
        load(tmp_path)
    np.savez(tmp_path / NAME, fold=np.ones(3, np.int16))
    with pytest.raises(DataError, match=r"out_of_fold\.npz: damaged .*fingerprint"):
        load(tmp_path)
    (tmp_path / NAME).write_bytes(b"PK no")
    with pytest.raises(DataError, match=r"out_of_fold\.npz: damaged"):
        load(tmp_path)
