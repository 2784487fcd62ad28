"""Several processes give what one gives, in the same order, and lose nothing when one dies."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path

import numpy as np
import pytest

from edge.classification import parallel
from edge.classification.classifier import Classifier
from edge.classification.parallel import CHUNK, classify_paths, processes_for
from edge.dataset.labelled_set import LabelledSet
from edge.formats.name_pattern import NamePattern, Names
from edge.model.model_file import ModelFile
from edge.results.record import Record
from edge.system import worker_pool
from edge.wafer.encoding import Encoded


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, generated: LabelledSet) -> Path:
    """Five chunks of arrays, some unreadable, and labelled sets between them."""
    path = tmp_path_factory.mktemp("many")
    for number in range(5 * CHUNK):
        grid = generated.grid(number % len(generated))
        np.save(path / f"w{number}.npy", grid if number % 50 else np.zeros((2, 2), np.uint8))
    generated.save(path / "w100a.npz")
    generated.save(path / "w200a.npz")
    return path


def classified(folder: Path, model: ModelFile, processes: int) -> list[Record]:
    records = classify_paths([folder], lambda: Classifier(model), processes=processes)
    return [{**record, "latency_us": 0} for record in records]


@pytest.mark.parametrize("processes", [2, 4])
def test_the_same_records_in_the_same_order(
    folder: Path, shipped: ModelFile, processes: int
) -> None:
    alone = classified(folder, shipped, 1)
    assert sum("error" in record for record in alone) == 5 * CHUNK // 50 + 1
    assert classified(folder, shipped, processes) == alone
    assert not multiprocessing.active_children()


def test_a_worker_that_is_killed_loses_nothing(folder: Path, shipped: ModelFile) -> None:
    records = classify_paths([folder], lambda: Classifier(shipped), processes=3)
    found = [next(records)]
    for child in multiprocessing.active_children():
        os.kill(child.pid or 0, signal.SIGKILL)
    found += records
    assert [{**record, "latency_us": 0} for record in found] == classified(folder, shipped, 1)


def test_workers_end_with_the_stream(folder: Path, shipped: ModelFile) -> None:
    records = classify_paths([folder], lambda: Classifier(shipped), processes=3)
    next(records)
    assert len(multiprocessing.active_children()) == 2
    records.close()
    assert not multiprocessing.active_children()


def test_a_defect_in_a_worker_is_not_swallowed(
    folder: Path, shipped: ModelFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = os.getpid()
    outputs = Classifier.outputs

    def defective(self: Classifier, encoded: Encoded) -> object:
        if os.getpid() != parent:
            raise ValueError("a defect")
        return outputs(self, encoded)

    monkeypatch.setattr(Classifier, "outputs", defective)
    with pytest.raises(ValueError, match="a defect"):
        classified(folder, shipped, 2)


def test_few_files_are_not_worth_a_process(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    assert processes_for([folder]) == 1
    monkeypatch.setattr(parallel, "WORTHWHILE", 100)
    assert processes_for([folder]) == worker_pool.MOST
    assert processes_for([folder / "w1.npy"]) == 1
    monkeypatch.setattr(parallel, "WORTHWHILE", 20)
    assert processes_for([folder / "w100a.npz"]) == worker_pool.MOST
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    assert processes_for([folder]) == processes_for([folder / "w100a.npz"]) == 1


@pytest.mark.parametrize("processes", [1, 2])
def test_lots_from_names_in_every_process(
    tmp_path: Path, generated: LabelledSet, shipped: ModelFile, processes: int
) -> None:
    for number in range(2 * CHUNK):
        (tmp_path / f"L{number}").mkdir()
        np.save(tmp_path / f"L{number}" / f"{number:02}.npy", generated.grid(0))
    names = Names(NamePattern("{lot}/{wafer}"), [tmp_path])
    records = classify_paths(
        [tmp_path], lambda: Classifier(shipped), processes=processes, names=names
    )
    assert [(record["lot"], record["wafer"]) for record in records] == [
        (f"L{number}", f"{number:02}") for number in range(2 * CHUNK)
    ]
