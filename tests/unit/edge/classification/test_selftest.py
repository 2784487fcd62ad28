"""Known wafers with known answers: a sound file passes on all kernels, a spoilt one does not."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from edge.classification.classifier import Classifier
from edge.classification.selftest import TOLERANCE, largest_difference
from edge.model.model_file import ModelFile, load
from edge.model.runtime import Kernels
from edge.wafer.probes import PROBES, probe
from edge.wafer.wafermap import FAIL, PASS, check_grid
from tests.support import spoil
from tests.support.model_files import with_metadata

#: The answers in every model file ever made rest on these very wafers.
SHA256 = "e3b70cf8da2579d8fa7ef6b21851585966849c9abc8649b0c1b348422a03b10c"


def test_probes_are_wafers_and_never_change() -> None:
    grids = [check_grid(probe(which), "probe") for which in range(PROBES)]
    digest = hashlib.sha256(b"".join(grid.tobytes() for grid in grids)).hexdigest()
    assert digest == SHA256
    assert len({grid.shape for grid in grids}) == PROBES
    for grid in grids:
        assert (grid == FAIL).any()
        assert (grid == PASS).any()


def test_shipped_file_answers_as_convert_saw(shipped: ModelFile, classifier: Classifier) -> None:
    assert largest_difference(classifier) <= 1
    assert largest_difference(Classifier(shipped, kernels=Kernels.REFERENCE)) <= TOLERANCE


@pytest.mark.parametrize(
    "content",
    [
        spoil.flip_weights(0.001),
        spoil.hide_input_zero_point(8),
        spoil.swap_planes(),
        spoil.zero_class("Loc"),
    ],
    ids=["weights flipped", "zero point moved", "planes swapped", "class zeroed"],
)
def test_spoilt_network_answers_something_else(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "spoilt.tflite"
    path.write_bytes(content)
    assert largest_difference(Classifier(load(path))) > TOLERANCE


@pytest.mark.parametrize(("section", "allowed"), [("logits", 3), ("embedding", 30)])
def test_logits_are_judged_by_the_step_and_the_embedding_by_ten(
    shipped: ModelFile, section: str, allowed: int
) -> None:
    def moved(steps: int) -> int:
        def move(metadata: dict) -> None:
            row = metadata["selftest"][section][-1]
            row[:] = np.where(np.arange(len(row)) == 3, row[3] - steps, row).tolist()

        return largest_difference(Classifier(with_metadata(shipped, move)))

    assert moved(allowed) <= TOLERANCE < moved(allowed + 1)
