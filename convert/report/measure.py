"""Measure all that the quantization report says of a model file, on labelled wafers."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from convert.report import layers, manifest, sensitivity
from convert.report.accuracy import changes, outcome, review, without_temperature
from convert.report.evidence import Evidence, Outcome, Variant
from convert.report.latency import measure_latency
from convert.report.layers import Comparison
from convert.report.out_of_distribution import appendices
from convert.report.parity_verdict import ALLOWED_POINTS, Counts, counts, judge
from convert.report.sensitivity import Sensitivity
from edge import __version__
from edge.classification import selftest
from edge.classification.classifier import Classifier
from edge.dataset.labelled_set import LabelledSet
from edge.dataset.mixedwm38 import Mixed
from edge.errors import ModelError, RuntimeUnavailableError
from edge.evaluation import metrics
from edge.evaluation.evaluate import Evaluation, as_station, evaluate
from edge.gate import diagnosis
from edge.model import flatbuffer
from edge.model.float_network import FloatNetwork
from edge.model.model_file import ModelFile
from edge.wafer import encoding
from edge.wafer.encoding import Encoded
from edge.wafer.patterns import PATTERNS

#: Wafers that were called differently are drawn up to this number.
DRAWN: Final = 24

#: Wafers a class for the layers: their figures settle with few.
PER_CLASS: Final = 10

#: Tensor -> section of the metadata that tells its scale and zero point.
_TENSORS: Final = {"input": "input", "logits": "output", "embedding": "embedding"}

#: What is being done, how much of it is done, how much there is.
Progress = Callable[[str, int, int], None]

NO_FLOAT: Final = (
    "Not measured: there is no float TFLite network beside the model file (wm-edge convert writes "
    "NAME.float.tflite; --float FILE names another)."
)
NO_QUANTIZER: Final = (
    "Not measured: ai-edge-quantizer is not installed here (pip install 'wm-edge[report]')."
)
NO_LITERT: Final = (
    "Not measured: ai-edge-quantizer needs LiteRT, which does not run here "
    "(pip install ai-edge-litert)."
)
NO_KERAS: Final = (
    "The float Keras network was not run on these wafers (wm-edge convert does), and the model "
    "file records its figures for other wafers."
)
NO_CALIBRATION: Final = "Not recorded in the model file."


def measure(
    model: ModelFile,
    labelled: LabelledSet,
    *,
    data: str,
    float_content: bytes | None = None,
    keras_logits: npt.NDArray[np.floating[Any]] | None = None,
    calibration_manifest: dict[str, Any] | None = None,
    evaluation: Evaluation | None = None,
    allowed_points: float = ALLOWED_POINTS,
    drawn: int = DRAWN,
    mixed: Mixed | None = None,
    progress: Progress = lambda *_: None,
) -> Evidence:
    """Run the networks on the wafers and gather the report's figures.

    Args:
        model: The int8 model file.
        labelled: Wafers to judge on, at least one, that trained nothing.
        data: What the wafers are, for the reader.
        float_content: The float ``.tflite`` of the same network.
        keras_logits: What the float Keras network says of the wafers: (W, 9), in the order of
            ``PATTERNS``.
        calibration_manifest: As ``convert`` writes it into ``*.parity.json``; None for what the
            model file holds of it.
        evaluation: Of ``model`` on these wafers, where it has been made already.
        allowed_points: Points of per-class accuracy that int8 may cost.
        drawn: How many of the wafers that were called differently are drawn.
        mixed: MixedWM38: wafers with several patterns at once, judged in a table of their own.
        progress: Told of every step.

    Raises:
        DataError: the set holds no wafer, or one without dies.
        ModelError: the float network is no float form of ``model``.
        RuntimeUnavailableError: no TFLite runtime works here.
        UsageError: ``allowed_points`` is no number from 0 up.
    """
    classifier = Classifier(model)
    total = len(labelled)
    if evaluation is None:
        evaluation = evaluate(
            labelled, classifier, lambda done: progress("int8 network", done, total)
        )
    temperature = model.temperature
    shares: dict[Variant, npt.NDArray[np.float64]] = {}
    outcomes: dict[Variant, Outcome] = {}
    missing: dict[str, str] = {}
    true = evaluation.true
    float_network = None
    if keras_logits is not None:
        keras_logits = as_station(keras_logits, labelled)
        shares[Variant.KERAS] = metrics.softmax(keras_logits / temperature)
        outcomes[Variant.KERAS] = outcome(
            true, metrics.softmax(keras_logits), shares[Variant.KERAS]
        )
    if float_content is not None:
        float_network = FloatNetwork(float_content, model, classifier.runtime.backend)
        logits = as_station(
            float_logits(
                float_network, labelled, lambda done: progress("float network", done, total)
            ),
            labelled,
        )
        shares[Variant.FLOAT] = metrics.softmax(logits / temperature)
        outcomes[Variant.FLOAT] = outcome(true, metrics.softmax(logits), shares[Variant.FLOAT])
    int8 = evaluation.probabilities
    outcomes[Variant.INT8] = outcome(true, without_temperature(int8, temperature), int8)
    reference = next(iter(shares), None)
    recorded = _recorded(model, evaluation) if keras_logits is None else None
    if recorded is None and keras_logits is None:
        missing["keras"] = NO_KERAS
    judged_by, before = _reference(outcomes, recorded)
    wafers = _encoded_sample(labelled, classifier.size)
    compared: Comparison | None = None
    sensitive: Sensitivity | str | None = None
    if float_content is None:
        missing |= dict.fromkeys(("changes", "layers", "sensitivity"), NO_FLOAT)
        if reference is not None:
            del missing["changes"]
    else:
        compared = layers.compare(
            float_content,
            model.content,
            wafers,
            lambda done, n: progress("layer by layer", done, n),
        )
        sensitive = _sensitivity(float_content, model, wafers, progress)
        if isinstance(sensitive, str):
            missing["sensitivity"] = sensitive
    inside = {Variant.INT8: flatbuffer.read(model.content, model.path)}
    if float_content is not None:
        inside[Variant.FLOAT] = flatbuffer.read(float_content, "the float network")
    calibration = manifest.checked(calibration_manifest or model.metadata.get("calibration"))
    if calibration is None:
        missing["calibration"] = NO_CALIBRATION
    return Evidence(
        model=model.name,
        file_name=model.path.name,
        file_bytes=len(model.content),
        float_bytes=len(float_content) if float_content is not None else None,
        wafers=total,
        data=data,
        verdict=judge(judged_by, before, evaluation.scores, allowed_points),
        warnings=(*evaluation.warnings, *_doubts(classifier, evaluation)),
        outcomes=outcomes,
        recorded=recorded,
        changes=changes(labelled, reference, shares[reference], int8, drawn) if reference else None,
        layers=compared,
        sensitivity=sensitive if isinstance(sensitive, Sensitivity) else None,
        networks=inside,
        calibration=calibration,
        tensors={
            name: {key: model.metadata[section][key] for key in ("scale", "zero_point")}
            for name, section in _TENSORS.items()
        },
        temperature=model.temperature,
        latency=measure_latency(classifier, float_network, labelled),
        review=review(evaluation, model.metadata["review"]["objective"]),
        provenance=_provenance(model, evaluation, float_content),
        missing=missing,
        appendices=appendices(labelled, evaluation, classifier, mixed, progress),
    )


def _doubts(classifier: Classifier, evaluation: Evaluation) -> Iterator[str]:
    """What int8 and float can share, so that comparing them does not show it."""
    if selftest.largest_difference(classifier) > selftest.TOLERANCE:
        yield "known wafers give other outputs than at conversion: the file was changed"
    exchanged = diagnosis.exchanged_labels(evaluation.true, evaluation.predicted)
    if exchanged:
        yield exchanged.message
    constant = diagnosis.constant_outputs(classifier)
    if constant:
        yield f"the output of {', '.join(constant)} is the same for all kinds of wafers"


def _sensitivity(
    float_content: bytes, model: ModelFile, wafers: Encoded, progress: Progress
) -> Sensitivity | str:
    """The sensitivity of each layer, or why it was not measured."""
    try:
        return sensitivity.measure(
            float_content,
            wafers,
            int8_content=model.content,
            temperature=model.temperature,
            progress=lambda done, n: progress("each layer alone", done, n),
        )
    except ModuleNotFoundError:
        return NO_QUANTIZER
    except RuntimeUnavailableError:
        return NO_LITERT


def _reference(
    outcomes: dict[Variant, Outcome], recorded: dict[str, Any] | None
) -> tuple[Variant | None, Counts | None]:
    """What int8 is held against: Keras measured, Keras recorded, float TFLite, or nothing."""
    if Variant.KERAS in outcomes:
        return Variant.KERAS, counts(outcomes[Variant.KERAS].scores)
    if recorded is not None:
        # Recorded with four digits: exact up to 10,000 wafers of a class.
        return Variant.KERAS, {
            name: (round((entry["recall"] or 0.0) * entry["n"]), entry["n"])
            for name, entry in recorded.items()
        }
    if Variant.FLOAT in outcomes:
        return Variant.FLOAT, counts(outcomes[Variant.FLOAT].scores)
    return None, None


def _recorded(model: ModelFile, evaluation: Evaluation) -> dict[str, Any] | None:
    """The Keras figures in the model file, where they are of these wafers."""
    accuracy = model.metadata.get("accuracy") or {}
    if accuracy.get("data_sha256") != evaluation.data_sha256:
        return None
    per_class: dict[str, Any] = accuracy["float"]["per_class"]
    numbers = {name: score.n for name, score in evaluation.scores.per_class.items()}
    same = all(per_class[name]["n"] == n for name, n in numbers.items())
    return {name: per_class[name] for name in PATTERNS} if same else None


def _encoded_sample(labelled: LabelledSet, size: int) -> Encoded:
    """Up to ``PER_CLASS`` wafers of each class, evenly spaced: uint8 (S, size, size, 2)."""
    classes = labelled.class_indices()
    chosen = []
    for place in range(len(PATTERNS)):
        found = np.flatnonzero(classes == place)
        spaced = np.linspace(0, len(found) - 1, min(PER_CLASS, len(found)))
        chosen += found[spaced.astype(np.intp)].tolist()
    return np.stack([encoding.encode(labelled.grid(index), size) for index in chosen])


def _provenance(
    model: ModelFile, evaluation: Evaluation, float_content: bytes | None
) -> dict[str, str]:
    metadata = model.metadata
    training = metadata.get("training", {})
    tools = metadata.get("tools", {})
    found = {
        "model file, sha256": model.sha256,
        "network inside it, sha256": str(metadata.get("tflite_sha256", "")),
        "float TFLite, sha256": hashlib.sha256(float_content).hexdigest() if float_content else "",
        "wafers judged, sha256": evaluation.data_sha256,
        "training data": str(training.get("data", "")),
        "training data, sha256": str(training.get("data_sha256", "")),
        "split of the training data": str(training.get("split", "")),
        "parts of the training data, sha256": str(training.get("parts_sha256", "")),
        "model file made": str(metadata.get("created", "")),
        "model file made with": ", ".join(f"{name} {tools[name]}" for name in tools),
        "report made with": f"wm-edge {__version__}, Python {platform.python_version()}, "
        f"NumPy {np.__version__}",
    }
    return {name: value for name, value in found.items() if value}


def float_logits(
    network: FloatNetwork, labelled: LabelledSet, progress: Callable[[int], None] | None = None
) -> npt.NDArray[np.float64]:
    """Logits (W, 9) of all wafers, in the order of ``PATTERNS``.

    Raises:
        ModelError: a logit is no finite number.
    """
    found = np.empty((len(labelled), len(PATTERNS)))
    for index in range(len(labelled)):
        found[index] = network.run(encoding.encode(labelled.grid(index), network.size))
        if progress:
            progress(index + 1)
    if not np.isfinite(found).all():
        raise ModelError("the float network gives logits that are no finite numbers")
    return found
