"""Training recipes: TOML files that say everything a run depends on besides its data."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from enum import Enum
from importlib import resources
from pathlib import Path
from typing import Any, get_origin, get_type_hints

from edge.errors import UsageError
from edge.system.regular_file import read_text
from edge.wafer.patterns import pattern_named

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


class EncodingName(str, Enum):
    """Which encoding feeds the network."""

    STATION = "station"
    SEED = "seed"


@dataclass(frozen=True)
class NetworkRecipe:
    """The network.

    Attributes:
        name: A key of ``train.network.networks.NETWORKS``.
        l2: L2 penalty on the kernels (the seed's way; ours decay through the optimiser).
        dropout: Share of the embedding dropped before the last layer while training.
    """

    name: str = "residual"
    l2: float = 0.0
    dropout: float = 0.0


class Dihedral(str, Enum):
    """How the eight symmetries are used."""

    NONE = "none"
    RANDOM = "random"
    SEED_COPIES = "seed-copies"


@dataclass(frozen=True)
class Augment:
    """What is done to a wafer each time it is shown.

    Attributes:
        dihedral: ``random``: one of the eight flips and quarter turns.
        turn: Probability of a turn by any angle on top.
    """

    dihedral: Dihedral = Dihedral.RANDOM
    turn: float = 0.0


@dataclass(frozen=True)
class Balance:
    """What is done against the imbalance of the classes.

    Attributes:
        power: See ``train.batches.class_shares``; 0 nothing, 0.5 square root, 1 all alike.
        adjust: How far the imbalance that is left is taken out of the finished network's logits:
            ``logit - adjust * log(share of the class in an epoch)`` (A. K. Menon et al., Long-tail
            learning via logit adjustment, ICLR 2021). 0 nothing, 1 as if all were alike.
    """

    power: float = 0.5
    adjust: float = 0.0


class Generator(str, Enum):
    """Who draws synthetic wafers: ours on the training part's die grids, or the seed's."""

    GRIDS = "grids"
    SEED = "seed"


@dataclass(frozen=True)
class Synthetic:
    """Synthetic wafers for rare classes.

    Attributes:
        up_to: Each of ``patterns`` is filled up to this many wafers; 0 = none.
        generator: Who draws them.
        patterns: Which classes; the generator ``seed`` has its own five.
    """

    up_to: int = 0
    generator: Generator = Generator.GRIDS
    patterns: tuple[str, ...] = ()


class Schedule(str, Enum):
    """How the learning rate goes: warm-up of one epoch and down to 0, or always the same."""

    COSINE = "cosine"
    CONSTANT = "constant"


@dataclass(frozen=True)
class Optimise:
    """How the weights are found.

    Attributes:
        epochs: At most this many.
        batch: Wafers a step.
        epoch_wafers: Wafers shown an epoch; 0 = as many as the training part has.
        learning_rate: At its peak.
        schedule: How the learning rate goes.
        weight_decay: Decoupled (AdamW); 0 = Adam.
        label_smoothing: Share of the target spread evenly over the classes.
        average: Momentum of the moving average of the weights that is judged and kept; 0 = none.
        patience: Epochs without a better macro recall before it stops with the best weights; 0:
            it never stops early and keeps the last.
    """

    epochs: int = 24
    batch: int = 128
    epoch_wafers: int = 0
    learning_rate: float = 2e-3
    schedule: Schedule = Schedule.COSINE
    weight_decay: float = 1e-2
    label_smoothing: float = 0.03
    average: float = 0.998
    patience: int = 8


@dataclass(frozen=True)
class ReviewRecipe:
    """What conversion shall reach when it sets the thresholds between accept and review.

    Attributes:
        precision: Share of the accepted wafers of each pattern that shall be right.
        escape: Cost of a wafer with a pattern that is accepted as ``none``. Where any of the three
            costs is above 0, they decide instead of ``precision``.
        false_alarm: Cost of a wafer accepted under a pattern that it does not have.
        review: Cost of a look by a person.
        unfamiliar: Share of ordinary wafers that may be called unfamiliar.
        mixed: Share of ordinary wafers that may be called mixed.
    """

    precision: float = 0.95
    escape: float = 0.0
    false_alarm: float = 0.0
    review: float = 0.0
    unfamiliar: float = 0.02
    mixed: float = 0.01


@dataclass(frozen=True)
class Recipe:
    """One way to train. See the sections' classes."""

    name: str
    about: str = ""
    seed: int = 0
    encoding: EncodingName = EncodingName.STATION
    network: NetworkRecipe = field(default_factory=NetworkRecipe)
    augment: Augment = field(default_factory=Augment)
    balance: Balance = field(default_factory=Balance)
    synthetic: Synthetic = field(default_factory=Synthetic)
    optimise: Optimise = field(default_factory=Optimise)
    review: ReviewRecipe = field(default_factory=ReviewRecipe)

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return asdict(self)


_SHARES = ("precision", "unfamiliar", "mixed")
_COSTS = ("escape", "false_alarm", "review")


def shipped() -> dict[str, Path]:
    """The recipes that come with the package, by name."""
    folder = Path(str(resources.files("train") / "recipes"))
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def load(name_or_path: str) -> Recipe:
    """Read a recipe by its name or from a file of one's own.

    Raises:
        UsageError: unknown recipe, unreadable TOML, unknown key, value of the wrong type.
    """
    known = shipped()
    path = known.get(name_or_path, Path(name_or_path))
    if not path.is_file():
        raise UsageError(
            f"no recipe {name_or_path!r}: neither a file nor one of {', '.join(known)}"
        )
    try:
        content = tomllib.loads(read_text(path))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{path}: not readable as TOML: {error}") from error
    return from_dict({"name": path.stem, **content}, str(path))


def from_dict(content: Mapping[str, Any], source: str = "recipe") -> Recipe:
    """Build a recipe from its TOML or JSON form, refusing what it does not know."""
    recipe: Recipe = _build(Recipe, content, source)
    named = {name: pattern_named(name) for name in recipe.synthetic.patterns}
    unknown = sorted(name for name, pattern in named.items() if pattern is None)
    if unknown:
        raise UsageError(f"{source}: synthetic.patterns: unknown {', '.join(unknown)}")
    patterns = tuple(pattern for pattern in named.values() if pattern)
    recipe = replace(recipe, synthetic=replace(recipe.synthetic, patterns=patterns))
    for key, value, low, high in _ranges(recipe):
        if not low <= value <= high:
            raise UsageError(f"{source}: {key} is {value}, must be from {low:g} to {high:g}")
    return recipe


def _ranges(recipe: Recipe) -> Iterator[tuple[str, float, float, float]]:
    """Key, value, smallest and largest sensible value."""
    optimise = recipe.optimise
    yield "seed", recipe.seed, 0, math.inf
    yield "network.l2", recipe.network.l2, 0, 1
    yield "network.dropout", recipe.network.dropout, 0, 0.9
    yield "augment.turn", recipe.augment.turn, 0, 1
    yield "balance.power", recipe.balance.power, 0, 1
    yield "balance.adjust", recipe.balance.adjust, 0, 2
    yield "synthetic.up_to", recipe.synthetic.up_to, 0, 1e6
    yield "optimise.epochs", optimise.epochs, 1, 10_000
    yield "optimise.batch", optimise.batch, 1, 65_536
    yield "optimise.epoch_wafers", optimise.epoch_wafers, 0, 1e9
    yield "optimise.learning_rate", optimise.learning_rate, 1e-9, 10
    yield "optimise.weight_decay", optimise.weight_decay, 0, 10
    yield "optimise.label_smoothing", optimise.label_smoothing, 0, 0.9
    yield "optimise.average", optimise.average, 0, 0.999999
    yield "optimise.patience", optimise.patience, 0, 10_000
    review = recipe.review
    yield from ((f"review.{k}", getattr(review, k), 1e-6, 0.999999) for k in _SHARES)
    yield from ((f"review.{k}", getattr(review, k), 0, 1e9) for k in _COSTS)


def _build(kind: Any, content: Mapping[str, Any], where: str) -> Any:
    hints = get_type_hints(kind)
    known = {entry.name for entry in fields(kind)}
    for key in content:
        if key not in known:
            raise UsageError(f"{where}: unknown key {key!r}; known: {', '.join(sorted(known))}")
    values = {key: _convert(hints[key], value, f"{where}: {key}") for key, value in content.items()}
    return kind(**values)


def _convert(kind: Any, value: Any, where: str) -> Any:
    if is_dataclass(kind):
        if not isinstance(value, Mapping):
            raise UsageError(f"{where} is a section, not {value!r}")
        return _build(kind, value, where)
    if kind in (int, float, str, bool):
        right = type(value) in ((int, float) if kind is float else (kind,))
        if not right:
            raise UsageError(f"{where} must be {kind.__name__}, not {value!r}")
        return kind(value)
    if get_origin(kind) is tuple:
        if not isinstance(value, (list, tuple)) or not all(type(item) is str for item in value):
            raise UsageError(f"{where} must be a list of names, not {value!r}")
        return tuple(value)
    choices = [choice.value for choice in kind]
    if value not in choices:
        raise UsageError(f"{where} is one of {', '.join(choices)}, not {value!r}")
    return kind(value)
