"""``wm-edge evaluate --yield-sweep``: a table behind the other, and the counts in the JSON file."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from edge.cli.evaluate import command
from edge.dataset.labelled_set import LabelledSet


def test_the_yield_sweep_is_shown_and_written_and_no_part_of_a_baseline(
    tmp_path: Path, generated: LabelledSet
) -> None:
    data, now, good = (tmp_path / name for name in ("set.npz", "now.json", "good.json"))
    generated.save(data)
    arguments = [str(data), "--yield-sweep", "--json", str(now), "--write-baseline", str(good)]
    done = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    before, _, after = done.stdout.partition("wafers drawn on the set's die grids")
    assert "mean per-class accuracy" in before
    assert "wanted at 0 to 2 % random fails" in after
    found = json.loads(now.read_text())
    assert found["yield_sweep"]["model_sha256"] == found["model_sha256"]
    assert found["yield_sweep"]["data_sha256"] == found["data_sha256"]
    assert "yield_sweep" not in json.loads(good.read_text())
