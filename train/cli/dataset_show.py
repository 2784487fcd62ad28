"""``wm-edge dataset show``: what a labelled set holds, in numbers and as a sheet of wafers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge.system.files import check_place
from edge.system.text import columns, padded, printable
from edge.terminal import options
from edge.wafer.patterns import JOINT

if TYPE_CHECKING:
    from edge.dataset.labelled_set import LabelledSet


@click.command(epilog="Example: wm-edge dataset show wafers.npz --out sheet.png --part test")
@click.argument("data", metavar="DATA.npz", type=options.UserPath())
@click.option(
    "--out", required=True, type=options.UserPath(), help="Picture to write (.png or .jpg)."
)
@click.option("--per-class", type=int, default=10, help="Wafers drawn of each pattern.")
@options.seed("Another seed draws other wafers.")
@options.part
@click.option("--overwrite", is_flag=True, help="Replace the picture if it exists.")
def command(
    data: Path, out: Path, per_class: int, seed: int, part: str | None, overwrite: bool
) -> None:
    """Draw a sheet of wafers of each pattern and count the wafers and lots.

    A wafer with several patterns counts under each; its combinations stand below.
    """
    from edge.dataset.reading import load, naming
    from train.sheet import draw_sheet, save_sheet

    check_place(out, overwrite=overwrite)
    labelled = load(data)
    with naming(data):
        labelled = labelled.part(part) if part else labelled
    save_sheet(draw_sheet(labelled, per_class, seed), out, overwrite=overwrite)
    for line in table(labelled):
        click.echo(line)
    click.echo(f"{out}: written", err=True)


def table(labelled: LabelledSet) -> list[str]:
    """Lines of a table: class, wafers, lots, share of all wafers."""
    import numpy as np

    from edge.formats.columns import known

    lots = labelled.columns.get("lot")
    width = max(10, *map(columns, labelled.patterns))
    rows = [(name, labelled.shows(name)) for name in labelled.class_counts()]
    if not (has := labelled.has_label()).all():
        rows.append(("(no label)", ~has))
    if labelled.patterns.is_several:
        several = sorted({label for label in labelled.labels.tolist() if JOINT in label})
        rows += [(label, labelled.labels == label) for label in several]
        width = max(width, *map(columns, several), 0)
    lines = [f"{padded('class', width)} {'wafers':>9} {'lots':>7} {'share':>8}"]
    for name, chosen in [*rows, ("all", np.ones(len(labelled), np.bool_))]:
        wafers = int(np.count_nonzero(chosen))
        share = wafers / len(labelled) if len(labelled) else 0.0
        count = "-" if lots is None else f"{np.unique(lots[chosen & known(lots)]).size:,}"
        lines.append(f"{printable(padded(name, width))} {wafers:>9,} {count:>7} {share:>8.2%}")
    return lines
