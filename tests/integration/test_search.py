"""``wm-edge train --search`` as a person runs it: to its end, stopped, gone on with, refused."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.cli import TIMEOUT, command, environment, python, wm_edge
from tests.support.search import written

#: What is too large of these is refused, what is small is trained.
SPACE = """
base = "quick"
[network]
name = { choice = ["symmetric", "seed-final"] }
[optimise]
epochs = 2
epoch_wafers = 32
batch = 16
learning_rate = { low = 1e-4, high = 1e-2, log = true }
[limits]
file_kb = 115
[search]
finalists = 1
seeds = 1
"""


def rows(out: Path) -> list[dict[str, str]]:
    with (out / "front.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_training_alone_needs_no_optuna() -> None:
    found = python(
        "import sys, train.session, train.trainer, train.cli.train as one\n"
        "one.command.main(['--help'], standalone_mode=False)\n"
        "assert 'optuna' not in sys.modules"
    )
    assert found.code == 0, found.stderr
    assert "--search" in found.text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--search", "SPACE", "--epochs", "2"], "--epochs is not for --search"),
        (["--search", "SPACE", "--resume"], "--resume is not for --search"),
        (["--search", "SPACE", "--folds", "3"], "--folds is not for --search"),
        (["--trials", "2"], "--trials is for --search"),
        (["--search", "nowhere.toml"], "no space 'nowhere.toml' to search"),
        (["--search", "SPACE", "--hours", "0"], "hours"),
        (["--search", "SPACE", "--out", "FULL"], "holds something else"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(
    tmp_path: Path, arguments: list[str], words: str
) -> None:
    pytest.importorskip("optuna")
    data, space = written(tmp_path, SPACE)
    full = tmp_path / "full"
    full.mkdir()
    (full / "letter.txt").write_text("mine", "utf-8")
    places = {"SPACE": str(space), "FULL": str(full)}
    given = [places.get(word, word) for word in arguments]
    done = wm_edge("train", data, "--out", tmp_path / "s", *given)
    assert done.code == 2
    assert words in done.stderr
    assert not (tmp_path / "s").exists()


def test_a_search_is_stopped_and_gone_on_with(tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    pytest.importorskip("tensorflow")
    data, space = written(tmp_path, SPACE)
    out = tmp_path / "s"
    arguments = ["train", str(data), "--search", str(space), "--out", str(out), "--trials", "4"]
    process = subprocess.Popen(
        [*command(), *arguments],
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
        # What runs in the background of a shell is deaf to it, and so is what that begins.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )
    end = time.monotonic() + TIMEOUT
    while not [*out.glob("trials/*/checkpoint/1"), *out.glob("trials/*/int8.json")]:
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.02)
    process.send_signal(signal.SIGSTOP)  # or it may end before it can be interrupted
    other = wm_edge(*arguments)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGCONT)
    assert (other.code, "another process searches there" in other.stderr) == (2, True)
    assert process.stderr is not None
    said = process.stderr.read()
    assert process.wait(TIMEOUT) == 130, said
    before = rows(out)
    assert before  # the front has what was known
    assert (out / "front.html").stat().st_size
    done = wm_edge(*arguments)
    assert done.code == 0, done.stderr
    assert "going on after" in done.stderr
    found = rows(out)
    assert [row["trial"] for row in found] == list("0123")
    for row in found:
        large = row["network.name"] == "symmetric"
        assert row["state"] == ("refused" if large else row["state"])
        assert large or row["state"] in {"finished", "ended early"}
        assert not (large and (out / f"trials/000{row['trial']}/model.keras").exists())
    best = json.loads((out / "front.json").read_text("utf-8"))["finalists"][0]
    assert "trials: " in done.text
    assert len(best["recalls"]) == 1
    recipe = out / "recipes" / f"{best['trial']:04}.toml"
    assert "seed-final" in recipe.read_text("utf-8")
    refused = wm_edge(*arguments[:-2], "--search", "search-seed")
    assert (refused.code, "search of another space" in refused.stderr) == (2, True)
