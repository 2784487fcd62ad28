"""``wm-edge dataset split``: train, val and test without a lot on two sides."""

from __future__ import annotations

from pathlib import Path

import click

from edge.system.text import columns, counted, padded, printable
from edge.terminal import options
from edge.terminal.streams import tell, warn


@click.command(name="split")
@click.argument("data", type=options.UserPath())
@click.option("--out", type=options.UserPath(), required=True, help="Labelled set to write (.npz).")
@click.option(
    "--by",
    type=click.Choice(("lot", "official", "random")),
    default="lot",
    help="random is optimistic: siblings of a lot stand on both sides.",
)
@click.option(
    "--shares",
    type=(float, float, float),
    default=(0.70, 0.15, 0.15),
    help="Shares of train, val and test.",
)
@options.seed("The same seed gives the same parts.")
@click.option("--overwrite", is_flag=True, help="Replace the output file.")
def command(
    data: Path, out: Path, by: str, shares: tuple[float, float, float], seed: int, overwrite: bool
) -> int:
    """Write DATA again with a column `part`: train, val or test.

    No lot and no two identical maps stand on two sides; wafers whose map also exists under
    another label serve nowhere, nor do wafers without a label: their part is empty. Of a set of
    several patterns a wafer every combination is divided alike; the table counts a wafer under each
    of its patterns.

    \b
    Examples:
      wm-edge dataset split wm811k.npz --out split.npz
      wm-edge dataset split wm811k.npz --out split.npz --by official
    """
    from edge.dataset.reading import load, naming
    from edge.dataset.split import PARTS, SplitBy, part_doubts, require_parts, split
    from edge.system.files import check_place

    check_place(out, overwrite=overwrite)
    labelled = load(data)
    with naming(data):
        divided, report = split(labelled, SplitBy(by), shares, seed)
        require_parts(report, shares)
    divided.save(out, overwrite=overwrite)
    width = max(10, *(columns(name) + 1 for name in divided.patterns))
    click.echo(padded("pattern", width) + "".join(f"{name:>9}" for name in PARTS))
    for name in report.counts[PARTS[0]]:
        numbers = "".join(f"{report.counts[part][name]:>9,}" for part in PARTS)
        click.echo(printable(padded(name, width)) + numbers)
    groups = counted(report.groups, "wafer" if by == "random" else "group")
    tell(f"divided by {by}: {groups}", err=True)
    tell(
        f"left out: copies of a map on another side ({report.duplicates}), maps that carry two "
        f"labels ({report.conflicts}), wafers without a label ({report.unlabelled})",
        2,
        err=True,
    )
    warn(filter(None, (report.warning, *part_doubts(divided))))
    return 0
