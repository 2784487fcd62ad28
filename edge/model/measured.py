"""What was measured of a model file when it was made: the sections ``accuracy`` and its kin."""

from __future__ import annotations

from msgspec import Struct, field

from edge.system.typed import Finite


class Improvement(Struct, frozen=True):
    """Calibration error without and with the temperature, 0..1."""

    before: Finite
    after: Finite


class CalibrationError(Struct, frozen=True):
    """Expected calibration errors on the test part; ``confidence`` is that of int8's."""

    int8: Improvement
    confidence: Finite
    float_: Improvement = field(name="float")


class ClassFigures(Struct, frozen=True):
    """Wafers of a class, share that is recognised (None: no wafer) and its 95 % interval."""

    n: int
    recall: Finite | None
    ci95: tuple[Finite, Finite]
    precision: Finite | None = None
    f1: Finite | None = None


class ExactFigures(Struct, frozen=True):
    """Wafers, and those of which exactly what they show was named."""

    n: int
    right: int


class Figures(Struct, frozen=True):
    """Per-class accuracy of one form of the network; ``exact`` of several patterns a wafer."""

    macro_recall: Finite
    per_class: dict[str, ClassFigures]
    exact: ExactFigures | None = None


class Reviewed(Struct, frozen=True):
    """What the review rule did on the test part."""

    share: Finite
    wrong: int
    wrong_caught: int


class Accuracy(Struct, frozen=True):
    """What was measured at conversion, on the wafers that ``on`` describes."""

    on: str
    wafers: int
    int8: Figures
    agreement: Finite
    float_: Figures = field(name="float")
    data_sha256: str = ""
    int8_average_symmetries: Figures | None = None
    allowed_drop: Finite | None = None
    review: Reviewed | None = None
