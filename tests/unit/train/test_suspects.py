"""Wafers whose network is sure of another pattern are listed, the clearest case first."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from edge.dataset.labelled_set import LabelledSet
from edge.dataset.out_of_fold import OutOfFold
from edge.wafer.patterns import WM811K
from train.suspects import NAME, Suspects

#: Wafers whose label is another's, and what they really are.
WRONG = {3: 8, 20: 0, 40: 1}


@pytest.fixture
def found(generated: LabelledSet) -> OutOfFold:
    """Networks that are right, less sure the later a wafer stands, of labels that are not."""
    true, wafers = generated.class_indices(), len(generated)
    labels = true.copy()
    for place, really in WRONG.items():
        true[place] = really
    sharpness = np.linspace(8, 5, wafers)[:, np.newaxis]
    return OutOfFold(
        generated.fingerprints(),
        np.arange(wafers) + 100,
        np.ones(wafers, np.int16),
        labels.astype(np.int16),
        (np.eye(9)[true] * sharpness).astype(np.float32),
        WM811K,
    )


def test_wrong_labels_are_found_and_no_others(found: OutOfFold) -> None:
    suspects = Suspects.of(found)
    sure = {place: says for place, says in WRONG.items() if place != 40}
    listed = dict(zip(suspects.places.tolist(), suspects.says.tolist(), strict=True))
    assert {place: listed[place] for place in sure} == sure
    assert listed.keys() <= WRONG.keys()
    assert suspects.places.tolist() == sorted(listed)  # the surest network first


def test_a_network_that_is_less_sure_than_usual_accuses_nobody(found: OutOfFold) -> None:
    found.logits[3] /= 4
    assert 3 not in Suspects.of(found).places


def test_the_list_says_lot_wafer_and_both_patterns(
    found: OutOfFold, generated: LabelledSet, tmp_path: Path
) -> None:
    suspects = Suspects.of(found)
    suspects.save(tmp_path, generated)
    rows = list(csv.DictReader((tmp_path / NAME).read_text().splitlines()))
    assert len(rows) == len(suspects.places)
    first = rows[0]
    assert (first["lot"], first["wafer"], first["row"]) == ("103", "1", "103")
    assert (first["label"], first["network_says"]) == (generated.labels[3], "none")
    assert float(first["probability"]) > 0.99
    assert float(first["probability_of_label"]) < 0.01
    told = list(suspects.summary())
    assert len(told) == 1 + len(WM811K)
    assert told[1 + int(found.classes[3])].split()[1:] == ["6", "1", "none", "1"]
