"""``wm-edge lots``: what it prints, writes and refuses."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from edge.cli.main import cli
from edge.errors import UsageError
from tests.support.lots import lot_records, wafer, write_store

HOSTILE = '=<script>alert("x")</script>\x1b[2J'


@pytest.fixture
def store(tmp_path: Path) -> Path:
    records = lot_records("A1", ["Loc", "Loc", "none"], 0, map=np.full((9, 9), 2, np.uint8))
    records += lot_records("B2", ["Center+Scratch", "none"], 60)
    return write_store(tmp_path / "r.sqlite", records)


def run(*arguments: str | Path) -> Result:
    done = CliRunner().invoke(cli, ["lots", *map(str, arguments)])
    if isinstance(done.exception, UsageError):
        raise done.exception
    return done


def test_a_table_a_document_and_csv_say_the_same(store: Path, tmp_path: Path) -> None:
    done = run(store, "--format", "json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert [one["lot"] for one in found["lots"]] == ["A1", "B2"]
    assert found["lots"][1]["patterns"] == {"Center": 1, "Scratch": 1}
    assert found["together"]["wafers"] == 5
    assert [one["pattern"] for one in found["pareto"]] == ["Loc", "Center", "Scratch"]
    assert found["pareto"][-1]["running"] == 1
    assert [one["name"] for one in found["trend"]] == ["2026-01-01"]
    run(store, "--output", tmp_path / "lots.csv")
    rows = [*csv.DictReader((tmp_path / "lots.csv").open(encoding="utf-8"))]
    assert [row["wafers_Loc"] for row in rows] == ["2", "0"]
    assert [row["first_with_pattern"] for row in rows] == ["1", "1"]
    table = run(store, "--format", "table").stdout
    assert "2 Loc" in table
    assert "2 lots, 5 wafers" in run(store).stderr


def test_names_from_files_stay_data(store: Path) -> None:
    write_store(store, [wafer(HOSTILE, HOSTILE, HOSTILE)])
    assert "\x1b" not in run(store, "--format", "table").stdout
    cells = [*csv.reader(io.StringIO(run(store, "--format", "csv").stdout))]
    assert not any(cell.startswith("=") for row in cells for cell in row)
    assert json.loads(run(store, "--format", "json").stdout)["lots"][-1]["lot"] == HOSTILE


def test_a_stack_is_a_picture_or_numbers(store: Path, tmp_path: Path) -> None:
    assert run(store, "--lot", "A1", "--stack", tmp_path / "a.png").exit_code == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    run(store, "--pattern", "Loc", "--stack", tmp_path / "a.csv")
    rows = [*csv.DictReader((tmp_path / "a.csv").open(encoding="utf-8"))]
    assert len(rows) == 81
    assert {(row["dies"], row["fails"]) for row in rows} == {("2.0", "2.0")}


def test_what_cannot_be_is_said(store: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no lot 'Z'; newest: A1, B2"):
        run(store, "--lot", "Z")
    with pytest.raises(UsageError, match="no lot was recorded since"):
        run(store, "--since", "2030-01-01")
    with pytest.raises(UsageError, match="no wafer shows 'Donut' there; there are: Loc"):
        run(store, "--pattern", "Donut", "--stack", tmp_path / "a.png")
    with pytest.raises(UsageError, match="exists already"):
        run(store, "--output", store)
    assert "write 2026-12-01" in run(store, "--since", "yesterday").stderr
    assert "must end in .png or .csv" in run(store, "--stack", tmp_path / "a.gif").stderr
    assert "--stack" in run(store, "--pattern", "Loc").stderr
    with pytest.raises(UsageError, match="holds no result yet"):
        run(write_store(tmp_path / "empty.sqlite", []))
