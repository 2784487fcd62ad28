"""``wm-edge evaluate``: per-class accuracy on labelled wafers, and a gate for CI."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge.cli import options
from edge.cli.progress import Progress
from edge.errors import GateError
from edge.text import printable

if TYPE_CHECKING:
    from edge.evaluate import Evaluation


@click.command(name="evaluate")
@click.argument("data", type=click.Path(path_type=Path))
@options.model
@click.option(
    "--part",
    type=click.Choice(("train", "val", "test")),
    help="Only this part of a split labelled set.",
)
@click.option(
    "--json", "json_path", type=click.Path(path_type=Path), help="Write the figures here."
)
@click.option(
    "--baseline",
    type=click.Path(path_type=Path),
    help="JSON of an earlier evaluation; exit 4 when a class fell by more than --max-drop.",
)
@click.option(
    "--max-drop",
    type=options.FiniteRange(min=0),
    default=1.0,
    show_default=True,
    help="In percentage points of per-class accuracy.",
)
@options.average_symmetries
@options.backend
@options.kernels
@options.overwrite
def command(
    data: Path,
    model: Path | None,
    part: str | None,
    json_path: Path | None,
    baseline: Path | None,
    max_drop: float,
    average_symmetries: bool,
    backend: str | None,
    kernels: str,
    overwrite: bool,
) -> int:
    """Measure a model file on DATA, a labelled-set .npz or class folders of wafer maps.

    Figures of wafers that trained the model are worthless: judge on other lots.

    \b
    Examples:
      wm-edge evaluate mine.npz --part test
      wm-edge evaluate golden.npz --json now.json
      wm-edge evaluate golden.npz --baseline good.json --max-drop 1.0
    """
    from edge.classifier import Classifier
    from edge.dataset import Part
    from edge.evaluate import drops, evaluate, read_baseline
    from edge.labelled import load_any
    from edge.model import load
    from edge.output import check_place, write_text
    from edge.runtime import Backend, Kernels

    if json_path:
        check_place(json_path, overwrite=overwrite)
    before = read_baseline(baseline) if baseline else None
    labelled = load_any(data)
    if part:
        labelled = labelled.part(Part(part))
    classifier = Classifier(
        load(model),
        backend=Backend(backend) if backend else None,
        kernels=Kernels(kernels),
        average_symmetries=average_symmetries,
    )
    with Progress("evaluating", len(labelled)) as progress:
        result = evaluate(labelled, classifier, progress.at)
    figures = result.as_dict()
    click.echo(_table(result))
    if json_path:
        write_text(json_path, json.dumps(figures, indent=1) + "\n")
    if before is not None:
        _gate(drops(figures, before, max_drop), max_drop)
    return 0


def _gate(fallen: list[tuple[str, float, float]], max_drop: float) -> None:
    if fallen:
        lines = [f"  {name}: {100 * a:.1f} % -> {100 * b:.1f} %" for name, a, b in fallen]
        raise GateError(
            f"accuracy gate is red, these classes fell by more than {max_drop:g} points:\n"
            + "\n".join(lines)
        )
    click.echo(f"accuracy gate is green: no class fell by more than {max_drop:g} points", err=True)


def _table(result: Evaluation) -> str:
    names = f"{'pattern':<10} {'wafers':>7} {'recall':>7}"
    lines = [f"{names}  {'95 % interval':<15} {'precision':>9} {'F1':>6}"]
    for name, score in result.scores.per_class.items():
        low, high = score.ci95
        interval = f"{100 * low:.1f} - {100 * high:.1f}" if score.n else "-"
        lines.append(
            f"{name:<10} {score.n:>7} {_percent(score.recall):>7}  {interval:<15} "
            f"{_percent(score.precision):>9} {_percent(score.f1):>6}"
        )
    lines.append(
        f"mean per-class accuracy (macro recall) {100 * result.scores.macro_recall:.2f} %, "
        f"accuracy {100 * result.scores.accuracy:.2f} %, {result.wafers} wafers, "
        f"model {printable(result.model)}"
    )
    return "\n".join(lines)


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"
