"""``wm-edge evaluate``: per-class accuracy on labelled wafers, and a gate for CI."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge.cli.evaluate_several import Wanted, judged
from edge.errors import DataError, UsageError
from edge.system.text import columns, counted, padded, percent, printable
from edge.terminal import options
from edge.terminal.progress import Progress
from edge.terminal.streams import tell, warn

if TYPE_CHECKING:
    from edge.classification.classifier import Classifier
    from edge.dataset.labelled_set import LabelledSet
    from edge.evaluation.evaluate import Evaluation
    from edge.evaluation.yield_sweep import YieldSweep
    from edge.formats.fab.rules import Rules
    from edge.gate.baseline import Baseline
    from edge.gate.judge import GateOutcome
    from edge.gate.soundness import ModelFileAudit
    from edge.wafer.patterns import PatternSet
    from edge.wafer.warned import Warned


@click.command(name="evaluate")
@click.argument("data", type=options.UserPath())
@options.model
@options.part
@click.option("--json", "json_path", type=options.UserPath(), help="Write the figures here.")
@click.option(
    "--write-baseline",
    type=options.UserPath(),
    help="Write the figures and the answer to every wafer here, for --baseline.",
)
@click.option(
    "--baseline",
    type=options.ModelPath(),
    help="What --write-baseline wrote with a model you trust, or that model file, then judged on "
    "the same wafers; exit 4 when this one is worse.",
)
@click.option(
    "--max-drop",
    type=options.FiniteRange(min=0),
    default=1.0,
    help="Largest fall of a class and of the mean, in percentage points; a fall that chance "
    "explains does not count.",
)
@click.option(
    "--junit",
    type=options.UserPath(),
    help="Write every check as JUnit XML here, for CI screens; exit 4 when one failed.",
)
@click.option(
    "--yield-sweep",
    is_flag=True,
    help="Judge drawn and cleared wafers over 0 to 30 % random fails, too: a table on stdout, and "
    "in --json.",
)
@options.fab
@options.average_symmetries
@options.backend
@options.kernels
@options.overwrite
def command(
    data: Path,
    model: Path | None,
    part: str | None,
    json_path: Path | None,
    write_baseline: Path | None,
    baseline: Path | None,
    max_drop: float,
    junit: Path | None,
    yield_sweep: bool,
    rules: Rules,
    average_symmetries: bool,
    backend: str | None,
    kernels: str,
    overwrite: bool,
) -> int:
    """Measure a model file on DATA, a labelled-set .npz or class folders of wafer maps.

    Figures of wafers that trained the model are worthless: judge on other lots.

    Of a model file that names several patterns a wafer: how often each is found and named falsely,
    and how often exactly what is there is named.

    \b
    Examples:
      wm-edge evaluate mine.npz --part test
      wm-edge evaluate mine.npz --part test --yield-sweep --json now.json
      wm-edge evaluate golden.npz --json now.json
      wm-edge evaluate golden.npz --write-baseline good.json
      wm-edge evaluate golden.npz --baseline good.json --junit report.xml
      wm-edge evaluate golden.npz --model new.tflite --baseline old.tflite
    """
    from edge.gate import judge
    from edge.system.files import check_place, same_file
    from edge.wafer.warned import Warned

    if baseline and write_baseline:
        raise UsageError("--baseline compares, --write-baseline starts anew: give one of them")
    places = [place for place in (json_path, write_baseline, junit) if place]
    for place in places:
        inputs = [path for path in (data, model, baseline) if path]
        if places.count(place) > 1 or any(same_file(path, place) for path in inputs):
            raise UsageError(f"{place}: is an input or written twice; choose another name")
        check_place(place, overwrite=overwrite)
    began = time.monotonic()
    examined = partial(_examine, backend, kernels, average_symmetries=average_symmetries)
    sound = examined(model)
    if sound.classifier and sound.classifier.model.patterns.is_several:
        labelled = partial(_read, data, part, sound.classifier.model.patterns, rules)
        wanted = Wanted(baseline, json_path, write_baseline, junit, max_drop, began, yield_sweep)
        return judged(sound, labelled, wanted, partial(_at_work, examined))
    sets: list[LabelledSet] = []
    warned = Warned()
    with Progress("evaluating") as progress:

        def read() -> LabelledSet:
            patterns = sound.classifier.model.patterns if sound.classifier else None
            labelled = _read(data, part, patterns, rules, warned)
            sets.append(labelled)
            progress.at(0, len(labelled))
            return labelled

        outcome = judge.run(
            sound,
            read,
            (lambda: _trusted(baseline, examined)) if baseline else None,
            max_drop,
            progress.at,
        )
    outcome.warnings.extend(warned.sentences())
    _show(outcome, gated=bool(baseline or junit))
    swept = None
    if yield_sweep and outcome.result and sound.classifier:
        swept = _swept(sets[0], sound.classifier)
    if junit:
        from edge.gate.junit import write

        write(junit, outcome.checks, _notes(outcome), time.monotonic() - began)
    _write_figures(outcome, swept, json_path, write_baseline)
    if outcome.error:
        raise outcome.error
    if baseline or junit:
        outcome.raise_if_red()
        click.echo("the gate is green", err=True)
    return 0


def _trusted(
    path: Path, examined: Callable[[Path | None], ModelFileAudit]
) -> Baseline | Classifier:
    """What ``--baseline`` names: figures, or a model file at work."""
    from edge.gate import baseline

    return _at_work(examined, path) or baseline.read(path)


def _at_work(examined: Callable[[Path | None], ModelFileAudit], path: Path) -> Classifier | None:
    """The model file that ``--baseline`` names, at work; None where it names figures."""
    from edge.gate import baseline

    if not baseline.is_model(path):
        return None
    known = examined(path)
    if known.classifier is None:
        raise DataError(f"the baseline cannot be used: {known.error}")
    return known.classifier


def _examine(
    backend: str | None, kernels: str, path: Path | None, *, average_symmetries: bool
) -> ModelFileAudit:
    from edge.classification.classifier import Classifier
    from edge.gate.soundness import examine
    from edge.model.runtime import Kernels
    from edge.model.wheels import Backend

    chosen = Backend(backend) if backend else None
    return examine(
        path,
        lambda model: Classifier(
            model, backend=chosen, kernels=Kernels(kernels), average_symmetries=average_symmetries
        ),
        chosen,
    )


def _read(
    data: Path, part: str | None, patterns: PatternSet | None, rules: Rules, warned: Warned
) -> LabelledSet:
    from edge.dataset.load_any import load_any
    from edge.dataset.reading import naming

    labelled = load_any(data, patterns, rules, warned)
    with naming(data):
        labelled = labelled.part(part) if part else labelled
        labelled = labelled.with_labels(lambda sentence: warn([sentence]))
        return labelled.under(patterns) if patterns else labelled


def _show(outcome: GateOutcome, *, gated: bool) -> None:
    """The table on stdout; warnings, and checks where there is a gate, on stderr."""
    warnings = outcome.warnings
    if outcome.result:
        overlap = outcome.result.overlap
        if overlap and overlap.too_large:  # whoever keeps the table must keep this
            told = overlap.warning()
            tell(f"warning: {told}", 2)
            click.echo()
            if options.is_terminal(sys.stdout):  # else nobody has seen it
                warnings = [each for each in warnings if each != told]
        click.echo(_table(outcome.result))
    warn(warnings)
    if gated:
        for check in outcome.checks:
            click.echo(f"{check.status:<7} {check.name:<15} {printable(check.message)}", err=True)


def _swept(labelled: LabelledSet, classifier: Classifier) -> YieldSweep:
    """The yield sweep, whose table is shown."""
    from edge.evaluation.yield_sweep import sweep
    from edge.evaluation.yield_table import table

    with Progress("yield sweep") as progress:
        found = sweep(labelled, classifier, progress.at)
    click.echo(f"\n{table(found)}")
    return found


def _write_figures(
    outcome: GateOutcome,
    swept: YieldSweep | None,
    json_path: Path | None,
    write_baseline: Path | None,
) -> None:
    """The JSON files that were asked for."""
    from edge.evaluation.evaluate import Evaluation
    from edge.gate import baseline
    from edge.system.files import write_text

    for path, form in ((json_path, Evaluation.as_dict), (write_baseline, baseline.as_dict)):
        if path and outcome.result:
            figures = form(outcome.result)
            figures["warnings"] = outcome.warnings
            if swept and path == json_path:
                figures["yield_sweep"] = swept.as_dict()
            write_text(path, json.dumps(figures, indent=1) + "\n")


def _notes(outcome: GateOutcome) -> list[str]:
    """What stands in the JUnit report beside the checks."""
    table = _table(outcome.result).splitlines() if outcome.result else []
    return [*(f"warning: {warning}" for warning in outcome.warnings), *table]


def _table(result: Evaluation) -> str:
    width = max(10, *map(columns, result.scores.labels))
    names = f"{padded('pattern', width)} {'wafers':>7} {'recall':>7}"
    lines = [f"{names}  {'95 % interval':<15} {'precision':>9} {'F1':>6}"]
    for name, score in result.scores.per_class.items():
        low, high = score.ci95
        interval = f"{100 * low:.1f} - {100 * high:.1f}" if score.n else "-"
        shown = padded(printable(name), width)
        lines.append(
            f"{shown} {score.n:>7} {_percent(score.recall):>7}  {interval:<15} "
            f"{_percent(score.precision):>9} {_percent(score.f1):>6}"
        )
    lines.append(f"mean per-class accuracy (macro recall) {100 * result.scores.macro_recall:.2f} %")
    lines.append(
        f"accuracy {100 * result.scores.accuracy:.2f} %, {counted(result.wafers, 'wafer')}, "
        f"model {printable(result.model)}"
    )
    review = result.review()
    lines.append(
        f"to a person {100 * review['share']:.1f} %, which catches {review['wrong_caught']} of "
        f"{review['wrong']} wrong; {review['wrong_accepted']} wrong are accepted"
    )
    return "\n".join(lines)


def _percent(value: float | None) -> str:
    return "-" if value is None else percent(value)
