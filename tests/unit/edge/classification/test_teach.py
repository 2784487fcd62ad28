"""Examples of a pattern and what is to be known of the file that they make."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from convert.report.out_of_distribution import UnknownPattern
from edge.classification.classifier import Classifier
from edge.classification.teach import rebuilt, teach
from edge.errors import UsageError
from edge.model.model_file import ModelFile
from edge.station.source import result
from edge.store.reader import KeptWafer, StoreReader
from edge.store.store import Store
from edge.wafer.wafermap import WaferMap
from tests.support.model_files import put, with_metadata
from tests.support.own import saved, wafers
from tests.support.records import result as bare_result


def kept(path: Path, classifier: Classifier, maps: list[WaferMap]) -> list[KeptWafer]:
    """The wafers as a station's store keeps them."""
    known = bare_result(0)
    with closing(Store(path)) as store:
        store.add(
            {**known, **result(classifier, one, f"{number:064x}"), "file": one.source,
             "model_sha256": classifier.model.sha256}
            for number, one in enumerate(maps)
        )  # fmt: skip
        with closing(StoreReader(path)) as reader:
            return reader.kept(10_000)


def test_what_a_store_would_have_claimed_is_told(classifier: Classifier, tmp_path: Path) -> None:
    examples = wafers(UnknownPattern.HALF, 10)
    others = wafers(UnknownPattern.HALF, 20, 1)
    rest = wafers(UnknownPattern.RETICLE, 20, 1)
    stored = kept(tmp_path / "s.sqlite", classifier, [*examples, *others, *rest])
    assert [one.source for one in stored[:2]] == [rest[-1].source, rest[-2].source]
    found = teach("Half", examples, classifier, stored=stored)
    assert found.looked_at == 50
    claimed = {one.source for one in found.claimed}
    # The examples have the names of others, so they are told apart by what they show.
    assert 15 <= len(found.claimed) <= 20
    assert claimed <= {one.source for one in others}
    assert any("too common" in warning for warning in found.warnings)
    assert found.nearest[0] in classifier.model.labels


def test_an_embedding_of_another_model_is_made_anew(classifier: Classifier, tmp_path: Path) -> None:
    stored = kept(tmp_path / "s.sqlite", classifier, wafers(UnknownPattern.HALF, 12, 1))
    strange = [one._replace(model_sha256="0" * 64, embedding=bytes(36)) for one in stored]
    examples = wafers(UnknownPattern.HALF, 10)
    assert [
        [one.source for one in teach("Half", examples, classifier, stored=some).claimed]
        for some in (stored, strange)
    ] == [[one.source for one in stored]] * 2


@pytest.mark.parametrize(("count", "words"), [(4, "4 examples"), (51, "wm-edge train")])
def test_too_few_and_too_many_are_refused(classifier: Classifier, count: int, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        teach("Half", wafers(UnknownPattern.HALF, count), classifier)


def test_a_wafer_without_fails_is_no_example(classifier: Classifier) -> None:
    examples = [*wafers(UnknownPattern.HALF, 9), WaferMap(np.ones((20, 20), np.uint8), "clean.npy")]
    with pytest.raises(UsageError, match=r"clean\.npy: hardly a die fails"):
        teach("Half", examples, classifier)


def test_two_patterns_under_one_name_lie_apart(classifier: Classifier) -> None:
    mixed = [*wafers(UnknownPattern.STRIPES, 5), *wafers(UnknownPattern.HALF, 5)]
    [said] = [one for one in teach("Both", mixed, classifier).warnings if "lie apart" in one]
    assert "half-" in said
    assert "stripes-" in said
    alone = teach("Half", wafers(UnknownPattern.HALF, 10), classifier).warnings
    assert not any("apart" in one for one in alone)


def test_few_examples_and_lots_are_warned_of(classifier: Classifier) -> None:
    few = teach("Half", wafers(UnknownPattern.HALF, 6), classifier).warnings
    assert any(one.startswith("too few: 6 examples") for one in few)
    of_one = [WaferMap(one.dies, one.source, lot="A") for one in wafers(UnknownPattern.HALF, 10)]
    assert any("1 lot:" in one for one in teach("Half", of_one, classifier).warnings)


def test_a_pattern_like_another_is_warned_of(classifier: Classifier, tmp_path: Path) -> None:
    other = saved(tmp_path, classifier, "First", UnknownPattern.CHECKERBOARD)
    again = wafers(UnknownPattern.CHECKERBOARD, 10, 1)
    found = teach("Second", again, classifier, others=[other]).warnings
    assert any("too alike" in one and "First" in one for one in found)


def test_ordinary_wafers_of_another_model_are_those_of_the_store(
    shipped: ModelFile, classifier: Classifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.own.ordinary.ENOUGH", 40)
    monkeypatch.setattr("edge.classification.teach.shipped", lambda _: None)
    examples = wafers(UnknownPattern.HALF, 10)
    with pytest.raises(UsageError, match="--store"):
        teach("Half", examples, classifier)
    stored = kept(tmp_path / "s.sqlite", classifier, wafers(UnknownPattern.LETTER, 80, 1))
    assert teach("Half", examples, classifier, stored=stored).pattern.recall > 0.5


def test_a_pattern_is_made_anew_for_another_model(
    shipped: ModelFile, classifier: Classifier, tmp_path: Path
) -> None:
    pattern = saved(tmp_path, classifier, "Half", UnknownPattern.HALF).confirmed(3, 1, trust=True)
    renamed = with_metadata(shipped, put("name", value="another"))
    found = rebuilt(pattern, Classifier(renamed), []).pattern
    assert found.examples == pattern.examples
    assert found.network == renamed.network_sha256
    assert (found.right, found.wrong, found.trust) == (0, 0, False)
