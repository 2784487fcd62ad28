"""pytest: your model file against its baseline, one test a check.

Copy it beside golden.npz (golden wafers), good.json (the baseline) and model.tflite.
NAMES are those of WM-811K's patterns; of your own: names(load("model.tflite").patterns).
"""

from pathlib import Path

import pytest

from edge.classification.classifier import Classifier
from edge.dataset.load_any import load_any
from edge.gate import baseline, judge, soundness
from edge.gate.checks import NAMES, Status

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def checks():
    """Every check by name; the wafers are judged once."""
    outcome = judge.run(
        soundness.examine(HERE / "model.tflite", Classifier),
        lambda: load_any(HERE / "golden.npz"),
        lambda: baseline.read(HERE / "good.json"),
        max_drop=1.0,
    )
    return {check.name: check for check in outcome.checks}


@pytest.mark.parametrize("name", NAMES)
def test_model_is_as_good_as_its_baseline(checks, name):
    """Red when the check failed; skipped where it could not be judged."""
    if checks[name].status is Status.SKIPPED:
        pytest.skip(checks[name].message)
    assert not checks[name].failed, checks[name].message
