"""Verbs on files of probers, testers and inspection tools."""

from __future__ import annotations

import csv
import gzip
import io
import json
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.support.cli import wm_edge
from tests.support.station import Running, rows, wait_for

ROOT = Path(__file__).parents[2]

#: 40 dies, of which a few fail at the lower edge; notch left, no passing bins.
SINF = (
    "DEVICE:DEMO-1\nLOT:MADEUP\x1b[2J\nWAFER:07\nFNLOC:270\nROWCT:6\nCOLCT:8\n%s"
    "RowData: __ __ 01 01 01 01 __ __\n"
    "RowData: __ 01 01 01 01 01 01 __\n"
    "RowData: 01 01 01 01 01 01 01 01\n"
    "RowData: 01 01 01 01 01 01 01 01\n"
    "RowData: __ 01 01 01 01 01 07 __\n"
    "RowData: __ __ 07 07 07 07 __ __\n"
)
RECIPE = 'pass_bins = ["01"]\n[match]\nformat = "SINF"\n[orientation]\n270 = "left"\n'


@pytest.fixture
def lot(tmp_path: Path) -> Path:
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "demo.toml").write_text(RECIPE)
    (tmp_path / "w7.map").write_text(SINF % "")
    return tmp_path


def test_a_drawing_with_what_is_known_beside(lot: Path) -> None:
    done = wm_edge("show", lot / "w7.map", "--recipes", lot / "recipes")
    out = done.stdout.decode()
    assert done.code == 0
    assert "\x1b" not in out
    lines = out.splitlines()
    rows = ["  ..  ", " ...X ", *[".....X"] * 4, " .... ", "  ..  "]  # the notch is down
    assert [line[:6].ljust(6) for line in lines[:8]] == rows
    assert "passes by    recipe demo" in out
    assert "07         fail      5" in out
    assert "left, turned by 90 degrees" in out


def test_where_nobody_says_what_passes_the_codes_are_drawn(lot: Path) -> None:
    done = wm_edge("show", lot / "w7.map")
    assert done.code == 1
    assert "lot MADEUP" in done.stderr
    assert "--pass-bins" in done.stderr
    lines = done.stdout.decode().splitlines()
    rows = ["  AAAA  ", " AAAAAA ", *["AAAAAAAA"] * 2, " AAAAAB ", "  BBBB  "]
    assert [line[:8].ljust(8) for line in lines[:6]] == rows
    listed = [line[8:].split() for line in lines if "unknown" in line]
    assert listed == [["A", "01", "unknown", "31"], ["B", "07", "unknown", "5"]]


def test_a_picture_of_it(lot: Path) -> None:
    plot = lot / "w7.png"
    given = ("show", lot / "w7.map", "--pass-bins", "01", "--png", plot)
    assert wm_edge(*given).code == 0
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert "exists already" in wm_edge(*given).stderr
    two = (
        "show",
        lot / "w7.map",
        ROOT / "samples" / "fab" / "lot.zip",
        "--pass-bins",
        "1",
        "--png",
    )
    before = plot.read_bytes()
    assert "for one wafer" in wm_edge(*two, plot, "--overwrite").stderr
    assert plot.read_bytes() == before
    assert wm_edge(*two, lot / "plots").code == 0
    assert len(list((lot / "plots").glob("*.png"))) == 3


