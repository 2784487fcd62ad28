"""Few wafers: starting from the network that ships against training from nothing.

    python -m benchmarks.fine_tuning wm811k.npz mixedwm38.npz

Two tasks of patterns that the network was never taught: kinds drawn on real wafers, of lots of the
part ``val`` to train and of the part ``test`` to judge; and MixedWM38's pairs of patterns, as
classes of their own. Wafers that judge neither trained nor chose anything. Prints JSON, a line a
training.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.own_patterns import MIN_DIES, SHARES, grids
from convert.report.out_of_distribution import UnknownPattern, draw
from edge.dataset.encoded_set import encoded
from edge.dataset.labelled_set import LabelledSet, build
from edge.dataset.mixedwm38 import read
from edge.dataset.reading import load
from edge.dataset.split import split
from edge.evaluation import metrics
from edge.wafer.encoding import to_shares
from edge.wafer.patterns import PatternSet
from edge.wafer.wafermap import DieGrid
from train.run import Run
from train.session import Settings, start

#: Wafers a class that train; draws of them, by number.
COUNTS: Final = (10, 30, 100)
DRAWS: Final = (0, 1, 2)
#: Wafers a class that stand in the part ``val``, which these recipes only look at, and that judge.
LOOKED_AT: Final = 5
JUDGING: Final = 150

#: What is compared: recipe, and what it starts from.
WAYS: Final = (("quick", None), ("fine-tune", "wm811k"))

Task = Callable[[int, int], LabelledSet]


def drawn(wm811k: Path) -> Task:
    """Six drawn kinds and ``none``, on wafers without a pattern of lots that trained nothing."""
    labelled, _ = split(load(wm811k), shares=SHARES)
    bare = {
        part: [g for g in grids(labelled.part(part), "none") if np.count_nonzero(g) >= MIN_DIES]
        for part in ("val", "test")
    }
    names = ("none", *(kind.name.lower() for kind in UnknownPattern))

    def task(count: int, seed: int) -> LabelledSet:
        rng = np.random.default_rng([seed, 1])

        def wafers(name: str, part: str, number: int) -> list[DieGrid]:
            base = bare["test" if part == "test" else "val"]
            some = [base[i] for i in rng.choice(len(base), number, replace=False)]
            kind = None if name == "none" else UnknownPattern[name.upper()]
            return [draw(kind, grid, rng) if kind else grid for grid in some]

        return divided(wafers, PatternSet(names, none="none"), count)

    return task


def pairs(mixedwm38: Path) -> Task:
    """The 13 pairs of patterns of MixedWM38, of identical maps one.

    A half of them: on the other one the recipe was chosen.
    """
    mixed = read(mixedwm38)
    both = np.flatnonzero(mixed.patterns.sum(axis=1) == 2)
    different = sorted({mixed.maps[index].tobytes(): index for index in both[::-1]}.values())
    half = np.random.default_rng(5).random(len(different)) >= 0.5
    members: dict[str, list[int]] = {}
    for index in np.asarray(different)[half]:
        name = " + ".join(mixed.names[k] for k in np.flatnonzero(mixed.patterns[index]))
        members.setdefault(name, []).append(index)

    def task(count: int, seed: int) -> LabelledSet:
        rng = np.random.default_rng([seed, 2])
        left = {name: rng.permutation(found).tolist() for name, found in members.items()}

        def wafers(name: str, _part: str, number: int) -> list[DieGrid]:
            return [mixed.grid(left[name].pop())[0] for _ in range(number)]

        return divided(wafers, PatternSet(tuple(sorted(members))), count)

    return task


def divided(
    wafers: Callable[[str, str, int], list[DieGrid]], patterns: PatternSet, count: int
) -> LabelledSet:
    """A labelled set with ``count`` wafers of each pattern in its train part."""
    made: list[DieGrid] = []
    labels, parts = [], []
    for part, number in (("train", count), ("val", LOOKED_AT), ("test", JUDGING)):
        for name in patterns:
            made += wafers(name, part, number)
            labels += [name] * number
            parts += [part] * number
    return build(made, labels, patterns).with_columns(part=np.asarray(parts))


def measured(labelled: LabelledSet, recipe: str, begun: str | None, seed: int) -> dict[str, float]:
    """Macro recall on the test part, in percent, and the seconds that the training took."""
    with tempfile.TemporaryDirectory() as folder:
        data, run = Path(folder, "set.npz"), Path(folder, "run")
        labelled.save(data)
        began, busy = time.monotonic(), time.process_time()
        start(Settings(data, recipe, run, seed=seed, start=begun), lambda _: None)
        took, busy = time.monotonic() - began, time.process_time() - busy
        model = Run.open(run).load_model()
    test = encoded(labelled.part("test"))
    found = model.predict(to_shares(test.planes), batch_size=256, verbose=0).argmax(axis=1)
    names = test.patterns.names
    scores = metrics.score(metrics.confusion_matrix(test.classes, found, len(names)), names)
    return {
        "recall": round(100 * scores.macro_recall, 2),
        "seconds": round(took, 1),
        "cpu_seconds": round(busy, 1),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure; a line for each training."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wm811k", type=Path)
    parser.add_argument("mixedwm38", type=Path)
    parser.add_argument("--counts", type=int, nargs="+", default=COUNTS)
    parser.add_argument("--draws", type=int, nargs="+", default=DRAWS)
    given = parser.parse_args(arguments)
    tasks = {"drawn": drawn(given.wm811k), "pairs": pairs(given.mixedwm38)}
    for seed in given.draws:
        for count in given.counts:
            for name, task in tasks.items():
                labelled = task(count, seed)
                for recipe, begun in WAYS:
                    line = {"task": name, "wafers": count, "draw": seed, "recipe": recipe}
                    print(
                        json.dumps({**line, **measured(labelled, recipe, begun, seed)}), flush=True
                    )


if __name__ == "__main__":
    main()
