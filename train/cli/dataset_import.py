"""``wm-edge dataset import``: public data into a labelled set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge.system.files import check_place
from edge.system.text import columns, padded, printable
from edge.terminal import options
from edge.terminal.progress import Progress
from edge.terminal.streams import tell

if TYPE_CHECKING:
    from edge.formats.name_pattern import NamePattern
    from train.importers import Imported


@click.command("import", short_help="Turn WM-811K, MixedWM38 or class folders into a labelled set.")
@click.argument("source", type=options.UserPath())
@click.option(
    "--out",
    required=True,
    metavar="FILE.npz",
    type=options.UserPath(dir_okay=False),
    help="Labelled set to write.",
)
@click.option(
    "--none",
    metavar="FOLDER",
    help="The class folder of wafers without a pattern; none, normal, ok, good and pass are known.",
)
@click.option(
    "--label",
    "labels",
    multiple=True,
    metavar="NUMBER=NAME",
    help="Pattern of a label of a data frame that is a number, as 0=none; may be repeated.",
)
@options.name_pattern
@click.option("--overwrite", is_flag=True, help="Replace FILE.npz if it exists.")
def command(
    source: Path,
    out: Path,
    none: str | None,
    labels: tuple[str, ...],
    pattern: NamePattern | None,
    overwrite: bool,
) -> None:
    """Turn a public data set into a labelled set.

    SOURCE is recognised by its content:

    \b
      LSWMD.pkl               WM-811K from Kaggle (2.1 GB; takes 3.3 GB of memory)
      WM811K.pkl              WM-811K from mirlab.org
      another .pkl            a data frame with waferMap and failureType
      Wafer_Map_Datasets.npz  MixedWM38: its wafers with one pattern or none
      a folder                class folders with names of your own (Grid/, ok/)
                              or WM-811K's, of images, .npy or .csv; train/, val/
                              and test/ may stand above them

    Class folders whose names state lots (--name-pattern) can be divided by lot.

    Pickles, also compressed (gzip, bzip2, xz), are read without pandas and cannot run code: a file
    that names anything but the few classes of a data frame is refused. Wafers without a label or
    with an unusable map are left out and counted.

    \b
    Examples:
      wm-edge dataset import LSWMD.pkl --out wm811k.npz
      wm-edge dataset import ours/ --name-pattern '{lot}_{wafer}' --out ours.npz
    """
    check_place(out, overwrite=overwrite)
    pairs = [text.partition("=") for text in labels]
    if odd := [number for number, _, name in pairs if not (number.strip() and name.strip())]:
        raise click.UsageError(f"--label {odd[0]}: write it as NUMBER=NAME, for instance 0=none")
    legend = {number.strip(): name.strip() for number, _, name in pairs}
    imported = _import(source, pattern, none, legend)
    imported.labelled.save(out, overwrite=overwrite)
    for line in _summary(imported):
        tell(line, 2, err=True)
    click.echo(f"wrote {out}", err=True)


def _import(
    source: Path, pattern: NamePattern | None, none: str | None, legend: dict[str, str]
) -> Imported:
    from train.importers import import_dataset

    with Progress(f"reading {source.name}") as progress:
        return import_dataset(
            source, pattern=pattern, none=none, legend=legend, progress=progress.at
        )


def _summary(imported: Imported) -> list[str]:
    report = imported.report
    lines = [f"{report.source}: {report.kind}, {report.read:,} read, {report.kept:,} kept"]
    width = max(10, *map(columns, imported.labelled.patterns))
    lines += [
        f"  {padded(pattern, width)} {count:>9,}"
        for pattern, count in imported.labelled.class_counts().items()
    ]
    lines += [f"left out: {count:,} {reason}" for reason, count in report.left_out.items()]
    lines += [f"note: {note}" for note in report.notes]
    lines += [f"problem: {problem}" for problem in report.problems]
    return [printable(line) for line in lines]
