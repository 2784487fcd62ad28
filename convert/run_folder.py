"""What conversion reads of a run folder: its configuration and its float network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.dataset.labelled_set import LabelledSet
from edge.errors import DataError, UsageError, why
from edge.system.files import exists
from edge.system.regular_file import read_text

if TYPE_CHECKING:
    import keras

#: What must stand in ``config.json``, with its type; a dot leads into a section.
KEYS: dict[str, type] = {
    "data": str,
    "data_sha256": str,
    "parts_sha256": str,
    "split_by_lot": bool,
    "recipe.name": str,
    "recipe.seed": int,
    "recipe.encoding": str,
    "recipe.network.name": str,
    "tools.tensorflow": str,
    "tools.keras": str,
}


def read_config(run: Path) -> dict[str, Any]:
    """The configuration of a run, with everything that conversion needs.

    Raises:
        DataError: no run folder, or something is missing or damaged.
        UsageError: it was trained on an encoding that no station has.
    """
    path = run / "config.json"
    if not exists(path):
        raise DataError(f"{run}: not a run folder (no config.json); `wm-edge train` makes one")
    try:
        config: dict[str, Any] = json.loads(read_text(path))
        for key, kind in KEYS.items():
            _require(config, key, kind)
    except KeyError as error:
        raise DataError(f"{path}: lacks {error}; the run is damaged") from error
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f"{path}: cannot be read ({why(error)}); the run is damaged") from error
    if config["recipe"]["encoding"] != "station":
        raise UsageError(
            f"{run}: trained on the encoding {config['recipe']['encoding']!r}, which no station "
            "has; it serves the ablation only"
        )
    return config


def _require(config: dict[str, Any], key: str, kind: type) -> None:
    value: Any = config
    for name in key.split("."):
        value = value[name]
    if not isinstance(value, kind):
        raise TypeError(f"{key} is {value!r}")


def load_network(run: Path) -> keras.Model:
    """The float network with its best weights.

    Raises:
        DataError: the run has not got that far, or the file is damaged.
    """
    import keras

    path = run / "model.keras"
    if not exists(path) or not exists(run / "metrics.json"):
        raise DataError(
            f"{run}: the training has not been finished; go on with `wm-edge train DATA --out "
            f"{run} --resume`"
        )
    try:
        return keras.models.load_model(path, compile=False)
    except Exception as error:  # Keras lets through whatever zipfile, h5py and json raise
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(f"{path}: cannot be loaded ({reason})") from error


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
