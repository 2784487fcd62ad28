"""``wm-edge archive``: the verbs on wafer maps of years, loaded one by one."""

from __future__ import annotations

from typing import ClassVar

import click

from edge.terminal.lazy_group import LazyGroup, Route


class Archive(LazyGroup):
    """The sub-group."""

    routes: ClassVar[dict[str, Route]] = {
        "import": Route("train.cli.archive_import", "Read wafer maps of any kind into Parquet."),
        "run": Route("edge.cli.archive_run", "Judge all of them, on all cores, each once."),
        "status": Route("edge.cli.archive_status", "Say how far the results are."),
        "verify": Route("edge.cli.archive_verify", "Look whether results are what they say."),
        "compare": Route("edge.cli.archive_compare", "Say what another model would change."),
    }


@click.group(cls=Archive, name="archive")
def command() -> None:
    """Judge the wafer maps of years, and ask what another model would have said.

    Maps and results are folders of Parquet files, which DuckDB, pandas and Polars open.

    \b
    Examples:
      wm-edge archive import LSWMD.pkl lots/ --out maps/
      wm-edge archive run maps/ --out results/
      wm-edge archive compare results/ results-new/
    """
