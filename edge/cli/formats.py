"""``wm-edge formats``: what is read and written, a line each."""

from __future__ import annotations

import re
from importlib import import_module

import click

from edge.terminal.streams import tell


@click.command(name="formats")
def command() -> None:
    """List the formats of wafer maps that are read, and which of them are written.

    Files are told by their content, whatever they are called; a folder is searched for the suffixes
    and for files that begin as those of a fab do.

    \b
    Examples:
      wm-edge formats
      wm-edge show lot42.sinf
      wm-edge convert-map lot42.sinf lot42.npz
    """
    from edge.dataset.map_files import kinds
    from edge.formats.registry import FAB_TEXTS, FORMATS

    rows = [("FORMAT", "IN FOLDERS", "--to", "")]
    written = {kind.entry: name for name, kind in kinds().items()}
    for entry in (*FORMATS, *FAB_TEXTS):
        about = (import_module(entry.module).__doc__ or entry.name).strip().split("\n")[0]
        about = re.sub(r"\(``.*|``", "", about).strip().rstrip(".")
        known = " ".join(entry.suffixes) or "by content"
        rows.append((entry.name, known, written.get(entry.name, "-"), about))
    widths = [max(len(row[at]) for row in rows) for at in range(3)]
    for row in rows:
        cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False))
        tell("  ".join([*cells, row[3]]).rstrip(), sum(widths) + 6)
    tell(
        "\nEach is read compressed, too (.gz, .bz2, .xz). --to is what convert-map writes: "
        + ", ".join(f"{name} ({kind.suffix})" for name, kind in kinds().items())
        + ". A grid of numbers may hold bins, where --pass-bins or a recipe for 'grid of bins' "
        "says which of them pass."
    )
