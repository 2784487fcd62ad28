"""The front: what no other trial beats; as words, table and page."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

pytest.importorskip("optuna")
pytest.importorskip("jinja2")

from msgspec import to_builtins
from optuna.distributions import CategoricalDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from tests.support.search import cost, int8
from train import recipe as recipes
from train.search import output, page, summary
from train.search.front import Front, gather
from train.search.space import Space
from train.search.space_file import load

#: A name that would be markup.
EVIL = "<script>alert(1)</script>"

SPACE = f"""
base = "quick"
about = "{EVIL}"
[optimise]
batch = {{ choice = [16, 32] }}
[limits]
file_kb = 200
"""

#: Accuracy, kB and time of each trial; no accuracy: refused.
TRIALS = [
    (0.90, 120, 1.50),
    (0.89, 122, 1.45),  # beaten by the first: its time is that of another measurement
    (0.85, 60, 1.40),
    (0.80, 130, 1.00),
    (0.84, 61, 1.60),  # beaten by the third
    (0.95, 210, 1.50),  # once trained it is above the limit
    (None, 300, 3.00),
]


@pytest.fixture
def space(tmp_path: Path) -> Space:
    path = tmp_path / "space.toml"
    path.write_text(SPACE, "utf-8")
    return load(str(path))


def trial(number: int, recall: float | None, kilobytes: float, invoke: float) -> FrozenTrial:
    attributes = {"cost": to_builtins(cost(kilobytes, invoke))}
    if recall is None:
        attributes["why"] = f"{kilobytes:.1f} kB, at most 200 {EVIL}"
    else:
        attributes["int8"] = to_builtins(int8(recall, kilobytes))
    made = create_trial(
        state=TrialState.PRUNED if recall is None else TrialState.COMPLETE,
        value=recall,
        params={"optimise.batch": 16},
        distributions={"optimise.batch": CategoricalDistribution([16, 32])},
        user_attrs=attributes,
    )
    made.number = number
    return made


@pytest.fixture
def found(space: Space) -> Front:
    trials = [trial(number, *figures) for number, figures in enumerate(TRIALS)]
    finals = {0: [0.88, 0.89, 0.90], 2: [0.80, 0.81, 0.82], 3: [0.89, 0.87]}
    return gather(space, f"{EVIL}.npz", trials, finals)


def test_the_front_is_what_nothing_beats(found: Front) -> None:
    assert [row.trial for row in found.front] == [0, 2, 3]
    assert found.rows[5].why == "210.0 kB, at most 200"
    assert [row.state for row in found.rows[4:]] == ["finished", "finished", "refused"]
    assert [row.trial for row in found.chosen(2)] == [0, 3]  # both ends
    assert [row.trial for row in found.chosen(9)] == [0, 2, 3]
    assert found.chosen(0) == []


def test_no_winner_is_named_within_the_range_of_the_seeds(found: Front, space: Space) -> None:
    assert [(one.trial, one.alike) for one in found.finalists] == [(0, True), (3, True), (2, False)]
    assert summary.verdict(found) == (
        "over seeds, trials 0, 3 cannot be told apart in accuracy; the smallest of them is trial 0"
    )
    text = "\n".join(summary.lines(found))
    assert "7 trials: 6 finished, 1 refused" in text
    assert "89.00 % (88.00 - 90.00, 3)" in text
    assert "88.00 % (87.00 - 89.00, 2 of 3)" in text
    trials = [trial(number, *figures) for number, figures in enumerate(TRIALS)]
    apart = gather(space, "set.npz", trials, {0: [0.9, 0.91], 2: [0.8, 0.81]})
    assert summary.verdict(apart).startswith("best over seeds: trial 0, 90.50 %")
    assert summary.verdict(gather(space, "set.npz", trials, {0: [0.9]})) == ""


def test_what_is_left_in_the_folder_says_the_same(
    found: Front, space: Space, tmp_path: Path
) -> None:
    output.write(found, tmp_path, space)
    content = json.loads((tmp_path / "front.json").read_text("utf-8"))
    assert content["front"] == [0, 2, 3]
    assert content["rows"][2]["int8"]["recall"] == 0.85
    with (tmp_path / "front.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["front"] for row in rows] == list("1011000")
    assert (rows[6]["recall"], rows[6]["bytes"], rows[6]["optimise.batch"]) == ("", "300000", "16")
    assert sorted(path.name for path in (tmp_path / "recipes").iterdir()) == [
        "0000.toml",
        "0002.toml",
        "0003.toml",
    ]
    again = recipes.load(str(tmp_path / "recipes" / "0002.toml"))
    assert (again.name, again.optimise.batch) == ("space-0002", 16)


def test_the_page_draws_all_of_it_and_runs_nothing(found: Front) -> None:
    text = page.render(found)
    assert "<script" not in text
    assert "http" not in text.replace('http-equiv="Content-Security-Policy"', "")
    drawings = text.split("<figure>")[1:]
    assert len(drawings) == 2
    for drawing in drawings:
        assert drawing.count('class="on"') == 3
        assert drawing.count('class="bar"') == 3
        assert drawing.count('<path class="none"') == 1  # the refused one
        assert 'class="limit"' in drawing or "invoke" in drawing
    assert drawings[0].count('class="limit"') == 1
    assert "Over seeds, trials 0, 3 cannot be told apart" in text


def test_a_page_without_a_finished_trial_says_so(space: Space) -> None:
    for trials in ([], [trial(0, None, 300, 3.0)]):
        nothing = gather(space, "set.npz", trials)
        assert "No trial has come to its end yet" in page.render(nothing)
        assert summary.verdict(nothing) == ""


@pytest.mark.parametrize("recall", [0.0, 1.0, 1 / 3])
def test_one_trial_alone_can_be_drawn(space: Space, recall: float) -> None:
    drawn = page.render(gather(space, "set.npz", [trial(0, recall, 50, 1.0)]))
    assert drawn.count('class="on" cx=') == 3  # the key, and both drawings
