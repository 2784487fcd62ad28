"""What thresholds promise and what they keep on other lots.

A model file's outputs on wafers that did not train it: confidence and thresholds are set on some of
their bands of lots, as a val part sets them and as folds do, and judged on the others. The folds
are bands of one network here, so what is measured is the rule, not the networks.

    python -m benchmarks.other_lots split.npz [MODEL]
"""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from convert.review.confidence import ConfidenceRule, Judged, confidence_rule
from convert.review.fit import dequantised, raw_outputs
from edge.classification.classifier import Classifier
from edge.dataset.encoded_set import encoded
from edge.dataset.labelled_set import LabelledSet
from edge.dataset.lots import lot_groups, lot_numbers
from edge.dataset.reading import load
from edge.evaluation import metrics
from edge.model.model_file import load as load_model
from edge.verdict.objective import ReviewObjective
from edge.verdict.rule import MIN_FAILS
from edge.wafer.patterns import PatternSet

#: Divisions into bands that set and bands that judge, the share that sets, and folds of these.
DRAWS, SETTING, FOLDS = 15, 0.6, 4

#: Patterns with fewer accepted wafers are not judged.
ENOUGH = 30

#: As many wafers as folds of WM-811K's train and val parts hold, about.
WAFERS = 43_000

#: Ends of the bins of confidence.
ENDS = (0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.01)


class Known(NamedTuple):
    """What a file says of wafers: logits (W, patterns); classes, lots and bands (W,)."""

    logits: npt.NDArray[np.float64]
    classes: npt.NDArray[np.intp]
    lots: npt.NDArray[np.intp]
    bands: npt.NDArray[np.intp]


def judged(labelled: LabelledSet, path: Path | None) -> tuple[Known, PatternSet]:
    """What the file says of wafers with enough fails."""
    model = load_model(path)
    labelled = labelled.under(model.patterns)
    labelled = labelled.select(labelled.fail_counts() >= MIN_FAILS)
    _, bands = np.unique(lot_groups(labelled), return_inverse=True)
    outputs = raw_outputs(Classifier(model), encoded(labelled, model.metadata.encoding.size).planes)
    logits, _ = dequantised(model, *outputs)
    known = Known(logits, labelled.class_indices(), lot_numbers(labelled), bands)
    return known, model.patterns


def part(known: Known, own: npt.NDArray[np.bool_], *, by_lot: bool) -> Judged:
    """Some of the wafers, as folds of their bands or as a val part."""
    if not by_lot:
        return Judged(known.logits[own], known.classes[own])
    _, bands = np.unique(known.bands[own], return_inverse=True)
    folds = (bands % FOLDS).astype(np.int16)
    return Judged(known.logits[own], known.classes[own], known.lots[own], folds)


def confidence(rule: ConfidenceRule, others: Judged) -> npt.NDArray[np.float64]:
    """As a station computes it, (W,)."""
    shares = metrics.softmax(others.logits / rule.temperature + [*rule.log_prior.values()])
    return shares[np.arange(len(shares)), others.guess]


def main(data: str, model: str | None = None) -> None:
    """Print both tables, and what as many wafers as real folds hold would promise."""
    labelled = load(data)
    unseen = labelled.select(np.isin(labelled.columns["part"], ["val", "test"]))
    known, patterns = judged(unseen, Path(model) if model else None)
    bands = np.unique(known.bands)
    for by_lot in (False, True):
        rng, rows, bins = np.random.default_rng(5), dict[str, list[Any]](), list[Any]()
        for _ in range(DRAWS):
            sets = np.isin(known.bands, rng.permutation(bands)[: int(len(bands) * SETTING)])
            rule = confidence_rule(part(known, sets, by_lot=by_lot), ReviewObjective(), patterns)
            others = part(known, ~sets, by_lot=False)
            sure = confidence(rule, others)
            least = np.asarray([*rule.below.values()])[others.guess]
            accepted = (sure >= least) & (least < 1)
            for index, name in enumerate(patterns):
                own = accepted & (others.guess == index)
                rows.setdefault(name, []).append((own.sum(), others.right[own].sum()))
            rows.setdefault("all", []).append((accepted.sum(), others.right[accepted].sum()))
            bins.append((sure, others.right, 1 - accepted.mean()))
        print("by lots" if by_lot else "as on a val part")
        report(rows, bins)
    holds = confidence_rule(anew(known, WAFERS), ReviewObjective(), patterns).holds
    promised = [name for name, held in holds.items() if held.promised]
    print(f"promised by {WAFERS:,} wafers of lots drawn anew: {', '.join(promised)}")


def anew(known: Known, wafers: int) -> Judged:
    """About so many wafers of lots that are drawn from these with replacement, in folds."""
    _, lots, sizes = np.unique(known.lots, return_inverse=True, return_counts=True)
    members = np.split(np.argsort(lots, kind="stable"), np.cumsum(sizes)[:-1])
    drawn = np.random.default_rng(0).integers(0, len(sizes), int(wafers / sizes.mean()))
    rows = np.concatenate([members[lot] for lot in drawn])
    numbers = np.repeat(np.arange(len(drawn)), sizes[drawn])
    folds = (numbers % FOLDS).astype(np.int16)
    return Judged(known.logits[rows], known.classes[rows], numbers, folds)


def report(rows: dict[str, list[Any]], bins: list[Any]) -> None:
    """Print precision by pattern, and confidence against truth."""
    for name, draws in rows.items():
        accepted, right = np.asarray(draws, float).T
        precision = right[accepted >= ENOUGH] / accepted[accepted >= ENOUGH]
        share = 100 * right.sum() / accepted.sum()
        print(
            f"  {name:10} {accepted.mean():7.0f} accepted, {share:5.1f} % right, under 95 %: "
            f"{(precision < 0.95).sum()} of {len(precision)} draws"
        )
    sure, right = (np.concatenate([one[k] for one in bins]) for k in (0, 1))
    print(f"  to a person for low confidence {100 * np.mean([one[2] for one in bins]):.1f} %")
    for low, high in pairwise(ENDS):
        own = (sure >= low) & (sure < high)
        said, true = 100 * sure[own].mean(), 100 * right[own].mean()
        wafers = own.sum() / len(bins)
        print(
            f"  confidence from {low:4.2f}: {wafers:6.0f} wafers, said {said:.1f}, true {true:.1f}"
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
