"""What conversion reads of a run folder: its configuration and its float network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from edge.dataset.labelled_set import LabelledSet
from edge.errors import DataError, UsageError, why
from edge.model.metadata import Layout
from edge.model.training import Origin
from edge.system.files import exists
from edge.system.regular_file import read_text
from edge.system.typed import decode
from edge.verdict.objective import ReviewObjective
from edge.wafer.patterns import WM811K, PatternSet

if TYPE_CHECKING:
    import keras


#: Of a recipe: what does not shape a network's answers.
_APART: Final = ("name", "about", "seed", "review")


class RunNetwork(msgspec.Struct, frozen=True):
    """The network of a run; see ``train.recipe``, as of the next one."""

    name: str


class RunRecipe(msgspec.Struct, frozen=True):
    """What conversion asks of a run's recipe."""

    name: str
    seed: int
    encoding: str
    network: RunNetwork
    review: ReviewObjective = ReviewObjective()


class RunConfig(msgspec.Struct, frozen=True):
    """What conversion asks of a run's ``config.json``, which holds more."""

    data: str
    data_sha256: str
    parts_sha256: str
    split_by_lot: bool
    recipe: RunRecipe
    tools: dict[str, str]
    patterns: PatternSet = WM811K
    layout: Layout | None = None
    origin: Origin | None = msgspec.field(name="from", default=None)


def read_config(run: Path) -> RunConfig:
    """The configuration of a run, with everything that conversion needs.

    Raises:
        DataError: no run folder, or something is missing or damaged.
        UsageError: it was trained on an encoding that no station has.
    """
    path = run / "config.json"
    if not exists(path):
        raise DataError(f"{run}: not a run folder (no config.json); `wm-edge train` makes one")
    try:
        config = decode(RunConfig, json.loads(read_text(path)))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({why(error)}); the run is damaged") from error
    if config.recipe.encoding != "station":
        what = f"{run}: trained on the encoding {config.recipe.encoding!r}, which no station has"
        raise UsageError(f"{what}; it serves the ablation only")
    return config


def trained_otherwise(run: Path, other: Path) -> list[str]:
    """Sections of recipe and configuration in which two runs differ, of those that shape answers.

    Raises:
        DataError: one of them is no run folder, or is damaged.
    """
    first, second = (_shaping(path) for path in (run, other))
    keys = {**first, **second}
    return [key for key in keys if first.get(key) != second.get(key)]


def _shaping(run: Path) -> dict[str, object]:
    """The recipe, less its name, seed and goal, and whether a network stood before or beside it."""
    path = run / "config.json"
    try:
        config = decode(dict[str, Any], json.loads(read_text(path)))
        recipe = decode(dict[str, Any], config.get("recipe", {}))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({why(error)}); the run is damaged") from error
    shaping = {key: recipe[key] for key in recipe if key not in _APART}
    return {**shaping, **{key: True for key in ("from", "teacher") if key in config}}


def load_network(run: Path) -> keras.Model:
    """The float network with its best weights.

    Raises:
        DataError: the run has not got that far, or the file is damaged.
    """
    import keras

    path = run / "model.keras"
    if not exists(path) or not exists(run / "metrics.json"):
        what = f"{run}: the training has not been finished"
        raise DataError(f"{what}; go on with `wm-edge train DATA --out {run} --resume`")
    try:
        return keras.models.load_model(path, compile=False)
    except Exception as error:  # Keras lets through whatever zipfile, h5py and json raise
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(f"{path}: cannot be loaded ({reason})") from error


def check_same_data(config: RunConfig, labelled: LabelledSet, run: Path) -> None:
    """Refuse data that is not what a run was trained on.

    Raises:
        DataError: other wafers or another split: its test part might have trained the network.
    """
    found = (labelled.sha256(), labelled.parts_sha256(), labelled.patterns)
    if found != (config.data_sha256, config.parts_sha256, config.patterns):
        raise DataError(
            f"{run} was trained on {config.data} with other wafers or another split; with this "
            "set, wafers that trained the network could judge it. Give the same file, or judge a "
            "finished model file on other wafers with `wm-edge evaluate`"
        )
