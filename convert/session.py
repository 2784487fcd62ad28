"""From a run folder to a model file with its evidence, or to a red gate and no file."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Final

from convert.attempt import Attempt, ParityContext, attempt
from convert.conversion_data import ConversionData, float_outputs
from convert.embedding import with_embedding
from convert.evidence import Evidence, beside, check_places
from convert.metadata import Source, notice, of_run
from convert.out_of_fold import CheckedFolds, checked_folds, judge_folds
from convert.quantise import quantise, to_float_tflite
from convert.remedy.search import Tried, search, table
from convert.remedy.trials import trials
from convert.report.measure import Progress
from convert.review.confidence import Judged, confidence_bins
from convert.run_folder import RunConfig, check_same_data, load_network, read_config
from edge.classification import ordinary_file
from edge.classification.classifier import Classifier
from edge.dataset.labelled_set import LabelledSet, Part
from edge.dataset.lots import lots_together
from edge.dataset.split import part_doubts
from edge.errors import GateError, UsageError
from edge.evaluation.evaluate import as_station
from edge.model.model_file import ModelFile
from edge.own.ordinary import ENOUGH, FEW, FEWEST
from edge.system import native_log
from edge.system.files import write_bytes
from edge.system.text import counted, obeyed
from edge.verdict.rule import Costs

if TYPE_CHECKING:
    import keras

Tell = Callable[[str], None]

_ALL_ACCEPTED: Final = (
    "warning: the val part reaches what review shall reach without it: all thresholds are 0, no "
    "wafer goes to a person for a low confidence. With few wafers that says little: set some, with "
    "`--review-below 0.8` of classify or [review.below] of a station, or convert with "
    "--cost-table or a larger val part"
)


class Remedy(str, Enum):
    """What to do when int8 costs too much."""

    NONE = "none"
    SEARCH = "search"


def convert(
    source: Source,
    labelled: LabelledSet,
    out: Path,
    *,
    allowed_points: float | None = None,
    precision: float | None = None,
    costs: Costs | None = None,
    folds: Path | None = None,
    remedy: Remedy = Remedy.NONE,
    overwrite: bool = False,
    tell: Tell = lambda _: None,
    progress: Progress = lambda *_: None,
) -> Attempt:
    """Quantise a run, prove parity, write the model file and its evidence.

    Beside ``out`` come ``<name>.float.tflite``, ``<name>.parity.json`` and ``.md``, and the
    quantization report ``<name>.report.html`` and ``.json``; they are written even when the gate is
    red, the model file is not, nor ``<name>.ordinary.npz``, what examples of new patterns are held
    against. They name the hash of the model file they belong to.

    Args:
        source: The run and what to say of it.
        labelled: The split labelled set the run was trained on; calibration takes wafers of its
            train part, temperature and thresholds its val part, parity its test part.
        out: Model file to write.
        allowed_points: Explicit limit (recorded in the file); None for 1 point.
        precision: What the accepted wafers shall reach; None for what the run's recipe says.
        costs: What mistakes cost, instead of a precision; None for what the recipe says.
        folds: Folder of folds that set temperature and thresholds; None: the val part does.
        remedy: Whether to try remedies until the gate is green.
        overwrite: Replace existing files.
        tell: Receives what is done, a line at a time.
        progress: Receives how far it is: what, how much of it is done, how much there is.

    Raises:
        GateError: a class lost more than allowed, or the network did not learn its patterns.
        DataError: no whole run, not the set that it was trained on, or a part without wafers.
        UsageError: a file exists already, no station has the encoding, or an argument cannot be.
        ModelError: the converter's output is not what a station can trust.
    """
    if labelled.patterns.is_several:
        what = "wafers of the set show several patterns"
        raise UsageError(f"{what}: convert them with `convert.several.session.convert_several`")
    config = checked(source, labelled, out, overwrite=overwrite, tell=tell)
    given = checked_folds(folds, labelled, source, tell) if folds else None
    load_tensorflow()  # seconds: after all that can be refused without
    objective = config.recipe.review.with_overrides(precision, costs)
    plain, seed = load_network(source.run), config.recipe.seed
    judged = _by_folds(given, tell, progress) if given else None
    tell("encoding the wafers")
    data = ConversionData.of(labelled, int(plain.input_shape[1]), seed, progress)
    network = with_embedding(plain, data.train.planes, data.train.classes)
    test = labelled.part(Part.TEST)
    float_logits = as_station(float_outputs(network, data.test.planes), test)
    goal = objective, allowed_points, words(source, config), progress, judged
    context = ParityContext(data, test, float_logits, *goal)
    part, float_tflite = labelled.part(Part.TRAIN), to_float_tflite(network)
    known = of_run(source, config, part, data.calibration, network.count_params(), float_tflite)
    judge = functools.partial(attempt, known=known, context=context, out=out)
    evidence = _judged(network, float_tflite, context, judge, remedy, seed=seed, tell=tell)
    _write(evidence, labelled, out, tell)
    return evidence.found


def load_tensorflow() -> None:
    """Import Keras on TensorFlow, which alone converts, whatever trained the network.

    Raises:
        UsageError: Keras runs on something else in this process.
    """
    os.environ["KERAS_BACKEND"] = "tensorflow"
    native_log.load("tensorflow", "keras")
    import keras

    if (found := keras.backend.backend()) != "tensorflow":
        what = f"Keras runs on {found} in this process, and conversion needs it on TensorFlow"
        raise UsageError(f"{what}; convert in a process of its own, as `wm-edge convert` does")


def checked(
    source: Source, labelled: LabelledSet, out: Path, *, overwrite: bool, tell: Tell
) -> RunConfig:
    """The run's configuration, once nothing stands against a conversion of hours."""
    check_places(out, overwrite=overwrite)
    config = read_config(source.run)
    texts = {"name": source.name, "data_name": source.data_name, "notice": notice(source, config)}
    if found := obeyed(texts):
        raise UsageError(f"{found}: no station would load the model file; change it")
    check_same_data(config, labelled, source.run)
    # What the train part has few wafers of was told where it was divided.
    for doubt in part_doubts(labelled, (Part.VAL.value, Part.TEST.value)):
        tell(f"warning: {doubt}")
    return config


