"""From a run folder to a model file with its evidence, or to a red gate and no file."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from pathlib import Path

from convert.attempt import Attempt, ParityContext, attempt
from convert.conversion_data import ConversionData, float_outputs
from convert.embedding import with_embedding
from convert.evidence import Evidence, beside, check_places
from convert.metadata import Source, of_run
from convert.quantise import quantise, to_float_tflite
from convert.remedy.search import Tried, search, table
from convert.remedy.trials import trials
from convert.review.objective import ReviewObjective
from convert.run_folder import check_same_data, load_network, read_config
from edge.dataset.labelled_set import LabelledSet, Part
from edge.dataset.split import part_doubts
from edge.errors import GateError, UsageError
from edge.evaluation.evaluate import as_station
from edge.model.metadata import check_texts
from edge.model.model_file import save
from edge.verdict.rule import Costs

#: Points of per-class accuracy that int8 may cost.
ALLOWED_POINTS = 1.0

Tell = Callable[[str], None]


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
    remedy: Remedy = Remedy.NONE,
    overwrite: bool = False,
    tell: Tell = lambda _: None,
) -> Attempt:
    """Quantise a run, prove parity, write the model file and its evidence.

    Beside ``out`` come ``<name>.float.tflite``, ``<name>.parity.json`` and ``.md``, and the
    quantization report ``<name>.report.html`` and ``.json``; they are written even when the gate is
    red, the model file is not. They name the hash of the model file they belong to.

    Args:
        source: The run and what to say of it.
        labelled: The split labelled set the run was trained on; calibration takes wafers of its
            train part, temperature and thresholds its val part, parity its test part.
        out: Model file to write.
        allowed_points: Explicit limit (recorded in the file); None for ``ALLOWED_POINTS``.
        precision: What the accepted wafers shall reach; None for what the run's recipe says.
        costs: What mistakes cost, instead of a precision; None for what the recipe says.
        remedy: Whether to try remedies until the gate is green.
        overwrite: Replace existing files.
        tell: Receives progress, a line at a time.

    Raises:
        GateError: a class lost more than allowed, or all wafers are called alike.
        DataError: no whole run, not the set that it was trained on, or a part without wafers.
        UsageError: a file exists already, its folder does not, no station has the encoding, a goal
            of review makes no sense, or a control character stands in a name or the notice.
        ModelError: the converter's output is not what a station can trust.
    """
    check_places(out, overwrite=overwrite)
    try:
        check_texts({"name": source.name, "data_name": source.data_name, "notice": source.notice})
    except ValueError as error:
        raise UsageError(f"{error}: no station would load the model file; change it") from error
    config = read_config(source.run)
    goal = ReviewObjective.of_recipe(config["recipe"]).changed(precision, costs)
    check_same_data(config, labelled, source.run)
    for doubt in part_doubts(labelled):
        tell(f"warning: {doubt}")
    plain = load_network(source.run)
    seed = config["recipe"]["seed"]
    tell("encoding the wafers")
    material = ConversionData.of(labelled, int(plain.input_shape[1]), seed)
    network = with_embedding(plain, material.train.planes, material.train.classes)
    float_tflite = to_float_tflite(network)
    known = of_run(
        source,
        config,
        labelled.part(Part.TRAIN),
        material.calibration,
        int(network.count_params()),
        float_tflite,
    )
    test = labelled.part(Part.TEST)
    context = ParityContext(
        material,
        test,
        as_station(float_outputs(network, material.test.planes), test),
        goal,
        ALLOWED_POINTS if allowed_points is None else allowed_points,
        f"the test part of {source.data_name}, lots that trained and calibrated nothing"
        if config["split_by_lot"]
        else f"the test part of {source.data_name} (NOT split by lot: too good)",
    )

    def judge(bare: bytes, *, spared: bool = True) -> Attempt:
        return attempt(bare, known, context, out, allowed_points, spared=spared)

    tell(f"quantising, judging on {len(test):,} wafers of the test part")
    found, tried = judge(quantise(network, material.calibration), spared=False), list[Tried]()
    first = found.parity
    if remedy is Remedy.SEARCH and found.parity.lost:
        tell("the gate is red; trying remedies")
        offered = trials(network, material.calibration, material.train.planes, tell, seed=seed)
        found, tried = search(found, offered, judge)
        tell(table(first, tried))
    mended = tried[-1].trial.name if tried and found.parity.green else None
    found = found.finished(context, mended)
    tell("writing the report")
    Evidence(found, first, tuple(tried), float_tflite, context, material.calibration).write(out)
    if not found.parity.green:
        mend = "; --remedy tries to mend it" if not tried else "; no remedy mended it"
        mend += ", --allow-drop POINTS overrides, recorded in the file"
        if found.parity.after.only_answer:  # nothing that conversion could mend or allow
            mend = ""
        raise GateError(
            f"{found.parity.why_red}; no model file was written, one that stands at {out} is not "
            f"of this run. See {beside(out, 'parity.md')}{mend}"
        )
    save(found.model.content, out, overwrite=overwrite)
    return found
