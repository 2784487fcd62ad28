"""The report's figures: matplotlib drawings as SVG in the page itself.

Every figure is drawn for a width of 4.6 inches, so that its letters can be read when it is shown
360 pixels wide. Colours are those of M. Okabe and K. Ito, told apart by the colour-blind; lines
differ by dashes as well.
"""

from __future__ import annotations

import base64
import io
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from convert.parity import Variant
from convert.report.evidence import Evidence, Outcome
from convert.report.sensitivity import Effect, Sensitivity
from edge.system.text import cut, printable

#: Columns of a pattern's name.
_NAME: Final = 20

_COLOUR: Final = {
    Variant.KERAS: "#009E73",
    Variant.FLOAT: "#0072B2",
    Variant.INT8: "#D55E00",
}
_DASHES: Final = {Variant.KERAS: ":", Variant.FLOAT: "--", Variant.INT8: "-"}
_MARKER: Final = {Variant.KERAS: "^", Variant.FLOAT: "s", Variant.INT8: "o"}
_GREY: Final = "#767676"
_WIDTH: Final = 4.6

#: A point of the reliability curve that rests on fewer wafers says little.
FEW: Final = 10

#: Fixed salt and no date: the same evidence gives the same bytes.
_STYLE: Final = {
    "font.family": "DejaVu Sans",  # comes with matplotlib
    "font.size": 9,
    "svg.hashsalt": "wm-edge",
    "svg.fonttype": "path",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e3e3e3",
    "axes.axisbelow": True,
}


@dataclass(frozen=True)
class Figure:
    """Attributes: uri (``data:image/svg+xml;base64,…``), alt (what it shows, in words)."""

    uri: str
    alt: str


def draw(evidence: Evidence) -> dict[str, Figure]:
    """Every figure that there is evidence for, by name."""
    found = {"recall": _recall(evidence), "risk": _risk(evidence)}
    for variant, outcome in evidence.outcomes.items():
        found[f"reliability {variant.name}"] = _reliability(variant, outcome)
    if any(outcome.any_defect.roc for outcome in evidence.outcomes.values()):
        found["roc"] = _roc(evidence)
    if evidence.layers and evidence.layers.layers:
        found["layers"] = _layers(evidence)
    if evidence.sensitivity and _felt(evidence.sensitivity):
        found["sensitivity"] = _sensitivity(evidence.sensitivity)
    return found


def figure(height: float, alt: str, draw_on: Callable[[Any], None]) -> Figure:
    """A drawing of so many inches in the page's style; ``draw_on`` is given its axes."""
    import matplotlib as mpl
    from matplotlib.figure import Figure as Canvas

    content = io.BytesIO()
    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        canvas = Canvas(figsize=(_WIDTH, height), layout="constrained")
        draw_on(canvas.subplots())
        warnings.filterwarnings("ignore", "Glyph")  # a name that the font has no letters for
        canvas.savefig(content, format="svg", metadata={"Date": None, "Creator": None})
    uri = "data:image/svg+xml;base64," + base64.b64encode(content.getvalue()).decode()
    return Figure(uri, alt)


def _recall(evidence: Evidence) -> Figure:
    def draw_on(axes: Any) -> None:
        count = len(evidence.outcomes)
        names = evidence.outcomes[Variant.INT8].scores.labels
        for place, (variant, outcome) in enumerate(evidence.outcomes.items()):
            for row, name in enumerate(names):
                score = outcome.scores.per_class[name]
                if score.recall is None:
                    continue
                y = row + 0.24 * (place - (count - 1) / 2)
                low, high = score.ci95
                axes.plot([100 * low, 100 * high], [y, y], color=_COLOUR[variant], linewidth=1.2)
                axes.plot(
                    100 * score.recall,
                    y,
                    _MARKER[variant],
                    color=_COLOUR[variant],
                    markersize=4,
                    label=variant.value if row == _first(outcome) else None,
                )
        axes.set_yticks(
            range(len(names)), [cut(printable(name), _NAME) for name in names], parse_math=False
        )
        axes.invert_yaxis()
        axes.set(xlabel="per-class accuracy, % (line: 95 % interval)")
        axes.set_xlim(right=101)
        _legend_above(axes)

    alt = "Per-class accuracy with 95 % intervals: " + _by_variant(
        evidence, lambda outcome: f"mean {100 * outcome.scores.macro_recall:.1f} %"
    )
    rows = len(evidence.outcomes[Variant.INT8].scores.labels)
    return figure(max(4.0, 1.5 + 0.25 * rows), alt, draw_on)


