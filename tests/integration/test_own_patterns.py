"""Patterns of one's own, from class folders to a microcontroller: the same verdicts everywhere."""

from __future__ import annotations

import csv
import json
import re
import sqlite3
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from edge.dataset.reading import load as load_set
from edge.model.model_file import load
from edge.synth import round_grid, synthesise
from edge.wafer.patterns import PatternSet
from edge.wafer.wafermap import FAIL, DieGrid
from tests.support import broker as brokers
from tests.support.broker import Broker, Subscriber
from tests.support.cli import Finished, wm_edge
from tests.support.compilers import compiler, need, need_build, run
from tests.support.firmware import emulator, station
from tests.support.parts import BOARD_C
from tests.support.tflm import cmake, network_of

pytest.importorskip("tensorflow")

RECIPE: Final = """
about = "as small as can be"
[network]
name = "seed-final"
[augment]
turn = 0.5
[optimise]
epochs = 16
batch = 8
learning_rate = 3e-3
average = 0
"""

#: Name of a folder -> the generator of its wafers; a number draws stripes so far apart.
FIVE: Final[dict[str, str | int]] = {
    "Grid": 3,
    'Comet, "left"; 100%|=': "Scratch",
    "Ring": "Edge-Ring",
    "Fl\N{LATIN SMALL LETTER A WITH DIAERESIS}che 40 \N{MICRO SIGN}m \N{SNOWMAN}": "Loc",
    "ok": "none",
}
LONG: Final = "\N{CJK UNIFIED IDEOGRAPH-5708}" * 75
SETS: Final[dict[str, dict[str, str | int]]] = {
    "2": {"p_probability": "Edge-Ring", "Center": "Center"},
    "5": FIVE,
    "40": {f"class {n:02} {LONG}": 2 + n for n in range(40)},
}

#: What all of them must agree on, of each wafer.
SAME: Final = ("pattern", "verdict", "reason")


#: What TensorFlow, absl, XNNPACK and oneDNN log, in native code and in Python.
FOREIGN: Final = re.compile(
    r"^[IWEF]\d{4} .*|^(?:INFO|WARNING|ERROR):\S.*|"
    r".*(?:absl|oneDNN|cudart|XNNPACK|TensorFlow|AVX).*",
    re.MULTILINE,
)


def drawn(kind: str | int, rng: np.random.Generator) -> DieGrid:
    if isinstance(kind, str):
        return synthesise(kind, round_grid(26, 26), rng)
    dies = synthesise("none", round_grid(26, 26), rng)
    stripes = (np.arange(26) + rng.integers(kind)) % kind < 1 + kind // 8
    dies[:, stripes] *= FAIL
    return np.minimum(dies, FAIL)


