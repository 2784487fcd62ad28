"""Training on each backend of Keras in a process of its own: the same run folder comes of it."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from convert.session import load_tensorflow
from edge.errors import UsageError
from edge.synth import round_grid
from edge.wafer.patterns import PATTERNS
from tests.support.cli import environment, wm_edge
from train import backend
from train.run import Run
from train.synth.sets import synthetic_set

RECIPE = """
[network]
name = "symmetric"
widths = [2, 2]
blocks = [0, 1]
[optimise]
epochs = 1
batch = 32
learning_rate = 1e-2
average = 0.5
"""


def wanted(name: str) -> Any:
    missing = importlib.util.find_spec(name) is None
    return pytest.param(name, marks=pytest.mark.skipif(missing, reason=f"{name} is not installed"))


@pytest.mark.parametrize("name", [wanted("jax"), wanted("torch")])
def test_a_run_is_the_same_folder_and_goes_on_where_it_began(name: str, tmp_path: Path) -> None:
    made = synthetic_set(dict.fromkeys(PATTERNS, 12), [round_grid(15, 15)], seed=5)
    made = made.with_columns(lot=np.arange(len(made), dtype=np.int32) % 36)
    made.save(tmp_path / "wafers.npz")
    (tmp_path / "tiny.toml").write_text(RECIPE)
    run, env = tmp_path / "run", environment(KERAS_BACKEND=name)
    arguments = ["train", tmp_path / "wafers.npz", "--recipe", tmp_path / "tiny.toml", "--out", run]
    done = wm_edge(*arguments, env=env)
    assert done.code == 0, done.stderr
    found = Run.open(run)
    assert name in found.config["tools"]
    assert "tensorflow" not in found.config["tools"]
    [entry] = json.loads((run / "history.json").read_text())
    assert np.isfinite([*entry.values()]).all()
    network = found.load_model()  # on TensorFlow, as conversion loads it
    again = np.asarray(network(np.zeros((1, 52, 52, 2), np.float32)))
    assert again.shape == (1, 9)
    assert any(np.asarray(weight).any() for weight in network.weights)


def test_a_run_is_not_resumed_on_another_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    config = {"tools": {"torch": "2", "keras": "3"}}
    with pytest.raises(UsageError, match=r"started on torch, .*resume with KERAS_BACKEND=torch"):
        backend.check_same(Path("run"), config)
    monkeypatch.setattr(backend, "chosen", lambda: "torch")
    backend.check_same(Path("run"), config)
    backend.check_same(Path("older"), {"tools": {}})


def test_it_is_chosen_as_keras_chooses_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(backend.sys.modules, "keras", raising=False)
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert backend.chosen() == "tensorflow"
    (tmp_path / "keras.json").write_text('{"backend": "jax"}')
    assert backend.chosen() == "jax"
    (tmp_path / "keras.json").write_text("[broken")
    assert backend.chosen() == "tensorflow"
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    assert backend.chosen() == "torch"
    monkeypatch.setenv("KERAS_BACKEND", "numpy")
    with pytest.raises(UsageError, match=r"'numpy'.*runs on tensorflow, jax, torch"):
        backend.chosen()
    monkeypatch.setattr(backend, "BACKENDS", (*backend.BACKENDS, "numpy_not_there"))
    monkeypatch.setenv("KERAS_BACKEND", "numpy_not_there")
    with pytest.raises(UsageError, match=r"not installed; .*wm-edge\[train-numpy_not_there\]"):
        backend.installed()


def test_conversion_wants_tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    keras = pytest.importorskip("keras")
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    load_tensorflow()
    assert os.environ["KERAS_BACKEND"] == "tensorflow"
    monkeypatch.setattr(keras, "backend", SimpleNamespace(backend=lambda: "jax"))
    with pytest.raises(UsageError, match="runs on jax in this process"):
        load_tensorflow()
