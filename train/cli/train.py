"""``wm-edge train``: a recipe and a labelled set in, a run folder out."""

from __future__ import annotations

from pathlib import Path

import click

from edge.system.text import columns, padded
from edge.terminal import options
from edge.terminal.progress import Progress
from edge.terminal.streams import warn


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
@click.option("--resume", is_flag=True, help="Go on with a run that was interrupted.")
def command(
    data: Path,
    recipe: str | None,
    start: str | None,
    out: Path,
    seed: int | None,
    epochs: int | None,
    resume: bool,
) -> int:
    """Train a network on DATA, a labelled set; the run folder OUT receives all results.

    A set without the column `part` is first divided by lot. The val part gives the
    figures of the run, and the epoch to keep where the recipe has `patience`; `quick` and
    `fine-tune` keep their last. The test part is not looked at.

    \b
    Examples:
      wm-edge train split.npz --out runs/a
      wm-edge train split.npz --recipe seed-final --seed 1 --out runs/b
      wm-edge train own.npz --from wm811k --out runs/own
      wm-edge train split.npz --out runs/a --resume
    """
    options.require("tensorflow", "matplotlib")
    from edge.evaluation.learned import unlearned
    from train import session

    settings = session.Settings(data, recipe, out, seed, epochs, resume, start)
    with Progress("") as progress:
        result = session.start(settings, progress.tell, progress.stage)
    width = max(10, *map(columns, result.scores.labels))
    click.echo(f"{padded('pattern', width)} {'wafers':>7} {'recall':>7}  95 % interval")
    for name, score in result.scores.per_class.items():
        if score.recall is not None:
            low, high = score.ci95
            click.echo(
                f"{padded(name, width)} {score.n:>7} {100 * score.recall:>7.1f}  "
                f"{100 * low:.1f} - {100 * high:.1f}"
            )
    kept = "the best" if result.best else "the last, which this recipe keeps"
    click.echo(
        f"val part, epoch {result.best_epoch} of {result.epochs} ({kept}): mean per-class accuracy "
        f"{100 * result.scores.macro_recall:.2f} %, accuracy {100 * result.scores.accuracy:.2f} %"
    )
    if doubt := unlearned(result.scores):
        warn([f"{doubt}; convert will refuse what is so on the test part"])
    click.echo(f"next: wm-edge convert {out} --data {data} --out model.tflite", err=True)
    return 0