def draw_folders(folder: Path, names: dict[str, str | int]) -> Path:
    rng = np.random.default_rng(0)
    for name, kind in names.items():
        (folder / name).mkdir(parents=True)
        for lot in range(6):
            for wafer in range(1 + 12 // len(names)):
                np.save(folder / name / f"L{lot}_{wafer}.npy", drawn(kind, rng))
    return folder


def done(*arguments: str | Path, cwd: Path) -> Finished:
    found = wm_edge(*arguments, cwd=cwd)
    assert found.code == 0, found.stderr
    assert not FOREIGN.findall(found.stderr)
    return found


@pytest.fixture(scope="module", params=SETS)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Class folders, the set of them, a run, and a model file with its evidence."""
    folder = tmp_path_factory.mktemp(f"own{request.param}")
    draw_folders(folder / "maps", SETS[request.param])
    (folder / "tiny.toml").write_text(RECIPE)
    none = () if request.param == "5" else ("--none", next(iter(SETS[request.param])))
    pattern = ("--name-pattern", "{lot}_{wafer}")
    done("dataset", "import", "maps", *none, *pattern, "--out", "all.npz", cwd=folder)
    done("dataset", "split", "all.npz", "--out", "own.npz", cwd=folder)
    done("train", "own.npz", "--recipe", "tiny.toml", "--out", "run", cwd=folder)
    how = ("--data", "own.npz", "--out", "own.tflite", "--name", "own", "--allow-drop", "100")
    done("convert", "run", *how, cwd=folder)
    return folder


@pytest.fixture(scope="module")
def records(folder: Path) -> list[dict[str, Any]]:
    how = ("--kernels", "reference", "--model", "own.tflite")
    found = done("classify", "maps", *how, "--format", "jsonl", cwd=folder).records
    return sorted(found, key=lambda record: record["source"])


def told(records: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [tuple(record[key] or None for key in SAME) for record in records]


def test_the_set_travels_with_its_names(folder: Path) -> None:
    patterns = load_set(folder / "own.npz").patterns
    model = load(folder / "own.tflite")
    names = {path.name for path in (folder / "maps").iterdir()}
    assert model.patterns == patterns
    assert set(model.labels) == set(patterns.names) == names
    assert patterns.none in names
    known = json.loads((folder / "run" / "config.json").read_text("utf-8"))["patterns"]
    assert PatternSet(**{**known, "names": tuple(known["names"])}) == patterns
    assert all(name in done("info", "own.tflite", cwd=folder).text for name in names)


def test_figures_gate_bench_and_report(folder: Path) -> None:
    model = ("--model", "own.tflite")
    done("evaluate", "maps", *model, "--write-baseline", "base.json", cwd=folder)
    how = ("evaluate", "maps", *model, "--baseline", "base.json", "--junit", "junit.xml")
    gate = wm_edge(*how, cwd=folder)  # red: it is judged on wafers that trained it
    assert {"failed  data", "failed  review-table"} >= set(
        re.findall("failed +[a-z-]+", gate.stderr)
    )
    labels = load(folder / "own.tflite").labels
    assert all(f"class-{name}" in gate.stderr for name in labels)
    held = json.loads((folder / "base.json").read_text("utf-8"))
    assert list(held["per_class"]) == held["confusion"]["labels"] == list(labels)
    done(
        "bench", *model, "--data", "own.npz", "--backend", "litert", "--seconds", "0.1", cwd=folder
    )
    report = wm_edge("report", "own.tflite", "--data", "maps", "--out", "again.html", cwd=folder)
    # So small a network never names some of many patterns, which a test part of few does not show.
    assert report.code == (4 if report.text.startswith("RED: never named: ") else 0), report.stderr
    assert not FOREIGN.findall(report.stderr)
    assert len(json.loads((folder / "again.json").read_text("utf-8"))["review"]["patterns"]) == len(
        labels
    )


def test_a_station_says_the_same_in_every_sink(
    folder: Path, records: list[dict[str, Any]], tmp_path: Path
) -> None:
    with ExitStack() as stack:
        url: list[str] = []
        if brokers.program():
            broker = stack.enter_context(Broker(tmp_path))
            subscriber = stack.enter_context(Subscriber(broker))
            subscriber.wait_ready()
            url = ["--mqtt", f"{broker.url}/own"]
        done(
            *("watch", "maps", "--once", "--kernels", "reference", "--model", "own.tflite", *url),
            *("--store", tmp_path / "s.sqlite", "--csv", tmp_path / "w.csv"),
            *("--jsonl", tmp_path / "w.jsonl"),
            cwd=folder,
        )
        if url:
            sent = [message.record for message in subscriber.wait(len(records), "results")]
            assert told(sorted(sent, key=lambda one: one["source"])) == told(records)
    lines = (tmp_path / "w.jsonl").read_text("utf-8").splitlines()
    appended = sorted(map(json.loads, lines), key=lambda one: one["source"])
    assert told(appended) == told(records)
    assert [one["probabilities"] for one in appended] == [one["probabilities"] for one in records]
    with (tmp_path / "w.csv").open(encoding="utf-8", newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: row["source"])
    assert told(rows) == told(records)
    for row, record in zip(rows, records, strict=True):
        assert {name: float(row[f"p_{name}"]) for name in record["probabilities"]} == (
            record["probabilities"]
        )
    with closing(sqlite3.connect(tmp_path / "s.sqlite")) as store:
        kept = store.execute("SELECT pattern, verdict, reason FROM results ORDER BY source")
        assert [(a, b, c or None) for a, b, c in kept] == told(records)


def test_a_threshold_is_named_in_any_spelling(folder: Path) -> None:
    name = load(folder / "own.tflite").labels[0]
    how = ("classify", "maps", "--model", "own.tflite", "--format", "jsonl", "--review-below")
    found = done(*how, f"{name.upper()}=1", cwd=folder).records
    assert all(one["below"] == 1 for one in found if one["pattern"] == name)
    refused = wm_edge(*how, "Spiral=1", cwd=folder)
    assert refused.code == 2
    assert "unknown pattern 'Spiral'" in refused.stderr


def test_a_microcontroller_says_the_same(folder: Path, records: list[dict[str, Any]]) -> None:
    done("export-firmware", "own.tflite", "fw", cwd=folder)
    program = station(folder / "fw", folder / "station", cc=compiler(), around=["port_host.c"])
    how = ("serial", "--exec", str(program), "maps", "--model", "own.tflite")
    found = done(*how, "--format", "jsonl", cwd=folder).records
    assert told(sorted(found, key=lambda one: one["source"])) == told(records)


def test_an_emulated_board_says_the_same(folder: Path, records: list[dict[str, Any]]) -> None:
    need_build(BOARD_C)
    need("qemu-system-arm", package="qemu-system-arm")
    make = need("make", package="make")
    done("export-firmware", "own.tflite", "board", cwd=folder)
    assert "PASS\n" in run([make, "-j2", "m3", "selftest-m3"], cwd=folder / "board")
    some = records[:: len(records) // 6]
    command = emulator(folder / "board" / "build" / "m3-station.elf", "m3")
    how = ("serial", "--exec", command, "--model", "own.tflite", "--format", "jsonl")
    found = done(*how, *(one["source"] for one in some), cwd=folder).records
    assert told(found) == told(some)


def test_tflite_micro_knows_the_names_and_sizes(
    folder: Path, records: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a stand-in of its interpreter; a station answers when all golden wafers are right."""
    done("export-firmware", "own.tflite", "micro", "--rounding", "micro", cwd=folder)
    done("export-firmware", "own.tflite", "tflm", "--target", "tflm", cwd=folder)
    cmake(folder / "tflm", folder / "tflm" / "build")
    monkeypatch.setenv("WM_STAND_IN", str(network_of(folder / "micro")))
    command = str(folder / "tflm" / "build" / "wm_station")
    how = ("serial", "--exec", command, "--model", "own.tflite", "--format", "jsonl")
    (found,) = done(*how, records[0]["source"], cwd=folder).records
    assert list(found["probabilities"]) == list(load(folder / "own.tflite").labels)
