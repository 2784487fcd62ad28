"""A whole conversion of a tiny network: what is written, and what a red gate leaves behind."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from convert import session
from convert.parity import Parity, compare
from convert.session import Source, convert
from edge import encoding
from edge.dataset import LabelledSet
from edge.errors import GateError, UsageError
from edge.model import load
from train.recipe import Recipe
from train.run import Run

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
keras = pytest.importorskip("keras")


@pytest.fixture(scope="module")
def divided(generated: LabelledSet) -> LabelledSet:
    parts = np.asarray(["train", "val", "test"])[generated.columns["lot"] % 3]
    return generated.with_columns(part=parts)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory, divided: LabelledSet) -> Source:
    layers = keras.layers
    keras.utils.set_random_seed(0)
    network = keras.Sequential(
        [
            keras.Input((encoding.SIZE, encoding.SIZE, encoding.PLANES)),
            layers.Conv2D(4, 3, strides=4, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(9),
        ]
    )
    config = {
        "recipe": Recipe("tiny").as_dict(),
        "data": "generated.npz",
        "data_sha256": divided.sha256(),
        "parts_sha256": divided.parts_sha256(),
        "split_by_lot": True,
        "tools": {"tensorflow": "1", "keras": "1"},
    }
    run = Run.create(tmp_path_factory.mktemp("convert") / "run", config)
    network.save(run.model_path)
    return Source(run.path, "tiny", "generated", [])


def evidence(out: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads(out.with_suffix(".parity.json").read_text("utf-8"))
    return found


def test_evidence_names_the_model_file_and_a_red_gate_none(
    source: Source, divided: LabelledSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "m.tflite"
    convert(source, divided, out, allowed_points=100)
    before = out.read_bytes()
    assert load(out).metadata["name"] == "tiny"
    digest = hashlib.sha256(before).hexdigest()
    assert evidence(out)["model_sha256"] == digest
    assert digest in out.with_suffix(".parity.md").read_text("utf-8")

    def red(*arguments: object) -> Parity:
        parity = compare(*arguments)  # type: ignore[arg-type]
        return replace(parity, lost={"Loc": (3, 0, 3)})

    monkeypatch.setattr(session, "compare", red)
    with pytest.raises(GateError, match="no model file was written, one that stands at"):
        convert(source, divided, out, overwrite=True)
    assert out.read_bytes() == before
    assert evidence(out)["model_sha256"] is None
    assert "No model file belongs to this" in out.with_suffix(".parity.md").read_text("utf-8")


@pytest.mark.parametrize("name", ["m.tflite", "m.parity.json", "m.parity.md"])
def test_existing_files_are_refused_before_the_work(
    source: Source, divided: LabelledSet, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_text("old")
    with pytest.raises(UsageError, match=f"{name}: exists already"):
        convert(source, divided, tmp_path / "m.tflite")
    assert [entry.name for entry in tmp_path.iterdir()] == [name]
