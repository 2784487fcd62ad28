"""What ``metadata.json`` in a model file holds: a struct a section, checked once, at load.

Keys that no struct names are of a later release: they stay in the file as they are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from msgspec import UNSET, Meta, Struct, UnsetType, field

from edge.model.measured import Accuracy, CalibrationError
from edge.model.training import Training
from edge.system.typed import Finite, MismatchError, Place, Share, decode
from edge.wafer.encoding import MIN_SIZE
from edge.wafer.patterns import PATTERNS, WM811K, PatternSet, SetKind
from edge.wafer.probes import PROBES

#: Version of the layout; of files that name several patterns a wafer, which older versions would
#: take for files of one.
FORMAT, SEVERAL_FORMAT = 2, 3

#: Far beyond where conversion puts a class without wafers (1e4), distances overflow float32.
Coordinate = Annotated[float, Meta(ge=-1e6, le=1e6)]
Positive = Annotated[float, Meta(gt=0, le=1.7e308, extra={"must": "a number above 0"})]
Int8 = Annotated[int, Meta(ge=-128, le=127)]


class EncodingId(Struct, frozen=True):
    """How a wafer map becomes the network's input, of ``size`` x ``size`` cells."""

    name: str
    version: int
    size: Annotated[int, Meta(ge=MIN_SIZE, le=512)]

    def __str__(self) -> str:
        return f"{self.name} version {self.version}"


class Quantised(Struct, frozen=True):
    """An int8 tensor."""

    scale: Finite
    zero_point: int

    def same(self, scale: float, zero_point: int) -> bool:
        """Whether another tensor's values mean the same."""
        return math.isclose(self.scale, scale, rel_tol=1e-5) and self.zero_point == zero_point

    def real(self, values: npt.NDArray[np.int8]) -> npt.NDArray[np.float64]:
        """The real numbers that the bytes stand for."""
        return (values.astype(np.float64) - self.zero_point) * self.scale


class Embedding(Quantised, frozen=True):
    """The second output, of ``size`` coordinates: not as many as there are logits."""

    scale: Positive
    size: Annotated[int, Meta(ge=1, le=4096)]


class Unfamiliar(Struct, frozen=True):
    """Largest distance to the nearest class, in standard deviations; means (patterns, size)."""

    above: Positive
    means: Sequence[Sequence[Coordinate]]


class Mixed(Struct, frozen=True):
    """Largest probability of two patterns at once; weights (size,) of the embedding and bias."""

    above: Share
    weights: Sequence[Coordinate]
    bias: Coordinate


class Held(Struct, frozen=True):
    """What is known of the accepted wafers of a pattern, of lots that their network had not seen.

    Attributes:
        promised: Whether the precision that was aimed at holds on other lots, as far as it can be
            told of so many; where not, the threshold reaches it on these wafers alone.
        at_least: The precision that holds on other lots with probability 1 - delta.
        precision: Their precision.
        accepted: How many they are.
        lots: Of how many lots.
    """

    promised: bool
    at_least: Share
    precision: Share
    accepted: int
    lots: int


class FoldCount(Struct, frozen=True):
    """So many networks of a cross-validation judged so many wafers of so many lots.

    A wafer whose lot is unknown counts as a lot.
    """

    networks: int
    wafers: int
    lots: int


class Review(Struct, frozen=True, omit_defaults=True):
    """When a wafer goes to a person.

    Attributes:
        below: Smallest confidence a pattern that is accepted.
        objective: What ``below`` was set for.
        min_dies: Wafers with fewer dies are fragments.
        unfamiliar: How far from every class a wafer may be.
        mixed: How probably a wafer may show two patterns at once.
        log_prior: Natural logarithm of how much more or less common a pattern is than the network
            was trained to take it.
        unneeded: Whether ``objective`` was reached without thresholds: all are 0, by intention.
        folds: What set confidence and ``below``; None: the val part.
        holds: What is known of each pattern's accepted wafers by these.
    """

    below: dict[str, Share]
    objective: dict[str, Finite]
    min_dies: int
    unfamiliar: Unfamiliar
    mixed: Mixed
    log_prior: dict[str, Annotated[float, Meta(ge=-20, le=20)]] = field(name="frequency")
    unneeded: bool = False
    folds: FoldCount | None = None
    holds: dict[str, Held] = {}

    def check(self, names: Sequence[str]) -> None:
        """Refuse other patterns than these, by a ``MismatchError``."""
        _check_patterns(("below",), self.below, names)
        _check_patterns(("frequency",), self.log_prior, names)
        if unknown := self.holds.keys() - set(names):
            raise MismatchError(("holds",), f"names what is no pattern: {', '.join(unknown)}")


class SelfTest(Struct, frozen=True):
    """What the probes gave at conversion: logits (probes, patterns), embedding (probes, size)."""

    logits: Sequence[Sequence[Int8]]
    embedding: Sequence[Sequence[Int8]]


class Layout(Struct, frozen=True):
    """How wide and deep a network is; a number a stage, but for the side of the first kernel."""

    widths: tuple[int, ...]
    blocks: tuple[int, ...]
    strides: tuple[int, ...]
    kernel: int


class Network(Struct, frozen=True):
    """What was converted; ``layout`` is None of those that have but one, and in older files."""

    name: str = ""
    layout: Layout | None = None
    recipe: str = ""
    parameters: int = 0
    float_sha256: str = ""


