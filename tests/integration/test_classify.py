"""``wm-edge classify`` as a station meets it: bad files, full disks, pipes that close, Ctrl-C."""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
import signal
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.dataset.labelled_set import LabelledSet
from edge.wafer.patterns import PATTERNS
from tests.support.cli import (
    TIMEOUT,
    Finished,
    command,
    environment,
    limit_file_size,
    obey_permissions,
    parse_lines,
    python,
    wm_edge,
)
from tests.support.wafers import BAD, ODD_NAMES, small_set, write_bad, write_good

FIELDS = {
    "source", "index", "lot", "wafer", "pattern", "probability", "probabilities", "verdict",
    "reason", "confidence", "below", "unfamiliarity", "mixture", "dies", "fails", "model",
    "symmetries", "latency_us",
}  # fmt: skip

#: Lines long enough together that output is cut in the middle of one.
MANY = 120


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("good")
    write_good(folder)
    return folder


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Good and bad wafers in one folder, and a folder that nobody may read."""
    folder = tmp_path_factory.mktemp("mixed")
    write_good(folder)
    write_bad(folder)
    locked = folder / "locked"
    write_good(locked)
    locked.chmod(0)
    return folder


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A labelled set: many records from one short command."""
    path = tmp_path_factory.mktemp("many") / "many.npz"
    small_set(MANY // len(PATTERNS) + 1).save(path)
    return path


@pytest.fixture(scope="module")
def mixed_run(mixed: Path) -> Finished:
    return wm_edge("classify", mixed, before=obey_permissions())


def without_latency(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in record.items() if k != "latency_us"} for record in records]


# Bad input


def test_bad_files_give_exit_code_1_and_a_summary(mixed_run: Finished) -> None:
    assert mixed_run.code == 1
    errors = len(BAD) + 1  # the locked folder
    assert f"{errors} could not be read" in mixed_run.stderr
    assert "Traceback" not in mixed_run.stderr


@pytest.mark.parametrize("name", BAD)
def test_bad_file_gets_one_record_with_kind_and_mend(mixed_run: Finished, name: str) -> None:
    (record,) = [r for r in mixed_run.records if Path(r["source"]).name == name]
    kind, mend = BAD[name]
    assert set(record) == {"source", "error", "kind"}
    assert record["kind"] == kind
    assert mend in record["error"]


def test_locked_folder_gets_one_record(mixed_run: Finished, mixed: Path) -> None:
    (record,) = [r for r in mixed_run.records if "locked" in r["source"]]
    assert record["source"] == str(mixed / "locked")
    assert record["kind"] == "permission"
    assert "ask its owner" in record["error"]


def test_every_good_wafer_is_classified_beside_the_bad_ones(
    mixed_run: Finished, mixed: Path
) -> None:
    classified = {r["source"] for r in mixed_run.records if "pattern" in r}
    names = {entry.name for entry in mixed.iterdir() if entry.is_file()} - set(BAD)
    assert set(ODD_NAMES) < names
    assert classified == {str(mixed / name) for name in names}
    assert len(mixed_run.records) == len(names) + len(BAD) + 1


def test_record_has_all_fields(mixed_run: Finished) -> None:
    for record in mixed_run.records:
        if "error" in record:
            continue
        assert set(record) == FIELDS
        assert list(record["probabilities"]) == list(PATTERNS)
        assert sum(record["probabilities"].values()) == pytest.approx(1, abs=1e-5)
        assert record["probability"] == max(record["probabilities"].values())
        assert record["probability"] == record["probabilities"][record["pattern"]]
        assert 0 <= record["fails"] <= record["dies"]
        assert (record["verdict"] == "review") == (record["reason"] is not None)
        assert 0 < record["confidence"] <= 1
        assert record["unfamiliarity"] > 0
        assert 0 <= record["mixture"] <= 1


def test_every_bad_file_alone_is_code_1_and_not_a_crash(mixed: Path, tmp_path: Path) -> None:
    for name in ("truncated.png", "object.npy", "20000x20000.png"):
        done = wm_edge("classify", mixed / name)
        assert (done.code, len(done.records)) == (1, 1), name


