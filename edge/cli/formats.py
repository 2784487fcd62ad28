"""``wm-edge formats``: what is read and written, a line each."""

from __future__ import annotations

import re
from importlib import import_module

import click

from edge.terminal.streams import tell


@click.command(name="formats")
def command() -> None:
    """List the formats of wafer maps that are read, and those that are written.

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

    entries = (*FORMATS, *FAB_TEXTS)
    names = max(len(entry.name) for entry in entries)
    suffixes = max(len(" ".join(entry.suffixes)) for entry in entries)
    for entry in entries:
        about = (import_module(entry.module).__doc__ or entry.name).strip().split("\n")[0]
        about = re.sub(r"\(``.*|``", "", about).strip().rstrip(".")
        known = " ".join(entry.suffixes) or "-"
        tell(f"{entry.name:<{names}}  {known:<{suffixes}}  {about}", names + suffixes + 4)
    written = ", ".join(f"{name} ({suffix})" for name, suffix in kinds().items())
    tell(f"written by convert-map: {written}", 2)
