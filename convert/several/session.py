"""From a run folder to a model file that names several patterns a wafer, or to a red gate."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from msgspec import to_builtins

from convert.conversion_data import MEANS_PER_CLASS, asked, float_outputs, training_sample
from convert.embedding import with_embedding
from convert.evidence import PARITY_JSON, PARITY_TEXT, beside
from convert.int8_checks import inspect
from convert.metadata import Source, of_run, short
from convert.parity import ALLOWED_POINTS
from convert.quantise import calibration_set, quantise, to_float_tflite
from convert.run_folder import load_network
from convert.session import checked, load_tensorflow, words
from convert.several.fit import draft_of, fit
from convert.several.parity import SeveralParity, lost
from edge.classification.classifier import Classifier
from edge.classification.selftest import answers
from edge.classification.several import NAMED
from edge.dataset.encoded_set import encoded
from edge.dataset.labelled_set import LabelledSet, Part
from edge.errors import DataError, GateError
from edge.evaluation.calibration import calibration_error
from edge.evaluation.evaluate_several import SeveralEvaluation, evaluate_several
from edge.evaluation.metrics import sigmoid
from edge.evaluation.several import Hot, score
from edge.model import float_network
from edge.model.metadata import SEVERAL_FORMAT, Outputs
from edge.model.model_file import ModelFile
from edge.system.files import write_bytes, write_text
from edge.verdict.rule import MIN_FAILS, Costs
from edge.wafer.probes import PROBES

Tell = Callable[[str], None]
Progress = Callable[[str, int, int], None]

#: Logit of who is sure that a pattern is not there.
_ABSENT: Final = -1e6


@dataclass(frozen=True)
class Converted:
    """A model file and its parity."""

    model: ModelFile
    parity: SeveralParity


def convert_several(
    source: Source,
    labelled: LabelledSet,
    out: Path,
    *,
    allowed_points: float | None = None,
    precision: float | None = None,
    costs: Costs | None = None,
    overwrite: bool = False,
    tell: Tell = lambda _: None,
    progress: Progress = lambda *_: None,
) -> Converted:
    """Quantise a run, prove parity, write the model file and its evidence.

    Beside ``out`` come ``<name>.float.tflite``, ``<name>.parity.json`` and ``.md``, also where the
    gate is red and the model file is not written.

    Args:
        source: The run and what to say of it.
        labelled: The split labelled set of several patterns that the run was trained on.
        out: Model file to write.
        allowed_points: Explicit limit (recorded in the file); None for 1 point.
        precision: What an accepted yes of each pattern shall reach, and that those that show it and
            are accepted were named; None for what the run's recipe says.
        costs: What mistakes cost, instead of a precision; None for what the recipe says.
        overwrite: Replace existing files.
        tell: Receives what is done, a line at a time.
        progress: Receives how far it is: what, how much of it is done, how much there is.

    Raises:
        GateError: int8 lost more than allowed, or the network did not learn its patterns.
        DataError: no whole run, not the set that it was trained on, or a part without wafers.
        UsageError: a file exists already, or an argument cannot be.
        ModelError: the converter's output is not what a station can trust.
    """
    config = checked(source, labelled, out, overwrite=overwrite, tell=tell)
    load_tensorflow()
    objective = config.recipe.review.with_overrides(precision, costs)
    plain, seed = load_network(source.run), config.recipe.seed
    size, rng = int(plain.input_shape[1]), np.random.default_rng(seed)
    parts = {part: _some(labelled, part) for part in Part}
    tell("encoding the wafers")
    sample, val, test = (
        encoded(wafers, size, partial(progress, f"encoding the {part} part"))
        for part, wafers in {**parts, Part.TRAIN: training_sample(parts[Part.TRAIN], rng)}.items()
    )
    calibration = calibration_set(parts[Part.TRAIN], seed, size=size)
    network = with_embedding(plain, sample.planes, sample.classes)
    float_tflite = to_float_tflite(network)
    tell(f"quantising, judging on {len(test):,} wafers of the test part")
    bare = quantise(network, calibration, partial(progress, "calibrating"))
    part = labelled.part(Part.TRAIN)
    known = of_run(source, config, part, calibration, network.count_params(), float_tflite)
    document = _draft(bare, known, part)
    means = sample.per_class(MEANS_PER_CLASS, np.random.default_rng(seed))
    done, total = itertools.count(1), len(val) + len(means)
    outputs, review = fit(
        ModelFile.of(out, bare, document),
        means,
        val,
        objective,
        lambda: progress("fitting the review rule", next(done), total),
    )
    document |= {"outputs": to_builtins(outputs), "review": to_builtins(review)}
    classifier = Classifier(ModelFile.of(out, bare, document))
    document["selftest"] = to_builtins(answers(classifier))
    found = evaluate_several(
        parts[Part.TEST], classifier, lambda n: progress("judging", n, len(test))
    )
    shares = _as_station(float_outputs(network, test.planes), outputs, parts[Part.TEST])
    points = ALLOWED_POINTS if allowed_points is None else allowed_points
    parity = _parity(found, shares, points)
    document["accuracy"] = {
        "on": words(source, config),
        "wafers": len(test),
        "data_sha256": found.data_sha256,
        "float": _short(parity.before.as_dict()),
        "int8": _short(parity.after.as_dict()),
        "agreement": parity.agreement,
        "largest_probability_drift": parity.largest_drift,
        "allowed_drop": allowed_points,
        "review": found.review(),
    }
    document["calibration_error"] = _calibration(found, shares, outputs)
    model = ModelFile.of(out, bare, document)
    _write(model, parity, float_tflite)
    return Converted(model, parity)


def _some(labelled: LabelledSet, part: Part) -> LabelledSet:
    """The wafers of a part that the network is asked about; of the test part all.

    Raises:
        DataError: there is none.
    """
    found = labelled.part(part)
    found = found if part is Part.TEST else asked(found)
    if not len(found):
        few = f"wafers with fewer than {MIN_FAILS} failing dies apart"
        raise DataError(f"the {part} part is empty, {few}; split the set with other shares")
    return found


def _draft(bare: bytes, known: dict[str, Any], part: LabelledSet) -> dict[str, Any]:
    """The metadata of a model file that accepts every wafer: for running a network not yet judged.

    Raises:
        ModelError: the network is not what a station can trust.
    """
    patterns, structure = part.patterns, inspect(bare, len(part.patterns))
    ends, size = to_builtins(structure), structure.embedding.size
    outputs, review = draft_of(patterns, size)
    return {
        **known,
        "format": SEVERAL_FORMAT,
        "network": {**known["network"], "operators": ends.pop("operators")},
        **ends,
        "temperature": 1.0,
        "outputs": to_builtins(outputs),
        "review": to_builtins(review),
        "selftest": {
            "logits": [[0] * len(patterns)] * PROBES,
            "embedding": [[0] * size] * PROBES,
        },
    }


def _as_station(
    logits: np.typing.NDArray[np.floating[Any]], outputs: Outputs, labelled: LabelledSet
) -> np.typing.NDArray[np.float64]:
    """Probabilities (W, patterns) of the float network under the station's rule on few fails."""
    values = logits * np.asarray(outputs.scale) + np.asarray(outputs.bias)
    clear = labelled.fail_counts() < MIN_FAILS
    return sigmoid(np.where(clear[:, np.newaxis], _ABSENT, values))


