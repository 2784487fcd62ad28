"""``wm-edge classify``: files and folders in, one result a wafer out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge.cli import results
from edge.system.text import printable
from edge.terminal import options, review_options

if TYPE_CHECKING:
    from edge.formats.fab.rules import Rules
    from edge.formats.name_pattern import NamePattern
    from edge.verdict.rule import Costs


#: Errors that a table keeps for its end.
HELD = 1000


@click.command(name="classify")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@options.model
@options.results
@review_options.review_options
@options.name_pattern
@options.fab
@click.option(
    "--write-back",
    "back_to",
    type=options.UserPath(dir_okay=False),
    metavar="OUT",
    help="Write a copy of PATH, one KLARF, G85 or E142 file, with pattern and verdict of each "
    "wafer in it.",
)
@options.patterns
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
    rules: Rules,
    back_to: Path | None,
    patterns: Path | None,
    average_symmetries: bool,
    threads: int | None,
    backend: str | None,
    kernels: str,
    fail_fast: bool,
    quiet: bool,
) -> int:
    """Classify wafer maps.

    PATH is a picture (PNG, JPEG, BMP, TIFF), a .npy or .csv grid, a labelled-set .npz, a file of a
    prober, tester or inspection tool (`wm-edge formats` lists them), a folder of those, a glob, or
    - for standard input. A wafer that cannot be read gets an error record; the others go on.

    \b
    Examples:
      wm-edge classify wafers/
      wm-edge classify 'lot42/*.png' --format csv --output lot42.csv
      wm-edge classify lot42.npz | jq -r 'select(.verdict == "review") | .source'
      wm-edge classify wafers/ --review-below 0.9 --review-below Scratch=0.97
      ssh tester cat w7.npy | wm-edge classify -
      wm-edge classify wafers/ --name-pattern '{lot}_{wafer}'
      wm-edge classify lot42.sinf --pass-bins 01,02 --none-bins --
      wm-edge classify lots/ --recipes recipes/
      wm-edge classify lot42.klarf --write-back out/lot42.klarf
      wm-edge classify wafers/ --patterns patterns/
    """
    # One wafer needs no threads for its arithmetic, and none may run where processes are forked.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from edge.classification.classifier import Classifier
    from edge.classification.parallel import classify_paths, processes_for
    from edge.formats import paths as files
    from edge.model.model_file import load
    from edge.model.runtime import Kernels
    from edge.model.wheels import Backend

    results.check(output, paths, overwrite=overwrite)
    back = None
    if back_to:
        from edge.classification.write_back import WriteBack  # nothing that others need

        back = WriteBack(paths, back_to, overwrite=overwrite)
    model_file = load(model)
    review_rule = model_file.review.with_overrides(below, costs, unfamiliar, mixed)

    def make() -> Classifier:
        return Classifier(
            model_file,
            backend=Backend(backend) if backend else None,
            kernels=Kernels(kernels),
            average_symmetries=average_symmetries,
            review=review_rule,
            patterns=patterns,
        )

    if patterns is not None:  # said before any work is divided
        from edge.own.pattern_file import check_folder

        check_folder(patterns)
    processes = threads or processes_for(paths, exclude=output)
    names = options.names(pattern, paths)
    records = classify_paths(
        paths, make, processes=processes, top_k=top_k, exclude=output, names=names, rules=rules
    )
    code = results.write(
        back.noting(records) if back else records,
        names,
        kind=kind,
        output=output,
        overwrite=overwrite,
        fail_fast=fail_fast,
        quiet=quiet,
        doing="classifying",
        failed="could not be read",
        total=lambda: files.count_wafers(paths, exclude=output),
        patterns=model_file.patterns,
        hold_errors=HELD,
        suggested=patterns is not None,
    )
    if back:
        click.echo(printable(back.write()), err=True)
    return code
