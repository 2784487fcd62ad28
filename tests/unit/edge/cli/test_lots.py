"""``wm-edge lots``: what it prints, writes and refuses."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from edge.cli.main import cli
from edge.errors import UsageError
from tests.support.lots import at, lot_records, wafer, with_counts, write_store

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


def test_alarms_from_the_baseline_to_the_word(tmp_path: Path) -> None:
    store = tmp_path / "r.sqlite"
    write_store(store, [one for lot in range(19) for one in lot_records(f"L{lot}", ["none"], lot)])
    done = run(store, "--check")
    assert (done.exit_code, done.stdout) == (0, "")
    assert "not enough lots for limits and alarms: 19 of 20" in done.stderr
    with pytest.raises(UsageError, match="not enough lots for a baseline, 19 of 20"):
        run(store, "--freeze")
    usual = with_counts({"Loc": 1})
    more = [one for lot in range(19, 40) for one in lot_records(f"L{lot}", usual, 10 * lot)]
    write_store(store, more)
    assert run(store, "--freeze", "--by", "me").exit_code == 0
    bad = lot_records("BAD", ["Scratch"] * 25, 600, unfamiliarity=5.1)
    write_store(store, [*bad, *lot_records("NEXT", usual, 700)])
    found = json.loads(run(store, "--format", "json").stdout)
    assert [one["lot"] for one in found["alarms"]] == ["BAD"]
    assert found["baseline"] == {
        "lots": 40, "first_at": at(2.5 - 2.4), "last_at": at(392.5), "is_frozen": True,
    }  # fmt: skip
    assert "Scratch" in found["charts"]
    done = CliRunner().invoke(cli, ["lots", str(store), "--check"], standalone_mode=False)
    assert done.return_value == 4
    alarm = json.loads(done.stdout)
    assert (alarm["rule"], alarm["subject"], len(alarm["wafers"])) == ("whole-lot", "Scratch", 25)
    again = CliRunner().invoke(cli, ["lots", str(store), "--check"], standalone_mode=False)
    assert (again.return_value, again.stdout) == (0, "")
    assert "1 alarm not acknowledged" in run(store).stderr
    assert run(store, "--acknowledge", "1", "--word", "pump", "--by", "mk").exit_code == 0
    assert "not acknowledged" not in run(store).stderr
    assert json.loads(run(store, "--alarms").stdout)["word"] == "pump"
    assert "go together" in run(store, "--acknowledge", "1").stderr


def test_a_stations_file_says_where_alarms_go(tmp_path: Path) -> None:
    """What did not arrive goes out with the next check, once; what a person saw does not."""
    code = "import sys; text = sys.stdin.read(); open(sys.argv[1], 'a').write(text + chr(10))"
    command = [sys.executable, "-c", code, str(tmp_path / "missing" / "sent")]
    (tmp_path / "in").mkdir()
    (tmp_path / "line3.toml").write_text(
        f"[station]\nstore = 'r.sqlite'\nname = 'line 3'\n[[folder]]\npaths = ['in']\n"
        f"[alarms]\ncommand = {json.dumps(command)}\n"
    )
    usual = with_counts({"Loc": 1})
    records = [one for lot in range(20) for one in lot_records(f"L{lot}", usual, 10 * lot)]
    for lot, pattern in enumerate(["Scratch", "Donut"], 20):
        records += lot_records(f"L{lot}", [pattern] * 25, 10 * lot)
    write_store(tmp_path / "r.sqlite", [*records, *lot_records("L22", usual, 300)])

    def checked() -> tuple[int, str]:
        arguments = ["lots", str(tmp_path / "line3.toml"), "--check"]
        done = CliRunner().invoke(cli, arguments, standalone_mode=False)
        return done.return_value, done.stderr

    code_of, said = checked()
    assert code_of == 4
    assert "alarms are sent again with the next --check" in said
    assert checked()[0] == 1
    (tmp_path / "missing").mkdir()
    run(tmp_path / "line3.toml", "--acknowledge", "1", "--word", "seen")
    for _ in range(2):
        assert checked() == (0, checked()[1])
    sent = [json.loads(line) for line in (tmp_path / "missing" / "sent").read_text().splitlines()]
    assert [(one["id"], one["subject"], one["station"]) for one in sent] == [(2, "Donut", "line 3")]


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