class FirmwareNeeds(Struct, frozen=True):
    """About what the C99 station needs of a Cortex-M, in bytes; ``arena`` is part of ``ram``."""

    flash: Annotated[int, Meta(ge=0)]
    ram: Annotated[int, Meta(ge=0)]
    arena: Annotated[int, Meta(ge=0)]


class Tensors(Struct, frozen=True, kw_only=True):
    """What the network's own tensors are held against."""

    encoding: EncodingId
    input: Quantised
    output: Quantised
    embedding: Embedding


class Meaning(Struct, frozen=True):
    """What the labels mean; see ``PatternSet``."""

    none: str | None = None
    aliases: dict[str, str] = {}
    hints: dict[str, str] = {}
    kind: SetKind | UnsetType = UNSET


class Outputs(Struct, frozen=True):
    """What makes a probability of each logit: the logistic function of ``scale * logit + bias``.

    A number a label; of files that name several patterns a wafer.
    """

    scale: tuple[Annotated[float, Meta(ge=1e-3, le=1e3)], ...]
    bias: tuple[Annotated[float, Meta(ge=-1e3, le=1e3)], ...]


def pattern_set(labels: tuple[str, ...], meaning: Meaning | None) -> PatternSet:
    """The patterns of a model file; without their meaning they are the nine, in any order.

    Raises:
        MismatchError: they are no pattern set.
    """
    if meaning is None and sorted(labels) == sorted(PATTERNS):
        return WM811K
    if meaning is None:
        raise MismatchError((), f"{', '.join(labels)} are not the nine patterns")
    return PatternSet(labels, meaning.none, meaning.aliases, meaning.hints, meaning.kind)


class Metadata(Tensors, frozen=True, kw_only=True, dict=True):
    """All of ``metadata.json``; see docs/model-file.md for what each key means."""

    format: int
    name: str
    labels: tuple[str, ...]
    temperature: Annotated[float, Meta(ge=0.05, le=20)]
    review: Review
    selftest: SelfTest
    tflite_sha256: str = ""
    created: str = ""
    network: Network = Network()
    training: Training = Training()
    calibration: Any = None
    tools: dict[str, str] = {}
    remedy: str = ""
    firmware: FirmwareNeeds | None = None
    accuracy: Accuracy | None = None
    calibration_error: CalibrationError | None = None
    intended_use: tuple[str, ...] = ()
    not_for: tuple[str, ...] = ()
    notice: str | tuple[str, ...] = ()
    meaning: Meaning | None = field(name="patterns", default=None)
    outputs: Outputs | None = None

    @cached_property
    def patterns(self) -> PatternSet:
        """What the model file tells apart: the one order of all figures."""
        return pattern_set(self.labels, self.meaning)

    def __post_init__(self) -> None:
        """Refuse sections that do not fit together."""
        try:
            patterns = len(self.patterns)
        except MismatchError as error:
            raise MismatchError(("labels", *error.place), error.what) from None
        review, size = self.review, self.embedding.size
        means = patterns if self.outputs is None else max(1, len(review.unfamiliar.means))
        self._check_outputs(patterns)
        if size == patterns:
            raise MismatchError(("embedding", "size"), f"is {size}, as many as there are patterns")
        for place, rows, shape in (
            (("review", "unfamiliar", "means"), review.unfamiliar.means, (means, size)),
            (("review", "mixed", "weights"), [review.mixed.weights], (1, size)),
            (("selftest", "logits"), self.selftest.logits, (PROBES, patterns)),
            (("selftest", "embedding"), self.selftest.embedding, (PROBES, size)),
        ):
            if len(rows) != shape[0] or any(len(row) != shape[1] for row in rows):
                raise MismatchError(place, f"must hold {shape[0]} x {shape[1]} numbers")
        try:
            review.check(self.labels)
        except MismatchError as error:
            raise MismatchError(("review", *error.place), error.what) from None
        if known := self.accuracy:
            figures = {"float": known.float_, "int8": known.int8}
            figures["int8_average_symmetries"] = known.int8_average_symmetries or known.int8
            for key, each in figures.items():
                _check_patterns(("accuracy", key, "per_class"), each.per_class, self.labels)

    def _check_outputs(self, patterns: int) -> None:
        """Refuse what is of the one kind of pattern set and of the other."""
        several = self.patterns.is_several
        if several != (self.outputs is not None):
            what = "must be there where a wafer may show several patterns, and only there"
            raise MismatchError(("outputs",), what)
        if several != (self.format == SEVERAL_FORMAT):
            what = f"must be {SEVERAL_FORMAT if several else FORMAT} of such patterns"
            raise MismatchError(("format",), what)
        for key in ("scale", "bias"):
            if self.outputs and len(getattr(self.outputs, key)) != patterns:
                raise MismatchError(("outputs", key), f"must hold {patterns} numbers")


def _check_patterns(place: Place, table: dict[str, Any], names: Sequence[str]) -> None:
    if differing := set(table) ^ set(names):
        named = ", ".join(sorted(differing))
        raise MismatchError(place, f"must hold the patterns of `labels` alone, not so: {named}")


def parsed(document: dict[str, Any]) -> Metadata:
    """The metadata of a model file, from the JSON object in it.

    Raises:
        MismatchError: a section is lost, or is not what it must be.
    """
    unrecorded = document.get("accuracy") == {}  # of a model that nobody judged
    return decode(Metadata, {**document, "accuracy": None} if unrecorded else document)
