"""``kill -9`` in the middle of a search: no finished trial is lost, at most an epoch repeated."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import TIMEOUT, command, environment
from tests.support.search import SPACE, written
from tests.support.station import SOAK

pytest.importorskip("optuna")
pytest.importorskip("tensorflow")

KILLS = 20 if SOAK else 2
TRIALS = 16 if SOAK else 2

Epochs = list[dict[str, float]]


def histories(folder: Path) -> dict[str, Epochs]:
    """The epochs of each run that are safe; of a run that is being written, those of before."""
    found = {}
    for run in [*folder.glob("trials/*"), *folder.glob("finals/*")]:
        places = [*run.glob("checkpoint/[0-9]*/history.json"), *run.glob("history.json")]
        known = [json.loads(place.read_text("utf-8")) for place in places]
        found[run.name] = max(known, key=len, default=[])
    return found


def ended(folder: Path) -> dict[int, dict[str, Any]]:
    """What the journal's whole lines say of trials that came to an end, by number."""
    path = folder / "journal.log"
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    return {
        entry["trial_id"]: entry
        for entry in map(json.loads, lines)
        if entry["op_code"] == 6 and entry["state"] in {1, 2}
    }


def killed(arguments: list[str], folder: Path, wait: float, *, alone: bool) -> None:
    """Kill a search, alone or with whatever it has started, once there is something to lose."""
    before = len(str(histories(folder))) + len(ended(folder))
    process = subprocess.Popen(
        arguments, env=environment(), stderr=subprocess.DEVNULL, start_new_session=True
    )
    end = time.monotonic() + TIMEOUT
    while len(str(histories(folder))) + len(ended(folder)) == before and process.poll() is None:
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.02)
    time.sleep(wait)
    (os.kill if alone else os.killpg)(process.pid, signal.SIGKILL)
    process.wait()


def test_no_finished_trial_is_lost_and_no_epoch_trained_twice(tmp_path: Path) -> None:
    data, space = written(tmp_path, SPACE.replace("epochs = 3", "epochs = 4"))
    out, chance = tmp_path / "s", random.Random(3)
    arguments = [*command(), "train", str(data), "--search", str(space), "--out", str(out)]
    arguments += ["--trials", str(TRIALS)]
    kept: list[tuple[dict[str, Epochs], dict[int, dict[str, Any]]]] = []
    for number in range(KILLS):
        killed(arguments, out, chance.uniform(0, 2), alone=number % 2 == 0)
        kept.append((histories(out), ended(out)))
    done = subprocess.run(
        arguments, env=environment(), capture_output=True, timeout=KILLS * TIMEOUT, check=False
    )
    assert done.returncode == 0, done.stderr
    last, results = histories(out), ended(out)
    for runs, trials in kept:
        assert trials.items() <= results.items()
        for name, epochs in runs.items():  # seconds and all: what was trained once stands
            assert last[name][: len(epochs)] == epochs
    assert len(results) == TRIALS
    found = json.loads((out / "front.json").read_text("utf-8"))
    assert [row["trial"] for row in found["rows"]] == list(range(TRIALS))
    assert all(row["state"] in {"finished", "ended early"} for row in found["rows"])
    assert [len(one["recalls"]) for one in found["finalists"]] == [2]
