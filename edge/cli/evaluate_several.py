"""``wm-edge evaluate`` of a model file that names several patterns a wafer."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from edge.errors import DataError, GateError
from edge.system.files import write_text
from edge.system.text import columns, counted, padded, percent, printable
from edge.terminal.progress import Progress
from edge.terminal.streams import warn

if TYPE_CHECKING:
    from edge.classification.classifier import Classifier
    from edge.dataset.labelled_set import LabelledSet
    from edge.evaluation.evaluate_several import SeveralEvaluation
    from edge.evaluation.several import Exact
    from edge.gate.several import SeveralBaseline
    from edge.gate.soundness import ModelFileAudit
    from edge.wafer.warned import Warned


class Wanted(NamedTuple):
    """What is compared with and written, None for nothing; the largest fall; when it began."""

    baseline: Path | None
    json_path: Path | None
    write_baseline: Path | None
    junit: Path | None
    max_drop: float
    began: float
    yield_sweep: bool


def judged(
    sound: ModelFileAudit,
    read: Callable[[Warned], LabelledSet],
    wanted: Wanted,
    at_work: Callable[[Path], Classifier | None],
) -> int:
    """Judge it, and hold it against a model that is trusted where one is given.

    A table on stdout, warnings and checks on stderr. ``at_work`` gives the model file that the
    baseline is, None where it is figures.

    Raises:
        DataError: the baseline cannot be used.
        UsageError: a yield sweep, which is of one pattern a wafer.
        GateError: a check failed.
    """
    from edge.evaluation.evaluate_several import evaluate_several
    from edge.gate import several
    from edge.wafer.warned import Warned

    warned, classifier = Warned(), sound.classifier
    if classifier is None:
        raise GateError("the model file cannot be used")
    if wanted.yield_sweep:
        classifier.model.require_exclusive("--yield-sweep")
    before, other = None, at_work(wanted.baseline) if wanted.baseline else None
    if other and not other.model.patterns.is_several:
        what = f"names one pattern a wafer, and {classifier.model.path} names several"
        raise DataError(f"{wanted.baseline}: {what}; compare files of one kind")
    if wanted.baseline and other is None:
        before = several.read(wanted.baseline)
    labelled = read(warned)
    with Progress("evaluating") as progress:

        def told(done: int) -> None:
            progress.at(done, len(labelled))

        found = evaluate_several(labelled, classifier, told)
        if other:
            before = several.baseline_of(evaluate_several(labelled, other, told))
    if before:
        several.require_same(before, found)
    for line in several_table(found):
        click.echo(line)
    warn([*found.warnings, *warned.sentences()])
    _write(wanted.json_path, found.as_dict())
    _write(wanted.write_baseline, several.as_dict(found))
    return _gate(found, before, sound, wanted)


def _write(path: Path | None, content: dict[str, Any]) -> None:
    if path:
        write_text(path, json.dumps(content, indent=1) + "\n")


def _gate(
    found: SeveralEvaluation,
    before: SeveralBaseline | None,
    sound: ModelFileAudit,
    wanted: Wanted,
) -> int:
    """The checks, where they are asked for."""
    if not (before or wanted.junit):
        return 0
    from edge.gate import junit, several
    from edge.gate.checks import complete

    checks = complete(
        [*sound.checks, *several.judge(found, before, wanted.max_drop)],
        "there is no baseline" if before is None else "not of several patterns a wafer",
        found.scores.labels,
    )
    for check in checks:
        click.echo(f"{check.status:<7} {check.name:<15} {printable(check.message)}", err=True)
    if wanted.junit:
        junit.write(wanted.junit, checks, several_table(found), time.monotonic() - wanted.began)
    if red := [check.name for check in checks if check.failed]:
        raise GateError(f"the gate is red: {', '.join(red)}")
    click.echo("the gate is green", err=True)
    return 0


def several_table(result: SeveralEvaluation) -> Iterator[str]:
    """A line a pattern, a line a number of patterns, and what they come to."""
    width = max(10, *map(columns, result.scores.labels))
    names = f"{padded('pattern', width)} {'wafers':>7} {'recall':>7}"
    yield f"{names}  {'95 % interval':<15} {'precision':>9} {'false alarms':>13}"
    for name, score in result.scores.per_class.items():
        low, high = score.ci95
        interval = f"{100 * low:.1f} - {100 * high:.1f}" if score.n else "-"
        yield (
            f"{printable(padded(name, width))} {score.n:>7} {_percent(score.recall):>7}  "
            f"{interval:<15} {_percent(score.precision):>9} {score.false_alarms:>13,}"
        )
    for number, exact in result.scores.by_number.items():
        wafers = counted(exact.n, "wafer")
        yield f"exactly named with {number or 'no'} on it: {_exact(exact)}, {wafers}"
    exact = result.scores.exact
    wafers = counted(exact.n, "wafer")
    yield f"exactly named {_exact(exact)}, {wafers}, model {printable(result.model)}"
    review = result.review()
    yield (
        f"to a person {100 * review['share']:.1f} %, which catches {review['wrong_caught']} of "
        f"{review['wrong']} wrong; {review['wrong_accepted']} wrong are accepted"
    )


def _exact(exact: Exact) -> str:
    low, high = exact.ci95
    return f"{100 * exact.share:.2f} % ({100 * low:.1f} - {100 * high:.1f})"


def _percent(value: float | None) -> str:
    return "-" if value is None else percent(value)
