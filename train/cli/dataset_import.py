"""``wm-edge dataset import``: public data into a labelled set."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from edge.system.files import check_place
from edge.system.text import columns, padded, printable
from edge.terminal import options
from edge.terminal.progress import Progress
from edge.terminal.streams import tell, warn
from edge.wafer.patterns import JOINT

if TYPE_CHECKING:
    from edge.formats.fab.rules import Rules
    from edge.formats.name_pattern import NamePattern
    from edge.wafer.patterns import PatternSet
    from train.importers import Imported

_NUMBER: Final = re.compile(r"-?[0-9.]+")


@click.command(
    "import", short_help="Turn WM-811K, tables, stacks or class folders into a labelled set."
)
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
    metavar="NAME",
    help="The class folder or label of wafers without a pattern (none, normal, ok, good and pass "
    "are known), and what rows of zeros are among columns of 0 and 1. "
    "Codes that are no die are --none-bins here.",
)
@click.option(
    "--pattern-set",
    "pattern_set",
    metavar="FILE.toml",
    type=options.UserPath(dir_okay=False),
    help="What the labels can be: names in their order, none, kind, [aliases], [hints].",
)
@click.option(
    "--several",
    is_flag=True,
    help="A wafer may show several patterns at once: labels join their names (Center+Scratch), "
    "`none` means nothing of it.",
)
@click.option(
    "--label",
    "labels",
    multiple=True,
    metavar="NUMBER=NAME",
    help="Pattern of a label of a table or stack that is a number, as 0=none; may be repeated.",
)
@click.option(
    "--unlabelled",
    is_flag=True,
    help="Keep wafers of a table that have no label; take maps without labels, a file or all below "
    "a folder, whatever the folders in it are called.",
)
@options.name_pattern
@options.fab_bins
@click.option("--overwrite", is_flag=True, help="Replace FILE.npz if it exists.")
def command(
    source: Path,
    out: Path,
    none: str | None,
    pattern_set: Path | None,
    several: bool,
    labels: tuple[str, ...],
    unlabelled: bool,
    pattern: NamePattern | None,
    rules: Rules,
    overwrite: bool,
) -> None:
    """Turn wafer maps with labels, or without, into a labelled set.

    SOURCE is recognised by its content:

    \b
      LSWMD.pkl               WM-811K from Kaggle (2.1 GB; takes 3.3 GB of memory)
      WM811K.pkl              WM-811K from mirlab.org
      another .pkl            a data frame, dict of columns or list of dicts, with
                              maps (waferMap, map ...), labels (failureType,
                              label, pattern, class ...; or a column of 0 and 1
                              a pattern), lots and wafers
      Wafer_Map_Datasets.npz  MixedWM38: its wafers with one pattern or none,
                              with --several all
      another .npz            maps (wafers, rows, columns) and their labels: text,
                              numbers (--label) or a column of 0 and 1 a pattern
      a folder                class folders with names of your own (Grid/, ok/)
                              or WM-811K's, of whatever `wm-edge classify` reads:
                              images, .npy, .csv, files of probers and testers
                              (SINF, KLARF, G85, STDF ...), archives; train/, val/
                              and test/ may stand above them
      with --several          of these, wafers with several patterns, too: folders
                              Center+Scratch/, labels "Center+Scratch", rows of
                              0 and 1 with more than one 1
      with --unlabelled       a file or folder of any of these, without labels

    Class folders whose names state lots (--name-pattern) can be divided by lot. Wafers in a folder
    `unlabelled` beside them have no label.

    Pickles, also compressed (gzip, bzip2, xz, zip), are read without pandas and cannot run code: a
    file that names anything but the few classes of a data frame is refused. Wafers without a label
    (unless --unlabelled), with an unusable map, and files that cannot be read are left out; the
    last line says how many, the exit code is 0 as long as one is kept.

    \b
    Examples:
      wm-edge dataset import LSWMD.pkl --out wm811k.npz
      wm-edge dataset import ours/ --name-pattern '{lot}_{wafer}' --out ours.npz
      wm-edge dataset import Wafer_Map_Datasets.npz --several --out mixed.npz
      wm-edge dataset import a.pkl.gz --label 0=ok --label 1=Grid --out a.npz
      wm-edge dataset import incoming/ --unlabelled --out new.npz
      wm-edge dataset import lots/ --unlabelled --recipes recipes/ --out lots.npz
      wm-edge dataset import probed/ --pass-bins 1 --none-bins X --out probed.npz
    """
    from edge.dataset.split import part_doubts
    from edge.wafer.patterns import SetKind
    from train.importers import import_dataset

    check_place(out, overwrite=overwrite)
    with Progress(f"reading {source.name}") as progress:
        imported = import_dataset(
            source,
            pattern=pattern,
            none=none,
            patterns=_read(pattern_set) if pattern_set else None,
            kind=SetKind.SEVERAL if several else None,
            rules=rules,
            legend=_legend(labels),
            unlabelled=unlabelled,
            progress=progress.at,
        )
    imported.labelled.save(out, overwrite=overwrite)
    for line in _summary(imported):
        tell(line, 2, err=True)
    if "part" in imported.labelled.columns:
        warn(part_doubts(imported.labelled))
    left_out = imported.report.read - imported.report.kept
    more = f"; {left_out:,} left out, as said above" if left_out > 0 else ""
    tell(printable(f"wrote {out}{more}"), err=True)


def _legend(labels: tuple[str, ...]) -> dict[str, str]:
    pairs = [text.partition("=") for text in labels]
    if odd := [number for number, _, name in pairs if not (number.strip() and name.strip())]:
        raise click.UsageError(f"--label {odd[0]}: write it as NUMBER=NAME, for instance 0=none")
    legend = {number.strip(): name.strip() for number, _, name in pairs}
    for number, name in legend.items():
        if _NUMBER.fullmatch(name) and not _NUMBER.fullmatch(number):
            raise click.UsageError(
                f"--label {number}={name}: the number comes first, write {name}={number}"
            )
    return legend


def _read(path: Path) -> PatternSet:
    """The pattern set in a TOML file; mistakes are told with their line."""
    from edge.system import toml_file
    from edge.wafer.patterns import PatternSet

    file = toml_file.read(path)
    for key in file.content:
        if key not in PatternSet.__struct_fields__:
            known = ", ".join(PatternSet.__struct_fields__)
            raise file.wrong((key,), f"is none of {known}")
    return file.decode(PatternSet)


def _summary(imported: Imported) -> list[str]:
    report = imported.report
    lines = [f"{report.source}: {report.kind}, {report.read:,} read, {report.kept:,} kept"]
    patterns, counts = imported.labelled.patterns, imported.labelled.class_counts()
    width = max(10, *map(columns, patterns))
    labels = int(imported.labelled.has_label().sum())
    if labels:
        lines += [
            f"  {padded(pattern, width)} {count:>9,}"
            f"{'  means no pattern' if pattern == patterns.nothing else ''}"
            for pattern, count in counts.items()
        ]
    if without := report.kept - labels:
        lines.append(f"  {padded('(no label)', width)} {without:>9,}")
    lines += [f"left out: {count:,} {reason}" for reason, count in report.left_out.items()]
    lines += [f"note: {note}" for note in report.notes]
    if patterns.is_several:
        joint = sum(JOINT in label for label in imported.labelled.labels.tolist())
        lines.append(f"note: {joint:,} wafers show two or more, each counts for all it shows")
    if labels and patterns.nothing is None:
        lines.append(
            "note: none of them means that a wafer shows no pattern; if one does, --none NAME or "
            "the pattern set says which"
        )
    lines += [f"problem: {problem}" for problem in report.problems]
    return [printable(line) for line in lines]
