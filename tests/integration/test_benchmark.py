"""The benchmark runs and has every figure; how fast things are is not judged here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import edge

SCRIPT = Path(edge.__file__).parents[1] / "benchmarks" / "station.py"

#: Beginnings of the names of all figures, and their bars.
FIGURES = {
    "wm-edge --help": 1.6,
    "classify one picture, cold": 2.0,
    "folder of": 0.5,
    "peak memory of 400 pictures": 200,
    "peak memory of 400 wafers of a labelled set": 200,
    "the same": 1.1,
    "installed size": 300,
}


def test_quick_run_has_every_figure(tmp_path: Path) -> None:
    report_file = tmp_path / "report.json"
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--quick", "--json", str(report_file)],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    # 1: a bar was missed, which so few wafers on a machine full of tests say nothing about.
    assert done.returncode in {0, 1}, done.stderr
    assert done.stderr == ""
    figures = json.loads(report_file.read_text("utf-8"))["figures"]
    for name, bar in FIGURES.items():
        found = [figure for figure in figures if figure["name"].startswith(name)]
        assert found, name
        for figure in found:
            assert figure["value"] > 0
            assert figure["bar"] == pytest.approx(bar)
            assert isinstance(figure["passed"], bool)
            assert figure["name"] in done.stdout
