"""Results on disk and on the screen: whole lines, odd names, full disks."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from edge.errors import OutputError, UsageError
from edge.results.csv import classify_columns
from edge.results.line_stream import Stream
from edge.results.table import TableSink
from edge.results.writers import ResultFormat, open_sink
from edge.system.text import columns, utf8
from edge.wafer.patterns import PATTERNS, WM811K, PatternSet

RECORD: dict[str, Any] = {
    "source": "lot1/w1.png",
    "index": 0,
    "lot": None,
    "wafer": None,
    "pattern": "Loc",
    "probability": 0.75,
    "probabilities": {"Loc": 0.75, "Center": 0.2, "none": 0.05},
    "verdict": "review",
    "reason": "low-confidence",
    "confidence": 0.61,
    "below": 0.8,
    "unfamiliarity": 5.1,
    "mixture": 0.02,
    "dies": 500,
    "fails": 20,
    "model": "m@0123",
    "symmetries": 1,
    "latency_us": 90,
}
ERROR: dict[str, Any] = {"source": "w2.png", "error": "zero bytes", "kind": "empty"}

#: Names that break careless writers; the last is what Python makes of the bytes ``caf\xe9.png``.
ODD_NAMES = [
    'a,b;"c"\t.png',
    "two\nlines.png",
    "carriage\rreturn.png",
    "\x1b[31mred\x1b[0m\x07.png",
    "\u202egnp.exe",
    "Ünï \u2028 晶圆.png",
    "caf\udce9.png",
]


def test_bytes_of_a_name_are_letters_where_they_can_be() -> None:
    assert utf8("caf\udcc3\udca9.png") == "café.png"  # as a locale without é has it
    assert utf8("caf\udce9.png") == r"caf\udce9.png"
    assert utf8("\ud800é") == r"\ud800é"


def written(kind: ResultFormat, path: Path, *records: dict[str, Any]) -> bytes:
    sink = open_sink(kind, path)
    for record in records:
        sink.write(record)
    sink.close()
    return path.read_bytes()


def test_jsonl_gives_back_what_it_was_given(tmp_path: Path) -> None:
    records = [{**RECORD, "source": name} for name in ODD_NAMES] + [ERROR]
    content = written(ResultFormat.JSONL, tmp_path / "out.jsonl", *records)
    assert content.count(b"\n") == len(records)
    lines = content.decode("utf-8").split("\n")
    assert [json.loads(line) for line in lines[:-1]] == [
        {**record, "source": utf8(record["source"])} for record in records
    ]


@pytest.mark.parametrize("kind", ResultFormat)
def test_half_a_utf16_pair_does_not_stop_the_run(tmp_path: Path, kind: ResultFormat) -> None:
    """A labelled set can hold such a lot name; no file name can."""
    odd = {**RECORD, "lot": "\ud800", "source": "\ud800"}
    content = written(kind, tmp_path / "out", odd, RECORD)
    assert content.decode("utf-8").count("lot1/w1.png") == 1


def test_csv_gives_back_what_it_was_given(tmp_path: Path) -> None:
    records = [{**RECORD, "source": name} for name in ODD_NAMES]
    content = written(ResultFormat.CSV, tmp_path / "out.csv", *records, ERROR)
    text = content.decode("utf-8")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["source"] for row in rows] == [*map(utf8, ODD_NAMES), "w2.png"]
    assert (rows[0]["pattern"], rows[0]["p_Center"], rows[0]["lot"]) == ("Loc", "0.2", "")
    assert (rows[-1]["error"], rows[-1]["kind"], rows[-1]["pattern"]) == ("zero bytes", "empty", "")
    assert set(classify_columns(PATTERNS)) >= RECORD.keys() - {"probabilities"} | ERROR.keys()
    assert all(f"p_{name}" in classify_columns(PATTERNS) for name in PATTERNS)


def test_patterns_called_like_columns_have_columns_of_their_own(tmp_path: Path) -> None:
    names = ("confidence", "none", "p_none", "pattern", "source", "=1+1", 'a\u202f,"b')
    shares = {name: place / 32 for place, name in enumerate(names)}
    path = tmp_path / "out.csv"
    sink = open_sink(ResultFormat.CSV, path, patterns=PatternSet(names))
    sink.write({**RECORD, "pattern": "=1+1", "probabilities": shares})
    sink.close()
    columns, *rows = csv.reader(io.StringIO(path.read_text("utf-8"), newline=""))
    assert len(set(columns)) == len(columns)
    (row,) = (dict(zip(columns, row, strict=True)) for row in rows)
    assert {name: float(row[f"p_{name}"]) for name in names} == shares
    assert (row["pattern"], row["confidence"], row["source"]) == ("'=1+1", "0.61", "lot1/w1.png")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_csv_cells_are_no_formulas(tmp_path: Path, start: str) -> None:
    cell = f'{start}HYPERLINK("http://x","y")'
    content = written(
        ResultFormat.CSV,
        tmp_path / "out.csv",
        {**RECORD, "source": cell, "lot": cell, "latency_us": -1},
        {**ERROR, "error": cell},
    )
    rows = list(csv.DictReader(io.StringIO(content.decode(), newline="")))
    assert rows[0]["source"] == rows[0]["lot"] == rows[1]["error"] == f"'{cell}"
    assert rows[0]["latency_us"] == "-1"


def test_table_prints_no_control_characters(tmp_path: Path) -> None:
    records = [{**RECORD, "source": name} for name in ODD_NAMES]
    spoilt = {**ERROR, "source": "a\x1b[2J", "error": "x\r\ny\x9b31m"}
    content = written(ResultFormat.TABLE, tmp_path / "out.txt", *records, spoilt)
    lines = content.decode("utf-8").split("\n")
    assert len(lines) == 1 + len(records) + 1 + 1
    assert all(char.isprintable() for line in lines for char in line)


def test_table_in_a_file_has_no_colours_even_when_stdout_is_a_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert b"\x1b" not in written(ResultFormat.TABLE, tmp_path / "out.txt", RECORD, ERROR)


def test_table_shows_what_counts(tmp_path: Path) -> None:
    long = {**RECORD, "source": "x" * 50 + ".png", "verdict": "accept", "reason": None}
    second = {**RECORD, "source": "lot.npz", "index": 3}
    lines = (
        written(ResultFormat.TABLE, tmp_path / "out.txt", long, second, ERROR).decode().split("\n")
    )
    assert "x" * 14 + "…" + "x" * 25 + ".png" in lines[1]
    assert "accept" in lines[1]
    for words in (
        "lot.npz[3]",
        "75.0 %",
        "61.0 %",
        "review: low-confidence <80%",
        "20/500",
        "Center 20 %",
    ):
        assert words in lines[2]
    assert lines[3].split("  ")[0] == "w2.png"
    assert lines[3].endswith("empty: zero bytes")


def test_a_table_ends_with_what_is_to_be_known_of_files(tmp_path: Path) -> None:
    warned = {**RECORD, "legend": "file", "warning": "the file states 3 passing dies"}
    lines = written(ResultFormat.TABLE, tmp_path / "out.txt", warned, RECORD).decode().split("\n")
    assert lines[-3].split() == ["source", "to", "be", "known", "of", "its", "file"]
    assert lines[-2].endswith("the file states 3 passing dies")
    rows = csv.DictReader(
        io.StringIO(written(ResultFormat.CSV, tmp_path / "out.csv", warned, RECORD).decode())
    )
    assert [(row["legend"], row["warning"]) for row in rows] == [
        ("file", warned["warning"]),
        ("", ""),
    ]


REVIEWS = [
    {"reason": "low-confidence", "below": 1.0, "probability": 1.0, "confidence": 1.0},
    {"reason": "unfamiliar", "unfamiliarity": 123.456},
    {"reason": "mixed", "mixture": 1.0},
    {"reason": "few-dies"},
    {"reason": None, "verdict": "accept"},
]


@pytest.mark.parametrize("width", [80, 100, 130])
def test_every_wafer_takes_one_line_of_the_terminal(
    width: int, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    sink = open_sink(ResultFormat.TABLE, None)
    largest = {"pattern": "Near-full", "fails": 13_456, "dies": 90_000, "index": 24_999}
    for number, review in enumerate(REVIEWS):
        for name in ("w1.png", f"{'晶圆' * 40}/{'é' * 40}{number}.png"):
            sink.write({**RECORD, **largest, **review, "source": name})
    sink.write({**ERROR, "error": "so it is and so it was; " * 20})
    sink.close()
    lines = capfd.readouterr().out.splitlines()
    assert all(columns(line) <= width for line in lines), lines
    results = lines[1 : 1 + 2 * len(REVIEWS)]
    assert [line.split()[0].endswith("[24999]") for line in results] == [True] * len(results)
    assert all(" Near-full " in line for line in results)
    place = results[0].index("Near-full")
    assert " ".join(line[place:] for line in lines[1 + len(results) :]).count("so it was;") == 20


def test_errors_that_are_held_back_come_last_and_none_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    sink = open_sink(ResultFormat.TABLE, path, hold_errors=2)
    for name in ("a", "b", "c"):
        sink.write({**ERROR, "source": name})
    sink.write(RECORD)
    sink.close()
    firsts = [line.split(" ")[0] for line in path.read_text("utf-8").splitlines()]
    assert firsts == ["source", "c", "lot1/w1.png", "", "source", "a", "b"]


@pytest.mark.parametrize(
    ("encoding", "mark"), [("latin-1", "..."), ("ascii", "..."), ("utf-8", "…")]
)
def test_a_table_shows_what_the_terminal_can_show(
    encoding: str, mark: str, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    stream = Stream(1, "standard output", interactive=True, encoding=encoding)
    sink = TableSink(stream)
    for name in (*ODD_NAMES, "µ" * 100):
        sink.write({**RECORD, "source": name})
    sink.close()
    lines = capfdbinary.readouterr().out.decode(encoding).splitlines()
    assert len(lines) == len(ODD_NAMES) + 2
    assert mark in lines[-1]


@pytest.mark.parametrize(
    ("verdict", "reason", "own", "words"),
    [
        ("review", "unfamiliar", "Chuck mark", "review: unfamil… Chuck mark"),
        ("review", "unfamiliar", "Mark of the left chuck, left", "review: Mark o… chuck, left"),
        ("review", "own", "Chuck mark", "review: own Chuck mark"),
        ("accept", None, "Chuck mark", "accept: Chuck mark"),
    ],
)
def test_a_pattern_of_ones_own_is_named_whole_before_its_reason(
    verdict: str, reason: str | None, own: str, words: str, capfdbinary: Any
) -> None:
    sink = TableSink(Stream(1, "standard output", interactive=True, encoding="utf-8"))
    sink.write({**RECORD, "verdict": verdict, "reason": reason, "suggested": own})
    sink.close()
    assert words in capfdbinary.readouterr().out.decode()


def test_the_first_wafer_of_a_stack_has_its_place_in_a_table(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    sink = open_sink(ResultFormat.TABLE, path, hold_errors=9)
    for source, index in (("a.npy", 0), ("b.npy", 0), ("b.npy", 1), ("c.npy", 0), ("d.png", 0)):
        sink.write({**RECORD, "source": source, "index": index})
    sink.write({**RECORD, "source": "e.npy"})
    sink.write({**ERROR, "source": "e.npy[1]"})
    sink.write({**RECORD, "source": "f.npy"})
    sink.close()
    firsts = [line.split(" ")[0] for line in path.read_text("utf-8").splitlines()[1:]]
    assert firsts[:5] == ["a.npy", "b.npy[0]", "b.npy[1]", "c.npy", "d.png"]
    assert firsts[5:] == ["e.npy[0]", "f.npy", "", "source", "e.npy[1]"]


def test_what_the_patterns_that_were_found_point_to_stands_behind_them(tmp_path: Path) -> None:
    hints = {
        RECORD["pattern"]: "dust on the chuck; " * 20,
        "none": "nothing",
        "Donut": "\u6e90" * 99,
    }
    path, patterns = tmp_path / "out.txt", structs.replace(WM811K, hints=hints)
    sink = open_sink(ResultFormat.TABLE, path, hold_errors=9, patterns=patterns)
    for record in (RECORD, ERROR, RECORD, {**RECORD, "pattern": "Donut"}):
        sink.write(record)
    sink.close()
    text = path.read_text("utf-8")
    *_, errors, pointing = text.split("\n\n")
    assert errors.startswith("source")
    assert pointing.count("dust on the chuck;") == 20
    assert pointing.startswith("pattern ")
    assert pointing.count(RECORD["pattern"]) == 1
    assert "nothing" not in text
    assert pointing.count("\u6e90") == 99  # each two columns wide
    assert max(map(columns, text.splitlines())) <= 140


def test_what_is_nearly_sure_is_not_called_sure(tmp_path: Path) -> None:
    nearly = {**RECORD, "probability": 0.9996, "confidence": 1.0}
    lines = written(ResultFormat.TABLE, tmp_path / "out.txt", nearly).decode().split("\n")
    assert ">99.9 %" in lines[1]
    assert " 100.0 %" in lines[1]


def test_existing_file_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text("precious")
    with pytest.raises(UsageError, match=r"out\.jsonl: exists already.*--overwrite"):
        open_sink(ResultFormat.JSONL, path)
    assert path.read_text() == "precious"
    open_sink(ResultFormat.JSONL, path, overwrite=True).close()
    assert path.read_text() == ""
    with pytest.raises(OutputError, match="cannot be written"):
        open_sink(ResultFormat.JSONL, tmp_path / "missing" / "out.jsonl")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")  # noqa: PTH110
def test_full_disk_is_an_output_error_with_the_mend() -> None:
    sink = open_sink(ResultFormat.JSONL, Path("/dev/full"), overwrite=True)
    sink.write(RECORD)
    with pytest.raises(OutputError, match=r"/dev/full: cannot write any more \(No space left"):
        sink.close()


FILLING = """
import resource, sys
from pathlib import Path
from edge.errors import OutputError
from edge.results.writers import ResultFormat, open_sink
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
sink = open_sink(ResultFormat.JSONL, Path(sys.argv[1]))
try:
    for number in range(4000):
        sink.write({"source": f"{number}.png", "error": "x" * (number % 90), "kind": "empty"})
    sink.close()
