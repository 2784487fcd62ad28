"""``wm-edge convert``: a run folder in, a model file and its evidence out."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge.errors import UsageError
from edge.terminal import options, review_options
from edge.terminal.progress import Progress

if TYPE_CHECKING:
    from convert.attempt import Attempt
    from convert.several.session import Converted
    from edge.verdict.rule import Costs


@click.command(name="convert")
@click.argument("run", type=options.UserPath())
@click.option(
    "--data",
    type=options.UserPath(),
    required=True,
    help="The labelled set the run was trained on.",
)
@click.option("--out", type=options.UserPath(), required=True, help="Model file to write.")
@click.option(
    "--name",
    help="What the model calls itself in records; the name of --out else, without its ending.",
)
@click.option(
    "--data-name", help="Public name of the data, for the model card; the file's name else."
)
@click.option(
    "--notice",
    type=options.UserPath(),
    help="Text file with the data's licence notice and citations, kept in the model file.",
)
@click.option(
    "--allow-drop",
    type=options.FiniteRange(min=0),
    help="Points of per-class accuracy that int8 may cost instead of 1; recorded in the file.",
)
@click.option(
    "--remedy",
    is_flag=True,
    help="When int8 costs too much, try other calibrations, wider arithmetic and fine-tuning until "
    "the gate is green; every trial is reported.",
)
@click.option(
    "--precision",
    type=options.FiniteRange(0, 1, min_open=True, max_open=True),
    help="Share of the accepted wafers of each pattern that shall be right, instead of the "
    "recipe's; sets the thresholds of review. A cost table has the last word.",
)
@review_options.cost_table
@click.option(
    "--folds",
    type=options.UserPath(),
    metavar="FOLDS",
    help="Set temperature and thresholds by what the networks of `wm-edge train --folds` say of "
    "lots that they had not seen, instead of by the val part: they hold on other lots, or the file "
    "says what does.",
)
@options.overwrite
def command(
    run: Path,
    data: Path,
    out: Path,
    name: str | None,
    data_name: str | None,
    notice: Path | None,
    allow_drop: float | None,
    remedy: bool,
    precision: float | None,
    costs: Costs | None,
    folds: Path | None,
    overwrite: bool,
) -> int:
    """Quantise the network in RUN to int8 and prove, class by class, that nothing was lost.

    Calibrates on wafers of the train part, judges on the test part through the station's own
    classifier. When a class lost more than 1 point (or one wafer, if that is more), no model file
    is written and the exit code is 4; --remedy tries to mend it. The same when the network did not
    learn: near chance, or a class of five wafers or more is never named.

    \b
    Examples:
      wm-edge convert runs/a --data split.npz --out mine.tflite
      wm-edge convert runs/a --data split.npz --folds runs/f --out mine.tflite
      wm-edge classify wafers/ --model mine.tflite
    """
    options.require("tensorflow", "jinja2", "matplotlib", "ai_edge_quantizer")
    from convert.metadata import Source
    from convert.session import Remedy, convert
    from convert.several.session import convert_several
    from edge.dataset.reading import load, naming
    from edge.dataset.split import ensure_parts

    lines = _lines(notice) if notice else []
    source = Source(run, name or out.stem, data_name or data.name, lines)
    labelled = load(data)
    making: Callable[..., Attempt | Converted]
    if labelled.patterns.is_several:
        for option, given in (("--folds", folds), ("--remedy", remedy)):
            if given:
                what = "is for sets of one pattern a wafer, and those of this one show several"
                raise UsageError(f"{data}: {option} {what}; leave it out")
        making = convert_several
    else:
        making = partial(convert, folds=folds, remedy=Remedy.SEARCH if remedy else Remedy.NONE)
    with Progress("") as progress:
        with naming(data):
            labelled = ensure_parts(labelled, progress.tell)
        found = making(
            source,
            labelled,
            out,
            allowed_points=allow_drop,
            precision=precision,
            costs=costs,
            overwrite=overwrite,
            tell=progress.tell,
            progress=progress.stage,
        )
    click.echo(found.parity.summary())
    click.echo(f"wrote {out}, {len(found.model.content) / 1000:.1f} kB", err=True)
    return 0


def _lines(notice: Path) -> list[str]:
    """The lines of a text file."""
    from edge.system.regular_file import read_text

    try:
        return read_text(notice).splitlines()
    except OSError as error:
        raise UsageError(f"{notice}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{notice}: not UTF-8 text; save it as UTF-8") from error
