"""``wm-edge pattern``: a new pattern from ten wafers, at the command line and a running station."""

from __future__ import annotations

import csv
import shutil
import time
import urllib.request
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from convert.report.out_of_distribution import UnknownPattern
from tests.support.broker import free_port
from tests.support.cli import parse_lines, wm_edge
from tests.support.model_files import OLD
from tests.support.own import drawn, write
from tests.support.station import Running, rows, wait_for

#: A model file that accepts some of these halves: what a claim changes is the verdict on them.
BY = ("--model", OLD)

NAME = 'Chuck, "left" 50 % / Größe'


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    write(tmp_path / "examples", UnknownPattern.HALF, 10)
    write(tmp_path / "in", UnknownPattern.HALF, 8, 1)
    return tmp_path


def test_from_ten_files_to_results(folder: Path) -> None:
    before = wm_edge("classify", "in", *BY, cwd=folder)
    added = wm_edge("pattern", "add", NAME, "examples", *BY, cwd=folder)
    assert added.code == 0, added.stderr
    assert "of them are recognised by the others" in added.text
    assert "nearest: " in added.text
    assert wm_edge("pattern", "list", cwd=folder).text.startswith(f"{NAME}: 10 examples, recall ")
    shown = wm_edge("pattern", "show", NAME, cwd=folder).text
    assert "half-9.npy" in shown
    after = wm_edge("classify", "in", "--patterns", "patterns", *BY, cwd=folder)
    assert all(record["suggested"] == NAME for record in after.records)
    for old, new in zip(before.records, after.records, strict=True):
        assert "suggested" not in old
        changed = {key for key, value in old.items() if new[key] != value} - {"latency_us"}
        was_accepted = old["verdict"] == "accept"
        assert changed == ({"verdict", "reason"} if was_accepted else set())
        assert new["reason"] == ("own" if was_accepted else old["reason"])
    assert any(record["reason"] == "own" for record in after.records)
    assert wm_edge("pattern", "remove", NAME, cwd=folder).code == 0
    assert not [*(folder / "patterns").iterdir()]
    gone = wm_edge("classify", "in", "--patterns", "patterns", *BY, cwd=folder)
    assert {record["suggested"] for record in gone.records} == {None}


def test_table_and_csv_name_it(folder: Path) -> None:
    assert wm_edge("pattern", "add", "Half", "examples", *BY, cwd=folder).code == 0
    table = wm_edge(
        "classify", "in", "--patterns", "patterns", "--format", "table", *BY, cwd=folder
    )
    assert "review: own Half" in table.text
    assert "review: unfamiliar Half" in table.text
    (folder / "line.toml").write_text(
        f'[station]\nstore = "s.sqlite"\n[model]\nfile = "{OLD}"\n[patterns]\nfolder = "patterns"\n'
        '[[folder]]\npaths = ["in"]\n'
    )
    checked = wm_edge("station", "line.toml", "--check", cwd=folder)
    assert "patterns patterns: Half\n" in checked.text
    one = wm_edge(
        "classify", "in", "--patterns", "patterns", "--output", "o.csv", "--threads", "2", *BY,
        cwd=folder,
    )  # fmt: skip
    assert one.code == 0, one.stderr
    with (folder / "o.csv").open(encoding="utf-8") as file:
        assert {row["suggested"] for row in csv.DictReader(file)} == {"Half"}


