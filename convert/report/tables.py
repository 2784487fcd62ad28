"""The report's tables: evidence as rows of text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from convert.parity import Variant
from convert.report.evidence import AnyDefect, Evidence, Reliability
from edge.evaluation.metrics import ClassScore
from edge.model.measured import ClassFigures

ABSENT: Final = "–"


@dataclass(frozen=True)
class PageTable:
    """A table of text; the first cell names the row, the last row may sum up the others.

    What follows a line feed in a cell is shown small, below.
    """

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    summary: bool = False


def accuracy(evidence: Evidence) -> PageTable:
    """Per-class accuracy of every form, and what int8 changed."""
    columns: dict[Variant, Mapping[str, ClassScore | ClassFigures]] = {
        variant: outcome.scores.per_class for variant, outcome in evidence.outcomes.items()
    }
    if evidence.recorded:
        columns = {Variant.KERAS: evidence.recorded, **columns}
    recalls = {variant: _recalls(column) for variant, column in columns.items()}
    reference, after = evidence.verdict.reference, recalls[Variant.INT8]
    before = recalls[reference] if reference else {}

    def change(name: str) -> str:
        if name not in before or name not in after:
            return "not judged" if reference else ABSENT
        mark = "\ntoo much" if name in evidence.verdict.lost else ""
        return f"{_signed(100 * (after[name] - before[name]), 1)}{mark}"

    rows = [
        (
            name,
            f"{columns[Variant.INT8][name].n:,}",
            *(_interval(column[name]) for column in columns.values()),
            change(name),
        )
        for name in evidence.outcomes[Variant.INT8].scores.labels
    ]
    means = {variant: 100 * _mean(found) for variant, found in recalls.items() if found}
    shown = (f"{means[variant]:.2f}" if variant in means else ABSENT for variant in columns)
    gained = _signed(means[Variant.INT8] - means[reference], 2) if reference in means else ABSENT
    rows.append(("mean", f"{evidence.wafers:,}", *shown, gained))
    head = ("pattern", "wafers", *(f"{variant.value}, %" for variant in columns))
    against = f"change from {reference.value}, points" if reference else "change, points"
    return PageTable(
        "Share of a pattern's wafers that were recognised; small: 95 % interval (Wilson)",
        (*head, against),
        tuple(rows),
        summary=True,
    )


def _interval(score: ClassScore | ClassFigures) -> str:
    if score.recall is None:
        return ABSENT
    low, high = score.ci95
    return f"{100 * score.recall:.1f}\n{100 * low:.1f}–{100 * high:.1f}"


def _recalls(scores: Mapping[str, ClassScore | ClassFigures]) -> dict[str, float]:
    """Accuracy of each class that has wafers."""
    return {name: one.recall for name, one in scores.items() if one.recall is not None}


def _mean(recalls: Mapping[str, float]) -> float:
    return sum(recalls.values()) / len(recalls)


def _signed(value: float, digits: int) -> str:
    """With a true minus sign, and no sign on a zero."""
    text = f"{value:+.{digits}f}"
    return f"{0:.{digits}f}" if float(text) == 0 else text.replace("-", "−")


def calibration_errors(evidence: Evidence) -> PageTable:
    """Expected calibration error before and after temperature."""

    def percent(found: Reliability) -> str:
        return f"{100 * found.error:.2f}"

    return PageTable(
        "Expected calibration error, %",
        ("network", "before temperature", "after"),
        tuple(
            (variant.value, percent(outcome.before), percent(outcome.after))
            for variant, outcome in evidence.outcomes.items()
        ),
    )


def detection(evidence: Evidence) -> PageTable:
    """Top-k accuracy, and any defect against none."""
    top = next(iter(evidence.outcomes.values())).top

    def defect(found: AnyDefect) -> tuple[str, ...]:
        values = (found.precision, found.recall, found.f1)
        area = ABSENT if found.auc is None else f"{found.auc:.4f}"
        return (*(ABSENT if value is None else f"{100 * value:.2f}" for value in values), area)

    return PageTable(
        "The label among the k most probable patterns; any pattern against none",
        (
            "network",
            *(f"top-{k}, %" for k in top),
            *(f"any defect: {name}" for name in ("precision, %", "recall, %", "F1, %", "ROC area")),
        ),
        tuple(
            (
                variant.value,
                *(f"{100 * share:.2f}" for share in outcome.top.values()),
                *defect(outcome.any_defect),
            )
            for variant, outcome in evidence.outcomes.items()
        ),
    )


def networks(evidence: Evidence) -> PageTable:
    """Size and work of each form."""
    sizes = {Variant.INT8: evidence.file_bytes, Variant.FLOAT: evidence.float_bytes}
    order = [variant for variant in (Variant.FLOAT, Variant.INT8) if variant in evidence.networks]
    found = [evidence.networks[variant] for variant in order]
    kinds = dict.fromkeys(kind for one in found for kind in one.operator_counts)

    def row(name: str, values: list[object]) -> tuple[str, ...]:
        return (name, *(f"{value:,}" if isinstance(value, int) else str(value) for value in values))

    return PageTable(
        "What is inside",
        ("", *(variant.value for variant in order)),
        (
            row("file size, bytes", [sizes[variant] for variant in order]),
            row("multiply-accumulates of one wafer", [one.macs for one in found]),
            row("learned values", [one.parameters for one in found]),
            row("bytes of weights and biases", [one.weights_bytes for one in found]),
            row("peak activation memory, bytes", [one.peak_activation_bytes for one in found]),
            row("operators", [len(one.operators) for one in found]),
            *(
                row(f"of them {kind}", [one.operator_counts.get(kind, 0) for one in found])
                for kind in kinds
            ),
        ),
    )


def calibration(evidence: Evidence) -> PageTable:
    """Calibration wafers by pattern."""
    found = evidence.calibration
    per_class = found.per_class if found else {}
    return PageTable(
        "Calibration wafers",
        ("pattern", "wafers"),
        (
            *((name, f"{count:,}") for name, count in per_class.items()),
            ("all", f"{sum(per_class.values()):,}"),
        ),
        summary=True,
    )


def tensors(evidence: Evidence) -> PageTable:
    """Scale and zero point of what goes in and comes out."""
    return PageTable(
        "real value = scale x (byte − zero point)",
        ("tensor", "scale", "zero point"),
        tuple(
            (name, f"{tensor['scale']:.8g}", f"{tensor['zero_point']}")
            for name, tensor in evidence.tensors.items()
        ),
    )


def latency(evidence: Evidence) -> PageTable:
    """Medians on this machine."""
    found = evidence.latency
    rows = [
        ("encoding (wafer map to input bytes)", f"{found.encode:,.0f}"),
        ("int8 network", f"{found.invoke:,.0f}"),
        ("whole (wafer map to verdict)", f"{found.whole:,.0f}"),
    ]
    if found.float_invoke is not None:
        rows.append(("float TFLite network, for comparison", f"{found.float_invoke:,.0f}"))
    return PageTable(
        f"Median of {found.wafers:,} wafers, one thread", ("step", "microseconds"), tuple(rows)
    )


def reasons(evidence: Evidence) -> PageTable:
    """What the model file's own rule sends to a person."""
    found = evidence.review

    def row(name: str, wafers: int, wrong: int) -> tuple[str, ...]:
        share = f"{100 * wafers / evidence.wafers:.2f}"
        return name, f"{wafers:,}", share, f"{wrong:,}", f"{100 * wrong / max(1, found.wrong):.1f}"

    return PageTable(
        "Sent to a person by the model file's own rule",
        ("reason", "wafers", "% of all", "wrong among them", "% of all wrong answers"),
        (
            *(row(one.reason, one.wafers, one.wrong) for one in found.reasons),
            row("all", found.wafers, found.wrong_caught),
        ),
        summary=True,
    )


