"""What the quantization report says, as data: the page shows it, the JSON twin holds it."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from msgspec import Struct, to_builtins

from convert.parity import ParityVerdict, Variant
from convert.report.latency import Latency
from convert.report.layers import Comparison
from convert.report.manifest import Calibration
from convert.report.sensitivity import Sensitivity
from edge.evaluation.calibration import Bin
from edge.evaluation.metrics import Scores
from edge.evaluation.yield_sweep import YieldSweep
from edge.model.measured import ClassFigures
from edge.model.network import Network
from edge.wafer.wafermap import DieGrid

#: Points that a curve is drawn with.
CURVE_POINTS: Final = 200


@dataclass(frozen=True)
class Curve:
    """Points of a line, x and y alike long, at most ``CURVE_POINTS``."""

    x: tuple[float, ...]
    y: tuple[float, ...]

    @classmethod
    def thinned(cls, x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> Curve:
        """The line through evenly spaced points of a longer one, both ends kept."""
        places = np.unique(np.linspace(0, len(x) - 1, min(len(x), CURVE_POINTS)).astype(np.intp))
        return cls(tuple(x[places].tolist()), tuple(y[places].tolist()))

    def percent(self) -> tuple[list[float], list[float]]:
        """Both in percent."""
        return [100 * x for x in self.x], [100 * y for y in self.y]


@dataclass(frozen=True)
class AnyDefect:
    """The question "is there a pattern at all", which is not ``none``, as detection.

    Attributes:
        precision: Share of the wafers called defective that are; None where none was called so.
        recall: Share of the defective wafers that were called so; None where there is none.
        f1: Harmonic mean of the two; None where either is undefined.
        auc: Area under ``roc``, by 1 - P(none); None where all wafers are of one kind.
        roc: Share of false alarms (x) and of defects found (y); None as ``auc``.
    """

    precision: float | None
    recall: float | None
    f1: float | None
    auc: float | None
    roc: Curve | None


@dataclass(frozen=True)
class Reliability:
    """Expected calibration error, 0..1, and the bins of confidence."""

    error: float
    bins: tuple[Bin, ...]


@dataclass(frozen=True)
class Outcome:
    """How one form of the network did on the wafers.

    ``top`` is the share of wafers whose label is among the k most probable patterns, by k; the
    calibration is that without (``before``) and with the model file's temperature.
    """

    scores: Scores
    top: dict[int, float]
    any_defect: AnyDefect
    before: Reliability
    after: Reliability


@dataclass(frozen=True)
class ChangedWafer:
    """A wafer that float and int8 call by different names, at ``index`` of the labelled set.

    ``by_float`` and ``by_int8`` are the probabilities of the two patterns, in that order; ``dies``,
    uint8 (rows, columns), is drawn and not in the JSON twin.
    """

    index: int
    lot: str | None
    number: str | None
    label: str
    float_pattern: str
    int8_pattern: str
    by_float: tuple[float, float]
    by_int8: tuple[float, float]
    dies: DieGrid = field(repr=False, compare=False, metadata={"json": False})


@dataclass(frozen=True)
class Changes:
    """Wafers whose class changed between float and int8.

    Attributes:
        reference: The float form.
        now_wrong: Of them, right in float and wrong in int8.
        now_right: Of them, wrong in float and right in int8.
        agreement: Share of all wafers given the same class by both.
        largest_drift: Largest change of any probability of any wafer, 0..1.
        shown: Some of them; those that turned wrong first, then by the change of probability.
    """

    reference: Variant
    total: int
    now_wrong: int
    now_right: int
    agreement: float
    largest_drift: float
    shown: tuple[ChangedWafer, ...]


@dataclass(frozen=True)
class ReasonCount:
    """Wafers sent to a person for a reason, and how many of them were wrong."""

    reason: str
    wafers: int
    wrong: int


@dataclass(frozen=True)
class PatternReview:
    """Wafers labelled so, those of them a person sees, those accepted so, and right of these.

    ``hint`` is what the pattern usually points to, by the model file.
    """

    wafers: int
    reviewed: int
    accepted: int
    right: int
    hint: str = ""


@dataclass(frozen=True)
class Band:
    """Wafers of like confidence: low (inclusive), high (exclusive, but for 1), wafers, right."""

    low: float
    high: float
    wafers: int
    right: int


@dataclass(frozen=True)
class ReviewEvidence:
    """What goes to a person, and what that catches.

    Attributes:
        wafers: Sent to a person by the model file's own rule.
        share: Of all wafers.
        reasons: The same by reason.
        wrong: Wrong answers of all wafers.
        wrong_caught: Of them, sent to a person.
        caught: Share of wafers looked at (the least confident) -> share of wrong answers among.
        risk_coverage: Share accepted (x, most confident first) and share of those wrong (y).
        objective: What the thresholds were set for at conversion.
    """

    wafers: int
    share: float
    reasons: tuple[ReasonCount, ...]
    wrong: int
    wrong_caught: int
    caught: dict[float, float]
    risk_coverage: Curve
    objective: dict[str, float]
    patterns: dict[str, PatternReview]
    bands: tuple[Band, ...]


@dataclass(frozen=True)
class Appendix:
    """A table that another measurement adds; the first cell of a row names it."""

    title: str
    text: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Evidence:
    """All that the report says.

    Attributes:
        model: Name and hash of the model file.
        float_bytes: Size of the float TFLite; None without one.
        data: What they are, as the user named it.
        warnings: What a reader must know before quoting a figure.
        outcomes: Of every form of the network that was run on the wafers.
        recorded: Keras figures by class from the model file (n, recall, ci95), where the wafers are
            its own test part and the Keras network was not run; else None.
        changes: None without a float network.
        layers: None without a float TFLite.
        sensitivity: None without a float TFLite or ai-edge-quantizer.
        networks: What is inside, by form.
        calibration: None where the model file says nothing of it.
        tensors: Scale and zero point of input, logits and embedding.
        temperature: What logits are divided by.
        yields: The same model file over drawn and cleared wafers of every yield.
        provenance: Hashes and versions, by what they are of.
        missing: Section -> the sentence that stands in its place.
    """

    model: str
    file_name: str
    file_bytes: int
    float_bytes: int | None
    wafers: int
    data: str
    verdict: ParityVerdict
    warnings: tuple[str, ...]
    outcomes: dict[Variant, Outcome]
    recorded: dict[str, ClassFigures] | None
    changes: Changes | None
    layers: Comparison | None
    sensitivity: Sensitivity | None
    networks: dict[Variant, Network]
    calibration: Calibration | None
    tensors: dict[str, dict[str, float]]
    temperature: float
    latency: Latency
    review: ReviewEvidence
    yields: YieldSweep
    provenance: dict[str, str]
    missing: dict[str, str]
    appendices: tuple[Appendix, ...] = ()


def plain(value: Any) -> Any:
    """What JSON knows: dictionaries, lists, texts, numbers; those that are not finite are null."""
    if isinstance(value, Struct):
        value = to_builtins(value)
    elif hasattr(value, "as_dict"):
        value = value.as_dict()
    elif dataclasses.is_dataclass(value):
        kept = [item.name for item in dataclasses.fields(value) if item.metadata.get("json", True)]
        value = {name: getattr(value, name) for name in kept}
    if isinstance(value, dict):
        return {str(plain(key)): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    return None if isinstance(value, float) and not math.isfinite(value) else value
