"""``wm-edge classify``: files and folders in, one result a wafer out."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge.cli import results
from edge.terminal import options, review_options
from edge.terminal.progress import Progress

if TYPE_CHECKING:
    from edge.formats.name_pattern import NamePattern
    from edge.model.model_file import ModelFile
    from edge.results.record import Record
    from edge.verdict.rule import Costs, ReviewRule


#: Errors that a table keeps for its end.
HELD = 1000


@click.command(name="classify")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@options.model
@options.results
@review_options.review_options
@options.name_pattern
@options.average_symmetries
@click.option(
    "--threads",
    type=click.IntRange(1, 64),
    help="Wafers classified side by side; for many files one a core, at most 4, else 1.",
)
@options.backend
@options.kernels
@click.option("--fail-fast", is_flag=True, help="Stop at the first input that cannot be read.")
@click.option("--quiet", is_flag=True, help="No progress and no summary on stderr.")
def command(
    paths: tuple[str, ...],
    model: Path | None,
    kind: str | None,
    output: Path | None,
    overwrite: bool,
    top_k: int | None,
    below: tuple[dict[str, float], ...],
    costs: Costs | None,
    unfamiliar: float | None,
    mixed: float | None,
    pattern: NamePattern | None,
    average_symmetries: bool,
    threads: int | None,
    backend: str | None,
    kernels: str,
    fail_fast: bool,
    quiet: bool,
) -> int:
    """Classify wafer maps.

    PATH is a picture (PNG, JPEG, BMP, TIFF), a .npy or .csv grid, a labelled-set .npz, a folder
    of those, a glob, or - for standard input. A wafer that cannot be read gets an error record;
    the others go on.

    \b
    Examples:
      wm-edge classify wafers/
      wm-edge classify 'lot42/*.png' --format csv --output lot42.csv
      wm-edge classify lot42.npz | jq -r 'select(.verdict == "review") | .source'
      wm-edge classify wafers/ --review-below 0.9 --review-below Scratch=0.97
      ssh tester cat w7.npy | wm-edge classify -
      wm-edge classify wafers/ --name-pattern '{lot}_{wafer}'
    """
    # One wafer needs no threads for its arithmetic, and none may run where processes are forked.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from edge.classification.classifier import Classifier
    from edge.classification.parallel import classify_paths, processes_for
    from edge.errors import UsageError
    from edge.formats import paths as files
    from edge.model.backend import Backend
    from edge.model.model_file import load
    from edge.model.runtime import Kernels
    from edge.results.writers import ResultFormat, open_sink
    from edge.system.files import check_place, same_file

    if output is not None:
        if any(same_file(path, output) for path in paths):
            raise UsageError(f"{output}: is one of the inputs; choose another name for the results")
        check_place(output, overwrite=overwrite)
    model_file = load(model)
    review_rule = rule(model_file, below, costs, unfamiliar, mixed)

    def make() -> Classifier:
        return Classifier(
            model_file,
            backend=Backend(backend) if backend else None,
            kernels=Kernels(kernels),
            average_symmetries=average_symmetries,
            review=review_rule,
        )

    kind = results.form(kind, output, quiet=quiet)
    processes = threads or processes_for(paths, exclude=output)
    names = None
    if pattern:
        from edge.formats.name_pattern import Names

        names = Names(pattern, filter(os.path.isdir, paths))
    records = classify_paths(
        paths, make, processes=processes, top_k=top_k, exclude=output, names=names
    )
    # A bar over a table that grows on the same terminal would only disturb it.
    watched = not quiet and not results.on_terminal(output) and options.is_terminal(sys.stderr)
    total = files.count_wafers(paths, exclude=output) if watched else None
    with Progress("classifying", total, wanted=watched) as progress, closing(records):
        # The runtime is tried before the output is touched.
        first = next(records, None)
        sink = open_sink(ResultFormat(kind), output, overwrite=overwrite, hold_errors=HELD)
        stream: Iterable[Record] = records if first is None else itertools.chain([first], records)
        summary = results.write(
            stream, sink, names, output, fail_fast=fail_fast, on_record=progress.at
        )
    if not quiet:
        results.say(summary, "could not be read", names)
    return 1 if summary.errors else 0


def rule(
    model: ModelFile,
    below: tuple[dict[str, float], ...],
    costs: Costs | None,
    unfamiliar: float | None,
    mixed: float | None,
) -> ReviewRule:
    """The model file's rule with what the options change; ``--review-below`` has the last word."""
    from edge.verdict.rule import with_overrides

    return with_overrides(model.review, below, costs, unfamiliar, mixed)
