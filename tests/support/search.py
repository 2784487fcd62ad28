"""A set and a space so small that a search takes seconds, but for TensorFlow's own start."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edge.dataset.labelled_set import LabelledSet, Part, build
from edge.synth import round_grid
from edge.wafer.patterns import PatternSet
from train.search.cost import Cost
from train.search.task import Int8
from train.synth.sets import synthetic_set

#: Two small networks; an epoch is two batches.
SPACE = """
base = "quick"
[network]
name = { choice = ["seed-initial", "seed-final"] }
[optimise]
epochs = 3
epoch_wafers = 32
batch = 16
learning_rate = { low = 1e-4, high = 1e-2, log = true }
[search]
finalists = 1
seeds = 2
"""


def tiny() -> LabelledSet:
    """Wafers of three patterns, divided; those of the test part have no dies: none may judge."""
    patterns = PatternSet(("Donut", "Scratch", "none"), "none")
    made = synthetic_set(dict.fromkeys(patterns, 24), [round_grid(15, 15)], 5, patterns)
    number = np.arange(len(made))
    parts = np.asarray([Part.TRAIN.value, Part.TRAIN.value, Part.VAL.value, Part.TEST.value])
    part = parts[number % 4]
    grids = [
        made.grid(index) * np.uint8(part[index] != Part.TEST.value) for index in number.tolist()
    ]
    lots = {"lot": number.astype(np.int32) % 8, "part": part}
    return build(grids, list(made.labels), patterns).with_columns(**lots)


def written(folder: Path, text: str = SPACE) -> tuple[Path, Path]:
    """The set and a space as files."""
    data, space = folder / "tiny.npz", folder / "space.toml"
    tiny().save(data, overwrite=True)
    space.write_text(text, "utf-8")
    return data, space


def cost(kilobytes: float, invoke: float = 1.0) -> Cost:
    """Of a network that is so large and takes so many times as long as seed-final."""
    return Cost(int(1000 * kilobytes), invoke, 50.0, 50_000, True, 10**7, 10**5)


def int8(recall: float, kilobytes: float) -> Int8:
    """Of a trained network with such an accuracy, 0..1."""
    return Int8(recall, (0.0, 1.0), {"Donut": recall}, recall, int(1000 * kilobytes), 3, 1.0)
