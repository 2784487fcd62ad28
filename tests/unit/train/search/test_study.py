"""Trials in the journal: what was left goes on, and only as small ones end a small one."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("optuna")

from optuna.trial import Trial, TrialState

from edge.errors import DataError
from tests.support.search import cost, int8
from train.search.cost import Limits
from train.search.front import gather
from train.search.space import Space
from train.search.space_file import load
from train.search.study import JOURNAL, Study, cost_of, int8_of, part_ends, tried

SPACE = """
base = "quick"
[network]
head = { choice = ["last", "all"] }
[synthetic]
patterns = { choice = [["Donut"], ["Donut", "Scratch"]] }
[optimise]
batch = { low = 8, high = 64, log = true }
learning_rate = { low = 1e-4, high = 1e-2, log = true }
[limits]
file_kb = 100
"""


@pytest.fixture
def space(tmp_path: Path) -> Space:
    path = tmp_path / "space.toml"
    path.write_text(SPACE, "utf-8")
    return load(str(path))


def test_a_trial_that_was_left_goes_on_with_its_values(tmp_path: Path, space: Space) -> None:
    first = Study(tmp_path, space)
    trial = first.ask()
    values = first.values(trial)
    assert values["optimise.learning_rate"] == space.base.optimise.learning_rate
    first.costs(trial, cost(90))
    assert not first.reached(trial, 1, 0.5)
    again = Study(tmp_path, space)
    (left,) = again.left()
    assert left.number == trial.number
    assert again.values(left) == values
    again.costs(left, cost(90))
    assert not again.reached(left, 1, 0.7)  # was told already: what was told first stands
    again.finish(left, int8(0.8, 91))
    (frozen,) = Study(tmp_path, space).trials
    assert (frozen.state, frozen.value) == (TrialState.COMPLETE, 0.8)
    assert frozen.intermediate_values == {1: 0.5}
    assert tried(space, frozen) == values
    found = cost_of(frozen)
    assert found is not None
    assert found.bytes == 91_000  # as trained
    assert int8_of(frozen) == int8(0.8, 91)
    assert Study(tmp_path, space).left() == []


def test_a_line_that_a_kill_tore_is_no_harm(tmp_path: Path, space: Space) -> None:
    study = Study(tmp_path, space)
    study.finish(asked(study), int8(0.8, 91))
    whole = (tmp_path / JOURNAL).read_bytes()
    (tmp_path / JOURNAL).write_bytes(whole + b'{"op_code":6,"worker_id":"so')
    again = Study(tmp_path, space)
    assert [trial.value for trial in again.trials] == [0.8]
    again.finish(asked(again), int8(0.9, 91))
    assert [trial.value for trial in Study(tmp_path, space).trials] == [0.8, 0.9]


@pytest.mark.parametrize("line", ["no json", "[]", "{}", '{"op_code": 99}', '{"op_code": 6}'])
def test_a_journal_that_somebody_changed_is_refused(
    tmp_path: Path, space: Space, line: str
) -> None:
    study = Study(tmp_path, space)
    study.finish(asked(study), int8(0.8, 91))
    whole = (tmp_path / JOURNAL).read_text("utf-8")
    (tmp_path / JOURNAL).write_text(f"{line}\n{whole}", "utf-8")
    with pytest.raises(DataError, match=r"journal\.log: cannot be read .*another --out"):
        Study(tmp_path, space)


def asked(study: Study, kilobytes: float = 90.0, invoke: float = 1.0) -> Trial:
    trial = study.ask()
    study.values(trial)
    study.costs(trial, cost(kilobytes, invoke))
    return trial


def test_values_that_were_tried_are_not_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "space.toml"
    path.write_text("[optimise]\nbatch = { choice = [16, 32] }\n[limits]\nfile_kb = 100\n", "utf-8")
    study = Study(tmp_path, load(str(path)))
    new, ends = [], {16: int8(0.8, 91), 32: int8(0.9, 91)}
    for number in range(6):
        trial = study.ask()
        batch = study.values(trial)["optimise.batch"]
        if (same := study.repeats(trial)) is not None:
            assert study.trials[same].params == {"optimise.batch": batch}
            continue
        new.append(number)
        study.costs(trial, cost(90))
        study.reached(trial, 1, 0.5)
        study.finish(trial, ends[batch])
    assert len(new) == 2
    for trial in study.trials:
        assert trial.value == ends[trial.params["optimise.batch"]].recall
        assert (trial.intermediate_values, set(trial.constraints)) == ({1: 0.5}, {"file_kb"})
    found = gather(load(str(path)), "set.npz", study.trials)
    assert [row.trial for row in found.front] == [n for n in new if found.rows[n].int8 == ends[32]]
    assert found.count("repeated") == 4


def test_a_small_network_is_held_against_small_ones_alone(tmp_path: Path, space: Space) -> None:
    study = Study(tmp_path, space)
    for recall in (0.80, 0.82, 0.84, 0.86):
        study.reached(asked(study, 90), 1, recall)
    assert not study.reached(asked(study, 40), 1, 0.5)  # no other is as small
    assert not study.reached(asked(study, 90, invoke=0.7), 1, 0.5)  # nor as fast
    assert not study.reached(asked(study, 90), 1, 0.84)
    assert study.reached(asked(study, 91), 1, 0.70)
    assert study.reached(asked(study, 150, invoke=3.0), 1, 0.70)
    assert not study.reached(asked(study, 90), 2, 0.1)  # nobody came that far


def test_what_is_refused_is_known_to_the_sampler_as_such(tmp_path: Path, space: Space) -> None:
    study = Study(tmp_path, space)
    trial = asked(study, 130)
    study.end(trial, "130.0 kB, at most 100", 0)
    (frozen,) = study.trials
    assert frozen.state is TrialState.PRUNED
    assert frozen.constraints == pytest.approx({"file_kb": 0.3})
    for _ in range(12):  # past the trials by chance the sampler has to do with it
        study.finish(asked(study), int8(0.8, 91))


@pytest.mark.parametrize(
    ("epochs", "ends"),
    [(24, {8: 1, 16: 2}), (4, {2: 1, 3: 2}), (3, {1: 1, 2: 2}), (2, {1: 1}), (1, {})],
)
def test_a_training_is_looked_at_after_each_third(epochs: int, ends: dict[int, int]) -> None:
    assert part_ends(epochs) == ends


def test_a_cost_says_which_limits_it_breaks() -> None:
    limits = Limits(file_kb=100, invoke=2)
    assert cost(99, 2.0).refusal(limits) == ""
    assert cost(130.04, 2.2).refusal(limits) == (
        "130.0 kB, at most 100; invoke 2.20 x seed-final, at most 2"
    )
    assert cost(50).refusal(Limits(arena_kb=40)) == "arena 48.8 KB, at most 40"
    assert cost(1e6, 99).refusal(Limits()) == ""
