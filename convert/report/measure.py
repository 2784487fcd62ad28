"""Measure all that the quantization report says of a model file, on labelled wafers."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from convert.parity import ALLOWED_POINTS, Variant
from convert.report import layers, manifest, sensitivity
from convert.report.accuracy import compared, review
from convert.report.evidence import Evidence
from convert.report.latency import measure_latency
from convert.report.out_of_distribution import appendices
from convert.report.sensitivity import Sensitivity
from edge import __version__
from edge.classification import selftest
from edge.classification.classifier import Classifier
from edge.dataset.encoded_set import encoded, spread_of_each
from edge.dataset.labelled_set import LabelledSet
from edge.dataset.mixedwm38 import Mixed
from edge.errors import ModelError, RuntimeUnavailableError
from edge.evaluation.evaluate import Evaluation, evaluate
from edge.evaluation.yield_sweep import sweep
from edge.gate import diagnosis
from edge.model import flatbuffer
from edge.model.float_network import FloatNetwork
from edge.model.model_file import ModelFile
from edge.wafer import encoding
from edge.wafer.encoding import Encoded

#: Wafers that were called differently are drawn up to this number.
DRAWN: Final = 24

#: Wafers a class for the layers: their figures settle with few.
PER_CLASS: Final = 10

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
        keras_logits: The float Keras network's (W, patterns), in the order of the pattern set.
        calibration_manifest: As in ``*.parity.json``; None for what the model file holds of it.
        evaluation: Of ``model`` on these wafers, where it has been made already.
        allowed_points: Points of per-class accuracy that int8 may cost.
        drawn: How many of the wafers that were called differently are drawn.
        mixed: MixedWM38: wafers with several patterns at once, judged in a table of their own.
        progress: Told of every step.

    Raises:
        DataError: the set holds no wafer, or one without dies.
        ModelError: the float network is no float form of ``model``.
        RuntimeUnavailableError: no TFLite runtime works here.
        UsageError: ``allowed_points`` is no number from 0 up, or the model file names several
            patterns a wafer.
    """
    model.require_exclusive("the report")
    labelled = labelled.under(model.patterns)
    classifier, total, float_network = Classifier(model), len(labelled), None
    if evaluation is None:
        evaluation = evaluate(labelled, classifier, lambda n: progress("int8 network", n, total))
    floats = {} if keras_logits is None else {Variant.KERAS: keras_logits}
    if float_content is not None:
        float_network = FloatNetwork(float_content, model, classifier.runtime.backend)
        floats[Variant.FLOAT] = float_logits(
            float_network, labelled, lambda n: progress("float network", n, total)
        )
    calibration = calibration_manifest or model.metadata.calibration
    found = {
        **_about(model, evaluation, float_content),
        **compared(model, labelled, evaluation, floats, allowed_points, drawn),
        **_inside(model, float_content, labelled, classifier, progress),
        "calibration": manifest.checked(calibration, model.patterns),
    }
    return Evidence(
        data=data,
        missing=_missing(found),
        warnings=(*evaluation.warnings, *_doubts(classifier, evaluation)),
        latency=measure_latency(classifier, float_network, labelled),
        yields=sweep(labelled, classifier, partial(progress, "yield sweep")),
        appendices=appendices(labelled, evaluation, classifier, mixed, progress),
        **found,
    )


def _about(model: ModelFile, evaluation: Evaluation, float_content: bytes | None) -> dict[str, Any]:
    """What the model file says of itself, and what becomes of its own review rule."""
    known = model.metadata
    return {
        "model": model.name,
        "file_name": model.path.name,
        "file_bytes": len(model.content),
        "float_bytes": len(float_content) if float_content is not None else None,
        "wafers": evaluation.wafers,
        "tensors": {
            name: {"scale": tensor.scale, "zero_point": tensor.zero_point}
            for name, tensor in (
                ("input", known.input),
                ("logits", known.output),
                ("embedding", known.embedding),
            )
        },
        "temperature": model.temperature,
        "review": review(evaluation, known.review.objective, known.patterns.hints),
        "provenance": _provenance(model, evaluation, float_content),
    }


