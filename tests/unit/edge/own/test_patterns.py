"""A folder of pattern files at work."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from convert.report.out_of_distribution import UnknownPattern
from edge.classification.classifier import Classifier, coordinates_of
from edge.classification.refit import Refit
from edge.classification.views import view
from edge.dataset.labelled_set import LabelledSet
from edge.model.model_file import ModelFile
from edge.own.fit import scores
from edge.own.pattern_file import path_of
from edge.own.pattern_folder import PatternFolder
from edge.own.patterns import OwnPatterns
from edge.verdict.rule import Reason, Verdict
from edge.wafer.wafermap import WaferMap
from tests.support.own import drawn, saved, wafers


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.own.patterns.EVERY", 0.0)


def of(folder: Path, classifier: Classifier) -> OwnPatterns:
    model, coordinates = classifier.model, coordinates_of(classifier.model)
    refit = Refit(model, coordinates, classifier)
    return OwnPatterns(PatternFolder(folder, model.patterns, refit), coordinates)


def test_no_output_of_the_model_changes_by_a_bit(
    shipped: ModelFile, classifier: Classifier, generated: LabelledSet, tmp_path: Path
) -> None:
    for kind in UnknownPattern:
        saved(tmp_path, classifier, kind.name, kind)
    with_own = Classifier(shipped, patterns=tmp_path)
    maps = [generated.wafer_map(index) for index in range(len(generated))]
    maps += [one for kind in UnknownPattern for one in wafers(kind, 4, 1)]
    claimed = 0
    for wafer_map in maps:
        plain, told = classifier.classify(wafer_map), with_own.classify(wafer_map)
        claimed += bool(told.suggested)
        for one, two in zip(plain, told, strict=True):
            if one is plain.embedding and one is not None:
                np.testing.assert_array_equal(one, two)
        kept = {"pattern", "probabilities", "confidence", "below", "unfamiliarity", "mixture"}
        for key in kept:
            assert getattr(plain, key) == getattr(told, key)
        assert plain.suggested is None
        assert "suggested" not in plain.as_record()
        assert told.as_record()["suggested"] == (told.suggested or None)
        if told.verdict is not plain.verdict:
            assert (told.reason, bool(told.suggested)) == (Reason.OWN, True)
            assert plain.verdict is Verdict.ACCEPT
        else:
            assert told.reason is plain.reason
    assert claimed > 10


def test_a_claim_is_what_the_score_says(classifier: Classifier, tmp_path: Path) -> None:
    rules = {
        kind.name: saved(tmp_path, classifier, kind.name, kind).rule
        for kind in (UnknownPattern.STRIPES, UnknownPattern.HALF)
    }
    patterns, coordinates = of(tmp_path, classifier), coordinates_of(classifier.model)
    for kind in UnknownPattern:
        for dies in drawn(kind, 6, 3):
            seen = view(classifier, dies)
            assert seen is not None
            found = {
                name: scores(rule, coordinates, seen[0][None], seen[1][None])[0]
                for name, rule in rules.items()
            }
            best = max(found, key=lambda name: found[name])
            claim = patterns.claim(seen[0], dies)
            assert (claim and claim.name) == (best if found[best] > 0 else None)


def test_a_file_that_comes_or_goes_is_noticed(first: Classifier, tmp_path: Path) -> None:
    patterns = of(tmp_path, first)
    [dies] = drawn(UnknownPattern.CHECKERBOARD, 1, 5)
    seen = view(first, dies)
    assert seen is not None
    assert patterns.claim(seen[0], dies) is None
    pattern = saved(tmp_path, first, "Checks", UnknownPattern.CHECKERBOARD)
    claim = patterns.claim(seen[0], dies)
    assert claim is not None
    assert claim == ("Checks", False)
    pattern.confirmed(20, 0, trust=True).save(path_of(tmp_path, "Checks"))
    claim = patterns.claim(seen[0], dies)
    assert claim is not None
    assert claim.is_trusted
    path_of(tmp_path, "Checks").unlink()
    assert patterns.claim(seen[0], dies) is None


def test_a_trusted_pattern_lets_the_wafer_be_accepted(first: Classifier, tmp_path: Path) -> None:
    pattern = saved(tmp_path, first, "Half", UnknownPattern.HALF)
    own = Classifier(first.model, patterns=tmp_path)
    sent = [
        one for one in wafers(UnknownPattern.HALF, 40, 1) if own.classify(one).reason is Reason.OWN
    ]
    assert sent
    pattern.confirmed(30, 1, trust=True).save(path_of(tmp_path, "Half"))
    for one in sent:
        found = own.classify(one)
        assert (found.verdict, found.reason, found.suggested) == (Verdict.ACCEPT, None, "Half")
        assert "accept: Half" in repr(found)
    assert own.own_patterns == ["Half"]


def test_a_wafer_on_which_hardly_a_die_fails_is_no_pattern(
    shipped: ModelFile, tmp_path: Path
) -> None:
    clear = WaferMap(np.ones((9, 9), np.uint8))
    own = Classifier(shipped, patterns=str(tmp_path))
    assert own.classify(clear).suggested == ""
    assert own.own_patterns == []
