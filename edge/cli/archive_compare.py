"""``wm-edge archive compare``: what another model, or another rule, would have changed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge.system.files import check_place, write_text
from edge.system.text import counted, printable
from edge.terminal import options

if TYPE_CHECKING:
    from edge.archive.compare import Comparison


@click.command("compare", short_help="Say what another model would change.")
@click.argument("first", type=options.UserPath(file_okay=False))
@click.argument("second", type=options.UserPath(file_okay=False))
@click.option(
    "-o",
    "--output",
    type=options.UserPath(dir_okay=False),
    help="Write every change as CSV: lot, pattern and verdict before and after, wafers.",
)
@click.option("--top", type=click.IntRange(1), default=10, help="Lots and changes to list.")
@options.overwrite
def command(first: Path, second: Path, output: Path | None, top: int, overwrite: bool) -> None:
    """Compare two folders of results on the same maps: by pattern, verdict and lot.

    \b
    Examples:
      wm-edge archive compare results/ results-new/
      wm-edge archive compare results/ results-new/ --output changes.csv
    """
    options.require("pyarrow")
    from edge.archive.compare import compare

    if output is not None:
        check_place(output, overwrite=overwrite)
    found = compare(first, second)
    for line in _told(found, top):
        click.echo(printable(line))
    if output is not None:
        write_text(output, "".join(f"{line}\n" for line in found.lines()))


def _told(found: Comparison, top: int) -> list[str]:
    before, after = found.models
    share = 100 * found.changed / max(1, found.wafers)
    wafers = f"{counted(found.wafers, 'wafer')} of {counted(found.parts, 'part')}"
    lines = [f"{before} -> {after}: {wafers}, {found.changed:,} change ({share:.2f} %)"]
    if any(found.only):
        lines.append(f"parts with a result on one side only: {found.only[0]} and {found.only[1]}")
    verdicts = found.verdicts()
    lines.append(f"to review now: {verdicts['review']:,}; no longer: {verdicts['accept']:,}")
    patterns, lots = found.patterns(), found.lots()
    lines += [f"{count:>9,}  {old} -> {new}" for old, new, count in patterns[:top]]
    lines += [f"{count:>9,}  lot {lot or 'not known'}" for lot, count in lots[:top]]
    return lines
