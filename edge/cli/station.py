"""``wm-edge station``: everything that a station is told stands in one file."""

from __future__ import annotations

import os
from pathlib import Path

import click

from edge.cli import station_options
from edge.terminal import options


@click.command(name="station")
@click.argument("config", type=options.UserPath(dir_okay=False), metavar="CONFIG.toml")
@click.option(
    "--check",
    is_flag=True,
    help="Check the file and what it names, show the lots found in names, then end.",
)
@click.option("--quiet", is_flag=True, help="Only warnings and errors on stderr.")
def command(config: Path, check: bool, quiet: bool) -> int:
    """Run a station: folders and cameras in, every wafer recorded once.

    CONFIG.toml names sources, model, sinks, thresholds and metrics; its keys stand in
    docs/station-reference.md.
    SIGTERM or Ctrl-C ends it within seconds, with everything in flight recorded.

    \b
    Examples:
      wm-edge station line3.toml --check
      wm-edge station line3.toml
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from edge.station.config import read

    settings = read(config)
    if not check:
        return station_options.work(settings, quiet=quiet)
    from edge.station.config_check import examine

    for line in examine(settings):
        click.echo(line)
    click.echo("ready", err=True)
    return 0
