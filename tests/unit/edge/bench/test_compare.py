"""What an earlier run is compared with, and what is refused as one."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from edge.bench.compare import benchmark, changes, differences, read
from edge.bench.figures import Peak, Report, Row
from edge.bench.ratios import ratios
from edge.bench.subject import STAGES, SubjectKind
from edge.errors import UsageError

ROW = Row(
    "int8 litert",
    SubjectKind.INT8,
    latency_us={stage: {"p50": 50.0, "p95": 60.0, "p99": 70.0} for stage in STAGES},
    rounds_us={stage: [50.0] for stage in STAGES},
    wafers_per_second={"1": 8000.0},
    cold_start_ms=200.0,
    peak_memory_mb=70.0,
)
REPORT = Report(
    {"cpu": "A", "processors": 2, "python": "3.11.0", "versions": {"numpy": "2.0"}},
    {"name": "m@1", "sha256": "1"},
    {"seconds": 5.0, "wafers_sha256": "w"},
    Peak(1),
    [ROW],
    ratios([ROW]),
).as_dict()


def changed(*keys: Any, value: Any) -> dict[str, Any]:
    data = copy.deepcopy(REPORT)
    place: Any = data
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    return data


def test_every_figure_is_compared_by_its_ratio() -> None:
    now = changed("subjects", 0, "latency_us", "invoke", "p50", value=75.0)
    found = {one.name: one.ratio for one in changes(benchmark(REPORT), benchmark(now))}
    assert found.pop("int8 litert, invoke p50, µs") == pytest.approx(1.5)
    assert found["int8 litert, wafers/s with 1 threads"] == 1
    assert found["int8 litert, classify / (encode + invoke)"] == 1
    assert len(found) == 3 * len(STAGES) + 3
    assert set(found.values()) == {1.0}


def test_what_only_one_run_has_is_listed_without_a_ratio() -> None:
    found = changes(benchmark(REPORT), benchmark(changed("subjects", value=[])))
    missing = [change for change in found if change.now is None]
    assert len(missing) == len(benchmark(REPORT).figures()) - len(REPORT["ratios"])
    assert all(change.ratio is None for change in missing)


@pytest.mark.parametrize(
    ("keys", "value", "word"),
    [
        (("machine", "cpu"), "B", "another processor: A before, B now"),
        (("machine", "processors"), 4, "number of processors"),
        (("machine", "versions"), {}, "library versions"),
        (("model", "sha256"), "2", "another model file"),
        (("settings", "wafers_sha256"), "v", "other wafers"),
        (("settings", "seconds"), 1.0, "another time: 5.0 s before"),
    ],
)
def test_another_machine_model_or_setting_is_said(keys: Any, value: Any, word: str) -> None:
    before = benchmark(REPORT)
    assert differences(before, before) == []
    found = differences(before, benchmark(changed(*keys, value=value)))
    assert len(found) == 1
    assert word in found[0]


def test_a_written_report_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "bench.json"
    path.write_text(json.dumps(REPORT), "utf-8")
    assert read(path) == benchmark(REPORT)


def test_a_report_written_before_it_was_a_struct_is_read() -> None:
    found = read(Path(__file__).parents[3] / "data" / "before" / "bench.json")
    assert found.machine.cpu == "a processor"
    assert found.figures()["int8 litert, classify p50, µs"] > 0


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not JSON"),
        ("\x80", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "does not say"),
        ('{"format": "wm-edge evaluate"}', "does not say"),
        (json.dumps(changed("version", value=2)), "version is 2"),
        (json.dumps(changed("subjects", value=None)), "malformed"),
        (json.dumps(changed("subjects", value=[3])), "malformed"),
        (json.dumps(changed("machine", value=[])), "malformed"),
        (json.dumps(changed("subjects", 0, "cold_start_ms", value="fast")), "malformed"),
        (json.dumps(changed("subjects", 0, "cold_start_ms", value=float("nan"))), "malformed"),
        (json.dumps(changed("ratios", 0, "value", value=True)), "malformed"),
    ],
)
def test_anything_else_is_refused_by_name(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "other.json"
    path.write_text(text, "latin-1")
    with pytest.raises(UsageError, match=why) as refusal:
        read(path)
    assert "other.json" in str(refusal.value)
    assert "wm-edge bench --json" in str(refusal.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(UsageError, match="--compare"):
            read(path)
