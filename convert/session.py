"""From a run folder to a model file with its evidence, or to a red gate and no file."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import platform
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from convert.checks import Structure, inspect
from convert.parity import Parity, compare
from convert.quantise import Calibration, calibration_set, quantise
from convert.run_folder import check_same_data, load_network, read_config
from convert.temperature import fit_temperature
from edge import __version__, encoding, metrics
from edge.classifier import Classifier
from edge.dataset import LabelledSet, Part
from edge.errors import DataError, GateError
from edge.evaluate import evaluate
from edge.model import FORMAT, ModelFile, attach, save
from edge.output import check_place, write_text
from edge.patterns import PATTERNS

#: Points of per-class accuracy that int8 may cost.
ALLOWED_POINTS = 1.0

#: What is written beside the model file.
EVIDENCE = ("parity.json", "parity.md")

#: Below this probability a wafer goes to a person; below this many dies too (a fragment).
REVIEW_BELOW = 0.5
MIN_DIES = 50

INTENDED_USE = [
    "electrical test (pass / fail) maps of whole wafers, one die a position, such as WM-811K's",
    "to rank and route wafers; a person decides on scrap and on machines",
]
NOT_FOR = [
    "photographs and optical images of a wafer (another domain: figures do not carry over)",
    "several patterns on one wafer: it names one of them",
    "patterns outside the nine: it will still name the nearest one",
    "strips, panels and fragments of fewer than 50 dies",
]


@dataclass(frozen=True)
class Source:
    """What is converted.

    Attributes:
        run: The run folder.
        name: What the model calls itself in records.
        data_name: Public name of the data it was trained on.
        notice: Licence notice and citations of the data.
    """

    run: Path
    name: str
    data_name: str
    notice: list[str]


@dataclass(frozen=True)
class Outcome:
    """Attributes: content (of the model file), parity, structure, metadata."""

    content: bytes
    parity: Parity
    structure: Structure
    metadata: dict[str, Any]


def convert(
    source: Source,
    labelled: LabelledSet,
    out: Path,
    *,
    allowed_points: float | None = None,
    overwrite: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Quantise a run, prove parity, write the model file and its evidence.

    Beside ``out`` come ``<name>.parity.json`` and ``<name>.parity.md``; they are written even when
    the gate is red, the model file is not. They name the hash of the model file they belong to.

    Args:
        source: The run and what to say of it.
        labelled: The split labelled set the run was trained on; calibration takes wafers of its
            train part, temperature its val part, parity its test part.
        out: Model file to write.
        allowed_points: Explicit limit (recorded in the file); None for ``ALLOWED_POINTS``.
        overwrite: Replace existing files.
        tell: Receives progress, a line at a time.

    Raises:
        GateError: a class lost more than allowed.
        DataError: no whole run, not the set that it was trained on, or a part without wafers.
        UsageError: a file exists already, its folder does not, or no station has the encoding.
        ModelError: the converter's output is not what a station can trust.
    """
    for path in (out, *(_beside(out, suffix) for suffix in EVIDENCE)):
        check_place(path, overwrite=overwrite)
    config = read_config(source.run)
    check_same_data(config, labelled, source.run)
    train_part, val, test = (labelled.part(part) for part in Part)
    for part, wafers, why in (
        (Part.TRAIN, train_part, "calibration takes wafers that trained"),
        (Part.VAL, val, "the temperature is fitted on it"),
        (Part.TEST, test, "parity is judged on wafers that trained nothing"),
    ):
        if not len(wafers):
            raise DataError(f"the {part} part is empty: {why}")
    network = load_network(source.run)
    tell(f"calibrating on {len(PATTERNS)} classes of the training part")
    calibration = calibration_set(train_part, config["recipe"]["seed"])
    bare = quantise(network, calibration)
    structure = inspect(bare)
    temperature = fit_temperature(_logits(network, val), val.class_indices())
    metadata = _metadata(source, config, structure, temperature, network, calibration, train_part)
    tell(f"judging on {len(test):,} wafers of the test part")
    unjudged = ModelFile(out, attach(bare, metadata), metadata)
    result = evaluate(test, Classifier(unjudged))
    float_shares = metrics.softmax(_logits(network, test) / temperature)
    limit = ALLOWED_POINTS if allowed_points is None else allowed_points
    parity = compare(test.class_indices(), float_shares, result.probabilities, limit)
    averaged = evaluate(test, Classifier(unjudged, average_symmetries=True))
    metadata["accuracy"] = {
        "on": f"the test part of {source.data_name}, lots that trained and calibrated nothing"
        if config["split_by_lot"]
        else f"the test part of {source.data_name} (NOT split by lot: too good)",
        "wafers": len(test),
        "data_sha256": result.data_sha256,
        "float": _short(parity.before.as_dict()),
        "int8": _short(parity.after.as_dict()),
        "int8_average_symmetries": _short(averaged.scores.as_dict()),
        "agreement": parity.agreement,
        "largest_probability_drift": parity.largest_drift,
        "allowed_drop": allowed_points,
    }
    content = attach(bare, metadata)
    model_sha256 = hashlib.sha256(content).hexdigest() if parity.green else None
    _write_evidence(out, parity, structure, calibration, metadata, model_sha256)
    if not parity.green:
        lost = ", ".join(f"{k} {a} -> {b} of {n}" for k, (a, b, n) in parity.lost.items())
        raise GateError(
            f"int8 lost more than {limit:g} points in: {lost}; no model file was written, one that "
            f"stands at {out} is not of this run. See "
            f"{_beside(out, 'parity.md')}; --allow-drop POINTS overrides, recorded in the file"
        )
    save(content, out, overwrite=overwrite)
    return Outcome(content, parity, structure, metadata)


