"""Training recipes: TOML files that say everything a run depends on besides its data."""

from __future__ import annotations

from enum import Enum
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType, to_builtins
from msgspec.structs import force_setattr

from edge.errors import UsageError
from edge.model.metadata import Layout
from edge.system import toml_file
from edge.system.typed import MismatchError, Share, Strict, decode
from edge.verdict.objective import ReviewObjective
from edge.wafer.patterns import PatternSet, SetKind
from train.network.layout import layout_of
from train.network.networks import Head


class EncodingName(str, Enum):
    """Which encoding feeds the network."""

    STATION = "station"
    SEED = "seed"


class NetworkRecipe(Strict, frozen=True):
    """The network.

    Attributes:
        name: A key of ``train.network.networks.NETWORKS``.
        head: Which maps the last layers see; ``all`` is for few wafers, see there.
        l2: L2 penalty on the kernels (the seed's way; ours decay through the optimiser).
        dropout: Share of the embedding dropped before the last layer while training.
        widths: Channels of each stage (``symmetric``: free ones); none: as its own network is. This
            and what follows is for ``residual`` and ``symmetric``; see ``train.network.layout``.
        blocks: Residual blocks of each stage.
        strides: Of each stage's first convolution.
        kernel: Side of the kernel of the first convolution; 0: its own.
    """

    name: str = "residual"
    head: Head = Head.LAST
    l2: Annotated[float, Meta(ge=0, le=1)] = 0.0
    dropout: Annotated[float, Meta(ge=0, le=0.9)] = 0.0
    widths: Annotated[tuple[Annotated[int, Meta(ge=1, le=512)], ...], Meta(max_length=5)] = ()
    blocks: Annotated[tuple[Annotated[int, Meta(ge=0, le=8)], ...], Meta(max_length=5)] = ()
    strides: Annotated[tuple[Annotated[int, Meta(ge=1, le=4)], ...], Meta(max_length=5)] = ()
    kernel: Annotated[int, Meta(ge=0, le=11)] = 0

    def __post_init__(self) -> None:
        """Refuse what is no network."""
        _ = self.layout

    @property
    def layout(self) -> Layout | None:
        """How wide and deep it is; None of a network that has but one layout."""
        return layout_of(self.name, self.widths, self.blocks, self.strides, self.kernel)


class Dihedral(str, Enum):
    """How the eight symmetries are used."""

    NONE = "none"
    RANDOM = "random"
    SEED_COPIES = "seed-copies"


class Augment(Strict, frozen=True):
    """What is done to a wafer each time it is shown.

    Attributes:
        dihedral: ``random``: one of the eight flips and quarter turns.
        turn: Probability of a turn by any angle on top.
    """

    dihedral: Dihedral = Dihedral.RANDOM
    turn: Share = 0.0


class Balance(Strict, frozen=True):
    """What is done against the imbalance of the classes.

    Attributes:
        power: See ``train.batches.class_shares``; 0 nothing, 0.5 square root, 1 all alike.
        adjust: How far the imbalance that is left is taken out of the finished network's logits:
            ``logit - adjust * log(share of the class in an epoch)`` (A. K. Menon et al., Long-tail
            learning via logit adjustment, ICLR 2021). 0 nothing, 1 as if all were alike.
    """

    power: Share = 0.5
    adjust: Annotated[float, Meta(ge=0, le=2)] = 0.0


class Generator(str, Enum):
    """Who draws synthetic wafers: ours on the training part's die grids, or the seed's."""

    GRIDS = "grids"
    SEED = "seed"


class Synthetic(Strict, frozen=True):
    """Synthetic wafers for rare classes.

    Attributes:
        up_to: Each of ``patterns`` is filled up to this many wafers; 0 = none.
        generator: Who draws them.
        patterns: Which classes, in any spelling (``train.synth.fill``); none: all that can be
            drawn. The generator ``seed`` has its own five.
    """

    up_to: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    generator: Generator = Generator.GRIDS
    patterns: tuple[str, ...] = ()


class HighYield(Strict, frozen=True):
    """Wafers that yield more than real ones do; see ``train.synth.high_yield``.

    Attributes:
        cleared: Copies of the training part's own wafers, of each pattern at most so many, whose
            small groups of fails pass.
        drawn: Drawn ones, so many of each pattern that can be drawn.
        none: Copies of wafers without a pattern of which some fails pass, at most so many, and as
            many drawn ones.
    """

    cleared: Annotated[int, Meta(ge=0, le=100_000)] = 0
    drawn: Annotated[int, Meta(ge=0, le=100_000)] = 0
    none: Annotated[int, Meta(ge=0, le=100_000)] = 0

    @property
    def is_wanted(self) -> bool:
        """Whether there are to be any."""
        return bool(self.cleared or self.drawn or self.none)


class Odd(Strict, frozen=True):
    """Wafers with what is none of the patterns, taught as anybody's guess; see ``train.synth.odd``.

    Attributes:
        share: Of the wafers that are shown.
        wafers: How many are drawn.
    """

    share: Annotated[float, Meta(ge=0, le=0.5)] = 0.0
    wafers: Annotated[int, Meta(ge=6, le=100_000)] = 3600


