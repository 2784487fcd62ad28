"""What a training wafer is taught beside its label."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

from edge.dataset.encoded_set import encoded
from edge.dataset.labelled_set import LabelledSet
from edge.dataset.out_of_fold import OutOfFold
from edge.errors import DataError, UsageError
from edge.evaluation.metrics import softmax
from edge.wafer.patterns import WM811K
from train.batches import make_sequence
from train.recipe import Augment, Dihedral, Doubts, Odd, Optimise, Recipe, Teacher
from train.teaching import Teaching, label_lesson

RECIPE = Recipe(
    "test",
    optimise=Optimise(label_smoothing=0.09),
    teacher=Teacher(share=0.6, temperature=2.0),
    suspects=Doubts(weight=0.25),
)


@pytest.fixture
def folder(generated: LabelledSet, tmp_path: Path) -> Path:
    """Says of all wafers but the first nine that they are what they are called, of 20: none."""
    known = generated.select(np.arange(9, len(generated)))
    logits = (6 * np.eye(9)[known.class_indices()]).astype(np.float32)
    logits[11] = 6 * np.eye(9)[8]
    wafers = len(known)
    classes, fold = known.class_indices().astype(np.int16), np.ones(wafers, np.int16)
    prints = known.fingerprints()
    OutOfFold(prints, np.arange(wafers), fold, classes, logits, WM811K).save(tmp_path)
    return tmp_path


def _trained_on(labelled: LabelledSet) -> LabelledSet:
    return labelled.with_columns(part=np.full(len(labelled), "train"))


def test_soft_labels_are_mixed_with_the_labels_of_wafers_that_folds_hold(
    generated: LabelledSet, folder: Path
) -> None:
    """As the network shall say it once its logits are moved; the others have their label alone."""
    offsets = np.linspace(-1, 1, 9)
    lesson = Teaching.read(folder, None).lesson(generated, RECIPE, offsets)
    label = np.eye(9)[generated.class_indices()] * 0.91 + 0.01
    assert lesson.weights is None
    assert lesson.targets[:9] == pytest.approx(label[:9])
    said = softmax((6 * np.eye(9)[[8]] + offsets) / 2)[0]
    assert lesson.targets[20] == pytest.approx(0.6 * said + 0.4 * label[20])
    assert lesson.targets.sum(axis=1) == pytest.approx(1)


def test_suspects_count_less_and_nothing_else_changes(generated: LabelledSet, folder: Path) -> None:
    lesson = Teaching.read(None, folder).lesson(generated, RECIPE, np.zeros(9))
    assert lesson.weights is not None
    assert np.flatnonzero(lesson.weights < 1).tolist() == [20]
    assert lesson.weights[20] == 0.25
    assert lesson.targets == pytest.approx(np.eye(9)[generated.class_indices()] * 0.91 + 0.01)


def test_folds_of_other_wafers_and_suspects_without_folds_are_refused(
    generated: LabelledSet, folder: Path
) -> None:
    with pytest.raises(DataError, match=r"it does not know 9 wafers of this set"):
        Teaching.read(folder, None).check(_trained_on(generated), Recipe("plain"))
    with pytest.raises(UsageError, match=r"suspects\.weight is 0\.25; say with --from-folds"):
        Teaching.read(None, None).check(_trained_on(generated), RECIPE)
    Teaching.read(None, folder).check(_trained_on(generated.select(np.arange(9, 54))), RECIPE)


def test_a_run_is_resumed_with_what_it_was_taught_by(folder: Path) -> None:
    taught, plain = Teaching.read(folder, folder), Teaching.read(None, None)
    config = taught.config()
    assert config["teacher"] == config["suspects"]
    assert config["teacher"]["name"] == folder.name
    taught.check_resumed(config, Path("runs/a"))
    plain.check_resumed({}, Path("runs/a"))
    with pytest.raises(UsageError, match=rf"started with --teacher {folder.name}; resume it so"):
        plain.check_resumed(config, Path("runs/a"))
    with pytest.raises(UsageError, match="started without --teacher; resume it so"):
        taught.check_resumed({}, Path("runs/a"))
    told = list(taught.told(RECIPE))
    assert told[0].startswith("targets: 60 % what 1 networks said")
    assert told[1] == "1 likely mislabelled wafers count 0.25"


def test_a_network_is_asked_about_what_is_shown(generated: LabelledSet) -> None:
    """Turned as it is and odd wafers among them; share by share with the label's target."""
    asked: list[np.ndarray] = []

    def says(shown: np.ndarray) -> np.ndarray:
        asked.append(shown)
        return np.tile(np.eye(9, dtype=np.float32)[3], (len(shown), 1))

    samples = encoded(generated)
    recipe = structs.replace(RECIPE, augment=Augment(Dihedral.RANDOM, 1.0), odd=Odd(share=0.5))
    plain = label_lesson(samples.classes, 9, 0.09)
    odd = np.full((1, *samples.planes.shape[1:]), 255, np.uint8)
    alone = make_sequence(samples, recipe, 0, plain, odd)
    taught = make_sequence(samples, recipe, 0, replace(plain, says=says, share=0.75), odd)
    for index in range(len(alone)):
        (shown, targets), (also, mixed) = alone[index], taught[index]
        assert np.array_equal(shown, also)
        assert np.array_equal(shown, asked[index])
        assert mixed == pytest.approx(0.75 * np.eye(9)[[3]] + 0.25 * targets)
