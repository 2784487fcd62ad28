"""``wm-edge dataset``: the verbs that make and look at labelled sets, loaded one by one."""

from __future__ import annotations

from typing import ClassVar

import click

from edge.terminal.lazy_group import LazyGroup, Route


class Dataset(LazyGroup):
    """The sub-group."""

    routes: ClassVar[dict[str, Route]] = {
        "import": Route("train.cli.dataset_import", "Read WM-811K, tables, stacks, class folders."),
        "split": Route("train.cli.dataset_split", "Divide by lot into train, val and test."),
        "show": Route("train.cli.dataset_show", "Draw a sheet of wafers a class."),
        "synth": Route("train.cli.dataset_synth", "Make synthetic wafers."),
    }


@click.group(cls=Dataset, name="dataset")
def command() -> None:
    """Make, divide and look at labelled sets of wafer maps.

    \b
    Examples:
      wm-edge dataset import LSWMD.pkl --out wm811k.npz
      wm-edge dataset split wm811k.npz --out wm811k-split.npz
      wm-edge dataset show wm811k-split.npz --out sheet.png
    """