def _first(outcome: Outcome) -> int:
    """Row of the first class that has a figure: the one that names the line."""
    return next(row for row, score in enumerate(outcome.scores.per_class.values()) if score.n)


def _reliability(variant: Variant, outcome: Outcome) -> Figure:
    lines = (
        ("before temperature", outcome.before, _GREY, "--", "s"),
        ("after temperature", outcome.after, _COLOUR[variant], "-", "o"),
    )

    def draw_on(axes: Any) -> None:
        axes.plot([0, 100], [0, 100], color="black", linewidth=0.8, label="perfect")
        for label, found, colour, dashes, marker in lines:
            shared = {"color": colour, "marker": marker, "markersize": 4}
            named = {"linestyle": dashes, "label": f"{label}, error {100 * found.error:.1f} %"}
            for few, style in ((False, named), (True, {"linestyle": "none", "alpha": 0.3})):
                bins = [one for one in found.bins if one.n and (one.n < FEW) is few]
                given, right = (
                    [100 * getattr(one, name) for one in bins]
                    for name in ("confidence", "accuracy")
                )
                axes.plot(given, right, **style, **shared)
        axes.set(xlabel="probability given, %", ylabel="share that was right, %")
        axes.set(xlim=(0, 101), ylim=(0, 101), title=variant.value)
        axes.legend(frameon=False, loc="lower right")

    alt = (
        f"Reliability of {variant.value}: expected calibration error "
        f"{100 * outcome.before.error:.1f} % before and {100 * outcome.after.error:.1f} % after "
        "temperature"
    )
    return figure(3.6, alt, draw_on)


def _roc(evidence: Evidence) -> Figure:
    def draw_on(axes: Any) -> None:
        for variant, outcome in evidence.outcomes.items():
            found = outcome.any_defect
            if found.roc is not None:
                axes.plot(
                    *found.roc.percent(),
                    _DASHES[variant],
                    color=_COLOUR[variant],
                    label=f"{variant.value}, area {found.auc:.4f}",
                )
        axes.set_xscale("symlog", linthresh=0.1)
        axes.set_xticks([0, 0.1, 1, 10, 100], ["0", "0.1", "1", "10", "100"])
        axes.minorticks_off()
        axes.set(xlabel="false alarms, % of those without (stretched near 0)")
        axes.set(ylabel="found, % of those with one", xlim=(0, 100), ylim=(0, 101))
        axes.legend(frameon=False, loc="lower right")

    alt = "ROC curve of any defect against none: " + _by_variant(
        evidence,
        lambda outcome: (
            "not defined" if outcome.any_defect.auc is None else f"{outcome.any_defect.auc:.4f}"
        ),
        "area ",
    )
    return figure(3.4, alt, draw_on)


def _layers(evidence: Evidence) -> Figure:
    found = evidence.layers.layers if evidence.layers else ()

    def draw_on(axes: Any) -> None:
        values = [layer.rmse_steps for layer in found]
        axes.barh(range(len(found)), values, color=_COLOUR[Variant.INT8], height=0.6)
        axes.axvline(12**-0.5, color="black", linestyle=":", linewidth=1, label="rounding alone")
        named_rows(axes, [layer.name for layer in found])
        axes.set(xlabel="RMSE / scale, int8 steps")
        _legend_above(axes)

    worst = max(found, key=lambda layer: layer.rmse_steps)
    alt = f"Error of each layer in int8 steps; largest: {worst.name}, {worst.rmse_steps:.2f}"
    return figure(_rows_height(found), alt, draw_on)