def looked_at(evidence: Evidence) -> PageTable:
    """What looking at the least confident would catch."""
    return PageTable(
        "If a person looked at the least confident answers instead",
        ("looked at, % of the wafers", "wrong answers caught, %"),
        tuple(
            (f"{100 * share:.0f}", f"{100 * caught:.1f}")
            for share, caught in evidence.review.caught.items()
        ),
    )


def reviewed_patterns(evidence: Evidence) -> PageTable:
    """What the rule does to each pattern."""
    found = evidence.review.patterns
    hinted = any(one.hint for one in found.values())
    head = ("pattern", "wafers", "to a person, %", "accepted under this name", "of those right, %")
    return PageTable(
        "By pattern: how many of its wafers a person sees, and how pure the accepted ones are",
        (*head, *(("usually points to",) if hinted else ())),
        tuple(
            (
                name,
                f"{one.wafers:,}",
                f"{100 * one.reviewed / one.wafers:.1f}" if one.wafers else "-",
                f"{one.accepted:,}",
                f"{100 * one.right / one.accepted:.1f}" if one.accepted else "-",
                *((one.hint or "-",) if hinted else ()),
            )
            for name, one in found.items()
        ),
    )


def confidences(evidence: Evidence) -> PageTable:
    """Whether the confidence can be taken at its word."""
    return PageTable(
        "By confidence, which the thresholds look at",
        ("confidence", "wafers", "right, %"),
        tuple(
            (
                f"{band.low:g} to {band.high:g}",
                f"{band.wafers:,}",
                f"{100 * band.right / band.wafers:.1f}" if band.wafers else "-",
            )
            for band in evidence.review.bands
        ),
    )


def provenance(evidence: Evidence) -> PageTable:
    """Hashes and versions."""
    return PageTable(
        "What this report is about", ("what", "value"), tuple(evidence.provenance.items())
    )