def _inside(
    model: ModelFile,
    float_content: bytes | None,
    labelled: LabelledSet,
    classifier: Classifier,
    progress: Progress,
) -> dict[str, Any]:
    """The networks themselves, layer by layer where there is a float one."""
    networks = {Variant.INT8: flatbuffer.read(model.content, model.path)}
    if float_content is None:
        return {"networks": networks, "layers": None, "sensitivity": NO_FLOAT}
    wafers = _encoded_sample(labelled, classifier.size)
    return {
        "layers": layers.compare(
            float_content,
            model.content,
            wafers,
            lambda done, n: progress("layer by layer", done, n),
        ),
        "sensitivity": _sensitivity(float_content, model, wafers, progress),
        "networks": {
            **networks,
            Variant.FLOAT: flatbuffer.read(float_content, "the float network"),
        },
    }


def _missing(found: dict[str, Any]) -> dict[str, str]:
    """The sentence that stands in the place of a section; what a text explains becomes None."""
    missing = {}
    if found["recorded"] is None and Variant.KERAS not in found["outcomes"]:
        missing["keras"] = NO_KERAS
    missing |= {name: NO_FLOAT for name in ("changes", "layers") if found[name] is None}
    if isinstance(found["sensitivity"], str):
        missing["sensitivity"], found["sensitivity"] = found["sensitivity"], None
    if found["calibration"] is None:
        missing["calibration"] = NO_CALIBRATION
    return missing


def _doubts(classifier: Classifier, evaluation: Evaluation) -> Iterator[str]:
    """What int8 and float can share, so that comparing them does not show it."""
    if selftest.largest_difference(classifier) > selftest.TOLERANCE:
        yield "known wafers give other outputs than at conversion: the file was changed"
    exchanged = diagnosis.exchanged_labels(
        evaluation.true, evaluation.predicted, evaluation.scores.labels
    )
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
            patterns=len(model.labels),
            temperature=model.temperature,
            progress=lambda done, n: progress("each layer alone", done, n),
        )
    except ModuleNotFoundError:
        return NO_QUANTIZER
    except RuntimeUnavailableError:
        return NO_LITERT


def _encoded_sample(labelled: LabelledSet, size: int) -> Encoded:
    """Up to ``PER_CLASS`` wafers of each class, evenly spaced: uint8 (S, size, size, 2)."""
    chosen = spread_of_each(labelled.class_indices(), PER_CLASS)
    return encoded(labelled.select(chosen), size).planes


def _provenance(
    model: ModelFile, evaluation: Evaluation, float_content: bytes | None
) -> dict[str, str]:
    metadata = model.metadata
    training, tools = metadata.training, metadata.tools
    found = {
        "model file, sha256": model.sha256,
        "network inside it, sha256": metadata.tflite_sha256,
        "float TFLite, sha256": hashlib.sha256(float_content).hexdigest() if float_content else "",
        "wafers judged, sha256": evaluation.data_sha256,
        "training data": training.data,
        "training data, sha256": training.data_sha256,
        "split of the training data": training.split,
        "parts of the training data, sha256": training.parts_sha256,
        "model file made": metadata.created,
        "model file made with": ", ".join(f"{name} {version}" for name, version in tools.items()),
        "report made with": f"wm-edge {__version__}, Python {platform.python_version()}, "
        f"NumPy {np.__version__}",
    }
    return {name: value for name, value in found.items() if value}


def float_logits(
    network: FloatNetwork, labelled: LabelledSet, progress: Callable[[int], None] | None = None
) -> npt.NDArray[np.float64]:
    """Logits (W, patterns) of all wafers, in the order of the pattern set.

    Raises:
        ModelError: a logit is no finite number.
    """
    found = np.empty((len(labelled), len(labelled.patterns)))
    for index in range(len(labelled)):
        found[index] = network.run(encoding.encode(labelled.grid(index), network.size))
        if progress:
            progress(index + 1)
    if not np.isfinite(found).all():
        raise ModelError("the float network gives logits that are no finite numbers")
    return found
