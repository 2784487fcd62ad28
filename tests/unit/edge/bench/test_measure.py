"""A whole benchmark: every kind of subject, and failures that stay where they are."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from edge.bench.measure import Plan, bench
from edge.bench.subject import STAGES
from edge.bench.table import render
from edge.dataset.labelled_set import LabelledSet
from edge.errors import ModelError, RuntimeUnavailableError, UsageError
from edge.model.float_network import beside
from edge.model.model_file import ModelFile
from edge.model.wheels import Backend
from tests.support.cli import python

PLAN = Plan(seconds=0.1, rounds=2, cold_starts=0, threads=(1,))

#: A small float network whose second output is the logits; as a run folder and as a .tflite;
#: argument: folder.
FLOAT_NETWORK = """
import sys
from pathlib import Path
import keras, tensorflow as tf
folder = Path(sys.argv[1])
wafer = keras.Input((52, 52, 2))
mean = keras.layers.GlobalAveragePooling2D()(wafer)
outputs = [keras.layers.Dense(4)(mean), keras.layers.Dense(9)(mean)]
network = keras.Model(wafer, outputs)
network.save(folder / "model.keras")
converter = tf.lite.TFLiteConverter.from_keras_model(network)
(folder / "float.tflite").write_bytes(converter.convert())
"""


@pytest.mark.skipif(find_spec("tensorflow") is None, reason="TensorFlow is not installed")
def test_int8_float_and_keras_are_measured_side_by_side(tmp_path: Path, shipped: ModelFile) -> None:
    made = python(FLOAT_NETWORK, tmp_path)
    assert made.code == 0, made.stderr
    report = bench(
        shipped,
        float_path=tmp_path / "float.tflite",
        run=tmp_path,
        backend=Backend.LITERT,
        plan=PLAN,
    )
    assert [row.name for row in report.rows] == ["int8 litert", "float litert", "float keras"]
    for row in report.rows:
        assert row.failure is None
        assert set(row.latency_us) == set(row.rounds_us) == set(STAGES)
        assert all(len(values) == PLAN.rounds for values in row.rounds_us.values())
        assert row.latency_us["decode"]["p50"] < row.latency_us["classify"]["p99"]
        assert row.wafers_per_second["1"] > 0
        assert row.macs_per_second
        assert row.peak_memory_mb
    assert report.rows[1].macs == report.rows[2].macs == 2 * (4 + 9)
    assert len(report.ratios) == 3
    assert "not the same network" in report.warnings[0]
    table = render(report)
    assert max(map(len, table.splitlines()[3:])) <= 80
    assert all(ratio.name in table for ratio in report.ratios)


def test_a_float_network_beside_the_model_file_is_found_and_its_failure_stays_its_own(
    tmp_path: Path, shipped: ModelFile, generated: LabelledSet
) -> None:
    copied = ModelFile(tmp_path / "mine.tflite", shipped.content, shipped.metadata)
    copied.path.write_bytes(shipped.content)
    beside(copied.path).write_bytes(b"damaged")
    steps: list[tuple[int, int]] = []
    report = bench(
        copied,
        labelled=generated,
        backend=Backend.LITERT,
        plan=PLAN,
        progress=lambda done, total: steps.append((done, total)),
    )
    good, bad = report.rows
    assert good.failure is None
    assert bad.failure is not None
    assert "mine.float.tflite: not a TFLite model" in bad.failure
    assert bad.failure in render(report)
    assert good.share_of_peak is not None
    assert 0 < good.share_of_peak < 2
    assert report.settings["wafers_from"] == "data"
    assert steps[-1][0] == steps[-1][1]
    assert json.loads(json.dumps(report.as_dict()))["subjects"][1]["failure"] == bad.failure


def test_what_does_not_exist_is_refused_before_any_work(tmp_path: Path, shipped: ModelFile) -> None:
    with pytest.raises(ModelError, match="check --float"):
        bench(shipped, float_path=tmp_path / "none.tflite")
    with pytest.raises(UsageError, match=r"no model\.keras"):
        bench(shipped, run=tmp_path)


def test_a_station_without_a_runtime_is_told_what_to_install(
    shipped: ModelFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.bench.measure.installed", lambda: dict.fromkeys(Backend))
    with pytest.raises(RuntimeUnavailableError, match="pip install ai-edge-litert"):
        bench(shipped)