def test_one_by_one_die_is_for_a_person(tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text("2\n", "utf-8")
    done = wm_edge("classify", tmp_path)
    assert done.code == 0
    assert (done.records[0]["verdict"], done.records[0]["reason"]) == ("review", "few-dies")


def test_missing_file_and_pattern_without_match(good: Path) -> None:
    done = wm_edge("classify", good / "nowhere.png", f"{good}/*.nothing", good / "Loc-00001.png")
    assert done.code == 1
    assert [r.get("kind") for r in done.records] == ["missing", "missing", None]


def test_same_file_twice_is_one_wafer(good: Path) -> None:
    picture = good / "Loc-00001.png"
    done = wm_edge("classify", picture, picture, f"{good}/./Loc-00001.png")
    assert (done.code, len(done.records)) == (0, 1)
    done = wm_edge("classify", picture, good)
    assert len(done.records) == len(list(good.iterdir()))


def test_glob_and_file_names_that_look_like_options_or_patterns(good: Path) -> None:
    done = wm_edge("classify", "Edge-*.png", "[1].png", "--", "-dash.png", cwd=good)
    assert done.code == 0
    sources = [r["source"] for r in done.records]
    assert sources == ["Edge-Loc-00001.png", "Edge-Ring-00001.png", "[1].png", "-dash.png"]


def test_fail_fast_stops_at_the_first_bad_file(mixed: Path) -> None:
    done = wm_edge("classify", mixed, "--fail-fast", before=obey_permissions())
    assert done.code == 1
    assert [("error" in r) for r in done.records].count(True) == 1
    assert "error" in done.records[-1]


# A disk that is full


def test_full_disk_is_one_clear_error(good: Path) -> None:
    done = wm_edge("classify", good, "--output", "/dev/full", "--overwrite")
    assert done.code == 1
    assert done.stdout == b""
    assert "/dev/full: cannot write any more" in done.stderr
    assert "free some space" in done.stderr
    assert "Traceback" not in done.stderr


def test_full_disk_behind_stdout_is_one_clear_error(good: Path) -> None:
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        done = subprocess.run(
            [*command(), "classify", str(good)],
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=TIMEOUT,
            check=False,
        )
    assert done.returncode == 1
    assert b"standard output: cannot write any more" in done.stderr
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_results_written_before_the_disk_was_full_stay_whole(
    many: Path, tmp_path: Path, kind: str
) -> None:
    output = tmp_path / f"results.{kind}"
    limit = 20_001
    done = wm_edge("classify", many, "--format", kind, "-o", output, before=limit_file_size(limit))
    assert done.code == 1
    assert "free some space" in done.stderr
    content = output.read_bytes()
    assert limit - 1000 < len(content) <= limit
    assert content.endswith(b"\n")
    if kind == "jsonl":
        assert [r["index"] for r in parse_lines(content)] == list(range(content.count(b"\n")))
    else:
        rows = list(csv.reader(io.StringIO(content.decode())))
        assert {len(row) for row in rows} == {len(rows[0])}


# What is written, and where


def test_output_file_holds_what_stdout_would(good: Path, tmp_path: Path) -> None:
    output = tmp_path / "results.jsonl"
    done = wm_edge("classify", good, "--output", output)
    assert (done.code, done.stdout) == (0, b"")
    printed = wm_edge("classify", good)
    assert without_latency(parse_lines(output.read_bytes())) == without_latency(printed.records)


def test_output_is_not_overwritten_unless_told(good: Path, tmp_path: Path) -> None:
    output = tmp_path / "results.jsonl"
    output.write_text("precious\n", "utf-8")
    done = wm_edge("classify", good, "--output", output)
    assert done.code == 2
    assert "--overwrite" in done.stderr
    assert output.read_text("utf-8") == "precious\n"
    assert wm_edge("classify", good, "--output", output, "--overwrite").code == 0
    assert len(parse_lines(output.read_bytes())) == len(list(good.iterdir()))


@pytest.mark.parametrize("output", ["a.png", "./a.png", "soft.png", "hard.png"])
@pytest.mark.parametrize("overwrite", [["--overwrite"], []])
def test_output_over_an_input_is_refused(
    good: Path, tmp_path: Path, output: str, overwrite: list[str]
) -> None:
    before = (good / "Loc-00001.png").read_bytes()
    (tmp_path / "a.png").write_bytes(before)
    (tmp_path / "soft.png").symlink_to("a.png")
    (tmp_path / "hard.png").hardlink_to(tmp_path / "a.png")
    done = wm_edge("classify", good, "a.png", "-o", output, *overwrite, cwd=tmp_path)
    assert (done.code, done.stdout) == (2, b"")
    assert "is one of the inputs" in done.stderr
    assert (tmp_path / "a.png").read_bytes() == before


@pytest.mark.parametrize("threads", [[], ["--threads", "2"]])
def test_output_in_a_scanned_folder_is_not_read(
    good: Path, tmp_path: Path, threads: list[str]
) -> None:
    lot = tmp_path / "lot"
    for folder in (lot, lot / "later"):
        folder.mkdir()
        shutil.copy(good / "Loc-00001.png", folder)
    output = lot / "later" / "out.csv"
    for overwrite in ([], ["--overwrite"]):
        done = wm_edge("classify", lot, "-f", "csv", "-o", output, *overwrite, *threads)
        assert done.code == 0, done.stderr
        rows = list(csv.DictReader(io.StringIO(output.read_text("utf-8"))))
        assert [Path(row["source"]).name for row in rows] == ["Loc-00001.png"] * 2


def test_csv(mixed: Path, mixed_run: Finished) -> None:
    done = wm_edge("classify", mixed, "--format", "csv", before=obey_permissions())
    rows = list(csv.DictReader(io.StringIO(done.text)))
    assert done.code == 1
    assert len(rows) == len(mixed_run.records)
    for row, record in zip(rows, mixed_run.records, strict=True):
        # A spreadsheet would take a name that starts with a dash for a formula.
        assert row["source"].lstrip("'") == record["source"]
        assert row["kind"] == record.get("kind", "")
        assert row["pattern"] == record.get("pattern", "")
        if "pattern" in record:
            assert float(row["p_Donut"]) == record["probabilities"]["Donut"]


def test_table(mixed: Path, mixed_run: Finished) -> None:
    done = wm_edge("classify", mixed, "--format", "table", before=obey_permissions())
    lines = done.text.splitlines()
    results, errors = lines[: lines.index("")], lines[lines.index("") + 1 :]
    assert len(results) == 1 + sum("error" not in record for record in mixed_run.records)
    assert results[0].split()[:2] == ["source", "pattern"]
    assert errors[0].split() == ["source", "could", "not", "be", "read"]
    # Only the first line of an error names its source.
    names = [line for line in errors[1:] if not line.startswith(" ")]
    assert len(names) == sum("error" in record for record in mixed_run.records)
    assert "\033" not in done.text


def test_table_on_a_terminal_in_colour(good: Path) -> None:
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [*command(), "classify", str(good / "Loc-00001.png"), "--quiet"],
        env=environment(TERM="xterm"),
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    try:
        while block := os.read(ours, 4096):
            shown += block
    except OSError:  # how Linux says that the other side has closed
        pass
    os.close(ours)
    assert child.wait(TIMEOUT) == 0
    assert b"Loc-00001.png" in shown
    assert b"\033[1msource" in shown


def test_top_k_keeps_the_most_probable(good: Path) -> None:
    full = wm_edge("classify", good).records
    short = wm_edge("classify", good, "--top-k", "2").records
    for long_record, record in zip(full, short, strict=True):
        ranked = sorted(long_record["probabilities"].items(), key=lambda entry: -entry[1])
        assert list(record["probabilities"].values()) == [value for _, value in ranked[:2]]
        assert record["pattern"] == long_record["pattern"]


def test_review_below_and_costs_decide_instead_of_the_model_file(good: Path) -> None:
    """Two thresholds that nothing and everything reaches; the last one wins over the costs."""
    plain = wm_edge("classify", good).records
    other = ("unfamiliar", "mixed", "few-dies")
    for arguments, reviewed in (
        (["--review-below", "1"], set(PATTERNS)),
        (["--review-below", "1", "--review-below", "Loc=0"], set(PATTERNS) - {"Loc"}),
        (["--cost-table", "1:1:0"], set(PATTERNS)),
        (["--cost-table", "1:0:0"], {"none"}),
        (["--cost-table", "1:1:0", "--review-below", "0"], set()),
    ):
        done = wm_edge("classify", good, "--threads", "1", *arguments)
        assert done.code == 0
        for record, before in zip(done.records, plain, strict=True):
            assert record["probabilities"] == before["probabilities"]
            kept = before["reason"] if before["reason"] in other else None
            low = "low-confidence" if record["pattern"] in reviewed else None
            assert record["reason"] == (kept or low), arguments


def test_two_threads_give_the_same_records(mixed: Path, many: Path, mixed_run: Finished) -> None:
    done = wm_edge("classify", mixed, "--threads", "2", before=obey_permissions())
    assert done.code == 1
    assert without_latency(done.records) == without_latency(mixed_run.records)
    one, two = (wm_edge("classify", many, "--threads", count) for count in ("1", "2"))
    assert without_latency(one.records) == without_latency(two.records)


def test_average_symmetries_is_recorded_and_does_not_depend_on_the_view(tmp_path: Path) -> None:
    grid = small_set(1).grid(PATTERNS.index("Scratch"))
    for name, view in (("plain", grid), ("turned", grid[::-1].T)):
        text = "\n".join(",".join(map(str, row)) for row in view.tolist())
        (tmp_path / f"{name}.csv").write_text(text + "\n", "utf-8")
    done = wm_edge("classify", tmp_path, "--average-symmetries")
    assert done.code == 0
    first, second = done.records
    assert first["symmetries"] == second["symmetries"] == 8
    assert first["probabilities"] == pytest.approx(second["probabilities"], abs=1e-5)
    assert wm_edge("classify", tmp_path).records[0]["symmetries"] == 1


def test_wafers_of_a_labelled_set_are_numbered(many: Path) -> None:
    records = wm_edge("classify", many).records
    assert [record["index"] for record in records] == list(range(len(records)))
    assert {record["source"] for record in records} == {str(many)}


@pytest.mark.parametrize("threads", ["1", "2"])
def test_a_wafer_through_a_pipe(good: Path, threads: str) -> None:
    path = min(good.glob("*.png"))
    arguments = ["classify", "-", str(path), "--threads", threads, "--quiet"]
    done = subprocess.run(
        [*command(), *arguments],
        input=path.read_bytes(),
        capture_output=True,
        env=environment(),
        timeout=TIMEOUT,
        check=True,
    )
    piped, named = parse_lines(done.stdout)
    assert (piped["source"], named["source"]) == ("-", str(path))
    assert piped["probabilities"] == named["probabilities"]


@pytest.mark.parametrize("setting", [{}, {"WM_EDGE_NATIVE_LOG": "1"}])
def test_native_log_lines_never_reach_stdout(good: Path, setting: dict[str, str]) -> None:
    done = wm_edge("classify", good / "Loc-00001.png", env={"TF_CPP_MIN_LOG_LEVEL": "0", **setting})
    assert done.code == 0
    assert len(done.records) == 1
    if not setting:
        assert done.stderr.count("\n") == 1, "the summary alone"


# Pipes and signals


def test_reader_that_goes_away_ends_it_quietly(many: Path) -> None:
    child = subprocess.Popen(
        [*command(), "classify", str(many), "--quiet"],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert child.stdout
    assert child.stderr
    child.stdout.close()
    assert child.stderr.read() == b""
    assert child.wait(TIMEOUT) == 0


def test_head_shows_one_whole_line(many: Path) -> None:
    shell = shutil.which("sh")
    assert shell
    script = 'data=$1; shift; "$@" classify "$data" --quiet | head -n 1'
    done = subprocess.run(
        [shell, "-c", script, "sh", str(many), *command()],
        env=environment(),
        capture_output=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.stderr == b""
    assert len(parse_lines(done.stdout)) == 1


def test_ctrl_c_ends_with_130_and_whole_lines(good: Path, tmp_path: Path) -> None:
    """Interrupted in the midst of a folder with far more files than can be done meanwhile."""
    folder = tmp_path / "long"
    folder.mkdir()
    for number in range(20_000):
        os.link(good / "Loc-00001.png", folder / f"{number}.png")
    output = tmp_path / "results.jsonl"
    child = subprocess.Popen(
        [*command(), "classify", str(folder), "-o", str(output)],
        env=environment(),
        stderr=subprocess.PIPE,
        # A suite that runs in the background ignores SIGINT, and its children would too.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )
    deadline = time.monotonic() + TIMEOUT
    while not (output.exists() and output.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.02)
    child.send_signal(signal.SIGINT)
    _, stderr = child.communicate(timeout=TIMEOUT)
    assert child.returncode == 130, stderr
    said, stopped = filter(None, stderr.decode().splitlines())
    assert stopped == "wm-edge: stopped"
    told = re.fullmatch(f"{re.escape(str(output))}: holds ([0-9]+) records of .* begins anew", said)
    assert told
    records = parse_lines(output.read_bytes())
    assert 0 < len(records) < 20_000
    assert abs(len(records) - int(told[1])) <= 1  # one may just have been written
    sources = [Path(record["source"]).name for record in records]
    assert sources == [f"{number}.png" for number in range(len(records))]


# Exit codes


def test_usage_errors_are_code_2(good: Path) -> None:
    for arguments in (
        ["classify"],
        ["classify", good, "--top-k", "0"],
        ["classify", good, "--format", "xml"],
        ["classify", good, "--no-such-option"],
        ["classify", good, "--review-below", "nan"],
        ["classify", good, "--cost-table", "20:5"],
        ["classify", good, "--cost-table", "20:5:-1"],
        ["no-such-verb"],
    ):
        done = wm_edge(*arguments)
        assert done.code == 2, arguments
        assert done.stdout == b""
        assert "Traceback" not in done.stderr
        assert "Usage: " in done.stderr
    done = wm_edge("classify", good, "--review-below", "Ring=0.5")
    assert (done.code, done.stdout) == (2, b"")
    assert "below: unknown pattern 'Ring'; this model file knows Center, Donut" in done.stderr
    done = wm_edge("classify", good, env={"WM_EDGE_BACKEND": "abacus"})
    assert done.code == 2
    assert "litert" in done.stderr


@pytest.mark.skipif(find_spec("tflite_runtime") is not None, reason="tflite-runtime is installed")
@pytest.mark.parametrize("forced", ["environment", "option"])
def test_no_runtime_is_code_3_with_the_pip_line(good: Path, forced: str) -> None:
    if forced == "environment":
        done = wm_edge("classify", good, env={"WM_EDGE_BACKEND": "tflite"})
    else:
        done = wm_edge("classify", good, "--backend", "tflite")
    assert done.code == 3
    assert done.stdout == b""
    assert "pip install tflite-runtime 'numpy<2'" in done.stderr
    assert "Traceback" not in done.stderr


def test_unusable_model_is_code_3(good: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare.tflite"
    bare.write_bytes(b"\x1c\0\0\0TFL3" + bytes(64))
    for model, reason in (
        (tmp_path / "missing.tflite", "cannot be read"),
        (good / "Loc-00001.png", "not a TFLite model"),
        (bare, "carries no metadata"),
    ):
        done = wm_edge("classify", good, "--model", model)
        assert (done.code, done.stdout) == (3, b"")
        assert str(model) in done.stderr
        assert reason in done.stderr


def test_works_where_stdout_is_a_closed_descriptor(good: Path, tmp_path: Path) -> None:
    """A service may start it without standard streams."""
    output = tmp_path / "results.jsonl"
    code = "import os, sys; os.closerange(0, 3); os.execv(sys.argv[1], sys.argv[1:])"
    done = python(code, *command(), "classify", good / "Loc-00001.png", "-o", output)
    assert done.code == 0
    assert len(parse_lines(output.read_bytes())) == 1


# Names


def test_lots_from_names_are_counted_where_they_do_not_fit(
    tmp_path: Path, generated: LabelledSet
) -> None:
    (tmp_path / "A123").mkdir()
    for name in ("A123/07.npy", "A123/08.npy", "odd.npy", "odder.npy"):
        np.save(tmp_path / name, generated.grid(0))
    finished = wm_edge("classify", ".", "--name-pattern", "{lot}/{wafer}.*", cwd=tmp_path)
    assert finished.code == 0
    assert [(r["source"], r["lot"], r["wafer"]) for r in finished.records] == [
        ("odd.npy", None, None),
        ("odder.npy", None, None),
        ("A123/07.npy", "A123", "07"),
        ("A123/08.npy", "A123", "08"),
    ]
    assert finished.stderr.count("odd.npy does not fit the name pattern {lot}/{wafer}.*") == 1
    assert "2 with a name that does not fit the pattern" in finished.stderr
    wrong = wm_edge("classify", ".", "--name-pattern", "{lot}{wafer}", cwd=tmp_path)
    assert wrong.code == 2
    assert "position 6: {wafer} follows {lot} at once" in wrong.stderr