def _logits(network: Any, part: LabelledSet) -> npt.NDArray[np.float32]:
    planes = np.stack([encoding.encode(part.grid(index)) for index in range(len(part))])
    logits = [
        network.predict(encoding.to_shares(planes[start : start + 2048]), batch_size=512, verbose=0)
        for start in range(0, len(planes), 2048)
    ]
    return np.concatenate(logits)


def _metadata(
    source: Source,
    config: dict[str, Any],
    structure: Structure,
    temperature: float,
    network: Any,
    calibration: Calibration,
    train_part: LabelledSet,
) -> dict[str, Any]:
    manifest = {key: calibration.manifest[key] for key in ("part", "seed", "wafers", "per_class")}
    return {
        "format": FORMAT,
        "name": source.name,
        "created": dt.datetime.now(dt.timezone.utc).date().isoformat(),
        "labels": list(PATTERNS),
        "encoding": {
            "name": encoding.NAME,
            "version": encoding.VERSION,
            "size": int(network.input_shape[1]),
        },
        "input": structure.input,
        "output": structure.output,
        "temperature": temperature,
        "review": {"below": dict.fromkeys(PATTERNS, REVIEW_BELOW), "min_dies": MIN_DIES},
        "network": {
            "name": config["recipe"]["network"]["name"],
            "recipe": config["recipe"]["name"],
            "seed": config["recipe"]["seed"],
            "parameters": int(network.count_params()),
            "operators": structure.operators,
        },
        "training": {
            "data": source.data_name,
            "wafers": len(train_part),
            "per_class": train_part.class_counts(),
            "data_sha256": config["data_sha256"],
            "parts_sha256": config["parts_sha256"],
            "split": "lot" if config["split_by_lot"] else "unknown or random",
        },
        "calibration": manifest,
        "tools": {"wm-edge": __version__, **_tools(config), "platform": platform.system()},
        "intended_use": INTENDED_USE,
        "not_for": NOT_FOR,
        "notice": source.notice,
    }


def _tools(config: dict[str, Any]) -> dict[str, str]:
    return {name: config["tools"][name] for name in ("tensorflow", "keras")}


def _short(figures: dict[str, Any]) -> dict[str, Any]:
    """Figures without the confusion matrix and with four digits: the file must stay small."""
    rounded = {
        name: {
            key: [round(v, 4) for v in value] if isinstance(value, list) else _round(value)
            for key, value in entry.items()
        }
        for name, entry in figures["per_class"].items()
    }
    return {
        "macro_recall": round(figures["macro_recall"], 5),
        "accuracy": round(figures["accuracy"], 5),
        "per_class": rounded,
    }


def _round(value: float | None) -> float | None:
    return round(value, 4) if isinstance(value, float) else value


def _beside(out: Path, suffix: str) -> Path:
    return out.with_name(f"{out.stem}.{suffix}")


def _write_evidence(
    out: Path,
    parity: Parity,
    structure: Structure,
    calibration: Calibration,
    metadata: dict[str, Any],
    model_sha256: str | None,
) -> None:
    evidence = {
        **parity.as_dict(),
        "model_sha256": model_sha256,
        "model": metadata["name"],
        "accuracy_on": metadata["accuracy"]["on"],
        "operators": structure.operators,
        "input": structure.input,
        "output": structure.output,
        "temperature": metadata["temperature"],
        "calibration": calibration.manifest,
        "data_sha256": metadata["training"]["data_sha256"],
    }
    belongs = (
        f"Model file: {out.name}, sha256 {model_sha256}."
        if model_sha256
        else f"No model file belongs to this: a {out.name} beside it is of an earlier conversion."
    )
    texts = (json.dumps(evidence, indent=1) + "\n", f"{parity.summary()}\n{belongs}\n")
    for suffix, text in zip(EVIDENCE, texts, strict=True):
        write_text(_beside(out, suffix), text)