def test_a_picture_of_its_codes_where_nobody_says_what_passes(lot: Path) -> None:
    done = wm_edge("show", lot / "w7.map", "--png", lot / "plots")
    assert done.code == 1
    assert "--pass-bins" in done.stderr
    (plot,) = (lot / "plots").iterdir()
    assert plot.name == "MADEUP_2J_07.png"
    pixels = cv2.imread(str(plot))
    side = pixels.shape[1] // 8
    middle = pixels[side // 2 : 6 * side : side, side // 2 :: side].tolist()
    nothing, often, seldom = middle[0][0], middle[2][2], middle[5][3]
    assert nothing == [255, 255, 255]
    assert sum(row.count(often) for row in middle) == 31
    assert sum(row.count(seldom) for row in middle) == 5
    beside = pixels[6 * side :, 22].tolist()  # the colours stand before their codes
    assert often in beside
    assert seldom in beside


def test_the_list_of_formats_names_all(lot: Path) -> None:
    out = wm_edge("formats").stdout.decode()
    for name in ("KLARF", "text map", "IBIS", "grid of bins", ".gz", "--to"):
        assert name in out
    written = {line.split()[0]: line for line in out.splitlines() if line}
    for kind, suffix in {
        "SINF": "sinf",
        "STDF": "stdf",
        "picture": "png",
        "table": "table",
    }.items():
        assert f"  {suffix} " in written[kind]


@pytest.mark.parametrize("kind", ["klarf", "g85", "e142"])
def test_patterns_are_written_back_into_a_copy(lot: Path, kind: str) -> None:
    given, back = lot / f"w7.{kind}", lot / f"back.{kind}"
    rules = ("--recipes", lot / "recipes")
    assert wm_edge("convert-map", lot / "w7.map", given, *rules).code == 0
    before = given.read_bytes()
    done = wm_edge("classify", given, "--write-back", back)
    assert done.code == 0, done.stderr
    record = json.loads(done.stdout)
    assert (record["legend"], record["device"], record["turned"]) == ("file", "DEMO-1", 90)
    assert given.read_bytes() == before
    assert record["pattern"].encode() in back.read_bytes()
    assert f"{record['verdict']} ({record['reason']})".encode() in back.read_bytes()
    again = json.loads(wm_edge("classify", back).stdout)
    assert {**again, "source": "", "latency_us": 0} == {**record, "source": "", "latency_us": 0}


@pytest.mark.parametrize(
    ("given", "what"),
    [
        (["w7.map"], "this is a SINF"),
        (["w7.map.gz"], "this is a compressed file or archive; unpack it first"),
        (["w7.map", "w7.map"], "for one file"),
        (["."], "for one file"),
    ],
)
def test_where_nothing_can_be_written_back(lot: Path, given: list[str], what: str) -> None:
    (lot / "w7.map.gz").write_bytes(gzip.compress((lot / "w7.map").read_bytes()))
    done = wm_edge("classify", *given, "--write-back", "back", cwd=lot)
    assert done.code == 2
    assert what in done.stderr
    assert not (lot / "back").exists()


def test_rows_of_a_table_say_who_said_what_passes(lot: Path) -> None:
    done = wm_edge("classify", lot / "w7.map", "--pass-bins", "01", "--format", "csv")
    (row,) = csv.DictReader(io.StringIO(done.stdout.decode()))
    assert (row["legend"], row["device"], row["turned"]) == ("option --pass-bins", "DEMO-1", "")


def test_a_folder_of_them_is_a_labelled_set_without_labels(lot: Path) -> None:
    out = lot / "set.npz"
    (lot / "no.png").write_bytes(b"none")
    given = ("dataset", "import", lot, "--unlabelled", "--recipes", lot / "recipes", "--out", out)
    done = wm_edge(*given)
    assert done.code == 0, done.stderr
    assert done.stderr.splitlines()[-1] == f"wrote {out}; 1 left out, as said above"
    with np.load(out) as made:
        assert made["labels"].tolist() == [""]
        assert made["shapes"].tolist() == [[8, 6]]


def test_class_folders_of_files_of_several_wafers(lot: Path) -> None:
    """Each wafer of a file has the label of its folder, alike to ``evaluate`` and ``import``."""
    maps, out = lot / "maps", lot / "set.npz"
    for name, count in {"Edge-Loc": 3, "none": 2}.items():
        (maps / name).mkdir(parents=True)
        (maps / name / "lot.map").write_text("".join(SINF % "" for _ in range(count)))
    rules = ("--recipes", lot / "recipes")
    found = wm_edge("evaluate", maps, "--json", lot / "figures.json", *rules)
    assert found.code == 0, found.stderr
    figures = json.loads((lot / "figures.json").read_text())
    assert figures["wafers"] == 5
    assert wm_edge("dataset", "import", maps, *rules, "--out", out).code == 0
    with np.load(out) as made:
        assert sorted(made["labels"].tolist()) == [*["Edge-Loc"] * 3, *["none"] * 2]
        assert made["lot"].tolist()[0].startswith("MADEUP")
    assert wm_edge("evaluate", maps).code == 2


def test_recipes_that_change_while_a_station_works(lot: Path) -> None:
    """Each file is judged by one recipe as a whole: the one before, or the one that came."""
    folder, store = lot / "in", lot / "s.sqlite"
    folder.mkdir()
    recipe, bins = lot / "recipes" / "demo.toml", ("01", "07")
    options = ("--store", store, "--recipes", lot / "recipes")
    with Running(lot, "watch", folder, *options) as station:
        station.wait_ready()
        for number in range(60):
            if number % 20 == 19:
                new = recipe.with_name("new")
                new.write_text(RECIPE.replace("01", bins[number // 20 % 2 == 0]))
                new.replace(recipe)
            (folder / f"{number}.map").write_text(SINF % f"SLOT:{number}\n")
            time.sleep(0.05)
        wait_for(lambda: len(rows(store)) == 60, "all wafers taken")
        (folder / "last.map").write_text(SINF % "SLOT:99\n")
        wait_for(lambda: len(rows(store)) == 61, "the last one taken")
        assert station.stop() == 0, station.said()
    found = rows(store, "SELECT slot, fails, legend FROM results ORDER BY slot")
    assert {each["legend"] for each in found} == {"recipe demo"}
    assert {each["fails"] for each in found} == {5, 31}
    assert found[0]["fails"] == 5
    assert not rows(store, "SELECT * FROM errors")


@pytest.fixture
def warned_of(lot: Path) -> Path:
    """Class folders of two files that say what passes, of which one has an odd header."""
    for name, columns in (("Edge-Loc", "COLCT:9"), ("none", "COLCT:8")):
        path = lot / "maps" / name / "w.map"
        path.parent.mkdir(parents=True)
        path.write_text(SINF.replace("COLCT:8", columns) % "BCEQU:01\n")
    return lot / "maps"


def test_what_files_warn_of_is_told_where_no_record_holds_it(warned_of: Path) -> None:
    out = warned_of.parent
    json_path = out / "f.json"
    for given in (
        ("dataset", "import", warned_of, "--out", out / "set.npz"),
        ("evaluate", warned_of, "--json", json_path),
        ("convert-map", warned_of, out / "copies.g85"),
    ):
        done = wm_edge(*given)
        assert done.code == 0, done.stderr
        (line,) = (each for each in done.stderr.splitlines() if "header promises 9 columns" in each)
        assert line.startswith(("warning: ", "note: "))
        assert f"{warned_of / 'Edge-Loc' / 'w.map'}: " in line
    figures = json.loads(json_path.read_text())
    assert any("header promises 9 columns" in each for each in figures["warnings"])


def test_wafers_with_a_warning_are_counted_beside_their_records(warned_of: Path) -> None:
    done = wm_edge("classify", warned_of, "--output", warned_of.parent / "r.jsonl")
    assert done.stderr.splitlines()[-1].endswith(", 1 with a warning")
    records = map(json.loads, (warned_of.parent / "r.jsonl").read_text().splitlines())
    warnings = [each["warning"] for each in records]
    assert [bool(each) for each in warnings] == [True, False]
    assert "header promises 9 columns" in warnings[0]


def test_a_station_says_what_files_warn_of(warned_of: Path) -> None:
    done = wm_edge("watch", warned_of, "--once", "--store", warned_of.parent / "s.sqlite")
    assert done.code == 0, done.stderr
    lines = done.stderr.splitlines()
    (line,) = (each for each in lines if "header promises 9 columns" in each)
    assert f"warning: {warned_of / 'Edge-Loc' / 'w.map'}: " in line
    assert "1 with a warning" in lines[-1]


def test_that_a_file_warns_of_something_is_said_where_the_pattern_is_written_back(
    warned_of: Path,
) -> None:
    given, back = warned_of.parent / "w.klarf", warned_of.parent / "back.klarf"
    assert wm_edge("convert-map", warned_of / "none", given).code == 0
    given.write_bytes(given.read_bytes().replace(b"EndOfFile;", b""))
    done = wm_edge("classify", given, "--write-back", back)
    assert done.code == 0, done.stderr
    assert "EndOfFile" in json.loads(done.stdout)["warning"]
    assert done.stderr.splitlines()[-1].endswith(", 1 with a warning (not in the copy)")
