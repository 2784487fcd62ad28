"""One network from recipe to int8 figures, and what the workbench never looks at."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from edge.dataset.labelled_set import LabelledSet, Part
from tests.support.search import written
from train.recipe import Recipe
from train.search.cost import Cost, Limits
from train.search.space_file import load
from train.search.task import RefusedError, Task, Told, Workbench

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
pytest.importorskip("keras")


class Ear:
    """Remembers what is told."""

    def __init__(self) -> None:
        self.costs: list[Cost] = []
        self.epochs: list[tuple[int, float]] = []
        self.told = Told(
            self.costs.append, lambda *epoch: self.epochs.append(epoch), lambda *_: None
        )


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    _, space = written(tmp_path_factory.mktemp("space"))
    values = {"network.name": "seed-initial", "optimise.learning_rate": 1e-3}
    return load(str(space)).recipe(values, "tiny")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    from edge.dataset.reading import load as load_set

    data, _ = written(tmp_path_factory.mktemp("bench"))
    return Workbench(data, load_set(data))


def test_a_task_is_done_once_and_the_test_part_never_asked(
    bench: Workbench, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = LabelledSet.part

    def watched(labelled: LabelledSet, name: str) -> LabelledSet:
        assert name != Part.TEST.value
        return part(labelled, name)

    monkeypatch.setattr(LabelledSet, "part", watched)
    assert Part.TEST.value not in bench._learning.columns["part"]
    task, ear = Task(tmp_path / "run", recipe), Ear()
    found = bench.do(task, ear.told)
    (cost,) = ear.costs
    assert [number for number, _ in ear.epochs] == [1, 2, 3]
    assert found.float_recall == ear.epochs[-1][1]
    assert (found.epochs, set(found.per_class)) == (3, {"Donut", "Scratch", "none"})
    assert 0.9 < found.bytes / cost.bytes < 1.1
    assert 0.3 < cost.invoke < 3
    network = (task.folder / "model.keras").stat().st_mtime_ns
    again = Ear()
    monkeypatch.setattr("train.search.task.train", lambda *_, **__: pytest.fail("trained again"))
    monkeypatch.setattr("train.search.task.measure", lambda *_: pytest.fail("measured again"))
    assert bench.do(task, again.told) == found
    assert (again.costs, again.epochs) == (ear.costs, ear.epochs)
    assert (task.folder / "model.keras").stat().st_mtime_ns == network


@pytest.mark.parametrize(
    ("changes", "limits", "words"),
    [
        ({"name": "symmetric"}, Limits(file_kb=20), r"kB, at most 20"),
        ({"name": "symmetric"}, Limits(arena_kb=1), r"arena .* KB, at most 1"),
        ({"name": "seed-final", "head": "all"}, Limits(), "no head but"),
    ],
)
def test_what_costs_too_much_or_cannot_be_made_is_not_trained(
    bench: Workbench,
    recipe: Recipe,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, Any],
    limits: Limits,
    words: str,
) -> None:
    monkeypatch.setattr("train.search.task.train", lambda *_, **__: pytest.fail("trained"))
    wanted = replace(recipe, network=replace(recipe.network, **changes))
    with pytest.raises(RefusedError, match=words):
        bench.do(Task(tmp_path / "run", wanted, limits), Ear().told)


def test_the_shipped_files_size_is_foreseen() -> None:
    from convert.candidate import Candidates
    from edge.model.model_file import load as load_model

    shipped = load_model()
    assert Candidates.expected_bytes(shipped) == pytest.approx(len(shipped.content), rel=0.01)
