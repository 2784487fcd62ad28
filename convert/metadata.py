"""What a model file says of itself: its ``metadata.json``, section by section."""

from __future__ import annotations

import datetime as dt
import hashlib
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec import to_builtins
from msgspec.structs import replace

from convert.quantise import Calibration
from convert.run_folder import RunConfig
from edge import __version__
from edge.dataset.labelled_set import LabelledSet
from edge.model.metadata import FORMAT
from edge.model.training import Origin, build
from edge.wafer import encoding
from edge.wafer.patterns import WM811K, PatternSet

INTENDED_USE = [
    "electrical test (pass / fail) maps of whole wafers, one die a position, such as WM-811K's",
    "to rank and route wafers; a person decides on scrap and on machines",
]
_SEVERAL = "several patterns on one wafer: it names one of them, and says `mixed` of most, not all"
NOT_FOR = [
    "photographs and optical images of a wafer (another domain: figures do not carry over)",
    _SEVERAL,
    "patterns outside the {}: it names the nearest one, and says `unfamiliar` of most, not all",
    "strips, panels and fragments of fewer than 50 dies",
]

#: Whose versions count: Keras, and what it computed with.
_TOOLS = ("keras", "tensorflow", "jax", "torch")


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


def of_run(
    source: Source,
    config: RunConfig,
    train_part: LabelledSet,
    calibration: Calibration,
    parameters: int,
    float_tflite: bytes,
) -> dict[str, Any]:
    """What is known before anything was quantised."""
    import tensorflow as tf

    manifest = {key: calibration.manifest[key] for key in ("part", "seed", "wafers", "per_class")}
    return {
        "format": FORMAT,
        "name": source.name,
        "created": dt.datetime.now(dt.timezone.utc).date().isoformat(),
        "labels": list(train_part.patterns),
        "encoding": {
            "name": encoding.NAME,
            "version": encoding.VERSION,
            "size": int(calibration.planes.shape[1]),
        },
        "network": {
            "name": config.recipe.network.name,
            **({"layout": to_builtins(config.layout)} if config.layout else {}),
            "recipe": config.recipe.name,
            "seed": config.recipe.seed,
            "parameters": parameters,
            "float_sha256": hashlib.sha256(float_tflite).hexdigest(),
        },
        "training": {
            "data": source.data_name,
            "wafers": len(train_part),
            "per_class": train_part.class_counts(),
            "data_sha256": config.data_sha256,
            "parts_sha256": config.parts_sha256,
            "split": "lot" if config.split_by_lot else "unknown or random",
            "sketch": build(train_part.fingerprints()),
            **({"from": to_builtins(replace(config.origin, notice=()))} if config.origin else {}),
        },
        "calibration": manifest,
        "tools": {
            "wm-edge": __version__,
            "tensorflow": tf.__version__,
            **{name: version for name, version in config.tools.items() if name in _TOOLS},
            "platform": platform.system(),
        },
        "intended_use": INTENDED_USE,
        "not_for": [*_not_for(train_part.patterns)],
        "notice": notice(source, config),
        **_meaning(train_part.patterns),
    }


def _not_for(patterns: PatternSet) -> Iterator[str]:
    """What the file must not be used for; several patterns are what some are for."""
    for text in NOT_FOR:
        if not (patterns.is_several and text == _SEVERAL):
            yield text.format(_number(patterns))


def notice(source: Source, config: RunConfig) -> list[str]:
    """Licence notice and citations of the data, and of what the network it started from was taught.

    Weights made of others' weights are made of their data, too.
    """
    origin = config.origin or Origin()
    before = list(origin.notice)
    if "\n".join(before) in "\n".join(source.notice):
        return source.notice
    heading = f"The training started from the network of {origin.name}, whose notice is:"
    return [*source.notice, *([""] if source.notice else []), heading, *before]


def _number(patterns: PatternSet) -> str:
    return "nine" if patterns == WM811K else str(len(patterns))


def _meaning(patterns: PatternSet) -> dict[str, Any]:
    """What the labels mean, where they are not the preset's."""
    if patterns == WM811K:
        return {}
    meaning = {key: value for key, value in to_builtins(patterns).items() if key != "names"}
    return {"patterns": meaning}


def short(figures: dict[str, Any]) -> dict[str, Any]:
    """Figures without the confusion matrix and with few digits: the file must stay small."""
    return {
        "macro_recall": round(figures["macro_recall"], 5),
        "accuracy": round(figures["accuracy"], 5),
        "per_class": _rounded(figures["per_class"]),
    }


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(item) for item in value]
    return round(value, 4) if isinstance(value, float) else value
