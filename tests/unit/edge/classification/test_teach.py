"""Examples of a pattern and what is to be known of the file that they make."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

from convert.report.out_of_distribution import UnknownPattern, draw
from edge.classification.classifier import Classifier, coordinates_of
from edge.classification.ordinary_file import of_model, save
from edge.classification.refit import Refit
from edge.classification.teach import rebuilt, teach
from edge.classification.views import view
from edge.errors import UsageError
from edge.model.model_file import ModelFile
from edge.station.source import result
from edge.store.reader import KeptWafer, StoreReader
from edge.store.store import Store
from edge.synth import round_grid, synthesise
from edge.wafer.wafermap import WaferMap
from tests.support.model_files import put, with_metadata
from tests.support.own import saved, wafers
from tests.support.records import result as bare_result

DOCS = Path(__file__).parents[4] / "docs" / "own-patterns.md"


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
    few = teach("Half", examples, classifier, stored=stored[20:24])
    assert len(few.claimed) > 1
    assert not any("too common" in warning for warning in few.warnings)
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


def test_two_patterns_under_one_name_lie_apart(first: Classifier) -> None:
    mixed = [*wafers(UnknownPattern.RETICLE, 5), *wafers(UnknownPattern.HALF, 5)]
    [said] = [one for one in teach("Both", mixed, first).warnings if "lie apart" in one]
    assert "half-" in said
    assert "reticle-" in said
    alone = teach("Half", wafers(UnknownPattern.HALF, 10), first).warnings
    assert not any("apart" in one for one in alone)


def test_few_examples_and_lots_are_warned_of(classifier: Classifier) -> None:
    few = teach("Half", wafers(UnknownPattern.HALF, 6), classifier).warnings
    assert any(one.startswith("too few: 6 examples") for one in few)
    of_one = [WaferMap(one.dies, one.source, lot="A") for one in wafers(UnknownPattern.HALF, 10)]
    assert any("1 lot:" in one for one in teach("Half", of_one, classifier).warnings)
    of_none = [WaferMap(one.dies, one.source) for one in of_one]
    assert any("(--name-pattern" in one for one in teach("Half", of_none, classifier).warnings)


def test_a_pattern_like_another_is_warned_of(classifier: Classifier, tmp_path: Path) -> None:
    other = saved(tmp_path, classifier, "First", UnknownPattern.CHECKERBOARD)
    again = wafers(UnknownPattern.CHECKERBOARD, 10, 1)
    found = teach("Second", again, classifier, others=[other]).warnings
    assert any("too alike" in one and "First" in one for one in found)


def test_ordinary_wafers_of_a_model_without_them_are_those_of_the_store(
    shipped: ModelFile, classifier: Classifier, tmp_path: Path
) -> None:
    other = Classifier(_of_another_network(shipped, tmp_path))
    examples = wafers(UnknownPattern.HALF, 10)
    with pytest.raises(UsageError, match=r"0 ordinary wafers .*--store"):
        teach("Half", examples, other)
    pattern = saved(tmp_path, classifier, "Half", UnknownPattern.HALF)
    with pytest.raises(UsageError, match=r"rebuild --model \S+mine\.tflite --store STORE\.sqlite"):
        Refit(other.model, coordinates_of(other.model), other)(pattern)
    stored = kept(tmp_path / "s.sqlite", other, wafers(UnknownPattern.LETTER, 120, 1))
    found = teach("Half", examples, other, stored=stored)
    assert found.pattern.recall > 0.5
    (few,) = (one for one in found.warnings if "only 120 ordinary wafers" in one)
    lines = DOCS.read_text(encoding="utf-8").splitlines()
    mean, worst = (line.split("|")[3].strip() for line in lines if line.startswith("| claimed,"))
    assert f"about {mean} % of ordinary wafers are claimed then, up to {worst} %" in few


def test_a_file_of_ordinary_wafers_lies_beside_its_model_file(
    shipped: ModelFile, tmp_path: Path
) -> None:
    mine = _of_another_network(shipped, tmp_path)
    other, path = Classifier(mine), tmp_path / "mine.ordinary.npz"
    grids = [one.dies for one in wafers(UnknownPattern.LETTER, 30, 1)]
    save(path, mine, other, [*grids[:20], np.ones((9, 9), np.uint8)], grids[20:])
    found = of_model(mine)
    assert (len(found.numbers), found.trained) == (30, 10)
    seen = {
        (embedding.tobytes(), *numbers.tolist())
        for embedding, numbers in zip(found.embeddings, found.numbers, strict=True)
    }
    expected = [view(other, dies) for dies in grids]
    assert seen == {
        (one[0].tobytes(), *one[1].astype(np.float16).astype(float).tolist())
        for one in expected
        if one is not None
    }
    copy = replace(shipped, path=tmp_path / "copy.tflite")
    assert len(of_model(copy).numbers) == 5000
    whole = path.read_bytes()
    (tmp_path / "copy.ordinary.npz").write_bytes(whole)
    with pytest.raises(UsageError, match=r"copy\.ordinary\.npz: .*of another network"):
        of_model(copy)
    for content in (b"", whole[:-200], whole[:500], _flipped(whole)):
        path.write_bytes(content)
        with pytest.raises(
            UsageError, match=r"mine\.ordinary\.npz: .*convert the model file again"
        ):
            of_model(mine)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(UsageError, match="pipe"):
        of_model(mine)


def test_a_pattern_is_made_anew_for_another_model(
    shipped: ModelFile, classifier: Classifier, tmp_path: Path
) -> None:
    pattern = saved(tmp_path, classifier, "Half", UnknownPattern.HALF).confirmed(3, 1, trust=True)
    renamed = with_metadata(shipped, put("name", value="another"))
    found = rebuilt(pattern, Classifier(renamed), []).pattern
    assert found.examples == pattern.examples
    assert found.network == renamed.network_sha256
    assert (found.right, found.wrong, found.trust) == (0, 0, False)
    strange = structs.replace(pattern, network="0" * 64)
    refit = Refit(shipped, coordinates_of(shipped), classifier)
    assert refit(strange) == structs.replace(pattern, right=0, wrong=0, trust=False)
    assert refit(pattern) is pattern
    assert refit(structs.replace(strange, network=pattern.network, format=1)) == refit(strange)


def test_a_name_of_a_class_is_refused_in_any_spelling(classifier: Classifier) -> None:
    for name in ("edge ring", "Local", "NONE"):
        with pytest.raises(UsageError, match="as a class already"):
            teach(name, wafers(UnknownPattern.HALF, 10), classifier)


def test_the_same_wafer_again_counts_once(classifier: Classifier) -> None:
    examples = wafers(UnknownPattern.HALF, 6)
    turned = [
        WaferMap(np.ascontiguousarray(np.rot90(one.dies)), f"turned-{one.source}")
        for one in examples[:2]
    ]
    framed = WaferMap(np.pad(examples[2].dies, 3), "framed.npy")
    found = teach("Half", [*examples, *turned, framed, examples[3]], classifier)
    assert len(found.pattern.examples) == 6
    [said] = [one for one in found.warnings if "counts once" in one]
    assert "turned-half-0.npy like half-0.npy" in said
    assert "and 1 more;" in said
    up = teach("Half", [*examples, *turned, framed], classifier, direction=True)
    assert len(up.pattern.examples) == 8
    with pytest.raises(UsageError, match=r"1 example, 5 to 50.*half-0\.npy like half-0\.npy"):
        teach("Half", examples[:1] * 10, classifier)


def test_examples_that_show_nothing_of_their_own_are_told(first: Classifier) -> None:
    """Ordinary wafers without a pattern, and wafers of a class that the model file knows."""
    rng = np.random.default_rng(3)
    plain, rings = (
        [
            WaferMap(synthesise(kind, round_grid(30 + n, 30 + n), rng), f"{n}.npy", lot=f"L{n}")
            for n in range(10)
        ]
        for kind in ("none", "Edge-Ring")
    )
    found = teach("Nothing", plain, first)
    assert "calls them: 6 none, " in next(found.sentences())
    assert any("lie apart" in one for one in found.warnings)
    known = teach("Ring about", rings, first)
    assert any("known already" in one and "Edge-Ring" in one for one in known.warnings)


def test_wafers_of_many_grids_make_one_pattern(classifier: Classifier) -> None:
    rng = np.random.default_rng(2)
    sides = [(12, 12), (300, 280), (28, 34), (60, 20), (40, 40), (90, 101)]
    maps = []
    for rows, columns in sides:
        bare = round_grid(rows, columns)
        maps.append(WaferMap(draw(UnknownPattern.STRIPES, bare, rng), f"{rows}.npy"))
    assert len(teach("Stripes", maps, classifier).pattern.examples) == len(sides)


def _flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def _of_another_network(shipped: ModelFile, folder: Path) -> ModelFile:
    """The same network in a file of other bytes: nothing that ships is of it."""
    document = shipped.document
    del document["tflite_sha256"]
    return ModelFile.of(folder / "mine.tflite", shipped.network + bytes(16), document)