def _parity(
    found: SeveralEvaluation, shares: np.typing.NDArray[np.float64], points: float
) -> SeveralParity:
    named: Hot = shares >= NAMED
    before = score(found.true, named, found.scores.labels)
    return SeveralParity(
        before,
        found.scores,
        float((named == found.named).all(axis=1).mean()),
        float(np.abs(shares - found.probabilities).max()),
        points,
        lost(before, found.scores, points),
    )


def _calibration(
    found: SeveralEvaluation, shares: np.typing.NDArray[np.float64], outputs: Outputs
) -> dict[str, Any]:
    """Expected calibration errors of each pattern's yes or no, with and without its two numbers."""

    def error(said: np.typing.NDArray[np.float64]) -> float:
        right = (said >= NAMED) == found.true
        return round(calibration_error(np.maximum(said, 1 - said).ravel(), right.ravel()), 4)

    def plain(said: np.typing.NDArray[np.float64]) -> np.typing.NDArray[np.float64]:
        inside = np.clip(said, 1e-12, 1 - 1e-12)
        logits = np.log(inside / (1 - inside))
        return sigmoid((logits - np.asarray(outputs.bias)) / np.asarray(outputs.scale))

    return {
        "float": {"before": error(plain(shares)), "after": error(shares)},
        "int8": {"before": error(plain(found.probabilities)), "after": error(found.probabilities)},
        "confidence": error(found.probabilities),
    }


def _short(figures: dict[str, Any]) -> dict[str, Any]:
    """Figures with few digits: the file must stay small."""
    numbers = {"exact": figures["exact"], "by_number": figures["by_number"]}
    return {**short(figures), **numbers}


def _write(model: ModelFile, parity: SeveralParity, float_tflite: bytes) -> None:
    """The evidence; where the gate is green the model file.

    Raises:
        GateError: it is red.
        OutputError: a file cannot be written.
    """
    out, document = model.path, model.document
    content = {
        **parity.as_dict(),
        "model_sha256": model.sha256 if parity.green else None,
        "model": document["name"],
        "accuracy_on": document["accuracy"]["on"],
        "outputs": document["outputs"],
        "calibration_error": document["calibration_error"],
        "review": {
            "rule": {key: document["review"][key] for key in ("below", "objective", "min_dies")},
            "on_test": document["accuracy"]["review"],
        },
        "calibration": document["calibration"],
        "data_sha256": document["training"]["data_sha256"],
    }
    write_bytes(float_network.beside(out), float_tflite)
    write_text(beside(out, PARITY_JSON), json.dumps(content, indent=1) + "\n")
    write_text(beside(out, PARITY_TEXT), parity.summary())
    if not parity.green:
        raise GateError(
            f"RED: {parity.why_red}; no model file was written, one that stands at {out} is not of "
            f"this run. See {beside(out, PARITY_TEXT)}; --allow-drop POINTS overrides what int8 "
            "lost, recorded in the file"
        )
    write_bytes(out, model.content)
