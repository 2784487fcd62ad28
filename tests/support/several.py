"""A small set of wafers that show neither, one or both of two patterns, and a network of them.

The patterns are easy to tell apart, so that a minute's training does it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edge.dataset.labelled_set import LabelledSet
from edge.synth import round_grid
from edge.wafer.patterns import PatternSet, SetKind
from train.synth.sets import synthetic_set

PATTERNS = PatternSet(("Center", "Edge-Ring"), kind=SetKind.SEVERAL)

RECIPE = """
about = "as small as can be"
patterns = "several"
[network]
name = "residual"
widths = [8, 12]
blocks = [1, 1]
strides = [2, 2]
[optimise]
epochs = 20
batch = 16
epoch_wafers = 640
learning_rate = 5e-3
average = 0.8
patience = 0
"""


def wafers(each: int = 60, seed: int = 5) -> LabelledSet:
    """Wafers in lots of five, with parts by lot."""
    labels = ["none", *PATTERNS, "Center+Edge-Ring"]
    drawn = synthetic_set(dict.fromkeys(labels, each), [round_grid(24, 24)], seed, PATTERNS)
    lot = np.arange(len(drawn), dtype=np.int32) // 5
    part = np.asarray(["train", "train", "train", "val", "test"])[lot % 5]
    return drawn.with_columns(lot=lot, part=part)


def trained(folder: Path) -> tuple[Path, Path]:
    """The set's file and the run folder."""
    from train.session import Settings, start

    data, recipe, run = folder / "several.npz", folder / "tiny.toml", folder / "run"
    wafers().save(data)
    recipe.write_text(RECIPE)
    start(Settings(data, str(recipe), run), lambda _: None)
    return data, run