def test_a_running_station_learns_it_from_its_own_store(folder: Path) -> None:
    """It is not started anew: ``add`` takes ids of its records, and what comes is suggested."""
    watched, store = folder / "watched", folder / "results.sqlite"
    watched.mkdir()
    arguments = ("watch", watched, "--store", store, "--csv", "out.csv", "--jsonl", "out.jsonl",
                 "--patterns", "patterns", "--metrics", str(port := free_port()), *BY)  # fmt: skip
    with Running(folder, *arguments) as station:
        station.wait_ready()
        for path in (folder / "examples").iterdir():
            shutil.copy(path, watched / f"first-{path.name}")
        written = folder / "out.jsonl"
        wait_for(lambda: written.read_bytes().count(b"\n") == 10, "ten wafers are recorded")
        identities = [line["id"] for line in parse_lines(written.read_bytes())]
        unknown = wm_edge("pattern", "add", "Half", "999", "--store", store, cwd=folder)
        assert unknown.code == 2
        assert "999: no wafer of the store is called so, or its map is not kept" in unknown.stderr
        identities[:5] = [one.partition("-")[2] for one in identities[:5]]
        added = wm_edge("pattern", "add", "Half", *identities, "--store", store, *BY, cwd=folder)
        assert added.code == 0, added.stderr
        assert "of the last 10 wafers of the store it would have claimed 0" in added.text

        def learnt() -> bool:
            for path in (folder / "in").iterdir():
                shutil.copy(path, watched / f"{time.monotonic_ns()}-{path.name}")
            time.sleep(0.3)
            return any(row["suggested"] == "Half" for row in rows(store))

        wait_for(learnt, "a wafer is suggested")
        assert "patterns: there is no folder of pattern files; it is waited for" in station.said()
        assert "patterns patterns: none yet" in station.said()
        assert "patterns: Half comes into use (10 examples)" in station.said()
        path = folder / "patterns" / "Half.pattern"
        whole = path.read_bytes()
        path.write_bytes(whole[:1000])

        def told() -> bool:
            shutil.copy(folder / "in" / "half-0.npy", watched / f"{time.monotonic_ns()}.npy")
            time.sleep(0.3)
            return "Half.pattern: no pattern file" in station.said()

        wait_for(told, "the broken file is told")
        path.write_bytes(whole)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            metrics = answer.read().decode()
        assert 'wm_edge_own_claims_total{suggested="Half",trusted="no"}' in metrics
        assert station.stop() == 0
    found = Counter((row["suggested"], row["reason"]) for row in rows(store))
    assert found["Half", "own"] > 0
    lines = parse_lines(written.read_bytes())
    assert Counter((line["suggested"], line["reason"]) for line in lines) == found
    with (folder / "out.csv").open(encoding="utf-8") as file:
        cells = Counter(
            (row["suggested"] or None, row["reason"] or None) for row in csv.DictReader(file)
        )
    assert Counter(cells) == found


def test_confirmations_trust_and_graduation(folder: Path) -> None:
    assert wm_edge("pattern", "add", "Half", "examples", *BY, cwd=folder).code == 0
    early = wm_edge("pattern", "confirm", "Half", "--right", "10", "--trust", *BY, cwd=folder)
    assert early.code == 2
    assert "nothing was noted (it would be 10 claims confirmed" in early.stderr
    assert "20 confirmations" in early.stderr
    assert wm_edge("pattern", "confirm", "Half", "--right", "12", *BY, cwd=folder).code == 0
    trusted = wm_edge(
        "pattern", "confirm", "Half", "--right", "10", "--wrong", "1", "--trust", *BY, cwd=folder
    )
    assert trusted.text == "Half: 22 claims confirmed, 1 refused, trusted\n"
    sure = wm_edge("classify", "in", "--patterns", "patterns", *BY, cwd=folder)
    assert "own" not in {record["reason"] for record in sure.records}
    assert {record["suggested"] for record in sure.records} == {"Half"}
    lost = wm_edge("pattern", "confirm", "Half", "--wrong", "1", *BY, cwd=folder)
    assert "22 claims confirmed, 2 refused; trusted no longer" in lost.text
    assert wm_edge("pattern", "graduate", "Half", "--output", "classes", cwd=folder).code == 0
    maps = [np.load(path) for path in sorted((folder / "classes" / "Half").iterdir())]
    for one, dies in zip(maps, drawn(UnknownPattern.HALF, 10), strict=True):
        np.testing.assert_array_equal(one, dies)
    again = wm_edge("pattern", "rebuild", *BY, cwd=folder)
    assert "Half: was made for this model file; it stays as it is" in again.stderr
    assert "22 claims confirmed" in wm_edge("pattern", "show", "Half", cwd=folder).text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("add", "a\nb", "examples"), "control character (U+000A)"),
        (("add", "x" * 101, "examples"), "at most 100 can be a name"),
        (("add", "New", "examples/half-0.npy"), "1 example, 5 to 50 are needed"),
        (("add", "New", "no-such-file.npy"), "no-such-file.npy"),
        (("add", "New", "broken.npy"), "broken.npy"),
        (("add", "New", "examples", "--store", "no.sqlite"), "no such store; there are: s.sqlite"),
        (("show", "New"), "no pattern 'New'"),
        (("remove", "New"), "no pattern 'New'"),
    ],
)
def test_what_makes_no_pattern_is_told(
    folder: Path, arguments: tuple[str, ...], words: str
) -> None:
    (folder / "broken.npy").write_bytes(b"x")
    (folder / "s.sqlite").touch()
    done = wm_edge("pattern", *arguments, cwd=folder)
    assert done.code in (1, 2)
    assert words in done.stderr
    assert not (folder / "patterns").exists()


def test_a_folder_of_patterns_that_is_not_there_is_told_before_any_work(folder: Path) -> None:
    done = wm_edge("classify", "in", "--patterns", "no", cwd=folder)
    assert done.code == 2
    assert "no such folder of pattern files" in done.stderr
    file = wm_edge("watch", "in", "--patterns", "in/half-0.npy", cwd=folder)
    assert file.code == 2
    assert not (folder / "wm-edge.sqlite").exists()