def _felt(sensitivity: Sensitivity) -> list[tuple[str, Effect, Effect]]:
    """Name, alone and without, of each layer that alone changes a probability at all."""
    return [
        (layer.name, layer.alone, layer.without)
        for layer in sensitivity.layers
        if layer.alone and layer.without and layer.alone.probability_change > 0
    ]


def _sensitivity(sensitivity: Sensitivity) -> Figure:
    found = _felt(sensitivity)
    everything = 100 * sensitivity.all_int8.probability_change
    alone, without = [effect for _, effect, _ in found], [effect for _, _, effect in found]
    sides = (
        ("this layer alone in int8", alone, -0.2, _COLOUR[Variant.INT8], ""),
        ("all in int8 but this layer", without, 0.2, _COLOUR[Variant.FLOAT], "////"),
    )

    def draw_on(axes: Any) -> None:
        for label, effects, shift, colour, hatch in sides:
            axes.barh(
                [row + shift for row in range(len(found))],
                [100 * effect.probability_change for effect in effects],
                color=colour,
                edgecolor="white",
                hatch=hatch,
                height=0.38,
                label=label,
            )
        axes.axvline(everything, color="black", linestyle=":", linewidth=1, label="all in int8")
        named_rows(axes, [name for name, _, _ in found])
        axes.set(xlabel="mean change of a probability, points")
        _legend_above(axes, columns=1)

    worst, effect, _ = max(found, key=lambda layer: layer[1].probability_change)
    alt = (
        "Change of the probabilities with each layer alone in int8, and with all in int8 but that "
        f"one; alone, {worst} changes most: {100 * effect.probability_change:.3f} points"
    )
    return figure(_rows_height(found) + 0.5, alt, draw_on)


def _risk(evidence: Evidence) -> Figure:
    review = evidence.review
    curve = review.risk_coverage

    def draw_on(axes: Any) -> None:
        axes.plot(*curve.percent(), color=_COLOUR[Variant.INT8], label="by confidence alone")
        accepted = evidence.wafers - review.wafers
        if accepted:
            axes.plot(
                100 * accepted / evidence.wafers,
                100 * (review.wrong - review.wrong_caught) / accepted,
                "D",
                color="black",
                markersize=6,
                label="the model file's own rule",
            )
        axes.set(xlabel="accepted, % of the wafers", ylabel="wrong, % of those accepted")
        axes.set_ylim(bottom=0)
        axes.legend(frameon=False, loc="upper left")

    alt = (
        f"Share of wrong answers among the accepted by share accepted; all accepted: "
        f"{100 * review.wrong / evidence.wafers:.1f} % wrong"
    )
    return figure(3.2, alt, draw_on)


def _by_variant(evidence: Evidence, say: Callable[[Outcome], str], lead: str = "") -> str:
    return ", ".join(
        f"{variant.value} {lead}{say(outcome)}" for variant, outcome in evidence.outcomes.items()
    )


def named_rows(axes: Any, names: Sequence[str]) -> None:
    """Name the rows of a figure, the first on top."""
    # The font has not every letter, and a dollar sign would start a formula.
    plain = [printable(name).encode("ascii", "replace").decode() for name in names]
    short = [name if len(name) <= 24 else f"{name[:22]}.." for name in plain]
    axes.set_yticks(range(len(names)), short, parse_math=False)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")


def _legend_above(axes: Any, columns: int = 3) -> None:
    axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=columns)


def _rows_height(rows: Sequence[object]) -> float:
    """Inches; beyond some hundred layers the page would be all figure."""
    return 1.2 + 0.26 * min(len(rows), 120)
