"""A folder of folds -> what int8 networks say of wafers of lots that they had not seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from convert.attempt import draft
from convert.conversion_data import asked, training_sample
from convert.embedding import with_embedding
from convert.metadata import Source, of_run
from convert.quantise import calibration_set, quantise
from convert.report.measure import Progress
from convert.review.confidence import Judged
from convert.review.fit import dequantised, raw_outputs
from convert.run_folder import check_same_data, load_network, read_config, trained_otherwise
from edge.classification.classifier import Classifier
from edge.dataset import out_of_fold
from edge.dataset.encoded_set import encoded
from edge.dataset.folds import fold_path, held_out, without_test
from edge.dataset.labelled_set import LabelledSet, Part
from edge.dataset.lots import lot_numbers
from edge.dataset.out_of_fold import OutOfFold
from edge.errors import DataError
from edge.model.model_file import ModelFile
from edge.verdict.rule import MIN_FAILS


@dataclass(frozen=True)
class CheckedFolds:
    """Folds that are known to be of the same wafers as a conversion.

    Attributes:
        folder: Of the folds.
        wafers: Of the train and val parts.
        found: How they are divided.
        source: What is converted, of which the networks are the folds.
    """

    folder: Path
    wafers: LabelledSet
    found: OutOfFold
    source: Source


def checked_folds(
    folder: Path, labelled: LabelledSet, source: Source, tell: Callable[[str], None]
) -> CheckedFolds:
    """A folder of folds, once its wafers are known to be those of a split set.

    ``tell`` is warned where its networks were trained otherwise than the run to convert.

    Raises:
        DataError: it is not finished, damaged, or of other wafers than the train and val parts.
    """
    found = out_of_fold.load(folder)
    wafers, _ = without_test(labelled)
    same = np.array_equal(found.fingerprint, wafers.fingerprints())
    if not (same and np.array_equal(found.classes, wafers.class_indices())):
        raise DataError(
            f"{folder}: its folds are of other wafers than the train and val parts of this set, or "
            "of the same with other labels; train folds of the same file"
        )
    if otherwise := trained_otherwise(source.run, fold_path(folder, 1)):
        tell(
            f"warning: the networks of {folder} were trained otherwise than {source.run} "
            f"({', '.join(otherwise)}): what holds of them need not hold of this one"
        )
    return CheckedFolds(folder, wafers, found, source)


def judge_folds(folds: CheckedFolds, progress: Progress = lambda *_: None) -> Judged:
    """Convert each network as the one to ship is, and run it over its fold by the station's code.

    Wafers that no network is asked about, with too few failing dies, are left out. ``progress``
    receives how far it is.

    Raises:
        DataError: a fold's run is missing, not finished, or of other wafers.
        ModelError: the converter's output is not what a station can trust.
    """
    wafers, found = folds.wafers, folds.found
    logits = np.zeros(found.logits.shape)
    clear = wafers.fail_counts() < MIN_FAILS
    for number in range(1, found.networks + 1):
        what = f"fold {number} of {found.networks}"
        fold = held_out(wafers, found.fold, number)
        source = replace(folds.source, run=fold_path(folds.folder, number))
        model = _int8(source, fold, what, progress)
        mine = ~clear & (found.fold == number)
        size = model.metadata.encoding.size
        samples = encoded(wafers.select(mine), size, partial(progress, f"{what}: encoding"))
        outputs = raw_outputs(Classifier(model), samples.planes)
        logits[mine], _ = dequantised(model, *outputs)
    kept = ~clear
    return Judged(
        logits[kept],
        wafers.class_indices()[kept],
        lot_numbers(wafers)[kept],
        found.fold[kept],
    )


def _int8(source: Source, fold: LabelledSet, what: str, progress: Progress) -> ModelFile:
    """The network of one fold, quantised by wafers of its train part."""
    config = read_config(source.run)
    check_same_data(config, fold, source.run)
    plain, seed = load_network(source.run), config.recipe.seed
    size, train = int(plain.input_shape[1]), asked(fold.part(Part.TRAIN))
    calibration = calibration_set(train, seed, size=size)
    sample = encoded(training_sample(train, np.random.default_rng(seed)), size)
    network = with_embedding(plain, sample.planes, sample.classes)
    bare = quantise(network, calibration, partial(progress, f"{what}: calibrating"))
    known = of_run(source, config, train, calibration, network.count_params(), b"")
    return draft(bare, known, fold.patterns, source.run / "model.tflite")[0]
