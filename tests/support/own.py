"""Wafers of patterns that no class covers, and pattern files made of them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from convert.report.out_of_distribution import UnknownPattern, draw
from edge.classification.classifier import Classifier
from edge.classification.teach import teach
from edge.own.pattern_file import OwnPattern, path_of
from edge.synth import round_grid
from edge.wafer.wafermap import DieGrid, WaferMap


@cache
def drawn(kind: UnknownPattern, count: int, seed: int = 0) -> tuple[DieGrid, ...]:
    """Wafers of a kind with a few stray fails, always the same."""
    rng = np.random.default_rng([seed, list(UnknownPattern).index(kind)])
    found = []
    for _ in range(count):
        side = int(rng.integers(28, 40))
        bare = round_grid(side, side)
        stray = (rng.random(bare.shape) < 0.03) & (bare > 0)
        found.append(draw(kind, np.where(stray, np.uint8(2), bare), rng))
    return tuple(found)


def wafers(kind: UnknownPattern, count: int, seed: int = 0) -> list[WaferMap]:
    """The same as wafer maps of three lots."""
    return [
        WaferMap(dies, f"{kind.name.lower()}-{number}.npy", lot=f"L{number % 3}", wafer=f"{number}")
        for number, dies in enumerate(drawn(kind, count, seed))
    ]


def write(folder: Path, kind: UnknownPattern, count: int, seed: int = 0) -> list[Path]:
    """The same as files of a folder."""
    folder.mkdir(exist_ok=True)
    paths = [folder / f"{one.source}" for one in wafers(kind, count, seed)]
    for path, dies in zip(paths, drawn(kind, count, seed), strict=True):
        np.save(path, dies)
    return paths


def saved(
    folder: Path,
    classifier: Classifier,
    name: str,
    kind: UnknownPattern,
    *,
    direction: bool = False,
) -> OwnPattern:
    """A pattern file made of ten wafers of a kind."""
    pattern = teach(name, wafers(kind, 10), classifier, direction=direction).pattern
    pattern.save(path_of(folder, name))
    return pattern
