"""Each model file that ships against that of November 2026, by the gate; the table of accuracy.md.

    wm-edge dataset split wm811k.npz --out split.npz --shares 0.75 0.10 0.15
    python -m benchmarks.old_and_new split.npz --into docs/accuracy.md

Judged on the part ``test``, whose lots trained neither where both were trained on this split. The
table goes between the two marks of the page, or to stdout.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from benchmarks.marked import written
from edge.classification.classifier import Classifier
from edge.dataset.reading import load as load_set
from edge.evaluation.evaluate import Evaluation, evaluate
from edge.gate.baseline import measured
from edge.gate.judge import GateOutcome, run
from edge.gate.soundness import examine
from edge.model.model_file import load
from edge.system import shipped

#: What ships is judged against it.
OLD: Final = Path(__file__).parents[1] / "tests" / "data" / "wm811k-2026-11.tflite"


def main() -> None:
    """Judge, and write or print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="A split labelled set.")
    parser.add_argument("--into", type=Path, help="Page whose table is written anew.")
    asked = parser.parse_args()
    judged = load_set(asked.data).part("test")
    old = evaluate(judged, Classifier(load(OLD)))
    trusted = measured(Classifier(load(OLD)), judged, None)
    found = {
        name: run(
            examine(shipped.shipped_path(name), Classifier), lambda: judged, lambda: trusted, 1
        )
        for name in shipped.names()
    }
    text = table(old, found)
    if not asked.into:
        print(text)
        return
    written(asked.into, {"old_and_new": text})


def table(old: Evaluation, found: dict[str, GateOutcome]) -> str:
    """Per-class accuracy in percent and what the gate says, a column a model file."""
    results = {"November 2026": old, **{name: one.result for name, one in found.items()}}
    columns = {name: one for name, one in results.items() if one}
    rows = [["pattern", "wafers", *columns], ["---", *["---:"] * (1 + len(columns))]]
    for name, score in old.scores.per_class.items():
        recalls = (one.scores.per_class[name].recall for one in columns.values())
        rows.append(
            [name, str(score.n), *("-" if one is None else f"{100 * one:.1f}" for one in recalls)]
        )
    means = (f"**{100 * one.scores.macro_recall:.2f}**" for one in columns.values())
    rows.append(["mean", "", *means])
    rows.append(
        ["to a person", "", *(f"{100 * one.review()['share']:.1f}" for one in columns.values())]
    )
    wrong = (f"{one.review()['wrong_accepted']}" for one in columns.values())
    rows.append(["wrong and accepted, wafers", "", *wrong])
    red = (f"red: {', '.join(one.red)}" if one.red else "green" for one in found.values())
    rows.append(["the gate, against November 2026", "", "", *red])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


if __name__ == "__main__":
    main()
