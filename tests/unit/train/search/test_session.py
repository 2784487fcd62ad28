"""A search's order of things, with workers that only tell what they would have come to."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec import to_builtins

pytest.importorskip("optuna")

from edge.errors import DataError, UsageError
from tests.support.search import SPACE, cost, int8, written
from train.run import Run
from train.search import session
from train.search.session import Settings, search
from train.search.task import INT8, Task
from train.search.worker import Epoch, Failed, Refused, Stopped
from train.search.worker_process import Died

#: What a worker tells of a task; what is asked of it after that it hears no more.
Play = Callable[[Task], list[Any]]


def finished(task: Task) -> list[Any]:
    """It comes to its end, the better the larger its learning rate; its folder knows."""
    found = int8(min(1.0, 0.5 + 40 * task.recipe.optimise.learning_rate), 90)
    Run(task.folder).path.mkdir(parents=True, exist_ok=True)
    Run(task.folder).write_json(INT8, to_builtins(found))
    return [None, cost(90), *(Epoch(number, 0.5) for number in (1, 2, 3)), found]


class Company:
    """Stands for the processes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, play: Play) -> None:
        company, self.given = self, list[Task]()

        class Fake:
            def __init__(self, data: Path, threads: int) -> None:
                self.task: Any = None
                self.events: deque[Any] = deque()

            def give(self, task: Task, what: object) -> None:
                company.given.append(task)
                self.task, self.events = what, deque(play(task))

            def leave(self) -> None:
                self.events = deque([Stopped()])

            def close(self) -> None:
                self.task = None

        def listen(workers: Sequence[Fake], _: float) -> Iterator[tuple[Fake, Any]]:
            for worker in workers:
                if worker.task is not None:
                    yield worker, worker.events.popleft()

        monkeypatch.setattr(session, "WorkerProcess", Fake)
        monkeypatch.setattr(session, "listen", listen)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    data, space = written(tmp_path, SPACE)
    return Settings(data, str(space), tmp_path / "s", trials=6)


def states(out: Path) -> list[str]:
    rows = json.loads((out / "front.json").read_text("utf-8"))["rows"]
    return [row["state"] for row in rows]


def test_trials_come_first_then_the_best_by_other_seeds(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    company = Company(monkeypatch, finished)
    told: list[str] = []
    found = search(settings, told.append)
    assert [task.recipe.seed for task in company.given] == [0] * 6 + [1, 2]
    best = max(company.given[:6], key=lambda task: task.recipe.optimise.learning_rate)
    for task in company.given[6:]:
        assert task.recipe.optimise == best.recipe.optimise
        assert task.limits.file_kb is None  # it is known to keep them
    (finalist,) = found.finalists
    assert best.folder.name == f"{finalist.trial:04}"
    assert len(finalist.recalls) == 2
    assert states(settings.out) == ["finished"] * 6
    again = Company(monkeypatch, finished)
    assert search(settings).finalists == found.finalists
    assert again.given == []  # nothing is left to do


def test_a_worker_that_dies_is_given_its_task_once_more(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    deaths = {"0000": 1, "0001": 2}

    def play(task: Task) -> list[Any]:
        if deaths.get(task.folder.name, 0):
            deaths[task.folder.name] -= 1
            return [cost(90), Epoch(1, 0.5), Died("its process ended with signal 9")]
        return finished(task)

    company, told = Company(monkeypatch, play), list[str]()
    search(settings, told.append)
    names = [task.folder.name for task in company.given]
    assert names[:5] == ["0000", "0000", "0001", "0001", "0002"]
    assert states(settings.out)[:3] == ["finished", "failed", "finished"]
    assert "trial 0: its process ended with signal 9; it goes on where it stood" in told


def test_failures_in_a_row_end_it_and_what_is_known_stands(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def play(task: Task) -> list[Any]:
        return finished(task) if task.folder.name == "0000" else [Failed("no disk")]

    Company(monkeypatch, play)
    with pytest.raises(DataError, match="3 networks failed in a row, the last: no disk"):
        search(settings)
    assert states(settings.out) == ["finished", "failed", "failed", "failed"]


def test_what_is_refused_or_behind_is_ended_and_the_next_begun(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def play(task: Task) -> list[Any]:
        if task.folder.name == "0001":
            return [cost(900), Refused("900.0 kB, at most 100")]
        if task.folder.name == "0005":
            return [cost(90), Epoch(1, 0.2), Epoch(2, 0.9)]
        return finished(task)

    told: list[str] = []
    Company(monkeypatch, play)
    found = search(settings, told.append)
    assert states(settings.out) == ["finished", "refused", *["finished"] * 3, "ended early"]
    assert found.rows[5].why == "20.00 % after epoch 1, below those no dearer"
    assert found.rows[5].epochs == 1
    assert "trial 1: refused: 900.0 kB, at most 100" in told


@pytest.mark.parametrize("ends", ["hours", "interrupt"])
def test_what_is_under_way_goes_on_in_the_next_call(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    over = False

    def play(task: Task) -> list[Any]:
        nonlocal over
        if task.folder.name != "0002":
            return finished(task)
        if ends == "interrupt":
            raise KeyboardInterrupt
        over = True
        return [cost(90), Epoch(1, 0.5)]

    Company(monkeypatch, play)
    monkeypatch.setattr("train.search.clock.Clock.over", lambda _: over)
    monkeypatch.setattr("train.search.clock.Clock.trials_over", lambda _: over)
    if ends == "interrupt":
        with pytest.raises(KeyboardInterrupt):
            search(settings)
    else:
        search(settings)
    assert states(settings.out) == ["finished", "finished", "interrupted"]
    over = False
    company = Company(monkeypatch, finished)
    search(settings)
    assert [task.folder.name for task in company.given[:4]] == ["0002", "0003", "0004", "0005"]
    assert states(settings.out) == ["finished"] * 6


def test_another_set_or_a_damaged_folder_is_refused(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edge.dataset.reading import load

    Company(monkeypatch, finished)
    search(settings)
    whole = load(settings.data)
    whole.select(whole.columns["lot"] > 0).save(settings.data, overwrite=True)
    with pytest.raises(UsageError, match="is the search of another set; go on with the same set"):
        search(settings)
    (settings.out / "search.json").write_text("[]", "utf-8")
    with pytest.raises(DataError, match=r"search\.json: cannot be read .*another --out"):
        search(settings)