class Schedule(str, Enum):
    """How the learning rate goes: warm-up of one epoch and down to 0, or always the same."""

    COSINE = "cosine"
    CONSTANT = "constant"


class Optimise(Strict, frozen=True):
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

    epochs: Annotated[int, Meta(ge=1, le=10_000)] = 24
    batch: Annotated[int, Meta(ge=1, le=65_536)] = 128
    epoch_wafers: Annotated[int, Meta(ge=0, le=1_000_000_000)] = 0
    learning_rate: Annotated[float, Meta(ge=1e-9, le=10)] = 2e-3
    schedule: Schedule = Schedule.COSINE
    weight_decay: Annotated[float, Meta(ge=0, le=10)] = 1e-2
    label_smoothing: Annotated[float, Meta(ge=0, le=0.9)] = 0.03
    average: Annotated[float, Meta(ge=0, le=0.999999)] = 0.998
    patience: Annotated[int, Meta(ge=0, le=10_000)] = 8


class Teacher(Strict, frozen=True):
    """What counts of soft labels, where ``--teacher`` gives some; see ``train.teaching``.

    Attributes:
        share: Of each target that is what the teacher says; the rest is its label.
        temperature: Its logits are divided by this: above 1, the target is softer.
    """

    share: Share = 0.7
    temperature: Annotated[float, Meta(ge=0.05, le=20)] = 1.0


class Doubts(Strict, frozen=True):
    """What is done with likely mislabelled wafers, where ``--from-folds`` says which these are.

    Attributes:
        weight: How much each counts in the loss; 1: as much as all others.
    """

    weight: Share = 1.0


class Recipe(Strict, frozen=True):
    """One way to train. See the sections' classes.

    Attributes:
        patterns: Whether it teaches sets of ``several`` patterns a wafer, each by a yes or no of
            its own; unset: one.
    """

    name: str
    about: str = ""
    seed: Annotated[int, Meta(ge=0)] = 0
    encoding: EncodingName = EncodingName.STATION
    network: NetworkRecipe = NetworkRecipe()
    augment: Augment = Augment()
    balance: Balance = Balance()
    synthetic: Synthetic = Synthetic()
    high_yield: HighYield = HighYield()
    odd: Odd = Odd()
    optimise: Optimise = Optimise()
    teacher: Teacher = Teacher()
    suspects: Doubts = Doubts()
    review: ReviewObjective = ReviewObjective()
    patterns: SetKind | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Refuse sections that do not fit together."""
        if self.odd.share and self.encoding is not EncodingName.STATION:
            what = (
                f"is for the encoding {EncodingName.STATION.value!r}; take it, or leave out [odd]"
            )
            raise MismatchError(("odd", "share"), what)
        if not self.is_several:
            force_setattr(self, "patterns", UNSET)  # written as before there were others
            return
        one = "is for one pattern a wafer, of several leave it out"
        seeds = self.encoding, self.synthetic.generator, self.augment.dihedral
        for place, wrong in (
            (("balance", "adjust"), self.balance.adjust > 0),
            (("high_yield",), self.high_yield.is_wanted),
            (("suspects", "weight"), self.suspects.weight < 1),
            (("encoding",), EncodingName.SEED in seeds),
            (("synthetic", "generator"), Generator.SEED in seeds),
            (("augment", "dihedral"), Dihedral.SEED_COPIES in seeds),
        ):
            if wrong:
                raise MismatchError(place, one)

    @property
    def is_several(self) -> bool:
        """Whether it teaches several patterns a wafer."""
        return self.patterns is SetKind.SEVERAL

    def check_kind(self, patterns: PatternSet) -> None:
        """Refuse a pattern set of the other kind.

        Raises:
            UsageError: it is.
        """
        if self.is_several == patterns.is_several:
            return
        if self.is_several:
            raise UsageError(
                f"recipe {self.name} teaches several patterns a wafer, and those of the set show "
                "one each; take another recipe, or import the set with --several"
            )
        raise UsageError(
            f"recipe {self.name} teaches one pattern a wafer, and those of the set show several; "
            'take --recipe several, or one that says patterns = "several"'
        )

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        form: dict[str, Any] = to_builtins(self)
        return form

    def configuration(self) -> dict[str, Any]:
        """What a run's ``config.json`` says of it: itself, and what its network is by that."""
        return {"recipe": self.as_dict(), "layout": to_builtins(self.network.layout)}


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
    file = toml_file.read(path)
    file.content.setdefault("name", path.stem)
    return file.decode(Recipe)


def from_dict(content: object, source: str = "recipe") -> Recipe:
    """Build a recipe from its JSON form.

    Raises:
        UsageError: an unknown key, or a value that is not what it must be.
    """
    try:
        return decode(Recipe, content)
    except MismatchError as error:
        raise UsageError(f"{source}: {error}") from None