def _by_folds(folds: CheckedFolds, tell: Tell, progress: Progress) -> Judged:
    """What folds say; and told how far confidence can be trusted, calibrated on other folds."""
    tell(f"converting the networks of {folds.folder}, each judges its fold")
    judged = judge_folds(folds, progress)
    for one in confidence_bins(judged, folds.wafers.patterns):
        tell(
            f"  confidence {one['from']:.2f} - {one['to']:.2f}: {one['wafers']:>7,} wafers, "
            f"said {100 * one['confidence']:5.1f} %, right {100 * one['right']:5.1f} %"
        )
    return judged


def words(source: Source, config: RunConfig) -> str:
    """What the test part is, for whoever reads the figures."""
    lots, siblings = ", lots that trained and calibrated nothing", " (NOT split by lot: too good)"
    return f"the test part of {source.data_name}{lots if config.split_by_lot else siblings}"


def _judged(
    network: keras.Model,
    float_tflite: bytes,
    context: ParityContext,
    judge: Callable[..., Attempt],
    remedy: Remedy,
    *,
    seed: int,
    tell: Tell,
) -> Evidence:
    """The plain conversion or the first remedy that passes, and what was tried on the way."""
    data = context.data
    tell(f"quantising, judging on {len(context.test):,} wafers of the test part")
    calibrating = functools.partial(context.progress, "calibrating")
    first = judge(quantise(network, data.calibration, calibrating))
    found, tried = first, list[Tried]()
    if remedy is Remedy.SEARCH and first.parity.verdict.lost:
        tell("the gate is red; trying remedies")
        offered = trials(network, data.calibration, data.train.planes, tell, seed=seed)
        found, tried = search(first, offered, functools.partial(judge, spared=True))
        tell(table(first.parity, tried))
    mended = tried[-1].trial.name if tried and found.parity.green else None
    return Evidence(
        found.finished(context, mended), first.parity, tuple(tried), float_tflite, context
    )


def _write(evidence: Evidence, labelled: LabelledSet, out: Path, tell: Tell) -> None:
    """The evidence; where the gate is green the model file, and ordinary wafers beside it."""
    tell("writing the report")
    evidence.write(out)
    if not evidence.found.parity.green:
        raise GateError(_why_no_file(evidence, out))
    model = evidence.found.model
    write_bytes(out, model.content)
    if model.metadata.review.unneeded:
        tell(_ALL_ACCEPTED)
    _write_ordinary(model, labelled, out, tell)


def _write_ordinary(model: ModelFile, labelled: LabelledSet, out: Path, tell: Tell) -> None:
    """What examples of new patterns are held against: wafers that did not train the network.

    Where these are few, some that did as well: claims of others are then guessed too low.
    """
    parts = [labelled.part(Part.VAL)]
    if len(parts[0]) < ENOUGH:
        parts.append(labelled.part(Part.TEST))
    grids = (part.grid(index) for part in parts for index in lots_together(part))
    train = labelled.part(Part.TRAIN)
    some = lots_together(train)[:: max(1, len(train) // ENOUGH)]
    learnt = map(train.grid, some.tolist() if sum(map(len, parts)) < FEW else ())
    place = ordinary_file.beside(out)
    found = ordinary_file.save(place, model, Classifier(model), grids, learnt)
    if (count := len(found.numbers)) < ENOUGH or found.trained:
        part = f", {found.trained} of which trained the network" if found.trained else ""
        tell(
            f"{place.name}: a pattern of your own (`wm-edge pattern add`) will be held against "
            f"{counted(count, 'wafer')}{part}; at least {FEWEST} are needed, {ENOUGH:,} that did "
            "not train it are better: name a station's store there (--store)"
        )


def _why_no_file(evidence: Evidence, out: Path) -> str:
    """What the red gate says: what was lost, where it stands, what may be done."""
    parity = evidence.found.parity
    mend = "; no remedy mended it" if evidence.tried else "; --remedy tries to mend it"
    mend += ", --allow-drop POINTS overrides, recorded in the file"
    if (
        parity.after.only_answer or not parity.verdict.lost
    ):  # nothing that conversion could mend or allow
        mend = ""
    return (
        f"{parity.verdict.text}; no model file was written, one that stands at {out} is not of "
        f"this run. See {beside(out, 'parity.md')}{mend}"
    )
