"""Pictures of a run: learning curves and the confusion matrix."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Final

from edge.evaluation.metrics import Scores
from edge.evaluation.several import AnyScores, SeveralScores
from edge.system.text import cut, printable

#: Columns of a pattern's name.
_NAME: Final = 20


def curves(history: list[dict[str, float]], best_epoch: int, path: Path) -> None:
    """Loss and macro recall over the epochs; the epoch that was kept is marked."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    epochs = [entry["epoch"] for entry in history]
    for key, label in (("loss", "train"), ("val_loss", "val")):
        left.plot(epochs, [entry[key] for entry in history], label=label)
    left.set(xlabel="epoch", ylabel="cross-entropy")
    left.legend(frameon=False)
    recall = [100 * entry["val_macro_recall"] for entry in history]
    accuracy = [100 * entry["val_accuracy"] for entry in history]
    right.plot(epochs, recall, label="macro recall")
    exclusive = all("accuracy" in entry for entry in history)
    named = "accuracy (mostly none)" if exclusive else "named exactly"
    right.plot(epochs, accuracy, label=named, alpha=0.5)
    right.axvline(best_epoch, color="grey", linestyle=":", label=f"kept: epoch {best_epoch}")
    right.set(xlabel="epoch", ylabel="val part, %")
    right.legend(frameon=False)
    figure.savefig(path, dpi=110)


def answers(scores: AnyScores, folder: Path) -> None:
    """What is named where what is true."""
    if isinstance(scores, Scores):
        confusion(scores, folder / "confusion.png")
    else:
        recalls(scores, folder / "recalls.png")


def recalls(scores: SeveralScores, path: Path) -> None:
    """Recall and false alarms of each pattern, a bar each."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 1.5 + 0.3 * len(scores.labels)), layout="constrained")
    left, right = figure.subplots(1, 2)
    each = [scores.per_class[name] for name in scores.labels]
    names = [f"{cut(printable(n), _NAME)} ({s.n})" for n, s in scores.per_class.items()]
    left.barh(names, [100 * (score.recall or 0) for score in each])
    right.barh(names, [100 * (score.false_alarm_rate or 0) for score in each], color="grey")
    left.set(xlabel="named where it is there, %")
    right.set(xlabel="named where it is not, %", yticks=[])
    for axes in (left, right):
        axes.invert_yaxis()
    figure.suptitle(f"exactly named: {100 * scores.accuracy:.1f} % of {scores.exact.n:,} wafers")
    figure.savefig(path, dpi=110)


def confusion(scores: Scores, path: Path) -> None:
    """Confusion matrix in per cent of each true class, with the wafer counts at the left."""
    from matplotlib.figure import Figure

    matrix = scores.confusion
    share = 100 * matrix / matrix.sum(axis=1, keepdims=True).clip(1)
    larger = max(1.0, len(matrix) / 16)
    figure = Figure(figsize=(6.4 * larger, 5.6 * larger), layout="constrained")
    axes = figure.subplots()
    axes.imshow(share, cmap="Blues", vmin=0, vmax=100)
    for row in range(len(matrix)):
        for column in range(len(matrix)):
            if matrix[row, column]:
                colour = "white" if share[row, column] > 55 else "black"
                text = f"{share[row, column]:.0f}" if share[row, column] >= 0.5 else "·"
                axes.text(column, row, text, ha="center", va="center", color=colour)
    labels = [cut(printable(name), _NAME) for name in scores.labels]
    names = [f"{name} ({count})" for name, count in zip(labels, matrix.sum(axis=1), strict=True)]
    axes.set_yticks(range(len(names)), names)
    axes.set_xticks(range(len(names)), labels, rotation=40, ha="right")
    axes.set(xlabel="predicted", ylabel="true (wafers)")
    axes.set_title(f"macro recall {100 * scores.macro_recall:.1f} %, rows in % of the true class")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # a name that the font has no letters for
        figure.savefig(path, dpi=110)
