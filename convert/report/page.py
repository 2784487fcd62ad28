"""The quantization report as one HTML file that opens offline, and its JSON twin."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any, Final

from convert.parity import Variant
from convert.report import figures, layer_tables, tables, yields
from convert.report.evidence import Evidence, Outcome, plain
from convert.report.tables import PageTable
from edge.errors import UsageError
from edge.system.files import check_place, write_text
from edge.system.text import printable
from edge.wafer import wafer_picture

TEMPLATE: Final = "template.html.j2"

_TABLES: Final[dict[str, Callable[[Evidence], PageTable]]] = {
    "accuracy": tables.accuracy,
    "calibration_errors": tables.calibration_errors,
    "detection": tables.detection,
    "layer_errors": layer_tables.layer_errors,
    "ranges": layer_tables.ranges,
    "sensitivities": layer_tables.sensitivities,
    "networks": tables.networks,
    "calibration": tables.calibration,
    "tensors": tables.tensors,
    "latency": tables.latency,
    "reasons": tables.reasons,
    "looked_at": tables.looked_at,
    "reviewed_patterns": tables.reviewed_patterns,
    "confidences": tables.confidences,
    "yield_bars": yields.bars,
    "provenance": tables.provenance,
}


def check_places(path: Path, *, overwrite: bool) -> None:
    """Make sure, before the work, that the page and its twin can be written.

    Raises:
        UsageError: a file exists and ``overwrite`` is False, its folder does not, or the name does
            not end in ``.html``.
    """
    if path.suffix.lower() not in {".html", ".htm"}:
        raise UsageError(f"{path}: the report is HTML; let its name end in .html")
    for place in (path, twin(path)):
        check_place(place, overwrite=overwrite)


def write(evidence: Evidence, path: Path, *, overwrite: bool = False) -> None:
    """Write the page and, beside it, the JSON twin.

    Raises:
        UsageError: as ``check_places``.
        OutputError: a file cannot be written.
        ModuleNotFoundError: jinja2 or matplotlib is not installed.
    """
    check_places(path, overwrite=overwrite)
    text = render(evidence)
    twin_text = json.dumps(plain(evidence), indent=1, allow_nan=False)
    write_text(twin(path), f"{twin_text}\n")
    write_text(path, text)


def twin(path: Path) -> Path:
    """Where the JSON form stands."""
    return path.with_suffix(".json")


def render(evidence: Evidence) -> str:
    """The page as text; the same evidence gives the same text."""
    import jinja2

    environment = jinja2.Environment(
        # Names of files, models and layers may hold anything, HTML too.
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = _percent
    source = (resources.files("convert.report") / TEMPLATE).read_text("utf-8")
    return environment.from_string(source).render(
        evidence=evidence,
        headline=_headline(evidence),
        few=figures.FEW,
        tables={name: make(evidence) for name, make in _TABLES.items()},
        figures=figures.draw(evidence),
        yields=yields.sections(evidence.yields),
        matrices=[
            (variant, _matrix(outcome))
            for variant, outcome in evidence.outcomes.items()
            if variant in {Variant.INT8, _float_form(evidence)}
        ],
        drawn=[
            (wafer, wafer_picture.data_uri(wafer.dies), wafer_picture.describe(wafer.dies))
            for wafer in (evidence.changes.shown if evidence.changes else ())
        ],
    )


def _finalize(value: Any) -> Any:
    """Text without control characters and marks that turn its direction; markup as it is."""
    return printable(value) if type(value) is str else value


def _percent(value: float, digits: int = 1) -> str:
    return f"{100 * value:.{digits}f} %"


def _float_form(evidence: Evidence) -> Variant | None:
    """The float form that int8 is best compared with, of those that ran on the wafers."""
    return next((variant for variant in evidence.outcomes if variant is not Variant.INT8), None)


def _matrix(outcome: Outcome) -> list[tuple[str, int, list[tuple[int, float]]]]:
    """Rows of a confusion matrix: true pattern, its wafers, (count, share of the row) a column."""
    scores = outcome.scores
    rows = []
    for name, counts in zip(scores.labels, scores.confusion.tolist(), strict=True):
        total = sum(counts)
        rows.append((name, total, [(count, count / total if total else 0.0) for count in counts]))
    return rows


def _headline(evidence: Evidence) -> list[tuple[str, str]]:
    """The figures that are asked for first: what, value."""
    int8 = evidence.outcomes[Variant.INT8]
    form = _float_form(evidence)
    found = [("mean per-class accuracy, int8", _percent(int8.scores.macro_recall))]
    if form:
        mean = evidence.outcomes[form].scores.macro_recall
        found.append((f"mean per-class accuracy, {form.value}", _percent(mean)))
    if evidence.changes:
        found.append(("same class in float and int8", _percent(evidence.changes.agreement, 2)))
    found += [
        ("calibration error, int8", _percent(int8.after.error)),
        ("sent to a person", _percent(evidence.review.share)),
        ("file size", f"{evidence.file_bytes / 1000:.1f} kB"),
        ("int8 network, this machine", f"{evidence.latency.invoke:,.0f} µs"),
    ]
    return found
