"""From a run folder to a model file with its evidence, or to a red gate and no file."""

from __future__ import annotations

import datetime as dt
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
from convert.quantise import Calibration, calibration_set, quantise, shares
from convert.temperature import fit_temperature, softmax
from edge import __version__, encoding
from edge.classifier import Classifier
from edge.dataset import LabelledSet, Part
from edge.errors import DataError, GateError, UsageError
from edge.evaluate import Evaluation, evaluate
from edge.model import FORMAT, ModelFile, attach, save
from edge.patterns import PATTERNS

#: Points of per-class accuracy that int8 may cost.
ALLOWED_POINTS = 1.0

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
    the gate is red, the model file is not.

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
        DataError: not the set that the run was trained on.
        ModelError: the converter's output is not what a station can trust.
    """
    import keras

    config = json.loads((source.run / "config.json").read_text("utf-8"))
    check_same_data(config, labelled, source.run)
    if config["recipe"]["encoding"] != "station":
        raise UsageError(
            f"{source.run}: trained on the encoding {config['recipe']['encoding']!r}, which no "
            "station has; it serves the ablation only"
        )
    if out.exists() and not overwrite:
        raise UsageError(f"{out}: exists already; choose another name or pass --overwrite")
    network = keras.models.load_model(source.run / "model.keras", compile=False)
    train_part, val, test = (labelled.part(part) for part in Part)
    if not len(test):
        raise DataError("the test part is empty: parity is judged on wafers that trained nothing")
    tell(f"calibrating on {len(PATTERNS)} classes of the training part")
    calibration = calibration_set(train_part, config["recipe"]["seed"])
    bare = quantise(network, calibration)
    structure = inspect(bare)
    temperature = fit_temperature(_logits(network, val), val.class_indices())
    metadata = _metadata(source, config, structure, temperature, network, calibration, train_part)
    tell(f"judging on {len(test):,} wafers of the test part")
    result = _run_int8(attach(bare, metadata), metadata, out, test)
    float_shares = softmax(_logits(network, test) / temperature)
    limit = ALLOWED_POINTS if allowed_points is None else allowed_points
    parity = compare(test.class_indices(), float_shares, result.probabilities, limit)
    averaged = _run_int8(attach(bare, metadata), metadata, out, test, average_symmetries=True)
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
    _write_evidence(out, parity, structure, calibration, metadata)
    if not parity.green:
        lost = ", ".join(f"{k} {a} -> {b} of {n}" for k, (a, b, n) in parity.lost.items())
        raise GateError(
            f"int8 lost more than {limit:g} points in: {lost}; no model file was written. See "
            f"{_beside(out, 'parity.md')}; --allow-drop POINTS overrides, recorded in the file"
        )
    save(content, out, overwrite=overwrite)
    return Outcome(content, parity, structure, metadata)


def check_same_data(config: dict[str, Any], labelled: LabelledSet, run: Path) -> None:
    """Refuse data that is not what a run was trained on.

    Raises:
        DataError: other wafers or another split: its test part might have trained the network.
    """
    found = (labelled.sha256(), labelled.parts_sha256())
    if found != (config["data_sha256"], config["parts_sha256"]):
        raise DataError(
            f"{run} was trained on {config['data']} with other wafers or another split; with this "
            "set, wafers that trained the network could judge it. Give the same file, or judge a "
            "finished model file on other wafers with `wm-edge evaluate`"
        )


def _logits(network: Any, part: LabelledSet) -> npt.NDArray[np.float32]:
    planes = np.stack([encoding.encode(part.grid(index)) for index in range(len(part))])
    logits = [
        network.predict(shares(planes[start : start + 2048]), batch_size=512, verbose=0)
        for start in range(0, len(planes), 2048)
    ]
    return np.concatenate(logits)


def _run_int8(
    content: bytes,
    metadata: dict[str, Any],
    out: Path,
    test: LabelledSet,
    *,
    average_symmetries: bool = False,
) -> Evaluation:
    model = ModelFile(out, content, metadata)
    return evaluate(test, Classifier(model, average_symmetries=average_symmetries))


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
) -> None:
    evidence = {
        **parity.as_dict(),
        "model": metadata["name"],
        "accuracy_on": metadata["accuracy"]["on"],
        "operators": structure.operators,
        "input": structure.input,
        "output": structure.output,
        "temperature": metadata["temperature"],
        "calibration": calibration.manifest,
        "data_sha256": metadata["training"]["data_sha256"],
    }
    for suffix, text in (
        ("parity.json", json.dumps(evidence, indent=1) + "\n"),
        ("parity.md", parity.summary()),
    ):
        partial = _beside(out, f"{suffix}.partial")
        partial.write_text(text, "utf-8")
        partial.replace(_beside(out, suffix))
