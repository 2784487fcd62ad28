"""``wm-edge bench``: tables on stdout, JSON, comparison; how fast things are is not judged here."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from edge.cli.bench import command
from edge.system.shipped import shipped_path
from tests.support.cli import wm_edge

QUICK = ("bench", "--backend", "litert", "--threads", "1,2")


def test_a_run_is_written_and_the_next_one_compared_with_it(tmp_path: Path) -> None:
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    done = wm_edge(*QUICK, "--quick", "--json", first)
    assert done.code == 0, done.stderr
    assert done.stderr == ""
    data = json.loads(first.read_text("utf-8"))
    row = data["subjects"][0]
    assert row["name"] == "int8 litert"
    assert set(row["wafers_per_second"]) == {"1", "2"}
    assert row["cold_start_ms"] > 10
    assert data["machine"]["cpu"] in done.text
    assert data["command"][:2] == ["wm-edge", "bench"]
    assert "int8 peak of this machine" in done.text
    assert "classify / (encode + invoke)" in done.text
    assert ("MISSED" in done.text) is not data["ratios"][0]["met"]

    again = wm_edge(*QUICK, "--seconds", "0.1", "--compare", first, "--json", second)
    assert again.code == 0, again.stderr
    assert again.stderr == "warning: measured for another time: 0.8 s before, 0.1 s now\n"
    before = row["latency_us"]["invoke"]["p50"]
    now = json.loads(second.read_text("utf-8"))["subjects"][0]["latency_us"]["invoke"]["p50"]
    line = next(line for line in again.text.splitlines() if "invoke p50" in line)
    assert line.endswith(f"{now / before:.2f} x")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--quick", "--seconds", "2"), "exclude each other"),
        (("--threads", "0"), "1 to 64"),
        (("--threads", "one"), "1,2,4"),
        (("--threads", "9" * 5000), "1,2,4"),
        (("--seconds", "nan"), "finite"),
        (("--compare", "absent.json"), "absent.json: cannot be read"),
        (("--compare", str(shipped_path())), "not a result of `wm-edge bench --json`"),
        (("--float", "absent.tflite"), "absent.tflite: cannot be read"),
        (("--model", "absent.tflite"), "absent.tflite: cannot be read"),
        (("--data", "absent.npz"), "absent.npz"),
        (("--json", "absent/bench.json"), "there is no folder"),
    ],
)
def test_wrong_usage_is_told_before_any_work(arguments: tuple[str, ...], word: str) -> None:
    done = CliRunner().invoke(command, [*arguments], prog_name="bench")
    assert done.exit_code != 0
    assert word in done.output + str(done.exception)
    assert "p95" not in done.output


def test_a_runtime_that_is_not_installed_leaves_a_row_and_exit_code_3(tmp_path: Path) -> None:
    hide = tmp_path / "tflite_runtime"
    hide.mkdir()
    (hide / "__init__.py").write_text("raise ImportError('not here')\n", "utf-8")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = wm_edge("bench", "--quick", "--backend", "tflite", env={"PYTHONPATH": path})
    assert done.code == 3
    assert "int8 tflite" in done.text
    assert "not here" in done.text
    assert "pip install tflite-runtime" in done.text
    assert "nothing could be measured" in done.stderr
