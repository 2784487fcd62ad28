"""Measurements with given answers, as if a model had given them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from edge.evaluation.evaluate import Evaluation
from edge.evaluation.metrics import confusion_matrix, score
from edge.gate import baseline
from edge.gate.baseline import Baseline
from edge.verdict.rule import Reason
from edge.wafer.patterns import PATTERNS


def evaluation(
    right: Mapping[str, tuple[int, int]],
    reviewed: int = 0,
    confidence: float = 0.9,
    instead: Mapping[str, str] | None = None,
) -> Evaluation:
    """A measurement of some classes.

    Args:
        right: (wafers that are right, wafers) of each class; the first ones are right.
        reviewed: So many wafers, the first of the set, go to a person.
        confidence: Probability of every answer.
        instead: What wrong wafers of a class are called; ``none``, and those of ``none`` Loc.
    """
    true, predicted = [], []
    for name, (good, wafers) in right.items():
        wrong = (instead or {}).get(name, "Loc" if name == "none" else "none")
        true += [PATTERNS.index(name)] * wafers
        predicted += [PATTERNS.index(name)] * good + [PATTERNS.index(wrong)] * (wafers - good)
    labels, answers = np.asarray(true, np.intp), np.asarray(predicted, np.intp)
    shares = np.full((len(labels), len(PATTERNS)), (1 - confidence) / (len(PATTERNS) - 1))
    shares[np.arange(len(labels)), answers] = confidence
    reasons = [Reason.LOW_CONFIDENCE] * reviewed + [None] * (len(labels) - reviewed)
    confusion = confusion_matrix(labels, answers, len(PATTERNS))
    return Evaluation(
        scores=score(confusion, PATTERNS),
        true=labels,
        probabilities=shares,
        confidence=shares.max(axis=1),
        unfamiliarity=np.zeros(len(labels)),
        mixture=np.zeros(len(labels)),
        reasons=tuple(reasons),
        model="made@0123456789ab",
        model_sha256="01" * 32,
        data_sha256="ab" * 32,
        symmetries=1,
        overlap=None,
        warnings=(),
    )


def as_baseline(result: Evaluation, folder: Path, *, answers: bool = True) -> Baseline:
    """The measurement written and read again; without ``answers`` as ``--json`` writes it."""
    path = folder / "baseline.json"
    path.write_text(json.dumps(baseline.as_dict(result) if answers else result.as_dict()), "utf-8")
    return baseline.read(path)
