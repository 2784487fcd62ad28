"""What a training starts from: a network rebuilt gives what the file or the run gave."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert.quantise import to_float_tflite
from edge.classification.classifier import Classifier
from edge.dataset.labelled_set import LabelledSet
from edge.errors import DataError, ModelError, UsageError, WmEdgeError
from edge.model import flatbuffer
from edge.model.metadata import Layout
from edge.model.model_file import ModelFile
from edge.wafer.encoding import to_shares
from tests.support.model_files import OLD, Change, changed, put
from train.batches import encode_all
from train.network.layout import layout_of
from train.network.networks import Head, build

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
keras = pytest.importorskip("keras")


@pytest.fixture(scope="module")
def planes(generated: LabelledSet) -> np.ndarray:
    return encode_all(generated.select(np.arange(0, 54, 3))).planes


def logits(model: Any, planes: np.ndarray) -> np.ndarray:
    return np.asarray(model(to_shares(planes), training=False))


def trained(network: str, head: Head, patterns: int = 5, layout: Layout | None = None) -> Any:
    """As if it were trained: every weight by chance, of a network that tells wafers apart."""
    keras.utils.set_random_seed(0)
    model = build(network, patterns=patterns, head=head, layout=layout)
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization | keras.layers.Dense):
            layer.set_weights([w + rng.uniform(0.1, 0.5, w.shape) for w in layer.get_weights()])
    return model


def test_dequantised_it_gives_the_logits_of_the_model_file(
    shipped: ModelFile, classifier: Classifier, planes: np.ndarray
) -> None:
    from train.network.rebuilt import rebuilt
    from train.start import read

    start = read("wm811k")
    assert (start.origin.name, start.origin.sha256) == (shipped.name, shipped.sha256)
    assert start.labels == shipped.labels
    model = rebuilt(start.network, len(start.labels), start.weights, start.layout)
    output = shipped.metadata.output
    of_file = np.stack([classifier.outputs(encoded)[0] for encoded in planes]).astype(int)
    of_float = np.rint(logits(model, planes) / output.scale) + output.zero_point
    steps = np.abs(np.clip(of_float, -128, 127) - of_file)
    assert np.median(steps) <= 1
    assert np.percentile(steps, 95) <= 4
    assert of_file.std(axis=0).min() > 10  # they tell wafers apart


@pytest.mark.parametrize("head", Head)
@pytest.mark.parametrize(
    ("network", "widths"), [("residual", ()), ("symmetric", ()), ("symmetric", (2, 3, 4))]
)
def test_plain_weights_make_the_trainable_network_again(
    network: str, widths: tuple[int, ...], head: Head, planes: np.ndarray
) -> None:
    from train.network.equivariant import written_out
    from train.network.rebuilt import folded, rebuilt
    from train.start import weights_of

    layout = layout_of(network, widths, (0, 2, 1) if widths else ())
    model = trained(network, head, layout=layout)
    plain = written_out(model)
    assert {type(layer).__module__.split(".")[0] for layer in plain.layers} == {"keras"}
    again = rebuilt(network, 5, tuple(folded(plain)), layout)
    assert [type(layer) for layer in again.layers] == [type(layer) for layer in model.layers]
    read = weights_of(flatbuffer.read(to_float_tflite(plain)), 5)
    of_file = rebuilt(network, 5, read, layout)
    wanted = logits(model, planes)
    for other in (plain, again, of_file):
        assert np.abs(logits(other, planes) - wanted).max() < 1e-3 * np.abs(wanted).max()


def test_norms_get_the_wafers_statistics_and_the_network_stays_what_it_is(
    planes: np.ndarray,
) -> None:
    from train.network.rebuilt import settle_norms

    model = trained("symmetric", Head.LAST)
    before, shares = logits(model, planes), to_shares(planes)
    settle_norms(model, [shares[:10], shares[10:]])
    assert np.abs(logits(model, planes) - before).max() < 1e-4 * np.abs(before).max()
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            seen = np.asarray(keras.Model(model.input, layer.input)(shares))
            free = seen.reshape(-1, layer.gamma.shape[0])
            _, _, mean, variance = layer.get_weights()
            assert mean == pytest.approx(free.mean(axis=0), rel=1e-3, abs=1e-4)
            assert variance == pytest.approx(free.var(axis=0), rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("head", Head)
@pytest.mark.parametrize("name", ["wm811k", str(OLD)], ids=["ships", "first"])
def test_it_starts_with_the_same_maps_and_all_patterns_alike(
    head: Head, name: str, planes: np.ndarray
) -> None:
    from train.network.equivariant import StandardDense
    from train.network.rebuilt import rebuilt, take_over
    from train.start import read

    start, shares = read(name), to_shares(planes)
    old = rebuilt(start.network, 9, start.weights, start.layout)
    new = build(start.network, patterns=5, head=head, layout=start.layout)
    take_over(new, start.weights, [shares[:10], shares[10:]])
    assert np.abs(logits(new, planes)).max() == 0
    before, after = (
        [
            np.asarray(keras.Model(model.input, layer.output)(shares))
            for layer in model.layers
            if isinstance(layer, keras.layers.ReLU)
        ]
        for model in (old, new)
    )
    for one, two in zip(before, after, strict=True):
        assert np.abs(one - two).max() < 1e-4 * one.max()
    for layer in new.layers:
        if isinstance(layer, StandardDense):
            pooled = np.asarray(keras.Model(new.input, layer.input)(shares))
            free = pooled.reshape(len(pooled), layer.copies, -1).mean(axis=1)
            assert free.mean(axis=0) == pytest.approx(np.asarray(layer.mean), rel=1e-3, abs=1e-5)
            assert free.std(axis=0) == pytest.approx(np.asarray(layer.spread), rel=1e-2, abs=1e-5)


LAYOUT = {"widths": [4, 6, 8], "blocks": [0, 1, 0], "strides": [2, 2, 2], "kernel": 4}


def mixed_up(document: dict[str, Any]) -> None:
    rows = document["selftest"]["logits"]
    document["selftest"]["logits"] = [row[::-1] for row in rows]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            put("network", "name", value="seed-final"),
            "a training starts from residual or symmetric",
        ),
        (put("network", "name", value="residual"), "which residual has not; start from the run"),
        (
            put("network", "layout", value={**LAYOUT, "widths": [600, 6, 8]}),
            r"widths\[0\] is 600, must be a whole number from 1 to 512; start from the run",
        ),
        (put("network", "layout", value={**LAYOUT, "blocks": [0, 1, 1]}), "has not; start from"),
        (mixed_up, "steps of int8 from its own; start from the run folder"),
    ],
)
def test_a_model_file_that_cannot_be_rebuilt_is_refused(
    first: Classifier, tmp_path: Path, change: Change, words: str
) -> None:
    from train.start import read

    path = tmp_path / "other.tflite"
    path.write_bytes(changed(first.model, change))
    with pytest.raises(ModelError, match=words) as caught:
        read(str(path))
    assert str(caught.value).startswith(str(path))


def unfinished(folder: Path) -> None:
    config = {"recipe": {"name": "quick"}}
    (folder / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (Path.rmdir, UsageError, "neither wm811k.* nor a model file or run folder"),
        (lambda _: None, DataError, "not a run folder"),
        (unfinished, DataError, "has not been finished; --resume goes on with it"),
    ],
)
def test_what_is_nothing_to_start_from_is_refused(
    tmp_path: Path, make: Callable[[Path], object], error: type[WmEdgeError], words: str
) -> None:
    from train.start import read

    folder = tmp_path / "run"
    folder.mkdir()
    make(folder)
    with pytest.raises(error, match=words):
        read(str(folder))