except OutputError as error:
    print(error)
    sink.close()
"""


def test_full_disk_leaves_only_whole_lines(tmp_path: Path) -> None:
    """The limit falls inside a line; a block of many lines is then written in part."""
    path, limit = tmp_path / "out.jsonl", 100_001
    done = subprocess.run(
        [sys.executable, "-c", FILLING, str(path), str(limit)],
        capture_output=True,
        check=True,
        text=True,
    )
    assert "every line that stands there is whole" in done.stdout
    content = path.read_text("utf-8")
    assert content.endswith("\n")
    sources = [json.loads(line)["source"] for line in content.splitlines()]
    assert sources == [f"{number}.png" for number in range(len(sources))]
    assert limit - 200 < len(content) <= limit


def test_lines_wait_for_a_block_and_none_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    sink = open_sink(ResultFormat.JSONL, path)
    sink.write(ERROR)
    assert path.read_bytes() == b""
    for _ in range(2000):
        sink.write(ERROR)
    assert path.read_bytes().endswith(b"}\n")
    sink.close()
    assert path.read_bytes().count(b"\n") == 2001


def test_closed_standard_output_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(OutputError, match="standard output is closed"):
        open_sink(ResultFormat.JSONL, None)


def test_warnings_beyond_the_first_are_counted_in_a_table(tmp_path: Path) -> None:
    records = [{**RECORD, "legend": "file", "warning": f"{n} bins"} for n in range(23)]
    told = written(ResultFormat.TABLE, tmp_path / "out.txt", *records).decode()
    assert "19 bins" in told
    assert "20 bins" not in told
    assert "3 other wafers with a warning" in told
