"""``wm-edge train``: a recipe and a labelled set in, a run folder out."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from edge.errors import UsageError
from edge.system.text import columns, padded
from edge.terminal import options
from edge.terminal.progress import Progress
from edge.terminal.streams import warn

if TYPE_CHECKING:
    from edge.evaluation.several import AnyScores
    from train.session import Settings
    from train.trainer import Result

#: Of a search where none are asked for.
TRIALS: Final = 30

#: Options that are not for a search.
_SINGLE: Final = (
    "--recipe",
    "--from",
    "--seed",
    "--epochs",
    "--folds",
    "--teacher",
    "--from-folds",
    "--resume",
)


@click.command(name="train")
@click.argument("data", type=options.UserPath())
@click.option(
    "--recipe", help="Name of a recipe, or a TOML file; a new run takes `default` when not given."
)
@click.option(
    "--from",
    "start",
    help="Start from a network: the name of a model file that ships (`wm811k`), a model file or a "
    "run folder. Without --recipe by `fine-tune`: for few wafers, in minutes.",
)
@click.option("--out", type=options.UserPath(), required=True, help="Run folder to make.")
@click.option("--seed", type=click.IntRange(min=0), help="Instead of the recipe's.")
@click.option("--epochs", type=click.IntRange(min=1), help="Instead of the recipe's.")
@click.option(
    "--folds",
    type=click.IntRange(min=2, max=100),
    help="Train so many networks, each on all lots of the train and val parts but its fold: "
    "OUT receives a run folder each, out_of_fold.npz and suspects.csv.",
)
@click.option(
    "--teacher",
    type=options.UserPath(),
    metavar="RUN|FOLDS",
    help="Teach also what the network of a finished RUN says of each wafer as it is shown, or what "
    "that of FOLDS said which did not see its lot ([teacher] of the recipe). With --folds, the "
    "network of each fold is taught by that of the same fold.",
)
@click.option(
    "--from-folds",
    type=options.UserPath(),
    metavar="FOLDS",
    help="Let likely mislabelled wafers by FOLDS count less ([suspects] of the recipe).",
)
@click.option("--resume", is_flag=True, help="Go on with a run that was interrupted.")
@click.option(
    "--search",
    help="Search a space of recipes: `search-seed` or a TOML file. OUT gets the front of accuracy, "
    "bytes and time; the same command goes on after an interruption.",
)
@click.option(
    "--trials",
    type=click.IntRange(min=1),
    help="Of --search, all calls together; 30 when not given.",
)
@click.option(
    "--hours", type=options.FiniteRange(min=0, min_open=True), help="Of --search, this call."
)
@click.option(
    "--jobs", type=click.IntRange(min=1, max=64), help="Of --search: networks trained at once."
)
def command(
    data: Path,
    recipe: str | None,
    start: str | None,
    out: Path,
    seed: int | None,
    epochs: int | None,
    folds: int | None,
    teacher: Path | None,
    from_folds: Path | None,
    resume: bool,
    search: str | None,
    trials: int | None,
    hours: float | None,
    jobs: int | None,
) -> int:
    """Train a network on DATA, a labelled set; the run folder OUT receives all results.

    A set without the column `part` is first divided by lot. The val part gives the
    figures of the run, and the epoch to keep where the recipe has `patience`; `quick` and
    `fine-tune` keep their last. The test part is not looked at.

    FOLDS is a folder that --folds made of the same set. Wafers that are likely mislabelled are
    listed in its suspects.csv, the clearest first; none is dropped.

    KERAS_BACKEND=jax or torch trains on JAX or PyTorch instead of TensorFlow, on a GPU if they find
    one; conversion runs on TensorFlow.

    \b
    Examples:
      wm-edge train split.npz --out runs/a
      wm-edge train mixed.npz --recipe several --out runs/several
      wm-edge train split.npz --recipe seed-final --seed 1 --out runs/b
      wm-edge train own.npz --from wm811k --out runs/own
      wm-edge train split.npz --out runs/a --resume
      wm-edge train split.npz --folds 5 --out runs/f
      wm-edge train split.npz --teacher runs/f --out runs/taught
      wm-edge train split.npz --recipe quick --teacher runs/a --out runs/small
      wm-edge train split.npz --search space.toml --out runs/s --hours 8
    """
    from train import backend

    own = {"--trials": trials, "--hours": hours, "--jobs": jobs}
    if search is not None:
        options.require("tensorflow", "matplotlib")
        given = (recipe, start, seed, epochs, folds, teacher, from_folds, resume or None)
        others = dict(zip(_SINGLE, given, strict=True))
        _refuse(others, "is not for --search, whose space says all")
        return _search(data, search, out, trials, hours, jobs)
    _refuse(own, "is for --search")
    options.require(backend.installed(), "keras", "matplotlib")
    from train import session

    settings = session.Settings(data, recipe, out, seed, epochs, resume, start, teacher, from_folds)
    if folds:
        return _folds(settings, folds)
    with Progress("") as progress:
        result = session.start(settings, progress.tell, progress.stage)
    _show_result(result)
    click.echo(f"next: wm-edge convert {out} --data {data} --out model.tflite", err=True)
    return 0


def _show_result(result: Result) -> None:
    """Figures of one network."""
    from edge.evaluation.learned import unlearned

    _show(result.scores)
    kept = "the best" if result.best else "the last, which this recipe keeps"
    click.echo(
        f"val part, epoch {result.best_epoch} of {result.epochs} ({kept}): {_means(result.scores)}"
    )
    if doubt := unlearned(result.scores):
        warn([f"{doubt}; convert will refuse what is so on the test part"])


def _folds(settings: Settings, count: int) -> int:
    """Cross-validate, show what came of it."""
    from train import suspects
    from train.folds import cross_validate

    with Progress("") as progress:
        found = cross_validate(settings, count, progress.tell, progress.stage)
    _show(found.scores)
    click.echo(f"each wafer by the network that did not see its lot: {_means(found.scores)}")
    click.echo()
    for line in found.suspects.summary():
        click.echo(line)
    click.echo(
        f"{len(found.suspects.places):,} wafers are likely mislabelled: "
        f"{settings.out / suspects.NAME}"
    )
    click.echo(
        f"next: wm-edge convert RUN --data {settings.data} --folds {settings.out} --out "
        "model.tflite",
        err=True,
    )
    return 0


def _show(scores: AnyScores) -> None:
    """A line a pattern."""
    from edge.evaluation.several import PatternScore, SeveralScores

    width = max(10, *map(columns, scores.labels))
    several = isinstance(scores, SeveralScores)
    more = "  false alarms" if several else ""
    click.echo(f"{padded('pattern', width)} {'wafers':>7} {'recall':>7}  95 % interval{more}")
    for name, score in scores.per_class.items():
        if score.recall is not None:
            low, high = score.ci95
            alarms = f"{score.false_alarms:>14}" if isinstance(score, PatternScore) else ""
            interval = f"{100 * low:.1f} - {100 * high:.1f}"
            click.echo(
                f"{padded(name, width)} {score.n:>7} {100 * score.recall:>7.1f}  "
                f"{interval:<13}{alarms}".rstrip()
            )
    if isinstance(scores, SeveralScores):
        for number, exact in scores.by_number.items():
            click.echo(f"exactly named, of {exact.n:,} with {number}: {100 * exact.share:.1f} %")


def _means(scores: AnyScores) -> str:
    from edge.evaluation.several import SeveralScores

    if isinstance(scores, SeveralScores):
        return (
            f"exactly named {100 * scores.accuracy:.2f} %, mean recall of a pattern "
            f"{100 * scores.macro_recall:.2f} %"
        )
    return (
        f"mean per-class accuracy {100 * scores.macro_recall:.2f} %, accuracy "
        f"{100 * scores.accuracy:.2f} %"
    )


def _refuse(given: Mapping[str, object], why: str) -> None:
    for name, value in given.items():
        if value is not None:
            raise click.UsageError(f"{name} {why}; leave it out")


def _search(
    data: Path, space: str, out: Path, trials: int | None, hours: float | None, jobs: int | None
) -> int:
    """``--search``: see ``train.search.session``."""
    for package in ("optuna", "jinja2"):
        if importlib.util.find_spec(package) is None:
            raise UsageError(f"--search needs {package}; mend: pip install 'wm-edge[search]'")
    from train.search import session
    from train.search.summary import lines

    settings = session.Settings(data, space, out, trials or TRIALS, hours, jobs or 1)
    try:
        with Progress("") as progress:
            found = session.search(settings, progress.tell, progress.stage)
    except KeyboardInterrupt:
        click.echo(f"{out} holds what is known; the same command goes on", err=True)
        raise
    for line in lines(found):
        click.echo(line)
    click.echo(f"next: look at {out / 'front.html'}", err=True)
    return 0
